// Binary headers of image files, decoded from the source itself. A place in the file is checked before it is read, so no
// size or offset found in a file is trusted, and every refusal names the field and where it lies.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { Endian } from "../../MachineModel.ts"
import { ImageError, type SourceError } from "../../MemoryMapError.ts"
import { bytesText, hex } from "../base/numbers.ts"

/**
 * The most pieces, apart from each other, that a file is read in: a bound on time and memory for files that lie, far above
 * what honest ones have. A piece takes some 600 bytes of memory, whatever it holds.
 */
export const MOST_PIECES = 1 << 21

/** Reads headers of one image; `format` is what its errors call it. */
export class ImageReader {
  readonly source: ByteSource
  readonly format: string

  constructor(source: ByteSource, format: string) {
    this.source = source
    this.format = format
  }

  /** The error that says `why`, in words, the bytes at `offset` are not what they should be. */
  refuse(offset: bigint, why: string, reason: ImageError["reason"] = "Malformed"): ImageError {
    return new ImageError({ path: this.source.name, format: this.format, reason, offset, why })
  }

  /** True when `[offset, offset + length)` lies inside the file. */
  holds(offset: bigint, length: bigint): boolean {
    return offset >= 0n && length >= 0n && offset + length <= this.source.size
  }

  /** Exactly `length` bytes of the file, not a copy; `what` names them when the file ends before they do. */
  bytes(what: string, offset: bigint, length: number): Effect.Effect<Uint8Array, ImageError | SourceError> {
    if (this.holds(offset, BigInt(length))) return this.source.read(offset, length)
    return this.refuse(
      offset,
      `${what} takes ${bytesText(length)} from here, the file ends at ${hex(this.source.size)}`,
      "CutShort"
    )
  }

  /** The same bytes, to be decoded field by field. */
  header(
    what: string,
    offset: bigint,
    length: number,
    endian: Endian
  ): Effect.Effect<Header, ImageError | SourceError> {
    return Effect.map(this.bytes(what, offset, length), (bytes) => new Header(this, offset, bytes, endian))
  }

  /** Up to `length` bytes from the start of the file: fewer when it is shorter. For recognising a format. */
  head(length: number): Effect.Effect<Uint8Array, SourceError> {
    return this.source.read(0n, this.source.size < length ? Number(this.source.size) : length)
  }
}

/** Bytes of a header and where they lie. Positions count from its first byte; reading outside is a defect. */
export class Header {
  readonly reader: ImageReader
  readonly offset: bigint
  readonly bytes: Uint8Array
  readonly endian: Endian
  private readonly little: boolean
  private readonly view: DataView

  constructor(reader: ImageReader, offset: bigint, bytes: Uint8Array, endian: Endian) {
    this.reader = reader
    this.offset = offset
    this.bytes = bytes
    this.endian = endian
    this.little = endian === "little"
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(at: number): number {
    return this.view.getUint8(at)
  }

  u16(at: number): number {
    return this.view.getUint16(at, this.little)
  }

  u32(at: number): number {
    return this.view.getUint32(at, this.little)
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, this.little)
  }

  /** The error that says `why` the field at `at` is refused; `why` starts with the field's name. */
  refuse(at: number, why: string, reason?: ImageError["reason"]): ImageError {
    return this.reader.refuse(this.offset + BigInt(at), why, reason)
  }
}
