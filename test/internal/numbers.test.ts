import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { bytesText, END, hex, parseNumber, sizeText } from "../../src/internal/base/numbers.ts"

const u64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: END }))

describe("parseNumber", () => {
  it.prop("reads every number as it is written, with separators anywhere between digits", [u64], ([value]) => {
    const grouped = (digits: string) => digits.replaceAll(/\B(?=(?:.{3})+$)/g, "_")
    for (const text of [
      `${value}`,
      grouped(`${value}`),
      hex(value),
      `0x${grouped(value.toString(16).toUpperCase())}`
    ]) {
      assert.deepStrictEqual(parseNumber(text), Result.succeed(value))
    }
    assert.deepStrictEqual(parseNumber(` ${value} KiB `), Result.succeed(value << 10n))
    assert.deepStrictEqual(parseNumber(`${hex(value)}gib`), Result.succeed(value << 30n))
  })
})

describe("what messages are made of", () => {
  it("hex writes numbers of any sign", () => {
    assert.deepStrictEqual([0n, 255n, -16n, END].map(hex), ["0x0", "0xff", "-0x10", "0x10000000000000000"])
  })

  it("bytesText counts exactly, or says openly that it cannot", () => {
    const counts = [0, 1, 1n, 2, 2n ** 64n, 2 ** 53 - 1, 2 ** 64, 1.5, -1, Number.NaN, Infinity]
    assert.deepStrictEqual(counts.map(bytesText), [
      "0 bytes",
      "1 byte",
      "1 byte",
      "2 bytes",
      "18446744073709551616 bytes",
      "9007199254740991 bytes",
      "16 EiB",
      "1.5 bytes",
      "-1 bytes",
      "NaN bytes",
      "Infinity bytes"
    ])
  })

  it("sizeText has one decimal at most, rounded down", () => {
    const sizes = [0n, 1023n, 1024n, 1536n, 2047n, 147_456n, (1n << 20n) - 1n, 5n << 30n, END]
    assert.deepStrictEqual(sizes.map(sizeText), [
      "0 B",
      "1023 B",
      "1 KiB",
      "1.5 KiB",
      "1.9 KiB",
      "144 KiB",
      "1023.9 KiB",
      "5 GiB",
      "16 EiB"
    ])
  })
})
