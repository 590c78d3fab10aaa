// What every layer that reads real files does alike, where the file system itself is the test's other party.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer, Scope } from "effect"
import { execFileSync } from "node:child_process"
import * as NFS from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as FileMapper from "../../src/FileMapper.ts"
import { temporaryFiles } from "../support/temporary.ts"

/** How often a file is mapped and closed when looking for what is left behind. */
const CYCLES = Number(process.env["MEMMAP_CYCLES"] ?? 2000)

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const isLinux = process.platform === "linux" // where there is /proc
const isWindows = process.platform === "win32" // where there are no devices, pipes and modes

/** Runs as a user that may not read everything, where the tests run as one that may. */
const unprivileged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.getuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(65_534)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )
    : effect

export const diskFilesSuite = <E>(name: string, layer: Layer.Layer<FileMapper.FileMapper, E>) => {
  const path = temporaryFiles({ hello: new TextEncoder().encode("hello world") })
  const provided = Effect.provide(layer)

  const refused = Effect.fnUntraced(function* (file: string, why: string) {
    const error = yield* Effect.flip(FileMapper.map(file))
    assert.strictEqual(error.reason._tag, "BadResource")
    assert.include(error.message, file)
    assert.include(error.message, why)
  }, provided)

  const fresh = (file: string, bytes: Uint8Array): string => {
    NFS.writeFileSync(path(file), bytes)
    return path(file)
  }

  describe(`${name}, on disk`, () => {
    it.effect("refuses a directory", () => refused(path("."), "directory"))

    it.effect.skipIf(isWindows)("refuses a device, which has no end", () => refused("/dev/zero", "character device"))

    it.effect.skipIf(isWindows)("refuses a pipe without waiting for its writer", () => {
      execFileSync("mkfifo", [path("pipe")])
      return refused(path("pipe"), "pipe")
    })

    it.effect.runIf(isLinux)("refuses a file that hides its size", () => refused("/proc/self/status", "size"))

    // Its empty start cannot even be read.
    it.effect.runIf(isLinux)("refuses a file that hides its size and its bytes", () =>
      refused("/proc/self/mem", "size")
    )

    it.effect("fails below what is not a directory", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(FileMapper.map(`${path("hello")}/below`))
        assert.include(["BadResource", "NotFound"], error.reason._tag)
      }).pipe(provided)
    )

    it.effect("fails on a path that cannot be one", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(FileMapper.map("a\0b"))).reason._tag, "BadArgument")
      }).pipe(provided)
    )

    it.effect.skipIf(isWindows)("fails with PermissionDenied without permission", () =>
      Effect.gen(function* () {
        const secret = fresh("secret", new Uint8Array(1))
        NFS.chmodSync(path("."), 0o755)
        NFS.chmodSync(secret, 0)
        const error = yield* Effect.flip(unprivileged(FileMapper.map(secret)))
        assert.strictEqual(error.reason._tag, "PermissionDenied")
        assert.include(error.message, secret)
      }).pipe(provided)
    )

    it.effect("opens a file anew that was replaced, and keeps the old one for those who have it", () =>
      Effect.gen(function* () {
        const file = fresh("replaced", new Uint8Array([1, 1]))
        const before = yield* FileMapper.map(file)
        NFS.renameSync(fresh("replacement", new Uint8Array([2, 2])), file)
        const after = yield* FileMapper.map(file)
        assert.deepStrictEqual(Array.from(yield* before.read(0n, 2)), [1, 1])
        assert.deepStrictEqual(Array.from(yield* after.read(0n, 2)), [2, 2])
      }).pipe(provided)
    )

    it.effect("keeps the size that a growing file had, and sees what it has when mapped again", () =>
      Effect.gen(function* () {
        const file = fresh("growing", new Uint8Array([1]))
        NFS.utimesSync(file, 1, 1)
        const before = yield* FileMapper.map(file)
        NFS.appendFileSync(file, new Uint8Array([2]))
        NFS.utimesSync(file, 1, 1)
        const after = yield* FileMapper.map(file)
        assert.strictEqual(before.size, 1n)
        assert.strictEqual((yield* Effect.flip(before.read(0n, 2))).reason, "Truncated")
        assert.deepStrictEqual(Array.from(yield* after.read(0n, 2)), [1, 2])
      }).pipe(provided)
    )

    it.effect("fails with Truncated behind the end of a file that has shrunk, and reads what is left", () =>
      Effect.gen(function* () {
        const file = fresh("shrinking", new Uint8Array(300_000).fill(7))
        const source = yield* FileMapper.map(file)
        assert.strictEqual((yield* source.read(0n, 1))[0], 7)
        NFS.truncateSync(file, 100_001)
        yield* Effect.yieldNow
        assert.isUndefined(source.resident)
        for (const [offset, length] of [
          [100_000n, 2],
          [200_000n, 1],
          [299_999n, 1],
          [0n, 300_000]
        ] as const) {
          const error = yield* Effect.flip(source.read(offset, length))
          assert.strictEqual(error.reason, "Truncated")
          assert.deepStrictEqual([error.source, error.offset, error.length], [file, offset, length])
        }
        assert.deepStrictEqual(yield* source.read(99_999n, 2), new Uint8Array([7, 7]))
        NFS.truncateSync(file, 0)
        assert.strictEqual((yield* Effect.flip(source.read(200_000n, 1))).reason, "Truncated")
      }).pipe(provided)
    )

    it.effect("opens 6 GiB at once and reads beyond 4 GiB", () =>
      Effect.gen(function* () {
        const [file, there] = [path("huge"), 5n << 30n]
        const fd = NFS.openSync(file, "w")
        NFS.ftruncateSync(fd, 6 * 2 ** 30)
        NFS.writeSync(fd, "here", Number(there))
        NFS.closeSync(fd)
        const source = yield* FileMapper.map(file)
        assert.strictEqual(source.size, 6n << 30n)
        assert.strictEqual(new TextDecoder().decode(yield* source.read(there, 4)), "here")
        assert.deepStrictEqual(
          yield* source.read(there - 70_000n, 140_000).pipe(Effect.map((b) => [b.length, b[70_000]])),
          [140_000, 0x68]
        )
        assert.deepStrictEqual(Array.from(yield* source.read((6n << 30n) - 1n, 1)), [0])
        const part = yield* FileMapper.map(file, { offset: there + 1n, length: 2n })
        assert.strictEqual(new TextDecoder().decode(yield* part.read(0n, 2)), "er")
      }).pipe(provided)
    )

    it.effect("leaves no descriptor open when mapping fails", () =>
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const before = descriptors()
        for (let i = 0; i < 20; i++)
          yield* Effect.exit(Scope.provide(FileMapper.map(path("hello"), { offset: 99n }), scope))
        assert.strictEqual(descriptors(), before)
      }).pipe(provided)
    )

    it.effect(
      `leaves nothing behind when a file is mapped and closed ${CYCLES} times`,
      () =>
        Effect.gen(function* () {
          const mapper = yield* FileMapper.FileMapper
          const file = fresh("cycled", new Uint8Array(1 << 20))
          const cycle = Effect.gen(function* () {
            const scope = yield* Scope.make()
            const source = yield* Scope.provide(mapper.map(file), scope)
            yield* source.read(0n, 4096)
            yield* source.read(0n, 200_000)
            yield* Scope.close(scope, Exit.void)
          })
          const measure = () => {
            collectGarbage()
            return { descriptors: descriptors(), mapped: mappingsOf(file), memory: process.memoryUsage.rss() }
          }
          for (let i = 0; i < CYCLES / 4; i++) yield* cycle // until the heap and the thread pool have their size
          const before = measure()
          for (let i = 0; i < CYCLES; i++) yield* cycle
          const after = measure()
          assert.strictEqual(after.descriptors, before.descriptors)
          assert.deepStrictEqual([before.mapped, after.mapped], [0, 0])
          assert.isBelow(after.memory - before.memory, 100 << 20) // one file, one buffer kept a cycle would be far more
        }).pipe(provided),
      60_000 + 3 * CYCLES
    )
  })
}

/** Open descriptors of this process, where they can be counted. */
export const descriptors = (): number => (isLinux ? NFS.readdirSync("/proc/self/fd").length : 0)

const mappingsOf = (file: string): number =>
  isLinux ? NFS.readFileSync("/proc/self/maps", "utf8").split(file).length - 1 : 0
