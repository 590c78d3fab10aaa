// Sizes that data decide: bounded before memory or disk is taken, exact where doubles are not.
import { assert, describe, it } from "@effect/vitest"
import { NodeFileSystem } from "@effect/platform-node"
import { Cause, Effect, Exit, Fiber, FileSystem, Layer, Stream } from "effect"
import * as AddressRange from "../../src/AddressRange.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type { ImageError, TooLarge } from "../../src/MemoryMapError.ts"
import * as Snapshot from "../../src/Snapshot.ts"

const huge = MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 62n), 0x1000n)
const letters = ByteSource.make({
  name: "letters",
  size: 1n << 50n,
  read: (_, length) => Effect.sync(() => new Uint8Array(length).fill(0x61))
})

const tooLarge = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const found = error as unknown as TooLarge
    assert.strictEqual(found._tag, "TooLarge")
    return found
  })

describe("what is larger than memory", () => {
  it.effect("is an error of sparse reads, which a caller can move", () =>
    Effect.gen(function* () {
      const map = yield* huge
      const error = yield* tooLarge(MemoryMap.getSparse(map, AddressRange.full))
      assert.deepStrictEqual([error.size, error.limit], [1n << 62n, 1n << 30n])
      assert.match(error.message, /getSparse: 4 EiB from 0x0 on are more than the limit of 1 GiB/)
      const range = AddressRange.make(0x1000n, 0x1010n)
      assert.lengthOf(yield* MemoryMap.getSparse(map, range, { limit: 16 }), 1)
      assert.strictEqual((yield* tooLarge(MemoryMap.getSparse(map, range, { limit: 15 }))).limit, 15n)
    })
  )

  it.effect("is an error of readers, before anything is read", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, letters, 0n)
      assert.strictEqual((yield* tooLarge(MemoryMap.reader(map))).operation, "reader")
      const part = yield* Effect.fromOption(ByteSource.slice(letters, 0n, 100n))
      const small = yield* MemoryMap.add(MemoryMap.empty, part, 0n)
      yield* tooLarge(MemoryMap.reader(small, { limit: 99 }))
      assert.strictEqual((yield* MemoryMap.reader(small, { limit: 100 })).getByte(99n), 0x61)
      yield* MemoryMap.reader(yield* huge)
    })
  )
})

const refused = <R>(effect: Effect.Effect<unknown, unknown, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const { _tag, message, reason } = error as ImageError
    assert.deepStrictEqual([_tag, reason], ["ImageError", "TooLarge"])
    return message
  })

describe("a snapshot of more zeros than it could ever be done with", () => {
  const first = (map: MemoryMap.Mapped, options?: { readonly limit: number }) =>
    Effect.map(Stream.runCollect(Stream.take(Snapshot.toStream(map, options), 1)), (pieces) => pieces[0]!.length)

  it.effect("is refused at once, and leaves no file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      for (const bits of [45n, 48n, 62n]) {
        const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << bits), 0n)
        assert.match(yield* refused(Snapshot.save(map, `${directory}/zeros.snap`)), /more than the limit of 16 TiB/)
      }
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.effect("is written as far as the caller allows, up to what the format can hold", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 48n), 0n)
      assert.isAbove(yield* first(map, { limit: 2 ** 48 }), 0)
      assert.match(yield* refused(first(map, { limit: 2 ** 48 - 1 })), /256 TiB are mapped, more than the limit of/)
      const more = yield* MemoryMap.add(map, ByteSource.zeros(1n), 1n << 50n)
      assert.match(yield* refused(first(more, { limit: 2 ** 48 })), /TiB/)
      for (const limit of [2 ** 48 + 1, -1, Number.NaN, 0.5]) {
        const exit = yield* Effect.exit(first(map, { limit }))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause), `limit ${limit}`)
        assert.match(String(exit), /Snapshot.toStream: the limit in bytes must be a whole number from 0/)
      }
    })
  )

  it.effect("is interrupted in the middle of them", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 44n), 0n)
      const fiber = yield* Effect.forkChild(Stream.runDrain(Snapshot.toStream(map)))
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
    })
  )
})

const readsAt = Effect.gen(function* () {
  const source = yield* FileMapper.map("/huge")
  for (const offset of [(1n << 53n) + 1n, (1n << 53n) + 3n, (1n << 60n) - 1n, (1n << 60n) + 1n]) {
    const bytes = yield* source.read(offset, 3)
    assert.deepStrictEqual(
      [...bytes],
      [0n, 1n, 2n].map((i) => Number((offset + i) & 0xffn)),
      `at ${offset}`
    )
  }
})

describe("a file that is read by position", () => {
  it.effect("is read at the very byte beyond 2^53", () =>
    Effect.gen(function* () {
      const size = (1n << 60n) + 5n
      const asked: Array<bigint> = []
      const file = {
        stat: Effect.succeed({ type: "File", size }),
        read: (buffer: Uint8Array, { position }: { readonly position: bigint }) =>
          Effect.sync(() => {
            asked.push(position)
            const count = size - position < buffer.length ? Number(size - position) : buffer.length
            for (let i = 0; i < count; i++) buffer[i] = Number((position + BigInt(i)) & 0xffn)
            return count
          })
      }
      const info = { type: "File", size, dev: 1, ino: { _tag: "None" }, mtime: { _tag: "None" } }
      const files = FileSystem.layerNoop({
        stat: () => Effect.succeed(info as never),
        open: () => Effect.succeed(file as never)
      })
      yield* Effect.provide(readsAt, Layer.provide(FileMapper.layerFileSystem, files))
      assert.isTrue(
        asked.some((position) => position > 1n << 53n && position % 65_536n === 0n),
        "by blocks"
      )
    })
  )
})
