// The one number grammar of the package: decimal, `0x` hexadecimal, `_` between digits, binary unit suffixes.
import * as Result from "effect/Result"

/** One past the last address: 2^64. */
export const END = 1n << 64n

const units: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["b", 1n],
  ["kib", 1n << 10n],
  ["mib", 1n << 20n],
  ["gib", 1n << 30n],
  ["tib", 1n << 40n]
])

// No unit starts with x: what looks like one is a slip in a hexadecimal number.
const grammar = /^(0x[0-9a-f]+(?:_[0-9a-f]+)*|[0-9]+(?:_[0-9]+)*)\s*((?!x)[a-z]*)$/i

/** Parses a whole number; the failure is a sentence fragment that says what is wrong with `text`. */
export const parseNumber = (text: string): Result.Result<bigint, string> => {
  const match = grammar.exec(text.trim())
  if (match === null)
    return Result.fail(`"${text}" is not a number: write decimal, 0x hexadecimal, or a size such as 4KiB`)
  const suffix = match[2] ?? ""
  const unit = units.get(suffix.toLowerCase())
  if (unit === undefined) {
    const binary = /^([kmgt])b?$/i.exec(suffix)
    return Result.fail(
      binary === null
        ? `"${text}" ends in an unknown unit "${suffix}": use B, KiB, MiB, GiB or TiB`
        : `"${text}" ends in "${suffix}", which is ambiguous: write ${binary[1]?.toUpperCase()}iB`
    )
  }
  return Result.succeed(BigInt((match[1] ?? "").replaceAll("_", "")) * unit)
}

/** `0x` and lower-case hex, the only way addresses are shown; also for values outside the address space. */
export const hex = (value: bigint): string => (value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`)

/** `1 byte`, `16 bytes`; a number too large to be exact is rounded openly. Total, for messages are made of it. */
export const bytesText = (count: bigint | number): string =>
  Number.isInteger(count) && !Number.isSafeInteger(count)
    ? sizeText(BigInt(count))
    : `${count} ${Number(count) === 1 ? "byte" : "bytes"}`

/** A byte count a person can take in, in binary units with one decimal at most: `144 KiB`, `2.3 MiB`. */
export const sizeText = (size: bigint): string => {
  const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  let unit = 0
  while (unit < names.length - 1 && size >= 1n << BigInt(10 * (unit + 1))) unit++
  const tenths = (size * 10n) >> BigInt(10 * unit)
  const text = tenths % 10n === 0n ? `${tenths / 10n}` : `${tenths / 10n}.${tenths % 10n}`
  return `${text} ${names[unit]}`
}
