// Pages of a dump, read and unpacked when they are asked for.
import * as Cache from "effect/Cache"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ByteSource } from "../../../ByteSource.ts"
import type { Compression, Decompress } from "../../../Decompressor.ts"
import { type ImageError, SourceError } from "../../../MemoryMapError.ts"
import type { Header, ImageReader } from "../headers.ts"
import { bring, broughtBy } from "../../source/brought.ts"
import { bytesText } from "../../base/numbers.ts"
import { Custom } from "../../source/source.ts"
import { compressionsOf, type KdumpHeader } from "./header.ts"

/** Size of a page descriptor: offset (8), size (4), flags (4), flags of the page (8). */
export const DESCRIPTOR = 24

/** Bytes of pages kept unpacked. Pages of zeros are one page in the file, so they stay at hand. */
const KEPT = 4 << 20

type Decompressors = Readonly<Partial<Record<Compression, Decompress>>>

export const unsupported = (compression: Compression): string =>
  `pages are compressed with ${compression}, and no decompressor for it is provided` +
  (compression === "zstd" ? " (NodeDecompressor.layer has one)" : " (see Decompressor)")

/** A page as it lies in the file: `size` bytes at `place`. */
class Packed extends Data.Class<{
  readonly place: bigint
  readonly size: number
  readonly compression: Compression | undefined
}> {}

/** Pages that could not be unpacked are not kept: the next read may find the file as it should be. */
const timeToLive = (exit: Exit.Exit<unknown, unknown>) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)

/** The pages of a dump, of which those used last are kept. */
export const make = Effect.fnUntraced(function* (
  reader: ImageReader,
  header: KdumpHeader,
  decompressors: Decompressors
): Effect.fn.Return<Pages> {
  const lookup = unpacker(reader, header.blockSize, decompressors)
  const capacity = Math.max(1, Math.floor(KEPT / header.blockSize))
  return new Pages(reader, header, yield* Cache.makeWith(lookup, { capacity, timeToLive }))
})

class Pages {
  private readonly reader: ImageReader
  private readonly header: KdumpHeader
  private readonly unpacked: Cache.Cache<Packed, Uint8Array, ImageError | SourceError>

  constructor(reader: ImageReader, header: KdumpHeader, unpacked: Pages["unpacked"]) {
    this.reader = reader
    this.header = header
    this.unpacked = unpacked
  }

  /** The bytes of `count` frames, of which the first has descriptor number `first`. */
  source(first: bigint, count: bigint): ByteSource {
    const { blockSize } = this.header
    const { name } = this.reader.source
    const pages = new Custom(name, count * BigInt(blockSize), (offset, length) =>
      Effect.catchTag(
        this.read(first, offset, length),
        "ImageError",
        (cause) => new SourceError({ source: name, offset, length, reason: "ReadFailed", cause })
      )
    )
    return bring(pages, broughtBy(this.reader.source))
  }

  private readonly read = Effect.fnUntraced(
    { self: this },
    function* (first: bigint, offset: bigint, length: number): Effect.fn.Return<Uint8Array, ImageError | SourceError> {
      const { blockSize, descriptors, endian } = this.header
      if (length === 0) return new Uint8Array(0)
      const page = offset / BigInt(blockSize)
      const skip = Number(offset % BigInt(blockSize))
      const count = Math.ceil((skip + length) / blockSize)
      const at = descriptors + (first + page) * BigInt(DESCRIPTOR)
      const table = yield* this.reader.header("the page descriptors", at, count * DESCRIPTOR, endian)
      const out = new Uint8Array(length)
      for (let i = 0; i < count; i++) {
        const bytes = yield* this.page(table, i * DESCRIPTOR)
        const from = i === 0 ? skip : 0
        const start = i * blockSize - skip + from
        out.set(bytes.subarray(from, from + length - start), start)
      }
      return out
    }
  )

  private page(table: Header, at: number): Effect.Effect<Uint8Array, ImageError | SourceError> {
    const { blockSize } = this.header
    const [place, size, flags] = [table.u64(at), table.u32(at + 8), table.u32(at + 12)]
    const [compression, ...others] = compressionsOf(flags)
    if (others.length > 0) return table.refuse(at + 12, `flags ${flags} of a page name several compressions`)
    if (compression === undefined && size !== blockSize) {
      return table.refuse(at + 8, `size of a plain page is ${size}, a page has ${blockSize}`)
    }
    // Compression that makes a page larger is not used, so a larger size is a lie.
    if (size > blockSize) return table.refuse(at + 8, `size of a page is ${size}, more than ${blockSize}`)
    return Cache.get(this.unpacked, new Packed({ place, size, compression }))
  }
}

const unpacker = (reader: ImageReader, blockSize: number, decompressors: Decompressors) =>
  Effect.fnUntraced(function* ({
    compression,
    place,
    size
  }: Packed): Effect.fn.Return<Uint8Array, ImageError | SourceError> {
    const bytes = yield* reader.bytes("a page", place, size)
    if (compression === undefined) return bytes.slice()
    const decompress = decompressors[compression]
    if (decompress === undefined) return yield* reader.refuse(place, unsupported(compression))
    const unpacked = yield* Effect.mapError(decompress(bytes, blockSize), (cause) =>
      reader.refuse(
        place,
        `a page is no ${compression} data: ${cause instanceof Error ? cause.message : String(cause)}`
      )
    )
    if (unpacked.length === blockSize) return unpacked
    return yield* reader.refuse(place, `a page unpacks to ${bytesText(unpacked.length)}, not ${blockSize}`)
  })
