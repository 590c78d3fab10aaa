// The flat form of a map for hot loops: sorted arrays in place of the tree, every source in memory, no Effect.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../ByteSource.ts"
import type { Endian } from "../MachineModel.ts"
import type { MemoryReader } from "../MemoryReader.ts"
import { SourceError } from "../MemoryMapError.ts"
import * as decode from "./decode.ts"
import type { MemoryMapImpl } from "./map.ts"
import { checkLength, unmapped } from "./read.ts"
import * as Skyline from "./skyline.ts"
import { Bytes, isZeros, Slice } from "./source.ts"
import * as Tree from "./tree.ts"
import { littleFor, wordSizeOf } from "./values.ts"

/** Keys searched per step: every level of the index holds each 32nd key of the one below. */
const FANOUT = 32

const levelsOf = (keys: Float64Array): Array<Float64Array> => {
  const levels = [keys]
  while (levels[0]!.length > FANOUT) {
    const below = levels[0]!
    levels.unshift(Float64Array.from({ length: Math.ceil(below.length / FANOUT) }, (_, i) => below[i * FANOUT]!))
  }
  return levels
}

/** A visible piece whose bytes are in memory, `offset` bytes into `source`. */
interface ResidentPiece {
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  readonly offset: number
}

type Options = { readonly endian?: Endian | undefined }

class Reader implements MemoryReader<never, never> {
  private readonly map: MemoryMapImpl
  private readonly levels: ReadonlyArray<Float64Array>
  private readonly starts: BigUint64Array
  private readonly lasts: BigUint64Array
  private readonly sources: ReadonlyArray<ByteSource>
  private readonly sourceOf: Uint32Array
  private readonly offsets: Float64Array
  private readonly gathered = new Uint8Array(8)
  /** The piece of the last look-up, and where `locate` found its bytes. */
  private hit = -1
  private bytes: Uint8Array = this.gathered

  constructor(map: MemoryMapImpl, pieces: ReadonlyArray<ResidentPiece>) {
    this.map = map
    this.levels = levelsOf(Float64Array.from(pieces, (piece) => Number(piece.start)))
    this.starts = BigUint64Array.from(pieces, (piece) => piece.start)
    this.lasts = BigUint64Array.from(pieces, (piece) => piece.end - 1n)
    this.offsets = Float64Array.from(pieces, (piece) => piece.offset)
    const indexes = new Map<ByteSource, number>()
    this.sourceOf = Uint32Array.from(pieces, ({ source }) => {
      const index = indexes.get(source) ?? indexes.size
      indexes.set(source, index)
      return index
    })
    this.sources = [...indexes.keys()]
  }

  /** Index of the piece that holds `address`, or -1. */
  private find(address: bigint): number {
    const hit = this.hit
    if (hit >= 0 && address >= this.starts[hit]! && address <= this.lasts[hit]!) return hit
    const key = Number(address)
    let index = 0
    for (const level of this.levels) {
      let low = index * FANOUT
      let high = Math.min(low + FANOUT, level.length)
      while (low < high) {
        const middle = (low + high) >> 1
        if (level[middle]! <= key) low = middle + 1
        else high = middle
      }
      index = low - 1
      if (index < 0) return -1
    }
    // Starts are rounded: above 2^53 several can have one key, and the last of them may lie behind the address.
    while (index >= 0 && this.starts[index]! > address) index--
    if (index < 0 || this.lasts[index]! < address) return -1
    this.hit = index
    return index
  }

  /** Index in `this.bytes` of the `length` bytes at `address`. */
  private locate(operation: string, address: bigint, length: number): number {
    const index = this.find(address)
    if (index < 0) throw unmapped(this.map, operation, address, { address, length })
    if (this.lasts[index]! - address < BigInt(length - 1)) return this.gather(operation, address, length)
    const source = this.sources[this.sourceOf[index]!]!
    const resident = source.resident
    const offset = this.offsets[index]! + Number(address - this.starts[index]!)
    if (resident !== undefined) {
      this.bytes = resident
      return offset
    }
    if (!isZeros(source)) throw gone(source, offset, length)
    this.bytes = this.gathered.fill(0)
    return 0
  }

  /** A value that straddles pieces, byte by byte. */
  private gather(operation: string, address: bigint, length: number): number {
    const gathered = new Uint8Array(length)
    for (let i = 0; i < length; i++) {
      const at = address + BigInt(i)
      if (this.find(at) < 0) throw unmapped(this.map, operation, at, { address, length })
      const index = this.locate(operation, at, 1)
      gathered[i] = this.bytes[index]!
    }
    this.bytes = gathered
    return 0
  }

  private value<A>(
    operation: string,
    address: bigint,
    length: number,
    decoder: decode.Decode<A>,
    options?: Options
  ): A {
    const little = length === 1 || littleFor(this.map, operation, options)
    const at = this.locate(operation, address, length)
    return decoder(this.bytes, at, little)
  }

  isMapped(address: bigint): boolean {
    return this.find(address) >= 0
  }
  getByte(address: bigint): number {
    const at = this.locate("getByte", address, 1)
    return this.bytes[at]!
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
    const bytes = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      const at = address + BigInt(filled)
      const index = this.find(at)
      if (index < 0) throw unmapped(this.map, "getBytes", at, { address, length })
      const left = this.lasts[index]! - at + 1n
      const part = left < length - filled ? Number(left) : length - filled
      const source = this.sources[this.sourceOf[index]!]!
      const offset = this.offsets[index]! + Number(at - this.starts[index]!)
      const resident = source.resident
      if (resident !== undefined) bytes.set(resident.subarray(offset, offset + part), filled)
      else if (!isZeros(source)) throw gone(source, offset, part)
      filled += part
    }
    return bytes
  }
}

/** A file's bytes were in memory when the reader was made and may not be touched any more. */
const gone = (source: ByteSource, offset: number, length: number): SourceError =>
  new SourceError({ source: source.name, offset: BigInt(offset), length, reason: "Closed" })

const residentPiece = Effect.fnUntraced(function* (piece: Skyline.Visible<Skyline.Layer & { source: ByteSource }>) {
  const { source, start } = Skyline.layerOf(piece)
  const offset = piece.start - start
  const place = { start: piece.start, end: piece.end }
  if (source.resident === undefined && !isZeros(source)) {
    const bytes = yield* source.read(offset, Number(piece.end - piece.start))
    return { ...place, source: new Bytes(source.name, bytes.slice()), offset: 0 }
  }
  // Slices of one file share it, so that a core of 70 000 segments has one source, not 70 000.
  return source instanceof Slice
    ? { ...place, source: source.parent, offset: Number(source.offset + offset) }
    : { ...place, source, offset: Number(offset) }
})

export const make = (map: MemoryMapImpl): Effect.Effect<MemoryReader<never, never>, SourceError> =>
  Effect.map(Effect.forEach(Tree.from(map.visible, 0n), residentPiece), (pieces) => new Reader(map, pieces))
