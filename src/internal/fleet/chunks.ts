// How a large image is cut: where a chunk is full, the next one begins.
import type { AddressRange } from "../../AddressRange.ts"
import * as Range from "../../AddressRange.ts"
import * as MemoryMap from "../../MemoryMap.ts"

/** Mapped bytes of a chunk: at 10 GB/s a fortieth of a second, which is what a durable step costs several times over. */
export const CHUNK_BYTES = 1n << 28n

/** Chunks of an image. A map may hold 2^64 zeros that no file does; its chunks grow instead of their number. */
const MOST = 4096n

/** Mapped bytes of a chunk of a map, when they are to be `least` or more. */
export const chunkBytes = (map: MemoryMap.Any, least: bigint): bigint => {
  const even = (MemoryMap.mappedSize(map) + MOST - 1n) / MOST
  return even > least ? even : least
}

/** The chunks, in order: from address 0 to 2^64 without a gap, with `size` mapped bytes in each but the last. */
export const chunksOf = (map: MemoryMap.Any, size: bigint): ReadonlyArray<AddressRange> => {
  const cuts: Array<bigint> = []
  let room = size
  for (const { end, start } of MemoryMap.runs(map)) {
    let at = start
    while (end - at > room) {
      at += room
      cuts.push(at)
      room = size
    }
    room -= end - at
    if (room === 0n) {
      cuts.push(end)
      room = size
    }
  }
  // What follows a cut at the very end of the map would be a chunk of nothing.
  if (cuts.at(-1) === MemoryMap.bounds(map).pipe((bounds) => (bounds._tag === "Some" ? bounds.value.end : 0n)))
    cuts.pop()
  const edges = [Range.full.start, ...cuts, Range.full.end]
  return edges.slice(1).map((end, i) => Range.make(edges[i]!, end))
}
