// Bytes of small records, gathered into one array and one mapping for each stretch of records that follow one another.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import * as ByteSource_ from "../../ByteSource.ts"
import type { AddAllEntry, OverlapPolicy } from "../../MemoryMap.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { ImageError } from "../../MemoryMapError.ts"
import { hex } from "../numbers.ts"
import { slice } from "../source.ts"

/** Where a run came from: its line in a text, its offset in a binary file. */
export type Place = number

export class Runs {
  readonly bytes: Uint8Array
  length = 0
  private readonly addresses: Array<number> = []
  private readonly offsets: Array<number> = []
  private readonly places: Array<Place> = []
  private readonly groups: Array<number> = []
  private end = -1
  private group = -1

  /** `capacity` is an upper bound; what is never written takes no memory on the systems there are. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Appends `bytes[from, to)` at `address`. Bytes of different groups never share a run. */
  add(address: number, bytes: Uint8Array, from: number, to: number, place: Place, group = 0): void {
    if (to <= from) return
    if (address !== this.end || group !== this.group) {
      this.addresses.push(address)
      this.offsets.push(this.length)
      this.places.push(place)
      this.groups.push(group)
      this.group = group
    }
    for (let i = from, at = this.length; i < to; i++, at++) this.bytes[at] = bytes[i]!
    this.length += to - from
    this.end = address + to - from
  }

  /** The place of the last run that starts at `address`. */
  placeOf(address: bigint): Place | undefined {
    return this.places[this.addresses.lastIndexOf(Number(address))]
  }

  *entries(name: (group: number) => string, overlap: OverlapPolicy | undefined): Iterable<AddAllEntry> {
    const source: ByteSource = ByteSource_.fromBytesUnsafe(this.bytes.subarray(0, this.length))
    for (let i = 0; i < this.addresses.length; i++) {
      const offset = this.offsets[i]!
      const length = (this.offsets[i + 1] ?? this.length) - offset
      const title = name(this.groups[i]!)
      yield {
        source: slice(source, BigInt(offset), BigInt(length), title),
        address: BigInt(this.addresses[i]!),
        name: title,
        overlap
      }
    }
  }
}

/** The map of all runs. Overlaps that `overlap` does not allow, and no bytes at all, are refused. */
export const toMap = (
  runs: Runs,
  options: {
    readonly path: string
    readonly format: string
    readonly overlap?: OverlapPolicy | undefined
    readonly name?: ((group: number) => string) | undefined
    /** Turns the place of a run into the fields of an error. */
    readonly at: (place: Place) => { readonly offset: bigint; readonly line?: number }
  }
): Effect.Effect<MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">, ImageError> =>
  Effect.suspend(() => {
    const { at, format, path } = options
    if (runs.length === 0) return new ImageError({ path, format, offset: 0n, why: "it holds no bytes to map" })
    const entries = runs.entries(options.name ?? (() => path), options.overlap)
    return Effect.mapError(MemoryMap.addAll(MemoryMap.empty, entries), (error) =>
      error._tag === "MappingOverlap"
        ? new ImageError({
            path,
            format,
            ...at(runs.placeOf(error.range.start) ?? 0),
            why: `the records that start here at ${hex(error.range.start)} contradict earlier ones at ${hex(error.address)}`
          })
        : new ImageError({ path, format, offset: 0n, why: error.message })
    )
  })
