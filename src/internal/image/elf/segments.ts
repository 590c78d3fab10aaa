// Program headers: System V ABI (gABI), chapter 5 "Program Loading", section "Program Header".
import * as Effect from "effect/Effect"
import type { ElfSegment } from "../../../image/Elf.ts"
import type { Permissions } from "../../../Mapping.ts"
import type { Header, ImageReader } from "../headers.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { type ElfHeader, word } from "./header.ts"

const PT_LOAD = 1
const PT_NOTE = 4

/** A PT_NOTE entry: where notes are, unchecked, and to what their parts are aligned. */
export interface ElfNotePlace {
  readonly index: number
  readonly offset: bigint
  readonly size: bigint
  readonly align: 4n | 8n
}

interface Fields {
  readonly flags: number
  readonly offset: number
  readonly virtualAddress: number
  readonly physicalAddress: number
  readonly fileSize: number
  readonly memorySize: number
  readonly align: number
}

const fields: Readonly<Record<32 | 64, Fields>> = {
  32: { flags: 24, offset: 4, virtualAddress: 8, physicalAddress: 12, fileSize: 16, memorySize: 20, align: 28 },
  64: { flags: 4, offset: 8, virtualAddress: 16, physicalAddress: 24, fileSize: 32, memorySize: 40, align: 48 }
}

/** Program headers read at a time. */
const BLOCK = 1 << 14

/** The segments and notes of a file, in the order of its program headers. */
export const readSegments = Effect.fnUntraced(function* (reader: ImageReader, elf: ElfHeader, addresses: Addresses) {
  const segments: Array<ElfSegment> = []
  const notes: Array<ElfNotePlace> = []
  const { count, offset, size } = elf.programHeaders
  for (let first = 0; first < count; first += BLOCK) {
    const length = Math.min(BLOCK, count - first)
    const start = offset + BigInt(first * size)
    const table = yield* reader.header("the program headers", start, length * size, elf.endian)
    for (let i = 0; i < length; i++) {
      const type = table.u32(i * size)
      if (type === PT_NOTE) notes.push(noteAt(table, i * size, first + i, elf.fileClass))
      if (type !== PT_LOAD) continue
      const segment = segmentAt(table, i * size, first + i, elf.fileClass)
      if (segment.memorySize === 0n && segment.fileSize === 0n) continue
      const wrong = refusal(segment, elf.fileClass, addresses)
      if (wrong !== undefined)
        return yield* table.refuse(i * size + wrong.at, `program header ${first + i}: ${wrong.why}`)
      segments.push(segment)
    }
    yield* Effect.yieldNow
  }
  return { segments, notes }
})

export type Addresses = "virtual" | "physical"

const segmentAt = (table: Header, at: number, index: number, fileClass: 32 | 64): ElfSegment => {
  const field = fields[fileClass]
  const size = fileClass === 32 ? 4 : 8
  const flags = table.u32(at + field.flags)
  return {
    index,
    offset: word(table, at + field.offset, size),
    fileSize: word(table, at + field.fileSize, size),
    memorySize: word(table, at + field.memorySize, size),
    virtualAddress: word(table, at + field.virtualAddress, size),
    physicalAddress: word(table, at + field.physicalAddress, size),
    permissions: permissions[flags & 7]!
  }
}

/** By the lowest bits of p_flags: PF_X, PF_W, PF_R. */
const permissions: ReadonlyArray<Permissions> = Array.from({ length: 8 }, (_, flags) => ({
  read: (flags & 4) !== 0,
  write: (flags & 2) !== 0,
  execute: (flags & 1) !== 0
}))

/** Notes lie on 4-byte borders, whatever p_align says, unless it says 8. */
const noteAt = (table: Header, at: number, index: number, fileClass: 32 | 64): ElfNotePlace => {
  const field = fields[fileClass]
  const size = fileClass === 32 ? 4 : 8
  return {
    index,
    offset: word(table, at + field.offset, size),
    size: word(table, at + field.fileSize, size),
    align: word(table, at + field.align, size) === 8n ? 8n : 4n
  }
}

/** Which field of a PT_LOAD entry lies, and how. */
const refusal = (
  segment: ElfSegment,
  fileClass: 32 | 64,
  addresses: Addresses
): { readonly at: number; readonly why: string } | undefined => {
  const { fileSize, memorySize, offset } = segment
  const field = fields[fileClass]
  if (offset + fileSize > 1n << 64n) {
    return { at: field.offset, why: `p_offset ${hex(offset)} plus p_filesz ${hex(fileSize)} is more than 2^64` }
  }
  const [name, at, address] =
    addresses === "virtual"
      ? (["p_vaddr", field.virtualAddress, segment.virtualAddress] as const)
      : (["p_paddr", field.physicalAddress, segment.physicalAddress] as const)
  if (addresses === "physical" && !hasPhysicalAddress(segment, fileClass)) return undefined
  const [size, sizeName] = fileSize > memorySize ? [fileSize, "p_filesz"] : [memorySize, "p_memsz"]
  const beyond = address + size - (1n << BigInt(fileClass))
  return beyond > 0n
    ? {
        at,
        why: `${name} ${hex(address)} plus ${sizeName} ${hex(size)} is ${bytesText(beyond)} more than 2^${fileClass}`
      }
    : undefined
}

/** Where in the file the program header of this index is. */
export const headerOffset = ({ programHeaders: { offset, size } }: ElfHeader, index: number): bigint =>
  offset + BigInt(index) * BigInt(size)

/** p_paddr is all ones where there is none: Linux fs/proc/kcore.c, makedumpfile. */
export const hasPhysicalAddress = (segment: ElfSegment, fileClass: 32 | 64): boolean =>
  segment.physicalAddress !== (1n << BigInt(fileClass)) - 1n
