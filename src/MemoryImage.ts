/**
 * Memory images: files in one of the formats that record memory, opened as a map and what the file says about it.
 *
 * | format | module | what it is |
 * |---|---|---|
 * | `snapshot` | `Snapshot` | a map that this library saved |
 * | `elf` | `image/Elf` | core dumps, kernel dumps, programs |
 * | `kdump` | `image/Kdump` | compressed dumps of the Linux kernel, by makedumpfile or QEMU |
 * | `lime` | `image/Lime` | physical memory of a Linux machine |
 * | `uf2` | `image/Uf2` | firmware in blocks, for USB boot loaders |
 * | `ihex` | `image/IntelHex` | firmware as text |
 * | `srec` | `image/SRecord` | firmware as text |
 * | `raw` | `image/Raw` | plain bytes at an address of your choice |
 *
 * Import the module of a format to write it, or to leave the other formats out of a bundle.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { ByteSource } from "./ByteSource.ts"
import * as FileMapper from "./FileMapper.ts"
import * as Elf from "./image/Elf.ts"
import * as IntelHex from "./image/IntelHex.ts"
import * as Kdump from "./image/Kdump.ts"
import * as Lime from "./image/Lime.ts"
import * as Raw from "./image/Raw.ts"
import * as SRecord from "./image/SRecord.ts"
import * as Uf2 from "./image/Uf2.ts"
import type { Mapped } from "./MemoryMap.ts"
import { ImageError, type SourceError } from "./MemoryMapError.ts"
import * as Snapshot from "./Snapshot.ts"

/**
 * An opened snapshot.
 *
 * @category models
 * @since 0.1.0
 */
export interface SnapshotImage {
  readonly format: "snapshot"
  readonly map: Mapped
}

/**
 * An opened image: its `format`, its `map`, and the facts of the format. Word size and byte order of the map are set
 * where the format knows them; `MemoryMap.requireWordSize` and `requireEndian` find out.
 *
 * @category models
 * @since 0.1.0
 */
export type MemoryImage =
  | SnapshotImage
  | Elf.ElfImage
  | Kdump.KdumpImage
  | Lime.LimeImage
  | Uf2.Uf2Image
  | IntelHex.IntelHexImage
  | SRecord.SRecordImage
  | Raw.RawImage

/**
 * The formats by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = MemoryImage["format"]

/**
 * `format` forces a format; without it, the content decides. All others are options of one format or some, described
 * in their modules, and without meaning for the rest. An `address` says that the file is raw.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions<out F extends Format = Format>
  extends Elf.OpenOptions, IntelHex.OpenOptions, SRecord.OpenOptions, Uf2.OpenOptions, Raw.OpenOptions {
  readonly format?: F | undefined
}

/** What each format's module offers. */
interface Opener {
  readonly recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError>
  readonly fromSource: (
    source: ByteSource,
    options?: OpenOptions
  ) => Effect.Effect<MemoryImage, ImageError | SourceError>
}

const snapshot: Opener = {
  recognise: Snapshot.recognise,
  fromSource: (source) => Effect.map(Snapshot.fromSource(source), (map) => ({ format: "snapshot", map }))
}

// Tried in this order. A snapshot is an ELF file too; magic numbers come before text. Raw, which takes any file, is
// never tried.
const openers: Readonly<Record<Format, Opener>> = {
  snapshot,
  elf: Elf,
  kdump: Kdump,
  lime: Lime,
  uf2: Uf2,
  ihex: IntelHex,
  srec: SRecord,
  raw: Raw
}

/**
 * Names of all formats.
 *
 * @category constants
 * @since 0.1.0
 */
export const formats: ReadonlyArray<Format> = Object.keys(openers) as Array<Format>

/**
 * The format of a source by its content; `undefined` when it is none that can be told. Raw bytes cannot.
 *
 * @category getters
 * @since 0.1.0
 */
export const recognise = Effect.fnUntraced(function* (
  source: ByteSource
): Effect.fn.Return<Format | undefined, SourceError> {
  for (const format of formats) {
    if (format !== "raw" && (yield* openers[format].recognise(source))) return format
  }
  return undefined
})

/**
 * Opens a file in any format. The map reads from the file until the Scope closes.
 *
 * Fails with `ImageError` when no format is recognised or the file is not what its format demands, with
 * `PlatformError` when it cannot be opened.
 *
 * **Example** (Firmware in a format that need not be known)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper, MemoryImage, MemoryMap } from "effect-memory-map"
 *
 * const files = FileMapper.layerTest({ "/blink": new TextEncoder().encode(":020010000102EB\n:00000001FF\n") })
 * const program = Effect.gen(function* () {
 *   const image = yield* MemoryImage.open("/blink")
 *   return [image.format, yield* MemoryMap.getBytes(image.map, 0x10n, 2)]
 * })
 * Effect.runSync(program.pipe(Effect.scoped, Effect.provide(files))) // => ["ihex", new Uint8Array([1, 2])]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = <F extends Format = Format>(
  path: string,
  options?: OpenOptions<F>
): Effect.Effect<
  Extract<MemoryImage, { readonly format: F }>,
  ImageError | SourceError | PlatformError,
  FileMapper.FileMapper | Scope.Scope
> => Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options))

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = Effect.fnUntraced(function* <F extends Format = Format>(
  source: ByteSource,
  options?: OpenOptions<F>
): Effect.fn.Return<Extract<MemoryImage, { readonly format: F }>, ImageError | SourceError> {
  const chosen = options?.format ?? (options?.address === undefined ? yield* recognise(source) : "raw")
  if (chosen === undefined) {
    return yield* new ImageError({
      path: source.name,
      format: "unknown",
      reason: "Unknown",
      why: 'its content is of no known format; for plain bytes, open it with format: "raw" and an address'
    })
  }
  return (yield* openers[chosen].fromSource(source, options)) as Extract<MemoryImage, { readonly format: F }>
})
