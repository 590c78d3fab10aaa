/**
 * Formats of page tables: how a processor turns virtual addresses into physical ones.
 *
 * | constructor | machine | levels | after |
 * |---|---|---|---|
 * | `x86_64` | x86-64, 4 or 5 levels | 4 KiB, 2 MiB, 1 GiB pages | Intel SDM 3A, chapter 4 |
 * | `i386` | 32-bit x86, two levels or PAE | 4 KiB, 4 MiB (PAE: 2 MiB) | the same |
 * | `aarch64` | 64-bit Arm; 4, 16, 64 KiB granules, 36 to 52 bits | pages and blocks | Arm ARM, chapter D8 |
 * | `riscv` | Sv32, Sv39, Sv48, Sv57 | pages and superpages, Svnapot | RISC-V ISA, volume II |
 *
 * Entries that are not present are read as Linux writes them: pages that are there and not to be touched (PROT_NONE, NUMA
 * hints), and pages in swap space. What goes through the tables is `AddressSpace`.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Address } from "./AddressRange.ts"
import { checkCount } from "./internal/base/arguments.ts"
import * as aarch64_ from "./internal/paging/aarch64.ts"
import type { Format } from "./internal/paging/format.ts"
import * as riscv_ from "./internal/paging/riscv.ts"
import * as x86 from "./internal/paging/x86.ts"

const TypeId = "~effect-memory-map/PageTable"

/**
 * A format of page tables. `name` is what the command line calls it, `levels` how many tables lie on the way to a page of
 * the smallest size, `addressBits` how many bits of a virtual address count.
 *
 * @category models
 * @since 0.1.0
 */
export interface PageTable {
  readonly [TypeId]: typeof TypeId
  readonly name: string
  readonly levels: number
  readonly addressBits: number
  /** @internal */
  readonly format: Format
}

/**
 * A format, and the physical address of the first table.
 *
 * @category models
 * @since 0.1.0
 */
export interface Root {
  readonly format: PageTable
  readonly root: Address
}

/**
 * The registers of an x86 processor that say how it finds its page tables. Where `efer` is not known, a processor with long
 * entries (CR4.PAE) is taken to run in 64-bit mode; give 0n for one that does not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registers {
  readonly cr0: bigint
  readonly cr3: bigint
  readonly cr4: bigint
  readonly efer?: bigint | undefined
}

/**
 * True for formats of page tables.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPageTable = (u: unknown): u is PageTable => Predicate.hasProperty(u, TypeId)

const make = (format: Format): PageTable => ({
  [TypeId]: TypeId,
  name: format.name,
  levels: format.levels.length,
  addressBits: format.addressBits,
  format
})

/**
 * x86-64: 4 levels (48 bits) or 5 (57 bits). `encryptionBit` is the bit of an entry that says "encrypted" and is no part of
 * the address (AMD's C bit; VMCOREINFO gives it as `NUMBER(sme_mask)`).
 *
 * Permissions are those of all levels together, but for one: in the half of the space that programs use, NX of the first
 * table is not looked at. A kernel that isolates its tables sets it in its own copy for every program, none of which is.
 *
 * **Example** (Levels and bits)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const format = PageTable.x86_64({ levels: 5 })
 * const shown = [format.name, format.levels, format.addressBits]
 * shown // => ["x86-64-la57", 5, 57]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const x86_64 = (
  options: { readonly levels?: 4 | 5 | undefined; readonly encryptionBit?: number | undefined } = {}
): PageTable => {
  const { encryptionBit, levels = 4 } = options
  checkCount("PageTable.x86_64", "the number of levels", levels, 4, 5)
  if (encryptionBit !== undefined) checkCount("PageTable.x86_64", "the encryption bit", encryptionBit, 12, 51)
  return make(x86.x86_64(levels, encryptionBit))
}

/**
 * 32-bit x86: two levels, or three with physical address extension (PAE). Programs are taken to have the lower 3 GiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const i386 = (options: { readonly pae?: boolean | undefined } = {}): PageTable =>
  make(options.pae === true ? x86.pae : x86.i386)

/**
 * 64-bit Arm. `granule` is the page size in KiB, `addressBits` the width of virtual addresses (64 - TxSZ), `lpa2` says that
 * entries hold 52 bits of physical address with pages of 4 or 16 KiB (TCR.DS); with 64 KiB, 52 bits of virtual addresses
 * say so. `half` is the half of the space: `"upper"`, that of the kernel (TTBR1), the default, or `"lower"` (TTBR0).
 * Addresses may carry tags in their top byte.
 *
 * @category constructors
 * @since 0.1.0
 */
