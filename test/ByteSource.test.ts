import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Effect, Exit, Option, Schema } from "effect"
import * as ByteSource from "../src/ByteSource.ts"
import { SourceError } from "../src/MemoryMapError.ts"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

/** A source of yours: the low byte of each offset, never resident. */
const counter = (size: bigint) =>
  ByteSource.make({
    name: "counter",
    size,
    read: (offset, length) =>
      Effect.sync(() => Uint8Array.from({ length }, (_, i) => Number((offset + BigInt(i)) & 0xffn)))
  })

const sources: Readonly<Record<string, () => ByteSource.ByteSource>> = {
  fromBytes: () => ByteSource.fromBytes(Uint8Array.from({ length: 16 }, (_, i) => i)),
  fromBytesUnsafe: () => ByteSource.fromBytesUnsafe(Uint8Array.from({ length: 16 }, (_, i) => i)),
  "a Buffer in a pool": () => ByteSource.fromBytesUnsafe(Buffer.from(Uint8Array.from({ length: 16 }, (_, i) => i))),
  make: () => counter(16n),
  "slice of make": () => Option.getOrThrow(ByteSource.slice(counter(256n + 32n), 256n, 16n)),
  "slice of a slice": () =>
    Option.getOrThrow(
      Option.flatMap(ByteSource.slice(counter(512n), 250n, 40n), (part) => ByteSource.slice(part, 6n, 16n))
    ),
  withName: () => ByteSource.withName(counter(16n), "other")
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

for (const [name, make] of Object.entries(sources)) {
  describe(name, () => {
    it.effect.prop(
      "gives exactly what is asked for, or says that it is not there",
      [int(-4, 20), int(0, 20)],
      ([offset, length]) =>
        Effect.gen(function* () {
          const source = make()
          const result = yield* Effect.result(source.read(BigInt(offset), length))
          if (offset >= 0 && offset + length <= 16) {
            assert.strictEqual(result._tag, "Success")
            if (result._tag === "Success") {
              assert.deepStrictEqual(
                [...result.success],
                Array.from({ length }, (_, i) => offset + i)
              )
            }
          } else {
            assert.strictEqual(result._tag, "Failure")
            if (result._tag === "Failure") {
              assert.instanceOf(result.failure, SourceError)
              assert.strictEqual(result.failure.reason, "Truncated")
              assert.strictEqual(result.failure.offset, BigInt(offset))
              assert.match(result.failure.message, /cannot read .* at offset -?0x.*: it has only 16 bytes$/)
            }
          }
        })
    )

    it("is a source of 16 bytes", () => {
      assert.isTrue(ByteSource.isByteSource(make()))
      assert.strictEqual(make().size, 16n)
    })

    it("what is resident is all of it", () => {
      const { resident } = make()
      if (resident !== undefined) {
        assert.deepStrictEqual(
          [...resident],
          Array.from({ length: 16 }, (_, i) => i)
        )
      }
    })
  })
}

describe("fromBytes", () => {
  it.effect("copies the bytes, so that later changes do not show", () =>
    Effect.gen(function* () {
      const array = bytes(1, 2, 3)
      const copy = ByteSource.fromBytes(array)
      const shared = ByteSource.fromBytesUnsafe(array)
      array[0] = 9
      assert.deepStrictEqual(yield* copy.read(0n, 1), bytes(1))
      assert.deepStrictEqual(yield* shared.read(0n, 1), bytes(9))
    })
  )

  it("takes a part of an array for what it is", () => {
    assert.deepStrictEqual(ByteSource.fromBytes(bytes(1, 2, 3, 4).subarray(1, 3)).resident, bytes(2, 3))
  })

  it("has the name that it was given", () => {
    assert.strictEqual(ByteSource.fromBytes(bytes()).name, "bytes")
    assert.strictEqual(ByteSource.fromBytes(bytes(), { name: "rom" }).name, "rom")
  })
})

describe("zeros", () => {
  it.effect("is as large as the space and takes no memory", () =>
    Effect.gen(function* () {
      const source = ByteSource.zeros(1n << 64n)
      assert.strictEqual(source.size, 1n << 64n)
      assert.isUndefined(source.resident)
      assert.deepStrictEqual(yield* source.read((1n << 64n) - 2n, 2), bytes(0, 0))
      assert.strictEqual((yield* Effect.flip(source.read((1n << 64n) - 2n, 3))).reason, "Truncated")
    })
  )
})

describe("make", () => {
  for (const [given, asked] of [
    [3, 4],
    [5, 4],
    [0, 4]
  ] as const) {
    it.effect(`an answer of ${given} bytes to ${asked} is Truncated`, () =>
      Effect.gen(function* () {
        const source = ByteSource.make({ name: "odd", size: 16n, read: () => Effect.succeed(new Uint8Array(given)) })
        const error = yield* Effect.flip(source.read(8n, asked))
        assert.strictEqual(error.reason, "Truncated")
        assert.strictEqual(
          error.message,
          `odd: cannot read 4 bytes at offset 0x8: its read function gave ${given} bytes`
        )
      })
    )
  }

  it.effect("an exception is a defect, of the Effect and not of the call", () =>
    Effect.gen(function* () {
      const source = ByteSource.make({
        name: "bad",
        size: 16n,
        read: () => {
          throw new Error("boom")
        }
      })
      const exit = yield* Effect.exit(source.read(0n, 1))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    })
  )

  it.effect("reads anew each time the Effect runs", () =>
    Effect.gen(function* () {
      let reads = 0
      const source = ByteSource.make({ name: "n", size: 1n, read: () => Effect.sync(() => bytes(++reads)) })
      const read = source.read(0n, 1)
      assert.strictEqual(reads, 0)
      assert.deepStrictEqual([...(yield* read), ...(yield* read)], [1, 2])
    })
  )

  it.effect("is never asked for what it does not have", () =>
    Effect.gen(function* () {
      let reads = 0
      const source = ByteSource.make({
        name: "n",
        size: 4n,
        read: (_, length) => Effect.sync(() => (reads++, new Uint8Array(length)))
      })
      yield* Effect.flip(source.read(2n, 3))
      yield* Effect.flip(source.read(-1n, 1))
      yield* Effect.flip(source.read(0n, -1))
      assert.strictEqual(reads, 0)
    })
  )
})

describe("slice", () => {
  it.prop(
    "is there exactly when it lies inside, and nests",
    [int(-2, 10), int(-2, 10), int(-2, 10), int(-2, 10)],
    ([offset, length, inner, innerLength]) => {
      const inside = (o: number, l: number, size: number) => o >= 0 && l >= 0 && o + l <= size
      const whole = ByteSource.fromBytes(bytes(0, 1, 2, 3, 4, 5, 6, 7))
      const part = ByteSource.slice(whole, BigInt(offset), BigInt(length))
      assert.strictEqual(Option.isSome(part), inside(offset, length, 8))
      if (Option.isNone(part)) return
      const nested = ByteSource.slice(BigInt(inner), BigInt(innerLength))(part.value)
      assert.strictEqual(Option.isSome(nested), inside(inner, innerLength, length))
      if (Option.isNone(nested)) return
      assert.deepStrictEqual(
        [...(nested.value.resident ?? [])],
        Array.from({ length: innerLength }, (_, i) => offset + inner + i)
      )
      assert.deepStrictEqual(ByteSource.origin(nested.value, 0n), { source: whole, offset: BigInt(offset + inner) })
    }
  )

  it("shares the bytes, so that later changes show", () => {
    const array = bytes(1, 2, 3)
    const part = Option.getOrThrow(ByteSource.slice(ByteSource.fromBytesUnsafe(array), 1n, 2n))
    assert.strictEqual(part.resident?.buffer, array.buffer)
    assert.strictEqual(part.resident, part.resident)
  })

  it("is resident only as long as its parent is", () => {
    const array = bytes(1, 2, 3)
    let open = true
    const parent: ByteSource.ByteSource = Object.defineProperty({ ...counter(3n) }, "resident", {
      get: () => (open ? array : undefined)
    })
    const part = Option.getOrThrow(ByteSource.slice(parent, 1n, 1n))
    assert.deepStrictEqual(part.resident, bytes(2))
    open = false
    assert.isUndefined(part.resident)
  })
})

describe("names", () => {
  it.effect("errors name the source that holds the bytes", () =>
    Effect.gen(function* () {
      const failing = ByteSource.make({
        name: "disk",
        size: 16n,
        read: (offset, length) =>
          new SourceError({ source: "disk", offset, length, reason: "ReadFailed", cause: "bad sector" })
      })
      const part = ByteSource.withName("partition")(Option.getOrThrow(ByteSource.slice(failing, 8n, 8n)))
      assert.strictEqual(part.name, "partition")
      const error = yield* Effect.flip(part.read(1n, 2))
      assert.strictEqual(error.message, "disk: cannot read 2 bytes at offset 0x9: bad sector")
    })
  )

  it("withName changes the name and keeps the rest", () => {
    const source = ByteSource.fromBytes(bytes(1, 2))
    const named = ByteSource.withName(source, "b")
    assert.deepStrictEqual([named.name, named.size, named.resident], ["b", 2n, bytes(1, 2)])
    assert.strictEqual(ByteSource.origin(1n)(named).source, source)
    assert.strictEqual(ByteSource.withName(named, "c").name, "c")
  })
})

it("isByteSource tells other things apart", () => {
  for (const other of [undefined, null, 1, "x", {}, bytes(1), { name: "x", size: 1n, read: () => Effect.void }]) {
    assert.isFalse(ByteSource.isByteSource(other))
  }
})

it.effect.prop(
  "parts of any source, joined, are the whole",
  [Arbitrary.schema(Schema.Array(int(1, 5)).check(Schema.isMaxLength(6)))],
  ([lengths]) =>
    Effect.gen(function* () {
      const size = lengths.reduce((sum, length) => sum + length, 0)
      const whole = counter(BigInt(size))
      let at = 0
      const joined: Array<number> = []
      for (const length of lengths) {
        const part = Option.getOrThrow(ByteSource.slice(whole, BigInt(at), BigInt(length)))
        joined.push(...(yield* part.read(0n, length)))
        at += length
      }
      assert.deepStrictEqual(
        joined,
        Array.from({ length: size }, (_, i) => i)
      )
    })
)
