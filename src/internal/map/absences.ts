// Holes with reasons, any number in one sweep; adding them one by one rebuilds the map each time.
import type * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import { atOnce, inTurns, isRest, type Work } from "../base/turns.ts"
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
export const withAbsences = (map: MemoryMapImpl, absences: ReadonlyArray<Absence>, under = false): MemoryMapImpl =>
  atOnce(adding(map, absences, under))

/** The same, with rests: for as many as data may bring. */
export const addAbsences = (
  map: MemoryMapImpl,
  absences: ReadonlyArray<Absence>,
  under = false
): Effect.Effect<MemoryMapImpl> => inTurns(() => adding(map, absences, under))

function* adding(map: MemoryMapImpl, absences: ReadonlyArray<Absence>, under: boolean): Work<MemoryMapImpl> {
  if (absences.length === 0) return map
  const layers = new Set<Absent>()
  let steps = 0
  for (const piece of Tree.from(map.absent, 0n)) {
    if (isRest(steps++)) yield
    layers.add(Skyline.layerOf(piece))
  }
  for (let i = 0; i < absences.length; i++) {
    if (isRest(i)) yield
    const { range, reason } = absences[i]!
    layers.add(new Absent(range, reason, under ? -map.nextOrder - i - 1 : map.nextOrder + i))
  }
  const swept = yield* Skyline.building(Array.from(layers))
  const absent = yield* Tree.building(yield* joined(swept))
  return map.with({ absent, nextOrder: map.nextOrder + absences.length })
}

/** What touches and has one reason becomes one hole. */
function* joined(absent: Skyline.Skyline<Absent>): Work<ReadonlyArray<Absent>> {
  const holes: Array<Absent> = []
  let steps = 0
  for (const piece of Tree.from(absent, 0n)) {
    if (isRest(steps++)) yield
    const { rank, reason } = Skyline.layerOf(piece)
    const last = holes.at(-1)
    const joins = last !== undefined && last.end === piece.start && last.reason === reason
    const start = joins ? holes.pop()!.start : piece.start
    holes.push(new Absent({ start, end: piece.end }, reason, rank))
  }
  return holes
}
