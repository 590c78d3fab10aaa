// MemoryReader: the map's flat index with every source in memory, so that a read is a plain function call.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { Layout, Need } from "../../Layout.ts"
import type { Endian } from "../../MachineModel.ts"
import type { MemoryReader } from "../../MemoryReader.ts"
import { SourceError, TooLarge, UnmappedAddress } from "../../MemoryMapError.ts"
import { checkLength, checkLimit } from "../base/arguments.ts"
import * as decode from "../base/decode.ts"
import { copyExtents } from "../source/copy.ts"
import { inTurns, isRest } from "../base/turns.ts"
import { FlatMap, type FlatPiece, flatPiece } from "../map/flat.ts"
import type { MemoryMapImpl, Piece } from "../map/map.ts"
import { allocate, extent, LARGEST, unmapped } from "./bytes.ts"
import { allPieces, mappingOf } from "../map/pieces.ts"
import { Bytes, isZeros } from "../source/source.ts"
import { littleFor, wordSizeOf } from "../map/machine.ts"

type Options = { readonly endian?: Endian | undefined }

/** What a reader lets those see that read values of their own kinds from it. */
export interface BytesAccess {
  readonly map: MemoryMapImpl
  /** The bytes in which {@link locate} found what it was asked for. */
  readonly bytes: Uint8Array
  /** Where in `bytes` the `length` bytes at `address` begin, or -1 when no one array has them all. */
  locate(address: bigint, length: number): number
  /** A copy of them, put together from many arrays; or the hole in the way. */
  copied(operation: string, address: bigint, length: number): Uint8Array | UnmappedAddress
  /** What was worked out for this reader, by what it was worked out from. */
  readonly known: WeakMap<object, unknown>
}

/** A kind of values. */
export interface Readable {
  "~get"(access: BytesAccess, address: bigint): unknown
}

class MapReader implements MemoryReader<never, never>, BytesAccess {
  readonly map: MemoryMapImpl
  private readonly flat: FlatMap
  readonly known = new WeakMap<object, unknown>()
  constructor(map: MemoryMapImpl, flat: FlatMap) {
    this.map = map
    this.flat = flat
  }

  private value<A>(
    operation: string,
    address: bigint,
    length: number,
    decoder: decode.Decode<A>,
    options?: Options
  ): A {
    const little = length === 1 || littleFor(this.map, operation, options)
    const at = this.flat.locate(address, length)
    return at >= 0 ? decoder(this.flat.bytes, at, little) : decoder(this.copy(operation, address, length), 0, little)
  }

  get bytes(): Uint8Array {
    return this.flat.bytes
  }
  locate(address: bigint, length: number): number {
    return this.flat.locate(address, length)
  }

  private copy(operation: string, address: bigint, length: number): Uint8Array {
    const bytes = this.copied(operation, address, length)
    if (bytes instanceof UnmappedAddress) throw bytes
    return bytes
  }

  /** Bytes across pieces, out of zeros, or none: that is found before anything is allocated. */
  copied(operation: string, address: bigint, length: number): Uint8Array | UnmappedAddress {
    const { flat } = this
    const end = address + BigInt(length)
    for (let at = address; at < end;) {
      const index = flat.find(at)
      if (index < 0) return unmapped(this.map, operation, at, extent(address, length))
      at += flat.left(index, at)
    }
    const bytes = allocate(operation, length)
    let filled = 0
    while (filled < length) {
      const at = address + BigInt(filled)
      const index = flat.find(at)
      const left = flat.left(index, at)
      const part = left < length - filled ? Number(left) : length - filled
      const source = flat.source(index)
      const resident = source.resident
      const offset = flat.offset(index, at)
      if (resident !== undefined) bytes.set(resident.subarray(offset, offset + part), filled)
      else if (!isZeros(source)) throw gone(source, offset, part)
      filled += part
    }
    return bytes
  }

