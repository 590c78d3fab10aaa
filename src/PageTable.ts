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
import type { WordSize } from "./MachineModel.ts"

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
 * **Example** (A format and its name)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const shown = [PageTable.riscv("sv48"), "riscv-sv48"].map(PageTable.isPageTable)
 * shown // => [true, false]
 * ```
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
 * **Example** (With PAE)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const { levels, name } = PageTable.i386({ pae: true })
 * const shown = [name, levels]
 * shown // => ["i386-pae", 3]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const i386 = (options: { readonly pae?: boolean | undefined } = {}): PageTable =>
  make(options.pae === true ? x86.pae : x86.i386)

/**
 * 64-bit Arm. `granule` is the page size in KiB, `addressBits` the width of virtual addresses (64 - TxSZ), `lpa2` says that
 * entries hold 52 bits of physical address with pages of 4 or 16 KiB (TCR.DS), as they do wherever virtual addresses have more
 * than 48 bits; with 64 KiB, 52 bits of virtual addresses say so. `half` is the half of the space: `"upper"`, that of the kernel (TTBR1), the default, or `"lower"` (TTBR0).
 * Addresses may carry tags in their top byte. Throws a `RangeError` for sizes that no processor has.
 *
 * **Example** (A Linux of 16 KiB pages, its kernel and its programs)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const kernel = PageTable.aarch64({ granule: 16, addressBits: 47 })
 * const programs = PageTable.aarch64({ granule: 16, addressBits: 47, half: "lower" })
 * const shown = [kernel, programs].map(({ levels, name }) => [name, levels])
 * shown // => [["aarch64-16k-47", 3], ["aarch64-16k-47-lower", 3]]
 * ```
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
  return make(aarch64_.aarch64({ granule, addressBits, half, lpa2: granule !== 64 && (lpa2 || addressBits > 48) }))
}

/**
 * RISC-V, by the mode that satp names.
 *
 * **Example** (Three levels for 39 bits)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const { addressBits, levels } = PageTable.riscv("sv39")
 * const shown = [levels, addressBits]
 * shown // => [3, 39]
 * ```
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

/** Modes of satp, by their numbers; 0 is no translation. */
const SATP_MODES: Readonly<Record<string, "sv39" | "sv48" | "sv57">> = { 8: "sv39", 9: "sv48", 10: "sv57" }

/**
 * The tables that a RISC-V processor uses, by its register satp, of 64 bits or 32. `None` while nothing is translated, and for
 * modes that have no tables known here.
 *
 * **Example** (Sv39, with an address space identifier)
 *
 * ```ts
 * import { Option } from "effect"
 * import { PageTable } from "effect-memory-map"
 *
 * const shown = Option.map(PageTable.fromSatp(0x8001_2000_0008_0123n), ({ format, root }) => [format.name, root])
 * shown // => Option.some(["riscv-sv39", 0x8012_3000n])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSatp = (satp: bigint, wordSize: WordSize = 64): Option.Option<Root> => {
  if (wordSize === 32) {
    return bit(satp, 31n) ? Option.some({ format: riscv("sv32"), root: (satp & 0x3f_ffffn) << 12n }) : Option.none()
  }
  const mode = SATP_MODES[String((satp >> 60n) & 0xfn)]
  return mode === undefined
    ? Option.none()
    : Option.some({ format: riscv(mode), root: (satp & 0xfff_ffff_ffffn) << 12n })
}

/**
 * The registers of an AArch64 processor that say how it finds its page tables: TCR_EL1, TTBR0_EL1 and TTBR1_EL1.
 *
 * @category models
 * @since 0.1.0
 */
export interface ArmRegisters {
  readonly tcr: bigint
  readonly ttbr0: bigint
  readonly ttbr1: bigint
}

/** What the two bits of TG0 and those of TG1 mean, in KiB. */
const TG0 = [4, 64, 16] as const
const TG1 = [undefined, 16, 4, 64] as const

const field = (value: bigint, high: bigint, low: bigint): bigint => (value >> low) & ((1n << (high - low + 1n)) - 1n)

/**
 * The tables that an AArch64 processor uses for the lower half of its addresses, that of programs, and for the upper one, of
 * the kernel. `None` for a half that is turned off, and where TCR has sizes that no processor takes.
 *
 * **Example** (A Linux with pages of 4 KiB and addresses of 48 bits)
 *
 * ```ts
 * import { Option } from "effect"
 * import { PageTable } from "effect-memory-map"
 *
 * const registers = { tcr: 0x5_b550_3510n, ttbr0: 0x2_0000_4123_4000n, ttbr1: 0x1_0000_4168_0001n }
 * const { lower, upper } = PageTable.fromArmRegisters(registers)
 * const shown = [lower, upper].map(Option.map(({ format, root }) => [format.name, root]))
 * shown // => [Option.some(["aarch64-4k-48-lower", 0x4123_4000n]), Option.some(["aarch64-4k-48", 0x4168_0000n])]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromArmRegisters = ({
  tcr,
  ttbr0,
  ttbr1
}: ArmRegisters): { readonly lower: Option.Option<Root>; readonly upper: Option.Option<Root> } => {
  const lpa2 = bit(tcr, 59n)
  // IPS: physical addresses of 52 bits, whose top stands in bits 5:2 of a root.
  const isWide = lpa2 || field(tcr, 34n, 32n) === 6n
  const root = (ttbr: bigint): bigint =>
    isWide ? (field(ttbr, 47n, 6n) << 6n) | (field(ttbr, 5n, 2n) << 48n) : field(ttbr, 47n, 1n) << 1n
  const of = (
    half: "lower" | "upper",
    granule: 4 | 16 | 64 | undefined,
    size: bigint,
    isOff: boolean,
    ttbr: bigint
  ) => {
    const addressBits = 64 - Number(size)
    const most = granule === 64 || lpa2 ? 52 : 48
    if (isOff || granule === undefined || addressBits > most || addressBits < (granule === 4 ? 25 : 28)) {
      return Option.none()
    }
    return Option.some({ format: aarch64({ granule, addressBits, half, lpa2 }), root: root(ttbr) })
  }
  return {
    lower: of("lower", TG0[Number(field(tcr, 15n, 14n))], field(tcr, 5n, 0n), bit(tcr, 7n), ttbr0),
    upper: of("upper", TG1[Number(field(tcr, 31n, 30n))], field(tcr, 21n, 16n), bit(tcr, 23n), ttbr1)
  }
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
 * **Example** (Those of 32 bits)
 *
 * ```ts
 * import { PageTable } from "effect-memory-map"
 *
 * const shown = PageTable.names.filter((name) => /i386|sv32/.test(name))
 * shown // => ["i386", "i386-pae", "riscv-sv32"]
 * ```
 *
 * @category constants
 * @since 0.1.0
 */
export const names: ReadonlyArray<string> = known.map(({ name }) => name)

/**
 * The format of a name: `"x86-64"`, `"x86-64-la57"`, `"i386"`, `"i386-pae"`, `"aarch64-4k-48"`, `"aarch64-4k-48-lower"`,
 * `"riscv-sv39"`, and so on; `None` for others.
 *
 * **Example** (A name off the command line)
 *
 * ```ts
 * import { Option } from "effect"
 * import { PageTable } from "effect-memory-map"
 *
 * const shown = Option.map(PageTable.fromName("aarch64-64k-42"), ({ levels }) => levels)
 * shown // => Option.some(2)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromName = (name: string): Option.Option<PageTable> =>
  Option.fromUndefinedOr(known.find((format) => format.name === name))
