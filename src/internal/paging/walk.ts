// Address spaces: tables are read one by one, walked, and what they map is laid out.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AddressRange } from "../../AddressRange.ts"
import type { Truncation, WalkOptions } from "../../AddressSpace.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { checkCount, checkRange } from "../base/arguments.ts"
import { breathe, inTurns } from "../base/turns.ts"
import { type Absence, addAbsences } from "../map/absences.ts"
import { crop } from "../map/compose.ts"
import { bounds } from "../map/inspect.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { mappingOf } from "../map/pieces.ts"
import { bytes, partsOf } from "../read/bytes.ts"
import { copyExtents } from "../source/copy.ts"
import { addressOf, type Format, FRAME, isUpper, spaceOf } from "./format.ts"
import { lay } from "./lay.ts"
import { Walker } from "./walker.ts"

/** The pages of the space that share a byte with the range; `undefined` when there are none. */
const pagesIn = (format: Format, { end, start }: AddressRange): readonly [from: number, to: number] | undefined => {
  const size = spaceOf(format)
  const halves =
    format.half === "split"
      ? [[0, size / 2, false] as const, [size / 2, size, true] as const]
      : [[0, size, format.half === "upper"] as const]
  let found: readonly [from: number, to: number] | undefined
  for (const [first, last, upper] of halves) {
    const low = addressOf(format, first, upper)
    const high = addressOf(format, last, upper)
    const from = start > low ? start : low
    const to = end < high ? end : high
    if (from >= to) continue
    const page = (address: bigint): number => first + Number((address - low) / FRAME)
    found = [found?.[0] ?? page(from), page(to + FRAME - 1n)]
  }
  return found
}

/** The bytes at once when they are in memory, all in one place; false when they have to be asked for. */
const readNow = (physical: MemoryMapImpl, address: bigint, target: Uint8Array): boolean => {
  const piece = physical.at(address)
  if (piece === undefined || piece.end - address < target.length) return false
  const { source, start } = mappingOf(piece)
  const resident = source.resident
  if (resident === undefined) return false
  const at = Number(address - start)
  target.set(resident.subarray(at, at + target.length))
  return true
}

/** False when a part of it is not in the image. */
const read = (physical: MemoryMapImpl, address: bigint, target: Uint8Array): Effect.Effect<boolean, SourceError> =>
  Effect.suspend(() => {
    const { complete, parts } = partsOf(physical, address, target.length)
    return complete ? Effect.as(copyExtents(parts, target), true) : Effect.succeed(false)
  })

/** Whether nothing lies outside the range: large pages may. The absences ascend. */
const isWithin = (map: MemoryMapImpl, absences: ReadonlyArray<Absence>, { end, start }: AddressRange): boolean => {
  const mapped = bounds(map)
  const [first, last] = [absences[0], absences.at(-1)]
  return (
    (mapped === undefined || (mapped.start >= start && mapped.end <= end)) &&
    (first === undefined || last === undefined || (first.range.start >= start && last.range.end <= end))
  )
}

/** Defaults of {@link WalkOptions.budget}: tables for 2 TiB in pages of 4 KiB, and as many ranges as take 1 GiB of memory. */
const TABLES = 1 << 20
const RUNS = 1 << 21

const cutBy = { tables: "page tables", runs: "ranges" } as const

export const walk = Effect.fn("AddressSpace.walk")(function* (
  physical: MemoryMapImpl,
  format: Format,
  root: bigint,
  { budget = {}, range }: WalkOptions = {}
) {
  const { runs = RUNS, tables = TABLES } = budget
  checkCount("AddressSpace.walk", "the budget of tables", tables, 1)
  checkCount("AddressSpace.walk", "the budget of ranges", runs, 1)
  if (range !== undefined) checkRange("walk", range, "AddressSpace")
  const pages = pagesIn(format, range ?? { start: 0n, end: 1n << 64n })
  const [from, to] = pages ?? [0, 0]
  const walker = new Walker(format, root, from, to, { tables, runs })
  const first = walker.wanted
  first.bytes.set(yield* bytes(physical, "walk", root, first.bytes.length))
  for (let next = walker.go(); next !== false; next = walker.go()) {
    yield* breathe
    if (next === undefined) continue
    // As long as tables are in memory, there is nothing to wait for.
    const { address, bytes } = walker.wanted
    if (!readNow(physical, address, bytes) && !(yield* read(physical, address, bytes))) walker.miss()
  }
  const { cut, leaves } = walker
  const why = cut && `not walked: the budget of ${cut.by === "tables" ? tables : runs} ${cutBy[cut.by]} is spent`
  const laid = yield* lay(physical, format, walker.runs, why ?? "")
  const bare = yield* inTurns(() => laid.mappings.building(physical))
  const whole = yield* addAbsences(bare, laid.absences)
  const truncated: Truncation | undefined =
    cut === undefined
      ? laid.missing === undefined
        ? undefined
        : { address: laid.missing, reason: "runs" }
      : { address: addressOf(format, cut.page, isUpper(format, cut.page)), reason: cut.by }
  return {
    map: range === undefined || isWithin(whole, laid.absences, range) ? whole : crop(whole, range),
    tables: walker.tables,
    leaves,
    truncated: Option.fromUndefinedOr(truncated)
  }
})
