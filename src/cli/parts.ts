// A range of a map, part by part: bytes, holes, and what could not be read.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../AddressRange.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { Part } from "../render/Hexdump.ts"

const BLOCK = 1n << 16n
const PAGE = 1n << 12n

/** The range in pieces that end at multiples of `size`. */
function* pieces(range: AddressRange, size: bigint): Generator<AddressRange> {
  for (let start = range.start; start < range.end;) {
    const border = start - (start % size) + size
    const end = border < range.end ? border : range.end
    yield { start, end }
    start = end
  }
}

/** Runs, in blocks, and the holes between them. */
function* outline(map: MemoryMap.Any, range: AddressRange): Generator<AddressRange | MemoryMap.Hole> {
  let reached = range.start
  for (const run of MemoryMap.runs(map, { range })) {
    yield* MemoryMap.holes(map, { range: { start: reached, end: run.start } })
    yield* pieces(run, BLOCK)
    reached = run.end
  }
  yield* MemoryMap.holes(map, { range: { start: reached, end: range.end } })
}

const read = (map: MemoryMap.Mapped, { end, start }: AddressRange) =>
  Effect.map(MemoryMap.getBytes(map, start, Number(end - start)), (bytes): Part => ({ _tag: "Run", start, bytes }))

/** When a block cannot be read, its pages are tried one by one. */
const readBlock = (map: MemoryMap.Mapped, range: AddressRange): Effect.Effect<ReadonlyArray<Part>> =>
  Effect.catch(
    Effect.map(read(map, range), (part) => [part]),
    () =>
      Effect.forEach(pieces(range, PAGE), (page) =>
        Effect.catch(read(map, page), (error) =>
          Effect.succeed<Part>({ _tag: "Unreadable", range: page, reason: error.message })
        )
      )
  )

/** Everything in the range, ascending, in pieces of 64 KiB at most. */
export const parts = (map: MemoryMap.Mapped, range: AddressRange): Stream.Stream<Part> =>
  Stream.fromIterable(outline(map, range), { chunkSize: 1 }).pipe(
    Stream.mapEffect((part) =>
      "range" in part
        ? Effect.succeed<ReadonlyArray<Part>>([{ _tag: "Hole", range: part.range, reason: part.reason }])
        : readBlock(map, part)
    ),
    Stream.flatMap((found) => Stream.fromIterable(found))
  )
