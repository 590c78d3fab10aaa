import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result } from "effect"
import { inspect } from "node:util"
import * as AddressRange from "../src/AddressRange.ts"
import * as ByteSource from "../src/ByteSource.ts"
import * as FileMapper from "../src/FileMapper.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import type { MapStateError } from "../src/MemoryMapError.ts"
import { bytes, filled, islands, named, namesAt, text } from "./support/islands.ts"

describe("virt-mem's overlap test", () => {
  const parts = {
    one: [filled(1, 0x1000), 0x800n],
    two: [filled(2, 0x1000), 0x1000n],
    three: [filled(3, 0x1800), 0n]
  } as const
  type Part = keyof typeof parts
  const orders: ReadonlyArray<readonly [order: ReadonlyArray<Part>, shown: ReadonlyArray<string>]> = [
    [
      ["one", "two", "three"],
      ["three 0x0-0x1800", "two 0x1800-0x2000"]
    ],
    [
      ["one", "three", "two"],
      ["three 0x0-0x1000", "two 0x1000-0x2000"]
    ],
    [
      ["two", "one", "three"],
      ["three 0x0-0x1800", "two 0x1800-0x2000"]
    ],
    [
      ["two", "three", "one"],
      ["three 0x0-0x800", "one 0x800-0x1800", "two 0x1800-0x2000"]
    ],
    [
      ["three", "one", "two"],
      ["three 0x0-0x800", "one 0x800-0x1000", "two 0x1000-0x2000"]
    ],
    [
      ["three", "two", "one"],
      ["three 0x0-0x800", "one 0x800-0x1800", "two 0x1800-0x2000"]
    ]
  ]
  for (const [order, shown] of orders) {
    it.effect(order.join(", then "), () =>
      Effect.gen(function* () {
        let map: MemoryMap.Any = MemoryMap.empty
        for (const name of order) map = yield* MemoryMap.addBytes(map, parts[name][0], parts[name][1], { name })
        const segments = Array.from(MemoryMap.segments(map), (s) => `${s.mapping.name} ${AddressRange.format(s.range)}`)
        assert.deepStrictEqual(segments, shown)
        const mapped = yield* MemoryMap.requireMapping(map)
        for (const { mapping, range } of MemoryMap.segments(map)) {
          const value = parts[mapping.name as Part][0][0]!
          const size = Number(AddressRange.size(range))
          assert.deepStrictEqual(yield* MemoryMap.getBytes(mapped, range.start, size), filled(value, size))
        }
        assert.isFalse(MemoryMap.isMapped(map, 0x2000n))
        assert.strictEqual((yield* Effect.flip(MemoryMap.getByte(mapped, 0x2000n)))._tag, "UnmappedAddress")
        // The same in one sweep.
        const swept = yield* MemoryMap.addAll(
          MemoryMap.empty,
          order.map((name) => ({ source: ByteSource.fromBytes(parts[name][0]), address: parts[name][1], name }))
        )
        assert.deepStrictEqual(text(swept), text(map))
      })
    )
  }
})

