/**
 * Page tables made to measure: physical memory in which chosen virtual addresses lead to chosen pages.
 *
 * For deterministic tests of what works on address spaces. Tables are made as an operating system would make them, each
 * page with its own permissions in the last entry and none taken away on the way there.
 *
 * **Example** (Two pages in the other order)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressSpace, MemoryMap, PageTable } from "effect-memory-map"
 * import { PageTables } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const memory = yield* MemoryMap.fromBytes(new Uint8Array(0x2000).fill(1, 0, 0x1000), 0x8000n)
 *   const pages = [
 *     { virtual: 0x1000n, physical: 0x9000n },
 *     { virtual: 0x2000n, physical: 0x8000n, permissions: { write: false } }
 *   ]
 *   const format = PageTable.x86_64()
 *   const { map, root } = yield* PageTables.build(memory, format, pages)
 *   const space = yield* AddressSpace.walk(map, format, root)
 *   return Array.from(MemoryMap.segments(space.map), ({ range }) => range.start)
 * })
 * await Effect.runPromise(program) // => [0x1000n, 0x2000n]
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Address } from "../AddressRange.ts"
import { type Format, placeOf } from "../internal/paging/format.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { PageTable } from "../PageTable.ts"

/**
 * A page: `virtual` leads to `physical`, both multiples of `size` (bytes; default: the smallest the format has). What is
 * not said of its permissions is allowed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly virtual: Address
  readonly physical: Address
  readonly size?: bigint | undefined
  readonly permissions?:
    | {
        readonly write?: boolean | undefined
        readonly execute?: boolean | undefined
        readonly user?: boolean | undefined
      }
    | undefined
}

/**
 * Physical memory with tables in it, and the address of the first of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Built<out W extends MemoryMap.WordSizeState, out E extends MemoryMap.EndianState> {
  readonly map: MemoryMap.MemoryMap<W, E, MemoryMap.MappingState>
  readonly root: Address
}

interface Table {
  readonly address: Address
  readonly depth: number
  readonly bytes: Uint8Array
  readonly below: Map<number, Table>
}

const allows = ({ permissions }: Page) => ({
  write: permissions?.write ?? true,
  execute: permissions?.execute ?? true,
  user: permissions?.user ?? true
})

const x86Entry = (page: Page | undefined, large: boolean, physical: bigint, isRootOfPae: boolean): bigint => {
  if (page === undefined) return physical | (isRootOfPae ? 1n : 7n)
  const { execute, user, write } = allows(page)
  const bits = 0x61n | (write ? 2n : 0n) | (user ? 4n : 0n) | (large ? 0x80n : 0n)
  return physical | bits | (execute ? 0n : 1n << 63n)
}

/** Bits that the entries of long physical addresses hold in odd places. */
const armAddress = ({ addressBits, name }: Format, physical: bigint): bigint => {
  const top = physical >> 48n
  const low = physical & ((1n << 48n) - 1n)
  if (name.includes("lpa2")) return (physical & ((1n << 50n) - 1n)) | ((physical >> 50n) << 8n)
  return name.includes("-64k-") && addressBits === 52 ? low | (top << 12n) : low
}

const armEntry = (format: Format, page: Page | undefined, last: boolean, physical: bigint): bigint => {
  const address = armAddress(format, physical)
  if (page === undefined) return address | 3n
  const { execute, user, write } = allows(page)
  const shared = format.name.includes("lpa2") ? 0n : 0x300n
  const bits = (last ? 3n : 1n) | 0x400n | shared | (user ? 0x40n : 0n) | (write ? 0n : 0x80n)
  return address | bits | (execute ? 0n : 3n << 53n)
}

const riscvEntry = (page: Page | undefined, physical: bigint): bigint => {
  const number = (physical >> 12n) << 10n
  if (page === undefined) return number | 1n
  const { execute, user, write } = allows(page)
  return number | 0xc3n | (write ? 4n : 0n) | (execute ? 8n : 0n) | (user ? 16n : 0n)
}

