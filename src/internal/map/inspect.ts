// Looking at a map without reading bytes.
import type { AddressRange } from "../../AddressRange.ts"
import type { Coverage, Hole, Segment } from "../../MemoryMap.ts"
import { type MappingImpl, type MemoryMapImpl, segmentOf } from "./map.ts"
import { checkRange } from "../base/arguments.ts"
import { END } from "../base/numbers.ts"
import * as Skyline from "./skyline.ts"
import * as Tree from "./tree.ts"

const full: AddressRange = { start: 0n, end: END }

/** A generator that can be iterated more than once. */
const iterable = <A>(make: () => Iterator<A>): Iterable<A> => ({ [Symbol.iterator]: make })

/** One over a range, which is looked at now and not when the first element is asked for. */
const over = <A>(operation: string, range: AddressRange, make: () => Iterator<A>): Iterable<A> => {
  checkRange(operation, range)
  return iterable(make)
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

export const segments = (map: MemoryMapImpl, range: AddressRange = full): Iterable<Segment> =>
  over("segments", range, function* () {
    for (const piece of Skyline.within(map.visible, range.start, range.end)) {
      yield segmentOf(piece, max(piece.start, range.start), min(piece.end, range.end))
    }
  })

export const runs = (map: MemoryMapImpl, range: AddressRange = full): Iterable<AddressRange> =>
  over("runs", range, function* () {
    let run: AddressRange | undefined
    for (const piece of Skyline.within(map.visible, range.start, range.end)) {
      if (run !== undefined && run.end === piece.start) run = { start: run.start, end: piece.end }
      else {
        if (run !== undefined) yield run
        run = { start: max(piece.start, range.start), end: piece.end }
      }
    }
    if (run !== undefined) yield { start: run.start, end: min(run.end, range.end) }
  })

/** The gap `[start, end)` cut where the known reason changes. */
function* reasons(map: MemoryMapImpl, start: bigint, end: bigint): Generator<Hole> {
  let reached = start
  for (const piece of Skyline.within(map.absent, start, end)) {
    if (piece.start > reached) yield { range: { start: reached, end: piece.start }, reason: undefined }
    const stop = min(piece.end, end)
    yield { range: { start: max(piece.start, start), end: stop }, reason: Skyline.layerOf(piece).reason }
    reached = stop
  }
  if (reached < end) yield { range: { start: reached, end }, reason: undefined }
}

/** The part of a range that lies in the address space: outside it there are neither bytes nor holes. */
const inSpace = ({ end, start }: AddressRange): AddressRange => ({ start: max(start, 0n), end: min(end, END) })

export const holes = (map: MemoryMapImpl, range: AddressRange = full): Iterable<Hole> =>
  over("holes", range, function* () {
    const { end, start } = inSpace(range)
    let reached = start
    for (const piece of Skyline.within(map.visible, start, end)) {
      if (piece.start > reached) yield* reasons(map, reached, piece.start)
      reached = piece.end
    }
    if (reached < end) yield* reasons(map, reached, end)
  })

export const coverage = (map: MemoryMapImpl, range: AddressRange = full): Coverage => {
  checkRange("coverage", range)
  const { end, start } = inSpace(range)
  let mapped = 0n
  for (const piece of Skyline.within(map.visible, start, end)) {
    mapped += min(piece.end, end) - max(piece.start, start)
  }
  return { mapped, holes: max(end - start, 0n) - mapped }
}

export const mappings = (map: MemoryMapImpl): Iterable<MappingImpl> =>
  iterable(function* () {
    yield* [...Tree.from(map.mappings, 0n)].sort((a, b) => a.order - b.order)
  })

export const mappingsAt = (map: MemoryMapImpl, address: bigint): Array<MappingImpl> =>
  Tree.overlapping(map.mappings, address, address + 1n).sort((a, b) => b.rank - a.rank)

export const bounds = (map: MemoryMapImpl): AddressRange | undefined => {
  const first = Tree.ceiling(map.visible, 0n)
  const last = Tree.last(map.visible)
  return first === undefined || last === undefined ? undefined : { start: first.start, end: last.end }
}
