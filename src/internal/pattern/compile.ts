// From patterns to leaves, the forms that the search knows.
import * as Result from "effect/Result"
import type { Endian, TextEncoding, WordSize } from "../../MachineModel.ts"
import { InvalidPattern } from "../../MemoryMapError.ts"
import type { Input, Pattern } from "../../Pattern.ts"
import { bytesText, hex } from "../base/numbers.ts"
import { type Data, fromInput, show, TypeId } from "./pattern.ts"
import { parse, type Program } from "./regex.ts"

/** Bytes of a needle; with `fold` A-Z and a-z are the same and the needle is in lower case. */
export interface Exact {
  readonly _tag: "Exact"
  readonly bytes: Uint8Array
  readonly fold: boolean
}

/** `bytes` has no bit that `mask` has not. */
export interface Masked {
  readonly _tag: "Masked"
  readonly bytes: Uint8Array
  readonly mask: Uint8Array
}

/** A word from `low` to `last`, both included. */
export interface WordRange {
  readonly _tag: "WordRange"
  readonly low: bigint
  readonly last: bigint
  readonly size: 4 | 8
  readonly endian: Endian
}

export interface Regex {
  readonly _tag: "Regex"
  readonly program: Program
  readonly reach: number
}

export type Form = Exact | Masked | WordRange | Regex

/** One thing to look for, and the pattern it was made from. */
export interface Leaf {
  readonly form: Form
  readonly pattern: Pattern
}

export interface Machine {
  readonly wordSize: WordSize | undefined
  readonly endian: Endian | undefined
}

const MAX_BYTES = 1 << 20
const MAX_MASKED = 4096
const MAX_REACH = 65_536
const MAX_TOGETHER = 1 << 18
const MAX_LEAVES = 65_536
const MAX_SLOW = 256
const MAX_STATES = 4096

type Compiled<A> = Result.Result<A, InvalidPattern>

const invalid = (pattern: Input, position: number, why: string) =>
  Result.fail(new InvalidPattern({ pattern: show(pattern), position, why }))

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a

const exact = (bytes: Uint8Array): Exact => ({ _tag: "Exact", bytes, fold: false })

/** The form for `b & mask === bytes & mask`: exact where the mask is full. */
const masked = (bytes: Uint8Array, mask: Uint8Array): Form =>
  mask.every((bits) => bits === 255) ? exact(bytes) : { _tag: "Masked", bytes: bytes.map((b, i) => b & mask[i]!), mask }

/** The bytes of one code unit or character; `undefined` when the encoding does not have it. */
const encode = (text: string, encoding: TextEncoding): Uint8Array | number => {
  const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.exec(text)
  if (lone !== null) return lone.index
  if (encoding === "utf8") return new TextEncoder().encode(text)
  if (encoding === "latin1" || encoding === "ascii") {
    const wide = (encoding === "ascii" ? /[^\0-\x7f]/ : /[^\0-\xff]/).exec(text)
    return wide !== null ? wide.index : Uint8Array.from(text, (char) => char.charCodeAt(0))
  }
  const bytes = new Uint8Array(2 * text.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), encoding === "utf16le")
  return bytes
}

/** Folding counts for the bytes that are letters; in UTF-16 a high byte may merely look like one. */
const folded = (text: string, bytes: Uint8Array, encoding: TextEncoding): Form => {
  const wide = encoding === "utf16le" || encoding === "utf16be"
  const counts = bytes.map((byte, i) => {
    const isAscii = wide ? text.charCodeAt(i >> 1) < 128 : byte < 128
    return isAscii && isLetter(byte) ? 1 : 0
  })
  if (bytes.every((byte, i) => counts[i] === 1 || !isLetter(byte))) {
    return { _tag: "Exact", bytes: bytes.map((byte, i) => (counts[i] === 1 ? byte | 0x20 : byte)), fold: true }
  }
  return masked(
    bytes,
    counts.map((count) => (count === 1 ? 0xdf : 255))
  )
}

