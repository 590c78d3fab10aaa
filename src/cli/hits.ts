// How a match is shown.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Base64 from "effect/encoding/Base64"
import * as ByteSource from "../ByteSource.ts"
import { END, hex } from "../internal/base/numbers.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as Pattern from "../Pattern.ts"
import * as Hexdump from "../render/Hexdump.ts"
import { type Line, span } from "../render/Line.ts"
import { originText } from "../render/MapTable.ts"
import type { Item } from "./output.ts"
import { parts } from "./parts.ts"
import type { Search } from "./pattern.ts"

const SHOWN = 32

/** The first bytes of a match, or for a pointer what it points to. */
const preview = Effect.fnUntraced(function* (
  map: MemoryMap.Mapped,
  match: MemoryMap.Match,
  kind: Search["kind"],
  digits: number
) {
  const length = Math.min(match.length, SHOWN)
  const bytes = yield* MemoryMap.getBytes(map, match.address, length)
  if (kind === "bytes")
    return [span(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" "), "match")]
  if (kind === "text") {
    // A little of what follows says more than the text that was asked for.
    const more = yield* MemoryMap.getBytesUpTo(map, match.address, SHOWN)
    const text = Array.from(more, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
    return [span("|"), span(text.slice(0, length).join(""), "match"), span(`${text.slice(length).join("")}|`)]
  }
  const ready = yield* Effect.flatMap(MemoryMap.requireWordSize(map), MemoryMap.requireEndian)
  const target = yield* MemoryMap.getPointer(ready, match.address)
  const to = Option.match(MemoryMap.origin(map, target), {
    onNone: () => "nothing is mapped there",
    onSome: ({ mapping, offset }) => originText(map, { mapping, offset, range: { start: target, end: target + 1n } })
  })
  return [span(`-> ${Hexdump.addressText(target, digits)}`), span(`  ${to}`, "note")]
})

const jsonOf = (match: MemoryMap.Match, bytes: Uint8Array): object => ({
  type: "match",
  address: hex(match.address),
  length: BigInt(match.length),
  pattern: Pattern.format(match.pattern),
  origins: match.origins.map(({ length, mapping, offset }) => {
    const from = ByteSource.origin(mapping.source, offset)
    return { name: mapping.name, source: from.source.name, offset: hex(from.offset), length: BigInt(length) }
  }),
  bytes: Base64.encode(bytes)
})

const whereText = (map: MemoryMap.Any, { address, origins }: MemoryMap.Match): string => {
  const [first] = origins
  if (first === undefined) return ""
  const { mapping, offset } = first
  const text = originText(map, { mapping, offset, range: { start: address, end: address + 1n } })
  return origins.length === 1 ? text : `${text} and ${origins.length - 1} more`
}

/** The rows around a match, and an empty line. */
const contextOf = (map: MemoryMap.Mapped, match: MemoryMap.Match, around: bigint, digits: number) => {
  const end = match.address + BigInt(match.length)
  const range = {
    start: match.address < around ? 0n : match.address - around,
    end: end + around > END ? END : end + around
  }
  return Effect.map(Stream.runCollect(parts(map, range)), (found): ReadonlyArray<Line> => [
    ...Hexdump.lines(found, { digits, highlight: [{ start: match.address, end }], squeeze: false }),
    []
  ])
}

/** As much of a match as belongs into an answer in JSON. */
const JSON_BYTES = 4096

/** A match as it is printed, with `context` bytes around it, and which of several patterns it is of. */
export const itemOf = Effect.fnUntraced(function* (
  map: MemoryMap.Mapped,
  match: MemoryMap.Match,
  kind: Search["kind"],
  options: { readonly json: boolean; readonly context: number | undefined; readonly several: boolean }
) {
  if (options.json) {
    const bytes = yield* MemoryMap.getBytes(map, match.address, Math.min(match.length, JSON_BYTES))
    return { json: jsonOf(match, bytes) } satisfies Item
  }
  const digits = Hexdump.mapDigits(map)
  const shown = yield* preview(map, match, kind, digits)
  const { context } = options
  return {
    line: [
      span(Hexdump.addressText(match.address, digits), "address"),
      span("  "),
      ...shown,
      span(`  ${whereText(map, match)}${options.several ? `  ${Pattern.format(match.pattern)}` : ""}`, "note")
    ],
    more: context === undefined ? [] : yield* contextOf(map, match, BigInt(context), digits)
  } satisfies Item
})
