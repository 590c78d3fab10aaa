/**
 * A map as a picture made of characters.
 *
 * An address space is nearly all holes, so it is cut into clusters: mappings that lie close to each other, drawn to
 * scale, one row each; where there are more than 40 mappings, one row for each name. The wide holes between clusters are
 * folded into a line that says how wide they are. What is mapped always shows in some row.
 *
 * @since 0.1.0
 */
import type { AddressRange } from "../AddressRange.ts"
import { END, hex, sizeText } from "../internal/base/numbers.ts"
import * as Mapping from "../Mapping.ts"
import type * as MemoryMap from "../MemoryMap.ts"
import { type Cluster, clusters, labels, lanes, type Lane } from "./Cluster.ts"
import { type Line, span } from "./Line.ts"

/**
 * `width` is how many characters a line may have, at least 60: long names are cut in the middle, and a picture has fewer
 * columns. Without it, names are whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly width?: number | undefined
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

/** Permissions and size stand before the strip, in this many characters. */
const BEFORE = 19

/** Columns of a strip, and characters of the name behind it. */
const widths = ({ width }: Options): readonly [columns: number, name: number] => {
  if (width === undefined) return [COLUMNS, Infinity]
  const columns = Math.max(16, Math.min(COLUMNS, width - BEFORE - 2 - 24))
  return [columns, Math.max(12, width - BEFORE - columns - 2)]
}

/** A row for each mapping, as long as these are few; else one for each name. */
const rowsOf = (cluster: Cluster): ReadonlyArray<Lane> => {
  if (cluster.mappings.length > ROWS) return lanes(cluster, ROWS)
  return cluster.mappings.map((mapping): Lane => {
    const segments = cluster.segments.filter((segment) => segment.mapping === mapping)
    return { name: mapping.name, names: 1, mappings: [mapping], segments, bytes: sizeOf(mapping.range) }
  })
}

const sizeOf = ({ end, start }: AddressRange): bigint => end - start

/** The permissions that all have; where they differ, that they do. */
const permissionsOf = (mappings: ReadonlyArray<Mapping.Mapping>): string => {
  const all = new Set(mappings.map(({ permissions }) => Mapping.formatPermissions(permissions)))
  return all.size === 1 ? [...all].join("") : "mix"
}

const nameOf = ({ mappings, name, names }: Lane): string => {
  if (names > 1) return `${mappings.length} mappings of ${names} other names`
  return mappings.length === 1 ? name : `${name} (${mappings.length})`
}

const draw = (cluster: Cluster, options: Options): ReadonlyArray<Line> => {
  const { absent, mappings, range } = cluster
  const [most, nameLength] = widths(options)
  const size = range.end - range.start
  let column = 1n
  while (column * BigInt(most) < size) column *= 2n
  const columns = Number((size + column - 1n) / column)
  const strip = (ranges: Iterable<AddressRange>) => fill(range.start, column, columns, ranges)
  const row = (visible: ReadonlyArray<bigint>, all: ReadonlyArray<bigint>): string =>
    visible
      .map((bytes, i) => (all[i] === 0n ? "." : bytes === 0n ? "-" : bytes === column ? "#" : "+"))
      .join("")
      .padEnd(most)
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
  const rows = rowsOf(cluster)
  const reasons = [...new Set(absent.map((hole) => hole.reason))].join(", ")
  const names = labels([...rows.map(nameOf), reasons], nameLength)
  rows.forEach(({ bytes, mappings, segments }, i) => {
    const visible = strip(segments.map((segment) => segment.range))
    const all = strip(mappings.map((mapping) => mapping.range))
    out.push(line(permissionsOf(mappings), bytes, row(visible, all), names[i]!))
  })
  if (absent.length > 0) {
    const ranges = absent.map((hole) => hole.range)
    const text = strip(ranges).map((bytes) => (bytes === 0n ? "." : "x"))
    const bytes = ranges.reduce((sum, { end, start }) => sum + end - start, 0n)
    out.push(line("   ", bytes, text.join("").padEnd(most), names.at(-1)!))
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
export function* lines(map: MemoryMap.Any, options: Options = {}): Generator<Line> {
  const hole = (size: bigint, where = ""): Line => [span(`~ ${sizeText(size)} hole${where}`, "hole")]
  let end = 0n
  for (const cluster of clusters(map)) {
    if (cluster.before > 0n) yield hole(cluster.before)
    yield* draw(cluster, options)
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
