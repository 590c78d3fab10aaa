// Every search and the oracle, side by side: nothing missing, nothing extra, whatever the map is made of.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { fastPaths } from "../../src/internal/base/fastPaths.ts"
import { BlockSizes } from "../../src/internal/search/drive/sizes.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Pattern from "../../src/Pattern.ts"
import { build, Description, layouts, naive, type Spec, specOf } from "../support/searches.ts"

const descriptions = Arbitrary.schema(Schema.Array(Description).check(Schema.isMinLength(1), Schema.isMaxLength(6)))
const bounds = Arbitrary.schema(
  Schema.Struct({
    alignment: Schema.Literals([1, 1, 2, 3, 4, 8, 16]),
    from: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 80 })),
    size: Schema.Literals([4, 20, 1000, 1000, 1000])
  })
)

type Layout = typeof layouts extends Arbitrary.Arbitrary<infer A> ? A : never

const built = (layout: Layout) =>
  build(
    layout.laid.map(({ at, bytes, kind }) => ({ kind, bytes, start: layout.origin + BigInt(at) })),
    layout
  )

const withBlocks = <A, E, R>(effect: Effect.Effect<A, E, R>, { block, gather }: Layout) =>
  Effect.provideService(effect, BlockSizes, { block, gather })

const patternOf = (specs: ReadonlyArray<Spec>): Pattern.Input =>
  specs.length === 1 ? specs[0]!.pattern : Pattern.anyOf(specs.map(({ pattern }) => pattern))

describe("search", () => {
  it.effect.prop(
    "finds what the oracle finds, and where it comes from",
    [layouts, descriptions, bounds],
    ([layout, described, { alignment, from, size }]) =>
      Effect.gen(function* () {
        const specs = described.map((one) => specOf(one, layout))
        const { cells, map } = yield* built(layout)
        const start = layout.origin + BigInt(from)
        const options = size === 1000 ? { alignment } : { alignment, range: { start, end: start + BigInt(size) } }
        const expected = naive(cells, specs, layout, options)
        const pattern = patternOf(specs)
        const matches = yield* withBlocks(Stream.runCollect(MemoryMap.findMatches(map, pattern, options)), layout)
        assert.deepStrictEqual(
          matches.map(({ address, length, pattern }) => ({ address, length, pattern: String(pattern) })),
          expected.map(({ address, length, which }) => ({
            address,
            length,
            pattern: Pattern.format(specs[which]!.pattern)
          }))
        )
        for (const { address, length, origins } of matches) {
          let at = address
          for (const { length, mapping, offset } of origins) {
            assert.strictEqual(mapping.range.start + offset, at)
            for (let i = 0; i < length; i++, at++) assert.strictEqual(cells.get(at)?.order, mapping.order)
          }
          assert.strictEqual(at, address + BigInt(length))
        }
        const addresses = [...new Set(expected.map(({ address }) => address))]
        assert.deepStrictEqual(
          yield* withBlocks(Stream.runCollect(MemoryMap.findAll(map, pattern, options)), layout),
          addresses
        )
        assert.deepStrictEqual(
          (yield* withBlocks(MemoryMap.find(map, pattern, options), layout)).pipe((found) =>
            found._tag === "Some" ? found.value : undefined
          ),
          addresses[0]
        )
      }),
    { arbitrary: { runs: 3000, seed: 3 } }
  )

  it.effect.prop(
    "finds the same with the quick ways switched off",
    [layouts, descriptions],
    ([layout, described]) =>
      Effect.gen(function* () {
        const specs = described.map((one) => specOf(one, layout))
        const { map } = yield* built(layout)
        const matches = Stream.map(
          MemoryMap.findMatches(map, patternOf(specs)),
          ({ address, length, pattern }) => `${address} ${length} ${String(pattern)}`
        )
        const quick = yield* withBlocks(Stream.runCollect(matches), layout)
        fastPaths.quickSearch = false
        const slow = yield* withBlocks(Stream.runCollect(matches), layout)
        assert.deepStrictEqual(slow, quick)
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            fastPaths.quickSearch = true
          })
        )
      ),
    { arbitrary: { runs: 500, seed: 5 } }
  )

  it.effect.prop(
    "tells how far it is, up to all there is",
    [layouts, descriptions],
    ([layout, described]) =>
      Effect.gen(function* () {
        const { cells, map } = yield* built(layout)
        const seen: Array<{ readonly searched: bigint; readonly total: bigint }> = []
        const pattern = patternOf(described.map((one) => specOf(one, layout)))
        const search = MemoryMap.findAll(map, pattern, { onProgress: (p) => Effect.sync(() => void seen.push(p)) })
        yield* withBlocks(Stream.runDrain(search), layout)
        assert.deepStrictEqual(seen.at(-1), { searched: BigInt(cells.size), total: BigInt(cells.size) })
        seen.reduce((before, { searched }) => (assert.isTrue(searched >= before), searched), 0n)
      }),
    { arbitrary: { runs: 300, seed: 4 } }
  )
})
