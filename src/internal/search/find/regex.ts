// Where matches of a regular expression start: the bytes are read backwards, by an automaton for the reversed
// expression that may begin at every byte. Wherever it accepts, a match starts. So each byte is looked at once, however
// many matches overlap. Expressions that begin with plain bytes are spared that as long as these bytes are rare.
import { fastPaths } from "../../base/fastPaths.ts"
import type { Regex } from "../../pattern/compile.ts"
import type { Glushkov } from "../../pattern/regex.ts"
import { LazyDfa, NONE } from "./lazyDfa.ts"
import { exactSearcher, maskedSearcher } from "./needleSearcher.ts"
import type { Hits, Searcher, NeedleSearcher } from "./hits.ts"
import type { Needle } from "./needle.ts"

/** Bytes for one call at most and at least, and what it may cost in bytes looked at. */
const STEP = 1 << 19
const LEAST_STEP = 1 << 12
const TINY_STEP = 64
const COST = 1 << 20

/** What the smallest call may cost when every start has to be followed as far as a match may reach. */
const MOST = 1 << 22

/** What a set of states that is not yet known costs, in bytes. */
const WORK = 64

/** Plain bytes that are worth looking for, and places of them tried in one go. */
const LEAST_PREFIX = 3
const PLACES_AT_ONCE = 256

/** The bytes with which every match begins, letters in either case perhaps. */
const prefixOf = ({ first, follow, last, sets }: Glushkov): Needle => {
  const bytes: Array<number> = []
  const mask: Array<number> = []
  let next: ReadonlyArray<number> = first
  while (next.length === 1) {
    const state = next[0]!
    const members = Array.from(sets[state]!.keys()).filter((byte) => sets[state]![byte] === 1)
    const [low = 0, high = low] = members
    if (members.length > 2 || (members.length === 2 && (high - low !== 0x20 || low < 0x41 || low > 0x5a))) break
    bytes.push(low)
    mask.push(members.length === 2 ? 0xdf : 0xff)
    if (last.includes(state)) break
    next = [...follow[state]!]
  }
  return { bytes: Uint8Array.from(bytes), mask: Uint8Array.from(mask) }
}

const prefixSearcher = (prefix: Needle): NeedleSearcher | undefined => {
  if (prefix.bytes.length < LEAST_PREFIX || !fastPaths.quickSearch) return undefined
  return prefix.mask!.every((bits) => bits === 255) ? exactSearcher(prefix.bytes, false) : maskedSearcher(prefix)
}

export const regexSearcher = ({ program, reach }: Regex, alignment: number): Searcher => {
  const backward = new LazyDfa(program.backward, true)
  const forward = new LazyDfa(program.forward, false)
  const prefix = prefixOf(program.forward)
  const find = prefixSearcher(prefix)
  const least = Math.max(TINY_STEP, Math.min(LEAST_STEP, Math.floor(MOST / reach)))
  let step = least
  /** Bytes looked at in the present call, besides each one once. */
  let work = 0

  /** Length of the longest match at `start`, or of the shortest; 0 when there is none within reach. */
  const lengthAt = (bytes: Uint8Array, start: number, longest: boolean): number => {
    const end = Math.min(bytes.length, start + reach)
    let length = 0
    let id = forward.start
    let i = start
    for (; i < end; i++) {
      id = forward.step(id, bytes[i]!)
      if (id === NONE) break
      if (forward.accepting[id] === 1) {
        length = i + 1 - start
        if (!longest) break
      }
    }
    work += i - start + WORK / 4
    return length
  }

  /** Tries every place where the prefix stands; gives up once that takes too long. */
  const byPrefix = (
    find: NeedleSearcher,
    bytes: Uint8Array,
    from: number,
    to: number,
    phase: number,
    out: Hits
  ): number => {
    const end = Math.min(to, bytes.length - prefix.bytes.length + 1)
    const places: Array<number> = []
    let at = from
    while (at < end) {
      if (work > 4 * (at - from) + LEAST_STEP) return at
      at = find(bytes, at, end, places, PLACES_AT_ONCE)
      for (const start of places) {
        if ((phase + start) % alignment !== 0) continue
        const length = lengthAt(bytes, start, out.wantLengths)
        if (length > 0) out.push(start, 0, length)
      }
      places.length = 0
    }
    return to
  }

  const byBackward = (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): void => {
    const starts: Array<number> = []
    const end = Math.min(bytes.length, to - 1 + reach)
    backward.backwards(bytes, from, end, starts)
    work += end - to
    const needed = out.wantLengths || program.most > reach
    for (let i = starts.length - 1; i >= 0; i--) {
      const start = starts[i]!
      if (start >= to) break
      if ((phase + start) % alignment !== 0) continue
      const length = needed ? lengthAt(bytes, start, out.wantLengths) : 0
      if (!needed || length > 0) out.push(start, 0, length)
    }
  }

  return {
    reach,
    get step() {
      return step
    },
    search: (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
      const made = backward.made + forward.made
      work = 0
      const at = find === undefined ? from : byPrefix(find, bytes, from, to, phase, out)
      if (at < to) byBackward(bytes, at, to, phase, out)
      work += WORK * (backward.made + forward.made - made)
      const fair = (COST * (to - from)) / (to - from + Math.max(0, work))
      step = Math.floor(Math.max(least, Math.min(STEP, 2 * step, fair)))
      return to
    }
  }
}
