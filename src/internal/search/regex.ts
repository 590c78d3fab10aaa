// Where matches of a regular expression start: the bytes are read backwards, by an automaton for the reversed
// expression that may begin at every byte. Wherever it accepts, a match starts. So each byte is looked at once, however
// many matches overlap.
import type { Regex } from "../patternCompile.ts"
import { Automaton, NONE } from "./automaton.ts"
import type { Hits, Matcher } from "./hits.ts"

/** Bytes for one call at most and at least, and what it may cost in bytes looked at. */
const STEP = 1 << 19
const LEAST_STEP = 1 << 12
const COST = 1 << 20

/** What a set of states that is not yet known costs, in bytes. */
const WORK = 64

export const regexMatcher = ({ program, reach }: Regex, alignment: number): Matcher => {
  const backward = new Automaton(program.backward, true)
  const forward = new Automaton(program.forward, false)
  let step = LEAST_STEP

  /** Length of the longest match at `start`, or of the shortest; 0 when there is none within reach. */
  const lengthAt = (bytes: Uint8Array, start: number, longest: boolean): number => {
    const end = Math.min(bytes.length, start + reach)
    let length = 0
    let id = forward.start
    for (let i = start; i < end; i++) {
      id = forward.step(id, bytes[i]!)
      if (id === NONE) break
      if (forward.accepting[id] === 1) {
        length = i + 1 - start
        if (!longest) break
      }
    }
    return length
  }

  return {
    reach,
    get step() {
      return step
    },
    scan: (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
      const starts: Array<number> = []
      const before = backward.made + forward.made
      let work = 0
      backward.backwards(bytes, from, Math.min(bytes.length, to - 1 + reach), starts)
      for (let i = starts.length - 1; i >= 0; i--) {
        const start = starts[i]!
        if (start >= to) break
        if ((phase + start) % alignment !== 0) continue
        const needed = out.wantLengths || program.most > reach
        const length = needed ? lengthAt(bytes, start, out.wantLengths) : 0
        work += needed ? Math.max(length, 16) : 0
        if (!needed || length > 0) out.push(start, 0, length)
        else work += reach
      }
      work += WORK * (backward.made + forward.made - before)
      const fair = (COST * (to - from)) / (to - from + work)
      step = Math.floor(Math.max(LEAST_STEP, Math.min(STEP, 2 * step, fair)))
      return to
    }
  }
}
