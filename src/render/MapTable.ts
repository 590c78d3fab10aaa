/**
 * A map as a table: one row for each segment, and one for each hole between them or with a reason.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import { type AddressRange, full } from "../AddressRange.ts"
import * as ByteSource from "../ByteSource.ts"
import { END, hex, sizeText } from "../internal/base/numbers.ts"
import * as Mapping from "../Mapping.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { labels } from "./Cluster.ts"
import { addressText, mapDigits } from "./Hexdump.ts"
import { type Line, span } from "./Line.ts"

const SIZE = 10

// A path without its directories: a table shows the same one in every row.
const shortName = (name: string): string => name.slice(name.lastIndexOf("/") + 1) || name

// What bytes in memory are called when nobody names them; an offset in them tells nothing.
const UNNAMED = "bytes"

/**
 * Where the bytes of a segment come from, in words: the name of the mapping, the file and the offset in it, and what
 * it covers.
 *
 * @category rendering
 * @since 0.1.0
 */
export const originText = (map: MemoryMap.Any, segment: MemoryMap.Segment): string => {
  const { mapping, offset, range } = segment
  const { source, offset: at } = ByteSource.origin(mapping.source, offset)
  const where = `${shortName(source.name)}+${hex(at)}`
  const named =
    mapping.name === source.name ? where : source.name === UNNAMED ? mapping.name : `${mapping.name} (${where})`
  const below = MemoryMap.mappingsAt(map, range.start).filter((other) => other !== mapping)
  return below.length === 0 ? named : `${named}, over ${below.map((other) => other.name).join(", ")}`
}

const placeText = ({ end, start }: AddressRange, digits: number): string =>
  `${addressText(start, digits)}  ${end === END ? "2^64".padEnd(digits + 2) : addressText(end, digits)}`

/**
 * The holes of a range worth telling: those between mappings, and those that say why wherever they are.
 *
 * @category getters
 * @since 0.1.0
 */
export function* holes(map: MemoryMap.Any, range: AddressRange = full): Generator<MemoryMap.Hole> {
  const bounds = Option.getOrElse(MemoryMap.bounds(map), () => full)
  for (const hole of MemoryMap.holes(map, { range })) {
    const isInside = hole.range.start >= bounds.start && hole.range.end <= bounds.end
    if (isInside || hole.reason !== undefined) yield hole
  }
}

/**
 * `width` is how many characters a line may have, at least 80: long origins are cut in the middle. Without it, they are
 * whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly width?: number | undefined
}

/**
 * The rows of the table, with a heading. Lazy: a map of many segments is never in memory as text. Where a map has more than
 * 1000 segments, as address spaces may have, more than 16 pieces of one source that are alike and follow each other share a
 * row.
 *
 * **Example** (Two mappings and the hole between them)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Line from "effect-memory-map/render/Line"
 * import * as MapTable from "effect-memory-map/render/MapTable"
 *
 * const map = MemoryMap.fromString("boot", 0x1000n, { name: "boot" }).pipe(
 *   Effect.flatMap(MemoryMap.addString("main", 0x2000n, { name: "main" })),
 *   Effect.runSync
 * )
 * Array.from(MapTable.lines(map), (line) => Line.plain(line).replace(/ +/g, " ")) // => ["start end size perm origin", "0x00001000 0x00001004 4 B ??? boot (string+0x0)", "~ 3.9 KiB hole", "0x00002000 0x00002004 4 B ??? main (string+0x0)"]
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export function* lines(map: MemoryMap.Any, options: Options = {}): Generator<Line> {
  if (Option.isNone(MemoryMap.bounds(map))) return
  const digits = mapDigits(map)
  const wide = digits + 2
  const room = options.width === undefined ? Infinity : Math.max(16, options.width - 2 * wide - SIZE - 12)
  yield [span(`${"start".padEnd(wide)}  ${"end".padEnd(wide)}  ${"size".padStart(SIZE)}  perm  origin`, "heading")]
  let reached = 0n
  for (const stretch of stretches(map)) {
    for (const { mapping, offset, range } of stretch.segments) {
      yield* holeLines(map, { start: reached, end: range.start }, digits)
      yield row(range, range.end - range.start, mapping, originText(map, { mapping, offset, range }), digits, room)
      reached = range.end
    }
    if (stretch.segments.length > 0) continue
    const { end, mapped, mapping, start } = stretch
    yield* holeLines(map, { start: reached, end: start }, digits)
    yield row({ start, end }, mapped, mapping, piecesText(stretch), digits, room)
    reached = end
  }
  yield* holeLines(map, { start: reached, end: END }, digits)
}

const row = (
  range: AddressRange,
  size: bigint,
  { permissions }: Mapping.Mapping,
  origin: string,
  digits: number,
  room: number
): Line => [
  span(placeText(range, digits), "address"),
  span(`  ${sizeText(size).padStart(SIZE)}  ${Mapping.formatPermissions(permissions)}   `),
  span(labels([origin], room)[0]!)
]

/** Maps of no more segments than these have a row for each. */
const EACH = 1000
/** Of larger ones, so many pieces one after the other that are alike have a row each; of more, one row tells. */
const ALIKE = 16
/** Pieces with at least so many bytes between them are not told of together. */
const APART = 1n << 20n

