// XXH32 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md, "XXH32 Algorithm Description"). Every step of it
// is a bijection of what it has so far, so one changed word always changes the sum.
import { atOnce, type Work } from "./turns.ts"

const P1 = 0x9e3779b1 | 0
const P2 = 0x85ebca77 | 0
const P3 = 0xc2b2ae3d | 0
const P4 = 0x27d4eb2f | 0
const P5 = 0x165667b1 | 0
const { imul } = Math

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))
const round = (sum: number, word: number): number => imul(rotate((sum + imul(word, P2)) | 0, 13), P1)

/** Bytes between two places where a sum rests: a fraction of a millisecond. A multiple of a stripe's 16. */
const PIECE = 1 << 18

/** Takes in the stripes of `view` from `from` to `to`, each of four words, one for each of the four lanes. */
const stripes = (lanes: Int32Array, view: DataView, from: number, to: number): void => {
  let a = lanes[0]!
  let b = lanes[1]!
  let c = lanes[2]!
  let d = lanes[3]!
  for (let i = from; i < to; i += 16) {
    a = round(a, view.getInt32(i, true))
    b = round(b, view.getInt32(i + 4, true))
    c = round(c, view.getInt32(i + 8, true))
    d = round(d, view.getInt32(i + 12, true))
  }
  lanes.set([a, b, c, d])
}

/** What the lanes come to (P5 of a text without a stripe), with the bytes behind the last stripe. */
const finish = (lanes: number, view: DataView, striped: number): number => {
  const length = view.byteLength
  let sum = (lanes + length) | 0
  let i = striped
  for (; i + 4 <= length; i += 4) sum = imul(rotate((sum + imul(view.getInt32(i, true), P3)) | 0, 17), P4)
  for (; i < length; i++) sum = imul(rotate((sum + imul(view.getUint8(i), P5)) | 0, 11), P1)
  sum = imul(sum ^ (sum >>> 15), P2)
  sum = imul(sum ^ (sum >>> 13), P3)
  return (sum ^ (sum >>> 16)) >>> 0
}

/** The sum of all bytes, an unsigned 32-bit number: work that can rest. */
export function* summing(bytes: Uint8Array): Work<number> {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const striped = length & ~15
  if (striped === 0) return finish(P5, view, 0)
  const lanes = Int32Array.of(P1 + P2, P2, 0, -P1)
  for (let from = 0; from < striped; from += PIECE) {
    if (from > 0) yield
    stripes(lanes, view, from, Math.min(striped, from + PIECE))
  }
  const [a, b, c, d] = lanes as unknown as readonly [number, number, number, number]
  return finish((rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0, view, striped)
}

/** The sum of all bytes, at once: for a MiB or so. */
export const xxh32 = (bytes: Uint8Array): number => atOnce(summing(bytes))
