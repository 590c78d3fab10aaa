// Maps to snapshots: planned first, then written in one pass from start to end, checksums along the way.
import type * as Arr from "effect/Array"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { ByteSource } from "../../ByteSource.ts"
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
  type Layout,
  layOut,
  MOST_SEGMENTS,
  NO_PERMISSIONS
} from "./layout.ts"
import { type Absence, encodeDescription, encodeSeal, note, NOTE_HEADER, padded, SEAL, words } from "./notes.ts"
import { isZeros } from "../source/source.ts"
import { xxh32 } from "../base/xxh32.ts"

/** Descriptors of notes are kept below this, far from the 4 GiB that their size fields can say. */
export const LARGEST_NOTE = 2 ** 31

/** Everything that is known before the first byte of data is read. */
export interface Plan {
  readonly layout: Layout
  readonly header: Uint8Array
  readonly size: bigint
  readonly sources: ReadonlyArray<{ readonly source: ByteSource; readonly offset: bigint }>
  /** The notes, once all checksums are there. */
  readonly notes: (checksums: ReadonlyArray<number>) => Uint8Array
}

const flagsOf = (permissions: Permissions | undefined): number =>
  permissions === undefined
    ? NO_PERMISSIONS
    : (permissions.read ? 4 : 0) + (permissions.write ? 2 : 0) + (permissions.execute ? 1 : 0)

const refuse = (why: string) => new ImageError({ path: "the map", format: FORMAT, reason: "Unwritable", why })

export const plan = (map: MemoryMapImpl): Effect.Effect<Plan, ImageError> =>
  Effect.suspend(() => {
    const shown = Array.from(segments(map))
    if (shown.length === 0) return refuse("the map holds no bytes")
    if (shown.length > MOST_SEGMENTS) {
      return refuse(`${shown.length} segments are more than the ${MOST_SEGMENTS} that a snapshot can hold`)
    }
    const entries: Array<Entry> = shown.map(({ mapping, range }) => ({
      start: range.start,
      size: range.end - range.start,
      flags: flagsOf(mapping.permissions)
    }))
    const absent: Array<Absence> = []
    for (const { range, reason } of holes(map)) if (reason !== undefined) absent.push({ ...range, reason })
    const fileEndian = map.endian ?? "little"
    const description = encodeDescription(
      {
        wordSize: map.wordSize,
        endian: map.endian,
        segments: shown.map(({ mapping }) => ({
          name: mapping.name,
          hasPermissions: mapping.permissions !== undefined
        })),
        absent
      },
      fileEndian
    )
    const blocks = entries.reduce((sum, entry) => sum + blocksOf(entry.size), 0)
    if (4 * blocks > LARGEST_NOTE || description.length > LARGEST_NOTE) {
      return refuse("the map is too large for one snapshot")
    }
    const layout = layOut(entries)
    const noteSize = 3 * NOTE_HEADER + SEAL + padded(description.length) + 4 * blocks
    const header = encodeHeader(layout, fileEndian, noteSize)
    return Effect.succeed({
      layout,
      header,
      size: layout.noteOffset + BigInt(noteSize),
      sources: shown.map(({ mapping, offset }) => ({ source: mapping.source, offset })),
      notes: (checksums) => {
        const sums = words(checksums, fileEndian)
        const seal = { header: xxh32(header), map: xxh32(description), checksums: xxh32(sums) }
        return Bytes.concat([
          encodeSeal(seal, fileEndian),
          note("map", description, fileEndian),
          note("checksums", sums, fileEndian)
        ])
      }
    })
  })

/** All zero, shared, never to be written to; isHole knows it without looking. */
const zeros = new Uint8Array(BLOCK)

/** True for bytes that are zero because they come from nowhere: padding and sources of zeros. */
const isHole = (bytes: Uint8Array): boolean => bytes.buffer === zeros.buffer

let zeroSum: number | undefined

/** The checksum of a block; zeros are summed once. */
const sumOf = (bytes: Uint8Array): number =>
  isHole(bytes) && bytes.length === BLOCK ? (zeroSum ??= xxh32(bytes)) : xxh32(bytes)

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

/** Bytes after which a stream lets others have the event loop. */
const TURN = 4 << 20

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
      const checksums: Array<number> = []
      const gathered = new Gatherer()
      let index = 0
      let within = 0n
      let reached = 0n
      let sinceTurn = 0
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
          for (const part of cut(plan.notes(checksums))) gathered.push(part)
          reached = size
          done = true
          return Effect.void
        }
        const { offset, source } = sources[index]!
        const left = entry.size - within
        const length = left < BLOCK ? Number(left) : BLOCK
        return Effect.map(block(source, offset + within, length, allocate), (bytes) => {
          checksums.push(sumOf(bytes))
          gathered.push(bytes)
          reached += BigInt(length)
          within += BigInt(length)
          if (within === entry.size) {
            index++
            within = 0n
          }
        })
      })

      const pull = Effect.suspend((): Pieces => {
        if (done) return Cause.done()
        if (reached === 0n) {
          for (const part of cut(header)) gathered.push(part)
          reached = BigInt(header.length)
        }
        return Effect.flatMap(
          Effect.whileLoop({ while: () => !done && !gathered.isFull, body: () => step, step: () => {} }),
          () => {
            const taken = gathered.take()
            sinceTurn += BLOCK
            if (sinceTurn < TURN) return Effect.succeed(taken)
            sinceTurn = 0
            return Effect.as(Effect.yieldNow, taken)
          }
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
