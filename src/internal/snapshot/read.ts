// Snapshots to maps. Everything but the data is checked when a file is opened: its sums against the seal, and its layout
// by laying out the same segments anew.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { Endian } from "../../MachineModel.ts"
import type { AddAllEntry, Mapped } from "../../MemoryMap.ts"
import type { ImageError, SourceError } from "../../MemoryMapError.ts"
import { build, withModel } from "../map/build.ts"
import { ImageReader } from "../image/headers.ts"
import { END, hex } from "../base/numbers.ts"
import {
  BLOCK,
  blocksOf,
  ELF_HEADER,
  encodeHeader,
  type Entry,
  FORMAT,
  headerSizeOf,
  LARGEST_NOTE,
  type Layout,
  layOut,
  MARK,
  MARK_AT,
  MOST_SEGMENTS,
  NO_PERMISSIONS,
  PN_XNUM,
  PROGRAM_HEADER,
  VERSION
} from "./layout.ts"
import { decodeDescription, type Description, NOTE_HEADER, noteHeader, type NoteType, padded, SEAL } from "./notes.ts"
import { isZero } from "../source/outfile.ts"
import { breathe, inTurns, isRest, type Work } from "../base/turns.ts"
import { slice } from "../source/source.ts"
import { hasher, summing, xxh32 } from "../base/xxh32.ts"

/** A snapshot whose headers and notes were checked. */
interface Checked {
  readonly reader: ImageReader
  readonly endian: Endian
  readonly layout: Layout
  readonly description: Description
  /** Where the checksums of the data lie, how many bytes they take, and their own sum. */
  readonly checksums: { readonly offset: bigint; readonly length: number; readonly sum: number }
}

type Read<A> = Effect.Effect<A, ImageError | SourceError>

/** The byte order, the headers' first bytes and the place of the notes, when either of its two signs says snapshot. */
const identify = Effect.fnUntraced(function* (reader: ImageReader) {
  const head = yield* reader.head(ELF_HEADER + PROGRAM_HEADER)
  if (head.length < ELF_HEADER + PROGRAM_HEADER || !Bytes.Equivalence(head.subarray(0, 5), ELF64)) return undefined
  const endian: Endian = head[5] === 2 ? "big" : "little"
  const header = yield* reader.header("the ELF header", 0n, ELF_HEADER + PROGRAM_HEADER, endian)
  const noteOffset = header.u64(ELF_HEADER + 8)
  const isSealed =
    reader.holds(noteOffset, BigInt(NOTE_HEADER + SEAL)) &&
    Bytes.Equivalence(yield* reader.bytes("the seal", noteOffset, NOTE_HEADER), noteHeader("seal", SEAL, endian))
  const isMarked = Bytes.Equivalence(head.subarray(MARK_AT, MARK_AT + MARK.length), MARK)
  return isSealed || isMarked ? { endian, header, noteOffset, isSealed } : undefined
})

const ELF64 = new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2])

