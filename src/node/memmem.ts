// Needles found by the C library. It is asked for a part of the needle that it is quick on, on another thread; what it
// finds, and a little of what lies behind, is looked at here.
import * as Effect from "effect/Effect"
import { exactSearcher } from "../internal/search/find/needleSearcher.ts"
import { NativeUnavailable } from "../MemoryMapError.ts"
import type { Finder, SearchKernel } from "../SearchKernel.ts"
import { Libc, type NativeFunction } from "./libc.ts"

/** What is looked at here behind a match: matches come in groups, and a call costs as much as so many bytes. */
const NEAR = 32 << 10
const FAR = 512 << 10

/** So many finds close to each other make a part a bad choice. */
const PATIENCE = 3

/** Long parts make memmem no faster, and the worst that it may do to zeros slower. */
const LONGEST = 64

/** The part of the needle that is asked for: `length` bytes from `offset`. */
interface NeedlePart {
  readonly offset: number
  readonly length: number
}

/** Bytes that memory is full of. */
const isCommon = (byte: number): boolean => byte === 0 || byte === 0xff || byte === 0x20

/**
 * The longest part in which no pair of bytes comes twice, nor a pair that memory is full of. memmem (glibc 2.36) goes by
 * pairs: it passes over as many bytes as there are behind the last place of the pair at hand. `undefined`: all such
 * parts are short.
 */
const distinct = (needle: Uint8Array): NeedlePart | undefined => {
  const places = new Map<number, number>()
  let best: NeedlePart = { offset: 0, length: 0 }
  let start = 0
  for (let i = 1; i < needle.length; i++) {
    const [first, second] = [needle[i - 1]!, needle[i]!]
    const pair = (first << 8) | second
    const before = first === second && isCommon(first) ? i - 1 : (places.get(pair) ?? -1)
    start = Math.max(start, before + 1, i + 1 - LONGEST)
    places.set(pair, i - 1)
    if (i + 1 - start > best.length) best = { offset: start, length: i + 1 - start }
  }
  return best.length >= 4 ? best : undefined
}

/** What to ask for, and what to turn to where that is met too often. */
const partsOf = (needle: Uint8Array): ReadonlyArray<NeedlePart> => {
  const best = distinct(needle)
  if (best !== undefined) return [best]
  const odd = needle.findIndex((byte) => !isCommon(byte))
  if (odd < 0) return []
  const one = { offset: odd, length: 1 }
  return needle.length === 1 ? [one] : [one, { offset: Math.max(0, odd - 1), length: 2 }]
}

/** Calls of the C library. All take and give offsets in a block; -1: nothing there. */
class Calls {
  private readonly memmem: NativeFunction
  private readonly memchr: NativeFunction
  constructor(memmem: NativeFunction, memchr: NativeFunction) {
    this.memmem = memmem
    this.memchr = memchr
  }

  /** The first place of `part` in `bytes`. The closure keeps the arrays until the call is done. */
  find(bytes: Uint8Array, part: Uint8Array): Effect.Effect<number> {
    return Effect.callback<number>((resume) => {
      // Only the C library knows where an array lies: its first byte is found where it begins.
      const base = this.memchr(bytes, bytes[0], 1) as bigint
      const [call, ...args] =
        part.length === 1
          ? ([this.memchr, bytes, part[0], bytes.length] as const)
          : ([this.memmem, bytes, bytes.length, part, part.length] as const)
      const give = (address: bigint | null) => resume(Effect.succeed(address === null ? -1 : Number(address - base)))
      try {
        call.async(...args, (error: unknown, address: bigint | null) =>
          give(error === null || error === undefined ? address : (call(...args) as bigint | null))
        )
      } catch {
        // koffi has no more than 256 calls under way. One block takes a fraction of a millisecond.
        give(call(...args) as bigint | null)
      }
    })
  }
}

const prepare =
  (calls: Calls) =>
  (asked: Uint8Array): Finder => {
    const needle = new Uint8Array(asked)
    const here = exactSearcher(needle, false)
    const parts = partsOf(needle).map(({ length, offset }) => ({
      offset,
      bytes: needle.slice(offset, offset + length)
    }))
    return Effect.fnUntraced(function* (block: Uint8Array, limit: number) {
      const offsets: Array<number> = []
      const end = block.length - needle.length + 1
      let choice = 0
      let met = 0
      let reach = NEAR
      let at = 0
      while (at < end && offsets.length < limit) {
        const part = parts[choice]
        if (part === undefined) yield* Effect.yieldNow
        else {
          const found = yield* calls.find(
            block.subarray(at + part.offset, end - 1 + part.offset + part.bytes.length),
            part.bytes
          )
          if (found < 0) break
          at += found
          if (found < reach) {
            reach = Math.min(2 * reach, FAR)
            if (++met % PATIENCE === 0 && choice + 1 < parts.length) {
              choice++
              reach = NEAR
            }
          } else reach = NEAR
        }
        const to = Math.min(end, at + (part === undefined ? FAR : reach))
        while (at < to && offsets.length < limit) at = here(block, at, to, offsets, limit)
      }
      return offsets
    })
  }

/** The kernel, or why it cannot be had. */
export const make: Effect.Effect<SearchKernel, NativeUnavailable> = Effect.gen(function* () {
  const libc = yield* Effect.mapError(yield* Libc, (none) => new NativeUnavailable({ feature: "memmem", ...none }))
  const calls = yield* Effect.try({
    try: () =>
      new Calls(
        libc.func("void *memmem(const void *block, size_t length, const void *needle, size_t size)"),
        libc.func("void *memchr(const void *block, int byte, size_t length)")
      ),
    catch: (cause) => new NativeUnavailable({ feature: "memmem", why: "the C library does not have memmem", cause })
  })
  return { name: "memmem", concurrency: 3, prepare: prepare(calls) }
})
