import { assert, describe, it } from "@effect/vitest"
import { AddressSet } from "../../src/internal/base/addressSet.ts"
import { randomWords } from "../support/random.ts"

describe("a set of addresses", () => {
  it("has what was added to it and nothing else, as a Set has", () => {
    const word = randomWords(4)
    const [ours, theirs] = [new AddressSet(), new Set<bigint>()]
    for (let i = 0; i < 20_000; i++) {
      // Few high halves and aligned low ones, as addresses of records have; now and then any.
      const low = BigInt(word() & 0x3fff) << 4n
      const address =
        i % 7 === 0 ? (BigInt(word()) << 32n) | BigInt(word()) : (BigInt(word() & 3) * 0x4000_0000_0000_0000n) | low
      assert.strictEqual(ours.add(address), !theirs.has(address))
      theirs.add(address)
      assert.strictEqual(ours.size, theirs.size)
    }
  })

  it("tells the ends of the space apart", () => {
    const set = new AddressSet()
    for (const address of [0n, 1n, 1n << 32n, (1n << 32n) - 1n, (1n << 64n) - 1n]) {
      assert.isTrue(set.add(address))
      assert.isFalse(set.add(address))
    }
    assert.strictEqual(set.size, 5)
  })
})
