// Page tables of x86: Intel SDM volume 3A, chapter 4. Entries that are not present are read as Linux writes them
// (arch/x86/include/asm/pgtable-invert.h, pgtable_64.h, pgtable-3level.h, pgtable-2level.h).
import {
  ALL,
  type Decode,
  type Entry,
  EXECUTE,
  type Format,
  INVALID,
  LEAF,
  type Level,
  NO_ACCESS,
  PRIVILEGED,
  READ,
  SPECIAL,
  SWAPPED,
  TABLE,
  USER,
  WRITE
} from "./format.ts"

const PRESENT = 0x1
const WRITABLE = 0x2
const FOR_USERS = 0x4
const ACCESSED = 0x20
const DIRTY = 0x40
const LARGE = 0x80
/** Where PRESENT is clear: the page is there, and nobody may touch it. The global bit otherwise. */
const PROT_NONE = 0x100
const NO_EXECUTE = 0x8000_0000

const RUN = EXECUTE | PRIVILEGED

/** Linux has 32 swap areas less those that stand for something else: 9 in the newest kernels, fewer before. */
const AREAS = 32 - 9

const allowed = (low: number, high: number): number =>
  READ |
  ((low & WRITABLE) === 0 ? 0 : WRITE) |
  ((low & FOR_USERS) === 0 ? 0 : USER) |
  ((high & NO_EXECUTE) === 0 ? RUN : 0)

/** Bits 51:12 as a frame. */
const frameOf = (low: number, high: number): number => (high & 0xf_ffff) * 2 ** 20 + (low >>> 12)

const down = (frame: number, pages: number): number => frame - (frame % pages)

const swap = (entry: Entry, area: number, offset: number): void =>
  area < AREAS ? entry.set(SWAPPED, offset, 0, area) : entry.set(SPECIAL, 0, 0)

/** Since the L1TF fault, Linux keeps address bits inverted while an entry is not present. */
const absent64 = (entry: Entry, low: number, high: number, pages: number, user: boolean, last: boolean): void => {
  if ((low === 0 && high === 0) || !user) return entry.nothing()
  if ((low & PROT_NONE) !== 0 && (last || (low & LARGE) !== 0)) {
    return entry.set(NO_ACCESS, down(frameOf(~low, ~high), pages), 0)
  }
  if (!last) return entry.nothing()
  // offset = (~value << 5) >> 14, which is bits 58:9.
  const [low_, high_] = [~low >>> 0, ~high >>> 0]
  swap(entry, high >>> 27, (high_ & 0x7ff_ffff) * 2 ** 23 + (low_ >>> 9))
}

const pageBits = 9

const long = (levels: ReadonlyArray<Level>, cleared: number): Decode => {
  const last = levels.length - 1
  const pages = levels.map(({ shift }) => 2 ** (shift - 12))
  /** The bit that says "encrypted" is no part of an address. */
  const bit = cleared === 0 ? 0 : 2 ** (cleared - 12)
  const clear = (frame: number): number => (bit !== 0 && Math.floor(frame / bit) % 2 === 1 ? frame - bit : frame)
  return (entry, low, high, depth, _index, user) => {
    if ((low & PRESENT) === 0)
      return absent64(entry, low, high, pages[depth]!, user && levels[depth]!.leaf, depth === last)
    // A kernel that isolates its tables (KPTI) sets NX there in its own copy of the user half, to be safe from running it.
    const allows = allowed(low, depth === 0 && user ? 0 : high)
    const frame = clear(frameOf(low, high))
    if (depth === last) return entry.set(LEAF, frame, allows)
    if ((low & LARGE) === 0) return entry.set(TABLE, frame, allows)
    if (!levels[depth]!.leaf) return entry.set(INVALID, 0, 0)
    // Bit 12 is the memory type of a large page.
    entry.set(LEAF, down(frame, pages[depth]!), allows)
  }
}

const common = {
  tags: false,
  accessed: ACCESSED,
  dirty: DIRTY,
  effective: (allows: number) => allows & (READ | WRITE | EXECUTE | USER)
} as const

export const x86_64 = (count: 4 | 5, encryptionBit = 0): Format => {
  const levels = Array.from({ length: count }, (_, depth): Level => {
    const left = count - 1 - depth
    return { shift: 12 + pageBits * left, bits: pageBits, leaf: left < 3 }
  })
  return {
    ...common,
    name: count === 4 ? "x86-64" : "x86-64-la57",
    entryBytes: 8,
    levels,
    addressBits: 12 + pageBits * count,
    half: "split",
    decode: long(levels, encryptionBit)
  }
}

const paeLevels: ReadonlyArray<Level> = [
  { shift: 30, bits: 2, leaf: false },
  { shift: 21, bits: 9, leaf: true },
  { shift: 12, bits: 9, leaf: true }
]

const paeBelow = long(paeLevels, 0)

export const pae: Format = {
  ...common,
  name: "i386-pae",
  entryBytes: 8,
  levels: paeLevels,
  addressBits: 32,
  half: "flat",
  decode: (entry, low, high, depth, index, user) => {
    if (depth > 0) return paeBelow(entry, low, high, depth, index, user)
    // The four entries of the root restrict nothing.
    if ((low & PRESENT) === 0) entry.nothing()
    else entry.set(TABLE, frameOf(low, high), ALL)
  }
}

const shortLevels: ReadonlyArray<Level> = [
  { shift: 22, bits: 10, leaf: true },
  { shift: 12, bits: 10, leaf: true }
]

/** Pages of 4 MiB in the first level; two levels know no NX, and Linux inverts nothing there. */
export const i386: Format = {
  ...common,
  name: "i386",
  entryBytes: 4,
  levels: shortLevels,
  addressBits: 32,
  half: "flat",
  decode: (entry, low, _high, depth, _index, user) => {
    if ((low & PRESENT) === 0) {
      if (low === 0 || !user || depth === 0) return entry.nothing()
      if ((low & PROT_NONE) !== 0) return entry.set(NO_ACCESS, low >>> 12, 0)
      return swap(entry, (low >>> 1) & 0x1f, low >>> 9)
    }
    const allows = allowed(low, 0)
    if (depth === 1) return entry.set(LEAF, low >>> 12, allows)
    if ((low & LARGE) === 0) return entry.set(TABLE, low >>> 12, allows)
    // PSE-36: bits 20:13 are bits 39:32 of the address.
    entry.set(LEAF, (low >>> 22) * 2 ** 10 + ((low >>> 13) & 0xff) * 2 ** 20, allows)
  }
}
