// The visible pieces of a map: the one way in for everything that reads, searches or saves.
import type { AddressRange } from "../../AddressRange.ts"
import { END } from "../base/numbers.ts"
import type { MappingImpl, MemoryMapImpl, Piece } from "./map.ts"
import * as Skyline from "./skyline.ts"
import * as Tree from "./tree.ts"

/** The mapping that shows in a piece. The byte at offset 0 of its source has the address `start` of the mapping. */
export const mappingOf: (piece: Piece) => MappingImpl = Skyline.layerOf

/** The pieces that share a byte with `[start, end)`, ascending and whole, not cut to it; lazy, O(log n) to begin. */
export const piecesIn = (map: MemoryMapImpl, start: bigint, end: bigint): Iterable<Piece> =>
  Skyline.within(map.visible, start, end)

/** Every piece, ascending; lazy. */
export const allPieces = (map: MemoryMapImpl): Iterable<Piece> => Tree.from(map.visible, 0n)

/** The hole around an unmapped address, and why it is one if the map knows. */
export const holeAt = (map: MemoryMapImpl, address: bigint): { range: AddressRange; reason: string | undefined } => {
  if (address < 0n || address >= END) return { range: { start: address, end: address }, reason: undefined }
  let start = Tree.floor(map.visible, address)?.end ?? 0n
  let end = Tree.ceiling(map.visible, address)?.start ?? END
  const before = Tree.floor(map.absent, address)
  if (before !== undefined) {
    const known = before.end > address
    const edge = known ? before.start : before.end
    if (edge > start) start = edge
    if (known && before.end < end) end = before.end
    if (known) return { range: { start, end }, reason: Skyline.layerOf(before).reason }
  }
  const after = Tree.ceiling(map.absent, address)
  if (after !== undefined && after.start < end) end = after.start
  return { range: { start, end }, reason: undefined }
}
