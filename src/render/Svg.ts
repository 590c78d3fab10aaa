/**
 * A map as a picture for the browser: an SVG document, light and dark.
 *
 * It shows what `MapPicture` shows, clusters of mappings to scale with the wide holes folded, and takes its colours from
 * what the reader's system prefers. It needs no script and no font of its own.
 *
 * Yellow is code, green what can be written, blue what can only be read, violet what nobody said anything about. An
 * outline is what a later mapping covers, a red one bytes that are absent for a known reason. Parts of one file share a
 * lane. The pointer on a bar shows its name and its addresses.
 *
 * Everything mapped is drawn, as a bar at least a pixel wide. What lies within one pixel is one bar, and the smallest
 * files of a large picture share a lane, so that the picture of any map has a bounded size.
 *
 * @since 0.1.0
 */
import { END, hex, sizeText } from "../internal/base/numbers.ts"
import * as Mapping from "../Mapping.ts"
import type * as MemoryMap from "../MemoryMap.ts"
import { type Cluster, clusters, labels, lanes, type Lane } from "./Cluster.ts"
import { escape } from "./Line.ts"

/**
 * `title` is the name of the picture, for the heading and for readers who cannot see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly title?: string | undefined
}

// In pixels. Each mapping has a lane: its name, a track that the cluster spans, its size.
const WIDTH = 960
const MARGIN = 24
const NAME = 270
const SIZE = 90
const TRACK = WIDTH - 2 * MARGIN - NAME - SIZE
const LANE = 20
// How many lanes all clusters share, and the fewest that each has: a picture that is printed on two pages at most, where
// every cluster shows its largest files.
const ALL_LANES = 72
const FEWEST_LANES = 4
/** Characters of a name, at most. */
const NAME_LENGTH = 36

// The colours are those of GitHub's themes, where most of these pictures will hang.
const style = `
svg { --back: #ffffff; --text: #1f2328; --faint: #6e7781; --line: #d0d7de; --track: #f6f8fa;
  --read: #54aeff; --write: #2da44e; --run: #bf8700; --other: #8250df; --absent: #cf222e }
@media (prefers-color-scheme: dark) { svg { --back: #0d1117; --text: #e6edf3; --faint: #8b949e; --line: #30363d; --track: #161b22;
  --read: #388bfd; --write: #3fb950; --run: #d29922; --other: #a371f7; --absent: #f85149 } }
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: var(--text) }
.title { font-size: 15px; font-weight: 600 }
.faint { fill: var(--faint) }
.right { text-anchor: end }
.middle { text-anchor: middle }
.track { fill: var(--track) }
.hole { stroke: var(--line); stroke-width: 1.5; stroke-dasharray: 2 5 }
.read { fill: var(--read) } .write { fill: var(--write) } .run { fill: var(--run) } .other { fill: var(--other) }
.covered { fill: none; stroke: var(--faint); stroke-dasharray: 2 2 }
.absent { fill: none; stroke: var(--absent) }
`

/**
 * Escaped as on a terminal, and then for XML (Extensible Markup Language 1.0, sections 2.2 and 2.4): what it cannot hold
 * becomes U+FFFD, what it would take for markup an entity.
 */
