/**
 * The search kernel for Node: the C library looks for needles, on the threads of the pool.
 *
 * Several blocks of a search are looked at side by side, and the event loop stays free meanwhile. A file whose Scope is
 * closed stays in memory until the calls under way have returned; the search then fails with `"Closed"`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as kernel from "./memmem.ts"
import { SearchKernel, typescript } from "../SearchKernel.ts"

/**
 * Looks for plain bytes with `memmem(3)`, or with `memchr(3)` for the odd byte of needles that `memmem` is slow on. The C
 * library is called through koffi, an optional dependency; where that cannot be loaded, and on Windows, searches go on
 * with the default kernel, `SearchKernel.typescript`: equal answers, more slowly. `SearchKernel.SearchKernel` has the
 * name of the kernel in use.
 *
 * **Example** (Searching a file with the C library)
 *
 * ```ts
 * import { Effect, Layer, Option } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import { NodeFileMapper, NodeSearchKernel } from "effect-memory-map/node"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromFile("package.json", 0x8000n)
 *   return yield* MemoryMap.find(map, '"name"')
 * })
 * const layers = Layer.merge(NodeFileMapper.layer, NodeSearchKernel.layer)
 * Option.isSome(await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layers)))) // => true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.effect(
  SearchKernel,
  Effect.match(kernel.make, { onFailure: () => typescript, onSuccess: (native) => native })
)
