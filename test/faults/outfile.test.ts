// Files that are written: whose they are, what is left of them, and what an error says.
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Option, Random, Stream } from "effect"
import * as ChildProcess from "node:child_process"
import * as NFS from "node:fs"
import * as FileMapper from "../../src/FileMapper.ts"
import { writeFile } from "../../src/internal/source/outfile.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Snapshot from "../../src/Snapshot.ts"

const bytes = new Uint8Array([1, 2, 3])
const files = Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)
const isRoot = process.getuid?.() === 0

/** Runs a program that says when it begins to write, and kills it with the signal in the middle of that. */
const killed = (path: string, signal: NodeJS.Signals) =>
  Effect.callback<void>((resume) => {
    const program = `
      import { Effect, Stream } from "effect"
      import { NodeFileSystem } from "@effect/platform-node"
      import { writeFile } from ${JSON.stringify(new URL("../../src/internal/source/outfile.ts", import.meta.url).href)}
      const write = (append) => Effect.andThen(
        append(new Uint8Array(100000).fill(1)),
        Effect.andThen(Effect.sync(() => process.stdout.write("writing")), Effect.never)
      )
      setInterval(() => {}, 1000)
      await Effect.runPromise(writeFile(process.argv[1], write).pipe(Effect.provide(NodeFileSystem.layer)))
    `
    const child = ChildProcess.spawn(process.execPath, ["--input-type=module-typescript", "-e", program, path], {
      cwd: new URL("../..", import.meta.url)
    })
    child.stdout.on("data", () => child.kill(signal))
    child.on("exit", () => resume(Effect.void))
  })

