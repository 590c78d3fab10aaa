// Whole maps: laid over each other, cut, moved. Nothing is read, and no byte is copied: mappings are slices of what the
// sources were. One sweep over the layers each, O(n log n) for n of them.
import * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import type { AddAllEntry, AddMapOptions } from "../../MemoryMap.ts"
import { InvalidMapping, type MappingOverlap } from "../../MemoryMapError.ts"
import { checkRange } from "../base/arguments.ts"
import { END } from "../base/numbers.ts"
import { ascending } from "../base/sort.ts"
import { atOnce, inTurns, isRest, type Work } from "../base/turns.ts"
import { slice } from "../source/source.ts"
import { type Absence, absencesIn, addAbsences, withAbsences } from "./absences.ts"
import { addAll } from "./add.ts"
import { MappingImpl, type MemoryMapImpl } from "./map.ts"
import { mappingOf, piecesIn } from "./pieces.ts"
import * as Skyline from "./skyline.ts"
import * as Tree from "./tree.ts"

const full: AddressRange = { start: 0n, end: END }

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** The part `[start, end)` of a mapping, which lies in it. */
const partOf = (mapping: MappingImpl, start: bigint, end: bigint, rank = mapping.rank): MappingImpl => {
  const { name, permissions, source } = mapping
  if (start === mapping.start && end === mapping.end) {
    return rank === mapping.rank ? mapping : new MappingImpl(name, start, source, permissions, rank)
  }
  return new MappingImpl(name, start, slice(source, start - mapping.start, end - start), permissions, rank)
}

/** The map with these mappings and absences instead of its own. The mappings may stand in any order. */
const remade = (
  map: MemoryMapImpl,
  mappings: ReadonlyArray<MappingImpl>,
  absences: ReadonlyArray<Absence>
): MemoryMapImpl => {
  const byOrder = mappings.toSorted((a, b) => a.order - b.order)
  const layers = atOnce(ascending(byOrder, (mapping) => mapping.start))
  const bare = map.with({
    visible: Skyline.fromLayers(layers),
    mappings: Tree.fromSorted(layers),
    count: layers.length,
    absent: undefined,
    nextOrder: Math.max(map.nextOrder, (byOrder.at(-1)?.order ?? -1) + 1)
  })
  return withAbsences(bare, absences)
}

/** Moved absences that would leave the address space have no place, like mappings. */
const movedAbsences = (absences: ReadonlyArray<Absence>, by: bigint): InvalidMapping | ReadonlyArray<Absence> => {
  const moved: Array<Absence> = []
  for (const { range, reason } of absences) {
    const [start, end] = [range.start + by, range.end + by]
    if (start < 0n || end > END) return outside(`absent range (${reason})`, start, end - start)
    moved.push({ range: { start, end }, reason })
  }
  return moved
}

const outside = (name: string, address: bigint, size: bigint): InvalidMapping =>
  new InvalidMapping({ name, reason: "OutsideSpace", address, size })

export const addMap = (
  map: MemoryMapImpl,
  other: MemoryMapImpl,
  options: AddMapOptions = {}
): Effect.Effect<MemoryMapImpl, InvalidMapping | MappingOverlap> =>
  Effect.suspend(() => {
    const { overlap, range = full } = options
    checkRange("addMap", range)
    const by = (options.at ?? range.start) - range.start
    const absences = movedAbsences(absencesIn(other, range), by)
    if (absences instanceof InvalidMapping) return absences
    const parts = function* (): Work<Array<AddAllEntry>> {
      const entries: Array<AddAllEntry> = []
      for (const piece of piecesIn(other, range.start, range.end)) {
        if (isRest(entries.length)) yield
        const from = max(piece.start, range.start)
        const { name, permissions, source, start } = partOf(mappingOf(piece), from, min(piece.end, range.end))
        entries.push({ name, permissions, source, address: start + by, overlap })
      }
      return entries
    }
    return inTurns(parts).pipe(
      Effect.flatMap((entries) => addAll(map, entries)),
      Effect.flatMap((added) => addAbsences(added, absences, overlap === "under"))
    )
  })

export const crop = (map: MemoryMapImpl, range: AddressRange): MemoryMapImpl => {
  checkRange("crop", range)
  const { end, start } = range
  const kept = Tree.overlapping(map.mappings, start, end).map((mapping) =>
    partOf(mapping, max(mapping.start, start), min(mapping.end, end))
  )
  return remade(map, kept, absencesIn(map, range))
}

export const without = (map: MemoryMapImpl, range: AddressRange): MemoryMapImpl => {
  checkRange("without", range)
  const { end, start } = range
  if (start === end) return map
  const kept: Array<MappingImpl> = []
  let isSplit = false
  for (const mapping of Tree.from(map.mappings, 0n)) {
    const below = mapping.start < start
    const above = mapping.end > end
    if (below) kept.push(partOf(mapping, mapping.start, min(mapping.end, start)))
    if (above) kept.push(partOf(mapping, max(mapping.start, end), mapping.end))
    isSplit ||= below && above && mapping.start < start && mapping.end > end
  }
  const absences = [...absencesIn(map, { start: 0n, end: start }), ...absencesIn(map, { start: end, end: END })]
  return remade(map, isSplit ? renumbered(kept) : kept, absences)
}

/** Of a mapping in two parts both have its order, but no two may: all are counted anew, in the order that they have. */
const renumbered = (mappings: ReadonlyArray<MappingImpl>): ReadonlyArray<MappingImpl> =>
  mappings
    .toSorted((a, b) => a.order - b.order)
    .map((mapping, order) => partOf(mapping, mapping.start, mapping.end, mapping.rank < 0 ? -order - 1 : order + 1))

export const shift = (map: MemoryMapImpl, by: bigint): Effect.Effect<MemoryMapImpl, InvalidMapping> =>
  Effect.suspend(() => {
    const moved: Array<MappingImpl> = []
    for (const { end, name, permissions, rank, source, start } of Tree.from(map.mappings, 0n)) {
      if (start + by < 0n || end + by > END) return outside(name, start + by, end - start)
      moved.push(new MappingImpl(name, start + by, source, permissions, rank))
    }
    const absences = movedAbsences(absencesIn(map, full), by)
    return absences instanceof InvalidMapping ? absences : Effect.succeed(remade(map, moved, absences))
  })
