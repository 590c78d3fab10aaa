// Words on word boundaries, through typed arrays; ranges of words anywhere.
import type { WordRange } from "../../pattern/compile.ts"
import { exactSearcher } from "./needleSearcher.ts"
import type { Hits, Searcher } from "./hits.ts"

const STEP = 1 << 19

/** Places looked at in one go. */
const PLACES_AT_ONCE = 1024

const isLittle = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** True when the addresses that are multiples of 4 are where this machine reads 32-bit words. */
const isEven = (bytes: Uint8Array, phase: number): boolean => ((bytes.byteOffset - phase) & 3) === 0

/** Words like these fill memory, and say little about the rest of a needle. */
const isDull = (word: number): boolean => word === 0 || word === 0xffffffff

/** What a call of `indexOf` that comes to nothing costs, in words that it could have passed over. */
const FIRING = 16

/** Needles that {@link alignedExact} takes have at least and at most so many bytes; it may compare all of them anywhere. */
export const ALIGNED_LEAST = 4
export const ALIGNED_MOST = 64

/**
 * A short needle at addresses that are multiples of 4: `Uint32Array.indexOf` looks for one of its words, the others are
 * then compared; when that word is all over the place, a loop takes over. `elsewhere` is for memory where words do not
 * lie on the boundaries of this machine.
 */
export const alignedExact = (needle: Uint8Array, alignment: number, elsewhere: Searcher): Searcher => {
  const words = new Uint32Array(needle.slice(0, needle.length & ~3).buffer)
  let anchor = words.findIndex((word) => !isDull(word))
  if (anchor < 0) anchor = 0
  const wanted = words[anchor]!
  const rest = needle.length - 1
  const fits = (bytes: Uint8Array, start: number): boolean => {
    for (let i = rest; i >= 0; i--) if (bytes[start + i] !== needle[i]) return false
    return true
  }
  const scan = (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
    if (!isEven(bytes, phase)) return elsewhere.search(bytes, from, to, phase, out)
    const skew = (4 - (bytes.byteOffset & 3)) & 3
    const end = Math.min((bytes.length - skew) >> 2, ((to - 1 - skew) >> 2) + anchor + 1)
    let i = ((from - skew + 3) >> 2) + anchor
    if (i >= end) return to
    const all = new Uint32Array(bytes.buffer, bytes.byteOffset + skew, end)
    let patience = 1024
    while (i < end) {
      if (patience < 0) while (i < end && all[i] !== wanted) i++
      const found = patience < 0 ? i : all.indexOf(wanted, i)
      if (found < 0 || found >= end) return to
      patience += found - i - FIRING
      i = found + 1
      const start = skew + 4 * (found - anchor)
      if ((phase + start) % alignment === 0 && start + rest < bytes.length && fits(bytes, start)) {
        out.push(start, 0, needle.length)
        if (out.full) return start + 1
      }
    }
    return to
  }
  return {
    reach: needle.length,
    step: 4 * STEP,
    search: (b, from, to, phase, out) => (from < to ? scan(b, from, to, phase, out) : to)
  }
}

const swap = (word: number): number =>
  ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0

/** The bytes that all words from `low` to `last` begin with, the most significant one first; not all zero or 0xff. */
const sharedBytes = (low: bigint, last: bigint, size: number): Uint8Array => {
  const bytes: Array<number> = []
  for (let shift = BigInt(8 * size - 8); shift >= 0n && low >> shift === last >> shift; shift -= 8n) {
    bytes.push(Number((low >> shift) & 255n))
  }
  return Uint8Array.from(bytes.some((byte) => byte !== 0 && byte !== 255) ? bytes : [])
}

/** Words in a range, at multiples of `alignment`. */
export const wordRange = ({ endian, last, low, size }: WordRange, alignment: number): Searcher => {
  const little = endian === "little"
  const lowHigh = Number(low >> 32n)
  const lowLow = Number(low & 0xffffffffn)
  const lastHigh = Number(last >> 32n)
  const lastLow = Number(last & 0xffffffffn)
  const swapped = little !== isLittle
  const isIn = (high: number, low: number): boolean =>
    (high > lowHigh || (high === lowHigh && low >= lowLow)) &&
    (high < lastHigh || (high === lastHigh && low <= lastLow))
  /** On the boundaries of both machines: word by word. */
  const even = (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
    const skew = (4 - (bytes.byteOffset & 3)) & 3
    if (bytes.length < skew + 4) return to
    const all = new Uint32Array(bytes.buffer, bytes.byteOffset + skew, (bytes.length - skew) >> 2)
    const step = alignment / 4 // more than 32 bits, perhaps
    let i = (from - skew + 3) >> 2
    i += ((alignment - ((phase + skew + 4 * i) % alignment)) % alignment) / 4
    const end = Math.min(((to - 1 - skew) >> 2) + 1, all.length - (size >> 2) + 1)
    const high = size === 8 && little ? 1 : 0
    for (; i < end; i += step) {
      const first = all[i + high]!
      const top = size === 4 ? 0 : swapped ? swap(first) : first
      if (top < lowHigh || top > lastHigh) continue
      const second = size === 4 ? first : all[i + 1 - high]!
      if (isIn(top, swapped ? swap(second) : second)) {
        out.push(skew + 4 * i, 0, size)
        if (out.full) return skew + 4 * i + 1
      }
    }
    return to
  }
  /** Anywhere, word by word. */
  const odd = (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const high = size === 8 && little ? 4 : 0
    for (let i = from + ((alignment - ((phase + from) % alignment)) % alignment); i < to; i += alignment) {
      const first = view.getUint32(i + high, little)
      const top = size === 4 ? 0 : first
      if (top < lowHigh || top > lastHigh) continue
      if (isIn(top, size === 4 ? first : view.getUint32(i + 4 - high, little))) {
        out.push(i, 0, size)
        if (out.full) return i + 1
      }
    }
    return to
  }
  const prefix = sharedBytes(low, last, size)
  const shared = little ? prefix.toReversed() : prefix
  const skip = little ? size - shared.length : 0
  const find = shared.length === 0 ? undefined : exactSearcher(shared, false)
  /** Anywhere, where the bytes that all words in the range share are found. */
  const sharing = (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const found: Array<number> = []
    let at = from
    while (at < to) {
      at = find!(bytes, at + skip, to + skip, found, PLACES_AT_ONCE) - skip
      for (const offset of found) {
        const i = offset - skip
        if ((phase + i) % alignment !== 0) continue
        const top = size === 4 ? 0 : view.getUint32(little ? i + 4 : i, little)
        if (isIn(top, view.getUint32(size === 4 || little ? i : i + 4, little))) out.push(i, 0, size)
      }
      if (out.full) return at
      found.length = 0
    }
    return to
  }
  return {
    reach: size,
    step: STEP,
    search: (bytes, from, to, phase, out) => {
      const end = Math.min(to, bytes.length - size + 1)
      if (from < end) {
        const way = alignment % 4 === 0 && isEven(bytes, phase) ? even : find === undefined ? odd : sharing
        const at = way(bytes, from, end, phase, out)
        if (at < end) return at
      }
      return to
    }
  }
}
