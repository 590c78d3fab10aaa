// The visible pieces of a map in flat arrays: what the synchronous reader works on, and what a map that is read often
// builds for itself. A look-up in a million pieces touches three or four cache lines; in the tree it is a dozen.
import type { ByteSource } from "../../ByteSource.ts"
import { fastPaths } from "../base/fastPaths.ts"
import type { Work } from "../base/turns.ts"
import { origin } from "../source/source.ts"

/** A visible piece whose first byte is the one at `offset` of `source`. */
export interface FlatPiece {
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  readonly offset: bigint
}

/** Slices of one file share it: a core of 70 000 segments has one source, not 70 000. */
export const flatPiece = (start: bigint, end: bigint, source: ByteSource, offset: bigint): FlatPiece => ({
  start,
  end,
  ...origin(source, offset)
})

/** Pieces taken up between two rests: what a look-up does for the index on its way. */
const STEP = 32

/** Keys compared per level: two cache lines of doubles. */
const FANOUT = 16

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

/** Below this, sums of an address and a length are exact as doubles, and no bigint is needed. */
const EXACT = 2 ** 52

export class FlatMap {
  private readonly keys: Float64Array
  private levels: ReadonlyArray<Float64Array> = []
  /** Per piece: its rounded end, and what to add to an address to have its offset in the source. */
  private readonly records: Float64Array
  /** Per piece: first and last address, for what doubles cannot tell apart, and the offset of the first. */
  private readonly bounds: BigUint64Array
  private readonly offsets: Float64Array
  private readonly sourceOf: Uint32Array
  private sources: ReadonlyArray<ByteSource> = []
  private lastHit = 0
  /** Where `locate` found its bytes. A field, because a result object a read would cost more than the read. */
  bytes: Uint8Array = new Uint8Array(0)

  private constructor(count: number) {
    this.keys = new Float64Array(count)
    this.records = new Float64Array(2 * count)
    this.bounds = new BigUint64Array(2 * count)
    this.offsets = new Float64Array(count)
    this.sourceOf = new Uint32Array(count)
  }

  /** The arrays for pieces that are ascending and apart. */
  static *building(pieces: Iterable<FlatPiece>): Work<FlatMap> {
    const list: Array<FlatPiece> = []
    for (const piece of pieces) {
      if (list.length % STEP === STEP - 1) yield
      list.push(piece)
    }
    const flat = new FlatMap(list.length)
    const indexes = new Map<ByteSource, number>()
    for (let i = 0; i < list.length; i++) {
      if (i % STEP === STEP - 1) yield
      const { end, offset, source, start } = list[i]!
      const index = indexes.get(source) ?? indexes.size
      indexes.set(source, index)
      flat.keys[i] = Number(start)
      flat.records[2 * i] = Number(end)
      flat.records[2 * i + 1] = Number(offset - start)
      flat.bounds[2 * i] = start
      flat.bounds[2 * i + 1] = end - 1n
      flat.offsets[i] = Number(offset)
      flat.sourceOf[i] = index
    }
    flat.levels = levelsOf(flat.keys)
    flat.sources = [...indexes.keys()]
    return flat
  }

  private holds(index: number, address: bigint, key: number): boolean {
    if (key < EXACT) return key >= this.keys[index]! && key < this.records[2 * index]!
    return address >= this.bounds[2 * index]! && address <= this.bounds[2 * index + 1]!
  }

  /** Number of the piece that holds `address`, or -1. */
  find(address: bigint): number {
    const key = Number(address)
    if (fastPaths.lastHit && this.holds(this.lastHit, address, key)) return this.lastHit
    let index = 0
    for (const level of this.levels) {
      // Counting all keys of a block beats halving it: there is no branch to mispredict.
      const first = index * FANOUT
      const end = Math.min(first + FANOUT, level.length)
      let count = 0
      for (let i = first; i < end; i++) count += Number(level[i]! <= key)
      index = first + count - 1
      if (index < 0) return -1
    }
    // Several starts can have one key, and the last of them may lie behind the address.
    if (key >= EXACT && this.bounds[2 * index]! > address) index = this.lastUpTo(address, index)
    if (index < 0 || !this.holds(index, address, key)) return -1
    this.lastHit = index
    return index
  }

  /** Number of the last piece before `end` that starts at or before `address`, or -1. */
  private lastUpTo(address: bigint, end: number): number {
    let low = 0
    let high = end
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.bounds[2 * middle]! <= address) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Bytes of the piece from `address` on. */
  left(index: number, address: bigint): bigint {
    return this.bounds[2 * index + 1]! - address + 1n
  }

  source(index: number): ByteSource {
    // Most maps have one file; then one cache miss less.
    return this.sources[this.sources.length === 1 ? 0 : this.sourceOf[index]!]!
  }

  /** Offset of `address` in the source of the piece. */
  offset(index: number, address: bigint): number {
    const key = Number(address)
    if (key < EXACT) return key + this.records[2 * index + 1]!
    return this.offsets[index]! + Number(address - this.bounds[2 * index]!)
  }

  /** Index in `bytes` of the `length` bytes, few, at `address` when one resident piece holds them all, else -1. */
  locate(address: bigint, length: number): number {
    const index = this.find(address)
    if (index < 0) return -1
    const key = Number(address)
    const fits = key < EXACT ? key + length <= this.records[2 * index]! : this.left(index, address) >= length
    if (!fits) return -1
    const resident = this.source(index).resident
    if (resident === undefined) return -1
    this.bytes = resident
    return this.offset(index, address)
  }
}
