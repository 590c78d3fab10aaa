import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, Option, Result, Schema } from "effect"
import * as AddressRange from "../src/AddressRange.ts"
import { END } from "../src/internal/base/numbers.ts"

const range = AddressRange.make

/** The message of the refusal. */
const whyNot = (result: Result.Result<unknown, AddressRange.InvalidAddress>) =>
  Result.isFailure(result) ? result.failure.message : "it was read"

/** Bounds near each other, at every edge of the space, so that ranges meet, touch and miss. */
const bound = Arbitrary.map(
  Arbitrary.schema(
    Schema.Tuple([
      Schema.Literals([0n, (1n << 32n) - 6n, (1n << 53n) - 6n, (1n << 63n) - 6n, END - 12n]),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
    ])
  ),
  ([base, a, b]) => ({ base, range: range(base + BigInt(Math.min(a, b)), base + BigInt(Math.max(a, b))) })
)
const pair = Arbitrary.map(Arbitrary.all([bound, bound]), ([a, b]) => ({
  a: a.range,
  // The second one is moved to the window of the first.
  b: range(b.range.start - b.base + a.base, b.range.end - b.base + a.base)
}))

/** The addresses of a range one by one: what its functions are to mean. */
const addresses = ({ end, start }: AddressRange.AddressRange): ReadonlyArray<bigint> =>
  Array.from({ length: Number(end - start) }, (_, i) => start + BigInt(i))

describe("constructors", () => {
  it("make takes every range of the space, up to its last byte", () => {
    assert.deepStrictEqual(range(0n, END), AddressRange.full)
    assert.strictEqual(AddressRange.size(AddressRange.full), 1n << 64n)
    assert.deepStrictEqual(range(END - 1n, END), { start: END - 1n, end: END })
    assert.deepStrictEqual(range(END, END), { start: END, end: END })
  })

  for (const [start, end] of [
    [-1n, 1n],
    [2n, 1n],
    [0n, END + 1n],
    [END + 1n, END + 2n]
  ] as const) {
    it(`make refuses ${start}..${end}`, () => {
      assert.throws(() => range(start, end), RangeError, /is not a range: 0 <= start <= end <= 2\^64 must hold/)
      assert.isFalse(AddressRange.isValid({ start, end }))
    })
  }

  it("the refusal shows the bounds in hex", () => {
    assert.throws(() => range(-16n, 255n), "AddressRange.make: -0x10..0xff is not a range")
  })

  it("fromLength makes a range of as many bytes as asked", () => {
    assert.deepStrictEqual(AddressRange.fromLength(0x1000n, 0x10n), range(0x1000n, 0x1010n))
    assert.throws(() => AddressRange.fromLength(END - 1n, 2n), RangeError)
    assert.throws(() => AddressRange.fromLength(5n, -1n), RangeError)
  })

  it("ranges are equal by value, and hash alike", () => {
    assert.isTrue(Equal.equals(range(1n, 2n), range(1n, 2n)))
    assert.isFalse(Equal.equals(range(1n, 2n), range(1n, 3n)))
  })
})

describe("predicates", () => {
  it("isAddress takes what is below 2^64, and nothing else", () => {
    assert.deepStrictEqual([-1n, 0n, END - 1n, END].map(AddressRange.isAddress), [false, true, true, false])
  })

  it("contains its start and not its end", () => {
    const page = range(0x1000n, 0x2000n)
    assert.deepStrictEqual(
      [0xfffn, 0x1000n, 0x1fffn, 0x2000n].map((address) => AddressRange.contains(page, address)),
      [false, true, true, false]
    )
    assert.isTrue(AddressRange.contains(0x1000n)(page))
  })

  it("ranges that touch do not overlap, and an empty one overlaps nothing", () => {
    assert.isFalse(AddressRange.overlaps(range(0n, 4n), range(4n, 8n)))
    assert.isFalse(AddressRange.overlaps(range(0n, 4n), range(2n, 2n)))
    assert.isTrue(AddressRange.overlaps(range(3n, 8n))(range(0n, 4n)))
  })
})