  isMapped(address: bigint): boolean {
    return this.flat.find(address) >= 0
  }
  getByte(address: bigint): number {
    return this.value("getByte", address, 1, decode.uint8)
  }
  getUint8(address: bigint): number {
    return this.value("getUint8", address, 1, decode.uint8)
  }
  getInt8(address: bigint): number {
    return this.value("getInt8", address, 1, decode.int8)
  }
  getUint16(address: bigint, options?: Options): number {
    return this.value("getUint16", address, 2, decode.uint16, options)
  }
  getInt16(address: bigint, options?: Options): number {
    return this.value("getInt16", address, 2, decode.int16, options)
  }
  getUint32(address: bigint, options?: Options): number {
    return this.value("getUint32", address, 4, decode.uint32, options)
  }
  getInt32(address: bigint, options?: Options): number {
    return this.value("getInt32", address, 4, decode.int32, options)
  }
  getUint64(address: bigint, options?: Options): bigint {
    return this.value("getUint64", address, 8, decode.uint64, options)
  }
  getInt64(address: bigint, options?: Options): bigint {
    return this.value("getInt64", address, 8, decode.int64, options)
  }
  getFloat32(address: bigint, options?: Options): number {
    return this.value("getFloat32", address, 4, decode.float32, options)
  }
  getFloat64(address: bigint, options?: Options): number {
    return this.value("getFloat64", address, 8, decode.float64, options)
  }
  getCInt(address: bigint, options?: Options): number {
    return this.value("getCInt", address, 4, decode.int32, options)
  }
  getCLong(address: bigint, options?: Options): bigint {
    return wordSizeOf(this.map, "getCLong") === 32
      ? this.value("getCLong", address, 4, decode.long32, options)
      : this.value("getCLong", address, 8, decode.int64, options)
  }
  getPointer(address: bigint, options?: Options): bigint {
    return wordSizeOf(this.map, "getPointer") === 32
      ? this.value("getPointer", address, 4, decode.pointer32, options)
      : this.value("getPointer", address, 8, decode.uint64, options)
  }
  getBytes(address: bigint, length: number): Uint8Array {
    checkLength("getBytes", length)
    return this.copy("getBytes", address, length)
  }
  get<A, R extends Need>(layout: Layout<A, R>, address: bigint): A {
    return (layout as unknown as Readable)["~get"](this, address) as A
  }
}

/** The error for a mapped file that has been closed since the reader was made: its bytes must not be touched any more. */
const gone = (source: ByteSource, offset: number, length: number): SourceError =>
  new SourceError({ source: source.name, offset: BigInt(offset), length, reason: "Closed" })

/** A piece whose bytes have to be read, and its place among all. */
interface Missing {
  readonly index: number
  readonly piece: Piece
}

/** Every piece, with zeros in place of what is not in memory, and a list of that. */
function* piecesOf(map: MemoryMapImpl) {
  const pieces: Array<FlatPiece> = []
  const missing: Array<Missing> = []
  for (const piece of allPieces(map)) {
    if (isRest(pieces.length)) yield
    const { source, start } = mappingOf(piece)
    if (source.resident === undefined && !isZeros(source)) missing.push({ index: pieces.length, piece })
    pieces.push(flatPiece(piece.start, piece.end, source, piece.start - start))
  }
  return { pieces, missing }
}

const read = ({ piece }: Missing): Effect.Effect<FlatPiece, SourceError> =>
  Effect.suspend(() => {
    const { source, start } = mappingOf(piece)
    const length = Number(piece.end - piece.start)
    const part = { source, offset: piece.start - start, length }
    return Effect.map(copyExtents([part], allocate("reader", length)), (bytes) =>
      flatPiece(piece.start, piece.end, new Bytes(source.name, bytes), 0n)
    )
  })

/** Bytes that a reader reads at most unless told otherwise, and at most at all: what can be addressed exactly. */
const LIMIT = 2 ** 32

export const make = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  limit = LIMIT
): Effect.fn.Return<MemoryReader<never, never>, SourceError | TooLarge> {
  checkLimit("reader", limit, Number.MAX_SAFE_INTEGER)
  const { missing, pieces } = yield* inTurns(() => piecesOf(map))
  let size = 0n
  for (const { piece } of missing) {
    size += piece.end - piece.start
    const isTooLong = piece.end - piece.start > LARGEST
    if (size > limit || isTooLong) {
      const most = isTooLong && limit > LARGEST ? LARGEST : limit
      return yield* new TooLarge({ operation: "reader", address: piece.start, size, limit: BigInt(most) })
    }
  }
  for (const one of missing) pieces[one.index] = yield* read(one)
  return new MapReader(map, yield* inTurns(() => FlatMap.building(pieces)))
})
