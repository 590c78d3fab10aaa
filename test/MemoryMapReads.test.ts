import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema, Stream } from "effect"
import * as AddressRange from "../src/AddressRange.ts"
import * as ByteSource from "../src/ByteSource.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import type { TooLarge } from "../src/MemoryMapError.ts"
import { bytes, filled, islands } from "./support/islands.ts"
import { allReads, effectRead, effectReadLast } from "./support/values.ts"

const asked = (data: Uint8Array) =>
  ByteSource.make({
    name: "asked",
    size: BigInt(data.length),
    read: (offset, length) => Effect.succeed(data.slice(Number(offset), Number(offset) + length))
  })

/** The bytes at `address`, as one mapping, or cut in pieces of which some are resident and some have to be asked. */
const placed = (data: Uint8Array, address: bigint, cuts: ReadonlyArray<number>) => {
  const edges = [0, ...cuts.filter((cut) => cut > 0 && cut < data.length).sort((a, b) => a - b), data.length]
  const entries = edges.slice(1).flatMap((end, i) => {
    const part = data.slice(edges[i], end)
    const source = i % 2 === 0 ? ByteSource.fromBytes(part) : asked(part)
    return part.length === 0 ? [] : [{ source, address: address + BigInt(edges[i]!) }]
  })
  return MemoryMap.addAll(MemoryMap.empty, entries)
}

const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const eight = Schema.Array(byte).check(Schema.isMinLength(8), Schema.isMaxLength(8))
const cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 }))).check(Schema.isMaxLength(3))
const places = Schema.Literals([0n, 3n, (1n << 32n) - 4n, (1n << 53n) - 4n, (1n << 63n) - 4n, END - 8n])

describe("typed reads", () => {
  for (const wordSize of [32, 64] as const) {
    it.effect.prop(
      `are what DataView says, across any mappings, words of ${wordSize} bits`,
      [eight, cuts, places, Schema.Literals(["little", "big"])],
      ([values, cuts, address, endian]) =>
        Effect.gen(function* () {
          const view = new DataView(Uint8Array.from(values).buffer)
          const map = (yield* placed(Uint8Array.from(values), address, cuts)).pipe(
            MemoryMap.setEndian(endian),
            MemoryMap.setWordSize(wordSize)
          )
          const other = endian === "little" ? "big" : "little"
          for (const typed of allReads(wordSize)) {
            const { expected, name, size } = typed
            for (const read of [effectRead(typed), effectReadLast(typed)]) {
              assert.deepStrictEqual(yield* read(map, address), expected(view, endian === "little"), name)
              assert.deepStrictEqual(
                yield* read(map, address, { endian: other }),
                expected(view, other === "little"),
                name
              )
              const tooFar = address + 9n - BigInt(size)
              const error = yield* Effect.flip(read(map, tooFar))
              assert.strictEqual(error._tag, "UnmappedAddress")
              if (error._tag === "UnmappedAddress") {
                assert.deepStrictEqual(
                  [error.operation, error.address, error.requested, error.available],
                  [name, address + 8n, { start: tooFar, end: tooFar + BigInt(size) }, BigInt(size - 1)]
                )
              }
            }
          }
          const follow = yield* MemoryMap.followPointer(map, address)
          assert.strictEqual(follow, yield* MemoryMap.getPointer(map, address))
        })
    )
  }

  it.effect("a map of a 32-bit machine masks nothing and wraps nowhere", () =>
    Effect.gen(function* () {
      const high = 0xffff_ffff_0000_0000n
      const map = (yield* MemoryMap.fromBytes(bytes(1, 2, 3, 4), 0xffff_fffcn).pipe(
        Effect.flatMap(MemoryMap.addBytes(bytes(5, 6, 7, 8), 0x1_0000_0000n)),
        Effect.flatMap(MemoryMap.addBytes(bytes(9, 9, 9, 9), high))
      )).pipe(MemoryMap.setWordSize(32), MemoryMap.setEndian("big"))
      assert.strictEqual(yield* MemoryMap.getPointer(map, 0xffff_fffen), 0x0304_0506n)
      assert.strictEqual(yield* MemoryMap.getPointer(map, high), 0x0909_0909n)
      assert.isFalse(MemoryMap.isMapped(map, 0n))
      assert.strictEqual(MemoryMap.succLong(map, 0xffff_fffcn), 0x1_0000_0000n)
      assert.strictEqual(yield* MemoryMap.getCLong(map, 0xffff_fffcn), 0x0102_0304n)
    })
  )

  it.effect("code that got round the types is told what is missing", () =>
    Effect.gen(function* () {
      const map = (yield* islands) as unknown as MemoryMap.Ready
      const read: ReadonlyArray<readonly [Effect.Effect<unknown, MemoryMap.ReadError | TooLarge>, RegExp]> = [
        [MemoryMap.getInt16(map, 2n), /getInt16: set the byte order first/],
        [MemoryMap.getPointer(map, 2n, { endian: "little" }), /getPointer: set the word size first/]
      ]
      for (const [effect, message] of read) {
        const exit = yield* Effect.exit(effect)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        if (Exit.isFailure(exit)) assert.match(Cause.pretty(exit.cause), message)
      }
    })
  )
})

