/**
 * zlib and zstd through `node:zlib`. zstd needs Node 22.15 or newer, which this package asks for anyway.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Zlib from "node:zlib"
import { type Decompress, Decompressor } from "../Decompressor.ts"

const sync =
  (decompress: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array): Decompress =>
  (bytes, size) =>
    Effect.suspend(() => Effect.fromResult(Result.try(() => decompress(bytes, { maxOutputLength: size }))))

/**
 * Unpacks zlib and zstd by `node:zlib`.
 *
 * **Example** (What can be unpacked)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Decompressor } from "effect-memory-map"
 * import { NodeDecompressor } from "effect-memory-map/node"
 *
 * const program = Effect.map(Decompressor.Decompressor, (known) => Object.keys(known))
 * Effect.runSync(Effect.provide(program, NodeDecompressor.layer)) // => ["zlib", "zstd"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(Decompressor, {
  zlib: sync(Zlib.inflateSync),
  zstd: sync(Zlib.zstdDecompressSync)
})