const xml = (text: string): string =>
  escape(text)
    .replace(/[\ufffe\uffff]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

/** Code, data that changes, data that doesn't. */
const kindOf = (mapping: Mapping.Mapping): string => {
  const { permissions } = mapping
  if (permissions === undefined) return "other"
  return permissions.execute ? "run" : permissions.write ? "write" : "read"
}

/**
 * Text whose baseline begins at `x`, `y`; `kind` is a class of the style sheet, a second word of which moves the text to
 * end at `x` or to have its middle there.
 */
const text = (x: number, y: number, content: string, kind = ""): string =>
  `<text x="${x}" y="${y}"${kind === "" ? "" : ` class="${kind}"`}>${xml(content)}</text>`

/** The end of the address space has no digits of its own. */
const endText = (end: bigint): string => (end === END ? "2^64" : hex(end))

/** A part of a lane, before it is drawn: `about` is its title when it is alone. */
interface LanePart {
  readonly start: bigint
  readonly end: bigint
  readonly kind: string
  readonly about: string
}

/** Exact to a thousandth of a pixel, whatever the size of the numbers. */
const scale =
  ({ end, start }: Cluster["range"]) =>
  (address: bigint): number =>
    MARGIN + NAME + Number(((address - start) * BigInt(TRACK * 1000)) / (end - start)) / 1000

/**
 * The bars of a lane, at least a pixel wide: what is there must show. Parts of one kind that would touch are one bar, so
 * there are no more of them than pixels. Browsers show the title when the pointer rests on a bar.
 */
function* bars(parts: Iterable<LanePart>, x: (address: bigint) => number, y: number): Generator<string> {
  const open = new Map<string, LanePart & { left: number; right: number; count: number; last: bigint; bytes: bigint }>()
  const draw = (bar: typeof open extends Map<string, infer Bar> ? Bar : never) => {
    const title =
      bar.count === 1
        ? bar.about
        : `${bar.count} parts, ${sizeText(bar.bytes)}, ${hex(bar.start)}-${endText(bar.last)}, the first: ${bar.about}`
    const width = +(bar.right - bar.left).toFixed(3)
    return `<rect x="${bar.left}" y="${y}" width="${width}" height="${LANE - 6}" class="${bar.kind}"><title>${xml(title)}</title></rect>`
  }
  // Parts come by ascending address, so that a part joins the open bar of its kind or begins the next one.
  for (const part of parts) {
    const left = x(part.start)
    const right = Math.max(left + 1, x(part.end))
    const bar = open.get(part.kind)
    const bytes = part.end - part.start
    if (bar !== undefined && left < bar.left + 1) {
      bar.right = Math.max(bar.right, right)
      bar.count++
      bar.bytes += bytes
      bar.last = part.end
    } else {
      if (bar !== undefined) yield draw(bar)
      open.set(part.kind, { ...part, left, right, count: 1, last: part.end, bytes })
    }
  }
  for (const bar of open.values()) yield draw(bar)
}

/** What of a lane is covered is an outline behind what is not. */
function* partsOf({ mappings, segments }: Lane): Generator<LanePart> {
  const visible = new Map<Mapping.Mapping, bigint>()
  for (const { mapping, range } of segments) {
    visible.set(mapping, (visible.get(mapping) ?? 0n) + range.end - range.start)
  }
  const about = ({ name, permissions, range: { end, start } }: Mapping.Mapping) =>
    `${name} ${hex(start)}-${endText(end)} ${Mapping.formatPermissions(permissions)}`
  for (const mapping of mappings) {
    const { end, start } = mapping.range
    const bytes = visible.get(mapping) ?? 0n
    if (bytes === end - start) continue
    yield { start, end, kind: "covered", about: `${about(mapping)}, ${bytes === 0n ? "" : "partly "}covered` }
  }
  for (const { mapping, range } of segments) yield { ...range, kind: kindOf(mapping), about: about(mapping) }
}

/** Of many names that share a lane, how many they are. */
const laneName = ({ mappings, name, names }: Lane): string =>
  names > 1 ? `${mappings.length} mappings of ${names} others` : name

/** Draws downwards from `top`, and says where the next thing may begin. */
const drawCluster = (
  cluster: Cluster,
  most: number,
  top: number
): readonly [body: ReadonlyArray<string>, bottom: number] => {
  const { absent, range } = cluster
  const left = MARGIN + NAME
  const x = scale(range)
  const body = [
    text(left, top + 14, hex(range.start), "faint"),
    text(left + TRACK, top + 14, endText(range.end), "faint right"),
    text(left + TRACK / 2, top + 14, sizeText(range.end - range.start), "faint middle")
  ]
  const shown = lanes(cluster, most)
  const names = labels(shown.map(laneName), NAME_LENGTH)
  let y = top + 22
  shown.forEach((lane, i) => {
    // A mapping that is covered altogether has no bytes to show, and a size all the same.
    const size =
      lane.mappings.length > 1
        ? lane.bytes
        : lane.mappings.reduce((sum, mapping) => sum + mapping.range.end - mapping.range.start, 0n)
    body.push(
      text(MARGIN, y + 11, names[i]!, lane.names > 1 ? "faint" : ""),
      `<rect x="${left}" y="${y}" width="${TRACK}" height="${LANE - 6}" class="track"/>`,
      ...bars(partsOf(lane), x, y),
      text(WIDTH - MARGIN, y + 11, sizeText(size), "right")
    )
    y += LANE
  })
  // Holes that say why have a lane for each reason.
  const reasons = [...new Set(absent.map((hole) => hole.reason ?? "absent"))]
  const shortReasons = labels(reasons, NAME_LENGTH)
  reasons.forEach((reason, i) => {
    const ranges = absent.filter((hole) => hole.reason === reason).map((hole) => hole.range)
    const size = ranges.reduce((sum, { end, start }) => sum + end - start, 0n)
    const parts = ranges.map(({ end, start }) => ({
      start,
      end,
      kind: "absent",
      about: `${reason} ${hex(start)}-${endText(end)}`
    }))
    body.push(
      text(MARGIN, y + 11, shortReasons[i]!, "faint"),
      ...bars(parts, x, y),
      text(WIDTH - MARGIN, y + 11, sizeText(size), "faint right")
    )
    y += LANE
  })
  return [body, y]
}

/** The fold: a dashed line, whatever the size of the hole. */
const drawHole = (size: bigint, y: number): ReadonlyArray<string> => [
  `<line x1="${MARGIN + NAME}" y1="${y + 12}" x2="${MARGIN + NAME + TRACK}" y2="${y + 12}" class="hole"/>`,
  text(MARGIN, y + 16, `${sizeText(size)} hole`, "faint")
]

// What the colours mean, at the foot of the picture.
const legend: ReadonlyArray<readonly [kind: string, meaning: string]> = [
  ["run", "code"],
  ["write", "writable"],
  ["read", "read-only"],
  ["other", "not known"],
  ["covered", "covered by a later mapping"],
  ["absent", "absent"]
]

/**
 * The picture as an SVG document.
 *
 * **Example** (A document)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Svg from "effect-memory-map/render/Svg"
 *
 * const map = Effect.runSync(MemoryMap.fromString("boot", 0x1000n))
 * Svg.render(map, { title: "firmware" }).startsWith("<svg ") // => true
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (map: MemoryMap.Any, options: Options = {}): string => {
  const title = options.title ?? "memory map"
  const body: Array<string> = [text(MARGIN, 34, title, "title")]
  let y = 48
  let end = 0n
  // Few clusters have room for many lanes each.
  const all = clusters(map)
  const most = Math.max(FEWEST_LANES, Math.floor(ALL_LANES / Math.max(1, all.length)))
  for (const cluster of all) {
    end = cluster.range.end
    if (cluster.before > 0n) {
      body.push(...drawHole(cluster.before, y))
      y += LANE + 8
    }
    const [lines, bottom] = drawCluster(cluster, most, y)
    body.push(...lines)
    y = bottom + 6
  }
  if (end < END) {
    body.push(...drawHole(END - end, y))
    y += LANE + 8
  }
  let x = MARGIN
  for (const [kind, meaning] of legend) {
    body.push(
      `<rect x="${x}" y="${y + 8}" width="12" height="12" class="${kind}"/>`,
      text(x + 18, y + 18, meaning, "faint")
    )
    x += 18 + meaning.length * 7.3 + 24 // about what a character of the font takes
  }
  // What has been drawn says how high the picture is.
  const height = y + 36
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${xml(title)}">`,
    `<style>${style}</style>`,
    `<rect width="100%" height="100%" fill="var(--back)"/>`,
    ...body,
    "</svg>\n"
  ].join("\n")
}
