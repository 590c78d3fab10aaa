/**
 * What a format of memory images is: a value with a name that tells its own files from others, and reads them.
 *
 * Each module under `image/` has one, as `format`, and `MemoryImage` lists them all. `docs/design/adding.md` shows how
 * one is added.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Stream from "effect/Stream"
import type { ByteSource } from "./ByteSource.ts"
import type { Mapped } from "./MemoryMap.ts"
import type { ImageError, SourceError } from "./MemoryMapError.ts"

/**
 * Why an image could not be read from a source: it is not what its format demands, or its bytes could not be had.
 *
 * @category errors
 * @since 0.1.0
 */
export type DecodeError = ImageError | SourceError

/**
 * Why a file could not be opened as an image: see {@link DecodeError}; or the file itself could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export type OpenError = ImageError | SourceError | PlatformError

/**
 * Why a map could not be written: the format cannot hold it, or its bytes could not be had.
 *
 * @category errors
 * @since 0.1.0
 */
export type WriteError = ImageError | SourceError

/**
 * A format.
 *
 * `recognise` looks at a few bytes and says whether the source claims to be of this format. `fromSource` reads an image,
 * and fails with `ImageError` where the file is not what the format demands. `write`, of formats that have one, gives
 * the bytes of a file that holds a map, and fails with `ImageError` when the format cannot hold it.
 *
 * **Example** (What a format says of a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource } from "effect-memory-map"
 * import * as Lime from "effect-memory-map/image/Lime"
 *
 * const source = ByteSource.fromBytes(new TextEncoder().encode("EMiL, and so on"))
 * Lime.format.name // => "lime"
 * Effect.runSync(Lime.format.recognise(source)) // => true
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageFormat<
  out Image extends { readonly format: string; readonly map: Mapped },
  in Options = unknown,
  in WriteOptions = never
> {
  readonly name: Image["format"]
  readonly recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError>
  readonly fromSource: (source: ByteSource, options?: Options) => Effect.Effect<Image, DecodeError>
  readonly write?: ((map: Mapped, options?: WriteOptions) => Stream.Stream<Uint8Array, WriteError>) | undefined
}
