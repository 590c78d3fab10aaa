// The tables of kallsyms in physical memory, without anybody saying where. They are recognised by structure, from the one that
// cannot be mistaken: the table of tokens, with its index behind it, which must agree byte by byte. From there the markers are
// in front (every 256th name's place among the names), and in front of those the names, whose lengths must meet all markers.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { implOf } from "../../map/build.ts"
import { findAll } from "../../search/drive/search.ts"
import { type Memory, type ReadError, Words } from "../memory.ts"
import { skipName, TOKENS, tokensOf } from "./names.ts"

/** Where the tables lie: physical addresses. */
export interface Tables {
  readonly names: bigint
  readonly count: number
  /** Bytes from the names to the token table, or to the markers if those are known. */
  readonly room: number
  readonly tokens: ReadonlyArray<string>
  readonly tokenTable: bigint
  readonly tokenIndex: bigint
  /** Whether lengths of names can take two bytes; `undefined` when nothing decides. */
  readonly long: boolean | undefined
  readonly words: Words
}

/** Digits stand for themselves in every kernel that was looked at: no two characters are as frequent as to displace one. */
const DIGITS = Uint8Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0x30 + i / 2 : 0))

/** A kernel has one table, and memory a few copies of it; text has such digits too. */
const MOST_PLACES = 4096

/** Names of the largest kernels take 4 MB. */
const MOST_NAMES = 16 << 20
const MOST_TOKENS = 1 << 13
export const MOST_SYMBOLS = 1 << 22

/** Names between two markers. */
const GROUP = 256
const LEAST_STEP = 512
const MOST_STEP = 0x8000
/** So many markers in a row are no accident. */
const LEAST_MARKERS = 8

interface Tokens {
  readonly table: bigint
  readonly index: bigint
  readonly tokens: ReadonlyArray<string>
  readonly little: boolean
}

const orNone = <A>(effect: Effect.Effect<A, ReadError>) =>
  Effect.catchTag(effect, "UnmappedAddress", () => Effect.succeed(undefined))

/** The table whose token of `0` stands at the address. */
const tokensAround = Effect.fnUntraced(function* (memory: Memory, zero: bigint) {
  const bytes = yield* orNone(memory.upTo(zero, MOST_TOKENS))
  if (bytes === undefined) return undefined
  const starts: Array<number> = []
  let at = 0
  for (let token = 0x30; token < TOKENS; token++) {
    starts.push(at)
    const end = bytes.indexOf(0, at)
    if (end < 0) return undefined
    at = end + 1
  }
  for (let index = at; index <= at + 8; index++) {
    for (const little of [true, false]) {
      const words = new Words(8, little)
      if (index + 2 * TOKENS > bytes.length) return undefined
      const first = words.u16(bytes, index + 2 * 0x30)
      if (!starts.every((start, i) => words.u16(bytes, index + 2 * (0x30 + i)) === first + start)) continue
      const table = zero - BigInt(first)
      const text = table >= 0n ? yield* orNone(memory.bytes(table, first + at)) : undefined
      const tokens = text && tokensOf(text, bytes.subarray(index, index + 2 * TOKENS), words)
      if (tokens !== undefined) return { table, index: zero + BigInt(index), tokens, little } satisfies Tokens
    }
  }
  return undefined
})

/** Lists of markers that may be in the bytes: where they start, how many, and how wide they are. */
const markersIn = function* (bytes: Uint8Array, little: boolean) {
  const words = new Words(8, little)
  const low = (at: number): number => words.u32(bytes, at)
  for (const width of [4, 8] as const) {
    const shift = width === 8 && !little ? 4 : 0
    const step = (at: number): boolean => {
      if (at + 2 * width > bytes.length) return false
      const distance = low(at + width + shift) - low(at + shift)
      return distance >= LEAST_STEP && distance <= MOST_STEP && (width === 4 || low(at + width + 4 - shift) === 0)
    }
    // From the end: the true one is the last thing, or nearly, before the tokens.
    for (let at = (bytes.length - width) & -4; at >= 0; at -= 4) {
      if (low(at + shift) !== 0 || (width === 8 && low(at + 4 - shift) !== 0) || !step(at)) continue
      let count = 1
      while (step(at + (count - 1) * width)) count++
      if (count >= LEAST_MARKERS) yield { at, count, last: low(at + (count - 1) * width + shift), width }
    }
  }
}

/** Whether a chain of lengths from `start` on meets all markers and ends at most 8 bytes before them. */
const meets = (
  bytes: Uint8Array,
  start: number,
  count: number,
  markers: { readonly at: number; readonly width: number },
  words: Words,
  long: boolean
): boolean => {
  const shift = markers.width === 8 && !words.little ? 4 : 0
  let at = start
  for (let i = 0; i < count; i++) {
    if (i % GROUP === 0 && words.u32(bytes, markers.at + (i / GROUP) * markers.width + shift) !== at - start)
      return false
    at = skipName(bytes, at, long)
    if (at < 0 || at > markers.at) return false
  }
  return markers.at - at < 8
}

/** The names in front of the tokens. */
const namesBefore = Effect.fnUntraced(function* (memory: Memory, found: Tokens) {
  // As much as is there without a hole, from the tokens backwards.
  let length = found.table < BigInt(MOST_NAMES) ? Number(found.table) : MOST_NAMES
  let bytes: Uint8Array | undefined
  while (length >= 4096 && bytes === undefined) {
    bytes = yield* orNone(memory.bytes(found.table - BigInt(length), length))
    if (bytes === undefined) length >>>= 1
  }
  if (bytes === undefined) return undefined
  const base = found.table - BigInt(length)
  // Starts at a word of the bytes, so that it does in memory: tables are aligned.
  const skew = Number(-base & 3n)
  const view = bytes.subarray(skew)
  let tried = 0
  for (const markers of markersIn(view, found.little)) {
    if (++tried > MOST_PLACES) return undefined
    const { at, count, last } = markers
    const words = new Words(8, found.little)
    for (let start = at - last - LEAST_MARKERS; start >= 8 && start > at - last - MOST_STEP; start--) {
      if (start % 4 !== 0) continue
      for (const before of [8, 4]) {
        const n = words.u32(view, start - before)
        if (Math.ceil(n / GROUP) !== count || n > MOST_SYMBOLS) continue
        const fits = [true, false].filter((long) => meets(view, start, n, markers, words, long))
        if (fits.length === 0) continue
        const names = base + BigInt(skew + start)
        const long = fits.length === 1 ? fits[0] : undefined
        return { names, count: n, room: at - start, long }
      }
    }
  }
  return undefined
})

/** The first tables that are complete. Copies of the token table alone, left over from unpacking the kernel, are passed over. */
export const scan = Effect.fnUntraced(function* (memory: Memory) {
  const places = yield* findAll(implOf(memory.map), DIGITS, undefined).pipe(
    Stream.take(MOST_PLACES),
    Stream.runCollect,
    Effect.catchTag("InvalidPattern", Effect.die)
  )
  let tokenTables = 0
  for (const zero of places) {
    const tokens = yield* tokensAround(memory, zero)
    if (tokens === undefined) continue
    tokenTables++
    const names = yield* namesBefore(memory, tokens)
    yield* Effect.yieldNow
    if (names === undefined) continue
    const words = new Words(memory.words.bytes, tokens.little)
    const tables = { ...names, tokens: tokens.tokens, tokenTable: tokens.table, tokenIndex: tokens.index, words }
    return { tables: tables satisfies Tables, why: "" }
  }
  const why = `${tokenTables} of ${places.length} places look like a table of tokens, and none has the names in front of it`
  return { tables: undefined, why }
})
