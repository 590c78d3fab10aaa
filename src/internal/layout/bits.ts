// Bit-fields in bytes. Bits are counted in the order in which C hands them out: from the least significant bit of a byte on
// where the machine is little endian, from the most significant one where it is big endian.
import type { Decode } from "../base/decode.ts"

/** The `width` bits, at most 64, from bit `shift` (0 to 7) of the byte at `at` on: unsigned. */
export const bigBits =
  (shift: number, width: number): Decode<bigint> =>
  (bytes, at, little) => {
    const count = Math.ceil((shift + width) / 8)
    let value = 0n
    for (let i = 0; i < count; i++) value = (value << 8n) | BigInt(bytes[little ? at + count - 1 - i : at + i]!)
    return BigInt.asUintN(width, value >> BigInt(little ? shift : count * 8 - shift - width))
  }

/** The same of at most 32 bits, as a number. */
export const numberBits = (shift: number, width: number): Decode<number> => {
  if (shift + width > 32) {
    const big = bigBits(shift, width)
    return (bytes, at, little) => Number(big(bytes, at, little))
  }
  const count = Math.ceil((shift + width) / 8)
  const mask = width === 32 ? -1 : (1 << width) - 1
  const rest = count * 8 - shift - width
  return (bytes, at, little) => {
    let value = 0
    for (let i = 0; i < count; i++) value = (value << 8) | bytes[little ? at + count - 1 - i : at + i]!
    return ((value >>> (little ? shift : rest)) & mask) >>> 0
  }
}

/** Puts the low `width` bits of `value` there and leaves the bits around them as they are. */
export const putBits = (
  bytes: Uint8Array,
  at: number,
  shift: number,
  width: number,
  little: boolean,
  value: bigint
): void => {
  for (let i = 0; i < width; i++) {
    const bit = shift + i
    // Bit 0 of the field is its least significant one: the first that is handed out, or the last.
    const isSet = (value >> BigInt(little ? i : width - 1 - i)) & 1n
    const mask = little ? 1 << (bit & 7) : 0x80 >> (bit & 7)
    const index = at + (bit >> 3)
    bytes[index] = isSet === 1n ? bytes[index]! | mask : bytes[index]! & ~mask
  }
}
