// Each program in docs/examples, run as a reader would run it.
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { MemoryMap, Snapshot } from "../src/index.ts"
import { execFile, spawn } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline/promises"
import { promisify } from "node:util"
import { machineElf } from "./support/machine.ts"
import { files, read, root } from "./support/repo.ts"
import { temporaryFiles } from "./support/temporary.ts"

const truth: {
  readonly symbols: { readonly head: string; readonly table: string; readonly banner: string }
  readonly nodes: ReadonlyArray<{ readonly address: string; readonly id: number; readonly name: string }>
  readonly banner: string
} = JSON.parse(read("test/fixtures/list.json"))

const CORE = "test/fixtures/list.core"
const path = temporaryFiles({
  "firmware.hex": new TextEncoder().encode(":0400000001020304F2\n:0400100005060708D2\n:00000001FF\n")
})

const argumentsOf = (program: string, args: ReadonlyArray<string>) => [
  "--import",
  "./test/support/sources.ts",
  `docs/examples/${program}`,
  ...args
]

/** What a program prints, as lines; its exit code when it fails. */
const run = (program: string, ...args: ReadonlyArray<string>) =>
  new Promise<ReadonlyArray<string> | number>((resolve) => {
    execFile(process.execPath, argumentsOf(program, args), { cwd: root }, (error, stdout) =>
      resolve(error === null ? stdout.trimEnd().split("\n") : Number(error.code))
    )
  })

/** The address that a server prints once it listens. It is stopped when the test is over. */
const start = (program: string, ...args: ReadonlyArray<string>) =>
  new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, argumentsOf(program, args), { cwd: root })
    onTestFinished(() => void child.kill())
    let printed = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text
      const address = /Listening on (http:\S+)\n/.exec(printed)?.[1]
      if (address !== undefined) resolve(address)
    })
    child.on("exit", (code) => reject(new Error(`it has ended with ${code} and printed ${printed}`)))
  })

/** The lines that a program prints, one by one. It is stopped when the test is over. */
const startLines = (program: string, ...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, argumentsOf(program, args), { cwd: root })
  onTestFinished(() => void child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { next: async () => String((await lines.next()).value) }
}

