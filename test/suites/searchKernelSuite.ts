// What every kernel does alike.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, type Layer, Schema, Stream } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { SearchKernel } from "../../src/SearchKernel.ts"
import { randomWords } from "../support/random.ts"

/** Every offset, by comparing text: an oracle that knows nothing of ours, and is quick on long needles. */
export const everyOffset = (block: Uint8Array, needle: Uint8Array): Array<number> => {
  const text = Buffer.from(block.buffer, block.byteOffset, block.length).toString("latin1")
  const wanted = Buffer.from(needle).toString("latin1")
  const offsets: Array<number> = []
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) offsets.push(at)
  return offsets
}

const Byte = Schema.Literals([0, 0, 0, 1, 0x61, 0xff])
const bytes = (min: number, max: number) => Schema.Array(Byte).check(Schema.isMinLength(min), Schema.isMaxLength(max))
const Small = Schema.Struct({
  block: bytes(0, 300),
  needle: bytes(1, 24),
  skew: Schema.Literals([0, 1, 2, 3]),
  /** The needle is a part of the block, more often than chance would have it. */
  from: Schema.UndefinedOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 290 })))
})

/** Deterministic noise. */
export const noise = (length: number, values: ReadonlyArray<number>, seed = 1): Uint8Array => {
  const next = randomWords(seed)
  return Uint8Array.from({ length }, () => values[(next() >>> 16) % values.length]!)
}

const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const all = Array.from({ length: 256 }, (_, i) => i)

const repeated = (length: number, unit: ReadonlyArray<number>) =>
  Uint8Array.from({ length }, (_, i) => unit[i % unit.length]!)

/** `byte` everywhere but in the middle. */
const oddOne = (length: number, byte: number, odd: number, at = length >> 1) => fill(length, byte).fill(odd, at, at + 1)

const SIZE = 192 << 10

/** Memory as it is, and as someone would have it who wants the search to be slow. */
const blocks: Readonly<Record<string, Uint8Array>> = {
  zeros: fill(SIZE, 0),
  "one letter": fill(SIZE, 0x61),
  "zeros and ones": noise(SIZE, [0, 1]),
  "two letters": noise(SIZE, [0x61, 0x62], 5),
  noise: noise(SIZE, all, 9),
  "a period of three": repeated(SIZE, [0x61, 0x61, 0x62]),
  "mostly zeros": noise(SIZE, [...fill(999, 0), 0x5a], 3)
}

const needles: Readonly<Record<string, Uint8Array>> = {
  "a zero": fill(1, 0),
  "four zeros": fill(4, 0),
  "seven letters": fill(7, 0x61),
  "an odd byte among 16": oddOne(16, 0, 0x5a),
  "an odd byte among 256": oddOne(256, 0, 0x5a),
  "an odd byte among 4096": oddOne(4096, 0, 1),
  "an odd letter at the end": oddOne(64, 0x61, 0x62, 63),
  "an odd letter at the start": oddOne(64, 0x61, 0x62, 0),
  "an odd letter in 2000": oddOne(2000, 0x61, 0x62),
  "a period of three": repeated(30, [0x61, 0x61, 0x62]),
  "a period that breaks": new Uint8Array([...repeated(300, [0x61, 0x61, 0x62]), 0x63]),
  text: new TextEncoder().encode("needle in memory"),
  "two letters": noise(12, [0x61, 0x62], 77),
  "16 KiB of zeros": oddOne(1 << 14, 0, 1)
}

export const searchKernelSuite = <E>(name: string, layer: Layer.Layer<never, E>) =>
  describe(name, () => {
    const provided = Effect.provide(layer)

    it.effect.prop(
      "finds what is there",
      [Arbitrary.schema(Small)],
      ([{ block, from, needle, skew }]) =>
        Effect.gen(function* () {
          const bytes = new Uint8Array([...fill(skew, 7), ...block]).subarray(skew)
          const part = from === undefined ? [] : block.slice(from, from + needle.length)
          const wanted = Uint8Array.from(part.length > 0 ? part : needle)
          const kernel = yield* SearchKernel
          const find = kernel.prepare(wanted)
          const expected = everyOffset(bytes, wanted)
          assert.deepStrictEqual([...(yield* find(bytes, Infinity))], expected)
          assert.deepStrictEqual([...(yield* find(bytes, 2))], expected.slice(0, 2))
        }).pipe(provided),
      { arbitrary: { runs: 500, seed: 11 } }
    )

    for (const [what, block] of Object.entries(blocks)) {
      it.effect(`finds every needle, however hostile, in ${what}`, () =>
        Effect.gen(function* () {
          const kernel = yield* SearchKernel
          for (const [which, needle] of Object.entries(needles)) {
            const expected = everyOffset(block, needle)
            const found = yield* kernel.prepare(needle)(block, Infinity)
            assert.strictEqual(found.length, expected.length, which)
            assert.isTrue(
              found.every((offset, i) => offset === expected[i]),
              which
            )
          }
        }).pipe(provided)
      )
    }

    it.effect("finds a needle at every edge of a block", () =>
      Effect.gen(function* () {
        const kernel = yield* SearchKernel
        const needle = needles["text"]!
        const find = kernel.prepare(needle)
        for (const edge of [16, 4096, 65_536, 1 << 20]) {
          for (const at of [0, 1, 3, edge - 33, edge - 17, edge - 16]) {
            const block = fill(edge, 0)
            block.set(needle.subarray(0, edge - Math.max(0, at)), Math.max(0, at))
            assert.deepStrictEqual([...(yield* find(block, 9))], everyOffset(block, needle), `${at} of ${edge}`)
          }
        }
      }).pipe(provided)
    )

    it.effect("goes on behind its limit when many blocks are full of matches", () =>
      Effect.gen(function* () {
        const map = yield* MemoryMap.fromBytes(fill(1 << 20, 0), 5n)
        assert.strictEqual(yield* Stream.runCount(MemoryMap.findAll(map, fill(5, 0))), (1 << 20) - 4)
        const some = yield* Stream.runCollect(Stream.take(MemoryMap.findAll(map, fill(5, 0)), 3))
        assert.deepStrictEqual(some, [5n, 6n, 7n])
      }).pipe(provided)
    )
  })
