// What every layer of FileMapper does alike.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, Fiber, type Layer, Option, Schema, Scope, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type { TooLarge } from "../../src/MemoryMapError.ts"

/** Larger than a block of the cache, and no multiple of one. Each byte tells where it stands. */
const content = Uint8Array.from({ length: 150_001 }, (_, i) => (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff)

/** The files that the suite expects the layer to have. */
export const files = { content, empty: new Uint8Array(0) }

const natural = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
/** Positions crowd where blocks and the file begin and end. */
const position = Arbitrary.schema(
  Schema.Union([
    natural(content.length),
    natural(8),
    Schema.Literals([65_535, 65_536, 65_537, 131_072, 150_000, 150_001])
  ])
)

const read = (source: ByteSource.ByteSource, offset: bigint, length: number) =>
  Effect.map(source.read(offset, length), (bytes) => Array.from(bytes))

const closed = Effect.fnUntraced(function* (source: ByteSource.ByteSource) {
  assert.isUndefined(source.resident)
  const error = yield* Effect.flip(source.read(0n, Number(source.size > 0n)))
  assert.strictEqual(error.reason, "Closed")
  assert.strictEqual(error.source, source.name)
})

export const fileMapperSuite = <E>(
  name: string,
  options: {
    readonly layer: Layer.Layer<FileMapper.FileMapper, E>
    readonly path: (file: keyof typeof files) => string
    readonly missing: string
    readonly resident: boolean
  }
) => {
  const path = options.path("content")

  describe(name, () => {
    it.effect("maps a whole file, named by its path", () =>
      Effect.gen(function* () {
        const source = yield* FileMapper.map(path)
        assert.isTrue(ByteSource.isByteSource(source))
        assert.strictEqual(source.name, path)
        assert.strictEqual(source.size, BigInt(content.length))
        assert.deepStrictEqual(yield* source.read(0n, content.length), content)
        assert.strictEqual(source.resident !== undefined, options.resident)
        if (options.resident) assert.deepStrictEqual(source.resident, content)
        assert.strictEqual(source.resident, source.resident)
      }).pipe(Effect.provide(options.layer))
    )

    it.effect.prop(
      "reads any part, of the file and of any slice of it",
      [position, position, position, position],
      (some) =>
        Effect.gen(function* () {
          const [start, from, to, end] = some.toSorted((a, b) => a - b) as [number, number, number, number]
          const part = yield* FileMapper.map(path, { offset: BigInt(start), length: BigInt(end - start) })
          const expected = Array.from(content.subarray(from, to))
          assert.strictEqual(part.name, path)
          assert.strictEqual(part.size, BigInt(end - start))
          assert.deepStrictEqual(yield* read(part, BigInt(from - start), to - from), expected)
          if (options.resident) {
            assert.deepStrictEqual(Array.from(part.resident!.subarray(from - start, to - start)), expected)
          }
          const inner = Option.getOrThrow(ByteSource.slice(part, BigInt(from - start), BigInt(to - from)))
          assert.deepStrictEqual(yield* read(inner, 0n, to - from), expected)
        }).pipe(Effect.scoped, Effect.provide(options.layer))
    )

    it.effect("refuses parts that are not in the file, and says how long it is", () =>
      Effect.gen(function* () {
        const size = BigInt(content.length)
        for (const part of [
          { offset: -1n },
          { offset: size + 1n },
          { length: size + 1n },
          { offset: 1n, length: size },
          { length: -1n }
        ]) {
          const error = yield* Effect.flip(FileMapper.map(path, part))
          assert.strictEqual(error.reason._tag, "BadArgument")
          assert.include(error.message, path)
          assert.include(error.message, `${size} bytes`)
        }
        assert.strictEqual((yield* FileMapper.map(path, { offset: size })).size, 0n)
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("fails a read outside the source", () =>
      Effect.gen(function* () {
        const source = yield* FileMapper.map(path)
        for (const [offset, length] of [
          [-1n, 1],
          [source.size, 1],
          [0n, content.length + 1],
          [1n << 60n, 1]
        ] as const) {
          const error = yield* Effect.flip(source.read(offset, length))
          assert.strictEqual(error.reason, "Truncated")
          assert.deepStrictEqual([error.offset, error.length], [offset, length])
        }
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("maps an empty file", () =>
      Effect.gen(function* () {
        const source = yield* Effect.scoped(
          Effect.gen(function* () {
            const source = yield* FileMapper.map(options.path("empty"))
            assert.strictEqual(source.size, 0n)
            assert.strictEqual((yield* source.read(0n, 0)).length, 0)
            assert.strictEqual((yield* Effect.flip(source.read(0n, 1))).reason, "Truncated")
            return source
          })
        )
        yield* closed(source)
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("fails with NotFound for a missing file", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(FileMapper.map(options.missing))
        assert.strictEqual(error.reason._tag, "NotFound")
        assert.include(error.message, options.missing)
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("opens a file once for all who map it, and closes it with the last of them", () =>
      Effect.gen(function* () {
        const [first, second] = [yield* Scope.make(), yield* Scope.make()]
        const [one, other] = yield* Effect.all(
          [Scope.provide(FileMapper.map(path), first), Scope.provide(FileMapper.map(path), second)],
          { concurrency: 2 }
        )
        const part = yield* Scope.provide(FileMapper.map(path, { offset: 5n, length: 3n }), first)
        assert.strictEqual(one, other)
        assert.strictEqual(ByteSource.origin(part, 0n).source, one)
        yield* Scope.close(first, Exit.void)
        assert.deepStrictEqual(yield* read(other, 7n, 2), Array.from(content.subarray(7, 9)))
        yield* Scope.close(second, Exit.void)
        yield* Effect.forEach([one, other, part], closed)
        const again = yield* FileMapper.map(path)
        assert.notStrictEqual(again, one)
        assert.deepStrictEqual(yield* read(again, 7n, 2), Array.from(content.subarray(7, 9)))
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("closes its files and maps no more when the layer goes away", () =>
      Effect.gen(function* () {
        const source = yield* Effect.provide(FileMapper.map(path), options.layer, { local: true })
        yield* closed(source)
        const mapper = yield* Effect.provide(FileMapper.FileMapper, options.layer, { local: true })
        assert.strictEqual((yield* Effect.flip(mapper.map(path))).reason._tag, "BadResource")
      })
    )

    it.effect("closes every door of a memory map", () =>
      Effect.gen(function* () {
        const { map, reader } = yield* Effect.scoped(
          Effect.gen(function* () {
            const map = MemoryMap.setEndian(yield* MemoryMap.fromFile(path, 0x1000n, { offset: 5n }), "little")
            const reader = yield* MemoryMap.reader(map)
            assert.strictEqual(yield* MemoryMap.getByte(map, 0x1000n), content[5])
            assert.strictEqual(reader.getByte(0x1000n), content[5])
            return { map, reader }
          })
        )
        const reads: ReadonlyArray<Effect.Effect<unknown, MemoryMap.ReadError | TooLarge>> = [
          MemoryMap.getByte(map, 0x1000n),
          MemoryMap.getInt64(map, 0x1000n),
          MemoryMap.getBytes(map, 0x1000n, 100_000),
          MemoryMap.getString(map, 0x1000n),
          Stream.runDrain(MemoryMap.stream(map))
        ]
        for (const error of yield* Effect.forEach(reads, Effect.flip)) {
          assert.strictEqual(error._tag, "SourceError")
          assert.include(error.message, "its scope is closed")
        }
        // A reader holds a copy of what is not resident.
        if (options.resident) assert.throws(() => reader.getByte(0x1000n), /its scope is closed/)
        else assert.strictEqual(reader.getByte(0x1000n), content[5])
      }).pipe(Effect.provide(options.layer))
    )

    it.effect("gives right bytes or Closed to readers at work while the scope closes, a thousand times over", () =>
      Effect.gen(function* () {
        const mapper = yield* FileMapper.FileMapper
        const reader = (source: ByteSource.ByteSource, seed: number) =>
          Effect.gen(function* () {
            for (let i = seed; ; i++) {
              const length = i % 3 === 0 ? 70_000 : 9
              const offset = (i * 7919) % (content.length - length)
              const bytes = yield* source.read(BigInt(offset), length)
              assert.deepStrictEqual([bytes[0], bytes[length - 1]], [content[offset], content[offset + length - 1]])
              assert.isTrue(source.resident === undefined || source.resident.length === content.length)
              yield* Effect.yieldNow
            }
          }).pipe(Effect.flip)
        for (let round = 0; round < 1000; round++) {
          const scope = yield* Scope.make()
          const source = yield* Scope.provide(mapper.map(path), scope)
          const readers = yield* Effect.forEach([0, 1, 2, 3], (seed) => Effect.forkChild(reader(source, seed + round)))
          for (let turn = round % 5; turn > 0; turn--) yield* Effect.yieldNow
          yield* Scope.close(scope, Exit.void)
          yield* closed(source)
          for (const error of yield* Fiber.joinAll(readers)) assert.strictEqual(error.reason, "Closed")
        }
      }).pipe(Effect.provide(options.layer))
    )
  })
}
