// UF2, the USB flashing format: https://github.com/microsoft/uf2 (README, "File format"). Blocks of 512 bytes, each with
// its own address.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import { ImageError, type SourceError } from "../../../MemoryMapError.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import type { Encoder } from "../emit.ts"
import { Runs } from "./runs.ts"

export const FORMAT = "uf2"

const BLOCK = 512
const DATA = 32
const DATA_LENGTH = 476
const MAGIC = [0x0a324655, 0x9e5d5157, 0x0ab16f30] as const

/** Flags: not for the main flash; part of a file, not of memory; the family field holds a family. */
const NOT_MAIN_FLASH = 0x1
const FILE_CONTAINER = 0x1000
const HAS_FAMILY = 0x2000

/** Errata RP2350-E10: tools put one block of this family, which claims to be one of two, before the real ones. */
const RP2350_ABSOLUTE = 0xe48bff57

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

class Reader {
  readonly runs: Runs
  readonly families = new Set<number>()
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
    const why = this.count(family, number, total)
    if (why !== undefined || (flags & (NOT_MAIN_FLASH | FILE_CONTAINER)) !== 0) return why
    if (address + length > 0x1_0000_0000)
      return `the data at ${hex(BigInt(address))} reaches past the last address, 0xffffffff`
    if (family !== undefined) this.families.add(family)
    if (this.only !== undefined && this.only !== family) return undefined
    return this.runs.add(address, bytes, at + DATA, at + DATA + length, offset, family ?? -1)
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
  const reader = new Reader(whole / BLOCK, only)
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

/** The flash pages that boot loaders write at once; a block never crosses one. */
const PAGE = 256

const pageOf = (address: number): number => address - (address % PAGE)

/** The number of blocks that `runs`, ascending, take: one for each page of each run, or for each page when filled. */
export const countBlocks = (
  runs: Iterable<{ readonly start: bigint; readonly end: bigint }>,
  filled: boolean
): number => {
  let count = 0
  let last = -1
  for (const run of runs) {
    const first = Number(run.start / BigInt(PAGE))
    const final = Number((run.end - 1n) / BigInt(PAGE))
    count += final - first + (filled && first === last ? 0 : 1)
    last = final
  }
  return count
}

export class Writer implements Encoder {
  private readonly total: number
  private readonly family: number | undefined
  private readonly fill: number | undefined
  private written = 0
  private output: Array<Uint8Array> = []
  private readonly page = new Uint8Array(PAGE)
  /** The bytes of `page` in use are those of `[from, until)`. */
  private from = 0
  private until = 0

  constructor(total: number, family: number | undefined, fill: number | undefined) {
    this.total = total
    this.family = family
    this.fill = fill
  }

  data(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const here = address + at
      const page = pageOf(here)
      if (this.until > this.from && (page !== pageOf(this.from) || (this.fill === undefined && here !== this.until))) {
        this.flush()
      }
      if (this.until === this.from) {
        this.page.fill(this.fill ?? 0)
        this.from = this.fill === undefined ? here : page
      }
      const next = Math.min(bytes.length, at + page + PAGE - here)
      this.page.set(bytes.subarray(at, next), here - this.from)
      this.until = this.fill === undefined ? here + next - at : page + PAGE
      at = next
    }
  }

  end(): void {
    if (this.until > this.from) this.flush()
  }

  take(): Uint8Array {
    const taken = new Uint8Array(this.output.length * BLOCK)
    this.output.forEach((block, i) => taken.set(block, i * BLOCK))
    this.output = []
    return taken
  }

  private flush(): void {
    const block = new Uint8Array(BLOCK)
    const view = new DataView(block.buffer)
    const length = this.until - this.from
    const fields = [
      MAGIC[0],
      MAGIC[1],
      this.family === undefined ? 0 : HAS_FAMILY,
      this.from,
      length,
      this.written++,
      this.total,
      this.family ?? 0
    ]
    fields.forEach((value, i) => view.setUint32(4 * i, value, true))
    block.set(this.page.subarray(0, length), DATA)
    view.setUint32(508, MAGIC[2], true)
    this.output.push(block)
    this.from = this.until
  }
}
