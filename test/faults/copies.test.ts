// Two copies of the package in one program, as package managers sometimes install them: what one makes, the other takes.
import { assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { Effect, Equal, Option, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Pattern from "../../src/Pattern.ts"

let other: {
  readonly ByteSource: typeof ByteSource
  readonly MemoryMap: typeof MemoryMap
  readonly Pattern: typeof Pattern
}

beforeAll(async () => {
  vi.resetModules()
  other = {
    ByteSource: await import("../../src/ByteSource.ts"),
    MemoryMap: await import("../../src/MemoryMap.ts"),
    Pattern: await import("../../src/Pattern.ts")
  }
})

/** Bytes with zeros over their middle, in which one mapping shows twice, and a string at 0x100. */
const make = Effect.gen(function* () {
  let map: MemoryMap.Mapped = yield* MemoryMap.fromBytes(
    Uint8Array.from({ length: 64 }, (_, i) => i + 1),
    0n
  )
  map = yield* MemoryMap.add(map, ByteSource.zeros(8n), 16n)
  map = yield* MemoryMap.addString(map, "a string\0", 0x100n)
  return map.pipe(
    (bare) => bare as MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">,
    MemoryMap.setWordSize(64),
    MemoryMap.setEndian("little")
  )
})

describe("a map of another copy of the package", () => {
  it("comes from other classes", () => {
    assert.notStrictEqual(other.MemoryMap.getBytes, MemoryMap.getBytes)
    assert.isTrue(other.MemoryMap.isMemoryMap(MemoryMap.empty))
  })

  it.effect("is read, searched and added to as its own", () =>
    Effect.gen(function* () {
      const map = yield* make
      const there = other.MemoryMap
      assert.strictEqual(yield* there.getUint32(map, 0n), 0x0403_0201)
      for (let i = 0; i < 10; i++) assert.strictEqual(yield* there.getUint32(map, 32n), 0x2423_2221)
      assert.strictEqual(yield* there.getString(map, 0x100n), "a string")
      assert.deepStrictEqual(yield* there.getBytes(map, 14n, 4), new Uint8Array([15, 16, 0, 0]))
      assert.deepStrictEqual(yield* there.find(map, "string"), Option.some(0x102n))
      assert.deepStrictEqual(yield* Stream.runCollect(there.findAll(map, new Uint8Array(8))), [16n])
      assert.lengthOf([...there.segments(map)], 4)
      const added = yield* there.addString(map, "more", 0x200n)
      assert.strictEqual(yield* MemoryMap.getByte(added, 0x200n), 0x6d)
      const removed = there.remove(added, [...there.mappings(added)][1]!) as MemoryMap.Mapped
      assert.strictEqual(yield* there.getByte(removed, 16n), 17)
      const reader = yield* there.reader(map)
      assert.strictEqual(reader.getUint32(14n), 0x0000_100f)
    })
  )

  it.effect("takes its sources and patterns", () =>
    Effect.gen(function* () {
      const zeros = other.ByteSource.zeros(4n)
      const slice = Option.getOrThrow(
        other.ByteSource.slice(other.ByteSource.fromBytes(new Uint8Array([1, 2, 3])), 1n, 2n)
      )
      assert.isTrue(ByteSource.isByteSource(zeros))
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: zeros, address: 0n },
        { source: slice, address: 4n }
      ])
      assert.deepStrictEqual(
        yield* MemoryMap.getBytesPadded(map, 0n, 7, 0xff),
        new Uint8Array([0, 0, 0, 0, 2, 3, 0xff])
      )
      assert.deepStrictEqual(ByteSource.origin(slice, 0n).offset, 1n)
      const [ours, theirs] = [Pattern.text("ab"), other.Pattern.text("ab")]
      assert.isTrue(Equal.equals(ours, theirs) && Equal.equals(theirs, ours))
      assert.deepStrictEqual(yield* MemoryMap.find(map, other.Pattern.hex("02 03")), Option.some(4n))
    })
  )
})
