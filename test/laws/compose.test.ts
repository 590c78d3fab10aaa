// Whole maps, put together, cut, moved and compared: what the oracle says byte by byte, at every edge of the space.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { build, type Change, changes, edge, edges, WINDOW } from "../../src/testing/History.ts"
import type * as NaiveMap from "../../src/testing/NaiveMap.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const absences = Arbitrary.schema(
  Schema.Array(
    Schema.Struct({ at: between(0, WINDOW - 1), length: between(1, 12), reason: Schema.Literals(["a", "b", "c"]) })
  ).check(Schema.isMaxLength(5))
)
type Absences = typeof absences extends Arbitrary.Arbitrary<infer A> ? A : never

const bounds = Arbitrary.schema(Schema.Tuple([between(0, WINDOW), between(0, WINDOW)]))

/** Every layer as address to byte, from the bottom up, and the reasons of holes. */
interface Model {
  readonly layers: ReadonlyArray<ReadonlyMap<bigint, number>>
  readonly reasons: ReadonlyMap<bigint, string>
}

const modelOf = (naive: NaiveMap.NaiveMap, reasons: Model["reasons"]): Model => ({
  layers: naive.layers.map(({ bytes, start }) => new Map(bytes.map((byte, i) => [start + BigInt(i), byte]))),
  reasons
})

const kept = <A>(map: ReadonlyMap<bigint, A>, test: (address: bigint) => boolean): ReadonlyMap<bigint, A> =>
  new Map([...map].filter(([address]) => test(address)))

const filtered = ({ layers, reasons }: Model, test: (address: bigint) => boolean): Model => ({
  layers: layers.map((layer) => kept(layer, test)).filter((layer) => layer.size > 0),
  reasons: kept(reasons, test)
})

const moved = <A>(map: ReadonlyMap<bigint, A>, by: bigint): ReadonlyMap<bigint, A> =>
  new Map([...map].map(([address, value]) => [address + by, value]))

const visible = ({ layers }: Model): ReadonlyMap<bigint, number> => new Map(layers.flatMap((layer) => [...layer]))

const make = Effect.fnUntraced(function* (base: bigint, list: ReadonlyArray<Change>, holes: Absences) {
  const pair = yield* build(base, list)
  const reasons = new Map<bigint, string>()
  let map = pair.map
  for (const { at, length, reason } of holes) {
    const end = Math.min(WINDOW, at + length)
    map = yield* MemoryMap.addAbsent(map, { start: base + BigInt(at), end: base + BigInt(end) }, reason)
    for (let i = at; i < end; i++) reasons.set(base + BigInt(i), reason)
  }
  return { map, model: modelOf(pair.naive, reasons) }
})

/** The stack of bytes at each address, from the top, and why there is nothing where there is nothing. */
const agrees = Effect.fnUntraced(function* (map: MemoryMap.Any, { layers, reasons }: Model, base: bigint) {
  const size = new Set(layers.flatMap((layer) => [...layer.keys()])).size
  assert.strictEqual(MemoryMap.mappedSize(map), BigInt(size))
  const orders = Array.from(MemoryMap.mappings(map), ({ order }) => order)
  assert.strictEqual(new Set(orders).size, orders.length, "no two mappings have one order")
  for (let address = base - 2n; address < base + BigInt(2 * WINDOW); address++) {
    const stack = layers.flatMap((layer) => layer.get(address) ?? []).reverse()
    const found = yield* Effect.forEach(MemoryMap.mappingsAt(map, address), ({ range, source }) =>
      Effect.map(source.read(address - range.start, 1), ([byte]) => byte)
    )
    assert.deepStrictEqual(found, stack, `at ${address}`)
    if (stack.length > 0 || address < 0n || address >= 1n << 64n) continue
    const [hole] = MemoryMap.holes(map, { range: { start: address, end: address + 1n } })
    assert.strictEqual(hole?.reason, reasons.get(address), `hole at ${address}`)
  }
})

