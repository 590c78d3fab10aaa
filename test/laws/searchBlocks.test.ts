// Searches through blocks of the sizes that they really have, under every kernel: what stands at the edges is found, and
// what makes a quick way give up is found by the next one.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeSearchKernel from "../../src/node/NodeSearchKernel.ts"
import * as Pattern from "../../src/Pattern.ts"
import { everyOffset, noise } from "../suites/searchKernelSuite.ts"

const KIB = 1 << 10
const MIB = 1 << 20

/** Ends of pages, of what is copied together, of slices and blocks, and of the mappings below. */
const SEAM = 5 * MIB
const SIZE = 9 * MIB
const edges = [0, 4 * KIB, 32 * KIB, 64 * KIB, 512 * KIB, MIB, 4 * MIB, SEAM, SEAM + 4 * MIB, SIZE]
const ORIGIN = (1n << 64n) - BigInt(SIZE)

/** Places for needles of 16 bytes: across each edge, up to it, from it on. */
const places = edges.flatMap((edge) => [edge - 16, edge - 1, edge - 9]).filter((at) => at >= 0 && at + 16 <= SIZE)
const free = places
  .filter((at, i) => places.every((other, j) => j >= i || Math.abs(other - at) >= 16))
  .concat([SIZE - 16])
const kept = [...new Set(free)].sort((a, b) => a - b)

const empty = noise(SIZE, [0, 0, 0, 0x20, 0x41, 0x62], 3)

const plant = (needle: Uint8Array): Uint8Array => {
  const bytes = empty.slice()
  for (const at of kept) bytes.set(needle, at)
  return bytes
}

const read = (bytes: Uint8Array): ByteSource.ByteSource =>
  ByteSource.make({
    name: "read",
    size: BigInt(bytes.length),
    read: (offset, length) => Effect.succeed(bytes.slice(Number(offset), Number(offset) + length))
  })

/** Two mappings, next to each other, in memory or not; or very many. */
const layouts: Readonly<
  Record<string, (bytes: Uint8Array) => ReadonlyArray<readonly [number, ByteSource.ByteSource]>>
> = {
  "in memory": (bytes) => [
    [0, ByteSource.fromBytesUnsafe(bytes.subarray(0, SEAM))],
    [SEAM, ByteSource.fromBytesUnsafe(bytes.subarray(SEAM))]
  ],
  "half read": (bytes) => [
    [0, read(bytes.subarray(0, SEAM))],
    [SEAM, ByteSource.fromBytesUnsafe(bytes.subarray(SEAM))]
  ],
  read: (bytes) => [
    [0, ByteSource.fromBytesUnsafe(bytes.subarray(0, SEAM))],
    [SEAM, read(bytes.subarray(SEAM))]
  ],
  "in many pieces": (bytes) =>
    Array.from({ length: SIZE / (4 * KIB) }, (_, i) => [
      i * 4 * KIB,
      ByteSource.fromBytesUnsafe(bytes.subarray(i * 4 * KIB, (i + 1) * 4 * KIB))
    ])
}

const kernels: Readonly<Record<string, Layer.Layer<never>>> = {
  typescript: Layer.empty,
  "the C library": NodeSearchKernel.layer
}

const text = new TextEncoder().encode("needle in memory")
const capitals = new TextEncoder().encode("NEEDLE in memory")
const pointer = Uint8Array.of(0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 1, 2, 3, 4, 5, 6, 7, 8)

const searches: ReadonlyArray<readonly [what: string, needle: Uint8Array, pattern: Pattern.Input]> = [
  ["text", text, "needle in memory"],
  ["a short text", text, "ed"],
  ["text in any case", capitals, Pattern.text("Needle IN memory", { ignoreCase: true })],
  ["bytes with wildcards", text, Pattern.hex("6e ?? 6? 64 6c 65 20 69 6e 20 6d 65 6d 6f 72 79")],
  ["nibbles alone", text, Pattern.hex("?e ?5 ?5 ?4 ?c ?5 ?0 ?9 ?e ?0 ?d ?5 ?d ?f ?2 ?9")],
  ["a word", pointer, Pattern.word(0x8899_aabb_ccdd_eeffn)],
  ["words in a range", pointer, Pattern.wordInRange(0x8899_aabb_ccdd_0000n, 0x8899_aabb_ccde_0000n)],
  ["many texts", text, Pattern.anyOf(["needle in memory", "haystacks of hay", "another long one", "nothing to see.."])],
  ["many short texts", text, Pattern.anyOf(["edl", "q1", "q2", "q3", "q4", "q5"])],
  ["a regular expression", text, Pattern.regex("n[e-g]{2}d.e in memory")],
  ["one without end", text, Pattern.regex("n[!-~]+ in m[a-z]+y", { reach: 16 })],
  ["patterns of all kinds", text, Pattern.anyOf([Pattern.hex("64 6c ?? 20 69"), Pattern.regex("dle in")])]
]

/** Where in the needle each of `searches` matches. */
const inNeedle: Readonly<Record<string, number>> = {
  "a short text": 2,
  "many short texts": 2,
  "patterns of all kinds": 3
}

