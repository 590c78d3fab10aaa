// Maps to files of records with 32-bit addresses.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import * as AddressRange_ from "../../AddressRange.ts"
import type { AddressedBytes, Hole, Mapped } from "../../MemoryMap.ts"
import { ImageError, type SourceError } from "../../MemoryMapError.ts"
import { END, hex } from "../base/numbers.ts"
import { implOf } from "../map/build.ts"
import * as inspect from "../map/inspect.ts"
import * as bulk from "../read/bulk.ts"

/** Where every format here may start a new record, so that records do not depend on how a map is cut into mappings. */
const BORDER = 0x1_0000

/** One past the highest 32-bit address. */
const TOP = 1n << 32n

export interface Encoder {
  /** Bytes that end on a multiple of 64 KiB, or where a hole begins. */
  readonly data: (address: number, bytes: Uint8Array) => void
  /** Whatever comes after the last byte. */
  readonly end: () => void
  /** What was written since the last time. */
  readonly take: () => Uint8Array
}

/** What cannot be written, in the words of an image error. */
export const refuse = (format: string, why: string): Stream.Stream<never, ImageError> =>
  Stream.fail(new ImageError({ path: "the map", format, reason: "Unwritable", why }))

const SPACE: AddressRange = { start: 0n, end: END }

/** From the first byte mapped to the last; `undefined` when there are none. */
export const boundsOf = (map: Mapped): AddressRange | undefined => inspect.bounds(implOf(map))

/** Runs of adjacent mapped bytes, ascending. */
export const runsOf = (map: Mapped): Iterable<AddressRange> => inspect.runs(implOf(map))

/** How many bytes are mapped. */
export const sizeOf = (map: Mapped): bigint => implOf(map).mappedSize

/** Holes in a range, ascending. */
export const holesOf = (map: Mapped, range: AddressRange): Iterable<Hole> => inspect.holes(implOf(map), range)

/** Everything mapped in a range, holes skipped. */
export const blocks = (map: Mapped, range: AddressRange = SPACE): Stream.Stream<AddressedBytes, SourceError> =>
  Stream.catchTag(bulk.stream(implOf(map), range, "skip"), "UnmappedAddress", Stream.die)

/** Bytes of one step of {@link filled}. */
const STEP = 1 << 20

/** All bytes of a range, `fill` where there is a hole. */
export const filled = (map: Mapped, range: AddressRange, fill: number): Stream.Stream<Uint8Array, SourceError> =>
  Stream.paginate(range.start, (at) => {
    const next = at + BigInt(STEP)
    const length = next < range.end ? STEP : Number(range.end - at)
    return bulk.getBytesPadded(implOf(map), at, length, fill).pipe(
      Effect.catchTag("UnmappedAddress", Effect.die),
      Effect.map((bytes) => [[bytes], next < range.end ? Option.some(next) : Option.none()] as const)
    )
  })

export const holeText = ({ range, reason }: Hole): string =>
  `${AddressRange_.format(range)} is a hole${reason === undefined ? "" : ` (${reason})`}; give a byte to fill holes with`

/** The range of a map that has bytes, all of them below 2^32; else why not. */
export const bounds32 = (map: Mapped): { readonly start: bigint; readonly end: bigint } | string => {
  const bounds = boundsOf(map)
  if (bounds === undefined) return "the map holds no bytes"
  return bounds.end <= TOP
    ? bounds
    : `bytes are mapped up to ${hex(bounds.end - 1n)}, the last address of this format is 0xffffffff`
}

/** The bytes of `map` through an encoder, one for each run of the stream. */
export const encode = (map: Mapped, make: () => Encoder): Stream.Stream<Uint8Array, SourceError> =>
  Stream.suspend(() => {
    const encoder = make()
    let start = 0
    let rest: Uint8Array = new Uint8Array(0)
    const flush = () => {
      if (rest.length > 0) encoder.data(start, rest)
      rest = new Uint8Array(0)
    }
    const feed = ({ address, bytes }: AddressedBytes): Uint8Array => {
      const at = Number(address)
      if (at !== start + rest.length) flush()
      if (rest.length === 0) start = at
      const cut = Math.max(0, bytes.length - ((at + bytes.length) % BORDER))
      if (cut > 0) {
        encoder.data(start, rest.length === 0 ? bytes.subarray(0, cut) : Bytes.concat([rest, bytes.subarray(0, cut)]))
        start = at + cut
        rest = bytes.slice(cut)
      } else rest = Bytes.concat([rest, bytes])
      return encoder.take()
    }
    const end = Stream.sync(() => {
      flush()
      encoder.end()
      return encoder.take()
    })
    return Stream.filter(Stream.concat(Stream.map(blocks(map), feed), end), (bytes) => bytes.length > 0)
  })