const rangeAt = (base: bigint, [a, b]: readonly [number, number]) => ({
  start: base + BigInt(Math.min(a, b)),
  end: base + BigInt(Math.max(a, b))
})

const inside =
  ({ end, start }: { start: bigint; end: bigint }) =>
  (address: bigint) =>
    address >= start && address < end

const options = (seed: number) => ({ arbitrary: { runs: 300, seed } })

describe("cutting and moving", () => {
  it.effect.prop(
    "crop keeps every byte of every layer in the range, and nothing else",
    [edge, changes, absences, bounds],
    ([base, list, holes, cut]) =>
      Effect.gen(function* () {
        const { map, model } = yield* make(base, list, holes)
        const range = rangeAt(base, cut)
        yield* agrees(MemoryMap.crop(map, range), filtered(model, inside(range)), base)
      }),
    options(1)
  )

  it.effect.prop(
    "without takes every byte of every layer in the range away, and nothing else",
    [edge, changes, absences, bounds],
    ([base, list, holes, cut]) =>
      Effect.gen(function* () {
        const { map, model } = yield* make(base, list, holes)
        const range = rangeAt(base, cut)
        const rest = MemoryMap.without(map, range)
        yield* agrees(
          rest,
          filtered(model, (address) => !inside(range)(address)),
          base
        )
        // What is added later lies on top, whatever numbers the mappings have now.
        const more = yield* MemoryMap.addBytes(rest, new Uint8Array(WINDOW).fill(9), base)
        assert.strictEqual(MemoryMap.getByte(more as MemoryMap.Mapped, base).pipe(Effect.runSync), 9)
      }),
    options(2)
  )

  it.effect.prop(
    "shift moves every layer and every reason, from any edge of the space to any other",
    [edge, changes, absences, edge],
    ([base, list, holes, to]) =>
      Effect.gen(function* () {
        const { map, model } = yield* make(base, list, holes)
        const by = to - base
        const there = yield* MemoryMap.shift(map, by)
        const expected = { layers: model.layers.map((l) => moved(l, by)), reasons: moved(model.reasons, by) }
        yield* agrees(there, expected, to)
      }),
    options(3)
  )

  it.effect("shift refuses to move a byte or a reason out of the space", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(new Uint8Array(4), 0x10n)
      const down = yield* Effect.flip(MemoryMap.shift(map, -0x11n))
      assert.deepStrictEqual([down._tag, down.reason, down.address], ["InvalidMapping", "OutsideSpace", -1n])
      const up = yield* Effect.flip(MemoryMap.shift(map, (1n << 64n) - 0x13n))
      assert.strictEqual(up.address, (1n << 64n) - 3n)
      const last = yield* MemoryMap.shift(map, (1n << 64n) - 0x14n)
      assert.isTrue(MemoryMap.isMapped(last, (1n << 64n) - 1n))
      const known = yield* MemoryMap.addAbsent(map, { start: 0n, end: 2n }, "why")
      assert.match((yield* Effect.flip(MemoryMap.shift(known, -1n))).message, /absent range \(why\)/)
    })
  )

  it("a mapping that is not cut stays the mapping it was", () => {
    const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array(4), 0x10n))
    const [mapping] = MemoryMap.mappings(map)
    const cropped = MemoryMap.crop(map, { start: 0n, end: 0x20n })
    assert.strictEqual([...MemoryMap.mappings(cropped)][0], mapping)
    assert.deepStrictEqual([...MemoryMap.mappings(MemoryMap.remove(cropped, mapping!))], [])
  })
})

