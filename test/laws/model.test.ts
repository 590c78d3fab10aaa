// The map and the oracle, side by side: after any changes, at any edge of the address space, both say the same.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { fastPaths } from "../../src/internal/base/fastPaths.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type { UnmappedAddress } from "../../src/MemoryMapError.ts"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"
import { apply, build, changes, edge, empty, offset, type Pair, WINDOW } from "../../src/testing/History.ts"

const window = (base: bigint) => ({ start: base, end: base + BigInt(WINDOW) })

/** Everything that can be seen without reading bytes. */
const agree = ({ map, naive }: Pair, base: bigint): void => {
  const cells = NaiveMap.cells(naive)
  let at = base
  let previous: MemoryMap.Segment | undefined
  for (const segment of MemoryMap.segments(map)) {
    for (; at < segment.range.start; at++) assert.isUndefined(cells.get(at), `hole expected at ${at}`)
    assert.isTrue(segment.range.start < segment.range.end)
    for (; at < segment.range.end; at++) assert.strictEqual(cells.get(at)?.order, segment.mapping.order)
    assert.isFalse(
      previous?.mapping === segment.mapping && previous.range.end === segment.range.start,
      "a segment is as long as it can be"
    )
    assert.strictEqual(segment.offset, segment.range.start - segment.mapping.range.start)
    previous = segment
  }
  for (; at < base + BigInt(WINDOW); at++) assert.isUndefined(cells.get(at), `hole expected at ${at}`)
  assert.strictEqual(MemoryMap.mappedSize(map), BigInt(cells.size))
  assert.deepStrictEqual(MemoryMap.coverage(map, { range: window(base) }), {
    mapped: BigInt(cells.size),
    holes: BigInt(WINDOW - cells.size)
  })
  const shown = [...MemoryMap.runs(map), ...Array.from(MemoryMap.holes(map), (hole) => hole.range)]
  const size = shown.reduce((sum, range) => sum + range.end - range.start, 0n)
  assert.strictEqual(size, 1n << 64n, "runs and holes make up the space")
  const orders = naive.layers.map((layer) => layer.order).sort((a, b) => a - b)
  assert.deepStrictEqual(
    Array.from(MemoryMap.mappings(map), (mapping) => mapping.order),
    orders
  )
}

/** The stack of mappings at one address. */
const stacksAgree = ({ map, naive }: Pair, at: bigint): void => {
  const covering = naive.layers.filter((layer) => layer.start <= at && at < layer.start + BigInt(layer.bytes.length))
  const orders = covering.map((layer) => layer.order).reverse()
  assert.deepStrictEqual(
    MemoryMap.mappingsAt(map, at).map((mapping) => mapping.order),
    orders
  )
  const top = Option.map(MemoryMap.mappingAt(map, at), (mapping) => mapping.order)
  assert.strictEqual(Option.getOrUndefined(top), orders[0])
  assert.strictEqual(MemoryMap.isMapped(map, at), orders.length > 0)
}

/** All ways of reading `length` bytes at `at`. */
const readsAgree = Effect.fnUntraced(function* ({ map: any, naive }: Pair, at: bigint, length: number) {
  const map = any as MemoryMap.Ready
  const there = Uint8Array.from(NaiveMap.read(naive, at, length))
  const exact = yield* Effect.result(MemoryMap.getBytes(map, at, length))
  if (there.length === length) assert.deepStrictEqual(exact._tag === "Success" && exact.success, there)
  else {
    assert.strictEqual(exact._tag, "Failure")
    const error = (exact as { failure: UnmappedAddress }).failure
    assert.strictEqual(error.address, at + BigInt(there.length))
    assert.strictEqual(error.available, BigInt(there.length))
    assert.isTrue(error.hole.start <= error.address && (error.address < error.hole.end || error.address === 1n << 64n))
    assert.isFalse(MemoryMap.coverage(map, { range: error.hole }).mapped > 0n)
  }
  const upTo = yield* Effect.result(MemoryMap.getBytesUpTo(map, at, length))
  if (there.length > 0 || length === 0) assert.deepStrictEqual(upTo._tag === "Success" && upTo.success, there)
  else assert.strictEqual(upTo._tag, "Failure")

  const end = at + BigInt(length)
  if (end > 1n << 64n) return
  const cells = NaiveMap.cells(naive)
  const padded = Uint8Array.from({ length }, (_, i) => cells.get(at + BigInt(i))?.byte ?? 0xee)
  assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, at, length, 0xee), padded)
  const range = { start: at, end }
  const sparse = yield* MemoryMap.getSparse(map, range)
  const rebuilt = sparse.flatMap((part) =>
    part._tag === "Run" ? [...part.bytes] : Array<number>(Number(part.range.end - part.range.start)).fill(0xee)
  )
  assert.deepStrictEqual(Uint8Array.from(rebuilt), padded)
  const streamed = yield* Stream.runCollect(MemoryMap.stream(map, { range, holes: "zero" }))
  assert.deepStrictEqual(
    streamed.flatMap(({ bytes }) => [...bytes]),
    Array.from({ length }, (_, i) => cells.get(at + BigInt(i))?.byte ?? 0)
  )
  const skipped = yield* Stream.runCollect(MemoryMap.stream(map, { range }))
  for (const { address, bytes } of skipped) {
    assert.deepStrictEqual(bytes, Uint8Array.from(NaiveMap.read(naive, address, bytes.length)))
  }
  assert.strictEqual(
    BigInt(skipped.reduce((sum, { bytes }) => sum + bytes.length, 0)),
    MemoryMap.coverage(map, { range }).mapped
  )
})

