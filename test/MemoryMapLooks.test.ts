import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Hash, HashSet, Option } from "effect"
import { inspect } from "node:util"
import * as AddressRange from "../src/AddressRange.ts"
import * as ByteSource from "../src/ByteSource.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import { bytes, filled, holesOf, islands, named, text } from "./support/islands.ts"

describe("holes", () => {
  const absent = (start: bigint, end: bigint, reason: string) =>
    MemoryMap.addAbsent(AddressRange.make(start, end), reason)

  it.effect("say why, where it is known, and only where nothing is mapped", () =>
    Effect.gen(function* () {
      const map = yield* Effect.flatMap(islands, absent(4n, 9n, "excluded"))
      assert.deepStrictEqual(text(map), ["a 0x2-0x6 +0", "b 0x8-0xa +0"])
      assert.deepStrictEqual(holesOf(map), ["0x0-0x2 -", "0x6-0x8 excluded", "0xa-0x10000000000000000 -"])
      const without = MemoryMap.remove(map, named(map, "a"))
      assert.deepStrictEqual(holesOf(without, AddressRange.make(0n, 12n)), [
        "0x0-0x4 -",
        "0x4-0x8 excluded",
        "0xa-0xc -"
      ])
      const filled = yield* MemoryMap.addBytes(map, bytes(1, 1), 6n)
      assert.deepStrictEqual(holesOf(filled, AddressRange.make(2n, 10n)), [])
    })
  )

  it.effect("of two reasons for one hole the later wins", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.empty.pipe(
        absent(0n, 10n, "first"),
        Effect.flatMap(absent(4n, 6n, "second")),
        Effect.flatMap(absent(8n, END, "third"))
      )
      assert.deepStrictEqual(holesOf(map), [
        "0x0-0x4 first",
        "0x4-0x6 second",
        "0x6-0x8 first",
        "0x8-0x10000000000000000 third"
      ])
    })
  )

  it.effect("one reason in several pieces is one hole", () =>
    Effect.gen(function* () {
      const pages = [3n, 1n, 2n, 0n, 5n, 2n]
      let map: MemoryMap.Any = MemoryMap.empty
      for (const page of pages) map = yield* absent(page * 16n, page * 16n + 16n, "left out")(map)
      assert.deepStrictEqual(holesOf(map, AddressRange.make(0n, 0x70n)), [
        "0x0-0x40 left out",
        "0x40-0x50 -",
        "0x50-0x60 left out",
        "0x60-0x70 -"
      ])
      const error = yield* Effect.flip(MemoryMap.getByte(map as MemoryMap.Mapped, 0x15n))
      assert.deepStrictEqual(error._tag === "UnmappedAddress" && error.hole, { start: 0n, end: 0x40n })
      const touching = yield* MemoryMap.empty.pipe(
        absent(4n, 9n, "below"),
        Effect.flatMap(absent(0n, 8n, "same")),
        Effect.flatMap(absent(8n, 9n, "same"))
      )
      assert.deepStrictEqual(holesOf(touching, AddressRange.make(0n, 9n)), ["0x0-0x9 same"])
      const cut = yield* absent(0x18n, 0x20n, "lost")(map)
      assert.deepStrictEqual(holesOf(cut, AddressRange.make(0n, 0x40n)), [
        "0x0-0x18 left out",
        "0x18-0x20 lost",
        "0x20-0x40 left out"
      ])
    })
  )

  it.effect("leave the orders of mappings unique", () =>
    Effect.gen(function* () {
      const map = yield* islands.pipe(
        Effect.flatMap(absent(0n, 2n, "x")),
        Effect.flatMap(absent(6n, 8n, "y")),
        Effect.flatMap(MemoryMap.addBytes(bytes(1), 2n, { name: "c" })),
        Effect.flatMap(MemoryMap.addBytes(bytes(1), 2n, { name: "d", overlap: "under" }))
      )
      const orders = Array.from(MemoryMap.mappings(map), (mapping) => mapping.order)
      assert.strictEqual(new Set(orders).size, 4)
      assert.deepStrictEqual(
        orders,
        orders.toSorted((a, b) => a - b)
      )
      assert.deepStrictEqual(text(MemoryMap.remove(map, named(map, "c")))[0], "a 0x2-0x6 +0")
    })
  )

  it.effect("need a range, and say so when it is missing", () =>
    Effect.gen(function* () {
      for (const [range, reason] of [
        [{ start: 5n, end: 5n }, "Empty"],
        [{ start: 5n, end: 4n }, "Empty"],
        [{ start: 5n, end: END + 1n }, "OutsideSpace"],
        [{ start: -1n, end: 4n }, "OutsideSpace"]
      ] as const) {
        const error = yield* Effect.flip(MemoryMap.addAbsent(MemoryMap.empty, range, "x"))
        assert.strictEqual(error.reason, reason)
      }
    })
  )
})