describe("addMap", () => {
  it.effect.prop(
    "adds what is visible of the other map in a range, at a place, over or under",
    [edge, changes, absences, edge, changes, absences, bounds, Arbitrary.schema(Schema.Literals(["over", "under"]))],
    ([base, list, holes, otherBase, otherList, otherHoles, cut, overlap]) =>
      Effect.gen(function* () {
        const one = yield* make(base, list, holes)
        const other = yield* make(otherBase, otherList, otherHoles)
        const range = rangeAt(otherBase, cut)
        const by = base - otherBase
        const there = filtered({ layers: [visible(other.model)], reasons: other.model.reasons }, inside(range))
        // A piece of a map is one mapping of the result: the stack has one more byte wherever the other map has any.
        const added = there.layers.map((layer) => moved(layer, by))
        const [low, high] = overlap === "over" ? [one.model, there] : [there, one.model]
        const reasons = (model: Model) => (model === there ? moved(model.reasons, by) : model.reasons)
        const map = yield* MemoryMap.addMap(one.map, other.map, { range, at: range.start + by, overlap })
        yield* agrees(
          map,
          {
            layers: overlap === "over" ? [...one.model.layers, ...added] : [...added, ...one.model.layers],
            reasons: new Map([...reasons(low), ...reasons(high)])
          },
          base
        )
      }),
    options(4)
  )

  it.effect("rejects what overlaps when told to, and adds equal bytes when told to", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(new Uint8Array([1, 2]), 0x10n)
      const other = yield* MemoryMap.fromBytes(new Uint8Array([2, 3]), 0x11n)
      assert.strictEqual(
        (yield* Effect.flip(MemoryMap.addMap(map, other, { overlap: "reject" })))._tag,
        "MappingOverlap"
      )
      const equal = yield* MemoryMap.addMap(map, other, { overlap: "equal" })
      assert.deepStrictEqual([...(yield* MemoryMap.getBytes(equal, 0x10n, 3))], [1, 2, 3])
      assert.strictEqual((yield* Effect.flip(MemoryMap.addMap(map, other, { at: 1n << 64n })))._tag, "InvalidMapping")
    })
  )

  it.effect("keeps names, permissions, and bytes in memory where they are", () =>
    Effect.gen(function* () {
      const permissions = { read: true, write: false, execute: true }
      const code = yield* MemoryMap.fromBytes(new Uint8Array([1, 2, 3]), 0n, { name: "code", permissions })
      const map = yield* MemoryMap.addMap(MemoryMap.empty, code, { range: { start: 1n, end: 3n } })
      const [mapping] = MemoryMap.mappings(map)
      assert.deepStrictEqual([mapping?.name, mapping?.permissions], ["code", permissions])
      assert.deepStrictEqual(mapping?.source.resident, new Uint8Array([2, 3]))
    })
  )
})

const naiveDiff = (left: ReadonlyMap<bigint, number>, right: ReadonlyMap<bigint, number>) => {
  const found: Array<MemoryMap.Difference> = []
  for (const at of [...new Set([...left.keys(), ...right.keys()])].sort((a, b) => (a < b ? -1 : 1))) {
    const kind = !left.has(at) ? "added" : !right.has(at) ? "removed" : "changed"
    if (left.get(at) === right.get(at)) continue
    const last = found.at(-1)
    if (last?.kind === kind && last.range.end === at)
      found[found.length - 1] = { kind, range: { start: last.range.start, end: at + 1n } }
    else found.push({ kind, range: { start: at, end: at + 1n } })
  }
  return found
}

/** Every address whose unit of `align` bytes holds a changed one, as far as both have bytes all the way there. */
const widened = (left: ReadonlyMap<bigint, number>, right: ReadonlyMap<bigint, number>, align: bigint) => {
  const bytes = new Map(right)
  const both = (at: bigint) => left.has(at) && right.has(at)
  for (const at of left.keys()) {
    if (!both(at) || left.get(at) === right.get(at)) continue
    for (let i = at; i >= at - (at % align) && both(i); i--) bytes.set(i, 999)
    for (let i = at + 1n; i % align !== 0n && both(i); i++) bytes.set(i, 999)
  }
  return naiveDiff(left, bytes)
}