export const aarch64 = (options: {
  readonly granule: 4 | 16 | 64
  readonly addressBits: number
  readonly lpa2?: boolean | undefined
  readonly half?: "upper" | "lower" | undefined
}): PageTable => {
  const { addressBits, granule, half = "upper", lpa2 = false } = options
  if (![4, 16, 64].includes(granule)) {
    throw new RangeError(`PageTable.aarch64: a granule has 4, 16 or 64 KiB, not ${granule}`)
  }
  checkCount("PageTable.aarch64", "the number of address bits", addressBits, granule === 4 ? 25 : 28, 52)
  return make(aarch64_.aarch64({ granule, addressBits, half, lpa2: lpa2 && granule !== 64 }))
}

/**
 * RISC-V, by the mode that satp names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const riscv = (mode: "sv32" | "sv39" | "sv48" | "sv57"): PageTable => {
  if (!Object.hasOwn(riscv_.modes, mode)) {
    throw new RangeError(`PageTable.riscv: a mode is "sv32", "sv39", "sv48" or "sv57", not ${mode}`)
  }
  return make(riscv_.riscv(mode))
}

/** EFER.LMA. */
const LONG_MODE = 1n << 10n

const bit = (value: bigint, number: bigint): boolean => ((value >> number) & 1n) === 1n

/**
 * The tables that an x86 processor uses; `None` while paging is off, when virtual addresses are physical ones.
 *
 * **Example** (A 64-bit Linux on a processor without 57-bit addresses)
 *
 * ```ts
 * import { Option } from "effect"
 * import { PageTable } from "effect-memory-map"
 *
 * const registers = { cr0: 0x8005_0033n, cr3: 0x1_2345_6006n, cr4: 0x6f0n, efer: 0xd01n }
 * const shown = Option.map(PageTable.fromRegisters(registers), ({ format, root }) => [format.name, root])
 * shown // => Option.some(["x86-64", 0x1_2345_6000n])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRegisters = ({ cr0, cr3, cr4, efer = LONG_MODE }: Registers): Option.Option<Root> => {
  if (!bit(cr0, 31n)) return Option.none()
  if (!bit(cr4, 5n)) return Option.some({ format: i386(), root: cr3 & 0xffff_f000n })
  if (!bit(efer, 10n)) return Option.some({ format: i386({ pae: true }), root: cr3 & 0xffff_ffe0n })
  return Option.some({ format: x86_64({ levels: bit(cr4, 12n) ? 5 : 4 }), root: cr3 & 0x000f_ffff_ffff_f000n })
}

const both = (granule: 4 | 16 | 64, addressBits: number, lpa2 = false) =>
  (["upper", "lower"] as const).map((half) => aarch64({ granule, addressBits, lpa2, half }))

const known: ReadonlyArray<PageTable> = [
  x86_64(),
  x86_64({ levels: 5 }),
  i386(),
  i386({ pae: true }),
  ...[39, 48].flatMap((bits) => both(4, bits)),
  ...both(4, 52, true),
  ...[36, 47, 48].flatMap((bits) => both(16, bits)),
  ...both(16, 52, true),
  ...[42, 48, 52].flatMap((bits) => both(64, bits)),
  ...(["sv32", "sv39", "sv48", "sv57"] as const).map(riscv)
]

/**
 * The names of the formats that Linux uses, as {@link fromName} takes them.
 *
 * @category constants
 * @since 0.1.0
 */
export const names: ReadonlyArray<string> = known.map(({ name }) => name)

/**
 * The format of a name: `"x86-64"`, `"x86-64-la57"`, `"i386"`, `"i386-pae"`, `"aarch64-4k-48"`, `"aarch64-4k-48-lower"`,
 * `"riscv-sv39"`, and so on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromName = (name: string): Option.Option<PageTable> =>
  Option.fromUndefinedOr(known.find((format) => format.name === name))
