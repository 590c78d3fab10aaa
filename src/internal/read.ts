// Bytes out of a map. Values inside one resident piece are decoded where they lie; everything else is gathered first.
import * as Effect from "effect/Effect"
import type { AddressRange } from "../AddressRange.ts"
import { type SourceError, UnmappedAddress } from "../MemoryMapError.ts"
import { fastPaths } from "./fastPaths.ts"
import type { MappingImpl, MemoryMapImpl } from "./map.ts"
import { END } from "./numbers.ts"
import * as Skyline from "./skyline.ts"
import { isZeros } from "./source.ts"
import * as Tree from "./tree.ts"

export type ReadError = UnmappedAddress | SourceError

/** Programming errors are defects: no length that arithmetic can produce should look like a hole. */
export const checkLength = (operation: string, length: number): void => {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new RangeError(`MemoryMap.${operation}: the length must be a whole number of bytes, not ${length}`)
  }
}

export const allocate = (operation: string, length: number): Uint8Array => {
  if (length <= LARGEST) return new Uint8Array(length)
  throw new RangeError(
    `MemoryMap.${operation}: ${length} bytes do not fit in one array; read them with MemoryMap.stream`
  )
}

/** Above this, engines refuse one typed array or one buffer; far below it, bytes should be streamed anyway. */
const LARGEST = 2 ** 32

/** The hole around an unmapped address, and why it is one if the map knows. */
const holeAt = (map: MemoryMapImpl, address: bigint): { range: AddressRange; reason: string | undefined } => {
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

export const unmapped = (
  map: MemoryMapImpl,
  operation: string,
  address: bigint,
  requested: { readonly address: bigint; readonly length: number }
): UnmappedAddress => {
  const { range, reason } = holeAt(map, address)
  return new UnmappedAddress({
    operation,
    address,
    requested,
    available: Number(address - requested.address),
    hole: range,
    ...(reason === undefined ? {} : { reason })
  })
}

/** Where {@link peek} found its value. A module variable, because a result object a read would cost more than the read. */
export let peeked: Uint8Array = new Uint8Array(0)

/** Index in {@link peeked} of the `length` bytes at `address` when one resident piece holds them all, else -1. */
export const peek = (map: MemoryMapImpl, address: bigint, length: number): number => {
  if (!fastPaths.onePiece) return -1
  const flat = map.flat
  if (flat !== undefined) {
    const at = flat.locate(address, length)
    peeked = flat.bytes
    return at
  }
  const piece = map.at(address)
  if (piece === undefined) return -1
  const mapping = Skyline.layerOf(piece)
  const resident = mapping.source.resident
  if (resident === undefined || piece.end - address < length) return -1
  peeked = resident
  return Number(address - mapping.start)
}

/** A part of one piece that a read asks for. */
export interface Part {
  readonly mapping: MappingImpl
  readonly offset: bigint
  readonly length: number
}

/** The parts that make up `[address, address + length)` up to the first hole, and where that hole starts. */
export const partsOf = (map: MemoryMapImpl, address: bigint, length: number) => {
  const parts: Array<Part> = []
  const end = address + BigInt(length)
  let reached = address
  if (address >= 0n && address < END) {
    for (const piece of Skyline.within(map.visible, address, end)) {
      if (piece.start > reached) break
      const mapping = Skyline.layerOf(piece)
      const stop = piece.end < end ? piece.end : end
      parts.push({ mapping, offset: reached - mapping.start, length: Number(stop - reached) })
      reached = stop
    }
  }
  return { parts, reached, complete: reached >= end }
}

/** Copies the parts one after the other into `target`, from index `at` on. */
export const copyParts = (
  parts: ReadonlyArray<Part>,
  target: Uint8Array,
  at = 0
): Effect.Effect<Uint8Array, SourceError> => {
  let index = at
  const pending: Array<Effect.Effect<void, SourceError>> = []
  for (const { length, mapping, offset } of parts) {
    const resident = mapping.source.resident
    const to = index
    index += length
    if (resident !== undefined) target.set(resident.subarray(Number(offset), Number(offset) + length), to)
    else if (!isZeros(mapping.source)) {
      pending.push(Effect.map(mapping.source.read(offset, length), (bytes) => target.set(bytes, to)))
    }
  }
  return pending.length === 0 ? Effect.succeed(target) : Effect.as(Effect.all(pending, { discard: true }), target)
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
    if (!complete) return unmapped(map, operation, reached, { address, length })
    return copyParts(parts, allocate(operation, length))
  })