describe("diff", () => {
  it.effect.prop(
    "is what comparing byte by byte finds, in any range, with any alignment",
    [edge, changes, changes, bounds, Arbitrary.schema(Schema.Literals([1, 2, 3, 8]))],
    ([base, list, otherList, cut, align]) =>
      Effect.gen(function* () {
        const one = yield* make(base, list, [])
        const other = yield* make(base, otherList, [])
        const [left, right] = [visible(one.model), visible(other.model)]
        const all = yield* Stream.runCollect(MemoryMap.diff(one.map, other.map))
        assert.deepStrictEqual(all, naiveDiff(left, right))
        const range = rangeAt(base, cut)
        const some = yield* Stream.runCollect(MemoryMap.diff(one.map, other.map, { range, align }))
        assert.deepStrictEqual(some, widened(kept(left, inside(range)), kept(right, inside(range)), BigInt(align)))
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.diff(one.map, one.map)), [])
      }),
    options(5)
  )

  it.effect("finds single bytes anywhere in large maps, of which only what may differ is read", () =>
    Effect.gen(function* () {
      const size = 3 << 20
      let read = 0
      const bytes = new Uint8Array(size).map((_, i) => (i * 2_654_435_761) >>> 24)
      const source = ByteSource.make({
        name: "counted",
        size: BigInt(size),
        read: (offset, length) =>
          Effect.sync(() => {
            read += length
            return bytes.slice(Number(offset), Number(offset) + length)
          })
      })
      const other = bytes.slice()
      const places = [0, 3, 4, (1 << 20) - 1, 1 << 20, (2 << 20) + 5, size - 1]
      for (const at of places) other[at]! ^= 1
      for (const base of edges.slice(0, 3)) {
        const left = yield* MemoryMap.add(MemoryMap.empty, source, base)
        const right = yield* MemoryMap.addBytes(MemoryMap.empty, other, base)
        const found = yield* Stream.runCollect(MemoryMap.diff(left, right))
        const expected = [
          [0, 1],
          [3, 5],
          [(1 << 20) - 1, (1 << 20) + 1],
          [(2 << 20) + 5, (2 << 20) + 6],
          [size - 1, size]
        ]
        assert.deepStrictEqual(
          found.map(({ kind, range }) => [kind, Number(range.start - base), Number(range.end - base)]),
          expected.map(([start, end]) => ["changed", start, end])
        )
      }
      read = 0
      const left = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
      const right = yield* MemoryMap.addBytes(left, new Uint8Array([255]), 0x1000n)
      assert.deepStrictEqual((yield* Stream.runCollect(MemoryMap.diff(left, right))).length, 1)
      assert.strictEqual(read, 1)
      const zeros = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n << 64n), 0n)
      assert.deepStrictEqual(
        yield* Stream.runCollect(MemoryMap.diff(zeros, MemoryMap.crop(zeros, { start: 0n, end: 1n << 63n }))),
        [{ kind: "removed", range: { start: 1n << 63n, end: 1n << 64n } }]
      )
    })
  )

  it.effect("gives what differs before bytes that cannot be read, then the error", () =>
    Effect.gen(function* () {
      const broken = ByteSource.make({
        name: "broken",
        size: 4n,
        read: () => Effect.die(new Error("never asked"))
      })
      const failing = { ...broken, read: () => ByteSource.fromBytes(new Uint8Array(1)).read(5n, 1) }
      const left = yield* MemoryMap.fromBytes(new Uint8Array(8), 0n)
      const right = yield* Effect.flatMap(MemoryMap.fromBytes(new Uint8Array([0, 1, 0, 0]), 0n), (map) =>
        MemoryMap.add(map, failing, 4n)
      )
      const seen: Array<MemoryMap.Difference> = []
      const error = yield* Effect.flip(
        Stream.runForEach(MemoryMap.diff(left, right), (difference) => Effect.sync(() => seen.push(difference)))
      )
      assert.strictEqual(error._tag, "SourceError")
      assert.deepStrictEqual(seen, [{ kind: "changed", range: { start: 1n, end: 2n } }])
    })
  )
})
