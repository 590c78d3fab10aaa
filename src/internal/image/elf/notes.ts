// Notes: System V ABI (gABI), chapter 5, "Note Section"; their contents as Linux writes them, fs/binfmt_elf.c (core dumps),
// kernel/vmcore_info.c (VMCOREINFO). A note that lies is a problem to list, never a reason not to read memory.
import * as Effect from "effect/Effect"
import type { AuxiliaryEntry, ElfNote, FileMapping } from "../../../image/Elf.ts"
import type { Header, ImageReader } from "../headers.ts"
import { OWNER as QEMU, processorState } from "../qemu.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { slice } from "../../source/source.ts"
import { type ElfHeader, word } from "./header.ts"
import { auxiliaryNames, processLayout, statusLayout } from "./machine.ts"
import type { ElfNotePlace } from "./segments.ts"

type Common = Pick<ElfNote, "owner" | "type" | "description">

type Contents<Note> = Note extends ElfNote ? Omit<Note, keyof Common> : never

/** A decoder's answer: the contents, `undefined` for a layout it does not know, or what is wrong, in words. */
type Decoded = Contents<ElfNote> | undefined | string

const decoder = new TextDecoder()

/** The text before the first NUL. */
const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

const threadStatus = (note: Header, elf: ElfHeader): Decoded => {
  const layout = statusLayout(elf.machine, note.bytes.length)
  if (layout === undefined) return undefined
  const { registerSize, registers, registersAt } = layout
  return {
    _tag: "ThreadStatus",
    thread: note.u32(layout.pid),
    signal: note.u16(layout.signal),
    registers: Object.fromEntries(
      registers.map((name, i) => [name, word(note, registersAt + i * registerSize, registerSize)])
    )
  }
}

const processInfo = (note: Header): Decoded => {
  const layout = processLayout(note.bytes.length)
  return (
    layout && {
      _tag: "ProcessInfo",
      process: note.u32(layout.pid),
      name: text(note.bytes.subarray(layout.name, layout.args)),
      arguments: text(note.bytes.subarray(layout.args)).trimEnd()
    }
  )
}

const auxiliaryVector = (note: Header, elf: ElfHeader): Decoded => {
  const size = elf.fileClass === 32 ? 4 : 8
  const entries: Array<AuxiliaryEntry> = []
  for (let at = 0; at + 2 * size <= note.bytes.length; at += 2 * size) {
    const type = word(note, at, size)
    if (type === 0n) break
    entries.push({ type, name: auxiliaryNames[Number(type)], value: word(note, at + size, size) })
  }
  return { _tag: "AuxiliaryVector", entries }
}

const fileMappings = (note: Header, elf: ElfHeader): Decoded => {
  const size = elf.fileClass === 32 ? 4 : 8
  const { bytes } = note
  if (bytes.length < 2 * size) return `NT_FILE takes ${bytesText(2 * size)} or more, this one has ${bytes.length}`
  const count = word(note, 0, size)
  const pageSize = word(note, size, size)
  if (count * BigInt(3 * size) > bytes.length - 2 * size) {
    return `NT_FILE lists ${count} files, more than its ${bytesText(bytes.length)} hold`
  }
  const files: Array<FileMapping> = []
  let path = (2 + 3 * Number(count)) * size
  for (let i = 0; i < Number(count); i++) {
    const at = (2 + 3 * i) * size
    const end = bytes.indexOf(0, path)
    if (end < 0) return `NT_FILE lists ${count} files and names ${i}`
    const range = { start: word(note, at, size), end: word(note, at + size, size) }
    if (range.end < range.start) return `NT_FILE: file ${i} ends at ${hex(range.end)}, before it starts`
    files.push({
      range,
      offset: word(note, at + 2 * size, size) * pageSize,
      path: decoder.decode(bytes.subarray(path, end))
    })
    path = end + 1
  }
  return { _tag: "FileMappings", pageSize, files }
}

const vmcoreInfo = (note: Header): Decoded => {
  const values = new Map<string, string>()
  for (const line of text(note.bytes).split("\n")) {
    const equals = line.indexOf("=")
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1))
  }
  return { _tag: "VmcoreInfo", values }
}

const qemuState = (note: Header): Decoded => {
  const state = processorState(note)
  return typeof state === "object" ? { _tag: "ProcessorState", ...state } : state
}

const linuxDecoders: Readonly<Record<number, typeof threadStatus>> = {
  1: threadStatus,
  3: processInfo,
  6: auxiliaryVector,
  0x46494c45: fileMappings
}

