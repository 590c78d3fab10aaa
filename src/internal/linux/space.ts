// Address spaces of a guest: how its page tables are made, and where they begin.
import * as Effect from "effect/Effect"
import * as AddressSpace from "../../AddressSpace.ts"
import * as Option from "effect/Option"
import * as MemoryMap from "../../MemoryMap.ts"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import * as PageTable from "../../PageTable.ts"
import { machineOf, toPhysical } from "./machine.ts"
import type { ReadError } from "./memory.ts"
import * as info from "./vmcoreInfo.ts"

export interface Root {
  readonly format: PageTable.PageTable
  /** Physical. */
  readonly address: bigint
}

/** Bytes of the smallest page, as a power of two. */
export const pageShift = ({ format }: Root): bigint =>
  BigInt(Math.min(...format.format.levels.map(({ shift }) => shift)))

export const x86_64 = (levels: 4 | 5): PageTable.PageTable => PageTable.x86_64({ levels })

/**
 * Bits of an AArch64 kernel's addresses, which VMCOREINFO says since 4.12, and since 5.9 by what the processor was told. With
 * pages of 64 KiB the first table is laid out for what the kernel was built for, whatever the processor can.
 */
const aarch64Bits = (values: info.Values, granule: 4 | 16 | 64): number => {
  const size = info.number(values, "TCR_EL1_T1SZ")
  return size === undefined || granule === 64 ? Number(info.number(values, "VA_BITS") ?? 48n) : 64 - Number(size)
}

const GRANULES: ReadonlyMap<string, 4 | 16 | 64> = new Map([
  ["4096", 4],
  ["16384", 16],
  ["65536", 64]
])

/** Of a kernel with pages of any size. */
const [LEAST_BITS, MOST_BITS] = [36, 52]

const RISCV: ReadonlyMap<bigint, "sv39" | "sv48" | "sv57"> = new Map([
  [39n, "sv39"],
  [48n, "sv48"],
  [57n, "sv57"]
])

/** The kernel's own root table by VMCOREINFO; a sentence fragment where that does not say enough. */
export const rootOf = (values: info.Values): Root | string => {
  const machine = machineOf(values)
  if (machine === undefined) return "VMCOREINFO is of a machine that is not known"
  const symbol =
    info.symbol(values, "init_top_pgt") ??
    info.symbol(values, "init_level4_pgt") ??
    info.symbol(values, "swapper_pg_dir")
  const address = symbol === undefined ? undefined : toPhysical(values, symbol)
  if (address === undefined) return "VMCOREINFO does not say where the kernel's first page table is"
  const format = formatOf(values, machine)
  return typeof format === "string" ? format : { format, address }
}

/** Bits of an entry's address. */
const [FIRST_BIT, LAST_BIT] = [12, 51]

/** The bit that says "encrypted" in entries, on processors of AMD whose kernel uses it. */
const encryptionBit = (values: info.Values): number | undefined => {
  const mask = info.number(values, "sme_mask") ?? 0n
  const bit = mask > 0n ? mask.toString(2).length - 1 : 0
  return bit >= FIRST_BIT && bit <= LAST_BIT && mask === 1n << BigInt(bit) ? bit : undefined
}

const formatOf = (
  values: info.Values,
  machine: NonNullable<ReturnType<typeof machineOf>>
): PageTable.PageTable | string => {
  switch (machine) {
    case "x86_64":
      return PageTable.x86_64({
        levels: info.number(values, "pgtable_l5_enabled") === 1n ? 5 : 4,
        encryptionBit: encryptionBit(values)
      })
    case "i386":
      return PageTable.i386({ pae: values.get("CONFIG_X86_PAE") === "y" })
    case "aarch64": {
      const granule = GRANULES.get(values.get("PAGESIZE") ?? "4096")
      if (granule === undefined) return `VMCOREINFO has pages of ${values.get("PAGESIZE")} bytes, which no AArch64 has`
      const addressBits = aarch64Bits(values, granule)
      if (!(addressBits >= LEAST_BITS && addressBits <= MOST_BITS)) {
        return `VMCOREINFO has addresses of ${addressBits} bits, which no AArch64 has`
      }
      return PageTable.aarch64({ granule, addressBits })
    }
    case "riscv64": {
      const mode = RISCV.get(info.number(values, "VA_BITS") ?? 39n)
      return mode === undefined ? "VMCOREINFO has addresses of a size that no RISC-V has" : PageTable.riscv(mode)
    }
  }
}

/** The kernel's half of an address space. */
const UPPER = { start: 1n << 63n, end: 1n << 64n }

/** What the root maps in the kernel's half; without a map where that is nothing. */
export const kernelMap = Effect.fnUntraced(function* (
  physical: MemoryMap.Ready,
  root: Root,
  word: 4 | 8
): Effect.fn.Return<MemoryMap.Ready | string, ReadError> {
  const { map } = yield* AddressSpace.walk(physical, root.format, root.address, word === 8 ? { range: UPPER } : {})
  if (Option.isSome(MemoryMap.bounds(map))) return map as MemoryMap.Ready
  return "its page tables map nothing in the kernel's half"
})

/** Where an address of the kernel is in physical memory. */
export const physicalOf = (
  physical: MemoryMap.Ready,
  root: Root,
  address: bigint
): Effect.Effect<bigint, GuestDataError | SourceError> =>
  AddressSpace.translate(physical, root.format, root.address, address).pipe(
    Effect.map((found) => found.physical),
    Effect.catchTag(
      "UntranslatedAddress",
      (error) => new GuestDataError({ structure: "the kernel's page tables", address, why: error.message })
    )
  )

/** The tables of a process lead through its own half, which on AArch64 is another register's. */
export const lowerHalf = (format: PageTable.PageTable): PageTable.PageTable => {
  const aarch64 = /^aarch64-(\d+)k-(\d+)/.exec(format.name)
  if (aarch64 === null) return format
  const granule = Number(aarch64[1]) as 4 | 16 | 64
  return PageTable.aarch64({ granule, addressBits: Number(aarch64[2]), half: "lower" })
}

/** The map of a process: its own half, or a part of that. */
export const processMap = Effect.fnUntraced(function* (
  physical: MemoryMap.Ready,
  root: Root,
  range: { readonly start: bigint; readonly end: bigint } = { start: 0n, end: UPPER.start }
): Effect.fn.Return<MemoryMap.Ready, ReadError> {
  const { map } = yield* AddressSpace.walk(physical, lowerHalf(root.format), root.address, { range })
  return map as MemoryMap.Ready
})