describe("against sets of addresses", () => {
  it.prop("intersect is empty exactly where overlaps says no", [pair], ([{ a, b }]) => {
    const common = addresses(a).filter((address) => addresses(b).includes(address))
    const found = AddressRange.intersect(a, b)
    assert.deepStrictEqual(Option.match(found, { onNone: () => [], onSome: addresses }), common)
    assert.deepStrictEqual(AddressRange.intersect(b)(a), found)
    assert.strictEqual(AddressRange.overlaps(a, b), common.length > 0)
  })

  it.prop("subtract gives ascending parts, none empty", [pair], ([{ a, b }]) => {
    const left = AddressRange.subtract(a, b)
    assert.deepStrictEqual(
      left.flatMap(addresses),
      addresses(a).filter((address) => !addresses(b).includes(address))
    )
    assert.isFalse(left.some(AddressRange.isEmpty))
    assert.deepStrictEqual(AddressRange.subtract(b)(a), left)
  })

  it.prop("split cuts without loss, wherever it is told to", [pair], ([{ a, b }]) => {
    const [before, after] = AddressRange.split(a, b.start)
    assert.deepStrictEqual([...addresses(before), ...addresses(after)], addresses(a))
    assert.isTrue(addresses(before).every((address) => address < b.start))
    assert.isTrue(addresses(after).every((address) => address >= b.start))
    assert.isTrue(AddressRange.isValid(before) && AddressRange.isValid(after))
    assert.deepStrictEqual(AddressRange.split(b.start)(a), [before, after])
  })

  it.prop("Order and Equivalence agree on which ranges are the same", [pair], ([{ a, b }]) => {
    assert.strictEqual(AddressRange.Order(a, b) === 0, AddressRange.Equivalence(a, b))
    assert.strictEqual(AddressRange.Equivalence(a, b), Equal.equals(a, b))
    assert.strictEqual(AddressRange.Order(a, b) + AddressRange.Order(b, a), 0)
    if (a.start < b.start) assert.strictEqual(AddressRange.Order(a, b), -1)
  })
})

describe("text", () => {
  it.prop("what format writes, parse reads", [bound], ([{ range }]) => {
    assert.deepStrictEqual(AddressRange.parse(AddressRange.format(range)), Result.succeed(range))
  })

  it("format is 0x and lower-case hex", () => {
    assert.strictEqual(AddressRange.format(range(0xabcn, END)), "0xabc-0x10000000000000000")
    assert.strictEqual(AddressRange.formatAddress(0xffff_ffff_ff60_0000n), "0xffffffffff600000")
  })

  const page = range(0x1000n, 0x2000n)
  for (const text of [
    "0x1000..0x2000",
    "4096-8192",
    "0x1000+4KiB",
    " 0x1_000 .. 0x2_000 ",
    "4 KiB..8 KiB",
    "4kib+4096B"
  ]) {
    it(`parse reads "${text}"`, () => assert.deepStrictEqual(AddressRange.parse(text), Result.succeed(page)))
  }
  it("parse reads the whole space and empty ranges", () => {
    assert.deepStrictEqual(AddressRange.parse("0..0x10000000000000000"), Result.succeed(AddressRange.full))
    assert.deepStrictEqual(AddressRange.parse("5+0"), Result.succeed(range(5n, 5n)))
  })

  const refusals: ReadonlyArray<readonly [text: string, why: string]> = [
    ["", '"" is not a range: write A..B (B excluded) or A+N (N bytes)'],
    ["0x1000", '"0x1000" is not a range: write A..B (B excluded) or A+N (N bytes)'],
    ["1..2..3", '"1..2..3" is not a range: write A..B (B excluded) or A+N (N bytes)'],
    ["1...2", '"1...2" is not a range: write A..B (B excluded) or A+N (N bytes)'],
    ["-1..2", '"-1..2" is not a range: write A..B (B excluded) or A+N (N bytes)'],
    ["2..1", '"2..1" ends before it starts'],
    ["1..0x10000000000000001", '"1..0x10000000000000001" reaches past the end of the address space, 2^64'],
    ["zz..1", '"zz" is not a number: write decimal, 0x hexadecimal, or a size such as 4KiB'],
    ["1..0x", '"0x" is not a number: write decimal, 0x hexadecimal, or a size such as 4KiB'],
    ["0..0xzz", '"0xzz" is not a number: write decimal, 0x hexadecimal, or a size such as 4KiB'],
    ["0+4k", '"4k" ends in "k", which is ambiguous: write KiB'],
    ["0+4MB", '"4MB" ends in "MB", which is ambiguous: write MiB'],
    ["0+4pages", '"4pages" ends in an unknown unit "pages": use B, KiB, MiB, GiB or TiB']
  ]
  for (const [text, why] of refusals) {
    it(`parse refuses "${text}"`, () => assert.deepStrictEqual(whyNot(AddressRange.parse(text)), why))
  }

  it("parseAddress reads decimal, hexadecimal, separators and sizes", () => {
    const numbers = {
      "0": 0n,
      "0xFF": 255n,
      "0XfF": 255n,
      "1_000": 1000n,
      "0xdead_beef": 0xdead_beefn,
      "2GiB": 2n << 30n
    }
    for (const [text, value] of Object.entries(numbers)) {
      assert.deepStrictEqual(AddressRange.parseAddress(text), Result.succeed(value))
    }
    assert.deepStrictEqual(AddressRange.parseAddress("0xffffffffffffffff"), Result.succeed(END - 1n))
  })

  it("parseAddress refuses what is no address", () => {
    assert.deepStrictEqual(
      AddressRange.parseAddress("0x10000000000000000"),
      Result.fail(
        new AddressRange.InvalidAddress({
          text: "0x10000000000000000",
          expected: "address",
          why: "0x10000000000000000 is not an address: the space ends at 2^64"
        })
      )
    )
    for (const text of ["", " ", "_1", "1_", "1__0", "0x", "0x_1", "1e3", "1.5KiB", "+1", "0b1", "0o7", "٣", "1 2"]) {
      assert.isTrue(Result.isFailure(AddressRange.parseAddress(text)), text)
    }
  })

  it("words that every object knows are no units", () => {
    for (const word of ["constructor", "tostring", "valueof", "hasownproperty"]) {
      assert.deepStrictEqual(
        whyNot(AddressRange.parseAddress(`1${word}`)),
        `"1${word}" ends in an unknown unit "${word}": use B, KiB, MiB, GiB or TiB`
      )
    }
  })

  it.prop("parsing never throws, whatever the text is", [Schema.String], ([text]) => {
    for (const input of [text, `${text}..${text}`, `1${text}`, `0x${text}+1`]) {
      const parsed = AddressRange.parse(input)
      if (Result.isSuccess(parsed)) assert.isTrue(AddressRange.isValid(parsed.success))
    }
  })
})

