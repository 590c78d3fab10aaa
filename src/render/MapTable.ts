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
 * The rows of the table, with a heading. Lazy: a map of many segments is never in memory as text.
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
  for (const segment of MemoryMap.segments(map)) {
    const { end, start } = segment.range
    if (start > reached) {
      for (const hole of holes(map, { start: reached, end: start })) yield holeLine(hole, digits)
    }
    yield [
      span(placeText(segment.range, digits), "address"),
      span(`  ${sizeText(end - start).padStart(SIZE)}  ${Mapping.formatPermissions(segment.mapping.permissions)}   `),
      span(labels([originText(map, segment)], room)[0]!)
    ]
    reached = end
  }
  if (reached < END) {
    for (const hole of holes(map, { start: reached, end: END })) yield holeLine(hole, digits)
  }
}

// Where a hole without a reason is, the rows around it say.
const holeLine = ({ range, reason }: MemoryMap.Hole, digits: number): Line => {
  const place = reason === undefined ? "~".padEnd(2 * digits + 6) : placeText(range, digits)
  const size = sizeText(range.end - range.start).padStart(SIZE)
  return [span(place, "address"), span(`  ${size}        hole${reason === undefined ? "" : `: ${reason}`}`, "hole")]
}
