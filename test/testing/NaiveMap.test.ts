// The oracle itself. It must be right for other reasons than the map is, so everything here is written out by hand.
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"

const LAST = (1n << 64n) - 1n

/** `address: byte`, ascending. */
const shown = (map: NaiveMap.NaiveMap) =>
  [...NaiveMap.cells(map)].map(([address, { byte, order }]) => `${address}: ${byte} of ${order}`).sort()

const one = NaiveMap.add(NaiveMap.empty, [10, 11, 12], 2n)!

describe("add", () => {
  it("places bytes at the addresses they belong to", () => {
    assert.deepStrictEqual(shown(NaiveMap.empty), [])
    assert.deepStrictEqual(shown(one), ["2: 10 of 0", "3: 11 of 0", "4: 12 of 0"])
  })

  it("over covers what was there before", () => {
    const map = NaiveMap.add(one, [20, 21], 4n)!
    assert.deepStrictEqual(shown(map), ["2: 10 of 0", "3: 11 of 0", "4: 20 of 1", "5: 21 of 1"])
    assert.deepStrictEqual(shown(one), ["2: 10 of 0", "3: 11 of 0", "4: 12 of 0"], "the old one stays")
  })

  it("under fills holes, below all that was under before", () => {
    const under = NaiveMap.add(one, [20, 21], 4n, "under")!
    assert.deepStrictEqual(shown(under), ["2: 10 of 0", "3: 11 of 0", "4: 12 of 0", "5: 21 of 1"])
    const twice = NaiveMap.add(under, [30, 31], 5n, "under")!
    assert.deepStrictEqual(shown(twice).slice(3), ["5: 21 of 1", "6: 31 of 2"])
    const over = NaiveMap.add(twice, [40], 5n, "over")!
    assert.deepStrictEqual(shown(over).slice(3), ["5: 40 of 3", "6: 31 of 2"])
  })

  it("reject and equal refuse, or lie on top", () => {
    assert.isUndefined(NaiveMap.add(one, [12, 13], 4n, "reject"))
    assert.deepStrictEqual(shown(NaiveMap.add(one, [13], 5n, "reject")!).slice(3), ["5: 13 of 1"])
    assert.isUndefined(NaiveMap.add(one, [13, 13], 4n, "equal"))
    assert.deepStrictEqual(shown(NaiveMap.add(one, [12, 13], 4n, "equal")!).slice(2), ["4: 12 of 1", "5: 13 of 1"])
    const covered = NaiveMap.add(one, [99], 4n)!
    assert.isUndefined(NaiveMap.add(covered, [12], 4n, "equal"), "what is covered does not count")
  })
})

describe("remove", () => {
  it("shows again what was covered, and gives no order out twice", () => {
    const two = NaiveMap.add(one, [20], 3n)!
    assert.deepStrictEqual(shown(NaiveMap.remove(two, 1)), shown(one))
    assert.deepStrictEqual(shown(NaiveMap.remove(two, 0)), ["3: 20 of 1"])
    assert.deepStrictEqual(shown(NaiveMap.remove(two, 7)), shown(two))
    const again = NaiveMap.add(NaiveMap.remove(two, 1), [30], 3n)!
    assert.include(shown(again), "3: 30 of 2")
  })
})

describe("read", () => {
  it("stops at the first hole, and at the end of the space", () => {
    assert.deepStrictEqual(NaiveMap.read(one, 3n, 100), [11, 12])
    assert.deepStrictEqual(NaiveMap.read(one, 2n, 2), [10, 11])
    assert.deepStrictEqual(NaiveMap.read(one, 5n, 1), [])
    assert.deepStrictEqual(NaiveMap.read(one, 2n, 0), [])
    const top = NaiveMap.add(NaiveMap.add(NaiveMap.empty, [1, 2], LAST - 1n)!, [3], 0n)!
    assert.deepStrictEqual(NaiveMap.read(top, LAST - 1n, 9), [1, 2], "nothing wraps")
  })

  it("crosses from layer to layer", () => {
    const map = NaiveMap.add(NaiveMap.add(one, [20], 5n)!, [30], 3n)!
    assert.deepStrictEqual(NaiveMap.read(map, 2n, 9), [10, 30, 12, 20])
  })
})

describe("findAll", () => {
  it("finds overlapping matches, across layers, and not across holes", () => {
    const map = NaiveMap.add(NaiveMap.add(NaiveMap.empty, [1, 1, 1], 10n)!, [1, 2], 13n)!
    assert.deepStrictEqual(NaiveMap.findAll(map, [1, 1]), [10n, 11n, 12n])
    assert.deepStrictEqual(NaiveMap.findAll(map, [1, 2]), [13n])
    const apart = NaiveMap.add(map, [1], 16n)!
    assert.deepStrictEqual(NaiveMap.findAll(apart, [2, 1]), [])
    assert.deepStrictEqual(NaiveMap.findAll(apart, [1]), [10n, 11n, 12n, 13n, 16n])
  })

  it("finds the last byte of the space, and orders by address, not by adding", () => {
    const map = NaiveMap.add(NaiveMap.add(NaiveMap.empty, [7], LAST)!, [7], 0n)!
    assert.deepStrictEqual(NaiveMap.findAll(map, [7]), [0n, LAST])
    assert.deepStrictEqual(NaiveMap.findAll(map, [7, 7]), [])
  })
})

const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
const bytes = Schema.Array(byte).check(Schema.isMinLength(1), Schema.isMaxLength(9))

it.prop("what is added can be read and found where it is", [bytes, bytes], ([below, above]) => {
  const map = NaiveMap.add(NaiveMap.add(NaiveMap.empty, below, 100n)!, above, 104n)!
  assert.deepStrictEqual(NaiveMap.read(map, 104n, above.length), [...above])
  assert.include(NaiveMap.findAll(map, above), 104n)
  assert.deepStrictEqual(NaiveMap.read(map, 100n, 4), below.slice(0, 4))
})
