// Runs a Glushkov automaton over bytes. Sets of states are bit sets; the set reached by a byte is put together from
// tables, eight states at a time (Navarro, Raffinot, "Fast and simple character classes and bounded gaps pattern
// matching", 2003), and remembered, so that the automaton turns into a deterministic one as far as the bytes ask for it.
import type { Glushkov } from "../../pattern/regex.ts"

/** Sets remembered at most, and steps between them; then they are forgotten, all at once. */
const MAX_SETS = 2048
const MAX_STEPS = 1 << 18
const UNKNOWN = -1

/** The set without states: where an anchored run begins to be hopeless, and where an unanchored one begins. */
export const NONE = 0

export class LazyDfa {
  /** Bytes that the expression does not tell apart are of one class. */
  readonly classOf: Uint8Array
  private readonly classes: number
  private readonly width: number
  /** Per class, the states that a byte of it can be in. */
  private readonly admitted: Int32Array
  /** What follows on 8 states, for each of their 256 combinations. */
  private readonly follows: Int32Array
  private readonly first: Int32Array
  private readonly last: Int32Array
  /** A match may begin at every byte, not only at the first. */
  private readonly unanchored: boolean

  private ids = new Map<string, number>()
  private sets: Array<Int32Array> = []
  private steps: Int32Array
  private readonly mostSets: number
  /** 1 for the bytes that lead from no states to none. */
  private readonly idle: Uint8Array
  /** 1 for the sets in which a match ends. */
  readonly accepting = new Uint8Array(MAX_SETS + 2)
  /** Sets worked out so far, also those forgotten since. */
  made = 0

  constructor({ first, follow, last, sets }: Glushkov, unanchored: boolean) {
    this.unanchored = unanchored
    const width = (this.width = (sets.length + 31) >> 5)
    const bits = (states: Iterable<number>): Int32Array => {
      const set = new Int32Array(width)
      for (const state of states) set[state >> 5]! |= 1 << (state & 31)
      return set
    }
    this.first = bits(first)
    this.last = bits(last)
    const columns = new Map<string, number>()
    const admitted: Array<Int32Array> = []
    this.classOf = Uint8Array.from({ length: 256 }, (_, byte) => {
      const states = sets.flatMap((set, state) => (set[byte] === 1 ? [state] : []))
      const key = states.join()
      if (!columns.has(key)) columns.set(key, admitted.push(bits(states)) - 1)
      return columns.get(key)!
    })
    this.classes = admitted.length
    this.admitted = new Int32Array(this.classes * width)
    admitted.forEach((set, i) => this.admitted.set(set, i * width))
    const octets = (sets.length + 7) >> 3
    this.follows = new Int32Array(octets * 256 * width)
    for (let octet = 0; octet < octets; octet++) {
      for (let combination = 1; combination < 256; combination++) {
        const row = (octet * 256 + combination) * width
        const lowest = 31 - Math.clz32(combination & -combination)
        const rest = (octet * 256 + (combination & (combination - 1))) * width
        const next = bits(follow[octet * 8 + lowest] ?? [])
        for (let w = 0; w < width; w++) this.follows[row + w] = this.follows[rest + w]! | next[w]!
      }
    }
    this.mostSets = Math.min(MAX_SETS, Math.floor(MAX_STEPS / this.classes))
    this.steps = new Int32Array(16 * this.classes)
    this.forget()
    this.idle = Uint8Array.from({ length: 256 }, (_, byte) => (this.step(NONE, byte) === NONE ? 1 : 0))
  }

  /** Where an anchored run begins. */
  readonly start = 1

  private forget(): void {
    this.ids.clear()
    this.sets = []
    this.steps.fill(UNKNOWN)
    this.ids.set(new Int32Array(this.width).join(), NONE)
    this.sets.push(new Int32Array(this.width), new Int32Array(this.width))
  }

  private grow(): void {
    const old = this.steps
    this.steps = new Int32Array(2 * old.length).fill(UNKNOWN, old.length)
    this.steps.set(old)
  }

  /** The number of the set reached from set `id` by a byte; numbers given before may lose their meaning. */
  step(id: number, byte: number): number {
    const at = id * this.classes + this.classOf[byte]!
    const known = this.steps[at]!
    return known !== UNKNOWN ? known : this.work(id, this.classOf[byte]!)
  }

  /**
   * Reads `bytes[high - 1]` down to `bytes[low]`, beginning without states, and notes where a match ends: there the set
   * is an accepting one. Bytes that lead from no states to none are passed over four at a time.
   */
  backwards(bytes: Uint8Array, low: number, high: number, ends: Array<number>): void {
    const { accepting, classes, classOf, idle } = this
    let { steps } = this
    let id = NONE
    for (let i = high - 1; i >= low; i--) {
      if (id === NONE) {
        while (
          i > low + 3 &&
          (idle[bytes[i]!]! & idle[bytes[i - 1]!]! & idle[bytes[i - 2]!]! & idle[bytes[i - 3]!]!) === 1
        )
          i -= 4
        if (idle[bytes[i]!] === 1) continue
      }
      const klass = classOf[bytes[i]!]!
      let next = steps[id * classes + klass]!
      if (next === UNKNOWN) {
        next = this.work(id, klass)
        steps = this.steps
      }
      id = next
      if (accepting[id] === 1) ends.push(i)
    }
  }

  private work(id: number, klass: number): number {
    const { follows, width } = this
    const from = this.sets[id]!
    const set = this.unanchored || id === this.start ? this.first.slice() : new Int32Array(width)
    const octets = width * 4
    for (let octet = 0; octet < octets; octet++) {
      const combination = (from[octet >> 2]! >>> ((octet & 3) * 8)) & 255
      if (combination === 0) continue
      const row = (octet * 256 + combination) * width
      for (let w = 0; w < width; w++) set[w]! |= follows[row + w]!
    }
    let accepts = 0
    for (let w = 0; w < width; w++) {
      set[w]! &= this.admitted[klass * width + w]!
      accepts |= set[w]! & this.last[w]!
    }
    this.made++
    const key = set.join()
    let to = this.ids.get(key)
    if (to === undefined) {
      const isFull = this.sets.length >= this.mostSets
      if (isFull) this.forget()
      to = this.sets.push(set) - 1
      if (this.sets.length * this.classes > this.steps.length) this.grow()
      this.ids.set(key, to)
      this.accepting[to] = accepts === 0 ? 0 : 1
      if (isFull) return to
    }
    this.steps[id * this.classes + klass] = to
    return to
  }
}
