// UF2, the USB flashing format: https://github.com/microsoft/uf2 (README, "File format"). Blocks of 512 bytes, each with
// its own address.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import { ImageError, type SourceError } from "../../../MemoryMapError.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { Runs } from "./runs.ts"

export const FORMAT = "uf2"

/** Bytes of a block, and where its data begins. */
export const BLOCK = 512
export const DATA = 32
const DATA_LENGTH = 476
export const MAGIC = [0x0a324655, 0x9e5d5157, 0x0ab16f30] as const

/**
 * Flags: not for the main flash; part of a file, not of memory; the family field holds a family; the data ends in the
 * checksum of a region; behind the payload there are tags.
 */
const NOT_MAIN_FLASH = 0x1
const FILE_CONTAINER = 0x1000
export const HAS_FAMILY = 0x2000
const HAS_CHECKSUM = 0x4000
const HAS_TAGS = 0x8000

/** Address and length of the region, and its MD5: the last bytes of the data. */
const CHECKSUM_LENGTH = 24

/**
 * Errata RP2350-E10 (RP2350 datasheet, appendix E): before the real blocks, tools put one of this family that claims to
 * be the first of two. It is there to be ignored, as its tag says (UF2_EXTENSION_RP2_IGNORE_BLOCK of the pico-sdk).
 */
const RP2350_ABSOLUTE = 0xe48bff57
const IGNORE_BLOCK = 0x9957e3

/** Files beyond this hold more than every 32-bit address once. */
const LARGEST = 1n << 34n

/** How many of the blocks of a family were seen. */
interface Count {
  readonly total: number
  readonly seen: Uint8Array
  left: number
}

const isBlock = (view: DataView, at: number): boolean =>
  view.getUint32(at, true) === MAGIC[0] &&
  view.getUint32(at + 4, true) === MAGIC[1] &&
  view.getUint32(at + 508, true) === MAGIC[2]

/** The MD5, in hexadecimal digits, of a region that a file says it fills. */
export interface Checksum {
  readonly range: { readonly start: bigint; readonly end: bigint }
  readonly md5: string
}

/** Whether the tags behind a payload have this one: a size of 4 or more, its own 4 bytes too, and 24 bits that name it. */
const hasTag = (view: DataView, from: number, to: number, wanted: number): boolean => {
  for (let at = from; at + 4 <= to;) {
    const tag = view.getUint32(at, true)
    const size = tag & 0xff
    if (size < 4) return false
    if (tag >>> 8 === wanted) return true
    at += (size + 3) & ~3
  }
  return false
}

class BlockReader {
  readonly runs: Runs
  readonly families = new Set<number>()
  /** By region and value: every block of a region repeats them. */
  readonly checksums = new Map<string, Checksum>()
  private readonly counts = new Map<number | undefined, Count>()
  private readonly blocks: number
  private promised = 0
  private readonly only: number | undefined

  constructor(blocks: number, only: number | undefined) {
    this.blocks = blocks
    this.only = only
    this.runs = new Runs(blocks * DATA_LENGTH)
  }

