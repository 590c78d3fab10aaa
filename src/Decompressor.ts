/**
 * How compressed pages of memory dumps are unpacked.
 *
 * zlib works everywhere, by the package fflate. `NodeDecompressor` adds zstd, and makes zlib
 * faster. For lzo and snappy there is no well-kept package to depend on; provide a function of your choice.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import { DecompressorKey } from "./internal/source/brought.ts"
import { inflate } from "./internal/source/inflate.ts"

/**
 * The compressions that dumps use.
 *
 * @category models
 * @since 0.1.0
 */
export type Compression = "zlib" | "lzo" | "snappy" | "zstd"

/**
 * Unpacks `bytes`, which are known to become `size` bytes. Anything it fails with ends up as the cause of the
 * `SourceError` that a reader sees; so does an answer of another size. It should stop once `size` is passed.
 *
 * @category models
 * @since 0.1.0
 */
export type Decompress = (bytes: Uint8Array, size: number) => Effect.Effect<Uint8Array, unknown>

/**
 * The compressions that can be unpacked. Dumps that use another are refused when they are opened.
 *
 * **Example** (A decompressor of your own)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Decompressor } from "effect-memory-map"
 *
 * const stored: Decompressor.Decompress = (bytes) => Effect.succeed(bytes)
 * const program = Effect.map(Decompressor.Decompressor, (known) => Object.keys(known))
 *
 * Effect.runSync(program) // => ["zlib"]
 * Effect.runSync(
 *   Effect.updateService(program, Decompressor.Decompressor, (known) => ({ ...known, lzo: stored }))
 * ) // => ["zlib", "lzo"]
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Decompressor = Context.Reference<Readonly<Partial<Record<Compression, Decompress>>>>(DecompressorKey, {
  defaultValue: () => ({ zlib: inflate })
})