describe("where a mapping meets others", () => {
  it.effect("a mapping added over covers, one added under fills holes", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const over = yield* MemoryMap.addBytes(map, filled(9, 6), 3n, { name: "c" })
      assert.deepStrictEqual(text(over), ["a 0x2-0x3 +0", "c 0x3-0x9 +0", "b 0x9-0xa +1"])
      const under = yield* MemoryMap.addBytes(map, filled(9, 12), 0n, { name: "c", overlap: "under" })
      assert.deepStrictEqual(text(under), [
        "c 0x0-0x2 +0",
        "a 0x2-0x6 +0",
        "c 0x6-0x8 +6",
        "b 0x8-0xa +0",
        "c 0xa-0xc +10"
      ])
      assert.deepStrictEqual(text(map), ["a 0x2-0x6 +0", "b 0x8-0xa +0"], "the old map is as it was")
    })
  )

  it.effect("the latest under lies lowest, the latest over highest", () =>
    Effect.gen(function* () {
      let map: MemoryMap.Any = MemoryMap.empty
      for (const [name, overlap] of [
        ["u1", "under"],
        ["o1", "over"],
        ["u2", "under"],
        ["o2", "over"]
      ] as const) {
        map = yield* MemoryMap.addBytes(map, filled(1, 4), 0n, { name, overlap })
      }
      assert.deepStrictEqual(namesAt(map, 0n), ["o2", "o1", "u1", "u2"])
      for (const [gone, left] of [
        ["o2", "o1"],
        ["o1", "u1"],
        ["u1", "u2"]
      ] as const) {
        map = MemoryMap.remove(map, named(map, gone))
        assert.deepStrictEqual(text(map), [`${left} 0x0-0x4 +0`])
      }
    })
  )

  it.effect("reject takes what touches, and names the first thing it meets", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const between = yield* MemoryMap.addBytes(map, filled(9, 2), 6n, { overlap: "reject", name: "c" })
      assert.deepStrictEqual(text(between), ["a 0x2-0x6 +0", "c 0x6-0x8 +0", "b 0x8-0xa +0"])
      const error = yield* Effect.flip(MemoryMap.addBytes(map, filled(9, 3), 6n, { overlap: "reject" }))
      assert.deepStrictEqual(error._tag === "MappingOverlap" && [error.met.name, error.address], ["b", 8n])
    })
  )

  it.effect("equal demands the bytes that are visible, and lies over them", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const same = yield* MemoryMap.addBytes(map, bytes(12, 13, 0, 0, 20, 21, 22), 4n, { overlap: "equal", name: "c" })
      assert.deepStrictEqual(text(same), ["a 0x2-0x4 +0", "c 0x4-0xb +0"])
      const error = yield* Effect.flip(
        MemoryMap.addBytes(map, bytes(12, 13, 0, 0, 20, 99), 4n, { overlap: "equal", name: "c" })
      )
      assert.strictEqual(error.message, "c (0x4-0xa) differs from b (0x8-0xa) at 0x9")
    })
  )

  it.effect("equal looks at nothing that is covered", () =>
    Effect.gen(function* () {
      const covered = yield* Effect.flatMap(islands, MemoryMap.addBytes(bytes(1, 1), 2n, { name: "top" }))
      yield* MemoryMap.addBytes(covered, bytes(1, 1, 12), 2n, { overlap: "equal" })
      yield* Effect.flip(MemoryMap.addBytes(covered, bytes(10, 11, 12), 2n, { overlap: "equal" }))
    })
  )

  it.effect("equal compares every byte of long mappings", () =>
    Effect.gen(function* () {
      const long = filled(7, 3_000_000)
      const map = yield* MemoryMap.fromBytes(long, 0x1000n)
      yield* MemoryMap.addBytes(map, long, 0x1000n, { overlap: "equal" })
      long[2_999_999] = 8
      const error = yield* Effect.flip(MemoryMap.addBytes(map, long, 0x1000n, { overlap: "equal" }))
      assert.strictEqual(error._tag === "MappingOverlap" && error.address, 0x1000n + 2_999_999n)
    })
  )

  it.effect("equal reads nothing of what is known to be the same", () =>
    Effect.gen(function* () {
      const unreadable = ByteSource.make({ name: "unreadable", size: 64n, read: () => Effect.die("read") })
      const parts = yield* Effect.fromOption(ByteSource.slice(unreadable, 16n, 32n))
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: ByteSource.zeros(1n << 60n), address: 0n, name: "zeros" },
        { source: unreadable, address: 1n << 60n, name: "whole" }
      ])
      const again = yield* MemoryMap.addAll(map, [
        { source: ByteSource.zeros(1n << 50n), address: 8n, name: "more", overlap: "equal" },
        { source: parts, address: (1n << 60n) + 16n, name: "part", overlap: "equal" }
      ])
      assert.deepStrictEqual(namesAt(again, 8n), ["more", "zeros"])
      assert.deepStrictEqual(namesAt(again, (1n << 60n) + 16n), ["part", "whole"])
      const shifted = MemoryMap.add(map, parts, (1n << 60n) + 15n, { overlap: "equal" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(shifted)), "another place of the source has to be read")
      const mixed = MemoryMap.add(map, ByteSource.zeros(8n), 1n << 60n, { overlap: "equal" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(mixed)), "zeros are like zeros only")
    })
  )

  it.effect("addAll obeys each entry's policy, and adds all or nothing", () =>
    Effect.gen(function* () {
      const map = yield* islands
      const source = ByteSource.fromBytes(filled(9, 8))
      const added = yield* MemoryMap.addAll(map, [
        { source, address: 4n, name: "c", overlap: "under" },
        { source, address: 20n, name: "d", overlap: "reject" },
        { source, address: 24n, name: "e" }
      ])
      assert.deepStrictEqual(text(added), [
        "a 0x2-0x6 +0",
        "c 0x6-0x8 +2",
        "b 0x8-0xa +0",
        "c 0xa-0xc +6",
        "d 0x14-0x18 +0",
        "e 0x18-0x20 +0"
      ])
      for (const last of [
        { source, address: 4n, overlap: "reject" },
        { source, address: END - 7n },
        { source: ByteSource.zeros(0n), address: 0n }
      ] as const) {
        const result = yield* Effect.result(MemoryMap.addAll(map, [{ source, address: 40n }, last]))
        assert.isTrue(Result.isFailure(result))
      }
    })
  )

  it.effect("adding is lazy: each run adds once more", () =>
    Effect.gen(function* () {
      const add = MemoryMap.fromBytes(bytes(1), 0n)
      const [first, second] = [yield* add, yield* add]
      assert.notStrictEqual(first, second)
      assert.notStrictEqual([...MemoryMap.mappings(first)][0], [...MemoryMap.mappings(second)][0])
    })
  )
})