/** True when the source is an ELF file that bears the mark of a snapshot, of any version, or its seal. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  identify(new ImageReader(source, FORMAT)).pipe(
    Effect.catchTag("ImageError", () => Effect.undefined),
    Effect.map((found) => found !== undefined)
  )

const check = Effect.fnUntraced(function* (source: ByteSource) {
  const reader = new ImageReader(source, FORMAT)
  const found = yield* identify(reader)
  if (found === undefined) {
    return yield* reader.refuse(0n, "this is no snapshot, or one that is cut short or damaged")
  }
  const { endian, header, isSealed, noteOffset } = found
  if (!isSealed) {
    const why = reader.holds(noteOffset, BigInt(NOTE_HEADER + SEAL))
      ? `the snapshot is damaged: what lies at ${hex(noteOffset)} is not its seal`
      : `the snapshot is cut short: its notes should be at ${hex(noteOffset)}, the file ends at ${hex(source.size)}`
    return yield* header.refuse(
      ELF_HEADER + 8,
      why,
      reader.holds(noteOffset, BigInt(NOTE_HEADER + SEAL)) ? "Malformed" : "CutShort"
    )
  }
  const seal = yield* reader.header("the seal", noteOffset + BigInt(NOTE_HEADER), SEAL, endian)
  if (seal.u32(0) !== VERSION) {
    return yield* seal.refuse(
      0,
      `version ${seal.u32(0)} is not known here, only ${VERSION}: use a newer release`,
      "Unsupported"
    )
  }
  const short = header.u16(56)
  const sectionAt = header.u64(40)
  const count =
    short < PN_XNUM ? short : (yield* reader.header("the section header", sectionAt, ELF_HEADER, endian)).u32(44)
  if (count < 2 || count - 1 > MOST_SEGMENTS) {
    return yield* header.refuse(56, `program headers: ${count} is not possible`)
  }
  const sums = yield* hasher
  const headers = yield* reader.bytes("the program headers", 0n, headerSizeOf(count - 1))
  if ((yield* inTurns(() => summing(sums, headers))) !== seal.u32(4)) {
    return yield* reader.refuse(0n, "the headers do not match their checksum")
  }
  const map = yield* readNote(reader, "map", noteOffset + BigInt(NOTE_HEADER + SEAL), endian)
  if ((yield* inTurns(() => summing(sums, map.bytes))) !== seal.u32(8)) {
    return yield* reader.refuse(map.offset, "the description of the map does not match its checksum")
  }
  const description = yield* inTurns(() => decodeDescription(map.bytes, endian))
  if (typeof description === "string") return yield* reader.refuse(map.offset, description)
  const entries = yield* inTurns(() => entriesOf(headers, count - 1, endian === "little"))
  if (typeof entries === "string") return yield* reader.refuse(BigInt(ELF_HEADER), entries)
  const checksumsAt = map.offset + BigInt(padded(map.bytes.length))
  const notes = Number(checksumsAt - noteOffset) + NOTE_HEADER
  const read = { entries, headers, noteOffset, endian, description, notes }
  const { blocks, isLaidOut, layout } = yield* inTurns(() => compare(read))
  const noteSize = notes + 4 * blocks
  if (!isLaidOut) return yield* reader.refuse(0n, "the headers and the description of the map contradict each other")
  if (source.size !== noteOffset + BigInt(noteSize)) {
    return yield* reader.refuse(source.size, `the file should end at ${hex(noteOffset + BigInt(noteSize))}`)
  }
  yield* expectNote(reader, "checksums", checksumsAt, 4 * blocks, endian)
  const checksums = { offset: checksumsAt + BigInt(NOTE_HEADER), length: 4 * blocks, sum: seal.u32(12) }
  return { reader, endian, layout, description, checksums } satisfies Checked
})

/** Lays the segments out anew, and looks whether headers and description are what that would give. */
function* compare(read: {
  readonly entries: ReadonlyArray<Entry>
  readonly headers: Uint8Array
  readonly noteOffset: bigint
  readonly endian: Endian
  readonly description: Description
  /** Bytes of the notes in front of the checksums. */
  readonly notes: number
}) {
  const { description, endian, entries, headers, noteOffset, notes } = read
  let blocks = 0
  let isDescribed = description.segments.length === entries.length && endian === (description.endian ?? "little")
  for (let i = 0; i < entries.length; i++) {
    if (isRest(i)) yield
    const { flags, size } = entries[i]!
    blocks += blocksOf(size)
    isDescribed &&= description.segments[i]!.hasPermissions ? flags <= 7 : flags === NO_PERMISSIONS
  }
  const layout = yield* layOut(entries)
  const isLaidOut =
    isDescribed &&
    layout.noteOffset === noteOffset &&
    (yield* equal(headers, yield* encodeHeader(layout, endian, notes + 4 * blocks)))
  return { layout, blocks, isLaidOut }
}

/** Whether two arrays of the same length hold the same. */
function* equal(a: Uint8Array, b: Uint8Array): Work<boolean> {
  for (let at = 0; at < a.length; at += PIECE) {
    if (at > 0) yield
    if (!Bytes.Equivalence(a.subarray(at, at + PIECE), b.subarray(at, at + PIECE))) return false
  }
  return true
}

/** Bytes compared between two places where the work rests: a fraction of a millisecond. */
const PIECE = 1 << 16

const expectNote = (reader: ImageReader, type: NoteType, offset: bigint, length: number, endian: Endian): Read<void> =>
  Effect.flatMap(reader.bytes(`the ${type} note`, offset, NOTE_HEADER), (bytes) =>
    Bytes.Equivalence(bytes, noteHeader(type, length, endian))
      ? Effect.void
      : reader.refuse(offset, `this is not the ${type} note that should be here`)
  )

