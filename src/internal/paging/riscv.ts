// Page tables of RISC-V: The RISC-V Instruction Set Manual, volume II, "Supervisor-Level ISA": Sv32, Sv39, Sv48, Sv57, with
// the extensions Svnapot and Svpbmt. PROT_NONE as Linux writes it (arch/riscv/include/asm/pgtable-bits.h).
import {
  ALL,
  EXECUTE,
  type Format,
  INVALID,
  LEAF,
  type Level,
  NO_ACCESS,
  PRIVILEGED,
  READ,
  SWAPPED,
  TABLE,
  USER,
  WRITE
} from "./format.ts"

const VALID = 0x1
const R = 0x2
const W = 0x4
const X = 0x8
const U = 0x10
/** Global. In an entry that is not valid: the page is there; old kernels use R for that. */
const GLOBAL = 0x20
const ACCESSED = 0x40
const DIRTY = 0x80
/** Of the high half: 16 entries together map 64 KiB. */
const NAPOT = 0x8000_0000

export const modes = { sv32: 2, sv39: 3, sv48: 4, sv57: 5 } as const

const allowed = (low: number): number =>
  ((low & R) === 0 ? 0 : READ) |
  ((low & W) === 0 ? 0 : WRITE) |
  ((low & X) === 0 ? 0 : EXECUTE | PRIVILEGED) |
  ((low & U) === 0 ? 0 : USER)

export const riscv = (mode: keyof typeof modes): Format => {
  const count = modes[mode]
  const bits = mode === "sv32" ? 10 : 9
  const levels = Array.from({ length: count }, (_, i): Level => ({
    shift: 12 + bits * (count - 1 - i),
    bits,
    leaf: true
  }))
  const last = count - 1
  const pages = levels.map(({ shift }) => 2 ** (shift - 12))
  // Bits 53:10. Some processors keep other things above.
  const frameOf = (low: number, high: number): number => (low >>> 10) + (high & 0x3f_ffff) * 2 ** 22
  return {
    name: `riscv-${mode}`,
    entryBytes: mode === "sv32" ? 4 : 8,
    levels,
    addressBits: 12 + bits * count,
    half: mode === "sv32" ? "flat" : "split",
    tags: false,
    accessed: ACCESSED,
    dirty: DIRTY,
    effective: (allows) => allows & (READ | WRITE | EXECUTE | USER),
    decode: (entry, low, high, depth, index, user) => {
      const frame = frameOf(low, high)
      // The lower part of a large page's frame number has to be zero.
      const isAligned = frame % (pages[depth] ?? 1) === 0
      if ((low & VALID) === 0) {
        if ((low === 0 && high === 0) || !user) return entry.nothing()
        if ((low & (GLOBAL | R)) !== 0) {
          return isAligned ? entry.set(NO_ACCESS, frame, 0) : entry.set(INVALID, 0, 0)
        }
        return depth === last ? entry.set(SWAPPED, 0, 0) : entry.nothing()
      }
      if ((low & (R | W | X)) === 0) {
        return depth === last ? entry.set(INVALID, 0, 0) : entry.set(TABLE, frame, ALL)
      }
      if ((low & (R | W)) === W) return entry.set(INVALID, 0, 0)
      if ((high & NAPOT) !== 0) {
        if (depth !== last || frame % 16 !== 8) return entry.set(INVALID, 0, 0)
        return entry.set(LEAF, frame - 8 + (index % 16), allowed(low))
      }
      if (!isAligned) return entry.set(INVALID, 0, 0)
      entry.set(LEAF, frame, allowed(low))
    }
  }
}
