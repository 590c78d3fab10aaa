// Interruption at every place where a fiber can be interrupted: nothing that was taken is kept.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Scheduler, Scope, Stream } from "effect"
import * as FileMapper from "../../src/FileMapper.ts"
import { Gate, manage } from "../../src/internal/source/pin.ts"
import { TypeId } from "../../src/internal/source/source.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { SourceError } from "../../src/MemoryMapError.ts"
import * as SearchKernel from "../../src/SearchKernel.ts"
import type { ByteSource } from "../../src/ByteSource.ts"
import { randomWords } from "../support/random.ts"

const BLOCK = 1 << 18

/** Resident memory of many mappings that must be held in place for native calls, as a mapped file's must. */
const heldMemory = (count: number) => {
  const gate = new Gate()
  const bytes = new Uint8Array(count * BLOCK)
  manage(bytes.buffer, gate, 0x1000n)
  const sources = Array.from({ length: count }, (_, i): ByteSource => {
    const part = bytes.subarray(i * BLOCK, (i + 1) * BLOCK)
    return {
      [TypeId]: TypeId,
      name: `part ${i}`,
      size: BigInt(BLOCK),
      get resident() {
        return gate.closed ? undefined : part
      },
      read: (offset, length) => new SourceError({ source: "gone", offset, length, reason: "Closed" })
    }
  })
  return { gate, sources }
}

/** A kernel as native ones are: several blocks at once, each answered in a later turn. */
const later: SearchKernel.SearchKernel = {
  name: "later",
  concurrency: 3,
  prepare: () => () => Effect.as(Effect.yieldNow, [])
}

describe("a search that is interrupted", () => {
  it.effect("at any place lets go of the memory that it held, so that closing does not wait for ever", () =>
    Effect.gen(function* () {
      // From every turn of the event loop that such a search takes, until it ends by itself.
      for (const ops of [3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 23, 31, 50]) {
        for (let turns = 0, ended = false; !ended && turns < 200; turns++) {
          const { gate, sources } = heldMemory(4)
          const map = yield* MemoryMap.addAll(
            MemoryMap.empty,
            // Apart from each other: each is a block of its own.
            sources.map((source, i) => ({ source, address: BigInt(2 * i * BLOCK) }))
          )
          const search = Stream.runDrain(MemoryMap.findAll(map, new Uint8Array([1, 2, 3]))).pipe(
            Effect.provideService(SearchKernel.SearchKernel, later),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, ops)
          )
          const fiber = yield* Effect.forkChild(search)
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          ended = fiber.pollUnsafe() !== undefined
          yield* Fiber.interrupt(fiber)
          const closed = yield* Effect.forkChild(gate.close)
          for (let i = 0; i < 4; i++) yield* Effect.yieldNow
          assert.isDefined(closed.pollUnsafe(), `a pin was lost: ${ops} operations, turn ${turns}`)
        }
      }
    })
  )
})

describe("opening a file that is interrupted", () => {
  const layer = FileMapper.layerFileSystem.pipe(Layer.provideMerge(NodeFileSystem.layer))

  it.effect("at any place leaves no file open", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* fs.makeTempFileScoped()
      yield* fs.writeFile(path, new Uint8Array(1000))
      const random = randomWords(11)
      const open = () => fs.readDirectory("/proc/self/fd").pipe(Effect.map((entries) => entries.length))
      const before = yield* Effect.orElseSucceed(open(), () => 0)
      for (let round = 0; round < 200; round++) {
        const begun = yield* Deferred.make<void>()
        const use = Effect.gen(function* () {
          yield* Deferred.succeed(begun, undefined)
          const source = yield* FileMapper.map(path)
          yield* source.read(0n, 100)
          yield* source.read(500n, 100)
        })
        const scope = yield* Scope.make()
        const fiber = yield* use.pipe(
          Scope.provide(scope),
          Effect.provideService(Scheduler.MaxOpsBeforeYield, 3 + (round % 48)),
          Effect.forkChild
        )
        yield* Deferred.await(begun)
        const turns = random() % 12
        for (let i = 0; i < turns; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        yield* Scope.close(scope, Exit.void)
      }
      assert.isAtMost(yield* Effect.orElseSucceed(open(), () => 0), before)
    }).pipe(Effect.provide(layer))
  )
})
