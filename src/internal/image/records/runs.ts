// Bytes of small records, gathered into one array and one mapping for each stretch of records that follow one another.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { AddAllEntry, OverlapPolicy } from "../../../MemoryMap.ts"
import { ImageError } from "../../../MemoryMapError.ts"
import { MOST_PIECES } from "../headers.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { add } from "../../map/add.ts"
import { type Bare, build } from "../../map/build.ts"
import { empty } from "../../map/map.ts"
import { Bytes, slice } from "../../source/source.ts"

/** Where a run came from: its line in a text, its offset in a binary file. */
export type Place = number

/** Bytes allocated for the first records. */
const FIRST = 1 << 16

interface Entry extends AddAllEntry {
  readonly place: Place
}

export class Runs {
  private bytes = new Uint8Array(0)
  private length = 0
  private readonly addresses: Array<number> = []
  private readonly offsets: Array<number> = []
  private readonly places: Array<Place> = []
  private readonly groups: Array<number> = []
  private end = -1
  private group = -1

  private readonly capacity: number

  /** `capacity` is an upper bound: no more is ever allocated, and less at first. */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  /**
   * Appends `bytes[from, to)` at `address`. Bytes of different groups never share a run. A sentence fragment says why it
   * is refused.
   */
  add(address: number, bytes: Uint8Array, from: number, to: number, place: Place, group = 0): string | undefined {
    if (to <= from) return undefined
    const length = this.length + to - from
    if (length > this.bytes.length && !this.grow(length)) {
      return `from here on its bytes do not fit in memory, after ${bytesText(this.length)}`
    }
    if (address !== this.end || group !== this.group) {
      if (this.addresses.length === MOST_PIECES) {
        return `its bytes are in more than ${MOST_PIECES} pieces that do not follow one another`
      }
      this.addresses.push(address)
      this.offsets.push(this.length)
      this.places.push(place)
      this.groups.push(group)
      this.group = group
    }
    for (let i = from, at = this.length; i < to; i++, at++) this.bytes[at] = bytes[i]!
    this.length = length
    this.end = address + to - from
    return undefined
  }

  /** Room for `length` bytes and more to come, if there is memory. */
  private grow(length: number): boolean {
    const size = Math.min(this.capacity, Math.max(2 * length, FIRST))
    const larger = Result.try(() => new Uint8Array(Math.max(length, size)))
    if (Result.isFailure(larger)) return false
    larger.success.set(this.bytes.subarray(0, this.length))
    this.bytes = larger.success
    return true
  }

  entries(name: (group: number) => string, overlap: OverlapPolicy | undefined): ReadonlyArray<Entry> {
    const source = new Bytes("bytes", this.bytes.subarray(0, this.length))
    return this.addresses.map((address, i) => {
      const offset = this.offsets[i]!
      const length = (this.offsets[i + 1] ?? this.length) - offset
      const title = name(this.groups[i]!)
      return {
        source: slice(source, BigInt(offset), BigInt(length), title),
        address: BigInt(address),
        name: title,
        overlap,
        place: this.places[i]!
      }
    })
  }
}

/** The map of all runs. Overlaps that `overlap` does not allow, and no bytes at all, are refused. */
export const toMap = Effect.fnUntraced(function* (
  runs: Runs,
  options: {
    readonly path: string
    readonly format: string
    readonly overlap?: OverlapPolicy | undefined
    readonly name?: ((group: number) => string) | undefined
    /** Turns the place of a run into the fields of an error. */
    readonly at: (place: Place) => { readonly offset: bigint; readonly line?: number }
  }
): Effect.fn.Return<Bare, ImageError> {
  const { at, format, overlap, path } = options
  const start = { offset: 0n }
  const refuse = (why: string, where: { readonly offset: bigint; readonly line?: number } = start) =>
    new ImageError({ path, format, ...where, why })
  const entries = runs.entries(options.name ?? (() => path), overlap)
  if (entries.length === 0) return yield* refuse("it holds no bytes to map")
  if (overlap !== "equal" && overlap !== "reject") {
    return yield* Effect.mapError(build(entries), (error) => refuse(error.message))
  }
  // One by one, to know which run it is that contradicts the ones before.
  let map = empty
  for (const entry of entries) {
    const { address, place, source } = entry
    map = yield* Effect.mapError(add(map, source, address, entry), (error) =>
      error._tag === "MappingOverlap"
        ? refuse(
            `the records that start here at ${hex(address)} contradict earlier ones at ${hex(error.address)}`,
            at(place)
          )
        : refuse(error.message)
    )
  }
  return map
})
