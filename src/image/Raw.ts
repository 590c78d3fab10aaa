/**
 * Raw bytes: a file that is memory and nothing else, placed at an address of your choice.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Address, AddressRange } from "../AddressRange.ts"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError, WriteError } from "../ImageFormat.ts"
import * as emit from "../internal/image/emit.ts"
import { build } from "../internal/map/build.ts"
import { isDataFirst } from "../internal/map/machine.ts"
import type { Mapped, MemoryMap } from "../MemoryMap.ts"
import { ImageError, type SourceError } from "../MemoryMapError.ts"

/**
 * An opened raw file: one mapping.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawImage {
  readonly format: "raw"
  readonly map: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
}

/**
 * `address` is where the first byte of the file lies (default 0).
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly address?: Address | undefined
}

/**
 * Opens a file. Nothing of it is read.
 *
 * Fails with `ImageError` when the file is empty or does not fit below 2^64.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  path: string,
  options?: OpenOptions
): Effect.Effect<RawImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options)).pipe(
    Effect.withSpan("Raw.open", { attributes: { path } })
  )

/**
 * Places a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource, options?: OpenOptions): Effect.Effect<RawImage, DecodeError> =>
  Effect.mapBoth(build([{ source, address: options?.address ?? 0n }]), {
    onSuccess: (map): RawImage => ({ format: "raw", map }),
    onFailure: (error) => new ImageError({ path: source.name, format: "raw", offset: 0n, why: error.message })
  })

/**
 * True for every source that is not empty: any bytes will do.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> => Effect.succeed(source.size > 0n)

/**
 * `range` is what to write (default: from the first byte mapped to the last). Holes in it are refused, unless `fill`
 * is a byte to fill them with.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly range?: AddressRange | undefined
  readonly fill?: number | undefined
}

/**
 * Writes the bytes of a range, one after another, without their addresses.
 *
 * Fails with `ImageError`, before the first byte, when there is a hole and no `fill`, or nothing to write. A file
 * filled between far apart mappings grows as large as the range: look at `MemoryMap.bounds` first.
 *
 * **Example** (A hole filled with the byte of erased flash)
 *
 * ```ts
 * import { Bytes, Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Raw from "effect-memory-map/image/Raw"
 *
 * const program = Effect.gen(function*() {
 *   const low = yield* MemoryMap.fromBytes(new Uint8Array([1]), 0x10n)
 *   const map = yield* MemoryMap.addBytes(low, new Uint8Array([2]), 0x13n)
 *   return Bytes.concat(yield* Stream.runCollect(Raw.write(map, { fill: 0xff })))
 * })
 * Effect.runSync(program) // => new Uint8Array([1, 255, 255, 2])
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write: {
  (options?: WriteOptions): (map: Mapped) => Stream.Stream<Uint8Array, WriteError>
  (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError>
} = dual(isDataFirst, (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError> => {
  const { fill } = options ?? {}
  const range = options?.range ?? emit.boundsOf(map)
  if (range === undefined || range.start >= range.end) return emit.refuse("raw", "there are no bytes to write")
  if (fill === undefined) {
    for (const hole of emit.holesOf(map, range)) return emit.refuse("raw", emit.holeText(hole))
    return Stream.map(emit.blocks(map, range), (block) => block.bytes)
  }
  if (!Number.isInteger(fill) || fill < 0 || fill > 255) return emit.refuse("raw", `${fill} is no byte to fill with`)
  return emit.filled(map, range, fill)
})

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<RawImage, OpenOptions, WriteOptions> = {
  name: "raw",
  // Any bytes will do, so none are taken for raw ones unasked.
  recognise: () => Effect.succeed(false),
  fromSource,
  write
}
