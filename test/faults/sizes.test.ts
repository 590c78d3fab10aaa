// Sizes that data decide: bounded before memory or disk is taken, exact where doubles are not.
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import * as AddressRange from "../../src/AddressRange.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type { TooLarge } from "../../src/MemoryMapError.ts"

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
