// Bytes out of a map. Values inside one resident piece are decoded where they lie; everything else is gathered first.
import * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import { type SourceError, UnmappedAddress } from "../../MemoryMapError.ts"
import type { Decode } from "../base/decode.ts"
import { checkLength } from "../base/arguments.ts"
import { fastPaths } from "../base/fastPaths.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { holeAt, mappingOf, piecesIn } from "../map/pieces.ts"
import { END } from "../base/numbers.ts"
import { copyExtents, type Extent } from "../source/copy.ts"

export type ReadError = UnmappedAddress | SourceError

export const allocate = (operation: string, length: number): Uint8Array => {
  if (length <= LARGEST) return new Uint8Array(length)
  throw new RangeError(
    `MemoryMap.${operation}: ${length} bytes do not fit in one array; read them with MemoryMap.stream`
  )
}

/**
 * Bytes that one array can hold in every engine that Effect runs on (V8 allows more, others do not). Far below this,
 * bytes are better streamed.
 */
export const LARGEST = 2 ** 32

/** The range of `length` bytes at `address`, which may leave the address space. */
export const extent = (address: bigint, length: number): AddressRange => ({
  start: address,
  end: address + BigInt(length)
})

export const unmapped = (
  map: MemoryMapImpl,
  operation: string,
  address: bigint,
  requested: AddressRange
): UnmappedAddress => {
  const { range, reason } = holeAt(map, address)
  return new UnmappedAddress({
    operation,
    address,
    requested,
    available: address - requested.start,
    hole: range,
    ...(reason === undefined ? {} : { reason })
  })
}

/** The value of the `length` bytes at `address` when one resident piece holds them all, decoded where they lie. */
export const peek = <A>(
  map: MemoryMapImpl,
  address: bigint,
  length: number,
  little: boolean,
  decode: Decode<A>
): A | undefined => {
  if (!fastPaths.onePiece) return undefined
  const flat = map.flat
  if (flat !== undefined) {
    const at = flat.locate(address, length)
    return at < 0 ? undefined : decode(flat.bytes, at, little)
  }
  const piece = map.at(address)
  if (piece === undefined) return undefined
  const mapping = mappingOf(piece)
  const resident = mapping.source.resident
  if (resident === undefined || piece.end - address < length) return undefined
  return decode(resident, Number(address - mapping.start), little)
}

/** The parts that make up `[address, address + length)` up to the first hole, and where that hole starts. */
export const partsOf = (map: MemoryMapImpl, address: bigint, length: number) => {
  const parts: Array<Extent> = []
  const end = address + BigInt(length)
  let reached = address
  if (address >= 0n && address < END) {
    for (const piece of piecesIn(map, address, end)) {
      if (piece.start > reached) break
      const mapping = mappingOf(piece)
      const stop = piece.end < end ? piece.end : end
      parts.push({ source: mapping.source, offset: reached - mapping.start, length: Number(stop - reached) })
      reached = stop
    }
  }
  return { parts, reached, complete: reached >= end }
}

/** The `length` bytes at `address` as a fresh array; fails at the first hole before anything is read. */
export const bytes = (
  map: MemoryMapImpl,
  operation: string,
  address: bigint,
  length: number
): Effect.Effect<Uint8Array, ReadError> =>
  Effect.suspend((): Effect.Effect<Uint8Array, ReadError> => {
    checkLength(operation, length)
    if (length === 0) return Effect.succeed(new Uint8Array(0))
    const { complete, parts, reached } = partsOf(map, address, length)
    if (!complete) return unmapped(map, operation, reached, extent(address, length))
    return copyExtents(parts, allocate(operation, length))
  })
