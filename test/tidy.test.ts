import { assert, describe, it } from "@effect/vitest"
import { moduleOf, type Module } from "./support/modules.ts"
import { files, read } from "./support/repo.ts"
import { roomOf, rooms } from "./support/rooms.ts"

const mayUseNode = /^src\/(node|cli)\/|^src\/bin\.ts$/
const isEdge = /^src\/(bin|cli\/Main)\.ts$/
const isPublic = (path: string) => /^src\/(?:(?:node|testing|image|render|linux|fleet)\/)?[A-Z]\w*\.ts$/.test(path)
const isBarrel = (path: string) => /^src\/(?:(?:node|testing|linux|fleet)\/)?index\.ts$/.test(path)
const isTest = (path: string) => /\.(test|test-d)\.ts$/.test(path)

type Rule = (module: Module) => ReadonlyArray<string>

const rules: Readonly<Record<string, Rule>> = {
  "a room imports from the rooms that the table gives it": (module) => {
    const from = roomOf(module.path)
    if (from === undefined) return ["stands in no room"]
    const isInternal = module.path.startsWith("src/internal/")
    return module.imports
      .filter(({ to, typeOnly }) => to.startsWith("src/") && !(typeOnly && isInternal && !to.includes("internal/")))
      .filter(({ to }) => {
        const room = roomOf(to)?.name ?? "no room"
        return room !== "vocabulary" && room !== from.name && !from.uses.includes(room)
      })
      .map(({ line, to }) => `${line}: ${from.name} imports ${to}`)
  },
  "one format never imports another": (module) =>
    module.path.startsWith("src/image/")
      ? module.imports.filter(({ to }) => to.startsWith("src/image/")).map(({ line, to }) => `${line}: ${to}`)
      : [],
  "formats and snapshots take nothing but types from the public front": (module) =>
    ["formats", "files"].includes(roomOf(module.path)?.name ?? "") && module.path !== "src/MemoryImage.ts"
      ? module.imports
          .filter(({ to, typeOnly }) => roomOf(to)?.name === "front" && !typeOnly)
          .map(({ line, to }) => `${line}: ${to}`)
      : [],
  "imports in src name their module": (module) =>
    module.imports
      .filter(({ to }) => to === "effect" || to.startsWith("effect-memory-map"))
      .map(({ line, to }) => `${line}: "${to}" is a barrel; import the module itself`),
  "Node is used in node/, cli/ and bin.ts only": (module) =>
    mayUseNode.test(module.path)
      ? []
      : [
          ...module.imports
            .filter(({ to }) => !/^(src\/|effect($|\/)|(fflate|xxhash-wasm)$)/.test(to) && !isBarrel(module.path))
            .map(({ line, to }) => `${line}: imports ${to}`),
          ...module.constructs.filter(({ kind }) => kind === "Node").map(({ line }) => `${line}: a global of Node`)
        ],
  "no console, Effect.run, Date, Math.random or async": (module) =>
    isEdge.test(module.path)
      ? []
      : module.constructs
          .filter(({ kind }) => !["Node", "catch", "catch in a generator"].includes(kind))
          .map(({ kind, line }) => `${line}: ${kind}`),
  "catch is for calls into Node and native code, and for no generator": (module) =>
    module.constructs
      .filter(({ kind }) => kind === "catch in a generator" || (kind === "catch" && !mayUseNode.test(module.path)))
      .map(({ kind, line }) => `${line}: ${kind}`),
  // A public module is a front: signatures, each with its forms, and next to nothing behind them.
  "a file has at most 400 lines of code, a public front 600": ({ codeLines, path }) =>
    codeLines > (isPublic(path) ? 600 : 400) ? [`${codeLines} lines`] : [],
  "a public module opens with a comment": ({ header, path }) =>
    (isPublic(path) || isBarrel(path)) && !header?.includes("@since") ? ["no header with @since"] : [],
  "a public export is documented, with @category and @since": (module) =>
    isPublic(module.path)
      ? module.exports
          .filter(({ doc }) => !doc?.includes("@internal") && !(doc?.includes("@category") && doc.includes("@since")))
          .map(({ line, name }) => `${line}: ${name}`)
      : [],
  "a public module explains itself: a line of comment to three of code": ({ codeLines, commentLines, path }) =>
    isPublic(path) && commentLines * 3 < codeLines ? [`${commentLines} to ${codeLines}`] : [],
  "a barrel holds `export * as X` and nothing else": ({ path, text }) =>
    isBarrel(path)
      ? text
          .replace(/^\/\*\*[^]*?\*\//, "")
          .split("\n")
          .filter((line) => line !== "" && !/^export \* as ([A-Z]\w*) from "\.\/\1\.ts"$/.test(line))
      : []
}

const violations = (rule: Rule, modules: ReadonlyArray<Module>) =>
  modules.flatMap((module) => rule(module).map((what) => `${module.path}:${what}`))

/** The circles of a graph, each as the way around. */
const circles = (all: ReadonlyArray<string>, next: (from: string) => ReadonlyArray<string>) => {
  const found: Array<string> = []
  const done = new Set<string>()
  const visit = (at: string, trail: ReadonlyArray<string>) => {
    if (trail.includes(at)) found.push([...trail.slice(trail.indexOf(at)), at].join(" -> "))
    if (done.has(at)) return
    done.add(at)
    for (const to of next(at)) visit(to, [...trail, at])
  }
  for (const at of all) visit(at, [])
  return found
}

const sources = files("src/**/*.ts").map((path) => moduleOf(path))

describe("the sources", () => {
  for (const [name, rule] of Object.entries(rules)) {
    it(name, () => assert.deepStrictEqual(violations(rule, sources), []))
  }

  it("no room imports itself in a circle: not a room of internal/, and no public one", () => {
    const arrows = new Map<string, Set<string>>()
    for (const { imports, path } of sources) {
      const from = roomOf(path)!.name
      for (const { to, typeOnly } of imports) {
        const room = to.startsWith("src/") ? roomOf(to)!.name : from
        if (typeOnly || room === from || room === "vocabulary") continue
        arrows.set(from, (arrows.get(from) ?? new Set()).add(room))
      }
    }
    assert.deepStrictEqual(
      circles([...arrows.keys()], (room) => [...(arrows.get(room) ?? [])]),
      []
    )
  })

  it("docs/design/architecture.md has every room, with what it holds and may use", () => {
    const page = read("docs/design/architecture.md")
    const rows = Array.from(page.matchAll(/^\| `(\w+)` +\|[^|]*\| ([^|]*)\|$/gm), ([, name, uses = ""]) => [
      name,
      uses.trim() === "-" ? [] : uses.trim().split(", ")
    ])
    assert.deepStrictEqual(
      rows,
      rooms.map(({ name, uses }) => [name, [...uses]])
    )
  })

  it("no module imports itself in a circle", () => {
    const valuesOf = (path: string) =>
      (sources.find((module) => module.path === path)?.imports ?? [])
        .filter(({ typeOnly }) => !typeOnly)
        .map(({ to }) => to)
    assert.deepStrictEqual(
      circles(
        sources.map(({ path }) => path),
        valuesOf
      ),
      []
    )
  })

  it("no file is without a way to it from an entry", () => {
    const reached = new Set<string>()
    const visit = (path: string) => {
      if (reached.has(path)) return
      reached.add(path)
      for (const { to } of sources.find((module) => module.path === path)?.imports ?? []) visit(to)
    }
    for (const { path } of sources) if (isBarrel(path) || /^src\/(bin\.ts|(image|render)\/)/.test(path)) visit(path)
    assert.deepStrictEqual(
      sources.map(({ path }) => path).filter((path) => !reached.has(path)),
      []
    )
  })

  it("every public module is in its barrel", () => {
    const missing = sources
      .filter(({ path }) => /^src\/(?:(?:node|testing|linux|fleet)\/)?[A-Z]\w*\.ts$/.test(path))
      .filter(({ path }) => {
        const barrel = sources.find((module) => module.path === path.replace(/\w+\.ts$/, "index.ts"))
        return barrel?.imports.some(({ to }) => to === path) !== true
      })
    assert.deepStrictEqual(
      missing.map(({ path }) => path),
      []
    )
  })

  it("no internal export is unused", () => {
    const users = [...sources, ...files("test/**/*.ts").map((path) => ({ path, text: read(path) }))]
    const unused = sources
      .filter(({ path }) => path.startsWith("src/internal/"))
      .flatMap(({ exports, path }) =>
        exports
          .filter(
            ({ isType, name }) =>
              !isType && !users.some((user) => user.path !== path && new RegExp(`\\b${name}\\b`).test(user.text))
          )
          .map(({ name }) => `${path}: ${name}`)
      )
    assert.deepStrictEqual(unused, [])
  })
})

describe("the rules", () => {
  const breaks: ReadonlyArray<readonly [rule: string, path: string, text: string]> = [
    [
      "a room imports from the rooms that the table gives it",
      "src/internal/base/x.ts",
      'import { x } from "../map/map.ts"'
    ],
    [
      "a room imports from the rooms that the table gives it",
      "src/internal/map/x.ts",
      'export * from "../../MemoryMap.ts"'
    ],
    [
      "a room imports from the rooms that the table gives it",
      "src/internal/map/x.ts",
      'import type { x } from "../read/x.ts"'
    ],
    ["a room imports from the rooms that the table gives it", "src/internal/x.ts", ""],
    [
      "a room imports from the rooms that the table gives it",
      "src/render/X.ts",
      'const x = import("../node/NodeFileMapper.ts")'
    ],
    ["one format never imports another", "src/image/Elf.ts", 'import type { x } from "./Lime.ts"'],
    [
      "formats and snapshots take nothing but types from the public front",
      "src/image/X.ts",
      'import * as MemoryMap from "../MemoryMap.ts"'
    ],
    ["imports in src name their module", "src/X.ts", 'import { Effect } from "effect"'],
    ["Node is used in node/, cli/ and bin.ts only", "src/X.ts", 'import "node:fs"'],
    ["Node is used in node/, cli/ and bin.ts only", "src/internal/x.ts", "const b = Buffer.alloc(1)"],
    ["no console, Effect.run, Date, Math.random or async", "src/X.ts", "console.log(1)"],
    ["no console, Effect.run, Date, Math.random or async", "src/cli/x.ts", "const x = Effect.runSync(y)"],
    ["no console, Effect.run, Date, Math.random or async", "src/X.ts", "const x = new Date()"],
    ["no console, Effect.run, Date, Math.random or async", "src/X.ts", "const x = Math.random()"],
    ["no console, Effect.run, Date, Math.random or async", "src/X.ts", "const x = async () => 1"],
    ["catch is for calls into Node and native code, and for no generator", "src/X.ts", "try { f() } catch {}"],
    [
      "catch is for calls into Node and native code, and for no generator",
      "src/node/x.ts",
      "const f = function* () { try { yield 1 } catch {} }"
    ],
    ["a file has at most 400 lines of code, a public front 600", "src/internal/x.ts", "const x = 1\n".repeat(401)],
    ["a file has at most 400 lines of code, a public front 600", "src/X.ts", "const x = 1\n".repeat(601)],
    ["a public module opens with a comment", "src/X.ts", "/** Of x. @since 1 */\nexport const x = 1"],
    [
      "a public export is documented, with @category and @since",
      "src/X.ts",
      "/** Of x. @since 1 */\nexport const x = 1"
    ],
    [
      "a public module explains itself: a line of comment to three of code",
      "src/X.ts",
      "// x\n" + "const x = 1\n".repeat(4)
    ],
    ["a barrel holds `export * as X` and nothing else", "src/index.ts", 'export { x } from "./X.ts"']
  ]
  for (const [name, path, text] of breaks) {
    it(`find what they forbid: ${name}: ${text.split("\n")[0]}`, () => {
      assert.strictEqual(violations(rules[name]!, [moduleOf(path, text)]).length, 1)
    })
  }

  it("let pass what they allow", () => {
    const text = `/**
 * A module.
 *
 * @since 0.1.0
 */
import type { ByteSource } from "./ByteSource.ts"

/**
 * Named process, not Node's.
 *
 * @category models
 * @since 0.1.0
 */
export const x = { process: (source: ByteSource) => source.process }
`
    const module = moduleOf("src/MemoryMap.ts", text)
    assert.deepStrictEqual(
      Object.values(rules).flatMap((rule) => violations(rule, [module])),
      []
    )
  })
})

describe("the repository", () => {
  const texts = files("*.{md,json,ts}", ".ci/*", "{src,test,docs}/**/*.{ts,md,json,sh,c}")
    .filter((path) => !/^(package-lock\.json|docs\/api\/)/.test(path))
    .map((path) => ({ path, text: read(path) }))

  const search = (pattern: RegExp, among = texts) =>
    among.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []))
    )

  it("names no path of a machine", () => {
    assert.deepStrictEqual(search(/(?<![\w.])\/(?:home|root|work|Users)\//), [])
  })

  it("leaves no notes of things to do later", () => {
    assert.deepStrictEqual(search(/\b(?:TO[D]O|FIX[M]E|X[X]X)\b/), [])
  })

  it("singles out no test and switches none off; a skip at run time says why", () => {
    const tests = texts.filter(({ path }) => isTest(path))
    assert.isAbove(tests.length, 0)
    assert.deepStrictEqual(search(/\b(?:it|test|describe|layer)(?:\.\w+)*\.(?:only|skip|todo|fails)\b/, tests), [])
    assert.deepStrictEqual(search(/\.skip\(\)/, tests), [])
    const conditional = tests.flatMap(({ path, text }) => {
      const lines = text.split("\n")
      return lines.flatMap((line, i) =>
        /\.(?:skipIf|runIf)\(/.test(line) &&
        !/\b(?:skipped|without|unlike|needs|where)\b|\/\/ /.test(lines.slice(i, i + 3).join())
          ? [`${path}:${i + 1}: ${line.trim()}`]
          : []
      )
    })
    assert.deepStrictEqual(conditional, [])
  })

  it("keeps its tests short enough to read", () => {
    const long = files("test/**/*.ts")
      .map((path) => moduleOf(path))
      .filter(({ codeLines }) => codeLines > 400)
    assert.deepStrictEqual(
      long.map(({ path }) => path),
      []
    )
  })

  // npm leaves out what it could not fetch when it wrote the lock file, and `npm ci` then refuses that file.
  it("locks the optional packages of every platform", () => {
    const locked: Record<string, { readonly optionalDependencies?: Record<string, string> }> = JSON.parse(
      read("package-lock.json")
    ).packages
    const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in locked || `${path}/node_modules/${name}` in locked)
      )
    )
    assert.deepStrictEqual(missing, [])
  })
})