/** The descriptor of a note, and where it lies. */
const readNote = Effect.fnUntraced(function* (reader: ImageReader, type: NoteType, at: bigint, endian: Endian) {
  const length = (yield* reader.header(`the ${type} note`, at, NOTE_HEADER, endian)).u32(4)
  yield* expectNote(reader, type, at, length, endian)
  if (length > LARGEST_NOTE) return yield* reader.refuse(at, `the ${type} note is too large`, "TooLarge")
  const offset = at + BigInt(NOTE_HEADER)
  const bytes = yield* reader.bytes(`the ${type} note`, offset, padded(length))
  if (!isZero(bytes.subarray(length))) return yield* reader.refuse(offset + BigInt(length), "padding is not zero")
  return { offset, bytes: bytes.subarray(0, length) }
})

/** The segments of the program headers; or why they are none. */
function* entriesOf(headers: Uint8Array, count: number, little: boolean): Work<ReadonlyArray<Entry> | string> {
  const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength)
  const entries: Array<Entry> = []
  let reached = 0n
  for (let i = 0; i < count; i++) {
    if (isRest(i)) yield
    const at = ELF_HEADER + (i + 1) * PROGRAM_HEADER
    const start = view.getBigUint64(at + 16, little)
    const size = view.getBigUint64(at + 32, little)
    if (start < reached || size === 0n || start + size > END) {
      return `segment ${i} at ${hex(start)}, ${size} bytes, is empty, out of order or out of the address space`
    }
    reached = start + size
    entries.push({ start, size, flags: view.getUint32(at + 4, little) })
  }
  return entries
}

const permissionsOf = (flags: number) => ({
  read: (flags & 4) !== 0,
  write: (flags & 2) !== 0,
  execute: (flags & 1) !== 0
})

/** The map of a snapshot; reads no data. */
export const open = Effect.fnUntraced(function* (
  source: ByteSource
): Effect.fn.Return<Mapped, ImageError | SourceError> {
  const { description, layout, reader } = yield* check(source)
  const entries = yield* inTurns(function* () {
    const added: Array<AddAllEntry> = []
    for (const { flags, size, start } of layout.entries) {
      const i = added.length
      if (isRest(i)) yield
      const { hasPermissions, name } = description.segments[i]!
      const permissions = hasPermissions ? permissionsOf(flags) : undefined
      added.push({ source: slice(source, layout.offsets[i]!, size, name), address: start, name, permissions })
    }
    return added
  })
  const absences = description.absent.map(({ end, reason, start }) => ({ range: { start, end }, reason }))
  const bare = yield* Effect.mapError(build(entries, absences), (e) => reader.refuse(0n, e.message))
  return withModel(bare, description)
})

/** Checks every byte of a snapshot. `onBlock` hears how far into the file. */
export const verify = Effect.fnUntraced(function* (
  source: ByteSource,
  onBlock: (checked: bigint) => Effect.Effect<void>
): Effect.fn.Return<{ readonly segments: number; readonly bytes: bigint }, ImageError | SourceError> {
  const { checksums, description, endian, layout, reader } = yield* check(source)
  const checksum = yield* hasher
  const stored = yield* reader.bytes("the checksums", checksums.offset, checksums.length)
  if ((yield* inTurns(() => summing(checksum, stored))) !== checksums.sum) {
    return yield* reader.refuse(checksums.offset, "the checksums do not match their own checksum")
  }
  const sums = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  let next = 0
  let total = 0n
  let reached = BigInt(layout.headerSize)
  const padding = Effect.fnUntraced(function* (end: bigint) {
    const bytes = yield* reader.bytes("padding", reached, Number(end - reached))
    if (!isZero(bytes)) return yield* reader.refuse(reached, "padding between segments is not zero")
  })
  for (let i = 0; i < layout.entries.length; i++) {
    const { size, start } = layout.entries[i]!
    const offset = layout.offsets[i]!
    yield* padding(offset)
    for (let at = 0n; at < size; at += BigInt(BLOCK)) {
      const length = size - at < BLOCK ? Number(size - at) : BLOCK
      const bytes = yield* reader.bytes("a segment", offset + at, length)
      if (xxh32(checksum, bytes) !== sums.getUint32(4 * next++, endian === "little")) {
        const from = start + at
        return yield* reader.refuse(
          offset + at,
          `the bytes at ${hex(from)}-${hex(from + BigInt(length))} (${description.segments[i]!.name}) do not match their checksum`
        )
      }
      total += BigInt(length)
      yield* onBlock(offset + at + BigInt(length))
      yield* breathe
    }
    reached = offset + size
  }
  yield* padding(layout.noteOffset)
  yield* onBlock(source.size)
  return { segments: layout.entries.length, bytes: total }
})