  /** Takes the block at `bytes[at]`; a sentence fragment says why it is refused. */
  accept(bytes: Uint8Array, view: DataView, at: number, offset: number): string | undefined {
    if (!isBlock(view, at)) return "not a block: its magic numbers are wrong"
    const field = (index: number) => view.getUint32(at + 4 * index, true)
    const [flags, address, length, number, total] = [field(2), field(3), field(4), field(5), field(6)]
    if (length > DATA_LENGTH) return `the block says ${bytesText(length)} of data, it has room for ${DATA_LENGTH}`
    const family = (flags & HAS_FAMILY) === 0 ? undefined : field(7)
    const isIgnored = (flags & HAS_TAGS) !== 0 && hasTag(view, at + DATA + ((length + 3) & ~3), at + 508, IGNORE_BLOCK)
    if (isIgnored) return undefined
    const why = this.count(family, number, total)
    if (why !== undefined || (flags & (NOT_MAIN_FLASH | FILE_CONTAINER)) !== 0) return why
    if (address + length > 0x1_0000_0000)
      return `the data at ${hex(BigInt(address))} reaches past the last address, 0xffffffff`
    if (family !== undefined) this.families.add(family)
    if (this.only !== undefined && this.only !== family) return undefined
    if ((flags & HAS_CHECKSUM) !== 0) {
      if (length > DATA_LENGTH - CHECKSUM_LENGTH) {
        return `the block says ${bytesText(length)} of data and a checksum, it has room for ${DATA_LENGTH - CHECKSUM_LENGTH}`
      }
      this.checksum(bytes, view, at + DATA + DATA_LENGTH - CHECKSUM_LENGTH)
    }
    return this.runs.add(address, bytes, at + DATA, at + DATA + length, offset, family ?? -1)
  }

  private checksum(bytes: Uint8Array, view: DataView, at: number): void {
    const start = BigInt(view.getUint32(at, true))
    const end = start + BigInt(view.getUint32(at + 4, true))
    const md5 = Array.from(bytes.subarray(at + 8, at + CHECKSUM_LENGTH), (byte) => byte.toString(16).padStart(2, "0"))
    const checksum = { range: { start, end }, md5: md5.join("") }
    this.checksums.set(`${start}-${end}-${checksum.md5}`, checksum)
  }

  private count(family: number | undefined, number: number, total: number): string | undefined {
    if (number >= total) return `block ${number} of ${total}: the numbers start at 0`
    if (family === RP2350_ABSOLUTE) return undefined
    let count = this.counts.get(family)
    if (count === undefined) {
      this.promised += total
      if (this.promised > this.blocks) {
        return `the block says it is one of ${total}, the file has room for ${this.blocks} blocks in all`
      }
      count = { total, seen: new Uint8Array(total), left: total }
      this.counts.set(family, count)
    }
    if (count.total !== total) return `the block says it is one of ${total}, an earlier one said ${count.total}`
    if (count.seen[number] === 0) count.left--
    count.seen[number] = 1
    return undefined
  }

  /** Why the file is not whole, if so. */
  incomplete(): string | undefined {
    for (const [family, { left, seen, total }] of this.counts) {
      if (left === 0) continue
      const of = family === undefined ? "" : ` of family ${hex(BigInt(family))}`
      return `${left} of ${total} blocks${of} are missing, the first is number ${seen.indexOf(0)}`
    }
    return undefined
  }
}

/** True when the source begins with a block. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  source.size < BLOCK
    ? Effect.succeed(false)
    : Effect.map(source.read(0n, BLOCK), (bytes) => isBlock(new DataView(bytes.buffer, bytes.byteOffset, BLOCK), 0))

/** Reads a whole file; `only` leaves blocks of other families out. */
export const parse = Effect.fnUntraced(function* (source: ByteSource, only: number | undefined) {
  const refuse = (offset: number, why: string) =>
    new ImageError({ path: source.name, format: FORMAT, offset: BigInt(offset), why })
  const size = Number(source.size)
  if (source.size > LARGEST) return yield* refuse(0, "the file is larger than any that 32-bit addresses need")
  const whole = size - (size % BLOCK)
  const reader = new BlockReader(whole / BLOCK, only)
  const chunk = 2048 * BLOCK
  for (let start = 0; start < whole; start += chunk) {
    const bytes = yield* source.read(BigInt(start), Math.min(chunk, whole - start))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const why = reader.accept(bytes, view, at, start + at)
      if (why !== undefined) return yield* refuse(start + at, why)
    }
    yield* Effect.yieldNow
  }
  const why =
    size === whole ? reader.incomplete() : `the file ends inside a block, after ${bytesText(size - whole)} of it`
  return why === undefined ? reader : yield* refuse(whole, why)
})
