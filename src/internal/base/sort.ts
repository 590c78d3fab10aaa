// Sorting by 64-bit starts. The starts are rounded to doubles, which decide nearly every comparison; where two doubles are
// equal the exact bigints decide.

/** Elements from which on a radix sort is faster than comparing: below it, clearing its tables costs more than it saves. */
const MANY = 1 << 14

/** Values of one digit of the radix sort: 16 bits, so that a double has four digits. */
const DIGITS = 1 << 16

/** Which of the two 32-bit halves of a double holds its sign and exponent: the second on a little-endian machine. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/**
 * The order of doubles that are not negative, whose bits sort as their values do: a radix sort from the least significant
 * digit (Knuth, The Art of Computer Programming, volume 3, section 5.2.5). Stable.
 */
const radixOrder = (keys: Float64Array): Uint32Array => {
  const words = new Uint32Array(keys.buffer)
  let from = Uint32Array.from(keys, (_, i) => i)
  let to = new Uint32Array(keys.length)
  for (const [half, shift] of [
    [1 - HIGH, 0],
    [1 - HIGH, 16],
    [HIGH, 0],
    [HIGH, 16]
  ] as const) {
    const places = new Uint32Array(DIGITS + 1)
    for (let i = half; i < words.length; i += 2) places[((words[i]! >>> shift) & (DIGITS - 1)) + 1]!++
    for (let digit = 1; digit < DIGITS; digit++) places[digit]! += places[digit - 1]!
    for (const index of from) to[places[(words[2 * index + half]! >>> shift) & (DIGITS - 1)]!++] = index
    ;[from, to] = [to, from]
  }
  return from
}

/** Sorts each run of equal keys by `compare`, which looks at the exact starts. */
const settleTies = (order: Uint32Array, keys: Float64Array, compare: (a: number, b: number) => number): void => {
  let start = 0
  for (let i = 1; i <= order.length; i++) {
    if (i < order.length && keys[order[i]!] === keys[order[start]!]) continue
    if (i - start > 1) order.subarray(start, i).sort(compare)
    start = i
  }
}

/** Sorts by a start that each element has; equal ones stay in order. */
export const ascending = <A>(list: ReadonlyArray<A>, startOf: (element: A) => bigint): ReadonlyArray<A> => {
  const keys = Float64Array.from(list, (element) => Number(startOf(element)))
  const compare = (a: number, b: number): number => {
    if (keys[a] !== keys[b]) return keys[a]! - keys[b]!
    const [start, other] = [startOf(list[a]!), startOf(list[b]!)]
    return start < other ? -1 : start > other ? 1 : a - b
  }
  let i = 1
  while (i < list.length && compare(i - 1, i) < 0) i++
  if (i >= list.length) return list
  const many = list.length >= MANY
  const order = many ? radixOrder(keys) : Uint32Array.from(keys, (_, i) => i).sort(compare)
  if (many) settleTies(order, keys, compare)
  return Array.from(order, (index) => list[index]!)
}
