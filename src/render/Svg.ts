/**
 * A map as a picture for the browser: an SVG document, light and dark.
 *
 * It shows what `MapPicture` shows, clusters of mappings to scale with the wide holes folded, and takes its colours from
 * what the reader's system prefers. It needs no script and no font of its own.
 *
 * Yellow is code, green what can be written, blue what can only be read, violet what nobody said anything about. An
 * outline is what a later mapping covers, a red one bytes that are absent for a known reason. The pointer on a bar
 * shows its name and its addresses.
 *
 * @since 0.1.0
 */
import { END, hex, sizeText } from "../internal/base/numbers.ts"
import * as Mapping from "../Mapping.ts"
import type * as MemoryMap from "../MemoryMap.ts"
import { escape } from "./Line.ts"
import { type Cluster, clusters } from "./MapPicture.ts"

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
// More would be drawn for nobody.
const MAX_LANES = 40

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

/** The end of a path tells more than its beginning. */
const shorten = (name: string, length: number): string => {
  const shown = escape(name)
  return shown.length <= length ? shown : `\u2026${shown.slice(shown.length - length + 1)}`
}

/** Code, data that changes, data that doesn't. */
const kindOf = (mapping: Mapping.Mapping): string => {
  const { permissions } = mapping
  if (permissions === undefined) return "other"
  return permissions.execute ? "run" : permissions.write ? "write" : "read"
}

const text = (x: number, y: number, content: string, kind = ""): string =>
  `<text x="${x}" y="${y}"${kind === "" ? "" : ` class="${kind}"`}>${xml(content)}</text>`

const endText = (end: bigint): string => (end === END ? "2^64" : hex(end))

/** Draws downwards from `top`, and says where the next thing may begin. */
const drawCluster = (cluster: Cluster, top: number): readonly [body: ReadonlyArray<string>, bottom: number] => {
  const { absent, mappings, range, segments } = cluster
  const left = MARGIN + NAME
  // Exact to a thousandth of a pixel, whatever the size of the numbers.
  const x = (address: bigint) =>
    left + Number(((address - range.start) * BigInt(TRACK * 1000)) / (range.end - range.start)) / 1000
  // At least a pixel wide: what is there must show. Browsers show the title when the pointer rests on it.
  const bar = (y: number, start: bigint, end: bigint, kind: string, title: string) =>
    `<rect x="${x(start)}" y="${y}" width="${Math.max(1, +(x(end) - x(start)).toFixed(3))}" height="${LANE - 6}" class="${kind}"><title>${xml(title)}</title></rect>`

  const body = [
    text(left, top + 14, hex(range.start), "faint"),
    text(left + TRACK, top + 14, endText(range.end), "faint right"),
    text(left + TRACK / 2, top + 14, sizeText(range.end - range.start), "faint middle")
  ]
  const lanes = mappings.slice(0, MAX_LANES)
  let y = top + 22
  for (const mapping of lanes) {
    const { end, start } = mapping.range
    // Covered altogether, a mapping has no segment.
    const own = segments.filter((segment) => segment.mapping === mapping)
    const about = `${mapping.name} ${hex(start)}-${endText(end)} ${Mapping.formatPermissions(mapping.permissions)}`
    const visible = own.reduce((sum, segment) => sum + segment.range.end - segment.range.start, 0n)
    body.push(
      text(MARGIN, y + 11, shorten(mapping.name, 36)),
      `<rect x="${left}" y="${y}" width="${TRACK}" height="${LANE - 6}" class="track"/>`
    )
    // What is covered shows as an outline behind what is not.
    if (visible < end - start) {
      const from = start < range.start ? range.start : start
      body.push(bar(y, from, end > range.end ? range.end : end, "covered", `${about}, partly covered`))
    }
    for (const segment of own) body.push(bar(y, segment.range.start, segment.range.end, kindOf(mapping), about))
    body.push(text(WIDTH - MARGIN, y + 11, sizeText(end - start), "right"))
    y += LANE
  }
  // Holes that say why have a lane for each reason.
  for (const reason of new Set(absent.map((hole) => hole.reason ?? "absent"))) {
    const ranges = absent.filter((hole) => hole.reason === reason).map((hole) => hole.range)
    const size = ranges.reduce((sum, { end, start }) => sum + end - start, 0n)
    body.push(text(MARGIN, y + 11, shorten(reason, 36), "faint"))
    for (const { end, start } of ranges)
      body.push(bar(y, start, end, "absent", `${reason} ${hex(start)}-${endText(end)}`))
    body.push(text(WIDTH - MARGIN, y + 11, sizeText(size), "faint right"))
    y += LANE
  }
  if (mappings.length > MAX_LANES) {
    body.push(text(MARGIN, y + 11, `and ${mappings.length - MAX_LANES} more mappings`, "faint"))
    y += LANE
  }
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
 * The picture as an SVG document. Clusters beyond the first 40 are counted instead of drawn.
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
  let drawn = 0
  let left = 0
  for (const cluster of clusters(map)) {
    end = cluster.range.end
    if (drawn === MAX_LANES) left++
    else {
      if (cluster.before > 0n) {
        body.push(...drawHole(cluster.before, y))
        y += LANE + 8
      }
      const [lines, bottom] = drawCluster(cluster, y)
      body.push(...lines)
      y = bottom + 6
      drawn++
    }
  }
  if (left > 0) {
    body.push(text(MARGIN, y + 14, `and ${left} more groups of mappings`, "faint"))
    y += LANE + 8
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
