// The ELF header: System V ABI (gABI), chapter 4 "Object Files", sections "ELF Header" and "ELF Identification".
import * as Effect from "effect/Effect"
import type { ElfType } from "../../../image/Elf.ts"
import type { Endian, WordSize } from "../../../MachineModel.ts"
import { type Header, type ImageReader, MOST_PIECES } from "../headers.ts"
import { hex } from "../../base/numbers.ts"
import { isNarrowMachine } from "./machine.ts"

export const FORMAT = "elf"

export const MAGIC = new Uint8Array([0x7f, 0x45, 0x4c, 0x46])

/** Sizes and places of the fields whose width depends on the class. */
interface Layout {
  readonly word: 4 | 8
  readonly headerSize: number
  readonly phoff: number
  readonly shoff: number
  readonly phentsize: number
  readonly phnum: number
  readonly programHeaderSize: number
  /** Of a section header, and where it keeps sh_info. */
  readonly sectionHeaderSize: number
  readonly info: number
}

const layouts: Readonly<Record<WordSize, Layout>> = {
  32: {
    word: 4,
    headerSize: 52,
    phoff: 28,
    shoff: 32,
    phentsize: 42,
    phnum: 44,
    programHeaderSize: 32,
    sectionHeaderSize: 40,
    info: 28
  },
  64: {
    word: 8,
    headerSize: 64,
    phoff: 32,
    shoff: 40,
    phentsize: 54,
    phnum: 56,
    programHeaderSize: 56,
    sectionHeaderSize: 64,
    info: 44
  }
}

export interface ElfHeader {
  /** Whether fields of the file that hold addresses are 32 or 64 bits wide: ELFCLASS32, ELFCLASS64. */
  readonly fileClass: WordSize
  readonly wordSize: WordSize
  readonly endian: Endian
  readonly type: ElfType
  /** e_machine. */
  readonly machine: number
  readonly entry: bigint
  /** Where the program headers are, checked to be inside the file. */
  readonly programHeaders: { readonly offset: bigint; readonly count: number; readonly size: number }
}

/** e_phnum that says the true count is in section header 0: gABI since 2010, Linux elf(5), PN_XNUM. */
const PN_XNUM = 0xffff

/** A field as wide as the class. */
export const word = (header: Header, at: number, size: 4 | 8): bigint =>
  size === 4 ? BigInt(header.u32(at)) : header.u64(at)

const types: Readonly<Record<number, ElfType>> = { 2: "exec", 3: "dyn", 4: "core" }

const typeRefused = (type: number): string =>
  type === 1
    ? "e_type is ET_REL: an object file has no addresses before it is linked"
    : `e_type ${type} is neither a core (4), a program (2) nor a shared object (3)`

export const readHeader = Effect.fnUntraced(function* (reader: ImageReader) {
  const identification = yield* reader.header("e_ident", 0n, 16, "little")
  if (!MAGIC.every((byte, i) => identification.u8(i) === byte)) {
    return yield* identification.refuse(0, "e_ident does not start with 0x7f, E, L, F: not an ELF file")
  }
  const [classByte, dataByte, version] = [identification.u8(4), identification.u8(5), identification.u8(6)]
  if (classByte !== 1 && classByte !== 2) {
    return yield* identification.refuse(4, `EI_CLASS ${classByte} is neither 1 (32 bits) nor 2 (64 bits)`)
  }
  if (dataByte !== 1 && dataByte !== 2) {
    return yield* identification.refuse(5, `EI_DATA ${dataByte} is neither 1 (little endian) nor 2 (big endian)`)
  }
  if (version !== 1) return yield* identification.refuse(6, `EI_VERSION ${version} is not 1, the only ELF version`)

  const fileClass: WordSize = classByte === 1 ? 32 : 64
  const layout = layouts[fileClass]
  const endian: Endian = dataByte === 1 ? "little" : "big"
  const header = yield* reader.header("the ELF header", 0n, layout.headerSize, endian)
  const type = types[header.u16(16)]
  if (type === undefined) return yield* header.refuse(16, typeRefused(header.u16(16)))
  const machine = header.u16(18)
  return {
    fileClass,
    wordSize: isNarrowMachine(machine) ? 32 : fileClass,
    endian,
    type,
    machine,
    entry: word(header, 24, layout.word),
    programHeaders: yield* programHeaders(reader, header, layout)
  } satisfies ElfHeader
})

const programHeaders = Effect.fnUntraced(function* (reader: ImageReader, header: Header, layout: Layout) {
  const offset = word(header, layout.phoff, layout.word)
  const size = header.u16(layout.phentsize)
  let count = header.u16(layout.phnum)
  let countName = "e_phnum"
  let countAt = BigInt(layout.phnum)
  if (count === PN_XNUM) {
    const shoff = word(header, layout.shoff, layout.word)
    if (shoff === 0n) {
      return yield* header.refuse(
        layout.phnum,
        "e_phnum is PN_XNUM, the count is in section header 0, and e_shoff says there is none"
      )
    }
    const what = "section header 0, which e_shoff points to and which holds the count of program headers,"
    const section = yield* reader.header(what, shoff, layout.sectionHeaderSize, header.endian)
    count = section.u32(layout.info)
    countName = "sh_info of section header 0"
    countAt = shoff + BigInt(layout.info)
  }
  if (count === 0) return yield* reader.refuse(countAt, `${countName} is 0: without program headers nothing is mapped`)
  if (count > MOST_PIECES) {
    return yield* reader.refuse(
      countAt,
      `${countName} says ${count} program headers, the most that are read is ${MOST_PIECES}`,
      "TooLarge"
    )
  }
  if (size !== layout.programHeaderSize) {
    return yield* header.refuse(
      layout.phentsize,
      `e_phentsize is ${size}, a program header takes ${layout.programHeaderSize} bytes`
    )
  }
  if (!reader.holds(offset, BigInt(count) * BigInt(size))) {
    return yield* header.refuse(
      layout.phoff,
      `e_phoff ${hex(offset)}: ${count} program headers of ${size} bytes do not fit there, the file ends at ${hex(reader.source.size)}`
    )
  }
  return { offset, count, size }
})
