// Makes ELF files, right ones and lying ones, for tests.
import * as Bytes from "effect/Bytes"
import type { MachineModel } from "../../src/index.ts"

export interface SegmentSpec {
  /** p_type, default PT_LOAD. */
  readonly type?: number
  readonly flags?: number
  readonly virtual?: bigint
  readonly physical?: bigint
  /** Put into the file, after those of the segments before, unless `offset` says that they are there already. */
  readonly bytes?: Uint8Array
  readonly offset?: bigint
  readonly fileSize?: bigint
  readonly memorySize?: bigint
  readonly align?: bigint
}

export interface ElfSpec {
  readonly fileClass?: MachineModel.WordSize
  readonly endian?: MachineModel.Endian
  readonly type?: number
  readonly machine?: number
  readonly entry?: bigint
  readonly segments: ReadonlyArray<SegmentSpec>
  /** Program headers behind everything else, as some tools put them; default: behind the ELF header. */
  readonly headersLast?: boolean
  /** The count of program headers in section header 0 (PN_XNUM); default: when it has to be. */
  readonly extended?: boolean
  /** Bytes before the first segment, to move it off any border. */
  readonly padding?: number
}

type Size = 1 | 2 | 4 | 8

/** Where fields are and how wide: gABI, chapter 4 and 5. */
export const ehdr = {
  32: { type: 16, machine: 18, entry: 24, phoff: 28, shoff: 32, phentsize: 42, phnum: 44, size: 52 },
  64: { type: 16, machine: 18, entry: 24, phoff: 32, shoff: 40, phentsize: 54, phnum: 56, size: 64 }
} as const
export const phdr = {
  32: { type: 0, flags: 24, offset: 4, virtual: 8, physical: 12, fileSize: 16, memorySize: 20, align: 28, size: 32 },
  64: { type: 0, flags: 4, offset: 8, virtual: 16, physical: 24, fileSize: 32, memorySize: 40, align: 48, size: 56 }
} as const
const shdr = { 32: { info: 28, size: 40 }, 64: { info: 44, size: 64 } } as const

/** Overwrites one field; gives a new array. */
export const patched = (
  bytes: Uint8Array,
  at: number,
  size: Size,
  value: bigint | number,
  endian: MachineModel.Endian = "little"
): Uint8Array => {
  const result = new Uint8Array(bytes)
  put(result, at, size, BigInt(value), endian)
  return result
}

const put = (bytes: Uint8Array, at: number, size: Size, value: bigint, endian: MachineModel.Endian): void => {
  for (let i = 0; i < size; i++) {
    bytes[at + (endian === "little" ? i : size - 1 - i)] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)))
  }
}

/** Numbers of one size, one after the other. */
export const words = (
  size: Size,
  values: ReadonlyArray<bigint | number>,
  endian: MachineModel.Endian = "little"
): Uint8Array => {
  const result = new Uint8Array(size * values.length)
  for (const [i, value] of values.entries()) put(result, i * size, size, BigInt(value), endian)
  return result
}

export const buildElf = (spec: ElfSpec): Uint8Array => {
  const { endian = "little", fileClass = 64, segments } = spec
  const count = segments.length
  const extended = spec.extended ?? count >= 0xffff
  const [eh, ph, sh] = [ehdr[fileClass], phdr[fileClass], shdr[fileClass]]
  const word = fileClass === 64 ? 8 : 4
  const table = new Uint8Array(count * ph.size)
  const section = new Uint8Array(extended ? sh.size : 0)
  const front = eh.size + (spec.headersLast === true ? 0 : table.length) + section.length + (spec.padding ?? 0)
  const data: Array<Uint8Array> = []
  let end = front
  for (const [i, segment] of segments.entries()) {
    const { bytes = new Uint8Array(0) } = segment
    const at = i * ph.size
    const offset = segment.offset ?? BigInt(end)
    if (segment.offset === undefined) {
      data.push(bytes)
      end += bytes.length
    }
    const fileSize = segment.fileSize ?? BigInt(bytes.length)
    put(table, at + ph.type, 4, BigInt(segment.type ?? 1), endian)
    put(table, at + ph.flags, 4, BigInt(segment.flags ?? 6), endian)
    put(table, at + ph.offset, word, offset, endian)
    put(table, at + ph.virtual, word, segment.virtual ?? 0n, endian)
    put(table, at + ph.physical, word, segment.physical ?? 0n, endian)
    put(table, at + ph.fileSize, word, fileSize, endian)
    put(table, at + ph.memorySize, word, segment.memorySize ?? fileSize, endian)
    put(table, at + ph.align, word, segment.align ?? 1n, endian)
  }
  const sectionAt = spec.headersLast === true ? eh.size : eh.size + table.length
  if (extended) put(section, sh.info, 4, BigInt(count), endian)
  const header = new Uint8Array(eh.size)
  header.set([0x7f, 0x45, 0x4c, 0x46, fileClass === 64 ? 2 : 1, endian === "little" ? 1 : 2, 1])
  put(header, eh.type, 2, BigInt(spec.type ?? 4), endian)
  put(header, eh.machine, 2, BigInt(spec.machine ?? 62), endian)
  put(header, 20, 4, 1n, endian)
  put(header, eh.entry, word, spec.entry ?? 0n, endian)
  put(header, eh.phoff, word, BigInt(spec.headersLast === true ? end : eh.size), endian)
  put(header, eh.shoff, word, extended ? BigInt(sectionAt) : 0n, endian)
  put(header, eh.phentsize - 2, 2, BigInt(eh.size), endian)
  put(header, eh.phentsize, 2, BigInt(ph.size), endian)
  put(header, eh.phnum, 2, extended ? 0xffffn : BigInt(count), endian)
  put(header, eh.phnum + 2, 2, extended ? BigInt(sh.size) : 0n, endian)
  put(header, eh.phnum + 4, 2, extended ? 1n : 0n, endian)
  const padding = new Uint8Array(spec.padding ?? 0)
  return spec.headersLast === true
    ? Bytes.concat([header, section, padding, ...data, table])
    : Bytes.concat([header, table, section, padding, ...data])
}

export interface NoteSpec {
  readonly owner: string
  readonly type: number
  readonly description: Uint8Array
}

const padTo = (bytes: Uint8Array, align: number): Uint8Array =>
  Bytes.concat([bytes, new Uint8Array((align - (bytes.length % align)) % align)])

/** A segment of notes. */
export const noteSegment = (
  notes: ReadonlyArray<NoteSpec>,
  options: { readonly endian?: MachineModel.Endian; readonly align?: 4 | 8 } = {}
): SegmentSpec => {
  const { align = 4, endian = "little" } = options
  const encoded = notes.map(({ description, owner, type }) => {
    const name = new TextEncoder().encode(`${owner}\0`)
    const header = words(4, [name.length, description.length, type], endian)
    return Bytes.concat([padTo(Bytes.concat([header, name]), align), padTo(description, align)])
  })
  return { type: 4, flags: 4, bytes: Bytes.concat(encoded), memorySize: 0n, align: BigInt(align) }
}
