// What a format of page tables is to the one walker that goes through all of them: how the bits of an address choose
// entries, and what an entry says. Numbers, not bigints: page frames and pages are counted in units of 4 KiB, so that the
// longest physical address, 56 bits, fits in a double; an entry comes as two halves of 32 bits.

/** Bytes of a page frame, the unit of all counts here, in every format. */
export const FRAME = 4096n
export const FRAME_BITS = 12

/** What a page may be used for, in bits. `EXECUTE` is for user code, `PRIVILEGED` for the kernel's. */
export const READ = 1
export const WRITE = 2
export const EXECUTE = 4
export const USER = 8
export const PRIVILEGED = 16
export const ALL = READ | WRITE | EXECUTE | USER | PRIVILEGED

/** What an entry is. */
export const NOTHING = 0
export const TABLE = 1
export const LEAF = 2
/** A page that is there and that nobody may touch, as Linux marks PROT_NONE and pages that it samples for NUMA. */
export const NO_ACCESS = 3
/** A page in swap space: `frame` is the offset there in pages, `area` the number of the space, -1 where that is not known. */
export const SWAPPED = 4
/** A page that moves, memory of a device, a marker: what Linux writes as swap areas that cannot be. */
export const SPECIAL = 5
export const INVALID = 6

/** What `decode` says of an entry; one object, filled anew each time, for an object an entry would cost more than the rest. */
export class Entry {
  kind = NOTHING
  /** First frame of the table or page. */
  frame = 0
  /** What it allows: of a table, all that is below; of a page, the page. */
  allows = ALL
  area = -1
  nothing(): void {
    this.kind = NOTHING
  }
  set(kind: number, frame: number, allows: number, area = -1): void {
    this.kind = kind
    this.frame = frame
    this.allows = allows
    this.area = area
  }
}

export interface Level {
  /** The lowest bit of an address that chooses an entry here, and how many do. */
  readonly shift: number
  readonly bits: number
  /** Whether an entry can map a page here. In the last level each does. */
  readonly leaf: boolean
}

export interface Decode {
  /** `index` is the number of the entry in its table; `user`: it lies in the half of the space that programs use. */
  (entry: Entry, low: number, high: number, depth: number, index: number, user: boolean): void
}

export interface Format {
  readonly name: string
  readonly entryBytes: 4 | 8
  /** From the root down. */
  readonly levels: ReadonlyArray<Level>
  /** Bits of a virtual address that count. */
  readonly addressBits: number
  /**
   * Where these addresses lie: `"flat"`, from 0 up; `"split"`, half of them from 0 up and half down from 2^64; `"upper"`
   * and `"lower"`, all in one of those halves.
   */
  readonly half: "flat" | "split" | "upper" | "lower"
  /** Whether the bits above those that count may hold a tag, which is no part of the address. */
  readonly tags: boolean
  /** What the root itself allows. */
  readonly decode: Decode
  /** Permissions that a page has in the end. */
  readonly effective: (allows: number) => number
  /** Which bits of the low half say accessed and dirty; 0 where there is none. */
  readonly accessed: number
  readonly dirty: number
}

/** Pages that an entry of this level maps or leads to. */
export const pagesOf = ({ shift }: Level): number => 2 ** (shift - FRAME_BITS)

/** Pages of the space. */
export const spaceOf = ({ addressBits }: Format): number => 2 ** (addressBits - FRAME_BITS)

/** What lies above the lower half of a split space. */
export const isUpper = (format: Format, page: number): boolean =>
  format.half === "upper" || (format.half === "split" && page >= spaceOf(format) / 2)

/** The pages that programs use, from the first on. In a flat space they have three quarters, unless Linux is told otherwise. */
export const userPagesOf = (format: Format): number =>
  spaceOf(format) * { flat: 0.75, split: 0.5, lower: 1, upper: 0 }[format.half]

export const isUser = (format: Format, page: number): boolean => page < userPagesOf(format)

/** The address of a page of the space; of the one past the last, too. `upper` tells the two ends of a half apart. */
export const addressOf = (format: Format, page: number, upper: boolean): bigint =>
  BigInt(page) * FRAME + (upper ? (1n << 64n) - (1n << BigInt(format.addressBits)) : 0n)

/** The bits of an address that count; `undefined` when the space has no such address. */
export const placeOf = (format: Format, address: bigint): bigint | undefined => {
  const bits = format.addressBits
  const place = BigInt.asUintN(bits, address)
  if (address < 0n || address >= 1n << 64n) return undefined
  const whole = format.tags ? BigInt.asUintN(64, BigInt.asIntN(56, address)) : address
  const isHigh = whole >= 1n << 63n
  const upper = BigInt.asUintN(64, BigInt.asIntN(bits, whole))
  switch (format.half) {
    case "flat":
    case "lower":
      return whole === place ? place : undefined
    case "split":
      return whole === upper ? place : undefined
    case "upper":
      return isHigh && whole === (1n << 64n) - (1n << BigInt(bits)) + place ? place : undefined
  }
}