describe("the codec", () => {
  const codec = Schema.toCodecJson(AddressRange.AddressRange)

  it.prop("goes through JSON and comes back the same", [bound], ([{ range }]) => {
    const wire = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(range)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(wire), range)
  })

  it("holds decimal strings, for JSON has no 64-bit numbers", () => {
    assert.deepStrictEqual(Schema.encodeSync(codec)(AddressRange.full), { start: "0", end: "18446744073709551616" })
  })

  it("refuses a text that is no range, and says why", () => {
    for (const wire of [{ start: "2", end: "1" }, { start: "-1", end: "1" }, { start: "0", end: `${END + 1n}` }, {}]) {
      assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(codec)(wire)))
    }
  })
})

describe("the codecs for texts", () => {
  it.prop("write what they read back", [bound], ([{ range }]) => {
    const text = Schema.encodeSync(AddressRange.FromString)(range)
    assert.strictEqual(text, AddressRange.format(range))
    assert.deepStrictEqual(Schema.decodeSync(AddressRange.FromString)(text), range)
    if (range.start === END) return
    const address = Schema.encodeSync(AddressRange.AddressFromString)(range.start)
    assert.strictEqual(address, AddressRange.formatAddress(range.start))
    assert.strictEqual(Schema.decodeSync(AddressRange.AddressFromString)(address), range.start)
  })

  it("read what a person writes", () => {
    assert.strictEqual(Schema.decodeSync(AddressRange.AddressFromString)("64KiB"), 0x10000n)
    assert.deepStrictEqual(Schema.decodeSync(AddressRange.FromString)("0x1000+4KiB"), range(0x1000n, 0x2000n))
  })

  it("say what is wrong with a text, in the words of the parser", () => {
    const address = Schema.decodeResult(AddressRange.AddressFromString)("0x1g")
    assert.include(Result.isFailure(address) ? String(address.failure) : "", '"0x1g" ends in "g"')
    const backwards = Schema.decodeResult(AddressRange.FromString)("5..4")
    assert.include(Result.isFailure(backwards) ? String(backwards.failure) : "", '"5..4" ends before it starts')
    assert.isTrue(Result.isFailure(Schema.encodeResult(AddressRange.AddressFromString)(END)))
  })
})
