// A service that is built with a layer uses what the layer brings, whoever calls its methods and from where.
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, type Scope, Stream } from "effect"
import * as Zlib from "node:zlib"
import * as Decompressor from "../../src/Decompressor.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import * as SearchKernel from "../../src/SearchKernel.ts"
import { dump } from "../support/kdumpBuilder.ts"
import { temporaryFiles } from "../support/temporary.ts"

const page = new Uint8Array(4096).fill(0x61)
const path = temporaryFiles({
  "plain.bin": page,
  "pages.kdump": dump({
    wordSize: 64,
    endian: "little",
    frames: 16,
    pages: { 3: { bytes: Zlib.zstdCompressSync(page), stored: { flags: 0x20 } } }
  })
})

/** A service as applications have them: its types say that it needs nothing. */
class Dumps extends Context.Service<
  Dumps,
  {
    readonly find: (file: string) => Effect.Effect<Option.Option<bigint>, unknown, Scope.Scope>
    readonly findIn: (file: string) => Effect.Effect<Option.Option<bigint>, unknown, Scope.Scope>
  }
>()("test/Dumps") {
  static readonly layer = Layer.effect(
    Dumps,
    Effect.map(FileMapper.FileMapper, (mapper) => {
      const provide = Effect.provideService(FileMapper.FileMapper, mapper)
      return {
        find: (file) => provide(Effect.flatMap(MemoryMap.fromFile(file, 0n), MemoryMap.find("aaa"))),
        findIn: (file) => provide(Effect.flatMap(MemoryImage.open(file), ({ map }) => MemoryMap.find(map, "aaa")))
      }
    })
  )
}

/** A kernel that counts how often it is asked. */
const counting = (name: string) => {
  const count = { asked: 0 }
  const kernel: SearchKernel.SearchKernel = {
    ...SearchKernel.typescript,
    name,
    prepare: (needle) => {
      count.asked++
      return SearchKernel.typescript.prepare(needle)
    }
  }
  return { count, kernel }
}

describe("a service that is built with a layer", () => {
  it.effect("searches with the kernel of the layer, and with that of its caller where there is one", () =>
    Effect.gen(function* () {
      const [inner, outer] = [counting("inner"), counting("outer")]
      const files = FileMapper.layerTest({ "/file": new Uint8Array(1 << 20).fill(0x61) })
      const brought = Layer.provide(files, Layer.succeed(SearchKernel.SearchKernel, inner.kernel))
      const work = Dumps.use((dumps) => dumps.find("/file")).pipe(
        Effect.scoped,
        Effect.provide(Layer.provide(Dumps.layer, brought))
      )
      assert.deepStrictEqual(yield* work, Option.some(0n))
      assert.deepStrictEqual([inner.count.asked, outer.count.asked], [1, 0])
      yield* Effect.provideService(work, SearchKernel.SearchKernel, outer.kernel)
      assert.deepStrictEqual([inner.count.asked, outer.count.asked], [1, 1])
      yield* Effect.provideService(work, SearchKernel.SearchKernel, SearchKernel.typescript)
      assert.deepStrictEqual([inner.count.asked, outer.count.asked], [1, 1])
    })
  )

  it.effect("unpacks what NodeMemoryMap.layer can unpack", () =>
    Effect.gen(function* () {
      const layer = Layer.provide(Dumps.layer, NodeMemoryMap.layer)
      const found = yield* Dumps.use((dumps) => dumps.findIn(path("pages.kdump"))).pipe(Effect.provide(layer))
      assert.deepStrictEqual(found, Option.some(0x3000n))
      // Without the layer there is no zstd: the service has it from nowhere else.
      assert.notProperty(yield* Decompressor.Decompressor, "zstd")
    })
  )

  it.effect("does so for each of several layers with a kernel of its own, and for parts of files", () =>
    Effect.gen(function* () {
      const kernels = [counting("one"), counting("two")]
      for (const { kernel } of kernels) {
        const files = FileMapper.layerTest({ "/file": new Uint8Array(1 << 20).fill(0x61) }).pipe(
          Layer.provide(Layer.succeed(SearchKernel.SearchKernel, kernel))
        )
        const source = yield* Effect.provide(FileMapper.map("/file", { offset: 5n }), files)
        const map = yield* MemoryMap.addAll(MemoryMap.empty, [{ source, address: 0n }])
        yield* Effect.ignore(Stream.runHead(MemoryMap.findAll(map, "aa")))
      }
      assert.deepStrictEqual(
        kernels.map(({ count }) => count.asked),
        [1, 1]
      )
    })
  )
})