const textForm = (pattern: Pattern, data: Data & { readonly _tag: "Text" }): Compiled<Form> => {
  if (data.text === "") return invalid(pattern, 0, "there is nothing to look for in an empty text")
  if (data.text.length > MAX_BYTES) return invalid(pattern, MAX_BYTES, `a text of more than ${MAX_BYTES} characters`)
  const bytes = encode(data.text, data.encoding)
  if (typeof bytes === "number") {
    const char = data.text.codePointAt(bytes)!.toString(16).padStart(4, "0")
    return invalid(pattern, bytes, `U+${char} cannot be written in ${data.encoding}`)
  }
  if (bytes.length > MAX_BYTES) return invalid(pattern, 0, `${bytesText(bytes.length)}, more than ${MAX_BYTES}`)
  const form = data.ignoreCase ? folded(data.text, bytes, data.encoding) : exact(bytes)
  if (form._tag === "Masked" && bytes.length > MAX_MASKED) {
    return invalid(pattern, 0, `${bytesText(bytes.length)}: at most ${MAX_MASKED} when letters match in either case`)
  }
  return Result.succeed(form)
}

const bytesForm = (pattern: Pattern, bytes: Uint8Array): Compiled<Form> => {
  if (bytes.length === 0) return invalid(pattern, 0, "there is nothing to look for in no bytes")
  if (bytes.length > MAX_BYTES) return invalid(pattern, MAX_BYTES, `${bytesText(bytes.length)}, more than ${MAX_BYTES}`)
  return Result.succeed(exact(bytes))
}

const maskedForm = (pattern: Pattern, bytes: Uint8Array, mask: Uint8Array): Compiled<Form> => {
  if (bytes.length !== mask.length) {
    const shorter = Math.min(bytes.length, mask.length)
    return invalid(pattern, shorter, `${bytesText(bytes.length)} with a mask of ${mask.length}`)
  }
  if (bytes.length === 0) return invalid(pattern, 0, "there is nothing to look for in no bytes")
  const form = masked(bytes, mask)
  if (form._tag === "Exact") return bytesForm(pattern, form.bytes)
  if (bytes.length > MAX_MASKED) {
    return invalid(pattern, MAX_MASKED, `${bytesText(bytes.length)}: at most ${MAX_MASKED} with wildcards`)
  }
  if (mask.every((bits) => bits === 0)) return invalid(pattern, 0, "it has wildcards only, and would match everywhere")
  return Result.succeed(form)
}

const hexForm = (pattern: Pattern, digits: string): Compiled<Form> => {
  const bytes: Array<number> = []
  const mask: Array<number> = []
  let at = 0
  while (at < digits.length) {
    if (/\s/.test(digits[at]!)) {
      at++
      continue
    }
    let byte = 0
    let bits = 0
    for (const end = at + 2; at < end; at++) {
      const digit = digits[at] ?? ""
      if (!/^[0-9a-fA-F?]$/.test(digit)) {
        const what = digit === "" || /\s/.test(digit) ? "a digit is missing" : `"${digit}" is no hexadecimal digit`
        return invalid(pattern, at, `${what}: a byte is two of 0-9, a-f, or ? for any`)
      }
      byte = (byte << 4) | (digit === "?" ? 0 : parseInt(digit, 16))
      bits = (bits << 4) | (digit === "?" ? 0 : 15)
    }
    bytes.push(byte)
    mask.push(bits)
    if (bytes.length > MAX_BYTES) return invalid(pattern, at, `more than ${bytesText(MAX_BYTES)}`)
  }
  return maskedForm(pattern, Uint8Array.from(bytes), Uint8Array.from(mask))
}

const integerBytes = (value: bigint, size: number, endian: Endian): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value, endian === "little")
  return endian === "little" ? bytes.slice(0, size) : bytes.slice(8 - size)
}

const integerForm = (
  pattern: Pattern,
  value: number | bigint,
  size: number,
  endian: Endian | undefined
): Compiled<Form> => {
  if (endian === undefined) return invalid(pattern, 0, "the byte order is not known: give it, or set it with setEndian")
  if (typeof value === "number" && !Number.isSafeInteger(value))
    return invalid(pattern, 0, `${value} is no whole number`)
  if (value < 0 || BigInt(value) >> BigInt(8 * size) !== 0n) {
    return invalid(pattern, 0, `${hex(BigInt(value))} does not fit in ${8 * size} bits without sign`)
  }
  return Result.succeed(exact(integerBytes(BigInt(value), size, endian)))
}

const NO_WORD_SIZE = "the word size is not known: set it with setWordSize"