describe("what is added", () => {
  it.effect("addBytes copies, addBytesUnsafe does not", () =>
    Effect.gen(function* () {
      const array = bytes(1, 2)
      const copied = yield* MemoryMap.addBytes(MemoryMap.empty, array, 0n)
      const shared = yield* MemoryMap.addBytesUnsafe(MemoryMap.empty, array, 0n)
      array[0] = 9
      assert.deepStrictEqual(yield* MemoryMap.getBytes(copied, 0n, 2), bytes(1, 2))
      assert.deepStrictEqual(yield* MemoryMap.getBytes(shared, 0n, 2), bytes(9, 2))
    })
  )

  it.effect("addString is UTF-8 without NUL", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.addString(MemoryMap.empty, "é€", 0n)
      assert.deepStrictEqual(yield* MemoryMap.getBytes(map, 0n, 5), bytes(0xc3, 0xa9, 0xe2, 0x82, 0xac))
      assert.strictEqual(MemoryMap.mappedSize(map), 5n)
    })
  )

  it.effect("a file, or a slice of it at any offset", () =>
    Effect.gen(function* () {
      const cases = [
        [undefined, undefined, [1, 2, 3, 4]],
        [1n, undefined, [2, 3, 4]],
        [undefined, 2n, [1, 2]],
        [2n, 2n, [3, 4]]
      ] as const
      for (const [offset, length, expected] of cases) {
        const map = yield* MemoryMap.addFile(MemoryMap.empty, "/f", 16n, { offset, length })
        assert.deepStrictEqual(yield* MemoryMap.getBytes(map, 16n, expected.length), Uint8Array.from(expected))
        assert.strictEqual(MemoryMap.mappedSize(map), BigInt(expected.length))
        assert.strictEqual(named(map, "/f").range.start, 16n)
      }
      for (const options of [{ offset: 5n }, { offset: -1n }, { length: 5n }, { offset: 1n, length: -1n }]) {
        const error = yield* Effect.flip(MemoryMap.fromFile("/f", 0n, options))
        assert.strictEqual(error._tag === "InvalidMapping" && error.reason, "OutsideFile", inspect(options))
      }
      const empty = yield* Effect.flip(MemoryMap.fromFile("/empty", 0n))
      assert.strictEqual(empty._tag === "InvalidMapping" && empty.reason, "Empty")
      const missing = yield* Effect.flip(MemoryMap.fromFile("/missing", 0n))
      assert.strictEqual(missing._tag === "PlatformError" && missing.reason._tag, "NotFound")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/f": bytes(1, 2, 3, 4), "/empty": bytes() })))
  )
})