describe("bytes", () => {
  it.effect("are a copy, which the caller may change", () =>
    Effect.gen(function* () {
      const array = filled(1, 4)
      const map = yield* MemoryMap.addBytesUnsafe(MemoryMap.empty, array, 0n)
      const runs = (part: MemoryMap.SparsePart) => (part._tag === "Run" ? [part.bytes] : [])
      const copies = [
        yield* MemoryMap.getBytes(map, 0n, 4),
        yield* MemoryMap.getBytesUpTo(map, 0n, 9),
        yield* MemoryMap.getBytesPadded(map, 0n, 4),
        ...(yield* MemoryMap.getSparse(map, AddressRange.make(0n, 4n))).flatMap(runs),
        ...(yield* Stream.runCollect(MemoryMap.stream(map))).map((part) => part.bytes)
      ]
      for (const copy of copies) copy[0] = 9
      assert.strictEqual(copies.length, 5)
      assert.deepStrictEqual(array, filled(1, 4))
    })
  )

  it.effect("are read by a range as by an address and a length", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const range = AddressRange.make(4n, 9n)
      assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, range), yield* MemoryMap.getBytesPadded(map, 4n, 5))
      assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, range, 7), bytes(12, 13, 7, 7, 20))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytesPadded(range, 7)), bytes(12, 13, 7, 7, 20))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytesUpTo(range)), bytes(12, 13))
      assert.deepStrictEqual(yield* MemoryMap.getBytes(map, { start: 3n, end: 6n }), bytes(11, 12, 13))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytes({ start: 3n, end: 6n })), bytes(11, 12, 13))
      const error = yield* Effect.flip(MemoryMap.getBytes(map, range))
      assert.deepStrictEqual(error._tag === "UnmappedAddress" && error.requested, { start: 4n, end: 9n })
      const backwards = yield* Effect.exit(MemoryMap.getBytes(map, { start: 9n, end: 4n }))
      assert.isTrue(Exit.isFailure(backwards) && Cause.hasDies(backwards.cause))
    })
  )

  it.effect("no bytes can be had at every address", () =>
    Effect.gen(function* () {
      const map = yield* islands
      for (const address of [0n, 2n, 6n, END, END + 1n, -1n]) {
        for (const read of [MemoryMap.getBytes, MemoryMap.getBytesUpTo, MemoryMap.getBytesPadded]) {
          assert.deepStrictEqual(yield* read(map, address, 0), bytes())
        }
        assert.deepStrictEqual(yield* MemoryMap.getSparse(map, { start: address, end: address }), [])
        assert.strictEqual(yield* MemoryMap.getString(map, address, { maxLength: 0 }), "")
      }
    })
  )

  it.effect("stop at holes, or pad them, or list them", () =>
    Effect.gen(function* () {
      const map = yield* islands
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytes(3n, 3)), bytes(11, 12, 13))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytesUpTo(3n, 100)), bytes(11, 12, 13))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytesUpTo(3n, 2)), bytes(11, 12))
      const error = yield* Effect.flip(MemoryMap.getBytesUpTo(map, 6n, 4))
      assert.strictEqual(error._tag === "UnmappedAddress" && error.operation, "getBytesUpTo")
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getBytesPadded(4n, 5)), bytes(12, 13, 0, 0, 20))
      assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, 4n, 5, 0xee), bytes(12, 13, 0xee, 0xee, 20))
      assert.deepStrictEqual(yield* map.pipe(MemoryMap.getSparse(AddressRange.make(4n, 9n))), [
        { _tag: "Run", start: 4n, bytes: bytes(12, 13) },
        { _tag: "Hole", range: { start: 6n, end: 8n }, reason: undefined },
        { _tag: "Run", start: 8n, bytes: bytes(20) }
      ])
    })
  )

  it.effect("the last of the space are read like any others", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(bytes(1, 2, 3, 4), END - 4n)
      assert.strictEqual(yield* MemoryMap.getByte(map, END - 1n), 4)
      assert.deepStrictEqual(yield* MemoryMap.getBytes(map, END - 4n, 4), bytes(1, 2, 3, 4))
      assert.deepStrictEqual(yield* MemoryMap.getBytesUpTo(map, END - 2n, 100), bytes(3, 4))
      assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, END - 6n, 6, 7), bytes(7, 7, 1, 2, 3, 4))
      const range = AddressRange.make(END - 5n, END)
      const sparse = yield* MemoryMap.getSparse(map, range)
      assert.deepStrictEqual(
        sparse.map((part) => part._tag),
        ["Hole", "Run"]
      )
      const all = yield* Stream.runCollect(MemoryMap.stream(map, { range, holes: "zero" }))
      assert.deepStrictEqual(
        all.flatMap((part) => [...part.bytes]),
        [0, 1, 2, 3, 4]
      )
      const beyond = { start: END - 4n, end: END + 1n }
      const reads: ReadonlyArray<Effect.Effect<unknown, MemoryMap.ReadError | TooLarge>> = [
        MemoryMap.getBytes(map, END - 4n, 5),
        MemoryMap.getBytesPadded(map, END - 4n, 5),
        MemoryMap.getSparse(map, beyond),
        Stream.runDrain(MemoryMap.stream(map, { range: beyond })),
        Stream.runDrain(MemoryMap.stream(map, { range: beyond, holes: "zero" })),
        Stream.runDrain(MemoryMap.stream(map, { range: beyond, holes: "fail" })),
        MemoryMap.getString(map, END - 4n)
      ]
      for (const read of reads) {
        const error = yield* Effect.flip(read)
        assert.strictEqual(error._tag === "UnmappedAddress" && error.address, END)
        assert.strictEqual(error._tag === "UnmappedAddress" && error.available, 4n)
      }
      assert.isFalse(yield* MemoryMap.isString(map, END - 4n))
    })
  )

  for (const [length, message] of [
    [-1, /the length in bytes must be a whole number, 0 or more, not -1/],
    [1.5, /the length in bytes must be a whole number, 0 or more, not 1.5/],
    [Number.NaN, /the length in bytes must be a whole number, 0 or more, not NaN/],
    [2 ** 53, /the length in bytes must be a whole number, 0 or more/],
    [2 ** 40, /1099511627776 bytes do not fit in one array; read them with MemoryMap.stream/]
  ] as const) {
    it.effect(`a length of ${length} is a defect that says so`, () =>
      Effect.gen(function* () {
        const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 50n), 0n)
        for (const read of [MemoryMap.getBytes, MemoryMap.getBytesUpTo, MemoryMap.getBytesPadded]) {
          const exit = yield* Effect.exit(read(map, 0n, length))
          assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
          if (Exit.isFailure(exit)) assert.match(Cause.pretty(exit.cause), message)
        }
      })
    )
  }

  it.effect("the Effect of a read reads each time it runs", () =>
    Effect.gen(function* () {
      let reads = 0
      const source = ByteSource.make({
        name: "counter",
        size: 8n,
        read: (_, length) => Effect.sync(() => filled(++reads, length))
      })
      const map = (yield* MemoryMap.add(MemoryMap.empty, source, 0n)).pipe(MemoryMap.setEndian("little"))
      const effects: ReadonlyArray<Effect.Effect<unknown, MemoryMap.ReadError | TooLarge>> = [
        MemoryMap.getByte(map, 0n),
        MemoryMap.getUint16(map, 0n),
        MemoryMap.getBytes(map, 0n, 3),
        MemoryMap.getBytesUpTo(map, 0n, 3),
        MemoryMap.getBytesPadded(map, 0n, 3),
        MemoryMap.getSparse(map, AddressRange.make(0n, 3n)),
        MemoryMap.getString(map, 0n, { maxLength: 3 }),
        Effect.exit(MemoryMap.isString(map, 0n)),
        Stream.runDrain(MemoryMap.stream(map)),
        MemoryMap.reader(map)
      ]
      assert.strictEqual(reads, 0, "making an Effect reads nothing")
      for (const effect of effects) {
        for (let run = 0; run < 2; run++) {
          const before = reads
          yield* effect
          assert.isAbove(reads, before)
        }
      }
    })
  )
})

