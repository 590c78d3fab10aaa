// Headers of kdump-compressed files (makedumpfile, IMPLEMENTATION, "KDUMP compressed format"; diskdump_mod.h): structures
// of C, whose layout depends on the word size and byte order of the machine that was dumped.
import * as Effect from "effect/Effect"
import type { Compression } from "../../../Decompressor.ts"
import type { Endian, WordSize } from "../../../MachineModel.ts"
import type { Header, ImageReader } from "../headers.ts"
import { bytesText } from "../../base/numbers.ts"

export const FORMAT = "kdump"

const SIGNATURES = ["KDUMP   ", "DISKDUMP"]

/** Enough for the header of a 64-bit machine; the shortest block is longer. */
const HEADER = 464
const SUB_HEADER = 104
const LATEST = 6

/** Above this, a page frame lies beyond the 52 bits of any physical address. */
const MOST_FRAMES = 1n << 40n

export interface KdumpHeader {
  readonly version: number
  readonly endian: Endian
  readonly wordSize: WordSize
  readonly system: ReadonlyArray<string>
  readonly status: number
  readonly blockSize: number
  readonly cpus: number
  /** Page frames of the machine: all numbers below this. */
  readonly frames: bigint
  /** Where the two bitmaps lie, and how many bytes each of them takes. */
  readonly bitmaps: { readonly offset: bigint; readonly length: bigint }
  readonly descriptors: bigint
  readonly sub: SubHeader | undefined
}

export interface SubHeader {
  readonly physicalBase: bigint
  readonly dumpLevel: number | undefined
  /** The page frames whose bytes are in this file of a split dump. */
  readonly split: { readonly start: bigint; readonly end: bigint } | undefined
  readonly vmcoreInfo: { readonly offset: bigint; readonly size: number } | undefined
  readonly notes: { readonly offset: bigint; readonly size: number } | undefined
}

/** True when the first bytes are those of a dump that is not flattened. */
export const isKdump = (head: Uint8Array): boolean => SIGNATURES.includes(String.fromCharCode(...head.subarray(0, 8)))

/** Status bits. */
const compressions: ReadonlyArray<readonly [bit: number, compression: Compression]> = [
  [0x1, "zlib"],
  [0x2, "lzo"],
  [0x4, "snappy"],
  [0x20, "zstd"]
]
export const INCOMPLETE = 0x8

/** The compressions that bits of a status or of a page name. */
export const compressionsOf = (bits: number): ReadonlyArray<Compression> =>
  compressions.filter(([bit]) => (bits & bit) !== 0).map(([, compression]) => compression)

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end))
}

/** The header, if it makes sense for a machine of this kind. After `utsname` comes a `timeval`, aligned to a word. */
const decode = (header: Header, wordSize: WordSize, endian: Endian, size: bigint) => {
  const at = wordSize === 64 ? 424 : 412
  const [blockSize, subBlocks, bitmapBlocks] = [header.u32(at + 4), header.u32(at + 8), header.u32(at + 12)]
  const isPage = blockSize >= 512 && blockSize <= 1 << 20 && (blockSize & (blockSize - 1)) === 0
  const frames = BigInt(header.u32(at + 16))
  const offset = BigInt(1 + subBlocks) * BigInt(blockSize)
  const bitmap = (BigInt(bitmapBlocks) * BigInt(blockSize)) / 2n
  const descriptors = offset + 2n * bitmap
  if (!isPage || subBlocks < 1 || bitmap === 0n || descriptors > size) return undefined
  return {
    version: header.u32(8),
    endian,
    wordSize,
    system: Array.from({ length: 6 }, (_, i) => text(header.bytes.subarray(12 + 65 * i, 12 + 65 * (i + 1)))),
    status: header.u32(at),
    blockSize,
    cpus: header.u32(at + 36),
    frames,
    bitmaps: { offset, length: bitmap },
    descriptors
  }
}

