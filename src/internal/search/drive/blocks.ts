// Cuts the mapped bytes of a map into blocks to look at, so that every start of a match is looked at exactly once, with
// all the bytes that a match from there may have. Bytes in memory are not copied, except around the edges of segments.
import type { ByteSource } from "../../../ByteSource.ts"
import { isZeros } from "../../source/source.ts"

/** A visible part of a mapping. */
export interface Piece {
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  /** Address that offset 0 of the source has. */
  readonly origin: bigint
}

/** Bytes to look at: for starts at offsets 0 to `starts`, not included. Those behind belong to longer matches. */
export interface Block {
  readonly _tag: "Block"
  readonly address: bigint
  readonly bytes: Uint8Array
  readonly starts: number
  /** `bytes.length`, to tell when the memory has been taken away. */
  readonly length: number
  /** Where the bytes are from, when they are not a copy. */
  readonly piece: Piece | undefined
}

/** Bytes to be read, and handed to the generator; `undefined` when they could not be. */
export interface Request {
  readonly _tag: "Request"
  readonly piece: Piece
  readonly address: bigint
  readonly length: number
}

/** Bytes in which nothing can match, and which need not be looked at. */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly size: bigint
}

export interface Sizes {
  /** Bytes a match has at most. */
  readonly reach: number
  /** Starts in one block, at most, where bytes are in memory. */
  readonly block: number
  /** Bytes read in one go, at most, where they are not. */
  readonly read: number
  /** Segments smaller than this are copied together when they are adjacent. */
  readonly gather: number
  /** No match lies in zeros alone. */
  readonly skipsZeros: boolean
}

type Cutter = Generator<Block | Request | Skipped, boolean, Uint8Array | undefined>

/** Bytes of a run in front of the next block whose starts are still to be looked at. */
class Tail {
  private buffer = new Uint8Array(0)
  private skew = 0
  length = 0
  address = 0n

  append(bytes: Uint8Array, address: bigint): void {
    if (this.length === 0) {
      this.address = address
      this.skew = Number(address & 7n) // words in the copy lie as they do in memory
    }
    const end = this.skew + this.length + bytes.length
    if (end > this.buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.buffer.length, end))
      larger.set(this.buffer.subarray(0, this.skew + this.length))
      this.buffer = larger
    }
    this.buffer.set(bytes, this.skew + this.length)
    this.length += bytes.length
  }

  /** Everything so far as a block of `starts`; the bytes behind them stay. */
  take(starts: number): Block {
    const bytes = this.buffer.subarray(this.skew, this.skew + this.length)
    const { address } = this
    const rest = bytes.subarray(starts)
    this.buffer = new Uint8Array(0)
    this.length = 0
    if (rest.length > 0) this.append(rest, address + BigInt(starts))
    return { _tag: "Block", address, bytes, starts, length: bytes.length, piece: undefined }
  }

  drop(): void {
    this.length = 0
  }
}

class Blocks {
  private readonly tail = new Tail()
  private readonly sizes: Sizes
  private readonly keep: number
  /** Segments at least as long as this are looked at in place. */
  private readonly large: number
  private zeros = new Uint8Array(0)
  constructor(sizes: Sizes) {
    this.sizes = sizes
    this.keep = sizes.reach - 1
    this.large = Math.max(sizes.gather, this.keep)
  }

  /** False: a request was not met, and everything before it has been given out. */
  *all(pieces: Iterable<Piece>): Cutter {
    let piece: Piece | undefined
    for (const next of pieces) {
      if (piece !== undefined && !(yield* this.one(piece, next.start !== piece.end))) return false
      piece = next
    }
    return piece === undefined || (yield* this.one(piece, true))
  }

