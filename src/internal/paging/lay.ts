// Runs of pages become a map: slices of the sources of physical memory, and holes that say why they are.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { Permissions } from "../../Mapping.ts"
import { hex } from "../base/numbers.ts"
import { breathe } from "../base/turns.ts"
import type { Absence } from "../map/absences.ts"
import { Disjoint } from "../map/disjoint.ts"
import type { MappingImpl, MemoryMapImpl } from "../map/map.ts"
import { holeAt, mappingOf, piecesIn } from "../map/pieces.ts"
import { copyExtents } from "../source/copy.ts"
import { Custom, slice, Zeros } from "../source/source.ts"
import {
  addressOf,
  EXECUTE,
  type Format,
  FRAME,
  INVALID,
  LEAF,
  NO_ACCESS,
  READ,
  SPECIAL,
  spaceOf,
  SWAPPED,
  WRITE
} from "./format.ts"
import { NO_TABLE, type Run, Runs } from "./runs.ts"

const permissionsOf: ReadonlyArray<Permissions> = Array.from({ length: 8 }, (_, bits) => ({
  read: (bits & READ) !== 0,
  write: (bits & WRITE) !== 0,
  execute: (bits & EXECUTE) !== 0
}))

const suffix = (reason: string | undefined): string => (reason === undefined ? "" : `: ${reason}`)

/** Why the pages of a run that is none of memory are not there. */
const absence = (physical: MemoryMapImpl, { area, frame, kind }: Run, unwalked: string): string => {
  switch (kind) {
    case SWAPPED:
      return area < 0 ? "swapped out" : `swapped out, to area ${area} from page ${hex(BigInt(frame))} on`
    case SPECIAL:
      return "not in memory: an entry for a page that moves, for memory of a device, or a marker"
    case INVALID:
      return "the entry of the page table is invalid"
    case NO_TABLE: {
      const address = BigInt(frame) * FRAME
      return `the page table at ${hex(address)} is not in the image${suffix(holeAt(physical, address).reason)}`
    }
    default:
      return unwalked
  }
}

/** Repetitions of a page that are laid one by one, so that each stays a slice; of more, one source gives all. */
const ONE_BY_ONE = 64
/** Repetitions of pages that are in the image in part. */
const PATCHED = 4096
/** Bytes of a repeated page that are looked at to find out whether all are zero. */
const LOOKED_AT = 1n << 21n

/** `size` bytes that are those of `unit` over and over. */
const repeated = (name: string, unit: ByteSource, size: bigint): ByteSource =>
  new Custom(
    name,
    size,
    Effect.fnUntraced(function* (offset, length) {
      const bytes = new Uint8Array(length)
      const at = offset % unit.size
      const left = Number(unit.size - at)
      const first = Math.min(length, left)
      yield* copyExtents([{ source: unit, offset: at, length: first }], bytes)
      if (first === length) return bytes
      const next = Math.min(length - first, Number(unit.size))
      yield* copyExtents([{ source: unit, offset: 0n, length: next }], bytes, first)
      // What is there from `first` on is a whole unit, as often as it has been copied.
      for (let done = next; first + done < length; done *= 2) bytes.copyWithin(first + done, first, first + done)
      return bytes
    }),
    unit.volatile === true
  )

class Layer {
  readonly mappings = new Disjoint()
  readonly absences: Array<Absence> = []
  private readonly physical: MemoryMapImpl
  constructor(physical: MemoryMapImpl) {
    this.physical = physical
  }

  absent(start: bigint, end: bigint, reason: string): void {
    this.absences.push({ range: { start, end }, reason })
  }

  private missing(start: bigint, physical: bigint, size: bigint): void {
    // Each hole of the image has a reason of its own.
    for (let done = 0n; done < size;) {
      const { range, reason } = holeAt(this.physical, physical + done)
      const end = range.end - physical < size && range.end > physical + done ? range.end - physical : size
      const why = `mapped to physical ${hex(physical + done)}, which is not in the image${suffix(reason)}`
      this.absent(start + done, start + end, why)
      done = end
    }
  }

  /** `size` bytes of physical memory at a virtual address. */
  line(start: bigint, physical: bigint, size: bigint, permissions: Permissions): void {
    const end = physical + size
    const piece = this.physical.at(physical)
    if (piece !== undefined && piece.end >= end) return this.part(start, physical, end, mappingOf(piece), permissions)
    let reached = physical
    for (const { end: stop, mapping, start: from } of this.parts(physical, end)) {
      if (from > reached) this.missing(start + (reached - physical), reached, from - reached)
      this.part(start + (from - physical), from, stop, mapping, permissions)
      reached = stop
    }
    if (reached < end) this.missing(start + (reached - physical), reached, end - reached)
  }