describe("blocks", () => {
  for (const [kernel, layer] of Object.entries(kernels)) {
    for (const [layout, lay] of Object.entries(layouts)) {
      it.live(`every edge of a map ${layout}, by ${kernel}`, () =>
        Effect.gen(function* () {
          // Only plain bytes are looked for by a kernel.
          for (const [what, needle, pattern] of kernel === "typescript" ? searches : searches.slice(0, 2)) {
            const bytes = plant(needle)
            const map = yield* MemoryMap.addAll(
              MemoryMap.empty.pipe(MemoryMap.setWordSize(64), MemoryMap.setEndian("little")),
              lay(bytes).map(([at, source]) => ({ source, address: ORIGIN + BigInt(at) }))
            )
            const found = yield* Stream.runCollect(MemoryMap.findAll(map, pattern))
            const expected = kept.map((at) => ORIGIN + BigInt(at + (inNeedle[what] ?? 0)))
            assert.deepStrictEqual(found, expected, what)
          }
        }).pipe(Effect.provide(layer))
      )
    }
  }

  const repeated = (length: number, unit: string) =>
    Uint8Array.from({ length }, (_, i) => unit.charCodeAt(i % unit.length))
  const memories: Readonly<Record<string, Uint8Array>> = {
    zeros: new Uint8Array(96 * KIB),
    letters: repeated(96 * KIB, "a"),
    "two letters": noise(96 * KIB, [0x61, 0x62], 8),
    pairs: repeated(96 * KIB, "ab")
  }
  const a = (length: number) => "a".repeat(length)

  for (const [memory, bytes] of Object.entries(memories)) {
    it.effect(`many needles and masks that nearly match everywhere, in ${memory}`, () =>
      Effect.gen(function* () {
        const map = yield* MemoryMap.fromBytes(bytes, 0n)
        const needles = [a(9), `${a(20)}b`, `b${a(7)}`, "abababab", "\0\0\0\0\0\0\0\0b", "ab", "ba", "aab", "\0", a(30)]
        const alone = needles.map((needle) => everyOffset(bytes, new TextEncoder().encode(needle)))
        const together = [...new Set(alone.flat())].sort((x, y) => x - y).map(BigInt)
        assert.isTrue(
          Buffer.from(
            new BigUint64Array(yield* Stream.runCollect(MemoryMap.findAll(map, Pattern.anyOf(needles)))).buffer
          ).equals(Buffer.from(new BigUint64Array(together).buffer))
        )
        const folded = needles.map((needle) => Pattern.text(needle.toUpperCase(), { ignoreCase: true }))
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, Pattern.anyOf(folded))), together)
        for (const [length, odd] of [
          [5, 2],
          [40, 39],
          [700, 350]
        ] as const) {
          const wanted = bytes.slice(0, length)
          wanted[odd] = wanted[odd]! ^ 0x13
          const mask = wanted.map((_, i) => (i % 3 === 1 && i !== odd ? 0 : 255))
          const expected: Array<bigint> = []
          for (let at = 0; at + length <= bytes.length; at++) {
            if (wanted.every((byte, i) => ((byte ^ bytes[at + i]!) & mask[i]!) === 0)) expected.push(BigInt(at))
          }
          assert.deepStrictEqual(
            yield* Stream.runCollect(MemoryMap.findAll(map, Pattern.masked(wanted, mask))),
            expected
          )
        }
      })
    )
  }

  it.effect("expressions whose automaton is larger than what is remembered of it", () =>
    Effect.gen(function* () {
      const bytes = noise(48 * KIB, [0x61, 0x62], 21)
      const text = Buffer.from(bytes).toString("latin1")
      const map = yield* MemoryMap.fromBytes(bytes, 0n)
      for (const source of ["b[ab]{1,20}a[ab]{20}b", "(a|bb)+a[ab]{17}bab", "a(ab|ba){2,30}bbabb[ab]*abab"]) {
        const one = new RegExp(`(?=${source})`, "sy")
        const expected: Array<bigint> = []
        for (let at = 0; at < text.length; at++) {
          one.lastIndex = at
          if (one.test(text)) expected.push(BigInt(at))
        }
        const found = yield* Stream.runCollect(MemoryMap.findAll(map, Pattern.regex(source, { reach: 65_536 })))
        assert.deepStrictEqual(found, expected, source)
      }
    })
  )

  it.effect("as many matches as there are bytes times patterns are given in portions", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(repeated(1500, "a"), 0n)
      const nested = Pattern.anyOf(Array.from({ length: 300 }, (_, i) => a(i + 1)))
      const count = (pattern: Pattern.Input) => Stream.runCount(MemoryMap.findMatches(map, pattern))
      assert.strictEqual(yield* count(nested), 300 * 1500 - (300 * 299) / 2)
      const same = Pattern.anyOf(Array.from({ length: 20_000 }, () => "aaaaaaaaab"))
      assert.strictEqual(yield* count(same), 0)
      const end = yield* MemoryMap.addString(map, "b", 1500n)
      const some = Stream.runCount(MemoryMap.findMatches(end, same))
      assert.strictEqual(yield* some, 20_000)
      const masks = Pattern.anyOf(Array.from({ length: 256 }, (_, i) => Pattern.hex(`6? ${"?? ".repeat(i)}6?`)))
      assert.strictEqual(yield* count(masks), 256 * 1500 - (257 * 256) / 2)
    })
  )
})
