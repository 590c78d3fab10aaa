// Maps to snapshots: planned first, then written in one pass from start to end, checksums along the way.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { ByteSource } from "../../ByteSource.ts"
import type { Endian } from "../../MachineModel.ts"
import type { Permissions } from "../../Mapping.ts"
import { ImageError, type SourceError } from "../../MemoryMapError.ts"
import { holes, segments } from "../map/inspect.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import {
  BLOCK,
  blocksOf,
  encodeHeader,
  type Entry,
  FORMAT,
  LARGEST_NOTE,
  type Layout,
  layOut,
  MOST_SEGMENTS,
  NO_PERMISSIONS
} from "./layout.ts"
import {
  type Absence,
  type Described,
  encodeDescription,
  encodeSeal,
  note,
  NOTE_HEADER,
  padded,
  SEAL
} from "./notes.ts"
import { checkCount } from "../base/arguments.ts"
import { sizeText } from "../base/numbers.ts"
import { breathe, inTurns, isRest, type Work } from "../base/turns.ts"
import { isZeros } from "../source/source.ts"
import { type Hasher, hasher, summing, xxh32 } from "../base/xxh32.ts"

/** Everything that is known before the first byte of data is read. */
export interface Plan {
  readonly hasher: Hasher
  readonly layout: Layout
  readonly header: Uint8Array
  readonly size: bigint
  readonly sources: ReadonlyArray<{ readonly source: ByteSource; readonly offset: bigint }>
  /** Blocks of data, each with a checksum of four bytes. */
  readonly blocks: number
  readonly endian: Endian
  /** The notes, once all checksums are there, in that byte order: parts to be written one behind the other. */
  readonly notes: (checksums: Uint8Array) => Work<ReadonlyArray<Uint8Array>>
}

const flagsOf = (permissions: Permissions | undefined): number =>
  permissions === undefined
    ? NO_PERMISSIONS
    : (permissions.read ? 4 : 0) + (permissions.write ? 2 : 0) + (permissions.execute ? 1 : 0)

const refuse = (why: string, reason: ImageError["reason"]) =>
  new ImageError({ path: "the map", format: FORMAT, reason, why })

/** The most bytes of data unless told otherwise: 16 TiB. Zeros without end cost a microsecond a block, and nothing else. */
const LIMIT = 2 ** 44

/** The most that can be asked for: a note of checksums for it is as large as notes may be. */
const LARGEST = (LARGEST_NOTE / 4) * BLOCK

/** The plan, or why there is none. `limit`: the most bytes of data. */
export const plan = (operation: string, map: MemoryMapImpl, limit = LIMIT): Effect.Effect<Plan, ImageError> =>
  Effect.suspend(() => {
    checkCount(operation, "the limit in bytes", limit, 0, LARGEST)
    return hasher.pipe(
      Effect.flatMap((hasher) => inTurns(() => planning(map, BigInt(limit), hasher))),
      Effect.flatMap((plan) => ("why" in plan ? refuse(plan.why, plan.reason) : Effect.succeed(plan)))
    )
  })

interface Refusal {
  readonly why: string
  readonly reason: ImageError["reason"]
}

function* planning(map: MemoryMapImpl, limit: bigint, hasher: Hasher): Work<Plan | Refusal> {
  const size = map.mappedSize
  if (size === 0n) return { reason: "Unwritable", why: "the map holds no bytes" }
  if (size > limit) {
    return { reason: "TooLarge", why: `${sizeText(size)} are mapped, more than the limit of ${sizeText(limit)}` }
  }
  const entries: Array<Entry> = []
  const described: Array<Described> = []
  const sources: Array<Plan["sources"][number]> = []
  let blocks = 0
  for (const { mapping, offset, range } of segments(map)) {
    if (isRest(entries.length)) yield
    const entry = { start: range.start, size: range.end - range.start, flags: flagsOf(mapping.permissions) }
    entries.push(entry)
    described.push({ name: mapping.name, hasPermissions: mapping.permissions !== undefined })
    sources.push({ source: mapping.source, offset })
    blocks += blocksOf(entry.size)
    if (entries.length > MOST_SEGMENTS) {
      return { reason: "Unwritable", why: `it has more than the ${MOST_SEGMENTS} segments that a snapshot can hold` }
    }
  }
  const absent: Array<Absence> = []
  let steps = 0
  for (const { range, reason } of holes(map)) {
    if (isRest(steps++)) yield
    if (reason !== undefined) absent.push({ ...range, reason })
  }
  const endian = map.endian ?? "little"
  const facts = { wordSize: map.wordSize, endian: map.endian, segments: described, absent }
  const description = yield* encodeDescription(facts, endian)
  if (4 * blocks > LARGEST_NOTE || description.length > LARGEST_NOTE) {
    return { reason: "Unwritable", why: "its names and checksums are more than a snapshot can hold" }
  }
  const layout = yield* layOut(entries)
  const noteSize = 3 * NOTE_HEADER + SEAL + padded(description.length) + 4 * blocks
  const header = yield* encodeHeader(layout, endian, noteSize)
  const notes = function* (checksums: Uint8Array): Work<ReadonlyArray<Uint8Array>> {
    const seal = {
      header: yield* summing(hasher, header),
      map: yield* summing(hasher, description),
      checksums: yield* summing(hasher, checksums)
    }
    return [encodeSeal(seal, endian), ...note("map", description, endian), ...note("checksums", checksums, endian)]
  }
  return { hasher, layout, header, size: layout.noteOffset + BigInt(noteSize), sources, blocks, endian, notes }
}

