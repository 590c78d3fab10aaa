// Searches in time: what they leave to others, how soon they stop, how much they read, and what they do when a read fails.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Fiber, Schema, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import { BlockSizes } from "../../src/internal/search/drive/sizes.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { SourceError } from "../../src/MemoryMapError.ts"
import * as NodeSearchKernel from "../../src/node/NodeSearchKernel.ts"
import * as Pattern from "../../src/Pattern.ts"
import { noise } from "../suites/searchKernelSuite.ts"

const MIB = 1 << 20

/** A GiB that takes up 16 MiB. */
const large = Effect.suspend(() => {
  const source = ByteSource.fromBytesUnsafe(noise(16 * MIB, [0, 0, 0x61, 0x62, 0x63, 0xff], 4))
  const entries = Array.from({ length: 64 }, (_, i) => ({ source, address: BigInt(i) << 24n }))
  return MemoryMap.addAll(MemoryMap.empty, entries)
})

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const slow: Readonly<Record<string, Pattern.Input>> = {
  text: "needle in memory",
  "a short text": "abcabcabca",
  wildcards: Pattern.hex("?1 ?2 ?3 61 ?4 ?5"),
  "a regular expression": Pattern.regex("(ab?c?)+\\xff{3}[a-c]+z"),
  "one that looks far ahead": Pattern.regex("a.*z", { reach: 4096 }),
  "many texts": Pattern.anyOf(["aaaaaaaaaaaaaaaaz", "bbbbbbbbbbbbbbbbbz", "abcabcabcabcabcz", "aabbccaabbccaabbz"])
}

describe("a search", () => {
  it.live("over a GiB stops within 50 ms when interrupted, and lets a timer of 5 ms fire meanwhile", () =>
    Effect.gen(function* () {
      const map = yield* large
      for (const [what, pattern] of Object.entries(slow)) {
        for (const [kernel, layer] of [
          ["typescript", undefined],
          ["libc", NodeSearchKernel.layer]
        ] as const) {
          const stops: Array<number> = []
          const gaps: Array<number> = []
          for (let round = 0; round < 3; round++) {
            let last = performance.now()
            const timer = setInterval(() => {
              gaps.push(performance.now() - last)
              last = performance.now()
            }, 5)
            const search = Stream.runDrain(MemoryMap.findAll(map, pattern))
            const fiber = yield* Effect.forkChild(layer === undefined ? search : Effect.provide(search, layer))
            yield* Effect.sleep(60)
            const start = performance.now()
            yield* Fiber.interrupt(fiber)
            stops.push(performance.now() - start)
            clearInterval(timer)
          }
          assert.isBelow(median(stops), 50, `${what}, ${kernel}: milliseconds to stop`)
          assert.isAtLeast(gaps.length, 6, `${what}, ${kernel}: times that the timer fired`)
          assert.isBelow(median(gaps), 25, `${what}, ${kernel}: milliseconds between`)
        }
      }
    })
  )

  it.effect("reads little more than is asked of it", () =>
    Effect.gen(function* () {
      let read = 0
      const bytes = new Uint8Array(32 * MIB)
      for (let at = 0; at < bytes.length; at += 1000) bytes[at] = 1
      const source = ByteSource.make({
        name: "counted",
        size: BigInt(bytes.length),
        read: (offset, length) => {
          read += length
          return Effect.succeed(bytes.subarray(Number(offset), Number(offset) + length))
        }
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
      assert.deepStrictEqual(yield* MemoryMap.find(map, new Uint8Array([1])), yield* Effect.succeedSome(0n))
      assert.isAtMost(read, 4 * MIB)
      read = 0
      const some = yield* Stream.runCollect(Stream.take(MemoryMap.findAll(map, new Uint8Array([1])), 5000))
      assert.strictEqual(some.at(-1), 4_999_000n)
      assert.isAtMost(read, 12 * MIB, "two blocks, and one ahead")
    })
  )

  it.effect("can be run again, and is another search each time", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("abababab", 0n)
      const search = MemoryMap.findAll(map, "aba")
      const both = yield* Effect.all([Stream.runCollect(search), Stream.runCollect(search)], { concurrency: 2 })
      assert.deepStrictEqual(both, [
        [0n, 2n, 4n],
        [0n, 2n, 4n]
      ])
    })
  )

  it.effect("passes over zeros that nothing can match, however many, and finds what reaches into them", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: ByteSource.fromBytes(Uint8Array.of(9, 7)), address: 0xffen },
        { source: ByteSource.zeros(1n << 62n), address: 0x1000n },
        { source: ByteSource.fromBytes(Uint8Array.of(7, 9)), address: 0x1000n + (1n << 62n) }
      ])
      const end = 0x1000n + (1n << 62n)
      const found = (pattern: Pattern.Input) => Stream.runCollect(MemoryMap.findAll(map, pattern))
      assert.deepStrictEqual(yield* found(Pattern.hex("07 00 00")), [0xfffn])
      assert.deepStrictEqual(yield* found(Pattern.hex("00 00 00 07")), [end - 3n])
      assert.deepStrictEqual(yield* found(Pattern.regex("\\x07\\0{3}|\\0\\x07")), [0xfffn, end - 1n])
      assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.strings(map)), [])
      const zeros = MemoryMap.findAll(map, new Uint8Array(2), { alignment: 4096 })
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(zeros, 3)), [0x1000n, 0x2000n, 0x3000n])
    })
  )
})