const decoderOf = (
  owner: string,
  type: number,
  elf: ElfHeader
): ((note: Header, elf: ElfHeader) => Decoded) | undefined => {
  if (elf.type !== "core") return undefined
  if (owner === "VMCOREINFO") return vmcoreInfo
  if (owner === QEMU && type === 0 && isX86(elf.machine)) return qemuState
  if (owner !== "CORE") return undefined
  return linuxDecoders[type]
}

/** e_machine of i386 and of x86-64. */
const isX86 = (machine: number): boolean => machine === 3 || machine === 62

/** Bounds on what is read and kept: Linux writes far less, and a file that lies takes no more. */
const MOST_NOTES = 1 << 18
const MOST_PROBLEMS = 64
const MOST_BYTES = 1n << 25n
const LONGEST_OWNER = 256

const alignUp = (value: bigint, align: bigint): bigint => (value + align - 1n) & -align

class NoteReader {
  readonly notes: Array<ElfNote> = []
  readonly problems: Array<string> = []
  private bytesLeft: bigint
  private readonly reader: ImageReader
  private readonly elf: ElfHeader

  constructor(reader: ImageReader, elf: ElfHeader) {
    this.reader = reader
    this.elf = elf
    // No file decodes to more than itself, unless its places overlap.
    this.bytesLeft = reader.source.size < MOST_BYTES ? reader.source.size : MOST_BYTES
  }

  get full(): boolean {
    return this.notes.length >= MOST_NOTES || this.problems.length >= MOST_PROBLEMS
  }

  problem(at: bigint, why: string): void {
    this.problems.push(`notes, offset ${hex(at)}: ${why}`)
  }

  readonly readPlace = Effect.fnUntraced({ self: this }, function* ({ align, offset, size }: ElfNotePlace) {
    const { elf, reader } = this
    const end = offset + size
    let at = offset
    // What is left after the last note is padding.
    while (at + 12n <= end) {
      if (this.full) return this.problem(at, "too many notes, or too much wrong with them: the rest is not read")
      const header = yield* reader.header("a note", at, 12, elf.endian)
      // Linux ends the notes of a kernel dump so, and pads what follows with zeros.
      if (header.bytes.every((byte) => byte === 0)) return
      const ownerSize = BigInt(header.u32(0))
      const length = BigInt(header.u32(4))
      const start = at + alignUp(12n + ownerSize, align)
      if (ownerSize > LONGEST_OWNER) return this.problem(at, `n_namesz ${ownerSize} is more than ${LONGEST_OWNER}`)
      if (start + length > end || !reader.holds(start, length)) {
        return this.problem(at + 4n, `n_descsz ${hex(length)} reaches past the end of the notes or of the file`)
      }
      const owner = text(yield* reader.bytes("the owner of a note", at + 12n, Number(ownerSize)))
      yield* this.readNote({ owner, type: header.u32(8), description: slice(reader.source, start, length) }, start)
      at = start + alignUp(length, align)
    }
  })

  private readonly readNote = Effect.fnUntraced({ self: this }, function* (note: Common, start: bigint) {
    const { elf, reader } = this
    const size = note.description.size
    const decode = decoderOf(note.owner, note.type, elf)
    let decoded: Decoded = undefined
    if (decode !== undefined && size > this.bytesLeft) decoded = `${hex(size)} more bytes of notes are not read`
    else if (decode !== undefined) {
      this.bytesLeft -= size
      decoded = decode(yield* reader.header("the description of a note", start, Number(size), elf.endian), elf)
    }
    if (typeof decoded === "string") this.problem(start, decoded)
    this.notes.push({ ...note, ...(typeof decoded === "object" ? decoded : { _tag: "Other" }) })
  })
}

export interface Notes {
  readonly notes: ReadonlyArray<ElfNote>
  readonly problems: ReadonlyArray<string>
}

/** Every note in `places`. A note that lies about its size ends the reading of its place, for the next cannot be found. */
export const readNotes = Effect.fnUntraced(function* (
  reader: ImageReader,
  elf: ElfHeader,
  places: ReadonlyArray<ElfNotePlace>
) {
  const notes = new NoteReader(reader, elf)
  for (const place of places) {
    if (notes.full) break
    const read = notes.readPlace(place)
    yield* Effect.catchTag(read, "ImageError", (error) =>
      Effect.sync(() => notes.problem(error.offset ?? place.offset, error.why))
    )
  }
  return notes satisfies Notes
})
