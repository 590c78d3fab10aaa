import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ByteSource from "../src/ByteSource.ts"
import * as FileMapper from "../src/FileMapper.ts"
import { fastPaths } from "../src/internal/base/fastPaths.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import { SourceError, UnmappedAddress } from "../src/MemoryMapError.ts"
import { bytes, filled, islands } from "./support/islands.ts"
import { allReads, effectRead, readerRead } from "./support/values.ts"

const thrown = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    return error
  }
  return assert.fail("did not throw")
}

/** Bytes that come in every way a source can give them, 4 at a time, in one run. */
const mixed = Effect.fnUntraced(function* (address: bigint) {
  const asked = ByteSource.make({
    name: "asked",
    size: 4n,
    read: (offset, length) =>
      Effect.succeed(bytes(0x81, 0x82, 0x83, 0x84).slice(Number(offset), Number(offset) + length))
  })
  const file = ByteSource.fromBytes(Uint8Array.from({ length: 64 }, (_, i) => 0xf0 - i))
  const map = yield* MemoryMap.addAll(MemoryMap.empty, [
    { source: ByteSource.fromBytes(bytes(1, 2, 3, 4)), address },
    { source: asked, address: address + 4n },
    { source: ByteSource.zeros(4n), address: address + 8n },
    { source: yield* Effect.fromOption(ByteSource.slice(file, 7n, 4n)), address: address + 12n },
    { source: yield* Effect.fromOption(ByteSource.slice(file, 33n, 4n)), address: address + 16n },
    { source: yield* Effect.fromOption(ByteSource.slice(ByteSource.zeros(9n), 5n, 4n)), address: address + 20n },
    { source: file, address: address + 200n }
  ])
  return MemoryMap.setEndian(map, "little")
})

const places = [0n, 5n, (1n << 32n) - 12n, (1n << 53n) - 12n, (1n << 63n) - 12n, END - 264n]