/** Segments one after the other. Many that are alike are counted and not kept. */
interface Stretch {
  readonly start: bigint
  readonly mapping: Mapping.Mapping
  readonly source: ByteSource.ByteSource
  end: bigint
  mapped: bigint
  count: number
  /** Where the last piece begins, the bytes of each, and from one to the next; `undefined` where they differ. */
  last: bigint
  size: bigint | undefined
  step: bigint | undefined
  segments: Array<MemoryMap.Segment>
}

const sourceOf = ({ mapping, offset }: MemoryMap.Segment): ByteSource.ByteSource =>
  ByteSource.origin(mapping.source, offset).source

const begun = (segment: MemoryMap.Segment): Stretch => {
  const { mapping, range } = segment
  const { end, start } = range
  const size = end - start
  const source = sourceOf(segment)
  return {
    start,
    end,
    mapping,
    source,
    mapped: size,
    count: 1,
    last: start,
    size,
    step: undefined,
    segments: [segment]
  }
}

const isLike = (map: MemoryMap.Any, { end, mapping, source }: Stretch, segment: MemoryMap.Segment): boolean => {
  const { name, permissions } = segment.mapping
  return (
    segment.range.start - end < APART &&
    name === mapping.name &&
    Mapping.formatPermissions(permissions) === Mapping.formatPermissions(mapping.permissions) &&
    sourceOf(segment) === source &&
    // What a hole says is not to be lost.
    Array.from(MemoryMap.holes(map, { range: { start: end, end: segment.range.start } })).every(
      ({ reason }) => reason === undefined
    )
  )
}

const take = (stretch: Stretch, segment: MemoryMap.Segment): void => {
  const { end, start } = segment.range
  const step = start - stretch.last
  if (stretch.count === 1) stretch.step = step
  else if (stretch.step !== step) stretch.step = undefined
  if (stretch.size !== end - start) stretch.size = undefined
  stretch.last = start
  stretch.end = end
  stretch.mapped += end - start
  stretch.count++
  if (stretch.count > ALIKE) stretch.segments = []
  else stretch.segments.push(segment)
}

function* stretches(map: MemoryMap.Any): Generator<Stretch> {
  let many = 0
  for (const _ of MemoryMap.segments(map)) if (++many > EACH) break
  let stretch: Stretch | undefined
  for (const segment of MemoryMap.segments(map)) {
    if (stretch !== undefined && many > EACH && isLike(map, stretch, segment)) take(stretch, segment)
    else {
      if (stretch !== undefined) yield stretch
      stretch = begun(segment)
    }
  }
  if (stretch !== undefined) yield stretch
}

const piecesText = ({ count, end, mapped, mapping, size, source, start, step }: Stretch): string => {
  const holes = end - start - mapped
  const each = size === undefined ? "" : ` of ${sizeText(size)}`
  const apart = step === undefined ? `, ${sizeText(holes)} of holes between` : `, one every ${sizeText(step)}`
  const name = mapping.name === source.name ? shortName(source.name) : `${mapping.name} (${shortName(source.name)})`
  return `${name}, ${count} pieces${each}${holes === 0n ? "" : apart}`
}

function* holeLines(map: MemoryMap.Any, range: AddressRange, digits: number): Generator<Line> {
  if (range.start >= range.end) return
  for (const hole of holes(map, range)) yield holeLine(hole, digits)
}

// Where a hole without a reason is, the rows around it say.
const holeLine = ({ range, reason }: MemoryMap.Hole, digits: number): Line => {
  const place = reason === undefined ? "~".padEnd(2 * digits + 6) : placeText(range, digits)
  const size = sizeText(range.end - range.start).padStart(SIZE)
  return [span(place, "address"), span(`  ${size}        hole${reason === undefined ? "" : `: ${reason}`}`, "hole")]
}