/** The entry of a page, or of a table where there is no page. */
const entry = (format: Format, depth: number, physical: bigint, page?: Page): bigint => {
  const last = depth === format.levels.length - 1
  if (format.name.startsWith("riscv")) return riscvEntry(page, physical)
  if (format.name.startsWith("aarch64")) return armEntry(format, page, last, physical)
  const value = x86Entry(page, !last, physical, format.name === "i386-pae" && depth === 0)
  if (format.name !== "i386") return value
  // Two levels: bits 39:32 of a large page's address are bits 20:13 of its entry, and there is no NX.
  const high = (physical >> 32n) & 0xffn
  return (value & 0xffff_ffffn) | (high << 13n)
}

class Builder {
  readonly tables: Array<Table> = []
  private readonly format: Format
  private next: Address
  readonly root: Table
  constructor(format: Format, at: Address) {
    this.format = format
    this.next = at
    this.root = this.table(0)
  }

  private table(depth: number): Table {
    const { entryBytes, levels } = this.format
    const bytes = new Uint8Array(entryBytes << levels[depth]!.bits)
    const table = { address: this.next, depth, bytes, below: new Map() }
    this.tables.push(table)
    this.next += BigInt(1 << 16)
    return table
  }

  private write({ bytes }: Table, index: number, value: bigint): void {
    const view = new DataView(bytes.buffer)
    if (this.format.entryBytes === 8) view.setBigUint64(index * 8, value, true)
    else view.setUint32(index * 4, Number(value), true)
  }

  add(page: Page): void {
    const { format } = this
    const refuse = (why: string) => new RangeError(`PageTables.build: the page at ${page.virtual}: ${why}`)
    const place = placeOf(format, page.virtual)
    if (place === undefined) throw refuse(`no address of ${format.name}`)
    const size = page.size ?? 1n << BigInt(format.levels.at(-1)!.shift)
    const depth = format.levels.findIndex(({ leaf, shift }) => leaf && 1n << BigInt(shift) === size)
    if (depth < 0) throw refuse(`${format.name} has no pages of ${size} bytes`)
    if (place % size !== 0n || page.physical % size !== 0n)
      throw refuse(`not a multiple of ${size}, or its page is not`)
    let table = this.root
    for (const [i, { bits, shift }] of format.levels.entries()) {
      const index = Number((place >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n))
      if (i === depth) return this.write(table, index, entry(format, i, page.physical, page))
      let below = table.below.get(index)
      if (below === undefined) {
        below = this.table(i + 1)
        table.below.set(index, below)
        this.write(table, index, entry(format, i, below.address))
      }
      table = below
    }
  }
}

/** Tables begin at multiples of 64 KiB, the largest that any format asks for. */
const ALIGN = 1n << 16n

/**
 * `memory` with tables for `pages` on top, and the address of the root. The tables lie from `options.at` on (default:
 * behind the last byte of `memory`), 64 KiB apart. Throws a `RangeError` for a page that the format cannot map. Fails like
 * `MemoryMap.add` when the tables have no place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const build = Effect.fnUntraced(function* <W extends MemoryMap.WordSizeState, E extends MemoryMap.EndianState>(
  memory: MemoryMap.MemoryMap<W, E, MemoryMap.MappingState>,
  format: PageTable,
  pages: Iterable<Page>,
  options?: { readonly at?: Address | undefined }
): Effect.fn.Return<Built<W, E>, MemoryMap.AddError> {
  const end = Option.match(MemoryMap.bounds(memory), { onNone: () => ALIGN, onSome: (bounds) => bounds.end })
  const builder = new Builder(format.format, options?.at ?? ((end + ALIGN - 1n) / ALIGN) * ALIGN)
  for (const page of pages) builder.add(page)
  let map: Built<W, E>["map"] = memory
  for (const { address, bytes } of builder.tables) {
    map = yield* MemoryMap.addBytesUnsafe(map, bytes, address, { name: "page tables" })
  }
  return { map, root: builder.root.address }
})
