/**
 * LiME: physical memory of a Linux machine, as the LiME kernel module and AVML (uncompressed) write it.
 *
 * After the LiME specification, version 1, in https://github.com/504ensicsLabs/LiME (doc/README.md): a header and the
 * plain bytes of each range of addresses. Opening reads the headers alone. The format records neither word size nor
 * byte order.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError, WriteError } from "../ImageFormat.ts"
import * as emit from "../internal/image/emit.ts"
import * as internal from "../internal/image/lime.ts"
import type { Mapped, MemoryMap } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"

/**
 * An opened LiME file.
 *
 * @category models
 * @since 0.1.0
 */
export interface LimeImage {
  readonly format: "lime"
  readonly map: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
}

/**
 * Opens a file: one mapping for each range, at its physical address. Where ranges overlap, the later one is read.
 *
 * Fails with `ImageError`, naming the offset, when a header is damaged or of another version, or the file is cut short.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string): Effect.Effect<LimeImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), fromSource).pipe(Effect.withSpan("Lime.open", { attributes: { path } }))

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource): Effect.Effect<LimeImage, DecodeError> =>
  Effect.map(internal.open(source), (map): LimeImage => ({ format: "lime", map }))

/**
 * True when the source begins with a LiME header.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * Writes everything mapped, one range for each run of adjacent mappings. Fails with `ImageError` when the map is empty.
 *
 * **Example** (Through a file and back)
 *
 * ```ts
 * import { Bytes, Effect, Stream } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 * import * as Lime from "effect-memory-map/image/Lime"
 *
 * const program = Effect.gen(function*() {
 *   const map = yield* MemoryMap.fromString("RAM", 0x10_0000n)
 *   const file = Bytes.concat(yield* Stream.runCollect(Lime.write(map)))
 *   const image = yield* Lime.fromSource(ByteSource.fromBytes(file))
 *   return [file.length, yield* MemoryMap.getBytes(image.map, 0x10_0000n, 3)]
 * })
 * Effect.runSync(program) // => [35, new Uint8Array([82, 65, 77])]
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write = (map: Mapped): Stream.Stream<Uint8Array, WriteError> =>
  emit.boundsOf(map) === undefined
    ? emit.refuse("lime", "the map holds no bytes")
    : Stream.flatMap(Stream.fromIterable(emit.runsOf(map), { chunkSize: 256 }), (run) =>
        Stream.concat(
          Stream.succeed(internal.header(run)),
          Stream.map(emit.blocks(map, run), (block) => block.bytes)
        )
      )

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<LimeImage, unknown, unknown> = { name: "lime", recognise, fromSource, write }
