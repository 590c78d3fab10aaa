// The notes of a snapshot (docs/reference/snapshot-format.md, "Notes"): a seal over everything that is not data, the
// description of the map, and the checksums of the data.
import { isRest, type Work } from "../base/turns.ts"
import * as Bytes from "effect/Bytes"
import type { AddressRange } from "../../AddressRange.ts"
import type { Endian, WordSize } from "../../MachineModel.ts"
import { END, hex } from "../base/numbers.ts"
import { VERSION } from "./layout.ts"

const OWNER = new TextEncoder().encode("effect-memory-map\0")

/** Types of notes: "mm", and which one. */
const TYPES = { seal: 0x6d6d_0001, map: 0x6d6d_0002, checksums: 0x6d6d_0003 } as const
export type NoteType = keyof typeof TYPES

/** Size of the three words, the owner and its padding that come before the descriptor of a note. */
export const NOTE_HEADER = 32

export const padded = (length: number): number => length + (-length & 3)

/** What comes before the descriptor of a note. */
export const noteHeader = (type: NoteType, length: number, endian: Endian): Uint8Array => {
  const bytes = new Uint8Array(NOTE_HEADER)
  const view = new DataView(bytes.buffer)
  const little = endian === "little"
  view.setUint32(0, OWNER.length, little)
  view.setUint32(4, length, little)
  view.setUint32(8, TYPES[type], little)
  bytes.set(OWNER, 12)
  return bytes
}

/** A note in three parts: what comes before the descriptor, the descriptor, and its padding. */
export const note = (type: NoteType, descriptor: Uint8Array, endian: Endian): ReadonlyArray<Uint8Array> => [
  noteHeader(type, descriptor.length, endian),
  descriptor,
  new Uint8Array(padded(descriptor.length) - descriptor.length)
]

/** Sums over the headers, the map note and the checksums note. */
export interface Seal {
  readonly header: number
  readonly map: number
  readonly checksums: number
}

/** Size of the descriptor of the seal: version and three sums. */
export const SEAL = 16

export const encodeSeal = (seal: Seal, endian: Endian): Uint8Array => {
  const bytes = new Uint8Array(SEAL)
  const view = new DataView(bytes.buffer)
  const values = [VERSION, seal.header, seal.map, seal.checksums]
  values.forEach((value, i) => view.setUint32(4 * i, value, endian === "little"))
  return Bytes.concat(note("seal", bytes, endian))
}

/** A segment in the description: its name, and whether the flags in its program header mean anything. */
export interface Described {
  readonly name: string
  readonly hasPermissions: boolean
}

export interface Absence extends AddressRange {
  readonly reason: string
}

export interface Description {
  readonly wordSize: WordSize | undefined
  readonly endian: Endian | undefined
  readonly segments: ReadonlyArray<Described>
  readonly absent: ReadonlyArray<Absence>
}

const endianCodes: ReadonlyArray<Endian | undefined> = [undefined, "little", "big"]
const wordSizeCodes: ReadonlyArray<WordSize | undefined> = [undefined, 32, 64]
const HAS_PERMISSIONS = 0x8000_0000

/** Numbers the distinct texts in order of appearance. */
function* tableOf(segments: ReadonlyArray<Described>, absent: ReadonlyArray<Absence>): Work<Map<string, number>> {
  const table = new Map<string, number>()
  const add = (text: string) => {
    if (!table.has(text)) table.set(text, table.size)
  }
  for (let i = 0; i < segments.length; i++) {
    if (isRest(i)) yield
    add(segments[i]!.name)
  }
  for (let i = 0; i < absent.length; i++) {
    if (isRest(i)) yield
    add(absent[i]!.reason)
  }
  return table
}

/** Size in bytes of the fixed part: word size, byte order, counts of texts, segments and absent ranges. */
const FIXED = 20

export function* encodeDescription(description: Description, fileEndian: Endian): Work<Uint8Array> {
  const { absent, endian, segments, wordSize } = description
  const little = fileEndian === "little"
  const table = yield* tableOf(segments, absent)
  const texts: Array<Uint8Array> = []
  let size = 0
  for (const text of table.keys()) {
    if (isRest(texts.length)) yield
    const bytes = new TextEncoder().encode(text)
    texts.push(bytes)
    size += 4 + bytes.length
  }
  const bytes = new Uint8Array(FIXED + 20 * absent.length + 4 * segments.length + size)
  const view = new DataView(bytes.buffer)
  const counts = [
    wordSizeCodes.indexOf(wordSize),
    endianCodes.indexOf(endian),
    absent.length,
    segments.length,
    texts.length
  ]
  counts.forEach((count, i) => view.setUint32(4 * i, count, little))
  let at = FIXED
  let steps = 0
  for (const { end, reason, start } of absent) {
    if (isRest(steps++)) yield
    view.setBigUint64(at, start, little)
    view.setBigUint64(at + 8, end - 1n, little)
    view.setUint32(at + 16, table.get(reason)!, little)
    at += 20
  }
  for (const { hasPermissions, name } of segments) {
    if (isRest(steps++)) yield
    view.setUint32(at, table.get(name)! + (hasPermissions ? HAS_PERMISSIONS : 0), little)
    at += 4
  }
  for (const text of texts) {
    if (isRest(steps++)) yield
    view.setUint32(at, text.length, little)
    bytes.set(text, at + 4)
    at += 4 + text.length
  }
  return bytes
}

/** The description, or why the bytes are none, in words. Nothing is allocated that the bytes do not pay for. */
export function* decodeDescription(bytes: Uint8Array, fileEndian: Endian): Work<Description | string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = fileEndian === "little"
  if (bytes.length < FIXED) return "the description of the map is cut short"
  const field = (index: number) => view.getUint32(4 * index, little)
  const [wordSize, endian, absences, count, textCount] = [field(0), field(1), field(2), field(3), field(4)]
  if (wordSize > 2 || endian > 2) return "the description of the map has an unknown word size or byte order"
  const textsAt = FIXED + 20 * absences + 4 * count
  if (textsAt + 4 * textCount > bytes.length) return "the description of the map counts more than it holds"
  const texts: Array<string> = []
  let at = textsAt
  for (let i = 0; i < textCount; i++) {
    if (isRest(i)) yield
    const length = at + 4 <= bytes.length ? view.getUint32(at, little) : 0
    if (at + 4 + length > bytes.length) return "a text of the description reaches past its end"
    texts.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  const absent: Array<Absence> = []
  for (let i = 0; i < absences; i++) {
    if (isRest(i)) yield
    const start = view.getBigUint64(FIXED + 20 * i, little)
    const end = view.getBigUint64(FIXED + 20 * i + 8, little) + 1n
    const reason = texts[view.getUint32(FIXED + 20 * i + 16, little)]
    if (reason === undefined || start >= end || end > END) return `the absent range at ${hex(start)} is none`
    absent.push({ start, end, reason })
  }
  const segments: Array<Described> = []
  for (let i = 0; i < count; i++) {
    if (isRest(i)) yield
    const word = view.getUint32(FIXED + 20 * absences + 4 * i, little)
    const name = texts[word % HAS_PERMISSIONS]
    if (name === undefined) return `segment ${i} has a name that is not there`
    segments.push({ name, hasPermissions: word >= HAS_PERMISSIONS })
  }
  return { wordSize: wordSizeCodes[wordSize], endian: endianCodes[endian], segments, absent }
}