const byte = Schema.Literals([0, 1])
const Faulty = Schema.Struct({
  before: Schema.Array(byte).check(Schema.isMaxLength(12)),
  bytes: Schema.Array(byte).check(Schema.isMinLength(1), Schema.isMaxLength(40)),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 39 })),
  needle: Schema.Array(byte).check(Schema.isMinLength(1), Schema.isMaxLength(4)),
  block: Schema.Literals([1, 3, 16, 64]),
  gather: Schema.Literals([1, 8, 64]),
  says: Schema.Literals(["the block", "the byte"])
})

describe("a read that fails", () => {
  it.effect.prop(
    "fails the search at that byte, after the matches before it",
    [Arbitrary.schema(Faulty)],
    ([{ at, before, block, bytes, gather, needle, says }]) =>
      Effect.gen(function* () {
        const bad = BigInt(at % bytes.length)
        const data = Uint8Array.from(bytes)
        const source = ByteSource.make({
          name: "faulty",
          size: BigInt(bytes.length),
          read: (offset, length) =>
            offset <= bad && bad < offset + BigInt(length)
              ? new SourceError({
                  source: "faulty",
                  offset: says === "the byte" ? bad : offset,
                  length,
                  reason: "ReadFailed"
                })
              : Effect.succeed(data.slice(Number(offset), Number(offset) + length))
        })
        const first = yield* MemoryMap.addBytes(MemoryMap.empty, Uint8Array.of(0, 0, 0, ...before), 97n)
        const start = 100n + BigInt(before.length)
        const map = yield* MemoryMap.add(first, source, start)
        const found: Array<bigint> = []
        const error = yield* MemoryMap.findAll(map, Uint8Array.from(needle)).pipe(
          Stream.runForEach((address) => Effect.sync(() => void found.push(address))),
          Effect.flip,
          Effect.provideService(BlockSizes, { block, gather })
        )
        assert.isTrue(error._tag === "SourceError" && error.reason === "ReadFailed" && error.offset === bad)
        const good = [0, 0, 0, ...before, ...bytes.slice(0, Number(bad))]
        const expected = good.flatMap((_, i) =>
          i + needle.length <= good.length && needle.every((b, j) => good[i + j] === b) ? [97n + BigInt(i)] : []
        )
        assert.deepStrictEqual(found, expected)
      }),
    { arbitrary: { runs: 600, seed: 8 } }
  )

  it.effect("once only, is an error all the same, wherever it is", () =>
    Effect.gen(function* () {
      const data = Uint8Array.from({ length: 40 }, (_, i) => (i % 5 === 0 ? 1 : 0))
      for (let k = 0; ; k++) {
        let reads = 0
        const source = ByteSource.make({
          name: "flaky",
          size: 40n,
          read: (offset, length) =>
            reads++ === k
              ? new SourceError({ source: "flaky", offset, length, reason: "ReadFailed" })
              : Effect.succeed(data.slice(Number(offset), Number(offset) + length))
        })
        const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
        const result = yield* Stream.runCollect(MemoryMap.findAll(map, new Uint8Array([1, 0]))).pipe(
          Effect.result,
          Effect.provideService(BlockSizes, { block: 8, gather: 1 })
        )
        if (result._tag === "Success") {
          assert.isAbove(k, 4)
          assert.deepStrictEqual(result.success, [0n, 5n, 10n, 15n, 20n, 25n, 30n, 35n])
          break
        }
        assert.strictEqual(result.failure._tag, "SourceError")
      }
    })
  )

  it.effect("ends strings at that byte as well", () =>
    Effect.gen(function* () {
      const source = ByteSource.make({
        name: "faulty",
        size: 20n,
        read: (offset, length) =>
          offset + BigInt(length) > 9n
            ? new SourceError({ source: "faulty", offset, length, reason: "ReadFailed" })
            : Effect.succeed(new Uint8Array(length).fill(0x61))
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
      const found: Array<MemoryMap.AddressedText> = []
      const error = yield* Effect.flip(
        Stream.runForEach(MemoryMap.strings(map), (text) => Effect.sync(() => void found.push(text)))
      )
      assert.strictEqual(error.offset, 9n)
      assert.deepStrictEqual(found, [{ address: 0n, text: "aaaaaaaaa" }])
    })
  )
})

describe("the map that other tools search wrongly", () => {
  it.effect("gives all four", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(0x4000 * 3)
      const word = new TextEncoder().encode("NEEDLE")
      const places = [0x64, 0x3ffd, 0x47d0, 0x8000 + 0x3ffa]
      for (const at of places) bytes.set(word, at)
      const map = yield* MemoryMap.addAll(
        MemoryMap.empty,
        [0x10000n, 0x14000n, 0x20000n].map((address, i) => ({
          source: ByteSource.fromBytes(bytes.subarray(0x4000 * i, 0x4000 * (i + 1))),
          address
        }))
      )
      const expected = [0x10064n, 0x13ffdn, 0x147d0n, 0x23ffan]
      assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, "NEEDLE")), expected)
      const native = Stream.runCollect(MemoryMap.findAll(map, "NEEDLE"))
      assert.deepStrictEqual(yield* Effect.provide(native, NodeSearchKernel.layer), expected)
    })
  )
})
