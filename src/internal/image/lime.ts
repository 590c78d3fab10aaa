// LiME, version 1 (https://github.com/504ensicsLabs/LiME, doc/README.md, "Spec"): a header of 32 bytes before the bytes of
// each range. All fields are little-endian; the end address of a range is its last one.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import type { ByteSource } from "../../ByteSource.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { build } from "../map/build.ts"
import { slice } from "../source/source.ts"
import { ImageReader, MOST_PIECES } from "./headers.ts"
import { bytesText, hex } from "../base/numbers.ts"

export const FORMAT = "lime"

const HEADER = 32
const MAGIC = 0x4c694d45
const MAGIC_BYTES = new TextEncoder().encode("EMiL")

/** AVML's own format: the same header, compressed bytes. */
const AVML = 0x4c4d5641

/** A range and where its bytes begin in the file. */
export interface Range extends AddressRange {
  readonly offset: bigint
}

/** True when the source begins with a LiME header of any version. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  Effect.map(new ImageReader(source, FORMAT).head(4), (bytes) => Bytes.Equivalence(bytes, MAGIC_BYTES))

/** Reads all headers, and nothing but headers. */
const parse = Effect.fnUntraced(function* (source: ByteSource) {
  const reader = new ImageReader(source, FORMAT)
  const ranges: Array<Range> = []
  let offset = 0n
  do {
    const header = yield* reader.header("the header of a range", offset, HEADER, "little")
    const magic = header.u32(0)
    const version = header.u32(4)
    const start = header.u64(8)
    const end = header.u64(16) + 1n
    if (magic === AVML)
      return yield* header.refuse(0, "magic number of AVML's compressed format: run avml-convert first")
    if (magic !== MAGIC)
      return yield* header.refuse(0, `magic number is ${hex(BigInt(magic))}, not ${hex(BigInt(MAGIC))}`)
    if (version !== 1) return yield* header.refuse(4, `version is ${version}, only 1 is known`)
    if (end <= start) return yield* header.refuse(16, `range ${hex(start)} to ${hex(end - 1n)} ends before it starts`)
    offset += BigInt(HEADER)
    if (!reader.holds(offset, end - start)) {
      const left = source.size - offset
      return yield* header.refuse(
        16,
        `range takes ${bytesText(end - start)}, the file has ${left} left: it is cut short`,
        "CutShort"
      )
    }
    if (ranges.length === MOST_PIECES) {
      return yield* header.refuse(0, `the file has more than the ${MOST_PIECES} ranges that are read`, "TooLarge")
    }
    ranges.push({ start, end, offset })
    offset += end - start
  } while (offset < source.size)
  return ranges
})

/** The map of all ranges. */
export const open = Effect.fnUntraced(function* (source: ByteSource) {
  const ranges = yield* parse(source)
  const entries = ranges.map(({ end, offset, start }) => ({
    source: slice(source, offset, end - start),
    address: start
  }))
  return yield* Effect.mapError(build(entries), (e) => new ImageReader(source, FORMAT).refuse(0n, e.message))
})

/** The header of a range that is not empty. */
export const header = (range: AddressRange): Uint8Array => {
  const view = new DataView(new ArrayBuffer(HEADER))
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, 1, true)
  view.setBigUint64(8, range.start, true)
  view.setBigUint64(16, range.end - 1n, true)
  return new Uint8Array(view.buffer)
}
