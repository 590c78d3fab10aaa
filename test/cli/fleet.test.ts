// memmap fleet: its commands one after the other, and as processes what only those show.
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { Effect } from "effect"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap, type Ran } from "./run.ts"

const text = (content: string) => new TextEncoder().encode(content)
const path = temporaryFiles({
  "a.bin": text("a needle in a.bin"),
  "b.bin": text("nothing"),
  "broken.elf": Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]),
  list: text("")
})
const environment = { ...process.env, NO_COLOR: "1" }

/** In this process, for all that needs none of its own. */
const fleet = (...args: ReadonlyArray<string>) => Effect.runPromise(memmap(["fleet", ...args]))

/** As another process. */
const inProcess = (...args: ReadonlyArray<string>): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["src/bin.ts", "fleet", ...args], { env: environment }, (error, out, err) =>
      resolve({ out, err, code: error === null ? 0 : Number(error.code ?? -1) })
    )
  })

const objects = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

const store = (name: string) => {
  for (const more of ["", "-wal", "-shm"]) rmSync(path(`${name}${more}`), { force: true })
  return path(name)
}

describe("memmap fleet", () => {
  it("adds, asks, works and answers", async () => {
    const db = store("steps.db")
    assert.deepInclude(await fleet("add", db, path("a.bin"), path("b.bin"), path("broken.elf")), {
      code: 0,
      out: "3 images\n"
    })
    const { out: id } = await fleet("ask", db, "find", "needle")
    assert.match(id, /^[0-9a-f]{32}\n$/)
    await fleet("ask", db, "info")
    assert.deepInclude(await fleet("work", db), { code: 0, out: "6 steps done here\n" })
    const answers = objects((await fleet("answers", db, "--json")).out)
    assert.deepStrictEqual(
      answers
        .filter(({ kind, type }) => type === "answer" && kind === "find")
        .map(({ error, location, result }) => [location, result ?? error])
        .toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
      [
        [path("a.bin"), { matches: 1, kept: 1 }],
        [path("b.bin"), { matches: 0, kept: 0 }],
        [path("broken.elf"), "ImageError"]
      ]
    )
    assert.deepStrictEqual(
      answers
        .filter(({ type }) => type === "hit")
        .map(({ address, length, location, place }) => [location, address, length, place]),
      [[path("a.bin"), "0x2", 6, "0x2"]]
    )
    const [status] = objects((await fleet("status", db, "--json")).out)
    assert.deepInclude(status, { images: 3, setAside: [], failures: [{ error: "ImageError", count: 2 }] })
    const { out } = await fleet("status", db)
    assert.include(out, "3 images; 6 of 6 steps, 0 at work")
    assert.match(out, /find +3 +2 +1 +0 /)
  })

  it("finds in one command, in several processes, and tells by its exit code what it found", async () => {
    const db = store("find.db")
    const found = await inProcess("find", path("a.bin"), "needle", "--store", db, "--also", "info", "-j", "2")
    assert.strictEqual(found.code, 0)
    assert.include(found.out, `${path("a.bin")}  0x2  6 bytes`)
    assert.include(found.out, '"format":"raw"')
    assert.deepInclude(await fleet("find", path("b.bin"), "needle", "--store", db, "-j", "1"), { code: 1, out: "" })
    const failed = await fleet("find", path("broken.elf"), "needle", "--store", db, "-j", "1")
    assert.strictEqual(failed.code, 2)
    assert.include(failed.err, `memmap: ${path("broken.elf")}: `)
  })

  it("refuses a store that is not there, and images that are not", async () => {
    const missing = await fleet("status", path("missing.db"))
    assert.deepInclude(missing, { code: 2, out: "" })
    assert.include(missing.err, "there is no such store")
    const db = store("none.db")
    const added = await fleet("add", db, path("nowhere"))
    assert.deepInclude(added, { code: 2, out: "0 images\n" })
    assert.include(added.err, `${path("nowhere")}: there is no such file`)
    const noDatabase = await fleet("status", path("a.bin"))
    assert.deepInclude(noDatabase, {
      code: 2,
      err: `memmap: ${path("a.bin")}: this store cannot be opened: file is not a database\n`
    })
  })

  it("names a database that does not answer without its password", async () => {
    const down = await fleet("status", "postgres://reader:secret@127.0.0.1:1/dumps")
    assert.strictEqual(down.code, 2)
    assert.include(down.err, "memmap: postgres://reader@127.0.0.1:1/dumps: this store cannot be opened: ")
    assert.notInclude(down.err, "secret")
  })

  it("stops when it is told to, and hands back what it held", async () => {
    const db = store("stop.db")
    await fleet("add", db, path("b.bin"))
    const worker = spawn(process.execPath, ["src/bin.ts", "fleet", "work", db, "--stay"], {
      stdio: "ignore",
      env: environment
    })
    const working = async (): Promise<boolean> =>
      (objects((await fleet("status", db, "--json")).out)[0]!["workers"] as ReadonlyArray<unknown>).length > 0
    while (!(await working()));
    worker.kill("SIGTERM")
    await new Promise((resolve) => worker.once("exit", resolve))
    assert.isFalse(await working())
  })
})
