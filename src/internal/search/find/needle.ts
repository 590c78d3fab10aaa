// A needle as the ways of finding it see it: bytes under a mask.

export interface Needle {
  /** With the bits outside `mask` cleared. */
  readonly bytes: Uint8Array
  /** `undefined`: every bit counts. */
  readonly mask: Uint8Array | undefined
}

/** Bytes from 0 to 255 with the letters A to Z in lower case, for needles that ignore case. */
export const lowerCase: Uint8Array = Uint8Array.from({ length: 256 }, (_, b) => (b >= 0x41 && b <= 0x5a ? b | 0x20 : b))

export const sameCase: Uint8Array = Uint8Array.from({ length: 256 }, (_, b) => b)

const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a

/** A needle in lower case that matches in either case: the bit that tells the cases apart does not count. */
export const foldedNeedle = (bytes: Uint8Array): Needle => {
  const mask = bytes.map((byte) => (isLower(byte) ? 0xdf : 0xff))
  return { bytes: bytes.map((byte, i) => byte & mask[i]!), mask }
}

/** Bytes of `needle` that stand at `start`, from the first on; its length when it matches. */
export const agreement = (needle: Needle, bytes: Uint8Array, start: number): number => {
  const { bytes: wanted, mask } = needle
  const length = wanted.length
  let i = 0
  if (mask === undefined) while (i < length && bytes[start + i] === wanted[i]) i++
  else while (i < length && (bytes[start + i]! & mask[i]!) === wanted[i]) i++
  return i
}