describe("looking at a map", () => {
  it.effect("clips to the range, and looks again each time it is iterated", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const range = AddressRange.make(4n, 9n)
      assert.deepStrictEqual(text(map, range), ["a 0x4-0x6 +2", "b 0x8-0x9 +0"])
      assert.deepStrictEqual([...MemoryMap.runs(map, { range })].map(AddressRange.format), ["0x4-0x6", "0x8-0x9"])
      assert.deepStrictEqual(holesOf(map, range), ["0x6-0x8 -"])
      assert.deepStrictEqual(MemoryMap.coverage(map, { range }), { mapped: 3n, holes: 2n })
      assert.deepStrictEqual(MemoryMap.coverage(map), { mapped: 6n, holes: END - 6n })
      const segments = MemoryMap.segments(map)
      assert.deepStrictEqual([...segments], [...segments])
      assert.deepStrictEqual([...map], [...segments])
      for (const nothing of [AddressRange.make(6n, 8n), AddressRange.make(4n, 4n)]) {
        assert.deepStrictEqual(
          [...MemoryMap.segments(map, { range: nothing }), ...MemoryMap.runs(map, { range: nothing })],
          []
        )
        assert.strictEqual(MemoryMap.coverage(map, { range: nothing }).mapped, 0n)
      }
      assert.deepStrictEqual(MemoryMap.coverage(map, { range: { start: -5n, end: END + 5n } }), MemoryMap.coverage(map))
      assert.deepStrictEqual(holesOf(map, { start: -5n, end: END + 5n }), holesOf(map))
    })
  )

  it.effect("is data first or data last", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const range = AddressRange.make(3n, 9n)
      assert.deepStrictEqual([...map.pipe(MemoryMap.segments)], [...MemoryMap.segments(map)])
      assert.deepStrictEqual([...map.pipe(MemoryMap.segments({ range }))], [...MemoryMap.segments(map, { range })])
      assert.deepStrictEqual([...map.pipe(MemoryMap.holes({ range }))], [...MemoryMap.holes(map, { range })])
      assert.deepStrictEqual([...map.pipe(MemoryMap.runs({ range }))], [...MemoryMap.runs(map, { range })])
      assert.deepStrictEqual(map.pipe(MemoryMap.coverage({ range })), MemoryMap.coverage(map, { range }))
      assert.deepStrictEqual(map.pipe(MemoryMap.mappingAt(3n)), MemoryMap.mappingAt(map, 3n))
      assert.deepStrictEqual(map.pipe(MemoryMap.mappingsAt(3n)), MemoryMap.mappingsAt(map, 3n))
      assert.isTrue(map.pipe(MemoryMap.isMapped(3n)))
      assert.deepStrictEqual(map.pipe(MemoryMap.origin(3n)), MemoryMap.origin(map, 3n))
      assert.deepStrictEqual(text(map.pipe(MemoryMap.remove(named(map, "a")))), ["b 0x8-0xa +0"])
    })
  )

  it.effect("bounds, mappedSize, mappingAt and origin", () =>
    Effect.gen(function* () {
      const map = yield* islands
      assert.deepStrictEqual(MemoryMap.bounds(map), Option.some(AddressRange.make(2n, 10n)))
      assert.strictEqual(MemoryMap.mappedSize(map), 6n)
      assert.deepStrictEqual(MemoryMap.origin(map, 4n), Option.some({ mapping: named(map, "a"), offset: 2n }))
      for (const hole of [1n, 6n, 10n, -1n, END]) {
        assert.deepStrictEqual(MemoryMap.mappingAt(map, hole), Option.none())
        assert.deepStrictEqual(MemoryMap.origin(map, hole), Option.none())
        assert.isFalse(MemoryMap.isMapped(map, hole))
      }
      assert.deepStrictEqual(MemoryMap.bounds(MemoryMap.empty), Option.none())
      assert.deepStrictEqual(holesOf(MemoryMap.empty), ["0x0-0x10000000000000000 -"])
    })
  )

  it.effect("remove: what was covered shows again; what is not there changes nothing", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const over = yield* MemoryMap.addBytes(map, filled(9, 6), 3n, { name: "c" })
      const again = MemoryMap.remove(over, named(over, "c"))
      assert.deepStrictEqual(text(again), text(map))
      assert.strictEqual(MemoryMap.remove(again, named(over, "c")), again)
      assert.strictEqual(MemoryMap.remove(map, named(yield* islands, "a")), map)
      const order = (yield* MemoryMap.addBytes(again, bytes(1), 0n, { name: "d" })).pipe((m) => named(m, "d").order)
      assert.isAbove(order, named(over, "c").order, "an order is never given out twice")
    })
  )

  it.effect("prints as a short table of its mappings", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const json = {
        _id: "MemoryMap",
        wordSize: 64,
        endian: "unset",
        mappings: 2,
        segments: ["0x2-0x6 a", "0x8-0xa b"]
      }
      const sized = MemoryMap.setWordSize(map, 64)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(sized)), json)
      assert.include(String(sized), "0x2-0x6 a")
      assert.include(inspect(sized), "0x8-0xa b")
      const many = yield* MemoryMap.addAll(
        MemoryMap.empty,
        Array.from({ length: 1000 }, (_, i) => ({ source: ByteSource.zeros(1n), address: 2n * BigInt(i) }))
      )
      assert.isBelow(String(many).length, 1000)
    })
  )

  it.effect("is a value of its own, however often it is read", () =>
    Effect.gen(function* () {
      const [map, same] = [yield* islands, yield* islands]
      const set = HashSet.make(map, same)
      const hash = Hash.hash(map)
      yield* MemoryMap.getBytes(map, 2n, 3)
      for (let i = 0; i < 10; i++) yield* MemoryMap.getByte(map, 8n)
      assert.strictEqual(Hash.hash(map), hash)
      assert.isTrue(HashSet.has(set, map) && HashSet.size(set) === 2)
      assert.isFalse(Equal.equals(map, same))
      assert.isTrue(MemoryMap.isMemoryMap(map) && MemoryMap.isMemoryMap(MemoryMap.empty))
      assert.isFalse(MemoryMap.isMemoryMap({}) || MemoryMap.isMemoryMap(undefined))
    })
  )
})