const rangeForm = (pattern: Pattern, low: bigint, high: bigint, machine: Machine): Compiled<Form> => {
  const { endian, wordSize } = machine
  if (wordSize === undefined) return invalid(pattern, 0, NO_WORD_SIZE)
  if (endian === undefined) return invalid(pattern, 0, "the byte order is not known: set it with setEndian")
  if (low < 0n || high > 1n << BigInt(wordSize)) return invalid(pattern, 0, `no range of ${wordSize}-bit words`)
  if (low >= high) return invalid(pattern, 0, "an empty range: low must be less than high")
  return Result.succeed({ _tag: "WordRange", low, last: high - 1n, size: wordSize === 32 ? 4 : 8, endian })
}

const regexForm = (pattern: Pattern, data: Data & { readonly _tag: "Regex" }): Compiled<Form> => {
  const { ignoreCase, reach, source } = data
  if (!Number.isSafeInteger(reach) || reach < 1 || reach > MAX_REACH) {
    return invalid(pattern, 0, `reach must be 1 to ${MAX_REACH} bytes, not ${reach}`)
  }
  const program = parse(source, ignoreCase)
  if (Result.isFailure(program)) return invalid(pattern, program.failure.position, program.failure.why)
  if (program.success.least > reach) {
    return invalid(
      pattern,
      0,
      `a match has at least ${bytesText(program.success.least)}, more than the reach of ${reach}`
    )
  }
  return Result.succeed({ _tag: "Regex", program: program.success, reach: Math.min(reach, program.success.most) })
}

const formOf = (pattern: Pattern, data: Data, machine: Machine): Compiled<Form> => {
  switch (data._tag) {
    case "Text":
      return textForm(pattern, data)
    case "Bytes":
      return bytesForm(pattern, data.bytes)
    case "Hex":
      return hexForm(pattern, data.digits)
    case "Masked":
      return maskedForm(pattern, data.bytes, data.mask)
    case "Word":
      if (machine.wordSize === undefined) return invalid(pattern, 0, NO_WORD_SIZE)
      return integerForm(pattern, data.value, machine.wordSize / 8, machine.endian)
    case "WordInRange":
      return rangeForm(pattern, data.low, data.high, machine)
    case "Integer":
      return integerForm(pattern, data.value, data.bits / 8, data.endian ?? machine.endian)
    case "Regex":
      return regexForm(pattern, data)
    case "AnyOf":
      return invalid(pattern, 0, "there is nothing to look for among no patterns")
  }
}

/** The leaves in the order in which they were written; at least one. */
export const compile = (input: Input, machine: Machine): Compiled<ReadonlyArray<Leaf>> => {
  const leaves: Array<Leaf> = []
  const waiting = [fromInput(input)]
  let bytes = 0
  let slow = 0
  let states = 0
  while (waiting.length > 0) {
    const pattern = waiting.pop()!
    const data = (pattern as Partial<Pattern>)?.[TypeId]
    if (data === undefined) return invalid(pattern, 0, "a pattern is a string, bytes, or made by Pattern")
    if (data._tag === "AnyOf" && data.patterns.length > 0) {
      if (waiting.length + data.patterns.length > MAX_LEAVES) return invalid(input, MAX_LEAVES, "too many patterns")
      for (let i = data.patterns.length - 1; i >= 0; i--) waiting.push(data.patterns[i]!)
      continue
    }
    const form = formOf(pattern, data, machine)
    if (Result.isFailure(form)) return Result.fail(form.failure)
    leaves.push({ form: form.success, pattern })
    if (form.success._tag === "Exact") bytes += form.success.bytes.length
    else slow++
    if (form.success._tag === "Regex") states += form.success.program.forward.sets.length
    if (leaves.length > MAX_LEAVES) return invalid(input, MAX_LEAVES, `more than ${MAX_LEAVES} patterns at once`)
    if (leaves.length > 1 && bytes > MAX_TOGETHER) {
      return invalid(input, leaves.length - 1, `more than ${bytesText(MAX_TOGETHER)} to look for at once`)
    }
    if (states > MAX_STATES) {
      return invalid(
        input,
        leaves.length - 1,
        `regular expressions of more than ${MAX_STATES} bytes and classes at once`
      )
    }
    if (slow > MAX_SLOW) {
      return invalid(input, leaves.length - 1, `more than ${MAX_SLOW} masks, ranges and regular expressions at once`)
    }
  }
  return Result.succeed(leaves)
}
