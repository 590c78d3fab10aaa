// XXH32 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md, "XXH32 Algorithm Description"). Every step of it
// is a bijection of what it has so far, so one changed word always changes the sum.

const P1 = 0x9e3779b1 | 0
const P2 = 0x85ebca77 | 0
const P3 = 0xc2b2ae3d | 0
const P4 = 0x27d4eb2f | 0
const P5 = 0x165667b1 | 0
const { imul } = Math

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))
const round = (sum: number, word: number): number => imul(rotate((sum + imul(word, P2)) | 0, 13), P1)

/** The sum of all bytes, an unsigned 32-bit number. */
export const xxh32 = (bytes: Uint8Array): number => {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const striped = length & ~15
  let sum = P5
  if (striped > 0) {
    let a = (P1 + P2) | 0
    let b = P2
    let c = 0
    let d = -P1 | 0
    for (let i = 0; i < striped; i += 16) {
      a = round(a, view.getInt32(i, true))
      b = round(b, view.getInt32(i + 4, true))
      c = round(c, view.getInt32(i + 8, true))
      d = round(d, view.getInt32(i + 12, true))
    }
    sum = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  }
  sum = (sum + length) | 0
  let i = striped
  for (; i + 4 <= length; i += 4) sum = imul(rotate((sum + imul(view.getInt32(i, true), P3)) | 0, 17), P4)
  for (; i < length; i++) sum = imul(rotate((sum + imul(view.getUint8(i), P5)) | 0, 11), P1)
  sum = imul(sum ^ (sum >>> 15), P2)
  sum = imul(sum ^ (sum >>> 13), P3)
  return (sum ^ (sum >>> 16)) >>> 0
}
