// The faults that layerTest offers, each as a reader meets it.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, PlatformError, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as FileMapper from "../../src/FileMapper.ts"

const bytes = new Uint8Array([10, 11, 12, 13])

const withFile = <A, E>(
  file: Parameters<typeof FileMapper.layerTest>[0][string],
  use: (map: ReturnType<FileMapper.FileMapper["Service"]["map"]>) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.flatMap(FileMapper.FileMapper, (mapper) => use(mapper.map("/file"))).pipe(
    Effect.provide(FileMapper.layerTest({ "/file": file }))
  )

const outcomes = (map: ReturnType<FileMapper.FileMapper["Service"]["map"]>, count: number) =>
  Effect.gen(function* () {
    const source = yield* map
    const seen: Array<string> = []
    for (let i = 0; i < count; i++) {
      seen.push(yield* Effect.match(source.read(0n, 4), { onFailure: (e) => e.reason, onSuccess: () => "ok" }))
    }
    return seen
  })

describe("layerTest", () => {
  for (let k = 1; k <= 4; k++) {
    it.effect(`fails the read number ${k}, once or from then on`, () =>
      Effect.gen(function* () {
        const expected = ["ok", "ok", "ok", "ok", "ok"]
        const once = yield* withFile({ bytes, failRead: (n) => n === k }, (map) => outcomes(map, 5))
        assert.deepStrictEqual(once, expected.with(k - 1, "ReadFailed"))
        const forEver = yield* withFile({ bytes, failRead: (n) => n >= k }, (map) => outcomes(map, 5))
        assert.deepStrictEqual(forEver, expected.fill("ReadFailed", k - 1))
      })
    )
  }

  it.effect("goes on counting when the file is mapped again, and begins anew with the layer", () => {
    const twice = (map: ReturnType<FileMapper.FileMapper["Service"]["map"]>) =>
      Effect.all([Effect.scoped(outcomes(map, 2)), Effect.scoped(outcomes(map, 2))])
    const layer = FileMapper.layerTest({ "/file": { bytes, failRead: (n) => n === 3 } })
    const run = Effect.flatMap(FileMapper.FileMapper, (mapper) => twice(mapper.map("/file"))).pipe(
      Effect.provide(Layer.fresh(layer))
    )
    return Effect.gen(function* () {
      const expected = [
        ["ok", "ok"],
        ["ReadFailed", "ok"]
      ]
      assert.deepStrictEqual(yield* run, expected)
      assert.deepStrictEqual(yield* run, expected)
    })
  })

  it.effect("fails reads that touch a bad byte", () =>
    withFile({ bytes, failAt: 2n }, (map) =>
      Effect.gen(function* () {
        const source = yield* map
        assert.deepStrictEqual(yield* source.read(0n, 2), new Uint8Array([10, 11]))
        assert.deepStrictEqual(yield* source.read(3n, 1), new Uint8Array([13]))
        for (const [offset, length] of [
          [2n, 1],
          [1n, 2],
          [0n, 4]
        ] as const) {
          const error = yield* Effect.flip(source.read(offset, length))
          assert.strictEqual(error.reason, "ReadFailed")
          assert.include(error.message, "the byte at 2")
        }
      })
    )
  )

  it.effect("shrinks after some reads, and the next one fails", () =>
    withFile({ bytes, shrink: { afterReads: 1, to: 2 } }, (map) =>
      Effect.gen(function* () {
        const source = yield* map
        assert.strictEqual((yield* source.read(0n, 4)).length, 4)
        assert.strictEqual((yield* Effect.flip(source.read(0n, 3))).reason, "Truncated")
        assert.deepStrictEqual(yield* source.read(0n, 2), new Uint8Array([10, 11]))
        assert.strictEqual(source.size, 4n)
      })
    )
  )

  it.effect("shrinks while it is mapped, and reads fail", () =>
    withFile({ bytes, resident: true, shrink: { afterReads: 1, to: 2 } }, (map) =>
      Effect.gen(function* () {
        const source = yield* map
        const seen = [source.resident, source.resident]
        assert.deepStrictEqual(seen, [bytes, undefined])
        assert.strictEqual((yield* Effect.flip(source.read(3n, 1))).reason, "Truncated")
      })
    )
  )

  it.effect("takes its time by the clock, and notices that it was closed meanwhile", () =>
    withFile({ bytes, latency: "2 seconds" }, (map) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const source = yield* Scope.provide(map, scope)
        const reader = yield* Effect.forkChild(source.read(0n, 1))
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(reader.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Fiber.join(reader), new Uint8Array([10]))
        const late = yield* Effect.forkChild(Effect.flip(source.read(0n, 1)))
        yield* TestClock.adjust("1 seconds")
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual((yield* Fiber.join(late)).reason, "Closed")
      })
    )
  )

  it.effect("fails to map with the error given", () => {
    const denied = PlatformError.systemError({ _tag: "PermissionDenied", module: "FileSystem", method: "open" })
    return withFile(denied, (map) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Effect.flip(map), denied)
      })
    )
  })

  it.effect("has the files it was given and no others", () =>
    Effect.gen(function* () {
      for (const path of ["/other", "constructor", "__proto__", ""]) {
        assert.strictEqual((yield* Effect.flip(FileMapper.map(path))).reason._tag, "NotFound")
      }
    }).pipe(Effect.provide(FileMapper.layerTest({ "/file": bytes })))
  )
})
