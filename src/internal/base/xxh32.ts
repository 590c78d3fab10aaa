// XXH32 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md, "XXH32 Algorithm Description"), by xxhash-wasm.
// Every step of it is a bijection of what it has so far, so one changed word always changes the sum.
import * as Effect from "effect/Effect"
import xxhash, { type XXHashAPI } from "xxhash-wasm"
import type { Work } from "./turns.ts"

export type Hasher = Pick<XXHashAPI, "h32Raw" | "create32">

let compiled: Hasher | undefined

/** Compiled once, for the first that asks: that takes a turn of the event loop. */
export const hasher: Effect.Effect<Hasher> = Effect.suspend(() =>
  compiled === undefined
    ? Effect.map(
        Effect.promise(() => xxhash()),
        (hasher) => (compiled = hasher)
      )
    : Effect.succeed(compiled)
)

/** Bytes between two places where a sum rests: a fraction of a millisecond. They are copied for the sum. */
const PIECE = 1 << 18

/** The sum of all bytes, an unsigned 32-bit number: work that can rest. */
export function* summing({ create32 }: Hasher, bytes: Uint8Array): Work<number> {
  const sum = create32()
  for (let from = 0; from < bytes.length; from += PIECE) {
    if (from > 0) yield
    sum.update(bytes.subarray(from, from + PIECE))
  }
  return sum.digest()
}

/** The sum of all bytes, at once: for a MiB or so. */
export const xxh32 = ({ h32Raw }: Hasher, bytes: Uint8Array): number => h32Raw(bytes)