/**
 * The word size of the machine. QEMU writes the layout of 64-bit machines for those of 32 bits too, when they have memory at
 * or above 4 GiB, where their firmware lies.
 */
export const machineWordSize = ({ system, wordSize }: KdumpHeader): WordSize =>
  /^(i[3-6]86|armv[3-7]|mips$|ppc$)/.test(system[4] ?? "") ? 32 : wordSize

/** Compilers for i386 align 64-bit fields of structures to 4 bytes, those for other 32-bit machines to 8. */
const alignsTo8 = (machine: string): boolean => /^(arm|mips|ppc|powerpc)/.test(machine)

const decodeSub = (
  sub: Header,
  wordSize: WordSize,
  version: number,
  machine: string
): SubHeader & { frames: bigint } => {
  let at = 0
  const aligned = (align: number, size: number): number => {
    const start = at + (-at & (align - 1))
    at = start + size
    return start
  }
  const wide = wordSize === 64 || alignsTo8(machine) ? 8 : 4
  const int = (): number => sub.u32(aligned(4, 4))
  const long = (): bigint => (wordSize === 64 ? sub.u64(aligned(8, 8)) : BigInt(sub.u32(aligned(4, 4))))
  const longLong = (): bigint => sub.u64(aligned(wide, 8))
  const physicalBase = long()
  const dumpLevel = int()
  const isSplit = int() !== 0
  const start = long()
  const end = long()
  const infoOffset = longLong()
  const infoSize = long()
  const notesOffset = longLong()
  const notesSize = long()
  longLong()
  long()
  const [start64, end64, frames] = [longLong(), longLong(), longLong()]
  const hasInfo = version >= 3 && infoSize > 0n && infoSize < 1 << 20
  const hasNotes = version >= 4 && notesSize > 0n && notesSize < 1 << 24
  return {
    physicalBase,
    dumpLevel: version >= 1 ? dumpLevel : undefined,
    split: version >= 2 && isSplit ? (version >= 6 ? { start: start64, end: end64 } : { start, end }) : undefined,
    vmcoreInfo: hasInfo ? { offset: infoOffset, size: Number(infoSize) } : undefined,
    notes: hasNotes ? { offset: notesOffset, size: Number(notesSize) } : undefined,
    frames
  }
}

/** Finds out word size and byte order by which of them makes sense, then reads both headers. */
export const readHeader = Effect.fnUntraced(function* (reader: ImageReader) {
  const { size } = reader.source
  for (const endian of ["little", "big"] as const) {
    const header = yield* reader.header("the header", 0n, HEADER, endian)
    const version = header.u32(8)
    if (version > 0xffff) continue
    if (version > LATEST) return yield* header.refuse(8, `version is ${version}, the newest known is ${LATEST}`)
    for (const wordSize of [64, 32] as const) {
      const found = decode(header, wordSize, endian, size)
      if (found === undefined) continue
      const { frames, sub } = yield* readSub(reader, found)
      const result: KdumpHeader = { ...found, frames, sub }
      if (frames > 8n * found.bitmaps.length || frames > MOST_FRAMES) continue
      return result
    }
  }
  return yield* reader.refuse(
    0n,
    `the header makes no sense for any kind of machine, or the ${bytesText(size)} are cut short`
  )
})

/** The sub-header, which DISKDUMP files do not have. Its count of frames, where there is one, has more bits. */
const readSub = Effect.fnUntraced(function* (reader: ImageReader, header: Omit<KdumpHeader, "sub">) {
  const { blockSize, endian, frames, system, version, wordSize } = header
  const head = yield* reader.bytes("the signature", 0n, 8)
  if (version < 1 || text(head) !== SIGNATURES[0]) return { frames, sub: undefined }
  const bytes = yield* reader.header("the sub-header", BigInt(blockSize), SUB_HEADER, endian)
  const { frames: frames64, ...sub } = decodeSub(bytes, wordSize, version, system[4] ?? "")
  return { frames: version >= 6 ? frames64 : frames, sub }
})
