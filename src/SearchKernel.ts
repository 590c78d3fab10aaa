/**
 * The service that finds a needle in one block of memory: the innermost loop of every search for plain bytes.
 *
 * The default, {@link typescript}, is plain TypeScript and works everywhere. On Node, `NodeSearchKernel.layer` has the C
 * library do it on other threads. Patterns that are no plain bytes (wildcards, words on boundaries, many needles,
 * regular expressions) are looked for in TypeScript under every kernel.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { KernelKey } from "./internal/source/brought.ts"
import { exactSearcher } from "./internal/search/find/needleSearcher.ts"

/**
 * Finds one needle: gives the offsets in `block` at which it stands, ascending, those that overlap included, and stops
 * after `limit` of them. Fewer than `limit` offsets mean that there are no more.
 *
 * The block is not changed and stays where it is until the effect is done.
 *
 * @category models
 * @since 0.1.0
 */
export type Finder = (block: Uint8Array, limit: number) => Effect.Effect<ReadonlyArray<number>>

/**
 * A way to find needles.
 *
 * `prepare` is called once for each search, with a needle of at least one byte; `concurrency` says how many blocks of one
 * search it wants at the same time. A kernel is to take time in proportion to the block, whatever the needle.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchKernel {
  readonly name: string
  readonly concurrency: number
  readonly prepare: (needle: Uint8Array) => Finder
}

/**
 * The default kernel. Its time is proportional to the block, whatever needle and bytes: it looks at one aligned word in
 * every few bytes as long as that tells apart where the needle can be, else for the byte of the needle that is rarest
 * in the block, and, when that is too frequent as well, goes through the block by the method of Knuth, Morris and Pratt.
 *
 * **Example** (A kernel on its own)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { SearchKernel } from "effect-memory-map"
 *
 * const find = SearchKernel.typescript.prepare(new Uint8Array([1, 1]))
 * Effect.runSync(find(new Uint8Array([0, 1, 1, 1]), Infinity)) // => [1, 2]
 * ```
 *
 * @category kernels
 * @since 0.1.0
 */
export const typescript: SearchKernel = {
  name: "typescript",
  concurrency: 1,
  prepare: (needle) => {
    const search = exactSearcher(new Uint8Array(needle), false)
    return (block, limit) =>
      Effect.sync(() => {
        const offsets: Array<number> = []
        const end = block.length - needle.length + 1
        if (limit > 0 && end > 0) search(block, 0, end, offsets, limit)
        return offsets
      })
  }
}

/**
 * The kernel that searches use: {@link typescript} unless another one is provided.
 *
 * @category services
 * @since 0.1.0
 */
export const SearchKernel: Context.Reference<SearchKernel> = Context.Reference(KernelKey, {
  defaultValue: () => typescript
})
