// Looks at one aligned 32-bit word in every few bytes. A needle of n bytes covers such a word wherever it stands, if
// they are at most n - 3 bytes apart; so the words that the needle has at these places, hashed into a small table,
// tell where to look closer. Several needles share the table and the pass.
import { agreement, type Needle } from "./needle.ts"

/** Bytes between words looked at, at most: beyond that, memory is no faster. */
const MAX_STRIDE = 64

/** The part of a needle that is sampled. */
interface Stretch {
  readonly offset: number
  readonly length: number
}

/** Or-ed over all words when case is ignored: A and a become the same (and so do a few others, sorted out later). */
const FOLD = 0x20202020

const isLittle = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

const HASH = 0x9e3779b1 | 0

/** What a word in the table, and one that is indeed a needle's, cost in bytes looked at. */
const MET = 8
const CANDIDATE = 24

/** Words of one byte repeated fill memory: zeros, 0xff, fillers. */
const isDull = (word: number): boolean => word === ((word << 8) | (word >>> 24))

const wordsOf = (bytes: Uint8Array, fold: number): Int32Array => {
  const words = new Int32Array(Math.max(0, bytes.length - 3))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let i = 0; i < words.length; i++) words[i] = view.getInt32(i, isLittle) | fold
  return words
}

/** The longest part without wildcards and dull words, if it is long enough to be sampled at all. */
const stretchOf = (needle: Needle, words: Int32Array, fold: number): Stretch | undefined => {
  const isFixed = (i: number) => {
    const mask = needle.mask?.[i] ?? 255
    return mask === 255 || (fold !== 0 && mask === 0xdf)
  }
  let best: Stretch = { offset: 0, length: 0 }
  let start = 0
  const end = (stop: number) => {
    if (stop - start > best.length) best = { offset: start, length: stop - start }
  }
  for (let i = 0; i < needle.bytes.length; i++) {
    if (!isFixed(i)) {
      end(i)
      start = i + 1
    } else if (i >= 3 && i - 3 >= start && isDull(words[i - 3]!)) {
      end(i)
      start = i - 2
    }
  }
  end(needle.bytes.length)
  return best.length >= 7 ? best : undefined
}

/** True when {@link Sampler} can look for this needle. */
export const canSample = (needle: Needle, fold: boolean): boolean => {
  const bits = fold ? FOLD : 0
  return stretchOf(needle, wordsOf(needle.bytes, bits), bits) !== undefined
}

export class Sampler {
  private readonly needles: ReadonlyArray<Needle>
  private readonly fold: number
  /** Bytes from one word to the next, a multiple of 4. */
  private readonly stride: number
  /** Bytes from the start of a match to its sampled word, at least and at most. */
  private readonly nearest: number
  private readonly farthest: number
  // Entries, chained by hash: a word that says "needle `which` may start `back` bytes before".
  private readonly heads: Int32Array
  /** 1 where there is a chain: small enough to stay in the nearest cache. */
  private readonly filter: Uint8Array
  private readonly shift: number
  private readonly word: Int32Array
  private readonly back: Int32Array
  private readonly which: Int32Array
  private readonly next: Int32Array

  constructor(needles: ReadonlyArray<Needle>, fold: boolean) {
    this.needles = needles
    this.fold = fold ? FOLD : 0
    const words = needles.map((needle) => wordsOf(needle.bytes, this.fold))
    const stretches = needles.map((needle, i) => stretchOf(needle, words[i]!, this.fold)!)
    this.stride = Math.min(MAX_STRIDE, Math.min(...stretches.map(({ length }) => length - 3)) & ~3)
    this.nearest = Math.min(...stretches.map(({ offset }) => offset))
    this.farthest = Math.max(...stretches.map(({ offset }) => offset)) + this.stride - 1
    const count = needles.length * this.stride
    const bits = Math.min(22, Math.max(12, Math.ceil(Math.log2(count * 16))))
    this.shift = 32 - bits
    this.heads = new Int32Array(1 << bits)
    this.filter = new Uint8Array(1 << bits)
    this.word = new Int32Array(count + 1)
    this.back = new Int32Array(count + 1)
    this.which = new Int32Array(count + 1)
    this.next = new Int32Array(count + 1)
    let entry = 0
    // The last entry of a chain is the first one met: the word that lies deepest in its needle.
    stretches.forEach(({ offset }, which) => {
      for (let i = 0; i < this.stride; i++) {
        const word = words[which]![offset + i]!
        const slot = Math.imul(word, HASH) >>> this.shift
        entry++
        this.word[entry] = word
        this.back[entry] = offset + i
        this.which[entry] = which
        this.next[entry] = this.heads[slot]!
        this.heads[slot] = entry
        this.filter[slot] = 1
      }
    })
  }

  /**
   * As `NeedleSearcher` says. With several needles, which are told in `which`, `out` is in no order, and the answer is -1 when there
   * are more than `limit`. Gives up once candidates that come to nothing cost more than they should.
   */
  scan(bytes: Uint8Array, from: number, to: number, out: Array<number>, limit: number, which?: Array<number>): number {
    const skew = (4 - (bytes.byteOffset & 3)) & 3
    if (bytes.length < skew + 4) return from
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + skew, Math.floor((bytes.length - skew) / 4))
    const { filter, fold, heads, nearest, shift, stride } = this
    const step = stride >> 2
    const first = Math.max(0, Math.floor((from + nearest - skew + 3) / 4))
    const last = Math.min(words.length, Math.floor((to - 1 + this.farthest - skew) / 4) + 1)
    const quads = last - 3 * step
    let patience = 4096
    let rested = first
    for (let i = first; i < last; i += step) {
      while (
        i < quads &&
        (filter[Math.imul(words[i]! | fold, HASH) >>> shift]! |
          filter[Math.imul(words[i + step]! | fold, HASH) >>> shift]! |
          filter[Math.imul(words[i + 2 * step]! | fold, HASH) >>> shift]! |
          filter[Math.imul(words[i + 3 * step]! | fold, HASH) >>> shift]!) ===
          0
      ) {
        i += 4 * step
      }
      if (i >= last) break
      const word = words[i]! | fold
      const slot = Math.imul(word, HASH) >>> shift
      if (filter[slot] === 0) continue
      const head = heads[slot]!
      const at = skew + 4 * i
      patience += 4 * (i - rested) - MET
      rested = i
      for (let entry = head; entry !== 0; entry = this.next[entry]!) {
        if (this.word[entry] !== word) continue
        const start = at - this.back[entry]!
        if (start < from || start >= to) continue
        const needle = this.needles[this.which[entry]!]!
        const agreed = agreement(needle, bytes, start)
        if (agreed === needle.bytes.length) {
          out.push(start)
          which?.push(this.which[entry]!)
        }
        patience -= CANDIDATE + agreed
      }
      if (out.length >= limit) return which === undefined ? Math.max(from, out[out.length - 1]! + 1) : -1
      // What starts before the next word's reach is decided.
      if (patience < 0) return Math.min(to, Math.max(from, at + 4 * step - this.farthest))
    }
    return to
  }
}
