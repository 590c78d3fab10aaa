// The first stop of a search: what of a map there is to search.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import type { MemoryMapImpl } from "../../map/map.ts"
import { mappingOf, piecesIn } from "../../map/pieces.ts"

/** A visible part of a mapping, cut to the range that is searched. */
export interface Piece {
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  /** Address of the byte at offset 0 of the source. */
  readonly origin: bigint
}

/** The pieces in `[start, end)`, ascending and disjoint. */
export const piecesOf = (map: MemoryMapImpl, start: bigint, end: bigint): Iterable<Piece> => ({
  *[Symbol.iterator]() {
    for (const piece of piecesIn(map, start, end)) {
      const { source, start: origin } = mappingOf(piece)
      yield {
        start: piece.start > start ? piece.start : start,
        end: piece.end < end ? piece.end : end,
        source,
        origin
      }
    }
  }
})

/** Pieces counted between two turns of the event loop: about a millisecond. */
const PIECES_PER_TURN = 4096

/** The bytes of all pieces together, counted without holding the event loop. */
export const sizeOf = (pieces: Iterable<Piece>): Effect.Effect<bigint> =>
  Effect.suspend(() => {
    const iterator = pieces[Symbol.iterator]()
    let total = 0n
    const go: Effect.Effect<bigint> = Effect.suspend(() => {
      for (let i = 0; i < PIECES_PER_TURN; i++) {
        const next = iterator.next()
        if (next.done === true) return Effect.succeed(total)
        total += next.value.end - next.value.start
      }
      return Effect.andThen(Effect.yieldNow, go)
    })
    return go
  })
