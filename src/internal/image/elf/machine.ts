// Machines by e_machine: System V ABI and the registry behind it, https://www.sco.com/developers/gabi/latest/ch4.eheader.html
import { type DataModel, i386, ILP32, LP64, type WordSize } from "../../../MachineModel.ts"

export const EM = {
  SPARC: 2,
  I386: 3,
  M68K: 4,
  MIPS: 8,
  PPC: 20,
  PPC64: 21,
  S390: 22,
  ARM: 40,
  SH: 42,
  X86_64: 62,
  AARCH64: 183,
  RISCV: 243,
  LOONGARCH: 258
} as const

const names: Readonly<Record<number, string>> = {
  [EM.SPARC]: "sparc",
  [EM.I386]: "i386",
  [EM.M68K]: "m68k",
  [EM.MIPS]: "mips",
  [EM.PPC]: "powerpc",
  [EM.PPC64]: "powerpc64",
  [EM.S390]: "s390x",
  [EM.ARM]: "arm",
  [EM.SH]: "superh",
  [EM.X86_64]: "x86-64",
  [EM.AARCH64]: "aarch64",
  [EM.RISCV]: "riscv",
  [EM.LOONGARCH]: "loongarch"
}

export const machineName = (machine: number): string => names[machine] ?? `machine ${machine}`

const narrow: ReadonlySet<number> = new Set([EM.SPARC, EM.I386, EM.M68K, EM.PPC, EM.ARM, EM.SH])

/** Always 32 bits, also in ELFCLASS64 files: dumps of machines with more memory than 32-bit offsets reach. */
export const isNarrowMachine = (machine: number): boolean => narrow.has(machine)

const plainCharIsUnsigned: ReadonlySet<number> = new Set([EM.PPC, EM.PPC64, EM.S390, EM.ARM, EM.AARCH64, EM.RISCV])

/** How C types lie on the machine, after its psABI: what GCC does there for Unix. */
export const dataModelOf = (machine: number, wordSize: WordSize): DataModel => {
  const base = wordSize === 64 ? LP64 : ILP32
  const name = machineName(machine)
  if (machine === EM.I386) return i386
  if (machine === EM.M68K) return { ...base, name, maxAlign: 2 }
  return plainCharIsUnsigned.has(machine) ? { ...base, name, char: "unsigned" } : base
}

/** `struct elf_prstatus` of Linux: its size, where it keeps pr_cursig, pr_pid and pr_reg, and the registers there. */
export interface StatusLayout {
  readonly size: number
  readonly signal: number
  readonly pid: number
  readonly registersAt: number
  readonly registerSize: 4 | 8
  readonly registers: ReadonlyArray<string>
}

const numbered = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

const wide = { signal: 12, pid: 32, registersAt: 112, registerSize: 8 } as const
const small = { signal: 12, pid: 24, registersAt: 72, registerSize: 4 } as const

// Linux: arch/*/include/asm/elf.h (elf_gregset_t), arch/*/include/uapi/asm/ptrace.h, include/linux/elfcore.h
const layouts: ReadonlyArray<StatusLayout & { readonly machine: number }> = [
  {
    machine: EM.X86_64,
    size: 336,
    ...wide,
    registers: (
      "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss " +
      "fs_base gs_base ds es fs gs"
    ).split(" ")
  },
  {
    machine: EM.I386,
    size: 144,
    ...small,
    registers: "ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss".split(" ")
  },
  { machine: EM.AARCH64, size: 392, ...wide, registers: [...numbered("x", 31), "sp", "pc", "pstate"] },
  {
    machine: EM.ARM,
    size: 148,
    ...small,
    registers: [...numbered("r", 11), "fp", "ip", "sp", "lr", "pc", "cpsr", "orig_r0"]
  },
  {
    machine: EM.RISCV,
    size: 376,
    ...wide,
    registers:
      "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split(" ")
  }
]

/** The layout of a status note of `size` bytes; the size tells the data models of one machine apart. */
export const statusLayout = (machine: number, size: number): StatusLayout | undefined =>
  layouts.find((layout) => layout.machine === machine && layout.size === size)

/** `struct elf_prpsinfo` of Linux, told apart by size. */
export const processLayout = (
  size: number
): { readonly pid: number; readonly name: number; readonly args: number } | undefined =>
  size === 136 ? { pid: 24, name: 40, args: 56 } : size === 124 ? { pid: 12, name: 28, args: 44 } : undefined

/** Types of the auxiliary vector: Linux include/uapi/linux/auxvec.h. */
export const auxiliaryNames: Readonly<Record<number, string>> = {
  0: "AT_NULL",
  1: "AT_IGNORE",
  2: "AT_EXECFD",
  3: "AT_PHDR",
  4: "AT_PHENT",
  5: "AT_PHNUM",
  6: "AT_PAGESZ",
  7: "AT_BASE",
  8: "AT_FLAGS",
  9: "AT_ENTRY",
  10: "AT_NOTELF",
  11: "AT_UID",
  12: "AT_EUID",
  13: "AT_GID",
  14: "AT_EGID",
  15: "AT_PLATFORM",
  16: "AT_HWCAP",
  17: "AT_CLKTCK",
  23: "AT_SECURE",
  24: "AT_BASE_PLATFORM",
  25: "AT_RANDOM",
  26: "AT_HWCAP2",
  27: "AT_RSEQ_FEATURE_SIZE",
  28: "AT_RSEQ_ALIGN",
  29: "AT_HWCAP3",
  30: "AT_HWCAP4",
  31: "AT_EXECFN",
  32: "AT_SYSINFO",
  33: "AT_SYSINFO_EHDR",
  51: "AT_MINSIGSTKSZ"
}
