// Where the kernel's image lies in physical memory, by what VMCOREINFO says. Before the page tables can be walked this is the
// only way to read anything; afterwards the tables know better.
import * as info from "./vmcoreInfo.ts"

export type Machine = "x86_64" | "aarch64" | "riscv64" | "i386"

/** Where Linux for x86-64 links its kernel (__START_KERNEL_map). */
export const START_KERNEL_MAP = 0xffff_ffff_8000_0000n

/** Linux for i386 as it is usually configured (PAGE_OFFSET, VMSPLIT_3G). */
const I386_PAGE_OFFSET = 0xc000_0000n

/** What kind of machine the values are of: each has a key of its own. */
export const machineOf = (values: info.Values): Machine | undefined => {
  if (info.number(values, "kimage_voffset") !== undefined) return "aarch64"
  if (info.number(values, "va_kernel_pa_offset") !== undefined) return "riscv64"
  const text = info.symbol(values, "_stext") ?? info.symbol(values, "init_uts_ns")
  if (text === undefined) return undefined
  if (text >= START_KERNEL_MAP) return "x86_64"
  return text >= I386_PAGE_OFFSET && text <= 0xffff_ffffn ? "i386" : undefined
}

/** What to add to a virtual address of the kernel's image to get the physical one. */
export const imageShift = (values: info.Values): bigint | undefined => {
  switch (machineOf(values)) {
    case "x86_64": {
      const base = info.number(values, "phys_base")
      return base === undefined ? undefined : base - START_KERNEL_MAP
    }
    case "aarch64": {
      const offset = info.number(values, "kimage_voffset")
      return offset === undefined ? undefined : -offset
    }
    case "riscv64": {
      const offset = info.number(values, "va_kernel_pa_offset")
      return offset === undefined ? undefined : -offset
    }
    case "i386":
      return -I386_PAGE_OFFSET
    case undefined:
      return undefined
  }
}

export const toPhysical = (values: info.Values, address: bigint): bigint | undefined => {
  const shift = imageShift(values)
  return shift === undefined ? undefined : BigInt.asUintN(64, address + shift)
}
