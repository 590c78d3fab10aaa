import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Schema, Scope, Stream } from "effect"
import * as TestClock from "effect/testing/TestClock"
import { openAsBlob, writeFileSync } from "node:fs"
import * as ByteSource from "../src/ByteSource.ts"
import * as FileMapper from "../src/FileMapper.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import { SourceError } from "../src/MemoryMapError.ts"
import { temporaryFiles } from "./support/temporary.ts"

const content = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff)

/** Writes down each request as `offset+length`. */
const recording = (
  options: { readonly fails?: (offset: number, end: number) => boolean; readonly slow?: boolean } = {}
) => {
  const requests: Array<string> = []
  const source = ByteSource.make({
    name: "remote",
    size: BigInt(content.length),
    read: (offset, length) => {
      const [start, end] = [Number(offset), Number(offset) + length]
      const answer = Effect.suspend(() => {
        requests.push(`${start}+${length}`)
        return options.fails?.(start, end) === true
          ? new SourceError({ source: "remote", offset, length, reason: "ReadFailed", cause: "refused" })
          : Effect.succeed(content.slice(start, end))
      })
      return options.slow === true ? Effect.delay(answer, "1 second") : answer
    }
  })
  return { requests, source }
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("a cached source", () => {
  it.effect.prop(
    "gives the bytes of the source, whatever is read before, and asks for at most the blocks that are touched",
    [int(1, 300), int(1, 5), Schema.Array(Schema.Struct({ offset: int(-3, 1003), length: int(0, 400) }))],
    ([blockSize, capacity, reads]) =>
      Effect.gen(function* () {
        const { requests, source } = recording()
        const kept = yield* ByteSource.cached(source, { blockSize, capacity })
        assert.strictEqual(kept.size, source.size)
        assert.strictEqual(kept.name, "remote")
        for (const { length, offset } of reads) {
          const before = requests.length
          const result = yield* Effect.result(kept.read(BigInt(offset), length))
          const inside = offset >= 0 && offset + length <= content.length
          assert.strictEqual(result._tag, inside ? "Success" : "Failure")
          if (result._tag === "Success") {
            assert.deepStrictEqual(result.success, content.slice(offset, offset + length))
          } else assert.strictEqual(result.failure.reason, "Truncated")
          const blocks = Math.ceil(((offset % blockSize) + length) / blockSize)
          assert.isAtMost(requests.length - before, Math.max(1, blocks))
        }
      })
  )

  it.effect("reads blocks that follow each other together, and none twice", () =>
    Effect.gen(function* () {
      const { requests, source } = recording()
      const kept = yield* ByteSource.cached(source, { blockSize: 100 })
      yield* kept.read(150n, 10)
      yield* kept.read(50n, 400) // block 1 is there: 0 alone, 2 to 4 together
      yield* kept.read(0n, 500)
      yield* kept.read(999n, 1) // the last block
      assert.deepStrictEqual(requests, ["100+100", "0+100", "200+300", "900+100"])
    })
  )

  it.effect("joins what many fibers ask for at the same time", () =>
    Effect.gen(function* () {
      const { requests, source } = recording()
      const kept = yield* ByteSource.cached(source, { blockSize: 10 })
      const map = yield* MemoryMap.add(MemoryMap.empty, kept, 0x1000n)
      const addresses = Array.from({ length: 100 }, (_, i) => 0x1000n + BigInt((i * 37) % 400))
      const values = yield* Effect.forEach(addresses, (address) => MemoryMap.getByte(map, address), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        values,
        addresses.map((address) => content[Number(address - 0x1000n)])
      )
      assert.deepStrictEqual(requests, ["0+400"])
    })
  )

  it.effect("keeps the blocks used last, and no more than its capacity", () =>
    Effect.gen(function* () {
      const { requests, source } = recording()
      const kept = yield* ByteSource.cached(source, { blockSize: 100, capacity: 2 })
      for (const offset of [0n, 100n, 0n, 200n, 0n, 100n]) yield* kept.read(offset, 1)
      assert.deepStrictEqual(requests, ["0+100", "100+100", "200+100", "100+100"])
      yield* kept.read(0n, 300) // larger than what is kept: straight from the source
      assert.strictEqual(requests.at(-1), "0+300")
    })
  )

  it.effect("does not keep a larger array alive than its blocks", () =>
    Effect.gen(function* () {
      const { source } = recording()
      const kept = yield* ByteSource.cached(source, { blockSize: 10 })
      yield* kept.read(0n, 500)
      assert.strictEqual((yield* kept.read(20n, 5)).buffer.byteLength, 10)
    })
  )

  it.effect("asks again after a read that failed", () =>
    Effect.gen(function* () {
      let down = true
      const { source } = recording({ fails: () => down })
      const kept = yield* ByteSource.cached(source)
      const error = yield* Effect.flip(kept.read(3n, 4))
      assert.strictEqual(error.message, "remote: cannot read 4 bytes at offset 0x3: refused")
      down = false
      assert.deepStrictEqual(yield* kept.read(3n, 4), content.slice(3, 7))
    })
  )

  it.effect("gives what can be read beside bytes that cannot", () =>
    Effect.gen(function* () {
      const { source } = recording({ fails: (start, end) => start <= 50 && end > 50 })
      const kept = yield* ByteSource.cached(source, { blockSize: 100 })
      assert.deepStrictEqual(yield* kept.read(40n, 10), content.slice(40, 50))
      assert.deepStrictEqual(yield* kept.read(51n, 200), content.slice(51, 251))
      const error = yield* Effect.flip(kept.read(45n, 10))
      assert.deepStrictEqual([error.offset, error.length], [45n, 10])
    })
  )

  it.effect("goes on for the others when one who waits is interrupted", () =>
    Effect.gen(function* () {
      const { requests, source } = recording({ slow: true })
      const kept = yield* ByteSource.cached(source, { blockSize: 100 })
      const first = yield* Effect.forkChild(kept.read(0n, 1))
      const second = yield* Effect.forkChild(kept.read(1n, 1))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(second), content.slice(1, 2))
      assert.deepStrictEqual(requests, ["0+100"])
    })
  )

  it.effect("is the source itself when its bytes are at hand, or may change", () =>
    Effect.gen(function* () {
      let reads = 0
      const live = ByteSource.make({
        name: "live",
        size: 8n,
        volatile: true,
        read: (_, length) => Effect.sync(() => new Uint8Array(length).fill(++reads))
      })
      const part = Option.getOrThrow(ByteSource.slice(live, 2n, 4n))
      for (const source of [ByteSource.fromBytes(content), ByteSource.zeros(9n), live, part]) {
        assert.strictEqual(yield* ByteSource.cached(source), source)
      }
      const kept = yield* ByteSource.cached(ByteSource.withName(live, "named"))
      assert.deepStrictEqual([...(yield* kept.read(0n, 1)), ...(yield* kept.read(0n, 1))], [1, 2])
    })
  )

  for (const layer of ["layerTest", "layerFileSystem"] as const) {
    it.effect(`fails with Closed after the Scope of its file has ended (${layer})`, () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const source = yield* Scope.provide(FileMapper.map(path("content.bin")), scope)
        const kept = yield* ByteSource.cached(source, { blockSize: 16 })
        const part = Option.getOrThrow(ByteSource.slice(kept, 1n, 10n))
        assert.deepStrictEqual(yield* part.read(0n, 4), content.slice(1, 5))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Effect.flip(part.read(0n, 4))).reason, "Closed")
      }).pipe(Effect.provide(layers[layer]))
    )
  }

  it.effect("takes whole numbers from 1 on as sizes; others are defects", () =>
    Effect.gen(function* () {
      for (const options of [{ blockSize: 0 }, { blockSize: Number.NaN }, { capacity: 1.5 }, { capacity: -1 }]) {
        const exit = yield* Effect.exit(ByteSource.cached(recording().source, options))
        assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof RangeError)
      }
    })
  )
})

