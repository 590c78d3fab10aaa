import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Context, Effect, Exit, Fiber, FileSystem, Latch, Layer, Option, PlatformError, Scope } from "effect"
import * as FileMapper from "../src/FileMapper.ts"
import { diskFilesSuite } from "./suites/diskFilesSuite.ts"
import { temporaryFiles } from "./support/temporary.ts"
import { files, fileMapperSuite } from "./suites/fileMapperSuite.ts"

const onDisk = temporaryFiles(files)
const layerFileSystem = FileMapper.layerFileSystem.pipe(Layer.provide(NodeFileSystem.layer))

fileMapperSuite("layerFileSystem", {
  layer: layerFileSystem,
  path: onDisk,
  missing: onDisk("missing"),
  resident: false
})
diskFilesSuite("layerFileSystem", layerFileSystem)

for (const resident of [false, true]) {
  fileMapperSuite(`layerTest, ${resident ? "" : "not "}resident`, {
    layer: FileMapper.layerTest({
      "/content": { bytes: files.content, resident },
      "/empty": { bytes: files.empty, resident }
    }),
    path: (file) => `/${file}`,
    missing: "/missing",
    resident
  })
}

/** A file system of one file, whose reads are written down and wait at a latch. */
const makeRecorder = Effect.gen(function* () {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i)
  const latch = yield* Latch.make(true)
  const state = {
    latch,
    reads: [] as Array<readonly [position: number, length: number]>,
    size: bytes.length,
    most: Infinity,
    fails: false,
    closed: 0
  }
  const read: FileSystem.File["read"] = (buffer, options) =>
    Effect.gen(function* () {
      const position = Number(options?.position)
      state.reads.push([position, buffer.length])
      yield* latch.await
      if (state.fails)
        return yield* PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "read" })
      const part = bytes.subarray(position, Math.min(state.size, position + Math.min(buffer.length, state.most)))
      buffer.set(part)
      return part.length
    })
  const info = { type: "File", size: ByteSize.bytes(100), dev: 1n, ino: Option.none(), mtime: Option.none() }
  const stat = Effect.succeed(info as unknown as FileSystem.File.Info)
  const file = { [FileSystem.FileTypeId]: FileSystem.FileTypeId, stat, read } as unknown as FileSystem.File
  const layer = FileMapper.layerFileSystem.pipe(
    Layer.provide(
      FileSystem.layerNoop({
        stat: () => stat,
        open: () =>
          Effect.acquireRelease(Effect.succeed(file), () =>
            Effect.sync(() => {
              state.closed++
            })
          )
      })
    ),
    Layer.provide(Layer.succeed(FileMapper.BlockCache, { blockSize: 16, cacheSize: 48 }))
  )
  const scope = yield* Scope.make()
  const mapper = Context.get(yield* Layer.build(layer), FileMapper.FileMapper)
  const map = (path: string) => Scope.provide(mapper.map(path), scope)
  return { state, map, source: yield* map("/file"), close: Scope.close(scope, Exit.void) }
})

