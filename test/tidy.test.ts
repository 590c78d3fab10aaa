import { assert, describe, it } from "@effect/vitest"
import { moduleOf, type Module } from "./support/modules.ts"
import { files, read } from "./support/repo.ts"

// The house, from the bottom up. A module imports from its own layer and those it names here; `import type` counts too,
// except in internal/, which may name the public types that it implements.
const layers: ReadonlyArray<{ readonly name: string; readonly holds: RegExp; readonly uses: ReadonlyArray<string> }> = [
  { name: "values", holds: /^src\/(AddressRange|MachineModel|Pattern|MemoryMapError)\.ts$/, uses: ["internal"] },
  {
    name: "sources",
    holds: /^src\/(ByteSource|Decompressor|FileMapper|SearchKernel)\.ts$/,
    uses: ["values", "internal"]
  },
  { name: "map", holds: /^src\/(Mapping|MemoryMap|MemoryReader)\.ts$/, uses: ["values", "sources", "internal"] },
  {
    name: "files",
    holds: /^src\/(Snapshot|MemoryImage|image\/\w+)\.ts$/,
    uses: ["values", "sources", "map", "internal", "internal files"]
  },
  { name: "render", holds: /^src\/render\//, uses: ["values", "sources", "map", "files", "internal"] },
  {
    name: "cli",
    holds: /^src\/(cli\/.*|bin\.ts)$/,
    uses: ["values", "sources", "map", "files", "render", "node", "internal"]
  },
  { name: "node", holds: /^src\/node\//, uses: ["values", "sources", "map", "files", "internal"] },
  { name: "testing", holds: /^src\/testing\//, uses: ["values", "sources", "map", "files", "internal"] },
  { name: "internal files", holds: /^src\/internal\/(image|snapshot)/, uses: ["values", "sources", "map", "internal"] },
  { name: "internal", holds: /^src\/internal\//, uses: ["values", "sources"] },
  { name: "index", holds: /^src\/index\.ts$/, uses: ["values", "sources", "map", "files", "render"] }
]
const layerOf = (path: string) => layers.find(({ holds }) => holds.test(path))

const mayUseNode = /^src\/(node|cli)\/|^src\/bin\.ts$/
const isEdge = /^src\/(bin|cli\/Main)\.ts$/
const isPublic = (path: string) => /^src\/(?:(?:node|testing|image|render)\/)?[A-Z]\w*\.ts$/.test(path)
const isBarrel = (path: string) => /^src\/(?:(?:node|testing)\/)?index\.ts$/.test(path)
const isTest = (path: string) => /\.(test|test-d)\.ts$/.test(path)

type Rule = (module: Module) => ReadonlyArray<string>

const rules: Readonly<Record<string, Rule>> = {
  "imports go downwards": (module) => {
    const from = layerOf(module.path)
    if (from === undefined) return ["stands in no layer"]
    return module.imports
      .filter(({ to, typeOnly }) => to.startsWith("src/") && !(typeOnly && from.name.startsWith("internal")))
      .filter(({ to }) => {
        const target = layerOf(to)?.name ?? "no layer"
        return target !== from.name && !from.uses.includes(target)
      })
      .map(({ line, to }) => `${line}: ${from.name} imports ${to}`)
  },
  "one format never imports another": (module) =>
    module.path.startsWith("src/image/")
      ? module.imports.filter(({ to }) => to.startsWith("src/image/")).map(({ line, to }) => `${line}: ${to}`)
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
            .filter(({ to }) => !/^(src\/|effect($|\/))/.test(to) && !isBarrel(module.path))
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
  "a file has at most 400 lines of code": ({ codeLines }) => (codeLines > 400 ? [`${codeLines} lines`] : []),
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

const sources = files("src/**/*.ts").map((path) => moduleOf(path))

describe("the sources", () => {
  for (const [name, rule] of Object.entries(rules)) {
    it(name, () => assert.deepStrictEqual(violations(rule, sources), []))
  }

  it("no module imports itself in a circle", () => {
    const loops: Array<string> = []
    const done = new Set<string>()
    const visit = (path: string, trail: ReadonlyArray<string>) => {
      if (trail.includes(path)) loops.push([...trail.slice(trail.indexOf(path)), path].join(" -> "))
      if (done.has(path)) return
      done.add(path)
      for (const { to, typeOnly } of sources.find((module) => module.path === path)?.imports ?? []) {
        if (!typeOnly) visit(to, [...trail, path])
      }
    }
    for (const { path } of sources) visit(path, [])
    assert.deepStrictEqual(loops, [])
  })

  it("no file is dead", () => {
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
      .filter(({ path }) => /^src\/(?:(?:node|testing)\/)?[A-Z]\w*\.ts$/.test(path))
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
    ["imports go downwards", "src/AddressRange.ts", 'import { x } from "./MemoryMap.ts"'],
    ["imports go downwards", "src/internal/x.ts", 'export * from "../MemoryMap.ts"'],
    ["imports go downwards", "src/render/X.ts", 'const x = import("../node/NodeFileMapper.ts")'],
    ["one format never imports another", "src/image/Elf.ts", 'import type { x } from "./Lime.ts"'],
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
    ["a file has at most 400 lines of code", "src/X.ts", "const x = 1\n".repeat(401)],
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

  it("leaves nothing for later", () => {
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
