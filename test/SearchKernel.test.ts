import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as ByteSource from "../src/ByteSource.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import { SearchKernel, typescript } from "../src/SearchKernel.ts"
import { searchKernelSuite } from "./suites/searchKernelSuite.ts"

searchKernelSuite("the default kernel", Layer.empty)

describe("SearchKernel", () => {
  it.effect("is plain TypeScript unless another one is provided", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* SearchKernel, typescript)
    })
  )

  it.effect("is asked for plain bytes in large blocks, and its answers are taken", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const kernel = {
        name: "test",
        concurrency: 2,
        prepare: (needle: Uint8Array) => (block: Uint8Array) =>
          Effect.sync(() => {
            asked.push(needle.length, block.length)
            return [12, 24]
          })
      }
      const map = yield* MemoryMap.fromBytes(new Uint8Array(1 << 20), 0x1000n)
      const find = MemoryMap.find(map, new Uint8Array([1, 2]), { alignment: 8 })
      const found = yield* Effect.provideService(find, SearchKernel, kernel)
      assert.deepStrictEqual(found, yield* Effect.succeedSome(0x1018n))
      assert.deepStrictEqual(asked, [2, 1 << 20])
    })
  )

  it.effect("is asked about each of several large mappings that touch", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const kernel = {
        ...typescript,
        prepare: (needle: Uint8Array) => {
          const find = typescript.prepare(needle)
          return (block: Uint8Array, limit: number) => {
            asked.push(block.length)
            return find(block, limit)
          }
        }
      }
      const part = ByteSource.fromBytes(new Uint8Array(1 << 20).fill(1, 0, 2))
      const map = yield* MemoryMap.addAll(
        MemoryMap.empty,
        [0n, 1n, 2n].map((i) => ({ source: part, address: i << 20n }))
      )
      const found = yield* Stream.runCollect(MemoryMap.findAll(map, new Uint8Array([0, 1, 1]))).pipe(
        Effect.provideService(SearchKernel, kernel)
      )
      assert.deepStrictEqual(found, [(1n << 20n) - 1n, (2n << 20n) - 1n])
      assert.deepStrictEqual(asked, [1 << 20, 1 << 20, 1 << 20])
    })
  )

  it.effect("searches a block of any size on its own", () =>
    Effect.gen(function* () {
      const block = new Uint8Array(2 ** 31 + 100)
      const needle = Uint8Array.from({ length: 49 }, (_, i) => i + 1)
      block.set(needle, 2 ** 31 + 51)
      assert.deepStrictEqual(yield* typescript.prepare(needle)(block, 9), [2 ** 31 + 51])
    })
  )
})
