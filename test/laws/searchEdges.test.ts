// Searches at the edges of what they can be asked: zeros of no end, words far apart, pulls from many fibers.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as AddressRange from "../../src/AddressRange.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import { END } from "../../src/internal/base/numbers.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Pattern from "../../src/Pattern.ts"

const MIB = 1 << 20

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))

const words = MemoryMap.fromBytes(new Uint8Array(64).fill(1), 0n).pipe(
  Effect.map(MemoryMap.setWordSize(64)),
  Effect.map(MemoryMap.setEndian("little"))
)

/** 24 MiB with a 1 in each, that have to be read. */
const lazy = Effect.suspend(() => {
  const bytes = new Uint8Array(24 * MIB)
  for (let at = 5; at < bytes.length; at += MIB) bytes[at] = 1
  const source = ByteSource.make({
    name: "lazy",
    size: BigInt(bytes.length),
    read: (offset, length) =>
      Effect.andThen(Effect.yieldNow, () => Effect.succeed(bytes.subarray(Number(offset), Number(offset) + length)))
  })
  return MemoryMap.add(MemoryMap.empty, source, 0n)
})
const ones = Array.from({ length: 24 }, (_, i) => BigInt(i * MIB + 5))

describe("a search", () => {
  it.effect("for words very far apart ends", () =>
    Effect.gen(function* () {
      const map = yield* words
      for (const alignment of [6, 12, 2 ** 32, 2 ** 33, 2 ** 34, 2 ** 48]) {
        for (const pattern of [
          Pattern.word(0x0101_0101_0101_0101n),
          Pattern.wordInRange(0x0101_0101_0000_0000n, 0x0101_0102_0000_0000n),
          Pattern.wordInRange(1n, 1n << 63n),
          Pattern.hex("01 0?"),
          Pattern.anyOf([new Uint8Array([1, 1]), new Uint8Array([1])]),
          Pattern.regex("\\x01+")
        ]) {
          const found = yield* Stream.runCollect(
            MemoryMap.findAll(map, pattern, { alignment, range: AddressRange.make(0n, 30n) })
          )
          const expected = [0n, 6n, 12n, 18n, 24n].filter((at) => at % BigInt(alignment) === 0n)
          assert.deepStrictEqual(
            found.filter((at) => at <= 22n),
            expected.filter((at) => at <= 22n),
            `${String(pattern)} at multiples of ${alignment}`
          )
        }
      }
    })
  )

  it.effect("on word boundaries keeps to an alignment, too", () =>
    Effect.gen(function* () {
      const map = yield* words
      const third = yield* MemoryMap.findAligned(map, new Uint8Array([1]), {
        alignment: 3,
        range: AddressRange.make(1n, END)
      })
      assert.deepStrictEqual(third, yield* Effect.succeedSome(24n))
    })
  )

  it.effect("takes little memory at a time where every match is long or many patterns match", () =>
    Effect.gen(function* () {
      const zeros = yield* MemoryMap.fromBytes(new Uint8Array(256 << 10), 0n)
      const first = (pattern: Pattern.Pattern, chunk: number) =>
        MemoryMap.findMatches(zeros, pattern).pipe(
          Stream.chunks,
          Stream.map((matches) => matches.length),
          Stream.take(chunk),
          Stream.runLast,
          Effect.flatMap(Effect.fromOption)
        )
      assert.isAtMost(yield* first(Pattern.regex("\\0+", { reach: 65_536 }), 1), 64)
      const masks = Pattern.anyOf(Array.from({ length: 256 }, () => Pattern.hex("0?")))
      assert.isAtMost(yield* first(masks, 8), 1 << 17)
    })
  )

  it.effect("finds needles as long as they may be, where they stand everywhere and where they nearly do", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(3 * MIB)
      for (let at = 0; at < bytes.length; at += 5000) bytes[at] = 0x58
      const needle = bytes.slice(0, MIB)
      const map = yield* MemoryMap.fromBytes(bytes, 0n)
      const periods = Array.from({ length: Math.floor((2 * MIB) / 5000) + 1 }, (_, i) => BigInt(i * 5000))
      assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, needle)), periods)
      needle[MIB - 1] = 0x59
      assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, needle)), [])
      const zeros = yield* MemoryMap.fromBytes(new Uint8Array(MIB + 300_000), 0n)
      assert.strictEqual(yield* Stream.runCount(MemoryMap.findAll(zeros, new Uint8Array(MIB))), 300_001)
    })
  )

  it.effect("may be pulled by one fiber after the other", () =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(MemoryMap.findAll(yield* lazy, new Uint8Array([1])))
      const found: Array<bigint> = []
      const one = Effect.matchEffect(pull, {
        onSuccess: (chunk) => Effect.sync(() => found.push(...chunk)),
        onFailure: () => Effect.succeed(undefined)
      })
      while ((yield* Fiber.join(yield* Effect.forkChild(one))) !== undefined);
      assert.deepStrictEqual(found, ones)
    }).pipe(Effect.scoped)
  )

  it.live("is an async iterable, as streams are", () =>
    Effect.gen(function* () {
      const hits = Stream.toAsyncIterable(MemoryMap.findAll(yield* lazy, new Uint8Array([1])))
      const found: Array<bigint> = []
      yield* Effect.promise(async () => {
        for await (const address of hits) found.push(address)
      })
      assert.deepStrictEqual(found, ones)
    })
  )

  it.effect("goes on where it was when a pull is interrupted", () =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(MemoryMap.findAll(yield* lazy, new Uint8Array([1])))
      const found: Array<bigint> = []
      let turns = 1
      for (;;) {
        const fiber = yield* Effect.forkChild(pull, { startImmediately: true })
        for (let i = 0; i < turns; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        if (exit._tag === "Success") found.push(...exit.value)
        else if (exit.cause.reasons.every(({ _tag }) => _tag === "Interrupt")) turns++
        else break
        if (turns > 100) break
      }
      assert.deepStrictEqual(found, ones)
    }).pipe(Effect.scoped)
  )
})

describe("strings", () => {
  it.effect("of two bytes a character share bytes with zeros of any size", () =>
    Effect.gen(function* () {
      for (const size of [1n, 2n, 3n, 1n << 20n, 1n << 40n]) {
        const text = latin1("A\0B\0C\0D")
        const map = yield* MemoryMap.addAll(MemoryMap.empty, [
          { source: ByteSource.zeros(size), address: 0n },
          { source: ByteSource.fromBytes(text), address: size },
          { source: ByteSource.zeros(size), address: size + 7n }
        ])
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.strings(map, { encoding: "utf16le" })), [
          { address: size, text: "ABCD" }
        ])
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.strings(map, { encoding: "utf16be" })), [
          { address: size - 1n, text: "ABCD" }
        ])
      }
    })
  )

  it.effect("that come in parts come with the last one, however short", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: ByteSource.fromBytesUnsafe(new Uint8Array(65_538).fill(0x61)), address: 0n },
        { source: ByteSource.fromBytes(latin1("\0abc\0abcd")), address: 65_538n }
      ])
      const found = yield* Stream.runCollect(MemoryMap.strings(map))
      assert.deepStrictEqual(
        found.map(({ address, text }) => [address, text.length]),
        [
          [0n, 65_536],
          [65_536n, 2],
          [65_543n, 4]
        ]
      )
    })
  )
})
