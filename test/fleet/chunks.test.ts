import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema, Stream } from "effect"
import { Fleet } from "effect-memory-map/fleet"
import { NodeSqlite } from "effect-memory-map/node"
import * as ByteSource from "../../src/ByteSource.ts"
import { chunkBytes, chunksOf } from "../../src/internal/fleet/chunks.ts"
import * as kinds from "../../src/internal/fleet/kinds.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Pattern from "../../src/Pattern.ts"
import { build, Description, layouts, specOf } from "../support/searches.ts"

const sizes = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))
const descriptions = Arbitrary.schema(Schema.Array(Description).check(Schema.isMinLength(1), Schema.isMaxLength(4)))

type Layout = typeof layouts extends Arbitrary.Arbitrary<infer A> ? A : never

const mapOf = (layout: Layout) =>
  Effect.map(
    build(
      layout.laid.map(({ at, bytes, kind }) => ({ kind, bytes, start: layout.origin + BigInt(at) })),
      layout
    ),
    ({ map }) => map
  )

describe("the chunks of an image", () => {
  it.effect.prop(
    "cover all addresses once, each but the last with as many mapped bytes",
    [layouts, sizes],
    ([layout, size]) =>
      Effect.gen(function* () {
        const map = yield* mapOf(layout)
        const chunks = chunksOf(map, BigInt(size))
        assert.strictEqual(chunks[0]!.start, 0n)
        assert.strictEqual(chunks.at(-1)!.end, 1n << 64n)
        chunks.slice(1).forEach(({ start }, i) => assert.strictEqual(start, chunks[i]!.end))
        const mapped = chunks.map((range) => MemoryMap.coverage(map, { range }).mapped)
        for (const bytes of mapped.slice(0, -1)) assert.strictEqual(bytes, BigInt(size))
        assert.isTrue(mapped.at(-1)! > 0n && mapped.at(-1)! <= BigInt(size))
      })
  )

  it.effect.prop(
    "hold every match once: none twice and none missing at a seam",
    [layouts, sizes, descriptions, Arbitrary.schema(Schema.Literals([1, 2, 3]))],
    ([layout, size, described, alignment]) =>
      Effect.gen(function* () {
        const map = yield* mapOf(layout)
        const specs = described.map((one) => specOf(one, layout).pattern)
        const pattern = specs.length === 1 ? Pattern.fromInput(specs[0]!) : Pattern.anyOf(specs)
        const whole = yield* Stream.runCollect(MemoryMap.findMatches(map, pattern, { alignment }))
        const source = ByteSource.fromBytes(new Uint8Array(0))
        const identity = { id: "", location: "", size: 0n, modified: undefined }
        const image: Fleet.Image = { identity, source, memory: { format: "snapshot", map } }
        const parts = yield* Effect.forEach(chunksOf(map, BigInt(size)), (range) =>
          kinds.find.run(image, { pattern, alignment, limit: 1 << 20 }, range)
        )
        assert.deepStrictEqual(
          parts.flatMap(({ hits }) => hits.map(({ address, length }) => [address, length])),
          whole.map(({ address, length }) => [address, length])
        )
      })
  )

  it("grow where a map would have more than 4096 of them", () => {
    const map = Effect.runSync(MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 62n), 0n))
    const size = chunkBytes(map, 1n << 28n)
    assert.strictEqual(size, 1n << 50n)
    assert.strictEqual(chunksOf(map, size).length, 4096)
  })

  it.effect("are steps of their own, with one answer each", () => {
    const image = new Uint8Array(1000).fill(0x2e)
    const places = [0, 95, 98, 99, 100, 199, 499, 500, 995]
    for (const at of places) image.set(new TextEncoder().encode("abcde"), at)
    const program = Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const question = Fleet.find(Pattern.anyOf(["abcde", "a"]))
      yield* fleet.add(["image"])
      yield* fleet.ask(question)
      assert.strictEqual(yield* fleet.work(), 10)
      const answers = yield* Stream.runCollect(fleet.answers(question))
      assert.deepStrictEqual(
        answers.map(({ bytes, chunk, chunks }) => [bytes, chunk, chunks]),
        Array.from({ length: 10 }, (_, chunk) => [100n, chunk, 10])
      )
      const hits = yield* Stream.runCollect(fleet.hits(question))
      const alone = yield* Effect.flatMap(MemoryMap.fromBytes(image, 0n), (map) =>
        Stream.runCollect(MemoryMap.findMatches(map, Pattern.anyOf(["abcde", "a"])))
      )
      assert.deepStrictEqual(
        hits.map(({ address, length }) => [address, length]),
        alone.map(({ address, length }) => [address, length])
      )
    })
    const fleet = Fleet.layerTest({ image }, { chunk: 100n })
    return Effect.provide(program, Layer.provide(fleet, NodeSqlite.layer({ filename: ":memory:" })))
  })
})