describe("word size and byte order", () => {
  const untyped = (map: MemoryMap.Any) => map as MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">

  it("are set once; a second time is a defect with a clear message", () => {
    const map = MemoryMap.empty.pipe(MemoryMap.setWordSize(32), MemoryMap.setEndian("big"))
    assert.strictEqual(MemoryMap.getWordSize(map), 32)
    assert.strictEqual(MemoryMap.getEndian(map), "big")
    assert.throws(
      () => MemoryMap.setWordSize(untyped(map), 64),
      /setWordSize: the word size of this map is set already, to 32/
    )
    assert.throws(
      () => MemoryMap.setEndian(untyped(map), "big"),
      /setEndian: the byte order of this map is set already, to "big"/
    )
    assert.throws(() => MemoryMap.setWordSize(MemoryMap.empty, 16 as 32), /a word has 32 or 64 bits, not 16/)
    assert.throws(() => MemoryMap.setEndian(MemoryMap.empty, "middle" as "big"), /"little" or "big", not middle/)
    assert.throws(() => MemoryMap.getWordSize(MemoryMap.empty as never), /set the word size first/)
    assert.throws(() => MemoryMap.getEndian(MemoryMap.empty as never), /set the byte order first/)
  })

  it.effect("stay with the map through every change, and are no part of the old one", () =>
    Effect.gen(function* () {
      const plain = yield* islands
      const map = plain.pipe(MemoryMap.setEndian("little"), MemoryMap.setWordSize(64))
      const changed = yield* MemoryMap.addBytes(MemoryMap.remove(map, named(map, "a")), bytes(1), 0n).pipe(
        Effect.flatMap(MemoryMap.addAbsent(AddressRange.full, "x"))
      )
      assert.deepStrictEqual([MemoryMap.getEndian(changed), MemoryMap.getWordSize(changed)], ["little", 64])
      assert.isTrue(Result.isFailure(yield* Effect.result(MemoryMap.requireEndian(plain))))
    })
  )

  it.effect("require* give the same map, or say what is missing", () =>
    Effect.gen(function* () {
      const map = (yield* islands).pipe(MemoryMap.setEndian("little"), MemoryMap.setWordSize(64))
      for (const require of [MemoryMap.requireEndian, MemoryMap.requireWordSize, MemoryMap.requireMapping]) {
        const narrow: (map: MemoryMap.Any) => Effect.Effect<MemoryMap.Any, MapStateError> = require
        assert.strictEqual(yield* narrow(map), map)
        assert.strictEqual((yield* Effect.flip(narrow(MemoryMap.empty)))._tag, "MapStateError")
      }
      const emptied = MemoryMap.remove(MemoryMap.remove(map, named(map, "a")), named(map, "b"))
      assert.strictEqual((yield* Effect.flip(MemoryMap.requireMapping(emptied))).missing, "Mapping")
    })
  )

  it("succLong, predLong and align count in words and wrap as int64 does", () => {
    for (const [size, word] of [
      [32, 4n],
      [64, 8n]
    ] as const) {
      const map = MemoryMap.setWordSize(MemoryMap.empty, size)
      assert.strictEqual(MemoryMap.succLong(map, 0x1000n), 0x1000n + word)
      assert.strictEqual(MemoryMap.predLong(map, 0x1000n), 0x1000n - word)
      assert.strictEqual(MemoryMap.succLong(map, END - word), 0n)
      assert.strictEqual(MemoryMap.succLong(map, END - 1n), word - 1n)
      assert.strictEqual(MemoryMap.predLong(map, 0n), END - word)
      assert.deepStrictEqual(
        [0n, 1n, word - 1n, word, word + 1n, END - word, END - word + 1n, END - 1n].map((a) => MemoryMap.align(map, a)),
        [0n, word, word, word, 2n * word, END - word, 0n, 0n]
      )
      assert.strictEqual(MemoryMap.align(9n)(map), MemoryMap.align(map, 9n))
    }
    assert.throws(() => MemoryMap.succLong(MemoryMap.empty as never, 0n), /succLong: set the word size first/)
  })
})
