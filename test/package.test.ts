import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { execFile } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, relative } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { files, read, root } from "./support/repo.ts"

// Installing takes its time where nothing is in npm's cache.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const manifest = JSON.parse(read("package.json"))
const platformNode = `@effect/platform-node@${manifest.peerDependencies["@effect/platform-node"]}`
const sources = files("src/**/*.ts")

/** The places that users import: `.`, `./MemoryMap`, `./image/Elf`, `./node` ... */
const entries = sources.flatMap((path) => {
  if (/^src\/(?:(?:image|render)\/)?[A-Z]\w*\.ts$/.test(path)) return [path.replace(/^src\/(.*)\.ts$/, "./$1")]
  const barrel = /^src\/(?:(fleet|linux|node|testing)\/)?index\.ts$/.exec(path)
  return barrel === null ? [] : [barrel[1] === undefined ? "." : `./${barrel[1]}`]
})

// Outside the repository, where no node_modules of ours is found by accident.
const work = mkdtempSync(join(tmpdir(), "effect-memory-map-"))
const tarball = join(work, `${manifest.name}-${manifest.version}.tgz`)
const unpacked = join(work, "package")
const tool = (name: string) => join(root, "node_modules", ".bin", name)
const nodeOf = (version: string) => join(work, "node", "node_modules", `node${version}`, "bin")

// Without what npm and vitest say to the programs that they start.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_)|npm_config_(local_prefix|allow_scripts)$|vitest|node_options$|node_env$|force_color$)/i.test(
        name
      )
  )
)

const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly path?: string }
): Promise<{ readonly failed: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    const PATH = [options.path, environment["PATH"]].filter(Boolean).join(delimiter)
    const done = (error: unknown, stdout: string, stderr: string) =>
      resolve({ failed: error !== null, output: `${stdout}${stderr}` })
    execFile(command, args, { cwd: options.cwd, env: { ...environment, PATH, NO_COLOR: "1" } }, done)
  })

const succeed = async (...[command, args, options]: Parameters<typeof run>): Promise<string> => {
  const { failed, output } = await run(command, args, options)
  assert.isFalse(failed, `${command} ${args.join(" ")}\n${output}`)
  return output
}

const install = [
  "install",
  "--no-audit",
  "--no-fund",
  "--prefer-offline",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
  "--loglevel=error"
]

const project = (name: string): string => {
  const directory = join(work, name)
  mkdirSync(directory)
  writeFileSync(join(directory, "package.json"), `{ "type": "module", "private": true }`)
  return directory
}

beforeAll(async () => {
  await succeed("npm", ["pack", "--loglevel=error", "--pack-destination", work], { cwd: root }) // builds, too
  await succeed("tar", ["-xzf", tarball, "-C", work], { cwd: work })
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

describe("the packed package", () => {
  it("holds what users need and nothing else", () => {
    const output = sources.map((path) => path.replace(/^src\/(.*)\.ts$/, "dist/$1"))
    const built = [".js", ".js.map", ".d.ts", ".d.ts.map"].flatMap((end) => output.map((path) => path + end))
    built[built.indexOf("dist/bin.js.map")] = "dist/bin.licenses.md" // the program is bundled, and names what is in it
    const parts = ["Config", "Main", "PgClient", "Schema", "SqlClient", "engine", "progress"] // it loads the databases last
    built.push(...parts.map((name) => `dist/bin/${name}.js`))
    const packed = readdirSync(unpacked, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(unpacked, join(entry.parentPath, entry.name)))
    assert.deepStrictEqual(
      packed.sort(),
      [...sources, ...built, "CHANGELOG.md", "LICENSE", "README.md", "package.json"].sort()
    )
  })

  it("is as publint wants packages to be", async () => {
    const { messages, pkg } = await publint({ pkgDir: unpacked, pack: false, strict: true })
    assert.deepStrictEqual(
      messages.map((message) => formatMessage(message, pkg, { color: false })),
      []
    )
  })

  it("has types that every kind of ESM resolution finds", async () => {
    const options = ["--profile", "esm-only", "--format", "ascii", "--no-emoji", "--no-definitely-typed"]
    await succeed(tool("attw"), [tarball, ...options, "--entrypoints", ...entries], { cwd: work })
  })
})

describe.concurrent("the installed package", () => {
  const versions = ["22", "26"]
  let unreachable: string | undefined

  beforeAll(async () => {
    const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`
    const nodes = versions.map((version) => `node${version}@npm:node-${platform}@${version}`)
    const { failed, output } = await run("npm", [...install, ...nodes], { cwd: project("node") })
    const network = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b/.exec(output)?.[0]
    if (failed && network !== undefined) unreachable = `the npm registry cannot be reached (${network})`
    else assert.isFalse(failed, output)
  })

  /** A project in which `packages` are installed, and a program that imports `entries` compiles. */
  const consumer = async (name: string, packages: ReadonlyArray<string>, entries: ReadonlyArray<string>) => {
    const cwd = project(name)
    await succeed("npm", [...install, tarball, ...packages], { cwd })
    const all = entries.map((entry, i) => `export * as e${i} from "${manifest.name}${entry.slice(1)}"\n`)
    writeFileSync(join(cwd, "entries.ts"), all.join(""))
    const compilerOptions = {
      target: "ES2024",
      module: "NodeNext",
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ["node"]
    }
    writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
    await succeed(tool("tsc"), ["-p", cwd], { cwd })
    return cwd
  }

  /** Runs that program and the command line on each Node. */
  const runs = async (cwd: string, ...program: ReadonlyArray<string>) => {
    for (const version of versions) {
      const here = { cwd, path: nodeOf(version) }
      assert.match(await succeed("node", ["--version"], here), new RegExp(`^v${version}\\.`))
      await succeed("node", ["entries.ts"], here)
      if (program.length > 0) await succeed("node", program, here)
      const memmap = join(cwd, "node_modules", ".bin", "memmap")
      assert.include(await succeed(memmap, ["--version"], here), manifest.version)
    }
  }

  for (const koffi of [true, false]) {
    it(`works on Node ${versions.join(" and ")} ${koffi ? "with" : "without"} koffi`, async (context) => {
      if (unreachable !== undefined) context.skip(unreachable)
      const options = koffi ? [] : ["--omit=optional"]
      const cwd = await consumer(koffi ? "koffi" : "no-koffi", [platformNode, ...options], entries)
      assert.strictEqual(existsSync(join(cwd, "node_modules", "koffi")), koffi)
      copyFileSync(join(root, "test", "support", "consumer.ts"), join(cwd, "consumer.ts"))
      await runs(cwd, "consumer.ts", ...(koffi ? ["koffi"] : []))
    })
  }

  it("works without @effect/platform-node, all but the entry point for Node", async (context) => {
    if (unreachable !== undefined) context.skip(unreachable)
    const others = entries.filter((entry) => entry !== "./node")
    const cwd = await consumer("no-platform", ["--omit=optional", "@types/node"], others)
    assert.isFalse(existsSync(join(cwd, "node_modules", "@effect", "platform-node")))
    await runs(cwd)
  })
})
