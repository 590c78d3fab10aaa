import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { withAbsences } from "../../src/internal/map/absences.ts"
import { implOf } from "../../src/internal/map/build.ts"
import { MemoryMap } from "../../src/index.ts"

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const absence = Arbitrary.map(
  Arbitrary.all({ start: int(0, 60), length: int(1, 20), reason: int(0, 3) }),
  ({ length, reason, start }) => ({ range: { start: BigInt(start), end: BigInt(start + length) }, reason: `${reason}` })
)
const absences = Arbitrary.array(absence, { minLength: 0, maxLength: 12 })

describe("withAbsences", () => {
  it.effect.prop("is addAbsent for each in turn", [absences, absences], ([first, second]) =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("mapped", 30n)
      let oneByOne = map
      for (const { range, reason } of [...first, ...second])
        oneByOne = yield* MemoryMap.addAbsent(oneByOne, range, reason)
      const swept = withAbsences(withAbsences(implOf(map), first), second)
      assert.deepStrictEqual([...MemoryMap.holes(swept)], [...MemoryMap.holes(oneByOne)])
      const over = { range: { start: 0n, end: 1n << 64n }, reason: "all" }
      assert.deepStrictEqual(
        [...MemoryMap.holes(withAbsences(swept, [over]))],
        [...MemoryMap.holes(yield* MemoryMap.addAbsent(oneByOne, over.range, over.reason))],
        "later ones lie over earlier ones"
      )
    })
  )
})
