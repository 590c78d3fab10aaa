import { assert, describe, it } from "@effect/vitest"
import { ascending } from "../../src/internal/base/sort.ts"
import { atOnce } from "../../src/internal/base/turns.ts"
import { randomWords } from "../support/random.ts"

interface Element {
  readonly start: bigint
  readonly place: number
}

const elements = (count: number, startOf: (random: number) => bigint): ReadonlyArray<Element> => {
  const next = randomWords(9)
  return Array.from({ length: count }, (_, place) => ({ start: startOf(next()), place }))
}

const expected = (list: ReadonlyArray<Element>): ReadonlyArray<Element> =>
  list.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.place - b.place))

const kinds: Readonly<Record<string, (random: number) => bigint>> = {
  "anywhere in 32 bits": BigInt,
  "at few addresses": (random) => BigInt(random >>> 24),
  "anywhere in 64 bits": (random) => BigInt(random) * 0xffff_fff1n,
  "below 2^64, where thousands round to one double": (random) => (1n << 64n) - 1n - BigInt(random & 0xffff)
}

describe("ascending", () => {
  for (const [kind, startOf] of Object.entries(kinds)) {
    for (const count of [2, 1000, 40_000]) {
      it(`sorts ${count} starts ${kind}, equal ones in order`, () => {
        const list = elements(count, startOf)
        assert.deepStrictEqual(atOnce(ascending(list, ({ start }) => start)), expected(list))
      })
    }
  }

  it("gives back what is sorted already", () => {
    const list = expected(elements(50_000, BigInt))
    assert.strictEqual(atOnce(ascending(list, ({ start }) => start)), list)
  })
})