describe("layerFileSystem", () => {
  it.effect("reads a block once for all who ask for it at the same time, and keeps it", () =>
    Effect.gen(function* () {
      const { source, state } = yield* makeRecorder
      yield* state.latch.close
      const readers = yield* Effect.forkChild(
        Effect.forEach([17n, 18n, 30n], (offset) => source.read(offset, 2), { concurrency: 3 }),
        { startImmediately: true }
      )
      yield* state.latch.open
      const bytes = yield* Fiber.join(readers)
      assert.deepStrictEqual(
        bytes.map((part) => Array.from(part)),
        [
          [17, 18],
          [18, 19],
          [30, 31]
        ]
      )
      assert.deepStrictEqual(
        yield* source.read(16n, 16),
        Uint8Array.from({ length: 16 }, (_, i) => 16 + i)
      )
      assert.deepStrictEqual(state.reads, [[16, 16]])
    })
  )

  it.effect("reads what does not lie in one block straight from the file, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const { source, state } = yield* makeRecorder
      yield* source.read(0n, 100)
      yield* source.read(15n, 2)
      yield* source.read(98n, 2)
      assert.deepStrictEqual(state.reads, [
        [0, 100],
        [15, 2],
        [96, 4]
      ])
    })
  )

  it.effect("keeps the blocks last used, within its limit for all files together", () =>
    Effect.gen(function* () {
      const { map, source, state } = yield* makeRecorder
      const other = yield* map("/other")
      for (const offset of [0n, 16n, 0n]) yield* source.read(offset, 1)
      yield* other.read(0n, 1)
      yield* other.read(16n, 1) // the fourth block: the one at 16 of the first file gives way
      assert.deepStrictEqual(state.reads, [
        [0, 16],
        [16, 16],
        [0, 16],
        [16, 16]
      ])
      yield* source.read(0n, 1)
      assert.strictEqual(state.reads.length, 4)
      yield* source.read(16n, 1)
      assert.strictEqual(state.reads.length, 5)
    })
  )

  it.effect("goes on after a read that gave less than asked", () =>
    Effect.gen(function* () {
      const { source, state } = yield* makeRecorder
      state.most = 7
      assert.deepStrictEqual(
        yield* source.read(1n, 20),
        Uint8Array.from({ length: 20 }, (_, i) => 1 + i)
      )
      assert.deepStrictEqual(state.reads, [
        [1, 20],
        [8, 13],
        [15, 6]
      ])
    })
  )

  it.effect("remembers neither failures nor blocks cut short", () =>
    Effect.gen(function* () {
      const { source, state } = yield* makeRecorder
      state.fails = true
      const error = yield* Effect.flip(source.read(3n, 2))
      assert.deepStrictEqual([error.reason, error.offset, error.length], ["ReadFailed", 3n, 2])
      assert.isTrue(PlatformError.isPlatformError(error.cause))
      assert.strictEqual((yield* Effect.flip(source.read(3n, 40))).reason, "ReadFailed")
      state.fails = false
      state.size = 4
      assert.strictEqual((yield* Effect.flip(source.read(3n, 2))).reason, "Truncated")
      assert.deepStrictEqual(yield* source.read(3n, 1), new Uint8Array([3]))
      state.size = 100
      assert.deepStrictEqual(yield* source.read(3n, 2), new Uint8Array([3, 4]))
    })
  )

  it.effect("closes the file when the reads under way are done, and fails them", () =>
    Effect.gen(function* () {
      const { close, source, state } = yield* makeRecorder
      yield* state.latch.close
      const small = yield* Effect.forkChild(Effect.flip(source.read(0n, 1)), { startImmediately: true })
      const large = yield* Effect.forkChild(Effect.flip(source.read(0n, 50)), { startImmediately: true })
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      assert.strictEqual((yield* Effect.flip(source.read(0n, 1))).reason, "Closed")
      assert.strictEqual(state.reads.length, 2)
      assert.strictEqual(state.closed, 0)
      yield* state.latch.open
      yield* Fiber.join(closing)
      assert.strictEqual(state.closed, 1)
      assert.deepStrictEqual(
        [(yield* Fiber.join(small)).reason, (yield* Fiber.join(large)).reason],
        ["Closed", "Closed"]
      )
    })
  )

  it.effect("closes the file when a read is done whose reader was interrupted", () =>
    Effect.gen(function* () {
      const { close, source, state } = yield* makeRecorder
      for (const length of [1, 50]) {
        yield* state.latch.close
        const reader = yield* Effect.forkChild(source.read(20n, length), { startImmediately: true })
        yield* Effect.forkChild(Fiber.interrupt(reader), { startImmediately: true })
      }
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* Effect.yieldNow
      assert.strictEqual(state.closed, 0)
      yield* state.latch.open
      yield* Fiber.join(closing)
      assert.strictEqual(state.closed, 1)
    })
  )
})
