// The visible pieces of a map in flat arrays: what the synchronous reader works on, and what a map that is read often
// builds for itself. A look-up in a million pieces touches three or four cache lines; in the tree it is a dozen.
import type { ByteSource } from "../ByteSource.ts"
import { fastPaths } from "./fastPaths.ts"
import { Slice } from "./source.ts"

/** A visible piece whose first byte is the one at `offset` of `source`. */
export interface FlatPiece {
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  readonly offset: bigint
}

/** Slices of one file share it: a core of 70 000 segments has one source, not 70 000. */
export const flatPiece = (start: bigint, end: bigint, source: ByteSource, offset: bigint): FlatPiece =>
  source instanceof Slice
    ? { start, end, source: source.parent, offset: source.offset + offset }
    : { start, end, source, offset }

/** Keys compared per level; eight doubles are a cache line. */
const FANOUT = 8

/** Every level holds each FANOUT-th key of the one below; the last holds all. */
const levelsOf = (keys: Float64Array): Array<Float64Array> => {
  const levels = [keys]
  while (levels[0]!.length > FANOUT) {
    const below = levels[0]!
    const level = new Float64Array(Math.ceil(below.length / FANOUT))
    for (let i = 0; i < level.length; i++) level[i] = below[i * FANOUT]!
    levels.unshift(level)
  }
  return levels
}

/** Words of one record: first address, last address, offset in the source, index of the source. */
const RECORD = 4

export class FlatMap {
  private readonly levels: ReadonlyArray<Float64Array>
  /** Two views of the same records: the addresses are read as integers, the rest as doubles. */
  private readonly addresses: BigUint64Array
  private readonly numbers: Float64Array
  private readonly sources: ReadonlyArray<ByteSource>
  private lastHit = -1
  /** Where `locate` found its bytes. A field, because a result object a read would cost more than the read. */
  bytes: Uint8Array = new Uint8Array(0)

  constructor(pieces: ReadonlyArray<FlatPiece>) {
    const keys = new Float64Array(pieces.length)
    const indexes = new Map<ByteSource, number>()
    this.addresses = new BigUint64Array(pieces.length * RECORD)
    this.numbers = new Float64Array(this.addresses.buffer)
    pieces.forEach(({ end, offset, source, start }, i) => {
      const index = indexes.get(source) ?? indexes.size
      indexes.set(source, index)
      keys[i] = Number(start)
      this.addresses[i * RECORD] = start
      this.addresses[i * RECORD + 1] = end - 1n
      this.numbers[i * RECORD + 2] = Number(offset)
      this.numbers[i * RECORD + 3] = index
    })
    this.levels = levelsOf(keys)
    this.sources = [...indexes.keys()]
  }

  /** Number of the piece that holds `address`, or -1. */
  find(address: bigint): number {
    const { addresses, lastHit } = this
    if (lastHit >= 0 && fastPaths.lastHit) {
      if (address >= addresses[lastHit * RECORD]! && address <= addresses[lastHit * RECORD + 1]!) return lastHit
    }
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
    while (index >= 0 && addresses[index * RECORD]! > address) index--
    if (index < 0 || addresses[index * RECORD + 1]! < address) return -1
    this.lastHit = index
    return index
  }

  /** Bytes of the piece from `address` on. */
  left(index: number, address: bigint): bigint {
    return this.addresses[index * RECORD + 1]! - address + 1n
  }

  source(index: number): ByteSource {
    return this.sources[this.numbers[index * RECORD + 3]!]!
  }

  /** Offset of `address` in the source of the piece. */
  offset(index: number, address: bigint): number {
    return this.numbers[index * RECORD + 2]! + Number(address - this.addresses[index * RECORD]!)
  }

  /** Index in `bytes` of the `length` bytes at `address` when one resident piece holds them all, else -1. */
  locate(address: bigint, length: number): number {
    const index = this.find(address)
    if (index < 0 || this.addresses[index * RECORD + 1]! - address < length - 1) return -1
    const resident = this.source(index).resident
    if (resident === undefined) return -1
    this.bytes = resident
    return this.offset(index, address)
  }
}
