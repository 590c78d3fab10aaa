import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Equal, Hash, Schema, Stream } from "effect"
import { inspect } from "node:util"
import type { Machine } from "../src/internal/pattern/compile.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import * as Pattern from "../src/Pattern.ts"
import { Description, layouts, specOf } from "./support/searches.ts"

const little64: Machine = { wordSize: 64, endian: "little" }
const unknown: Machine = { wordSize: undefined, endian: undefined }

const bad: ReadonlyArray<
  readonly [what: string, pattern: Pattern.Input, position: number, why: RegExp, machine?: Machine]
> = [
  ["empty text", "", 0, /nothing to look for/],
  ["empty bytes", new Uint8Array(), 0, /nothing to look for/],
  ["empty hex", Pattern.hex("  "), 0, /nothing to look for/],
  ["no patterns", Pattern.anyOf([]), 0, /nothing to look for/],
  ["no patterns inside", Pattern.anyOf(["a", Pattern.anyOf([])]), 0, /nothing to look for/],
  ["a lone surrogate", "a\ud800b", 1, /U\+d800 .* utf8/],
  ["the second half of a pair", Pattern.text("ab\udc00", { encoding: "utf16le" }), 2, /U\+dc00/],
  ["what Latin-1 lacks", Pattern.text("caf\u00e9 \u20ac", { encoding: "latin1" }), 5, /U\+20ac .* latin1/],
  ["half a byte", Pattern.hex("4c 8"), 4, /missing/],
  ["half a byte before a space", Pattern.hex("4 c8"), 1, /missing/],
  ["no digit", Pattern.hex("4c 8x"), 4, /"x"/],
  ["a prefix", Pattern.hex("0x4c"), 1, /"x"/],
  ["wildcards only", Pattern.hex("?? ??"), 0, /everywhere/],
  ["a mask of nothing", Pattern.masked(Uint8Array.of(1), Uint8Array.of(0)), 0, /everywhere/],
  ["a short mask", Pattern.masked(Uint8Array.of(1, 2), Uint8Array.of(255)), 1, /mask of 1/],
  ["a long mask", Pattern.masked(new Uint8Array(5000), new Uint8Array(5000).fill(1)), 4096, /at most 4096/],
  ["more than a MiB", new Uint8Array((1 << 20) + 1), 1 << 20, /more than 1048576/],
  ["more than a MiB of text", "a".repeat((1 << 20) + 1), 1 << 20, /more than 1048576/],
  ["too much together", Pattern.anyOf(Array.from({ length: 3 }, () => new Uint8Array(1 << 17))), 2, /at once/],
  ["too many masks", Pattern.anyOf(Array.from({ length: 300 }, () => Pattern.hex("1?"))), 256, /more than 256/],
  ["a word without word size", Pattern.word(1n), 0, /word size/, unknown],
  ["a word without byte order", Pattern.word(1n), 0, /byte order/, { ...unknown, wordSize: 32 }],
  ["a range without word size", Pattern.wordInRange(1n, 2n), 0, /word size/, unknown],
  ["an integer without byte order", Pattern.uint16(1), 0, /byte order/, unknown],
  [
    "a word too large",
    Pattern.word(1n << 32n),
    0,
    /0x100000000 does not fit in 32 bits/,
    { ...little64, wordSize: 32 }
  ],
  ["a negative word", Pattern.word(-1n), 0, /-0x1 does not fit/],
  ["an integer too large", Pattern.uint16(0x1_0000), 0, /does not fit in 16 bits/],
  ["a fraction", Pattern.uint32(1.5), 0, /1.5 is no whole number/],
  ["not a number", Pattern.uint32(Number.NaN), 0, /NaN/],
  ["an empty range", Pattern.wordInRange(5n, 5n), 0, /empty range/],
  ["a range past all words", Pattern.wordInRange(5n, (1n << 64n) + 1n), 0, /no range/],
  ["a range of negative words", Pattern.wordInRange(-1n, 5n), 0, /no range/],
  ["no pattern at all", 7 as never, 0, /a pattern is/],
  ["nothing", undefined as never, 0, /a pattern is/],
  ["reach of nothing", Pattern.regex("a", { reach: 0 }), 0, /reach/],
  ["reach too far", Pattern.regex("a", { reach: 70_000 }), 0, /reach/],
  ["longer than its reach", Pattern.regex("a{20}", { reach: 10 }), 0, /at least 20 bytes/],
  ["an empty expression", Pattern.regex(""), 0, /no bytes/],
  ["an expression that may be empty", Pattern.regex("a*|b"), 0, /no bytes/],
  ["too large an expression", Pattern.regex("(a{100}){100}"), 0, /10000 bytes/],
  ["a very long expression", Pattern.regex("a".repeat(20_000)), 16_384, /more than 16384/],
  ["deep groups", Pattern.regex("(".repeat(100)), 64, /nested/],
  ["an open group", Pattern.regex("a(b"), 1, /no "\)"/],
  ["a closed group", Pattern.regex("a)b"), 1, /no "\("/],
  ["an open class", Pattern.regex("a[b"), 1, /no "\]"/],
  ["an impossible class", Pattern.regex("a[^\\x00-\\xff]"), 1, /no byte/],
  ["a range turned round", Pattern.regex("[z-a]"), 2, /higher/],
  ["a range of classes", Pattern.regex("[\\d-z]"), 3, /higher/],
  ["a character in a class", Pattern.regex("[\u00e9]"), 1, /bytes/],
  ["a count of nothing", Pattern.regex("*a"), 0, /nothing precedes/],
  ["a lazy count", Pattern.regex("a+?"), 2, /lazy/],
  ["two counts", Pattern.regex("a+*"), 2, /count follows/],
  ["a count turned round", Pattern.regex("a{3,2}"), 1, /from 3 to 2/],
  ["a large count", Pattern.regex("a{1001}"), 1, /at most 1000/],
  ["no count", Pattern.regex("a{x}"), 1, /a count is/],
  ["an anchor", Pattern.regex("^a"), 0, /no lines/],
  ["a look ahead", Pattern.regex("a(?=b)"), 1, /only groups/],
  ["a back reference", Pattern.regex("(a)\\1"), 3, /no escape "\\1"/],
  ["a word boundary", Pattern.regex("a\\b"), 1, /no escape "\\b"/],
  ["an open escape", Pattern.regex("a\\"), 1, /nothing behind/],
  ["half an escape", Pattern.regex("\\x4"), 0, /two hex/],
  ["an octal escape", Pattern.regex("\\012"), 0, /octal/],
  ["too many states", Pattern.anyOf(Array.from({ length: 9 }, () => Pattern.regex(".{500}"))), 8, /more than 4096/]
]

