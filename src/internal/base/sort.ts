// Sorting by 64-bit starts. The starts are rounded to doubles, which decide nearly every comparison; where two doubles are
// equal the exact bigints decide.
import { isRest, type Work } from "./turns.ts"

/** Elements from which on a radix sort is faster than comparing: below it, clearing its tables costs more than it saves. */
const MANY = 1 << 14

/** Values of one digit of the radix sort: 16 bits, so that a double has four digits. */
const DIGITS = 1 << 16

/** Which of the two 32-bit halves of a double holds its sign and exponent: the second on a little-endian machine. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** Words that a pass of the radix sort looks at between two rests. */
const PASS = 1 << 15

/**
 * The order of doubles that are not negative, whose bits sort as their values do: a radix sort from the least significant
 * digit (Knuth, The Art of Computer Programming, volume 3, section 5.2.5). Stable.
 */
function* radixOrder(keys: Float64Array): Work<Uint32Array> {
  const words = new Uint32Array(keys.buffer)
  let from = new Uint32Array(keys.length)
  for (let i = 0; i < from.length; i++) from[i] = i
  let to = new Uint32Array(keys.length)
  for (const [half, shift] of [
    [1 - HIGH, 0],
    [1 - HIGH, 16],
    [HIGH, 0],
    [HIGH, 16]
  ] as const) {
    const digitOf = (index: number) => (words[2 * index + half]! >>> shift) & (DIGITS - 1)
    const places = new Uint32Array(DIGITS + 1)
    for (let first = 0; first < keys.length; first += PASS) {
      for (let i = first; i < Math.min(first + PASS, keys.length); i++) places[digitOf(i) + 1]!++
      yield
    }
    for (let digit = 1; digit < DIGITS; digit++) places[digit]! += places[digit - 1]!
    for (let first = 0; first < keys.length; first += PASS) {
      for (let i = first; i < Math.min(first + PASS, keys.length); i++) to[places[digitOf(from[i]!)]!++] = from[i]!
      yield
    }
    ;[from, to] = [to, from]
  }
  return from
}

/** Sorts each run of equal keys by `compare`, which looks at the exact starts. */
function* settleTies(order: Uint32Array, keys: Float64Array, compare: (a: number, b: number) => number): Work<void> {
  let start = 0
  let isSorted = true
  for (let i = 1; i <= order.length; i++) {
    if (isRest(i)) yield
    if (i < order.length && keys[order[i]!] === keys[order[start]!]) {
      isSorted &&= compare(order[i - 1]!, order[i]!) < 0
      continue
    }
    if (!isSorted) order.subarray(start, i).sort(compare)
    start = i
    isSorted = true
  }
}

/** Sorts by a start that each element has; equal ones stay in order. */
export function* ascending<A>(list: ReadonlyArray<A>, startOf: (element: A) => bigint): Work<ReadonlyArray<A>> {
  const keys = new Float64Array(list.length)
  for (let i = 0; i < list.length; i++) {
    keys[i] = Number(startOf(list[i]!))
    if (isRest(i)) yield
  }
  const compare = (a: number, b: number): number => {
    if (keys[a] !== keys[b]) return keys[a]! - keys[b]!
    const [start, other] = [startOf(list[a]!), startOf(list[b]!)]
    return start < other ? -1 : start > other ? 1 : a - b
  }
  let i = 1
  for (; i < list.length && compare(i - 1, i) < 0; i++) if (isRest(i)) yield
  if (i >= list.length) return list
  const many = list.length >= MANY
  const order = many ? yield* radixOrder(keys) : Uint32Array.from(keys, (_, i) => i).sort(compare)
  if (many) yield* settleTies(order, keys, compare)
  const result: Array<A> = []
  for (let j = 0; j < order.length; j++) {
    result.push(list[order[j]!]!)
    if (isRest(j)) yield
  }
  return result
}
