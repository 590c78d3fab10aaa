// A guest that is being made: its memory, its symbols, and its structures by the names of their members.
import { Arena } from "./arena.ts"
import { definitions } from "./definitions.ts"
import type { EraForm } from "./eras.ts"
import type { SymbolEntry } from "./kallsyms.ts"
import { TypeTable } from "./types.ts"

/** Where the guest's memory begins: at a border of 2 MiB, so that one large page maps it. */
export const BASE = 0x140_0000n
export const SIZE = 2 << 20

const START_KERNEL_MAP = 0xffff_ffff_8000_0000n
/** As if KASLR had moved the kernel. */
export const KERNEL_OFFSET = 0x200_0000n
export const TEXT = 0xffff_ffff_8100_0000n + KERNEL_OFFSET
/** Negative, as on machines with little memory. */
export const PHYS_BASE = BASE - (TEXT - START_KERNEL_MAP)
const DIRECT_MAP = { 4: 0xffff_8880_0000_0000n, 5: 0xff11_0000_0000_0000n } as const

/** Bytes at the start of the image that stand for its functions. */
export const CODE = 0x1_0000

const PRESENT = 1n
const [WRITE, USER, LARGE] = [2n, 4n, 0x80n]
const NO_EXECUTE = 1n << 63n

export class Builder {
  readonly era: EraForm
  readonly arena = new Arena(BASE, SIZE)
  readonly types: TypeTable
  readonly symbols: Array<SymbolEntry> = []
  /** The kernel's own root table, physical. */
  readonly root: bigint

  constructor(era: EraForm) {
    this.era = era
    this.types = new TypeTable(definitions(era))
    this.arena.put(this.arena.allocate(CODE, 4096), new Uint8Array(CODE).fill(0xcc))
    this.root = this.arena.allocate(4096, 4096)
    this.mapLarge(this.root, TEXT, BASE)
    this.mapLarge(this.root, this.direct(BASE), BASE)
  }

  /** In the map of all physical memory. */
  direct(physical: bigint): bigint {
    return DIRECT_MAP[this.era.levels] + physical
  }
  /** In the kernel's image. */
  image(physical: bigint): bigint {
    return TEXT + (physical - BASE)
  }
  symbol(name: string, physical: bigint, kind = "D"): bigint {
    this.symbols.push({ name, address: this.image(physical), kind })
    return this.image(physical)
  }

  /** A fresh structure, all zero; physical. */
  make(type: string, align = 8): bigint {
    return this.arena.allocate(this.types.sizeOf(type), align)
  }
  /** Numbers of members, by path. */
  set(at: bigint, type: string, values: Readonly<Record<string, bigint | number>>): void {
    for (const [path, value] of Object.entries(values)) {
      const found = this.types.find(type, path)
      this.arena.number(at + BigInt(found.offset), this.types.lay(found.type).size, value)
    }
  }
  setText(at: bigint, type: string, path: string, text: string): void {
    this.arena.text(at + BigInt(this.types.find(type, path).offset), text)
  }
  /** Physical address of a member. */
  member(at: bigint, type: string, path: string): bigint {
    return at + BigInt(this.types.find(type, path).offset)
  }
  /** A text with its NUL; its address in the map of physical memory. */
  string(text: string): bigint {
    return this.direct(this.arena.place(new TextEncoder().encode(`${text}\0`), 1))
  }

  /**
   * Links list_heads, the first being the head, into a ring; all by physical address. Where the head and the elements are
   * mapped is said beside; elements usually are in the map of all physical memory.
   */
  link(
    head: bigint,
    headAddress: bigint,
    elements: ReadonlyArray<bigint>,
    addressOf: (at: bigint) => bigint = (at) => this.direct(at)
  ): void {
    const all = [[head, headAddress] as const, ...elements.map((at) => [at, addressOf(at)] as const)]
    all.forEach(([at], i) => {
      const next = all[(i + 1) % all.length]![1]
      const previous = all[(i + all.length - 1) % all.length]![1]
      this.set(at, "list_head", { next, prev: previous })
    })
  }

  private entry(table: bigint, index: bigint): bigint {
    const at = table + 8n * index
    let value = 0n
    for (let i = 7n; i >= 0n; i--) value = (value << 8n) | BigInt(this.arena.bytes[Number(at - BASE + i)]!)
    return value
  }
  /** The table of a level that covers an address, made where there is none. */
  private table(root: bigint, address: bigint, level: number): bigint {
    let table = root
    for (let at = this.era.levels; at > level; at--) {
      const index = (address >> BigInt(12 + 9 * (at - 1))) & 511n
      const entry = this.entry(table, index)
      if (entry === 0n) {
        const next = this.arena.allocate(4096, 4096)
        this.arena.number(table + 8n * index, 8, next | PRESENT | WRITE | USER)
        table = next
      } else table = entry & 0x000f_ffff_ffff_f000n
    }
    return table
  }
  private mapLarge(root: bigint, address: bigint, physical: bigint): void {
    const table = this.table(root, address, 2)
    this.arena.number(table + 8n * ((address >> 21n) & 511n), 8, physical | PRESENT | WRITE | LARGE)
  }
  /** One page of 4 KiB. */
  map(
    root: bigint,
    address: bigint,
    physical: bigint,
    permissions: { readonly write?: boolean; readonly execute?: boolean; readonly user?: boolean }
  ): void {
    const flags =
      PRESENT |
      (permissions.write === true ? WRITE : 0n) |
      (permissions.user === true ? USER : 0n) |
      (permissions.execute === true ? 0n : NO_EXECUTE)
    this.arena.number(this.table(root, address, 1) + 8n * ((address >> 12n) & 511n), 8, physical | flags)
  }
  /** A root table for a process: the kernel's half is the kernel's own. */
  makeRoot(): bigint {
    const root = this.arena.allocate(4096, 4096)
    for (let i = 256n; i < 512n; i++) this.arena.number(root + 8n * i, 8, this.entry(this.root, i))
    return root
  }
}