describe("a bad pattern", () => {
  for (const [what, pattern, position, why, machine = little64] of bad) {
    it.effect(`says where: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Pattern.check(pattern, machine))
        assert.strictEqual(error._tag, "InvalidPattern")
        assert.match(error.why, why)
        assert.strictEqual(error.position, position)
        assert.isBelow(error.message.length, 400)
      })
    )
  }

  it.effect("fails every search with it, alone or among others", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("some text", 0n)
      const wrong = Pattern.hex("4g")
      const ends = [
        MemoryMap.find(map, wrong),
        Stream.runDrain(MemoryMap.findAll(map, Pattern.anyOf(["text", wrong]))),
        Stream.runDrain(MemoryMap.findMatches(map, wrong))
      ]
      for (const end of ends) assert.strictEqual((yield* Effect.flip(end))._tag, "InvalidPattern")
    })
  )

  it.effect("nested without end is refused at once", () =>
    Effect.gen(function* () {
      let pattern = Pattern.text("a")
      for (let i = 0; i < 60; i++) pattern = Pattern.anyOf([pattern, pattern])
      assert.match((yield* Effect.flip(Pattern.check(pattern))).why, /65536/)
      let deep = Pattern.text("a")
      for (let i = 0; i < 20_000; i++) deep = Pattern.anyOf([deep])
      yield* Pattern.check(deep)
    })
  )
})

describe("a good pattern", () => {
  const places = (bytes: Uint8Array, pattern: Pattern.Input) =>
    Effect.flatMap(MemoryMap.fromBytes(bytes, 0n), (map) => Stream.runCollect(MemoryMap.findAll(map, pattern)))
  const text = (text: string) => new TextEncoder().encode(text)

  const good: ReadonlyArray<readonly [what: string, bytes: Uint8Array, Pattern.Input, ReadonlyArray<bigint>]> = [
    ["UTF-8", text("x\u20acx"), "\u20ac", [1n]],
    ["Latin-1", Uint8Array.of(0x63, 0xe9), Pattern.text("\u00e9", { encoding: "latin1" }), [1n]],
    ["UTF-16, low byte first", Uint8Array.of(0, 0x41, 0, 0x42, 0), Pattern.text("AB", { encoding: "utf16le" }), [1n]],
    ["UTF-16, high byte first", Uint8Array.of(0, 0x41, 0, 0x42, 0), Pattern.text("AB", { encoding: "utf16be" }), [0n]],
    ["letters outside ASCII as they are", text("\u00c4\u00e4"), Pattern.text("\u00e4", { ignoreCase: true }), [2n]],
    [
      "what looks like a letter in UTF-16",
      Uint8Array.of(0x61, 0x61, 0x61, 0x41),
      Pattern.text("\u4161", { encoding: "utf16le", ignoreCase: true }),
      [2n]
    ],
    ["punctuation as it is", text("a@b`c@"), Pattern.text("@", { ignoreCase: true }), [1n, 5n]],
    ["hex in capitals and lines", Uint8Array.of(0xab, 0xcd), Pattern.hex("AB\n\tcd"), [0n]],
    ["hex without spaces", Uint8Array.of(0xab, 0xcd, 0xef), Pattern.hex("?bc?"), [0n]],
    ["an integer in a given order", Uint8Array.of(1, 2, 1), Pattern.uint16(0x0102, { endian: "big" }), [0n]],
    [
      "an integer of 64 bits",
      Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2, 1),
      Pattern.uint64(0x0102030405060708n, { endian: "little" }),
      [1n]
    ],
    ["an expression with escapes", Uint8Array.of(0x41, 0, 0x0a, 0x5b), Pattern.regex("\\x41\\0\\n\\["), [0n]],
    ["a class with brackets and dashes", text("]-a"), Pattern.regex("[]-]+a"), [0n, 1n]],
    ["a class of what is not", text("a\u00e9b"), Pattern.regex("[^a-z]"), [1n, 2n]],
    ["a character as its bytes", text("x\u20ac\u20ac"), Pattern.regex("(?:\u20ac)+"), [1n, 4n]],
    ["any byte, a newline too", text("a\nb"), Pattern.regex("a.b"), [0n]],
    ["counts of nothing", text("ac"), Pattern.regex("ab{0}c(){3}"), [0n]],
    ["letters of either case in a class", text("aBz"), Pattern.regex("[A-C]{2}", { ignoreCase: true }), [0n]]
  ]
  for (const [what, bytes, pattern, expected] of good) {
    it.effect(`matches ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* places(bytes, pattern), expected)
      })
    )
  }

  it.effect("does not change with the bytes it was made from", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.of(1, 2)
      const pattern = Pattern.anyOf([Pattern.bytes(bytes), Pattern.masked(bytes, bytes)])
      bytes.fill(9)
      assert.deepStrictEqual(yield* places(Uint8Array.of(1, 2, 9, 9), pattern), [0n])
    })
  )

  it("is compared by value and prints as what it looks for", () => {
    const same = [Pattern.hex("4c 8b"), Pattern.hex("4c 8b")] as const
    assert.isTrue(Equal.equals(same[0], same[1]))
    assert.strictEqual(Hash.hash(same[0]), Hash.hash(same[1]))
    assert.isFalse(Equal.equals(same[0], Pattern.text("4c 8b")))
    assert.isFalse(Equal.equals(Pattern.text("a"), Pattern.text("a", { ignoreCase: true })))
    assert.isTrue(Pattern.isPattern(same[0]))
    assert.isFalse(Pattern.isPattern("4c 8b"))
    assert.strictEqual(inspect(same[0]), "{ _id: 'Pattern', kind: 'Hex', pattern: '4c 8b' }")
    const shown: ReadonlyArray<readonly [Pattern.Input, string]> = [
      ["a\n", '"a\\n"'],
      [Pattern.text("a", { encoding: "utf16le", ignoreCase: true }), '"a" (utf16le) in any case'],
      [new Uint8Array(100), `${"00 ".repeat(16)}... (100 bytes)`],
      [Pattern.masked(Uint8Array.of(0x41, 0x42), Uint8Array.of(0xf0, 0xff)), "4? 42"],
      [Pattern.word(16n), "word 0x10"],
      [Pattern.wordInRange(16n, 32n), "word in 0x10-0x20"],
      [Pattern.uint16(7, { endian: "big" }), "uint16 7 (big-endian)"],
      [Pattern.regex("a.b", { ignoreCase: true }), "/a.b/i"],
      [Pattern.anyOf(["a", "b", "c", "d", "e"]), 'any of "a", "b", "c", "d", ...']
    ]
    for (const [pattern, text] of shown) assert.strictEqual(Pattern.format(pattern), text)
    assert.isBelow(Pattern.format("x".repeat(1000)).length, 80)
  })
})

describe("Pattern.Pattern", () => {
  const codec = Schema.toCodecJson(Pattern.Pattern)

  it.effect.prop(
    "carries every pattern through JSON unchanged",
    [layouts, Arbitrary.schema(Description)],
    ([layout, described]) =>
      Effect.gen(function* () {
        const one = Pattern.fromInput(specOf(described, layout).pattern)
        for (const pattern of [one, Pattern.anyOf([one, "text", Pattern.anyOf([one])])]) {
          const json = JSON.stringify(yield* Schema.encodeEffect(codec)(pattern))
          const back = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json))
          assert.isTrue(Equal.equals(back, pattern))
          assert.strictEqual(Pattern.format(back), Pattern.format(pattern))
        }
      })
  )

  it.effect("refuses what is no pattern", () =>
    Effect.gen(function* () {
      for (const json of [null, {}, { _tag: "Text" }, { _tag: "Word", value: 1 }, { _tag: "AnyOf", patterns: [{}] }]) {
        assert.strictEqual((yield* Effect.flip(Schema.decodeUnknownEffect(codec)(json)))._tag, "SchemaError")
      }
    })
  )
})
