// Maps to UF2 (https://github.com/microsoft/uf2): blocks of 512 bytes that hold a flash page each.
import type { AddressRange } from "../../../AddressRange.ts"
import type { Encoder } from "../emit.ts"
import { BLOCK, DATA, HAS_FAMILY, MAGIC } from "./uf2.ts"

/** The flash pages that boot loaders write at once; a block never crosses one. */
export const PAGE = 256

/**
 * The blocks that runs of bytes, ascending, take. With `align` 1, one for each page of each run; else every unit of
 * `align` bytes that has a byte is written whole.
 */
export const countBlocks = (runs: Iterable<AddressRange>, align: number): number => {
  const unit = BigInt(align === 1 ? PAGE : align)
  const blocks = align === 1 ? 1 : align / PAGE
  let count = 0
  let last = -1n
  for (const run of runs) {
    const first = run.start / unit
    const final = (run.end - 1n) / unit
    count += Number(final - first + (align !== 1 && first === last ? 0n : 1n)) * blocks
    last = final
  }
  return count
}

/** `fill` stands in for the bytes of a unit that are not mapped. */
export class Writer implements Encoder {
  private readonly total: number
  private readonly family: number | undefined
  private readonly fill: number
  private readonly align: number
  private written = 0
  private output: Array<Uint8Array> = []
  private readonly page = new Uint8Array(PAGE)
  /** The bytes of `page` in use are those of `[from, until)`. */
  private from = 0
  private until = 0
  /** Where the unit that was begun goes on, and where it ends. */
  private next = 0
  private unitEnd = 0

  constructor(total: number, options: { readonly family: number | undefined; fill: number; align: number }) {
    this.total = total
    this.family = options.family
    this.fill = options.fill
    this.align = options.align
  }

  data(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const here = address + at
      const page = here - (here % PAGE)
      const next = Math.min(bytes.length, at + page + PAGE - here)
      const piece = bytes.subarray(at, next)
      if (this.align === 1) this.exact(here, piece)
      else this.whole(page, here, piece)
      at = next
    }
  }

  end(): void {
    this.flush()
    this.pad(this.unitEnd)
  }

  take(): Uint8Array {
    const taken = new Uint8Array(this.output.length * BLOCK)
    this.output.forEach((block, i) => taken.set(block, i * BLOCK))
    this.output = []
    return taken
  }

  /** Bytes of one page, and nothing but them. */
  private exact(here: number, piece: Uint8Array): void {
    if (here !== this.until || here % PAGE === 0) this.flush()
    if (this.until === this.from) this.from = here
    this.page.set(piece, here - this.from)
    this.until = here + piece.length
  }

  /** Bytes of one page, which is written whole, as all pages of its unit are. */
  private whole(page: number, here: number, piece: Uint8Array): void {
    if (this.until === this.from || page !== this.from) {
      this.flush()
      if (page >= this.unitEnd) {
        this.pad(this.unitEnd)
        this.next = page - (page % this.align)
        this.unitEnd = this.next + this.align
      }
      this.pad(page)
      this.page.fill(this.fill)
      this.from = page
      this.until = page + PAGE
      this.next = this.until
    }
    this.page.set(piece, here - page)
  }

  /** Pages without a mapped byte, up to `end`. */
  private pad(end: number): void {
    for (; this.next < end; this.next += PAGE) {
      this.page.fill(this.fill)
      this.from = this.next
      this.until = this.next + PAGE
      this.flush()
    }
  }

  private flush(): void {
    const length = this.until - this.from
    if (length === 0) return
    const block = new Uint8Array(BLOCK)
    const view = new DataView(block.buffer)
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