const path = temporaryFiles({ "content.bin": content })
const layers = {
  layerTest: FileMapper.layerTest({ [path("content.bin")]: content }),
  layerFileSystem: FileMapper.layerFileSystem.pipe(Layer.provide(NodeFileSystem.layer))
}

describe("a Blob", () => {
  it.effect("is read where it is asked for", () =>
    Effect.gen(function* () {
      const source = ByteSource.fromBlob(new Blob([content.slice(0, 600), content.slice(600)]))
      assert.deepStrictEqual([source.name, source.size, source.resident], ["blob", 1000n, undefined])
      assert.deepStrictEqual(yield* source.read(590n, 20), content.slice(590, 610))
      assert.strictEqual((yield* Effect.flip(source.read(990n, 11))).reason, "Truncated")
      assert.strictEqual(ByteSource.fromBlob(new Blob([]), { name: "x" }).name, "x")
    })
  )

  it.effect("names the source when it is a File, and is searched as any other", () =>
    Effect.gen(function* () {
      const source = ByteSource.fromBlob(new File([new Uint8Array(1 << 20), "needle"], "memory.bin"))
      assert.strictEqual(source.name, "memory.bin")
      const map = yield* MemoryMap.add(MemoryMap.empty, yield* ByteSource.cached(source), 0x4000n)
      const hits = yield* Stream.runCollect(MemoryMap.findAll(map, "needle"))
      assert.deepStrictEqual(hits, [0x4000n + (1n << 20n)])
    })
  )

  it.effect("that cannot be read any more is a ReadFailed with the reason", () =>
    Effect.gen(function* () {
      const file = path("changing.bin")
      writeFileSync(file, content)
      const source = ByteSource.fromBlob(yield* Effect.promise(() => openAsBlob(file)), { name: file })
      assert.deepStrictEqual(yield* source.read(1n, 2), content.slice(1, 3))
      writeFileSync(file, "shorter")
      const error = yield* Effect.flip(source.read(1n, 2))
      assert.deepStrictEqual([error.reason, error.source], ["ReadFailed", file])
      assert.match(error.message, /could not be read/)
    })
  )
})
