// Page tables of AArch64: Arm Architecture Reference Manual, chapter D8 (VMSAv8-64). What is software's is read as Linux
// writes it (arch/arm64/include/asm/pgtable-prot.h, pgtable.h).
import {
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

/** Of the low half. */
const EL0 = 1 << 6
const READ_ONLY = 1 << 7
const ACCESSED = 1 << 10
/** nG: not global. In an invalid entry, Linux 6.10 and later: the page is there. */
const NOT_GLOBAL = 1 << 11
/** Of the high half. */
const WRITABLE = 1 << (51 - 32)
const PXN = 1 << (53 - 32)
const UXN = 1 << (54 - 32)
/** In an invalid entry, Linux up to 6.9: the page is there. */
const PROT_NONE = 1 << (58 - 32)
const PXN_TABLE = 1 << (59 - 32)
const UXN_TABLE = 1 << (60 - 32)
const NO_EL0_TABLE = 1 << (61 - 32)
const READ_ONLY_TABLE = 1 << (62 - 32)

export interface Options {
  readonly granule: 4 | 16 | 64
  readonly addressBits: number
  readonly half: "upper" | "lower"
  readonly lpa2: boolean
}

const pageAllows = (low: number, high: number): number =>
  READ |
  // A page that the processor may make writable (DBM) is writable: read-only says that it is clean.
  ((low & READ_ONLY) === 0 || (high & WRITABLE) !== 0 ? WRITE : 0) |
  ((low & EL0) === 0 ? 0 : USER) |
  ((high & UXN) === 0 ? EXECUTE : 0) |
  ((high & PXN) === 0 ? PRIVILEGED : 0)

const tableAllows = (high: number): number =>
  READ |
  ((high & READ_ONLY_TABLE) === 0 ? WRITE : 0) |
  ((high & NO_EL0_TABLE) === 0 ? USER : 0) |
  ((high & UXN_TABLE) === 0 ? EXECUTE : 0) |
  ((high & PXN_TABLE) === 0 ? PRIVILEGED : 0)

/** Blocks lie in the two levels above the last, with LPA2 (or 52 bits and 64 KiB) in the three. */
const levelsOf = ({ addressBits, granule, lpa2 }: Options): ReadonlyArray<Level> => {
  const page = granule === 4 ? 12 : granule === 16 ? 14 : 16
  const count = Math.ceil((addressBits - page) / (page - 3))
  return Array.from({ length: count }, (_, depth): Level => {
    const number = 4 - count + depth
    const shift = (page - 3) * (4 - number) + 3
    const bits = Math.min(page - 3, addressBits - shift)
    const leaf =
      number === 3 ||
      number === 2 ||
      (number === 1 && (granule === 4 || (granule === 16 ? lpa2 : addressBits === 52))) ||
      (number === 0 && granule === 4 && lpa2)
    return { shift, bits, leaf }
  })
}

/** The frame in an entry. The bits that are shareability in one layout are the top of the address in another. */
const frameIn = ({ addressBits, granule, lpa2 }: Options): ((low: number, high: number) => number) => {
  if (granule === 64) {
    const wide = addressBits === 52
    return (low, high) => (low >>> 16) * 16 + (high & 0xffff) * 2 ** 20 + (wide ? ((low >>> 12) & 0xf) * 2 ** 36 : 0)
  }
  const unit = granule === 4 ? 1 : 4
  const frame = (low: number): number => (low >>> 12) - ((low >>> 12) % unit)
  return lpa2
    ? (low, high) => frame(low) + (high & 0x3_ffff) * 2 ** 20 + ((low >>> 8) & 3) * 2 ** 38
    : (low, high) => frame(low) + (high & 0xffff) * 2 ** 20
}

export const aarch64 = (options: Options): Format => {
  const { addressBits, granule, half, lpa2 } = options
  const levels = levelsOf(options)
  const last = levels.length - 1
  const pages = levels.map(({ shift }) => 2 ** (shift - 12))
  const frameOf = frameIn(options)
  const down = (frame: number, depth: number): number => frame - (frame % pages[depth]!)
  return {
    name: `aarch64-${granule}k-${addressBits}${lpa2 ? "-lpa2" : ""}${half === "lower" ? "-lower" : ""}`,
    entryBytes: 8,
    levels,
    addressBits,
    half,
    tags: true,
    accessed: ACCESSED,
    dirty: 0,
    effective: (allows) => {
      const runs = half === "upper" ? (allows & PRIVILEGED) !== 0 : (allows & (EXECUTE | PRIVILEGED)) !== 0
      return (allows & (READ | WRITE | USER)) | (runs ? EXECUTE : 0)
    },
    decode: (entry, low, high, depth, _index, user) => {
      const type = low & 3
      if ((low & 1) === 0) {
        if ((low === 0 && high === 0) || !user || !levels[depth]!.leaf) return entry.nothing()
        const isThere = (high & PROT_NONE) !== 0 || (low & NOT_GLOBAL) !== 0
        // Clearing "valid" leaves 2 of a page and 0 of a block; entries of swap space end in 0.
        if (isThere && (depth === last ? type === 2 : type === 0 && (low & ACCESSED) !== 0)) {
          return entry.set(NO_ACCESS, down(frameOf(low, high), depth), 0)
        }
        // Where area and offset lie has changed, and nothing in the entry says which of the layouts it has.
        return depth === last && type === 0 ? entry.set(SWAPPED, 0, 0) : entry.nothing()
      }
      if (depth === last) {
        return type === 3 ? entry.set(LEAF, frameOf(low, high), pageAllows(low, high)) : entry.set(INVALID, 0, 0)
      }
      if (type === 3) return entry.set(TABLE, frameOf(low, high), tableAllows(high))
      if (!levels[depth]!.leaf) return entry.set(INVALID, 0, 0)
      entry.set(LEAF, down(frameOf(low, high), depth), pageAllows(low, high))
    }
  }
}