/** All zero, shared, never to be written to; isHole knows it without looking. */
const zeros = new Uint8Array(BLOCK)

/** True for bytes that are zero because they come from nowhere: padding and sources of zeros. */
const isHole = (bytes: Uint8Array): boolean => bytes.buffer === zeros.buffer

let zeroSum: number | undefined

/** The checksum of a block; zeros are summed once. */
const sumOf = (hasher: Hasher, bytes: Uint8Array): number =>
  isHole(bytes) && bytes.length === BLOCK ? (zeroSum ??= xxh32(hasher, bytes)) : xxh32(hasher, bytes)

/** Gives an array of up to BLOCK bytes, of any content. */
export type Allocate = (length: number) => Uint8Array

/** A copy of the bytes, if they could go away with their scope while others still write them. */
const block = (
  source: ByteSource,
  offset: bigint,
  length: number,
  allocate: Allocate
): Effect.Effect<Uint8Array, SourceError> => {
  if (isZeros(source)) return Effect.succeed(zeros.subarray(0, length))
  const resident = source.resident
  if (resident === undefined) return source.read(offset, length)
  const copy = allocate(length)
  const start = Number(offset)
  copy.set(resident.subarray(start, start + length))
  return Effect.succeed(copy)
}

type Pieces = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, SourceError>

/**
 * The file from start to end, in pieces of 1 MiB at most. Small pieces come many at a time, gathered into one array, so
 * that their number does not matter.
 */
export const pieces = (
  plan: Plan,
  allocate: Allocate = (length) => new Uint8Array(length)
): Stream.Stream<Uint8Array, SourceError> =>
  Stream.fromPull(
    Effect.sync(() => {
      const { header, layout, size, sources } = plan
      const checksums = new DataView(new ArrayBuffer(4 * plan.blocks))
      let summed = 0
      const gathered = new Gatherer()
      let index = 0
      let within = 0n
      let reached = 0n
      let done = false

      const step: Effect.Effect<void, SourceError> = Effect.suspend(() => {
        const entry = layout.entries[index]
        const start = entry === undefined ? layout.noteOffset : layout.offsets[index]! + within
        if (start > reached) {
          const length = start - reached < BLOCK ? Number(start - reached) : BLOCK
          reached += BigInt(length)
          gathered.push(zeros.subarray(0, length))
          return Effect.void
        }
        if (entry === undefined) {
          return Effect.map(
            inTurns(() => plan.notes(new Uint8Array(checksums.buffer))),
            (parts) => {
              for (const part of parts) for (const piece of cut(part)) gathered.push(piece)
              reached = size
              done = true
            }
          )
        }
        const { offset, source } = sources[index]!
        const left = entry.size - within
        const length = left < BLOCK ? Number(left) : BLOCK
        return Effect.map(block(source, offset + within, length, allocate), (bytes) => {
          checksums.setUint32(4 * summed++, sumOf(plan.hasher, bytes), plan.endian === "little")
          gathered.push(bytes)
          reached += BigInt(length)
          within += BigInt(length)
          if (within === entry.size) {
            index++
            within = 0n
          }
        })
      })

      const turn = Effect.andThen(breathe, step)
      const pull = Effect.suspend((): Pieces => {
        if (done) return Cause.done()
        if (reached === 0n) {
          for (const part of cut(header)) gathered.push(part)
          reached = BigInt(header.length)
        }
        return Effect.flatMap(
          Effect.whileLoop({ while: () => !done && !gathered.isFull, body: () => turn, step: () => {} }),
          () => Effect.succeed(gathered.take())
        )
      })
      return pull
    })
  )

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BLOCK) yield bytes.subarray(at, at + BLOCK)
}

/** Joins small pieces and passes large ones on. */
class Gatherer {
  private pieces: Array<Uint8Array> = []
  private small = new Uint8Array(0)
  private length = 0
  private total = 0

  get isFull(): boolean {
    return this.total >= BLOCK
  }

  push(bytes: Uint8Array): void {
    this.total += bytes.length
    if (bytes.length >= SMALL) {
      this.flush()
      this.pieces.push(bytes)
      return
    }
    if (this.length + bytes.length > this.small.length) {
      this.flush()
      this.small = new Uint8Array(BLOCK / 4)
    }
    this.small.set(bytes, this.length)
    this.length += bytes.length
  }

  take(): Arr.NonEmptyReadonlyArray<Uint8Array> {
    this.flush()
    const taken = this.pieces as unknown as Arr.NonEmptyReadonlyArray<Uint8Array>
    this.pieces = []
    this.total = 0
    return taken
  }

  private flush(): void {
    if (this.length > 0) this.pieces.push(this.small.subarray(0, this.length))
    this.small = this.small.subarray(this.length)
    this.length = 0
  }
}

const SMALL = 1 << 16
