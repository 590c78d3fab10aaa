import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
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
})
