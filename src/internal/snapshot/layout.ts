// Where everything lies in a snapshot (docs/reference/snapshot-format.md). The layout follows from the list of segments
// alone, so a reader checks a file by laying it out anew.
import { isRest, type Work } from "../base/turns.ts"
import type { Endian } from "../../MachineModel.ts"

export const FORMAT = "snapshot"

/** The version of the format that is written, and the only one that is read. */
export const VERSION = 1

export const ELF_HEADER = 64
export const PROGRAM_HEADER = 56
const SECTION_HEADER = 64

/** More segments than this are neither written nor read; their headers alone take a GiB. */
export const MOST_SEGMENTS = 1 << 24

/** From this count of program headers on, the real count stands in a section header (PN_XNUM of the ELF specification). */
export const PN_XNUM = 0xffff

/** Segments of at least a page lie in the file as they do in memory, modulo this. */
const PAGE = 4096n

/** Bytes that share a checksum. */
export const BLOCK = 1 << 20

/**
 * The most bytes in the descriptor of a note: well below the 4 GiB that its size field can say, and below what one read of
 * a file can give. Four bytes for each block of data make that 256 TiB of data.
 */
export const LARGEST_NOTE = 2 ** 30

const ET_CORE = 4
const PT_LOAD = 1
const PT_NOTE = 4

/**
 * "effectmm" in p_paddr of the notes, which no reader of ELF files looks at: damage to the notes at the end of a snapshot,
 * or their loss, must not turn it into just another core file.
 */
export const MARK = new TextEncoder().encode("effectmm")
export const MARK_AT = ELF_HEADER + 24

/** What a segment of unknown permissions says, and the note: readable. */
export const NO_PERMISSIONS = 4

/** Only a hint to other tools that addresses have 64 bits; what is known of the machine stands in the notes. */
const EM_X86_64 = 62
const EM_PPC64 = 21

/** A segment as the file describes it. `flags` are those of ELF: 4 read, 2 write, 1 execute. */
export interface Entry {
  readonly start: bigint
  readonly size: bigint
  readonly flags: number
}

export interface Layout {
  readonly entries: ReadonlyArray<Entry>
  /** Where the bytes of each entry begin. */
  readonly offsets: ReadonlyArray<bigint>
  readonly headerSize: number
  readonly noteOffset: bigint
}

const needsSection = (segments: number): boolean => segments + 1 >= PN_XNUM

export const headerSizeOf = (segments: number): number =>
  ELF_HEADER + (segments + 1) * PROGRAM_HEADER + (needsSection(segments) ? SECTION_HEADER : 0)

export const blocksOf = (size: bigint): number => Number((size + BigInt(BLOCK) - 1n) / BigInt(BLOCK))

const alignOf = (entry: Entry): bigint => (entry.size < PAGE ? 1n : PAGE)

/** Lays the entries, ascending and apart, one after the other. */
export function* layOut(entries: ReadonlyArray<Entry>): Work<Layout> {
  const headerSize = headerSizeOf(entries.length)
  const offsets: Array<bigint> = []
  let reached = BigInt(headerSize)
  for (const entry of entries) {
    if (isRest(offsets.length)) yield
    const align = alignOf(entry)
    const offset = reached + ((((entry.start - reached) % align) + align) % align)
    offsets.push(offset)
    reached = offset + entry.size
  }
  return { entries, offsets, headerSize, noteOffset: reached + (-reached & 7n) }
}

/** The ELF header, the program headers, and the section header if there is one. */
export function* encodeHeader(layout: Layout, endian: Endian, noteSize: number): Work<Uint8Array> {
  const { entries, headerSize, noteOffset, offsets } = layout
  const bytes = new Uint8Array(headerSize)
  const view = new DataView(bytes.buffer)
  const little = endian === "little"
  const count = entries.length + 1
  const extended = needsSection(entries.length)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1])
  view.setUint16(16, ET_CORE, little)
  view.setUint16(18, little ? EM_X86_64 : EM_PPC64, little)
  view.setUint32(20, 1, little)
  view.setBigUint64(32, BigInt(ELF_HEADER), little)
  view.setUint16(52, ELF_HEADER, little)
  view.setUint16(54, PROGRAM_HEADER, little)
  view.setUint16(56, extended ? PN_XNUM : count, little)
  if (extended) {
    const section = headerSize - SECTION_HEADER
    view.setBigUint64(40, BigInt(section), little)
    view.setUint16(58, SECTION_HEADER, little)
    view.setUint16(60, 1, little)
    view.setUint32(section + 44, count, little)
  }
  const program = (
    index: number,
    type: number,
    flags: number,
    offset: bigint,
    address: bigint,
    size: bigint,
    memory: bigint,
    align: bigint
  ) => {
    const at = ELF_HEADER + index * PROGRAM_HEADER
    view.setUint32(at, type, little)
    view.setUint32(at + 4, flags, little)
    const fields = [offset, address, address, size, memory, align]
    for (let i = 0; i < fields.length; i++) view.setBigUint64(at + 8 + 8 * i, fields[i]!, little)
  }
  program(0, PT_NOTE, NO_PERMISSIONS, noteOffset, 0n, BigInt(noteSize), 0n, 4n)
  bytes.set(MARK, MARK_AT)
  for (let i = 0; i < entries.length; i++) {
    if (isRest(i)) yield
    const entry = entries[i]!
    program(i + 1, PT_LOAD, entry.flags, offsets[i]!, entry.start, entry.size, entry.size, alignOf(entry))
  }
  return bytes
}