describe("stream", () => {
  const collect = (map: MemoryMap.Mapped, holes?: MemoryMap.HolePolicy) =>
    Stream.runCollect(MemoryMap.stream(map, { range: AddressRange.make(0n, 12n), holes }))

  it.effect("leaves holes out, fails at the first, or gives zeros", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const parts = [
        { address: 2n, bytes: bytes(10, 11, 12, 13) },
        { address: 8n, bytes: bytes(20, 21) }
      ]
      assert.deepStrictEqual(yield* collect(map, "skip"), parts)
      assert.deepStrictEqual(yield* collect(map), parts)
      assert.deepStrictEqual(yield* Stream.runCollect(map.pipe(MemoryMap.stream())), parts)
      assert.deepStrictEqual(
        yield* Stream.runCollect(map.pipe(MemoryMap.stream({ range: AddressRange.make(3n, 9n) }))),
        [
          { address: 3n, bytes: bytes(11, 12, 13) },
          { address: 8n, bytes: bytes(20) }
        ]
      )
      const zeros = yield* collect(map, "zero")
      assert.deepStrictEqual(
        zeros.flatMap((part) => [...part.bytes]),
        [0, 0, 10, 11, 12, 13, 0, 0, 20, 21, 0, 0]
      )
      assert.strictEqual((yield* Effect.flip(collect(map, "fail")))._tag, "UnmappedAddress")
      const seen: Array<bigint> = []
      const fails = MemoryMap.stream(map, { range: AddressRange.make(2n, 12n), holes: "fail" }).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part.address)))
      )
      const error = yield* Effect.flip(fails)
      assert.deepStrictEqual(seen, [2n], "what comes before the hole is delivered")
      assert.strictEqual(error._tag === "UnmappedAddress" && error.address, 6n)
    })
  )

  it.effect("gives elements of 1 MiB at most, adjacent mappings joined", () =>
    Effect.gen(function* () {
      const map = yield* placed(filled(7, 2_500_000), 5n, [100, 1_000_000])
      const parts = yield* Stream.runCollect(MemoryMap.stream(map))
      assert.deepStrictEqual(
        parts.map((part) => [part.address, part.bytes.length]),
        [
          [5n, 1 << 20],
          [5n + (1n << 20n), 1 << 20],
          [5n + (2n << 20n), 2_500_000 - (2 << 20)]
        ]
      )
    })
  )

  it.effect("gives zeros for holes of any size, and as many elements as there are", () =>
    Effect.gen(function* () {
      const count = 3000
      const map = yield* MemoryMap.addAll(
        MemoryMap.empty,
        Array.from({ length: count }, (_, i) => ({
          source: ByteSource.fromBytes(bytes((i % 255) + 1)),
          address: 2_500_000n + 2n * BigInt(i)
        }))
      )
      const range = AddressRange.make(1000n, 4_000_000n)
      const all = filled(0xee, 4_000_000)
      let at = 1000n
      const zeros = MemoryMap.stream(map, { range, holes: "zero" })
      yield* Stream.runForEach(zeros, (part) =>
        Effect.sync(() => {
          assert.strictEqual(part.address, at)
          at += BigInt(part.bytes.length)
          all.set(part.bytes, Number(part.address))
        })
      )
      assert.strictEqual(at, 4_000_000n)
      const expected = filled(0xee, 1000)
      const padded = yield* MemoryMap.getBytesPadded(map, 1000n, 3_999_000)
      assert.isTrue(Buffer.from(all).equals(Buffer.concat([expected, padded])))
      const skipped = yield* Stream.runCollect(MemoryMap.stream(map, { range }))
      assert.deepStrictEqual(
        skipped.map((part) => [part.address, part.bytes[0], part.bytes.length]),
        Array.from({ length: count }, (_, i) => [2_500_000n + 2n * BigInt(i), (i % 255) + 1, 1])
      )
    })
  )

  it.effect("says what was asked for when it fails", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const stream = MemoryMap.stream(map, { range: AddressRange.make(4n, 9n), holes: "fail" })
      const error = yield* Effect.flip(Stream.runDrain(stream))
      assert.strictEqual(error.message, "stream: 0x6 is not mapped (5 bytes at 0x4, 2 readable; hole 0x6-0x8)")
    })
  )

  it.effect("of the whole space ends when its reader does", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const first = yield* MemoryMap.stream(map, { range: AddressRange.full, holes: "zero" }).pipe(
        Stream.take(3),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        first.map((part) => part.bytes.length),
        [2, 4, 2]
      )
      assert.strictEqual(yield* Stream.runCount(MemoryMap.stream(map)), 2)
    })
  )
})