describe("a reader", () => {
  for (const wordSize of [32, 64] as const) {
    it.effect(`reads what the Effect forms read, words of ${wordSize} bits`, () =>
      Effect.gen(function* () {
        for (const start of places) {
          const map = MemoryMap.setWordSize(yield* mixed(start), wordSize)
          const reader = yield* MemoryMap.reader(map)
          for (let address = start - 3n; address < start + 30n; address++) {
            assert.strictEqual(reader.isMapped(address), MemoryMap.isMapped(map, address))
            for (const typed of allReads(wordSize)) {
              for (const options of [undefined, { endian: "big" }] as const) {
                const expected = yield* Effect.result(effectRead(typed)(map, address, options))
                const read = () => readerRead(reader, typed, address, options)
                if (expected._tag === "Success") assert.deepStrictEqual(read(), expected.success)
                else assert.deepStrictEqual(thrown(read), expected.failure)
              }
            }
            for (const length of [0, 1, 7, 24, 25, 1000]) {
              const expected = yield* Effect.result(MemoryMap.getBytes(map, address, length))
              const read = () => reader.getBytes(address, length)
              if (expected._tag === "Success") assert.deepStrictEqual(read(), expected.success)
              else assert.strictEqual((thrown(read) as Error).message, expected.failure.message)
            }
          }
        }
      })
    )
  }

  it.effect("with no hint of the last hit, too", () =>
    Effect.gen(function* () {
      const map = yield* mixed(END - 264n)
      const reader = yield* MemoryMap.reader(map)
      const all = () => Array.from({ length: 24 }, (_, i) => reader.getByte(END - 264n + BigInt(i)))
      const hinted = all()
      yield* Effect.acquireUseRelease(
        Effect.sync(() => void (fastPaths.lastHit = false)),
        () => Effect.sync(() => assert.deepStrictEqual(all(), hinted)),
        () => Effect.sync(() => void (fastPaths.lastHit = true))
      )
    })
  )

  it.effect("finds its way among thousands of mappings that one double cannot tell apart", () =>
    Effect.gen(function* () {
      const count = 5000
      const base = END - BigInt(2 * count)
      const map = yield* MemoryMap.addAll(
        MemoryMap.empty,
        Array.from({ length: count }, (_, i) => ({
          source: ByteSource.fromBytes(bytes(i & 0xff)),
          address: base + BigInt(2 * i)
        }))
      )
      const reader = yield* MemoryMap.reader(map)
      for (let i = 0; i < count; i++) {
        const at = (i * 1237) % count
        assert.strictEqual(reader.getByte(base + BigInt(2 * at)), at & 0xff)
        assert.isFalse(reader.isMapped(base + BigInt(2 * at + 1)))
      }
    })
  )

  it.effect("asks each source once, for what is visible", () =>
    Effect.gen(function* () {
      const asked: Array<readonly [bigint, number]> = []
      const source = ByteSource.make({
        name: "asked",
        size: 8n,
        read: (offset, length) => Effect.sync(() => (asked.push([offset, length]), filled(asked.length, length)))
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n).pipe(
        Effect.flatMap(MemoryMap.addBytes(filled(9, 2), 2n))
      )
      const make = MemoryMap.reader(map)
      const reader = yield* make
      assert.deepStrictEqual(asked, [
        [0n, 2],
        [4n, 4]
      ])
      assert.deepStrictEqual(reader.getBytes(0n, 8), bytes(1, 1, 9, 9, 2, 2, 2, 2))
      assert.deepStrictEqual((yield* make).getBytes(0n, 8), bytes(3, 3, 9, 9, 4, 4, 4, 4), "a second reader asks again")
      assert.deepStrictEqual(reader.getBytes(0n, 8), bytes(1, 1, 9, 9, 2, 2, 2, 2))
    })
  )

  it.effect("asks for much in parts, and puts them in their places", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const source = ByteSource.make({
        name: "large",
        size: 10n << 20n,
        read: (offset, length) =>
          Effect.sync(() => (asked.push(length), Uint8Array.from({ length }, (_, i) => (Number(offset) + i) >> 16)))
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0x1000n)
      const reader = yield* MemoryMap.reader(map)
      assert.deepStrictEqual(asked, [4 << 20, 4 << 20, 2 << 20])
      for (let page = 0; page < 160; page++) {
        const address = 0x1000n + BigInt(page << 16)
        assert.deepStrictEqual([reader.getByte(address), reader.getByte(address + 0xffffn)], [page, page])
      }
    })
  )

  it.effect("keeps no array that a source uses again", () =>
    Effect.gen(function* () {
      const scratch = Buffer.alloc(4)
      const source = ByteSource.make({
        name: "scratch",
        size: 8n,
        read: (offset, length) => Effect.sync(() => scratch.fill(Number(offset) + 1).subarray(0, length))
      })
      const slices = [
        yield* Effect.fromOption(ByteSource.slice(source, 0n, 4n)),
        yield* Effect.fromOption(ByteSource.slice(source, 4n, 4n))
      ]
      const map = yield* MemoryMap.addAll(
        MemoryMap.empty,
        slices.map((source, i) => ({ source, address: BigInt(4 - 4 * i) }))
      )
      const reader = yield* MemoryMap.reader(map)
      assert.deepStrictEqual(reader.getBytes(0n, 8), bytes(5, 5, 5, 5, 1, 1, 1, 1))
      assert.deepStrictEqual(yield* MemoryMap.getBytes(map, 0n, 8), bytes(5, 5, 5, 5, 1, 1, 1, 1))
    })
  )

  it.effect("hands out copies of bytes, which the caller may change", () =>
    Effect.gen(function* () {
      const reader = yield* Effect.flatMap(islands, MemoryMap.reader)
      reader.getBytes(2n, 4)[0] = 99
      assert.strictEqual(reader.getByte(2n), 10)
    })
  )

  it.effect("fails as the source fails, and says where", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromFile("/f", 0n)
      const error = yield* Effect.flip(MemoryMap.reader(map))
      assert.strictEqual(error.message, "/f: cannot read 8 bytes at offset 0x0: the byte at 5 was told to fail")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/f": { bytes: new Uint8Array(8), failAt: 5n } })))
  )

  it.effect("says Closed when the file in memory is gone", () =>
    Effect.gen(function* () {
      const open = Effect.flatMap(MemoryMap.fromFile("/f", 0n), MemoryMap.reader)
      const reader = yield* Effect.scoped(
        Effect.tap(open, (reader) => Effect.sync(() => assert.strictEqual(reader.getByte(1n), 2)))
      )
      for (const read of [
        () => reader.getByte(1n),
        () => reader.getInt32(0n, { endian: "big" }),
        () => reader.getBytes(0n, 4)
      ]) {
        const error = thrown(read)
        assert.isTrue(error instanceof SourceError && error.reason === "Closed")
      }
      assert.instanceOf(
        thrown(() => reader.getBytes(2n, 4)),
        UnmappedAddress
      )
    }).pipe(Effect.provide(FileMapper.layerTest({ "/f": { bytes: bytes(1, 2, 3, 4), resident: true } })))
  )

  it.effect("of a source too large for memory is refused before anything is read", () =>
    Effect.gen(function* () {
      let reads = 0
      const source = ByteSource.make({
        name: "huge",
        size: 1n << 50n,
        read: (_, length) => Effect.sync(() => (reads++, new Uint8Array(length)))
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
      const error = yield* Effect.flip(MemoryMap.reader(map))
      assert.match(error.message, /^reader: 1 PiB from 0x0 on are more than the limit of 4 GiB/)
      assert.strictEqual(reads, 0)
    })
  )

  it.effect("of zeros as large as the space takes no memory", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(END), 0n)
      const reader = yield* MemoryMap.reader(MemoryMap.setEndian(map, "little"))
      assert.strictEqual(reader.getUint64(END - 8n), 0n)
      assert.match((thrown(() => reader.getUint64(END - 7n)) as Error).message, /0x10000000000000000 lies outside/)
      assert.throws(() => reader.getBytes(0n, 2 ** 40), /do not fit in one array/)
    })
  )

  it.effect("refuses bad lengths before it allocates", () =>
    Effect.gen(function* () {
      const reader = yield* Effect.flatMap(islands, MemoryMap.reader)
      for (const length of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
        assert.throws(() => reader.getBytes(2n, length), RangeError, /the length in bytes must be a whole number/)
      }
      assert.instanceOf(
        thrown(() => reader.getBytes(2n, 2 ** 45)),
        UnmappedAddress
      )
    })
  )

  it.effect("without byte order or word size tells untyped code", () =>
    Effect.gen(function* () {
      const reader = yield* MemoryMap.reader((yield* islands) as unknown as MemoryMap.Ready)
      assert.throws(() => reader.getUint16(2n), /getUint16: set the byte order first/)
      assert.throws(() => reader.getPointer(2n, { endian: "big" }), /getPointer: set the word size first/)
      assert.throws(() => reader.getCLong(2n, { endian: "big" }), /getCLong: set the word size first/)
    })
  )
})
