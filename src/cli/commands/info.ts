// memmap info: what images are and what they map.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as ByteSource from "../../ByteSource.ts"
import { END, hex, sizeText } from "../../internal/base/numbers.ts"
import * as Mapping from "../../Mapping.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { type Line, span } from "../../render/Line.ts"
import * as MapTable from "../../render/MapTable.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { facts } from "../formats.ts"
import * as Images from "../images.ts"
import { machineOf } from "../machine.ts"
import { type Item, Output } from "../output.ts"

const row = (label: string, text: string): Line => [span(label.padEnd(11), "heading"), span(text)]

const imageItems = ({ image, path }: Images.Opened["images"][number]): ReadonlyArray<Item> => {
  const known = facts(image)
  return [
    { line: row("image", path), json: { type: "image", path, format: image.format, ...known.json } },
    ...known.rows.map(([label, text]) => ({ line: row(label, text) }))
  ]
}

const mapItems = Effect.fnUntraced(function* (map: MemoryMap.Mapped) {
  const { endian, wordSize } = yield* machineOf(map)
  const bounds = Option.getOrUndefined(MemoryMap.bounds(map))
  const mappings = Array.from(MemoryMap.mappings(map)).length
  let runs = 0
  for (const _ of MemoryMap.runs(map)) runs++
  let inside = 0
  let widest = 0n
  let absent = 0n
  if (bounds !== undefined) {
    for (const { range } of MemoryMap.holes(map, { range: bounds })) {
      const size = range.end - range.start
      inside++
      if (size > widest) widest = size
    }
  }
  // Below the first mapping and above the last too.
  for (const { range, reason } of MemoryMap.holes(map)) {
    if (reason !== undefined) absent += range.end - range.start
  }
  const mapped = MemoryMap.mappedSize(map)
  const between = bounds === undefined ? 0n : bounds.end - bounds.start - mapped
  const many = (n: number, what: string) => `${n} ${n === 1 ? what : `${what}s`}`
  const items: Array<Item> = [
    {
      line: row("word size", wordSize === undefined ? "not known (--word-size)" : `${wordSize} bits`),
      json: {
        type: "map",
        wordSize,
        endian,
        start: bounds === undefined ? undefined : hex(bounds.start),
        end: bounds === undefined ? undefined : hex(bounds.end),
        mapped,
        holes: between,
        absent,
        mappings,
        runs
      }
    },
    { line: row("byte order", endian ?? "not known (--endian)") },
    { line: row("mapped", `${sizeText(mapped)} in ${many(mappings, "mapping")}, ${many(runs, "run")}`) },
    {
      line: row(
        "addresses",
        bounds === undefined ? "none" : `${hex(bounds.start)} to ${bounds.end === END ? "2^64" : hex(bounds.end)}`
      )
    },
    {
      line: row(
        "holes",
        inside === 0 ? "none inside" : `${sizeText(between)} in ${many(inside, "hole")}, the widest ${sizeText(widest)}`
      )
    }
  ]
  if (absent > 0n) items.push({ line: row("absent", `${sizeText(absent)} of holes that say why`) })
  return items
})

/** A line for each segment, in JSON; the table says the same. */
const segmentItem = ({ mapping, offset, range }: MemoryMap.Segment): Item => {
  const from = ByteSource.origin(mapping.source, offset)
  return {
    json: {
      type: "segment",
      start: hex(range.start),
      end: hex(range.end),
      size: range.end - range.start,
      permissions: mapping.permissions === undefined ? undefined : Mapping.formatPermissions(mapping.permissions),
      name: mapping.name,
      source: from.source.name,
      offset: hex(from.offset)
    }
  }
}

const holeItem = ({ range, reason }: MemoryMap.Hole): Item => ({
  json: { type: "hole", start: hex(range.start), end: hex(range.end), size: range.end - range.start, reason }
})

export const info = Command.make(
  "info",
  { images: args.images, ...args.opening },
  Effect.fnUntraced(
    function* (input) {
      const { images, map } = yield* Images.open(input.images, input)
      const output = yield* Output
      const head = [...images.flatMap(imageItems), ...(yield* mapItems(map)), { line: [] }]
      const table: Iterable<Item> = output.json
        ? (function* () {
            for (const segment of MemoryMap.segments(map)) yield segmentItem(segment)
            for (const hole of MapTable.holes(map)) yield holeItem(hole)
          })()
        : (function* () {
            for (const line of MapTable.lines(map, { width: output.width })) yield { line }
          })()
      yield* output.print(Stream.concat(Stream.fromIterable(head), Stream.fromIterable(table, { chunkSize: 1024 })))
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Tell what images are: format, machine, word size, byte order, what is mapped and what is not, and a table of all segments; of more than 1000, those that are alike and follow each other share a row. Of several images, the later ones lie on top."
  ),
  Command.withShortDescription("Tell what images are and what they map"),
  Command.withExamples([
    { command: "memmap info core.4242", description: "A core dump" },
    { command: "memmap info boot.hex app.hex", description: "Two images, the second on top" },
    { command: "memmap info flash.bin@0x0800_0000", description: "Raw bytes at an address" }
  ])
)
