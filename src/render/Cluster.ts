/**
 * A map cut into what a picture can show: clusters of mappings that lie close to each other, and in each cluster a few
 * lanes, one for each file.
 *
 * An address space is nearly all holes, so a picture to scale would be empty. It is cut at its widest holes instead. What
 * is mapped is always in some cluster and in some lane: where there are too many of either, they are joined, never left
 * out.
 *
 * @since 0.1.0
 */
import type { AddressRange } from "../AddressRange.ts"
import type { Mapping } from "../Mapping.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { escape } from "./Line.ts"

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
  readonly mappings: ReadonlyArray<Mapping>
  readonly segments: ReadonlyArray<MemoryMap.Segment>
  readonly absent: ReadonlyArray<MemoryMap.Hole>
}

/**
 * A row of a cluster: the mappings of one name, or of `names` names that were joined for want of room. `bytes` is how
 * much of them is visible.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  readonly name: string
  readonly names: number
  readonly mappings: ReadonlyArray<Mapping>
  readonly segments: ReadonlyArray<MemoryMap.Segment>
  readonly bytes: bigint
}

const sizeOf = ({ end, start }: AddressRange): bigint => end - start

const descending = (a: bigint, b: bigint): number => (a === b ? 0 : a > b ? -1 : 1)

/** The last of `starts`, ascending, that is not above `address`. */
const placeOf = (starts: ReadonlyArray<bigint>, address: bigint): number => {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (starts[middle]! <= address) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * Cuts a map at each hole that is wider than all that is mapped; narrower ones stay inside a cluster. Where that makes
 * more than `most` clusters (default 16), it is cut at the widest holes alone.
 *
 * **Example** (Two mappings far apart)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Cluster from "effect-memory-map/render/Cluster"
 *
 * const map = MemoryMap.fromString("low", 0x1000n).pipe(
 *   Effect.flatMap(MemoryMap.addString("high", 0xf000n)),
 *   Effect.runSync
 * )
 * Cluster.clusters(map).map((cluster) => cluster.before) // => [0x1000n, 0xdffdn]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const clusters = (map: MemoryMap.Any, most = 16): ReadonlyArray<Cluster> => {
  const limit = MemoryMap.mappedSize(map)
  const runs = Array.from(MemoryMap.runs(map))
  const gaps = runs.slice(1).map((run, i) => run.start - runs[i]!.end)
  const wide = gaps.filter((gap) => gap > limit).sort(descending)
  // Of holes of equal width, either all are cut at or none.
  const above = wide[most - 1] ?? limit
  const ranges: Array<{ start: bigint; end: bigint }> = []
  runs.forEach((run, i) => {
    if (i === 0 || gaps[i - 1]! > above) ranges.push({ ...run })
    else ranges[ranges.length - 1]!.end = run.end
  })
  // A mapping has no holes, so it lies in one cluster.
  const starts = ranges.map(({ start }) => start)
  const segments = ranges.map((): Array<MemoryMap.Segment> => [])
  for (const segment of MemoryMap.segments(map)) segments[placeOf(starts, segment.range.start)]?.push(segment)
  const mappings = ranges.map((): Array<Mapping> => [])
  for (const mapping of MemoryMap.mappings(map)) mappings[placeOf(starts, mapping.range.start)]?.push(mapping)
  return ranges.map((range, i) => ({
    range,
    before: range.start - (ranges[i - 1]?.end ?? 0n),
    mappings: mappings[i]!.sort((a, b) => descending(b.range.start, a.range.start) || a.order - b.order),
    segments: segments[i]!,
    absent: Array.from(MemoryMap.holes(map, { range })).filter((hole) => hole.reason !== undefined)
  }))
}

/** Appends to a list of a table of lists. */
const push = <K, V>(table: Map<K, Array<V>>, key: K, value: V): void => {
  const known = table.get(key)
  if (known === undefined) table.set(key, [value])
  else known.push(value)
}

