// Holes with reasons, any number in one sweep; adding them one by one rebuilds the map each time.
import type { AddressRange } from "../../AddressRange.ts"
import type { Any } from "../../MemoryMap.ts"
import { Absent, type MemoryMapImpl } from "./map.ts"
import * as Skyline from "./skyline.ts"
import * as Tree from "./tree.ts"

export interface Absence {
  readonly range: AddressRange
  readonly reason: string
}

/** The reasons that the map was told in a range, clipped to it, also those of addresses that are mapped. */
export const absencesIn = (map: MemoryMapImpl, { end, start }: AddressRange): ReadonlyArray<Absence> =>
  Array.from(Skyline.within(map.absent, start, end), (piece) => ({
    range: { start: piece.start > start ? piece.start : start, end: piece.end < end ? piece.end : end },
    reason: Skyline.layerOf(piece).reason
  }))

/**
 * The same as `MemoryMap.addAbsent` for each in turn. The ranges must be valid, and none empty. `under`: what the map was
 * told before is kept where both say something.
 */
export const withAbsences = <M extends Any>(map: M, absences: ReadonlyArray<Absence>, under = false): M => {
  if (absences.length === 0) return map
  const impl = map as unknown as MemoryMapImpl
  const before = new Set(Array.from(Tree.from(impl.absent, 0n), Skyline.layerOf))
  const rank = (i: number): number => (under ? -impl.nextOrder - i - 1 : impl.nextOrder + i)
  const added = absences.map(({ range, reason }, i) => new Absent(range, reason, rank(i)))
  const swept = Skyline.fromLayers([...before, ...added])
  return impl.with({ absent: Tree.fromSorted(joined(swept)), nextOrder: impl.nextOrder + added.length }) as unknown as M
}

/** What touches and has one reason becomes one hole. */
const joined = (absent: Skyline.Skyline<Absent>): ReadonlyArray<Absent> => {
  const holes: Array<Absent> = []
  for (const piece of Tree.from(absent, 0n)) {
    const { rank, reason } = Skyline.layerOf(piece)
    const last = holes.at(-1)
    const joins = last !== undefined && last.end === piece.start && last.reason === reason
    const start = joins ? holes.pop()!.start : piece.start
    holes.push(new Absent({ start, end: piece.end }, reason, rank))
  }
  return holes
}
