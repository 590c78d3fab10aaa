// Bytes that are there and bytes that are not: whatever the kind of source, and whatever stands in for holes.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

const WINDOW = 64
const BASE = (1n << 53n) - 32n

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Part = Schema.Struct({
  kind: Schema.Literals(["bytes", "zeros", "read", "slice of zeros", "slice of bytes", "slice of read"]),
  at: between(0, WINDOW - 1),
  size: between(1, 20)
})

type Part = typeof Part.Type

/** A source of zeros or of bytes 1, 2, 3 ..., and these bytes. */
const sourceOf = ({ kind, size }: Part) => {
  const longer = Uint8Array.from({ length: size + 3 }, (_, i) => i + 1)
  const bytes = longer.subarray(3)
  const read = (offset: bigint, length: number) => Effect.succeed(longer.slice(Number(offset), Number(offset) + length))
  const reading = ByteSource.make({ name: "read", size: BigInt(longer.length), read })
  const tail = (source: ByteSource.ByteSource) => ByteSource.slice(source, 3n, BigInt(size))
  switch (kind) {
    case "bytes":
      return { source: ByteSource.fromBytes(bytes), bytes }
    case "zeros":
      return { source: ByteSource.zeros(BigInt(size)), bytes: new Uint8Array(size) }
    case "read":
      return { source: reading, bytes: longer, size: longer.length }
    case "slice of zeros":
      return { source: tail(ByteSource.zeros(BigInt(size + 3))), bytes: new Uint8Array(size) }
    case "slice of bytes":
      return { source: tail(ByteSource.fromBytes(longer)), bytes }
    case "slice of read":
      return { source: tail(reading), bytes }
  }
}

const plain = (source: ReturnType<typeof sourceOf>["source"]): ByteSource.ByteSource =>
  "_tag" in source ? (source._tag === "Some" ? source.value : ByteSource.zeros(1n)) : source

const build = Effect.fnUntraced(function* (parts: ReadonlyArray<Part>) {
  let map: MemoryMap.Any = MemoryMap.empty
  const cells = new Map<number, number>()
  for (const part of parts) {
    const { bytes, source } = sourceOf(part)
    map = yield* MemoryMap.add(map, plain(source), BASE + BigInt(part.at))
    bytes.forEach((byte, i) => cells.set(part.at + i, byte))
  }
  return { map: map as MemoryMap.Mapped, cells }
})

describe("padded bytes", () => {
  it.effect.prop(
    "are the oracle's for every fill, over every kind of source",
    [
      Arbitrary.schema(Schema.Array(Part).check(Schema.isMinLength(1), Schema.isMaxLength(6))),
      Arbitrary.schema(between(0, 255))
    ],
    ([parts, fill]) =>
      Effect.gen(function* () {
        const { cells, map } = yield* build(parts)
        const expected = Uint8Array.from({ length: WINDOW + 30 }, (_, i) => cells.get(i) ?? fill)
        assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, BASE, WINDOW + 30, fill), expected)
      })
  )

  it.effect("keep the zeros of a program, whatever fills the holes", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(2n), 1n)
      assert.deepStrictEqual(yield* MemoryMap.getBytesPadded(map, 0n, 4, 0xff), new Uint8Array([0xff, 0, 0, 0xff]))
    })
  )
})

describe("a read over many pieces of a slow source", () => {
  /** A source that notes what it is asked for, and how many reads are under way. */
  const slow = (size: number) => {
    const asked: Array<readonly [offset: number, length: number]> = []
    const seen = { now: 0, most: 0 }
    const source = ByteSource.make({
      name: "slow",
      size: BigInt(size),
      read: (offset, length) =>
        Effect.gen(function* () {
          asked.push([Number(offset), length])
          seen.most = Math.max(seen.most, ++seen.now)
          yield* Effect.yieldNow
          seen.now--
          return Uint8Array.from({ length }, (_, i) => (Number(offset) + i) & 0xff)
        })
    })
    return { source, asked, seen }
  }
  const mapOf = (source: ByteSource.ByteSource, places: ReadonlyArray<readonly [at: number, offset: number]>) =>
    MemoryMap.addAll(
      MemoryMap.empty,
      places.map(([at, offset]) => {
        const part = ByteSource.slice(source, BigInt(offset), 16n)
        return { source: part._tag === "Some" ? part.value : source, address: BigInt(at) }
      })
    )

  it.effect("asks once for what lies side by side in the source as it does in the map", () =>
    Effect.gen(function* () {
      const { asked, source } = slow(4096)
      const places = Array.from({ length: 256 }, (_, i) => [16 * i, 16 * i] as const)
      const map = yield* mapOf(source, places)
      const bytes = yield* MemoryMap.getBytes(map, 0n, 4096)
      assert.isTrue(bytes.every((byte, i) => byte === (i & 0xff)))
      assert.deepStrictEqual(asked, [[0, 4096]])
    })
  )

  it.effect("reads the rest side by side, and never more than eight at once", () =>
    Effect.gen(function* () {
      const { asked, seen, source } = slow(4096)
      const places = Array.from({ length: 256 }, (_, i) => [16 * i, 16 * (255 - i)] as const)
      const map = yield* mapOf(source, places)
      const bytes = yield* MemoryMap.getBytes(map, 0n, 4096)
      assert.isTrue(bytes.every((byte, i) => byte === ((16 * (255 - (i >> 4)) + (i & 15)) & 0xff)))
      assert.deepStrictEqual([asked.length, seen.most], [256, 8])
    })
  )

  it.effect("does so in streams over islands, too", () =>
    Effect.gen(function* () {
      const { asked, seen, source } = slow(4096)
      const places = Array.from({ length: 100 }, (_, i) => [32 * i, 16 * i] as const)
      const map = yield* mapOf(source, places)
      const parts = yield* Stream.runCollect(MemoryMap.stream(map))
      assert.deepStrictEqual(
        parts.map(({ address, bytes }) => [Number(address), bytes[0]]),
        places.map(([at, offset]) => [at, offset & 0xff])
      )
      assert.deepStrictEqual([asked.length, seen.most], [100, 8])
    })
  )

  it.effect("tells of the lowest address that fails, whichever fails first", () =>
    Effect.gen(function* () {
      const { source } = slow(4096)
      const failing = ByteSource.make({
        name: "failing",
        size: 4096n,
        // What lies at higher offsets fails sooner.
        read: (offset, length) =>
          Effect.andThen(
            Effect.forEach(Array(8 - Number(offset >> 9n)), () => Effect.yieldNow),
            source.read(offset + 4096n, length)
          )
      })
      const places = Array.from({ length: 256 }, (_, i) => [16 * i, (i * 1040) & 0xff0] as const)
      const map = yield* mapOf(failing, places)
      const error = yield* Effect.flip(MemoryMap.getBytes(map, 0n, 4096))
      assert.strictEqual(error._tag === "SourceError" && error.offset, 4096n)
    })
  )
})
