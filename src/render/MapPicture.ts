/**
 * A map as a picture made of characters.
 *
 * An address space is nearly all holes, so it is cut into clusters: mappings that lie close to each other, drawn to
 * scale, one row each. The wide holes between clusters are folded into a line that says how wide they are.
 *
 * @since 0.1.0
 */
import type { AddressRange } from "../AddressRange.ts"
import { END, hex, sizeText } from "../internal/base/numbers.ts"
import * as Mapping from "../Mapping.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { type Line, span } from "./Line.ts"

/**
 * A part of the address space that is drawn in one piece: `mappings` from the lowest address to the highest, `segments`
 * what is visible of them, `absent` the holes that say why. `before` is the hole between this cluster and the last one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cluster {
  readonly range: AddressRange
  readonly before: bigint
  readonly mappings: ReadonlyArray<Mapping.Mapping>
  readonly segments: ReadonlyArray<MemoryMap.Segment>
  readonly absent: ReadonlyArray<MemoryMap.Hole>
}

/**
 * Cuts a map at each hole that is wider than all that is mapped; narrower ones stay inside a cluster.
 *
 * **Example** (Two mappings far apart)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as MapPicture from "effect-memory-map/render/MapPicture"
 *
 * const map = MemoryMap.fromString("low", 0x1000n).pipe(
 *   Effect.flatMap(MemoryMap.addString("high", 0xf000n)),
 *   Effect.runSync
 * )
 * Array.from(MapPicture.clusters(map), (cluster) => cluster.before) // => [0x1000n, 0xdffdn]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export function* clusters(map: MemoryMap.Any): Generator<Cluster> {
  const limit = MemoryMap.mappedSize(map)
  let reached = 0n
  let segments: Array<MemoryMap.Segment> = []
  for (const segment of MemoryMap.segments(map)) {
    const previous = segments.at(-1)
    if (previous !== undefined && segment.range.start - previous.range.end > limit) {
      yield cluster(map, reached, segments)
      reached = previous.range.end
      segments = []
    }
    segments.push(segment)
  }
  if (segments.length > 0) yield cluster(map, reached, segments)
}

const cluster = (map: MemoryMap.Any, reached: bigint, segments: ReadonlyArray<MemoryMap.Segment>): Cluster => {
  const range = { start: segments[0]?.range.start ?? 0n, end: segments.at(-1)?.range.end ?? 0n }
  const found = new Set<Mapping.Mapping>()
  for (const segment of segments) found.add(segment.mapping)
  // Mappings that are covered altogether show in no segment.
  if (segments.length <= ROWS) {
    for (const segment of segments) {
      for (const mapping of MemoryMap.mappingsAt(map, segment.range.start)) found.add(mapping)
    }
  }
  const mappings = [...found].sort((a, b) =>
    a.range.start === b.range.start ? a.order - b.order : a.range.start < b.range.start ? -1 : 1
  )
  const absent = Array.from(MemoryMap.holes(map, { range })).filter((hole) => hole.reason !== undefined)
  return { range, before: range.start - reached, mappings, segments, absent }
}

const COLUMNS = 64
const ROWS = 40

/** Bytes of each column that belong to one of `ranges`. */
const fill = (start: bigint, column: bigint, columns: number, ranges: Iterable<AddressRange>): Array<bigint> => {
  const filled = Array.from({ length: columns }, () => 0n)
  for (const range of ranges) {
    const first = Number((range.start < start ? 0n : range.start - start) / column)
    for (let i = first; i < columns; i++) {
      const from = start + BigInt(i) * column
      if (from >= range.end) break
      const low = range.start > from ? range.start : from
      const high = range.end < from + column ? range.end : from + column
      filled[i] = (filled[i] ?? 0n) + (high > low ? high - low : 0n)
    }
  }
  return filled
}

const draw = (cluster: Cluster): ReadonlyArray<Line> => {
  const { absent, mappings, range, segments } = cluster
  const size = range.end - range.start
  let column = 1n
  while (column * BigInt(COLUMNS) < size) column *= 2n
  const columns = Number((size + column - 1n) / column)
  const strip = (ranges: Iterable<AddressRange>) => fill(range.start, column, columns, ranges)

  const bySegment = new Map<Mapping.Mapping, Array<AddressRange>>()
  for (const segment of segments) {
    const known = bySegment.get(segment.mapping)
    if (known === undefined) bySegment.set(segment.mapping, [segment.range])
    else known.push(segment.range)
  }
  const row = (visible: ReadonlyArray<bigint>, all: ReadonlyArray<bigint>): string =>
    visible
      .map((bytes, i) => (all[i] === 0n ? "." : bytes === 0n ? "-" : bytes === column ? "#" : "+"))
      .join("")
      .padEnd(COLUMNS)
  const line = (permissions: string, bytes: bigint, text: string, name: string): Line => [
    span(`  ${permissions}  ${sizeText(bytes).padStart(10)}  `),
    span(text, "bytePrintable"),
    span(`  ${name}`)
  ]

  const count = mappings.length === 1 ? "1 mapping" : `${mappings.length} mappings`
  const end = range.end === END ? "2^64" : hex(range.end)
  const out: Array<Line> = [
    [
      span(`${hex(range.start)} .. ${end}`, "heading"),
      span(`  ${sizeText(size)}, ${count}, a column is ${sizeText(column)}`, "note")
    ]
  ]
  if (mappings.length > ROWS) {
    const all = strip(segments.map((segment) => segment.range))
    const mapped = segments.reduce((sum, segment) => sum + segment.range.end - segment.range.start, 0n)
    out.push(line("   ", mapped, row(all, all), `all ${count}, of which the first ${ROWS}:`))
  }
  for (const mapping of mappings.slice(0, ROWS)) {
    const { permissions, range: own } = mapping
    out.push(
      line(
        Mapping.formatPermissions(permissions),
        own.end - own.start,
        row(strip(bySegment.get(mapping) ?? []), strip([own])),
        mapping.name
      )
    )
  }
  if (absent.length > 0) {
    const ranges = absent.map((hole) => hole.range)
    const text = strip(ranges).map((bytes) => (bytes === 0n ? "." : "x"))
    const bytes = ranges.reduce((sum, { end, start }) => sum + end - start, 0n)
    out.push(
      line("   ", bytes, text.join("").padEnd(COLUMNS), [...new Set(absent.map((hole) => hole.reason))].join(", "))
    )
  }
  return out
}

/**
 * The lines of the picture. In each row `#` is a column that shows the mapping, `+` one that shows it in part, `-` one
 * where it is covered, `.` one where it has no bytes, and `x` bytes that are absent for a known reason.
 *
 * @category rendering
 * @since 0.1.0
 */
export function* lines(map: MemoryMap.Any): Generator<Line> {
  const hole = (size: bigint, where = ""): Line => [span(`~ ${sizeText(size)} hole${where}`, "hole")]
  let end = 0n
  for (const cluster of clusters(map)) {
    if (cluster.before > 0n) yield hole(cluster.before)
    yield* draw(cluster)
    end = cluster.range.end
  }
  if (end > 0n && end < END) yield hole(END - end, " up to the top")
}

/**
 * What the signs of the picture mean.
 *
 * @category rendering
 * @since 0.1.0
 */
export const legend: Line = [span("# shown   + in part   - covered   x absent   . not mapped", "note")]