/** Numbers and strings, through the Effect forms and through the reader. */
const valuesAgree = Effect.fnUntraced(function* ({ map, naive }: Pair, at: bigint) {
  const ready = MemoryMap.setEndian(
    MemoryMap.setWordSize(map as MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">, 64),
    "big"
  )
  const reader = yield* MemoryMap.reader(ready)
  const there = NaiveMap.read(naive, at, WINDOW + 1)
  const view = new DataView(Uint8Array.from(there).buffer)
  const check = Effect.fnUntraced(function* <A>(
    size: number,
    read: Effect.Effect<A, MemoryMap.ReadError>,
    plain: () => A,
    expected: () => A
  ) {
    if (there.length >= size) {
      assert.strictEqual(yield* read, expected())
      assert.strictEqual(plain(), expected())
    } else {
      const error = yield* Effect.flip(read)
      assert.strictEqual(error._tag === "UnmappedAddress" && error.address, at + BigInt(there.length))
      assert.throws(plain, /not mapped|outside/)
    }
  })
  yield* check(
    1,
    MemoryMap.getByte(ready, at),
    () => reader.getByte(at),
    () => view.getUint8(0)
  )
  yield* check(
    1,
    MemoryMap.getInt8(ready, at),
    () => reader.getInt8(at),
    () => view.getInt8(0)
  )
  yield* check(
    2,
    MemoryMap.getUint16(ready, at),
    () => reader.getUint16(at),
    () => view.getUint16(0)
  )
  yield* check(
    4,
    MemoryMap.getInt32(ready, at, { endian: "little" }),
    () => reader.getInt32(at, { endian: "little" }),
    () => view.getInt32(0, true)
  )
  yield* check(
    8,
    MemoryMap.getPointer(ready, at),
    () => reader.getPointer(at),
    () => view.getBigUint64(0)
  )
  yield* check(
    8,
    MemoryMap.getFloat64(ready, at),
    () => reader.getFloat64(at),
    () => view.getFloat64(0)
  )
  const nul = there.indexOf(0)
  const text = yield* Effect.result(MemoryMap.getString(ready, at))
  if (nul >= 0)
    assert.deepStrictEqual(text._tag === "Success" && text.success, String.fromCharCode(...there.slice(0, nul)))
  else assert.strictEqual(text._tag, "Failure")
  assert.strictEqual(yield* MemoryMap.isString(ready, at), nul >= 0)
})

const laws = () => {
  it.effect.prop(
    "every look at a map agrees with the oracle, after every change",
    [edge, changes],
    ([base, list]) =>
      Effect.gen(function* () {
        let pair = empty
        for (const change of list) {
          const before = pair
          pair = yield* apply(pair, base, change)
          agree(pair, base)
          agree(before, base) // the old version is untouched
        }
        for (let i = 0n; i < BigInt(WINDOW); i++) stacksAgree(pair, base + i)
      }),
    { arbitrary: { runs: 2000, seed: 1 } }
  )

  it.effect.prop(
    "every read agrees with the oracle",
    [edge, changes, offset, offset],
    ([base, list, at, length]) =>
      Effect.gen(function* () {
        const pair = yield* build(base, list)
        yield* readsAgree(pair, base + BigInt(at), length)
        yield* valuesAgree(pair, base + BigInt(at))
      }),
    { arbitrary: { runs: 2000, seed: 2 } }
  )

  it.effect.prop(
    "adding in one sweep is adding one by one",
    [edge, changes, changes],
    ([base, first, second]) =>
      Effect.gen(function* () {
        const start = yield* build(base, first)
        const entries = second.flatMap((change) =>
          change._tag === "add" && (change.overlap === "over" || change.overlap === "under") ? [change] : []
        )
        let pair = start
        for (const change of entries) pair = yield* apply(pair, base, change)
        const mappings = [...MemoryMap.mappings(pair.map)].slice([...MemoryMap.mappings(start.map)].length)
        const swept = yield* MemoryMap.addAll(
          start.map,
          mappings.map((mapping, i) => ({
            source: mapping.source,
            address: mapping.range.start,
            overlap: entries[i]!.overlap
          }))
        )
        agree({ map: swept, naive: pair.naive }, base)
      }),
    { arbitrary: { runs: 1000, seed: 3 } }
  )
}

describe("with every fast path", laws)

for (const path of Object.keys(fastPaths) as Array<keyof typeof fastPaths>) {
  describe(`without ${path}`, () => {
    it.beforeAll(() => void (fastPaths[path] = false))
    it.afterAll(() => void (fastPaths[path] = true))
    laws()
  })
}
