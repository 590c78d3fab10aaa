// One needle in one block. Quick ways come first and give up when the bytes do not suit them; the last way takes time
// in proportion to the bytes whatever they are. What the quick ones may waste before they give up is bounded by what
// they have saved, so the whole is linear as well.
import { fastPaths } from "../../base/fastPaths.ts"
import type { NeedleSearcher } from "./hits.ts"
import { kmp } from "./kmp.ts"
import { agreement, foldedNeedle, lowerCase, type Needle, sameCase } from "./needle.ts"
import { canSample, Sampler } from "./sampler.ts"
import { shiftAnd } from "./shiftAnd.ts"

/** What a call of `indexOf` that finds its byte costs, in bytes that it could have passed over. */
const FIRING = 48

/** How many bytes of a block are looked at to guess how frequent each byte is; for small blocks a rule of thumb does. */
const SAMPLES = 512

/** Whole needles of one byte: in dense data a loop is faster than calls of `indexOf`. */
const oneByte =
  (wanted: number): NeedleSearcher =>
  (bytes, from, to, out, limit) => {
    const part = bytes.subarray(0, to) // `indexOf` knows no end
    let at = from
    while (at < to) {
      const found = part.indexOf(wanted, at)
      if (found < 0) return to
      let i = found
      while (i < to && bytes[i] === wanted && out.length < limit) out.push(i++)
      at = i
      if (out.length >= limit) return at
    }
    return to
  }

const counts = new Uint32Array(256)

/** How often each of `candidates` is among some bytes of the block, then as memory at large goes. */
const rarest = (
  bytes: Uint8Array,
  from: number,
  to: number,
  needle: Needle,
  candidates: ReadonlyArray<number>
): number => {
  counts.fill(0)
  const step = Math.floor((to - from) / SAMPLES)
  if (step > 4) for (let i = from; i < to; i += step) counts[bytes[i]!]!++
  const score = (i: number) => {
    const byte = needle.bytes[i]!
    return 4 * counts[byte]! + (byte === 0 || byte === 255 ? 2 : byte === 0x20 || byte === 1 ? 1 : 0)
  }
  return candidates.reduce((best, i) => (score(i) < score(best) ? i : best), candidates[0]!)
}

/** Lets `indexOf` look for the byte of the needle that is rarest in the block. */
const anchored = (needle: Needle): NeedleSearcher => {
  const candidates = Array.from(needle.bytes.keys()).filter((i) => (needle.mask?.[i] ?? 255) === 255)
  if (candidates.length === 0) return (_bytes, from) => from
  return (bytes, from, to, out, limit) => {
    const anchor = rarest(bytes, from, to, needle, candidates)
    const wanted = needle.bytes[anchor]!
    const part = bytes.subarray(0, to + anchor)
    let patience = 4096
    let at = from + anchor
    for (;;) {
      const found = part.indexOf(wanted, at)
      if (found < 0) return to
      const agreed = agreement(needle, bytes, found - anchor)
      if (agreed === needle.bytes.length) {
        out.push(found - anchor)
        if (out.length >= limit) return found - anchor + 1
      }
      patience += found - at - FIRING - agreed
      at = found + 1
      if (patience < 0) return at - anchor
    }
  }
}

/** Short needles that ignore case: the letter may come in two forms, so two anchors are followed side by side. */
const twoCases = (needle: Needle): NeedleSearcher => {
  const anchor = needle.mask!.indexOf(0xdf)
  if (anchor < 0) return (_bytes, from) => from
  const upper = needle.bytes[anchor]!
  const lower = upper | 0x20
  return (bytes, from, to, out, limit) => {
    const end = to + anchor
    const part = bytes.subarray(0, end)
    const next = (wanted: number, at: number) => {
      const found = part.indexOf(wanted, at)
      return found < 0 ? end : found
    }
    let patience = 4096
    let at = from + anchor
    let u = next(upper, at)
    let l = next(lower, at)
    for (;;) {
      const found = Math.min(u, l)
      if (found >= end) return to
      const agreed = agreement(needle, bytes, found - anchor)
      if (agreed === needle.bytes.length) {
        out.push(found - anchor)
        if (out.length >= limit) return found - anchor + 1
      }
      patience += found - at - FIRING - agreed
      at = found + 1
      if (patience < 0) return at - anchor
      if (u < at) u = next(upper, at)
      if (l < at) l = next(lower, at)
    }
  }
}

const sampled = (needle: Needle, fold: boolean): NeedleSearcher => {
  const sampler = new Sampler([needle], fold)
  return (bytes, from, to, out, limit) => sampler.scan(bytes, from, to, out, limit)
}

/**
 * What the last search is given at first when the quick ones gave up, and what they must get on by to be worth a try; no
 * less than the needle has, for that is what each try may cost.
 */
const REST = 16 << 10
const GAIN = 4 << 10

/**
 * The quick searchers one after the other, each from where the one before gave up, and `last` for a while where all did: the
 * bytes that do not suit them may be behind soon. It is given more each time that they have been of no use.
 */
const inTurn =
  (quick: ReadonlyArray<NeedleSearcher>, last: NeedleSearcher, length: number): NeedleSearcher =>
  (bytes, from, to, out, limit) => {
    const least = Math.max(REST, length)
    const gain = Math.max(GAIN, length)
    let at = from
    let rest = least
    while (at < to && out.length < limit) {
      const start = at
      if (fastPaths.quickSearch) {
        for (const search of quick) if (at < to && out.length < limit) at = search(bytes, at, to, out, limit)
      }
      rest = at - start < gain ? 2 * rest : least
      const end = Math.min(to, at + rest)
      while (at < end && out.length < limit) at = last(bytes, at, end, out, limit)
    }
    return at
  }

/** A search that is made when it is first needed. */
const lazily = (make: () => NeedleSearcher): NeedleSearcher => {
  let search: NeedleSearcher | undefined
  return (bytes, from, to, out, limit) => (search ??= make())(bytes, from, to, out, limit)
}

/** Finds `bytes`; with `fold`, which wants them in lower case, letters in either case. */
export const exactSearcher = (bytes: Uint8Array, fold: boolean): NeedleSearcher => {
  const needle: Needle = fold ? foldedNeedle(bytes) : { bytes, mask: undefined }
  if (bytes.length === 1 && needle.mask?.[0] !== 0xdf) return oneByte(bytes[0]!)
  const quick = canSample(needle, fold) ? [sampled(needle, fold)] : fold ? [twoCases(needle)] : []
  return inTurn(
    [...quick, anchored(needle)],
    lazily(() => kmp(bytes, fold ? lowerCase : sameCase)),
    bytes.length
  )
}

/** Finds bytes under a mask that has at least one bit. */
export const maskedSearcher = (needle: Needle): NeedleSearcher => {
  const fold = needle.mask!.includes(0xdf)
  const quick = canSample(needle, fold) ? [sampled(needle, fold)] : []
  return inTurn(
    [...quick, anchored(needle)],
    lazily(() => shiftAnd(needle)),
    needle.bytes.length
  )
}