const programs = {
  "linked-list.ts": async () => {
    const nodes = truth.nodes.map(({ address, id, name }) => `${address} ${id} ${name}`)
    assert.deepStrictEqual(await run("linked-list.ts", CORE, truth.symbols.head), nodes)
    assert.strictEqual(await run("linked-list.ts", CORE, "0x10"), 1)
  },

  "who-points-here.ts": async () => {
    const [first] = truth.nodes
    const lines = (await run("who-points-here.ts", CORE, `${first?.address}+24`)) as ReadonlyArray<string>
    const lastOfTable = BigInt(truth.symbols.table) + 8n * BigInt(truth.nodes.length - 1)
    assert.deepStrictEqual(
      lines.slice(0, -1).map((line) => line.replace(/, in .*/, "")),
      [truth.symbols.head, `0x${lastOfTable.toString(16)}`].map((address) => `${address} points to offset 0`)
    )
    assert.match(lines.at(-1) ?? "", /^searched \d+ bytes$/)
  },

  "patch-firmware.ts": async () => {
    const [input, output] = [path("firmware.hex"), path("patched.hex")]
    assert.deepStrictEqual(await run("patch-firmware.ts", input, "0x11=aabb", output), ["0x11: 0607 -> aabb"])
    assert.strictEqual(
      readFileSync(output, "utf8"),
      ":0400000001020304F2\n:0400100005AABB08 7A\n:00000001FF\n".replace(" ", "")
    )
    assert.strictEqual(await run("patch-firmware.ts", input, "0x3=aabb", output), 1)
  },

  "compare-snapshots.ts": async () => {
    const save = async (name: string, ...parts: ReadonlyArray<readonly [bigint, string]>) => {
      let map: MemoryMap.Any = MemoryMap.empty
      for (const [address, text] of parts) map = Effect.runSync(MemoryMap.addString(map, text, address))
      writeFileSync(
        path(name),
        await Effect.runPromise(Stream.mkUint8Array(Snapshot.toStream(map as MemoryMap.Mapped)))
      )
      return path(name)
    }
    const before = await save("before", [0x1000n, "abcdef"], [0x2000n, "gone"])
    const after = await save("after", [0x1000n, "abXYeF"], [0x1006n, "new"])
    assert.deepStrictEqual(await run("compare-snapshots.ts", before, after), [
      "changed 0x1002-0x1004",
      "changed 0x1005-0x1006",
      "added 0x1006-0x1009",
      "removed 0x2000-0x2004"
    ])
    assert.deepStrictEqual(await run("compare-snapshots.ts", before, before), [""])
  },

  "process-strings.ts": async () => {
    const { elf } = await Effect.runPromise(machineElf)
    writeFileSync(path("guest.elf"), elf)
    assert.deepStrictEqual(await run("process-strings.ts", path("guest.elf")), ["0x400ff6 the strings of one process"])
    assert.strictEqual(await run("process-strings.ts", path("guest.elf"), "1"), 1)
    assert.strictEqual(await run("process-strings.ts", CORE), 1)
  },

  "watch-dumps.ts": async () => {
    const folder = path("dumps")
    mkdirSync(folder)
    copyFileSync("test/fixtures/linux/guest.kdump", join(folder, "a.kdump"))
    const lines = startLines("watch-dumps.ts", folder)
    const guest = { nodename: "guest", release: "6.1.0-56-cloud-amd64", processes: 57, hidden: [], errors: 1 }
    assert.deepStrictEqual(JSON.parse(await lines.next()), { file: join(folder, "a.kdump"), ...guest })
    writeFileSync(join(folder, "b.elf"), "no dump")
    const { error, file } = JSON.parse(await lines.next())
    assert.strictEqual(file, join(folder, "b.elf"))
    assert.include(error, "b.elf: unknown: its content is of no known format")
  },

  "serve.ts": async () => {
    const address = await start("serve.ts", CORE, "0")
    const get = async (path: string) => {
      const response = await fetch(`${address}${path}`)
      return [response.status, await response.text()] as const
    }
    const failure = async (path: string) => {
      const [status, text] = await get(path)
      return [status, JSON.parse(text)._tag]
    }
    const { banner } = truth.symbols
    assert.deepStrictEqual(await get(`/string/${banner}`), [200, truth.banner])
    assert.deepStrictEqual(await get(`/bytes/${banner}?length=8`), [200, truth.banner.slice(0, 8)])
    assert.deepStrictEqual(await get(`/find?hex=${Buffer.from(truth.banner).toString("hex")}`), [200, `["${banner}"]`])
    assert.deepStrictEqual(await failure("/string/0x10"), [404, "UnmappedAddress"])
    assert.deepStrictEqual(await failure("/find?hex=4x"), [400, "InvalidPattern"])
    assert.deepStrictEqual(await failure(`/bytes/${banner}?length=1.5`), [400, "BadRequest"])
    assert.deepStrictEqual(await failure("/string/here"), [400, "BadRequest"])
  }
}

await import("../docs/examples/firmware-version.test.ts") // holds tests of its own

it("docs/map.svg is what memmap draws", async () => {
  const args = ["src/bin.ts", "map", CORE, "--svg", path("map.svg")]
  await promisify(execFile)(process.execPath, args, { cwd: root })
  assert.strictEqual(readFileSync(path("map.svg"), "utf8"), read("docs/map.svg"))
})

describe("docs/examples", () => {
  for (const [program, test] of Object.entries(programs)) it(program, test)

  it("are all run by a test here", () =>
    assert.deepStrictEqual(
      files("docs/examples/*.ts"), // the page is used in browser.test.ts
      ["firmware-version.test.ts", "firmware-version.ts", ...Object.keys(programs)]
        .map((name) => `docs/examples/${name}`)
        .sort()
    ))
})