  private part(start: bigint, from: bigint, end: bigint, mapping: MappingImpl, permissions: Permissions): void {
    const { name, source } = mapping
    const whole = from === mapping.start && end === mapping.end
    this.mappings.add(name, start, whole ? source : slice(source, from - mapping.start, end - from), permissions)
  }

  private parts(start: bigint, end: bigint) {
    return Array.from(piecesIn(this.physical, start, end), (piece) => ({
      mapping: mappingOf(piece),
      start: piece.start > start ? piece.start : start,
      end: piece.end < end ? piece.end : end
    }))
  }

  /** The same pages over and over. False when they were too many to lay. */
  readonly repeat = Effect.fnUntraced(
    { self: this },
    function* (start: bigint, physical: bigint, unit: bigint, size: bigint, permissions: Permissions) {
      const parts = this.parts(physical, physical + unit)
      const [only] = parts
      const reason = `mapped to physical ${hex(physical)}, which is not in the image`
      if (only === undefined) {
        this.absent(start, start + size, `${reason}${suffix(holeAt(this.physical, physical).reason)}`)
        return true
      }
      const count = size / unit
      if (only.end - only.start === unit) {
        const { name, source, start: origin } = only.mapping
        const page = slice(source, physical - origin, unit)
        if (yield* isZero(page)) {
          this.mappings.add(name, start, new Zeros(name, size), permissions)
          return true
        }
        if (count > ONE_BY_ONE) {
          this.mappings.add(name, start, repeated(name, page, size), permissions)
          return true
        }
      }
      const laid = count > PATCHED ? BigInt(PATCHED) : count
      for (let i = 0n; i < laid; i++) this.line(start + i * unit, physical, unit, permissions)
      if (laid < count)
        this.absent(start + laid * unit, start + size, `${reason} as a whole, repeated too often to show`)
      return laid === count
    }
  )
}

/** Bytes that cannot be read are not known to be zero; whoever reads them later is told why. */
const isZero = (page: ByteSource): Effect.Effect<boolean> =>
  page.size > LOOKED_AT || page.volatile === true
    ? Effect.succeed(false)
    : Effect.match(
        copyExtents([{ source: page, offset: 0n, length: Number(page.size) }], new Uint8Array(Number(page.size))),
        {
          onFailure: () => false,
          onSuccess: (bytes) => bytes.every((byte) => byte === 0)
        }
      )

/** Runs that are taken over, and those that are laid, between two looks at the clock. */
const RUNS = 1 << 14
const STEP = 1024

/** The map of the runs, and the first address that is missing in it because pages were repeated too often. */
export const lay = Effect.fnUntraced(function* (
  physical: MemoryMapImpl,
  format: Format,
  walked: Runs,
  unwalked: string
) {
  const layer = new Layer(physical)
  // Once more, now that nothing keeps the end of one table and the start of the next apart.
  const runs = new Runs(walked.middle, walked.length + 1)
  for (let i = 0; i < walked.length; i++) {
    if (i % RUNS === 0) yield* breathe
    runs.take(walked, i, 0)
  }
  // Pages of the upper half, and how far above the others they lie.
  const firstUpper = format.half === "upper" ? 0 : format.half === "split" ? spaceOf(format) / 2 : Infinity
  const lift = addressOf(format, 0, true)
  let missing: bigint | undefined
  for (let i = 0; i < runs.length; i++) {
    if (i % STEP === 0) yield* breathe
    const run = runs.at(i)
    const { frame, kind, page, pages, unit } = run
    const upper = page >= firstUpper
    const start = BigInt(page) * FRAME + (upper ? lift : 0n)
    const size = BigInt(pages) * FRAME
    const isMemory = kind === LEAF || kind === NO_ACCESS
    const permissions = permissionsOf[run.allows & 7]!
    if (!isMemory) {
      // What was not walked may reach from one half of a split space into the other.
      const whole = page + pages - 1 >= firstUpper === upper
      const middle = 1n << BigInt(format.addressBits - 1)
      const reason = absence(physical, run, unwalked)
      layer.absent(start, whole ? start + size : middle, reason)
      if (!whole) layer.absent((1n << 64n) - middle, addressOf(format, page + pages, true), reason)
    } else if (unit === pages) layer.line(start, BigInt(frame) * FRAME, size, permissions)
    else if (!(yield* layer.repeat(start, BigInt(frame) * FRAME, BigInt(unit) * FRAME, size, permissions)))
      missing ??= start
  }
  return { mappings: layer.mappings, absences: layer.absences, missing }
})