  private *one(piece: Piece, last: boolean): Cutter {
    if (isZeros(piece.source)) return yield* this.nothing(piece, last)
    const { end, source, start } = piece
    if (source.resident === undefined) return yield* this.absent(piece, start, last)
    const offset = Number(start - piece.origin)
    const length = Number(end - start)
    if (length < this.large && !(last && this.tail.length === 0)) {
      const bytes = source.resident.subarray(offset, offset + length)
      return yield* this.small(bytes, start, last)
    }
    yield* this.seam(source.resident.subarray(offset, offset + Math.min(length, this.keep)), start)
    const stop = last ? length : length - this.keep
    let at = 0
    while (at < stop) {
      const bytes = source.resident
      if (bytes === undefined) return yield* this.absent(piece, start + BigInt(at), last)
      const starts = Math.min(this.sizes.block, stop - at)
      const part = bytes.subarray(offset + at, offset + Math.min(at + starts + this.keep, length))
      yield { _tag: "Block", address: start + BigInt(at), bytes: part, starts, length: part.length, piece }
      at += starts
    }
    if (!last) {
      const bytes = source.resident
      if (bytes === undefined) return yield* this.absent(piece, start + BigInt(at), last)
      this.tail.append(bytes.subarray(offset + at, offset + length), start + BigInt(at))
    }
    return true
  }

  /** A segment whose bytes have to be read, from `from` on. */
  private *absent(piece: Piece, from: bigint, last: boolean): Cutter {
    let at = from
    while (at < piece.end) {
      const left = piece.end - at
      const step = BigInt(Math.max(this.sizes.read, this.keep))
      const length = Number(left < step ? left : step)
      const bytes = yield { _tag: "Request", piece, address: at, length }
      if (bytes === undefined || bytes.length < length) {
        if (bytes !== undefined) this.tail.append(bytes, at)
        if (this.tail.length > 0) yield this.tail.take(this.tail.length)
        return false
      }
      const next = at + BigInt(length)
      yield* this.bytes(bytes, at, last && next === piece.end)
      at = next
    }
    return true
  }

  /** A segment of zeros. */
  private *nothing(piece: Piece, last: boolean): Cutter {
    const { end, start } = piece
    const { keep } = this
    const { skipsZeros } = this.sizes
    if (skipsZeros && end - start > BigInt(2 * keep)) {
      const edges = (this.tail.length > 0 ? keep : 0) + (last ? 0 : keep)
      if (this.tail.length > 0) yield* this.small(this.zero(keep), start, true)
      yield { _tag: "Skipped", size: end - start - BigInt(edges) }
      if (!last && keep > 0) this.tail.append(this.zero(keep), end - BigInt(keep))
      return true
    }
    for (let at = start; at < end;) {
      const step = BigInt(Math.max(this.sizes.block, keep))
      const next = end - at < step ? end : at + step
      yield* this.bytes(this.zero(Number(next - at)), at, last && next === end)
      at = next
    }
    return true
  }

  private zero(length: number): Uint8Array {
    if (this.zeros.length < length) this.zeros = new Uint8Array(length)
    return this.zeros.subarray(0, length)
  }

  /** Bytes that stay as they are. */
  private *bytes(bytes: Uint8Array, address: bigint, last: boolean): Cutter {
    if (bytes.length < this.large && !(last && this.tail.length === 0)) return yield* this.small(bytes, address, last)
    yield* this.seam(bytes.subarray(0, this.keep), address)
    const starts = last ? bytes.length : bytes.length - this.keep
    if (starts > 0) yield { _tag: "Block", address, bytes, starts, length: bytes.length, piece: undefined }
    if (!last) this.tail.append(bytes.subarray(starts), address + BigInt(starts))
    return true
  }

  /** The starts in the tail, whose matches end in the bytes that follow. */
  private *seam(next: Uint8Array, address: bigint): Cutter {
    const starts = this.tail.length
    if (starts > 0) {
      this.tail.append(next, address)
      yield this.tail.take(starts)
      this.tail.drop()
    }
    return true
  }

  private *small(bytes: Uint8Array, address: bigint, last: boolean): Cutter {
    this.tail.append(bytes, address)
    if (last) yield this.tail.take(this.tail.length)
    else if (this.tail.length > 2 * this.large + this.keep) yield this.tail.take(this.tail.length - this.keep)
    return true
  }
}

/**
 * The blocks of `pieces`, which are ascending and disjoint. Answer a request with the bytes asked for, or with as many
 * as can be had: then what stands before the missing ones is given out, and that was all.
 */
export const blocks = (pieces: Iterable<Piece>, sizes: Sizes): Cutter => new Blocks(sizes).all(pieces)
