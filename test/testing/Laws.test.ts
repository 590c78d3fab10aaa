import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as FailingSource from "../../src/testing/FailingSource.ts"
import { build, changes, edge } from "../../src/testing/History.ts"
import { disagreements } from "../../src/testing/Laws.ts"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"

const naive = NaiveMap.add(NaiveMap.add(NaiveMap.empty, [1, 1, 1], 4n)!, [2], 5n)!

describe("Laws.disagreements", () => {
  it.effect.prop(
    "is empty for every history of changes",
    [edge, changes],
    ([base, list]) =>
      Effect.gen(function* () {
        const pair = yield* build(base, list)
        assert.deepStrictEqual(yield* disagreements(pair.map, pair.naive), [])
      }),
    { arbitrary: { runs: 300, seed: 4 } }
  )

  it.effect("tells a wrong byte, a wrong mapping, a byte too few and one too many", () =>
    Effect.gen(function* () {
      const below = yield* MemoryMap.fromBytes(new Uint8Array([1, 9, 1, 1]), 4n)
      const map = yield* MemoryMap.addBytes(below, new Uint8Array([1]), 6n)
      assert.deepStrictEqual(yield* disagreements(map, naive), [
        "0x5: 2 of mapping 1 expected, 9 of mapping 0 found",
        "0x6: 1 of mapping 0 expected, 1 of mapping 1 found",
        "0x7: a hole expected, 1 of mapping 0 found"
      ])
      assert.lengthOf(yield* disagreements(MemoryMap.empty, naive), 3)
    })
  )
})

describe("FailingSource", () => {
  it.effect("fails at the reads it is told to, and gives its bytes at the others", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.of(1, 2, 3)
      const source = FailingSource.make(bytes, (k) => k % 2 === 0, { name: "every other" })
      bytes.fill(0) // it has its own copy
      const results = yield* Effect.forEach([0n, 1n, 2n], (at) => Effect.result(source.read(at, 1)))
      assert.deepStrictEqual(
        results.map((result) => (result._tag === "Success" ? [...result.success] : result.failure.reason)),
        [[1], "ReadFailed", [3]]
      )
      assert.isUndefined(source.resident)
      assert.isTrue(ByteSource.isByteSource(source))
    })
  )
})
