// Text images, read line by line: one pass, one block in memory, and a line of bounded length, whatever the file holds.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import { ImageError, type SourceError } from "../../../MemoryMapError.ts"
import { bytesText, sizeText } from "../../base/numbers.ts"

const BLOCK = 1 << 20

/** No record of a known format is half as long. */
const LONGEST = 1024

/** Text beyond this is refused: what it holds would not fit in memory, and no format here can address as much. */
const LARGEST = 1n << 33n

const LF = 0x0a

/** Space, tab, carriage return, and the Ctrl-Z that CP/M and DOS put at the end of a text. */
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0d || byte === 0x09 || byte === 0x1a

/** A line that may be passed over, by those who ask for it, and why it is no record. */
export interface NoRecord {
  readonly why: string
}

/** A line that was passed over; lines count from 1. */
export interface PassedLine {
  readonly line: number
  readonly why: string
}

/** So many lines that are no records are listed; a text of more is no text of records. */
const MOST_PASSED = 1 << 16

const LENIENT = "open it with lenient: true to read what is there"

/** Takes one line, `text[start, end)`; a sentence fragment says why it is refused. */
export type Accept = (text: Uint8Array, start: number, end: number, line: number) => string | NoRecord | undefined

/**
 * Hands every line that is not blank to `accept`, trailing blanks removed, and gives the number of lines. Lines end in
 * LF or CRLF; the last one needs no end. Lines that are no records are refused, or added to `passed` where there is one.
 */
export const eachLine = Effect.fnUntraced(function* (
  source: ByteSource,
  format: string,
  accept: Accept,
  passed: Array<PassedLine> | undefined
) {
  const refuse = (offset: bigint, why: string, line?: number, isPassable = false) =>
    new ImageError({
      path: source.name,
      format,
      offset,
      ...(line === undefined ? {} : { line }),
      why,
      ...(isPassable && passed === undefined ? { hint: LENIENT } : {})
    })
  if (source.size > LARGEST) {
    return yield* refuse(
      0n,
      `the text takes ${sizeText(source.size)}, more than the ${sizeText(LARGEST)} that are read`
    )
  }
  let line = 0
  let rest: Uint8Array = new Uint8Array(0)
  // Inside a line that is too long to be kept: its rest is passed over.
  let inLong = false
  for (let offset = 0n; offset < source.size; offset += BigInt(BLOCK)) {
    const isLast = offset + BigInt(BLOCK) >= source.size
    const block = yield* source.read(offset, isLast ? Number(source.size - offset) : BLOCK)
    const text = rest.length === 0 ? block : Bytes.concat([rest, block])
    const base = offset - BigInt(rest.length)
    let start = 0
    while (start < text.length) {
      const newline = text.indexOf(LF, start)
      const end = newline < 0 ? text.length : newline
      if (newline < 0 && !isLast && !inLong && end - start <= LONGEST) break
      if (!inLong) {
        line++
        const wrong = lineOf(text, start, end, line, accept)
        if (wrong !== undefined) {
          const isPassed = passed !== undefined && typeof wrong === "object" && passed.length < MOST_PASSED
          const why = typeof wrong === "string" ? wrong : wrong.why
          if (!isPassed) return yield* refuse(base + BigInt(start), why, line, typeof wrong === "object")
          passed.push({ line, why })
        }
      }
      inLong = newline < 0
      start = newline < 0 ? text.length : newline + 1
    }
    rest = text.slice(start)
    yield* Effect.yieldNow
  }
  return line
})

/** What is wrong with the line `text[start, end)`, if anything. */
const lineOf = (text: Uint8Array, start: number, end: number, line: number, accept: Accept) => {
  if (end - start > LONGEST) return { why: `the line is longer than ${bytesText(LONGEST)}: not a text of records` }
  let last = end
  while (last > start && isBlank(text[last - 1]!)) last--
  return last === start ? undefined : accept(text, start, last, line)
}

/**
 * Refuses a text that ends after `lines` lines without what ends it, or notes it in `passed` where there is one.
 */
export const cutShort = (
  source: ByteSource,
  format: string,
  lines: number,
  missing: string,
  passed: Array<PassedLine> | undefined
): Effect.Effect<void, ImageError> => {
  const why = `${missing} is missing: the file is cut short`
  if (passed === undefined) {
    return Effect.fail(
      new ImageError({
        path: source.name,
        format,
        reason: "CutShort",
        offset: source.size,
        line: lines + 1,
        why,
        hint: LENIENT
      })
    )
  }
  return Effect.sync(() => void passed.push({ line: lines + 1, why }))
}

/** The first line that is not blank, if it is among the first bytes; else nothing. */
export const firstLine = (source: ByteSource): Effect.Effect<Uint8Array, SourceError> => {
  const length = Number(source.size < LONGEST ? source.size : LONGEST)
  return Effect.map(source.read(0n, length), (text) => {
    let start = 0
    while (start < length && (text[start] === LF || isBlank(text[start]!))) start++
    const newline = text.indexOf(LF, start)
    let end = newline < 0 ? length : newline
    while (end > start && isBlank(text[end - 1]!)) end--
    return text.subarray(start, end)
  })
}

/** The value of each ASCII hexadecimal digit, 255 for all else. */
const digits = new Uint8Array(256).fill(255)
for (let i = 0; i < 16; i++) {
  digits["0123456789abcdef".charCodeAt(i)] = i
  digits["0123456789ABCDEF".charCodeAt(i)] = i
}

/** Decodes the pairs of digits in `text[start, end)` into `out`, and gives their count; -1 when one is no digit, or one is odd. */
export const decodeHex = (text: Uint8Array, start: number, end: number, out: Uint8Array): number => {
  const count = (end - start) >> 1
  if ((end - start) % 2 !== 0 || count > out.length) return -1
  let bad = 0
  for (let i = 0, at = start; i < count; i++, at += 2) {
    const high = digits[text[at]!]!
    const low = digits[text[at + 1]!]!
    bad |= high | low
    out[i] = (high << 4) | low
  }
  return bad > 15 ? -1 : count
}

/** The sum of `bytes[0, count)`, modulo 256. */
export const sum = (bytes: Uint8Array, count: number): number => {
  let total = 0
  for (let i = 0; i < count; i++) total += bytes[i]!
  return total & 0xff
}

/** The most bytes that a text of two digits a byte can hold. */
export const textCapacity = (source: ByteSource): number => Number((source.size < LARGEST ? source.size : LARGEST) / 2n)