const lane = (mappings: ReadonlyArray<Mapping>, segments: ReadonlyArray<MemoryMap.Segment>, names = 1): Lane => ({
  name: mappings[0]?.name ?? "",
  names,
  mappings,
  segments,
  bytes: segments.reduce((sum, { range }) => sum + sizeOf(range), 0n)
})

/**
 * The lanes of a cluster, at most `most`, by the lowest address of each: one for each name, so that all parts of a file
 * share a lane. Where there are more names, those with the most bytes have lanes of their own, and the last lane is for
 * all others.
 *
 * **Example** (Three names in two lanes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Cluster from "effect-memory-map/render/Cluster"
 *
 * const map = MemoryMap.fromString("a large one", 0x1000n, { name: "large" }).pipe(
 *   Effect.flatMap(MemoryMap.addString("b", 0x1010n, { name: "b" })),
 *   Effect.flatMap(MemoryMap.addString("c", 0x1020n, { name: "c" })),
 *   Effect.runSync
 * )
 * Cluster.clusters(map, 1).flatMap((one) => Cluster.lanes(one, 2)).map(({ names, bytes }) => [names, bytes]) // => [[1, 11n], [2, 2n]]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const lanes = ({ mappings, segments }: Cluster, most: number): ReadonlyArray<Lane> => {
  const byName = new Map<string, Array<Mapping>>()
  for (const mapping of mappings) push(byName, mapping.name, mapping)
  const shown = new Map<string, Array<MemoryMap.Segment>>()
  for (const segment of segments) push(shown, segment.mapping.name, segment)
  const all = Array.from(byName, ([name, own]) => lane(own, shown.get(name) ?? []))
  if (all.length <= most) return all
  const largest = all.toSorted((a, b) => descending(a.bytes, b.bytes)).slice(0, most - 1)
  const own = new Set(largest.map(({ name }) => name))
  const joined = lane(
    mappings.filter(({ name }) => !own.has(name)),
    segments.filter(({ mapping }) => !own.has(mapping.name)),
    all.length - own.size
  )
  return [...all.filter(({ name }) => own.has(name)), joined]
}

const ELLIPSIS = "\u2026"

/** The beginning and the end, for a path is known by both. */
const middle = (name: string, length: number): string => {
  const end = Math.ceil(((length - 1) * 2) / 3)
  return `${name.slice(0, length - 1 - end)}${ELLIPSIS}${name.slice(name.length - end)}`
}

/** Where two texts begin to differ. */
const difference = (a: string, b: string): number => {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

/**
 * Names made to fit in `length` characters, in the order given. They are cut in the middle; where that makes different
 * names equal, what is kept is the part that tells them apart.
 *
 * **Example** (A long path, and two that differ in the middle)
 *
 * ```ts
 * import * as Cluster from "effect-memory-map/render/Cluster"
 *
 * Cluster.labels(["/usr/lib/libc.so.6"], 13) // => ["/usr…ibc.so.6"]
 * Cluster.labels(["/opt/program-1/lib/data.bin", "/opt/program-2/lib/data.bin"], 13) // => ["…gram-1/lib/…", "…gram-2/lib/…"]
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const labels = (names: ReadonlyArray<string>, length: number): ReadonlyArray<string> => {
  const safe = names.map(escape)
  const short = safe.map((name) => (name.length <= length ? name : middle(name, length)))
  const known = new Map<string, Array<number>>()
  short.forEach((text, i) => push(known, text, i))
  return short.map((text, i) => {
    const twin = known.get(text)!.find((other) => safe[other] !== safe[i])
    if (twin === undefined) return text
    const name = safe[i]!
    // A window with the difference in its second half.
    const at = difference(name, safe[twin]!)
    const from = Math.max(0, Math.min(at - (length >> 1) + 1, name.length - length + 1))
    const isCut = from + length - 1 < name.length
    const kept = name.slice(from, from + length - (isCut ? 2 : 1))
    return `${from > 0 ? ELLIPSIS : ""}${kept}${isCut ? ELLIPSIS : ""}`
  })
}