layer(files)("a file that is written", (it) => {
  const directory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const modeOf = (path: string) => (NFS.statSync(path).mode & 0o7777).toString(8)

  it.effect("is private when it is new, and keeps mode and owner when it replaces another", () =>
    Effect.gen(function* () {
      const at = yield* directory
      const map = yield* MemoryMap.fromBytes(bytes, 0n)
      yield* Snapshot.save(map, `${at}/new`)
      assert.strictEqual(modeOf(`${at}/new`), "600")
      for (const mode of [0o600, 0o640, 0o444, 0o755]) {
        NFS.writeFileSync(`${at}/old`, "old")
        NFS.chmodSync(`${at}/old`, mode)
        if (isRoot) NFS.chownSync(`${at}/old`, 1234, 4321)
        yield* Snapshot.save(map, `${at}/old`)
        assert.strictEqual(modeOf(`${at}/old`), mode.toString(8))
        const { gid, uid } = NFS.statSync(`${at}/old`)
        if (isRoot) assert.deepStrictEqual([uid, gid], [1234, 4321])
        NFS.rmSync(`${at}/old`)
      }
    })
  )

  it.effect("is for its owner's eyes only where the owner of the old one cannot be kept", () =>
    Effect.gen(function* () {
      const path = `${yield* directory}/old`
      NFS.writeFileSync(path, "old", { mode: 0o644 })
      const fs = yield* FileSystem.FileSystem
      // A file of somebody else, which only they or root can give away.
      const strange = {
        ...fs,
        stat: (name: string) =>
          Effect.map(fs.stat(name), (info) => (name === path ? { ...info, uid: Option.some(77) } : info)),
        chown: (name: string) => fs.chown(`${name}/no`, 0, 0)
      }
      yield* writeFile(path, (append) => append(bytes)).pipe(Effect.provideService(FileSystem.FileSystem, strange))
      assert.strictEqual(modeOf(path), "600")
    })
  )

  it.effect("leaves nothing when its number is drawn twice: two at once with one seed both succeed", () =>
    Effect.gen(function* () {
      const at = yield* directory
      const write = (value: number) =>
        writeFile(`${at}/file`, (append) =>
          Effect.andThen(Effect.yieldNow, append(new Uint8Array(9).fill(value)))
        ).pipe(Random.withSeed("one"))
      yield* Effect.all([write(1), write(2), write(3)], { concurrency: "unbounded" })
      assert.deepStrictEqual(NFS.readdirSync(at), ["file"])
      assert.include([1, 2, 3], NFS.readFileSync(`${at}/file`)[8])
    })
  )

  it.effect.skipIf(process.platform !== "linux")(
    "is removed by the next save to the same path when its writer was killed (needs /proc), and no other is",
    () =>
      Effect.gen(function* () {
        const at = yield* directory
        const path = `${at}/a file of many characters ${"x".repeat(200)}`
        yield* killed(path, "SIGKILL")
        const first = NFS.readdirSync(at)
        yield* killed(path, "SIGHUP")
        const left = NFS.readdirSync(at)
        assert.deepStrictEqual([first.length, left.length], [1, 1])
        assert.notDeepEqual(left, first, "the second one has removed what the first one left")
        assert.strictEqual(NFS.statSync(`${at}/${left[0]!}`).size, 100_000)
        const living = yield* Effect.forkChild(
          writeFile(path, () => Effect.never),
          { startImmediately: true }
        )
        for (let i = 0; NFS.readdirSync(at).length < 3 && i < 1000; i++) {
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
        }
        yield* writeFile(`${at}/another`, (append) => append(bytes))
        yield* writeFile(path, (append) => append(bytes))
        const names = NFS.readdirSync(at)
        assert.deepStrictEqual(
          left.filter((name) => names.includes(name)),
          [],
          "what the killed ones left is gone"
        )
        assert.lengthOf(
          names.filter((name) => name.endsWith(".partial")),
          1,
          "what is being written stays"
        )
        yield* Fiber.interrupt(living)
        assert.sameMembers(NFS.readdirSync(at), [path.slice(at.length + 1), "another"])
      })
  )

  it.effect("goes through a link to its file, and replaces it as a whole: an open map stays what it was", () =>
    Effect.gen(function* () {
      const at = yield* directory
      yield* Snapshot.save(yield* MemoryMap.fromBytes(bytes, 5n), `${at}/one`)
      NFS.linkSync(`${at}/one`, `${at}/hard`)
      NFS.symlinkSync("one", `${at}/soft`)
      const before = NFS.readFileSync(`${at}/hard`)
      const open = yield* Snapshot.open(`${at}/hard`)
      yield* Snapshot.save(yield* MemoryMap.fromBytes(new Uint8Array(50_000).fill(9), 0n), `${at}/soft`)
      assert.deepStrictEqual(yield* MemoryMap.getBytes(open, 5n, 3), bytes)
      assert.deepStrictEqual(NFS.readFileSync(`${at}/hard`), before)
      assert.isAbove(NFS.statSync(`${at}/one`).size, 50_000)
      assert.isTrue(NFS.lstatSync(`${at}/soft`).isSymbolicLink())
    })
  )

  it.effect("does not overwrite what it was told to leave, not even what comes there meanwhile", () =>
    Effect.gen(function* () {
      const at = yield* directory
      const late = (append: (bytes: Uint8Array) => Effect.Effect<void, unknown>) =>
        Effect.andThen(
          Effect.sync(() => NFS.writeFileSync(`${at}/file`, "mine")),
          append(bytes)
        )
      for (let i = 0; i < 2; i++) {
        const error = yield* Effect.flip(writeFile(`${at}/file`, late, { overwrite: false }))
        assert.include(String(error), "AlreadyExists")
        assert.deepStrictEqual(NFS.readdirSync(at), ["file"])
        assert.strictEqual(NFS.readFileSync(`${at}/file`, "utf8"), "mine")
      }
      yield* writeFile(`${at}/new`, (append) => append(bytes), { overwrite: false })
      assert.deepStrictEqual(NFS.readFileSync(`${at}/new`), Buffer.from(bytes))
      assert.sameMembers(NFS.readdirSync(at), ["file", "new"])
    })
  )

  it.effect("has holes where pages of zeros are, at any cut", () =>
    Effect.gen(function* () {
      const path = `${yield* directory}/sparse`
      const pieces = [new Uint8Array(5000), new Uint8Array(100).fill(1), new Uint8Array(1 << 20), new Uint8Array(3)]
      yield* writeFile(path, (append) => Stream.runForEach(Stream.fromIterable(pieces), append))
      assert.deepStrictEqual(NFS.readFileSync(path), Buffer.concat(pieces))
      assert.isBelow(NFS.statSync(path).blocks * 512, 64 << 10)
    })
  )

  it.effect.skipIf(!NFS.existsSync("/dev/full"))(
    "says the name that was asked for, and what is wrong (needs /dev/full)",
    () =>
      Effect.gen(function* () {
        const at = yield* directory
        const full = yield* Effect.flip(writeFile("/dev/full", (append) => append(bytes)))
        assert.match(full.message, /no space left on device/)
        assert.include(full.message, "/dev/full")
        const missing = yield* Effect.flip(writeFile(`${at}/missing/file`, (append) => append(bytes)))
        assert.strictEqual(missing.reason._tag, "NotFound")
        assert.include(missing.message, `${at}/missing/file`)
        assert.notInclude(missing.message, ".partial")
      })
  )
})

describe("a pipe", () => {
  it.effect.skipIf(process.platform === "win32")("is written to, without positions (needs mkfifo)", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/pipe`
      ChildProcess.execFileSync("mkfifo", [path])
      const read = Effect.promise(() => NFS.promises.readFile(path))
      const write = writeFile(path, (append) => Effect.andThen(append(bytes), append(new Uint8Array(10_000))))
      const [got] = yield* Effect.all([read, write], { concurrency: 2 })
      assert.deepStrictEqual(new Uint8Array(got), new Uint8Array([...bytes, ...new Uint8Array(10_000)]))
      assert.isTrue(NFS.statSync(path).isFIFO())
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
