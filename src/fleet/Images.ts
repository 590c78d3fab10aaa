/**
 * Where a fleet's images come from: files, directories of files, and addresses on the web.
 *
 * A service, so that the same fleet runs over real files, over a web server and, in tests, over bytes in memory.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ByteSource } from "../ByteSource.ts"
import type { FileMapper } from "../FileMapper.ts"
import * as internal from "../internal/fleet/images.ts"

/**
 * What an image is known by without reading all of it. `id` is the digest of its size, the time of its last change, the
 * SHA-256 of its first 64 KiB, and its location: two that differ only further on are two, and so are two that are equal.
 * A file that was changed or moved is another image.
 *
 * `location` is the path or address, `size` in bytes, `modified` in milliseconds since 1970 where the place tells.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly id: string
  readonly location: string
  readonly size: bigint
  readonly modified: number | undefined
}

/**
 * An image is not where it should be, or not what it was. `why` says which, in words.
 *
 * @category errors
 * @since 0.1.0
 */
export const ImageUnavailable = internal.ImageUnavailable

/**
 * An image is not where it should be, or not what it was.
 *
 * @category errors
 * @since 0.1.0
 */
export type ImageUnavailable = internal.ImageUnavailable

/**
 * Finds, identifies and opens images.
 *
 * `list` gives the images that a location stands for: a directory for all regular files below it, in the order of their
 * names; anything else for itself. `open` gives the bytes for as long as the Scope is open.
 *
 * @category services
 * @since 0.1.0
 */
export class Images extends Context.Service<
  Images,
  {
    readonly list: (location: string) => Effect.Effect<ReadonlyArray<string>, ImageUnavailable>
    readonly identify: (location: string) => Effect.Effect<Identity, ImageUnavailable>
    readonly open: (location: string) => Effect.Effect<ByteSource, ImageUnavailable, Scope.Scope>
  }
>()("effect-memory-map/fleet/Images") {}

/**
 * Files by path or `file:` address, and `http:` or `https:` addresses where an `HttpClient` is in the environment: those
 * are read by ranges, in blocks that are kept, and never downloaded whole. A server without ranges is refused.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Images, never, FileSystem.FileSystem | FileMapper> = Layer.provide(
  Layer.effect(Images, internal.make),
  Digest.layerWebCrypto
)

/**
 * Images in memory, by location: for tests.
 *
 * **Example** (An image that exists in a test only)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Images } from "effect-memory-map/fleet"
 *
 * const program = Effect.gen(function* () {
 *   const images = yield* Images.Images
 *   return (yield* images.identify("dump.1")).size
 * })
 * const layer = Images.layerTest({ "dump.1": new Uint8Array(4096) })
 * await Effect.runPromise(Effect.provide(program, layer)) // => 4096n
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (files: Readonly<Record<string, Uint8Array>>): Layer.Layer<Images> =>
  Layer.provide(Layer.effect(Images, internal.makeTest(files)), Digest.layerWebCrypto)
