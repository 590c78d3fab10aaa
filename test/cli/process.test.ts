// memmap as a process: what only a real one shows.
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"

const core = "test/fixtures/list.core"
const path = temporaryFiles({ "many.bin": new Uint8Array(1 << 23).fill(0x61) })

interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number | null
}

/** Runs memmap; `onOutput` may do something to the process as soon as it writes. */
const memmap = (
  args: ReadonlyArray<string>,
  options: {
    readonly onOutput?: (child: ReturnType<typeof spawn>) => void
    readonly env?: NodeJS.ProcessEnv
    readonly stdout?: number
  } = {}
): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { ...process.env, ...options.env }
    const child = spawn(process.execPath, ["src/bin.ts", ...args], {
      stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
      env
    })
    const ended = { out: "", err: "" }
    child.stdout?.on("data", (data) => {
      ended.out += data
      options.onOutput?.(child)
    })
    child.stderr?.on("data", (data) => (ended.err += data))
    child.on("close", (code) => resolve({ ...ended, code }))
  })

describe.concurrent("the process", () => {
  it("keeps the answer and everything else apart", async () => {
    const ran = await memmap(["find", core, "seen from"], { env: { FORCE_COLOR: "", NO_COLOR: undefined } })
    assert.strictEqual(ran.code, 0)
    assert.match(ran.out, /^0x000055555555808f {2}\|seen from outside\.+\| {2}.*\n$/)
    assert.match(ran.err, /^1 match in 216 KiB, .*\n$/)
  })

  it("ends with 1 when nothing is found", async () => {
    assert.deepInclude(await memmap(["find", core, "-q", "no such text"]), { code: 1, out: "", err: "" })
  })

  it("ends with 2 and a hint when it is used wrongly", async () => {
    const err = "memmap: IMAGE is missing\n  try    memmap info --help\n"
    assert.deepInclude(await memmap(["info"]), { code: 2, out: "", err })
  })

  it("ends with 2 when the answer cannot be written", async ({ skip }) => {
    if (!existsSync("/dev/full")) skip("no /dev/full on this system")
    const full = openSync("/dev/full", "w")
    const err = "memmap: the output cannot be written: no space left on device\n"
    for (const args of [["--version"], ["info", core]]) {
      assert.deepInclude(await memmap(args, { stdout: full }), { code: 2, err })
    }
    closeSync(full)
  })

  it("ends quietly when its output is cut off", async () => {
    const cut = (child: ReturnType<typeof spawn>) => child.stdout?.destroy()
    const ran = await memmap(["find", `${path("many.bin")}@0`, "a"], { onOutput: cut })
    assert.deepInclude(ran, { code: 0, err: "" })
  })

  it("ends at once with 130 on Ctrl-C, and what was found has been printed", async () => {
    let signalled = false
    const interrupt = (child: ReturnType<typeof spawn>) => {
      if (!signalled) child.kill("SIGINT")
      signalled = true
    }
    const ran = await memmap(["find", `${path("many.bin")}@0`, "a"], { onOutput: interrupt })
    assert.strictEqual(ran.code, 130)
    assert.match(ran.out, /^(0x\S+ {2}\|a+\|.*\n)+$/)
    const matches = ran.out.split("\n").length - 1
    assert.match(ran.err, new RegExp(`^${matches} matches in the first .*; interrupted\n`))
  })
})
