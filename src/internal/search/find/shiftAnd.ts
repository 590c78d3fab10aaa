// Baeza-Yates, Gonnet, "A new approach to text searching", CACM 35 (1992): one bit for each byte of the needle, so any
// mask goes, at one operation for 32 of them a byte.
import type { NeedleSearcher } from "./hits.ts"
import type { Needle } from "./needle.ts"

export const shiftAnd = ({ bytes: wanted, mask }: Needle): NeedleSearcher => {
  const length = wanted.length
  const width = (length + 31) >> 5
  // Bit j of row b: byte b may stand at place j of the needle.
  const table = new Int32Array(256 * width)
  for (let byte = 0; byte < 256; byte++) {
    for (let j = 0; j < length; j++) {
      if ((byte & (mask?.[j] ?? 255)) === wanted[j]) table[byte * width + (j >> 5)]! |= 1 << (j & 31)
    }
  }
  const top = 1 << ((length - 1) & 31)
  if (width === 1) {
    return (bytes, from, to, out, limit) => {
      const end = to - 1 + length
      let state = 0
      for (let i = from; i < end; i++) {
        state = ((state << 1) | 1) & table[bytes[i]!]!
        if ((state & top) !== 0) {
          out.push(i + 1 - length)
          if (out.length >= limit) return i + 2 - length
        }
      }
      return to
    }
  }
  return (bytes, from, to, out, limit) => {
    const end = to - 1 + length
    const state = new Int32Array(width)
    for (let i = from; i < end; i++) {
      const row = bytes[i]! * width
      let carry = 1
      for (let w = 0; w < width; w++) {
        const old = state[w]!
        state[w] = ((old << 1) | carry) & table[row + w]!
        carry = old >>> 31
      }
      if ((state[width - 1]! & top) !== 0) {
        out.push(i + 1 - length)
        if (out.length >= limit) return i + 2 - length
      }
    }
    return to
  }
}
