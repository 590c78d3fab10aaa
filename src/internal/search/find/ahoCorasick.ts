// Aho, Corasick, "Efficient string matching: an aid to bibliographic search", CACM 18 (1975): many needles at one step
// a byte, as an automaton with all steps written out, over classes of bytes that no needle tells apart.

/** States in one table, so that it stays small; needles that need more are shared out among several automata. */
const MAX_STATES = 1 << 14

class AhoCorasick {
  private readonly step: Uint16Array
  private readonly classes: Int32Array
  private readonly width: number
  private readonly lengths: Int32Array
  private readonly longest: number
  private readonly ids: Int32Array
  /** Per state, one more than the index of the needle that ends here; `same` leads on to equal needles. */
  private readonly ends: Int32Array
  private readonly same: Int32Array
  /** Per state, the nearest shorter state in which a needle ends; 0: none. */
  private readonly shorter: Int32Array

  constructor(needles: ReadonlyArray<Uint8Array>, ids: ReadonlyArray<number>, form: Uint8Array) {
    this.ids = Int32Array.from(ids)
    this.lengths = Int32Array.from(needles, (needle) => needle.length)
    this.longest = this.lengths.reduce((a, b) => Math.max(a, b), 0)
    this.classes = new Int32Array(256)
    let width = 1
    const seen = new Int32Array(256)
    for (const needle of needles) for (const byte of needle) if (seen[byte] === 0) seen[byte] = width++
    for (let byte = 0; byte < 256; byte++) this.classes[byte] = seen[form[byte]!]!
    this.width = width
    const states = needles.reduce((total, { length }) => total + length, 1)
    const step = (this.step = new Uint16Array(states * width))
    this.ends = new Int32Array(states)
    this.same = new Int32Array(needles.length + 1)
    this.shorter = new Int32Array(states)
    const made = this.trie(needles, seen)
    this.connect(step, made)
  }

  private trie(needles: ReadonlyArray<Uint8Array>, seen: Int32Array): number {
    const { step, width } = this
    let made = 1
    needles.forEach((needle, index) => {
      let state = 0
      for (const byte of needle) {
        const at = state * width + seen[byte]!
        if (step[at] === 0) step[at] = made++
        state = step[at]!
      }
      this.same[index + 1] = this.ends[state]!
      this.ends[state] = index + 1
    })
    return made
  }

  /** Breadth first: a step that is missing is the one that the longest proper suffix would make. */
  private connect(step: Uint16Array, made: number): void {
    const { width } = this
    const suffix = new Int32Array(made)
    const queue = new Int32Array(made)
    let tail = 0
    for (let c = 0; c < width; c++) if (step[c] !== 0) queue[tail++] = step[c]!
    for (let head = 0; head < tail; head++) {
      const state = queue[head]!
      const fallback = suffix[state]!
      this.shorter[state] = this.ends[fallback] !== 0 ? fallback : this.shorter[fallback]!
      for (let c = 0; c < width; c++) {
        const at = state * width + c
        const other = step[fallback * width + c]!
        if (step[at] === 0) step[at] = other
        else {
          suffix[step[at]!] = other
          queue[tail++] = step[at]!
        }
      }
    }
  }

  /** Matches that start in `[from, to)`, in the order of their ends; false when there are more than `limit`. */
  scan(
    bytes: Uint8Array,
    from: number,
    to: number,
    offsets: Array<number>,
    which: Array<number>,
    limit: number
  ): boolean {
    const { classes, ends, lengths, shorter, step, width } = this
    const stop = Math.min(bytes.length, to - 1 + this.longest)
    let state = 0
    for (let i = from; i < stop; i++) {
      state = step[state * width + classes[bytes[i]!]!]!
      for (let s = ends[state] !== 0 ? state : shorter[state]!; s !== 0; s = shorter[s]!) {
        for (let entry = ends[s]!; entry !== 0; entry = this.same[entry]!) {
          const start = i + 1 - lengths[entry - 1]!
          if (start < to) {
            offsets.push(start)
            which.push(this.ids[entry - 1]!)
          }
        }
        if (offsets.length > limit) return false
      }
    }
    return true
  }
}

/** Finds many needles; false when there are more matches than `limit`. */
export type ManySearcher = (
  bytes: Uint8Array,
  from: number,
  to: number,
  offsets: Array<number>,
  which: Array<number>,
  limit: number
) => boolean

/** `form` maps each byte to the one it is compared as; `ids` is what `which` is filled with. */
export const ahoCorasick = (
  needles: ReadonlyArray<Uint8Array>,
  ids: ReadonlyArray<number>,
  form: Uint8Array
): ManySearcher => {
  const automata: Array<AhoCorasick> = []
  let group: Array<number> = []
  let size = 0
  const close = () => {
    if (group.length > 0) {
      automata.push(
        new AhoCorasick(
          group.map((i) => needles[i]!),
          group.map((i) => ids[i]!),
          form
        )
      )
    }
    group = []
    size = 0
  }
  needles.forEach((needle, i) => {
    if (size + needle.length >= MAX_STATES) close()
    group.push(i)
    size += needle.length
  })
  close()
  return (...args) => automata.every((automaton) => automaton.scan(...args))
}
