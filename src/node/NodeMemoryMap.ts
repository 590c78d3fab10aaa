/**
 * Everything that Node can do for memory maps, in one layer.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as FileMapper from "../FileMapper.ts"
import * as NodeDecompressor from "./NodeDecompressor.ts"
import * as NodeFileMapper from "./NodeFileMapper.ts"
import * as NodeSearchKernel from "./NodeSearchKernel.ts"

/**
 * Files through mmap(2) where possible (`NodeFileMapper.layer`), compressed pages of dumps through `node:zlib`
 * (`NodeDecompressor.layer`), and searches through the C library (`NodeSearchKernel.layer`).
 *
 * The files carry the kernel and the decompressors with them: searches of maps of such files, and images opened from them,
 * use both also where only `FileMapper` is left of the layer, as in the methods of a service that was built with it.
 *
 * **Example** (A file at an address)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import { NodeMemoryMap } from "effect-memory-map/node"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromFile("package.json", 0x8000n)
 *   return yield* MemoryMap.getByte(map, 0x8000n)
 * })
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer))) // => 0x7b
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FileMapper.FileMapper> = Layer.fresh(NodeFileMapper.layer).pipe(
  Layer.provideMerge(Layer.merge(NodeSearchKernel.layer, NodeDecompressor.layer))
)
