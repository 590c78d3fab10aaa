// Tests of a pipeline that reads memory: no files, no waiting, and faults where they are wanted.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import { FileMapper } from "effect-memory-map"
import { TestClock } from "effect/testing"
import { firmwareVersion } from "./firmware-version.ts"

const image = new TextEncoder().encode("\xff\xffboard=blue\0version=2.4.1\0")

describe("firmwareVersion", () => {
  it.effect("reads the version", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* firmwareVersion("/flash.bin"), Option.some("2.4.1"))
    }).pipe(Effect.provide(FileMapper.layerTest({ "/flash.bin": image })))
  )

  it.effect("finds none in an image that has none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* firmwareVersion("/flash.bin"), Option.none())
    }).pipe(Effect.provide(FileMapper.layerTest({ "/flash.bin": new Uint8Array(64) })))
  )

  it.effect("says where a version runs into a hole", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(firmwareVersion("/flash.bin"))
      assert.strictEqual(error._tag, "UnmappedAddress")
      assert.include(error.message, "getString: 0x8000009 is not mapped")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/flash.bin": new TextEncoder().encode("version=2") })))
  )

  it.effect("tries again until the share is back", () => {
    let offline = true
    const files = FileMapper.layerTest({ "/flash.bin": { bytes: image, failRead: () => offline } })
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(firmwareVersion("/flash.bin"))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(fiber.pollUnsafe()) // it has failed twice, and waits
      offline = false
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some("2.4.1"))
    }).pipe(Effect.provide(files))
  })

  it.effect("gives up in the end", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(firmwareVersion("/flash.bin")))
      yield* TestClock.adjust("7 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.message, "/flash.bin: cannot read 1 byte at offset 0xc: the byte at 12 was told to fail")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/flash.bin": { bytes: image, failAt: 12n } })))
  )

  it.effect("does not wait for ever", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(firmwareVersion("/flash.bin"))
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
    }).pipe(Effect.provide(FileMapper.layerTest({ "/flash.bin": { bytes: image, latency: "1 minute" } })))
  )
})
