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
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type { ByteSource } from "./ByteSource.ts"
import * as FileMapper from "./FileMapper.ts"
import * as Elf from "./image/Elf.ts"
import * as IntelHex from "./image/IntelHex.ts"
import * as Kdump from "./image/Kdump.ts"
import * as Lime from "./image/Lime.ts"
import * as Raw from "./image/Raw.ts"
import * as SRecord from "./image/SRecord.ts"
import * as Uf2 from "./image/Uf2.ts"
import type * as ImageFormat from "./ImageFormat.ts"
import { ImageError, type SourceError } from "./MemoryMapError.ts"
import * as Snapshot from "./Snapshot.ts"

/**
 * All formats by name, in the order in which a file is held against them. A snapshot is an ELF file too, so it comes
 * first; magic numbers come before formats that are text.
 */
const all = {
  snapshot: Snapshot.format,
  elf: Elf.format,
  kdump: Kdump.format,
  lime: Lime.format,
  uf2: Uf2.format,
  ihex: IntelHex.format,
  srec: SRecord.format,
  raw: Raw.format
}

/**
 * The formats by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = keyof typeof all

/**
 * The image that each format opens to.
 *
 * @category models
 * @since 0.1.0
 */
export type Images = { readonly [F in Format]: Effect.Success<ReturnType<(typeof all)[F]["fromSource"]>> }

/**
 * An opened image: its `format`, its `map`, and the facts of the format. Word size and byte order of the map are set
 * where the format knows them; `MemoryMap.requireWordSize` and `requireEndian` find out.
 *
 * @category models
 * @since 0.1.0
 */
export type MemoryImage = Images[Format]

/**
 * Why a file could not be opened as an image; see {@link open}.
 *
 * @category errors
 * @since 0.1.0
 */
export type OpenError = ImageFormat.OpenError

/**
 * Why an image could not be read from a source; see {@link fromSource}.
 *
 * @category errors
 * @since 0.1.0
 */
export type DecodeError = ImageFormat.DecodeError

/**
 * `format` forces a format; without it, the content decides. All others are options of one format or some, described
 * in their modules, and without meaning for the rest. An `address` says that the file is raw.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions
  extends Elf.OpenOptions, IntelHex.OpenOptions, SRecord.OpenOptions, Uf2.OpenOptions, Raw.OpenOptions {
  readonly format?: Format | undefined
}

type Formats = { readonly [F in Format]: ImageFormat.ImageFormat<Images[F], OpenOptions> }

const byName: Formats = all

/**
 * Names of all formats.
 *
 * @category constants
 * @since 0.1.0
 */
export const formats: ReadonlyArray<Format> = Struct.keys(all)

/**
 * The format of a source by its content; `undefined` when it is none that can be told. Raw bytes cannot.
 *
 * @category getters
 * @since 0.1.0
 */
export const recognise = Effect.fnUntraced(function* (
  source: ByteSource
): Effect.fn.Return<Format | undefined, SourceError> {
  for (const format of formats) if (yield* byName[format].recognise(source)) return format
  return undefined
})

const unknownFormat = (source: ByteSource) =>
  new ImageError({
    path: source.name,
    format: "unknown",
    reason: "Unknown",
    why: 'its content is of no known format; for plain bytes, open it with format: "raw" and an address'
  })

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export function fromSource<F extends Format>(
  source: ByteSource,
  options: OpenOptions & { readonly format: F }
): Effect.Effect<Images[F], DecodeError>
export function fromSource(source: ByteSource, options?: OpenOptions): Effect.Effect<MemoryImage, DecodeError>
export function fromSource(source: ByteSource, options?: OpenOptions): Effect.Effect<MemoryImage, DecodeError> {
  const asked = options?.format ?? (options?.address === undefined ? undefined : "raw")
  if (asked !== undefined) return byName[asked].fromSource(source, options)
  return Effect.flatMap(recognise(source), (found): Effect.Effect<MemoryImage, DecodeError> =>
    found === undefined ? unknownFormat(source) : byName[found].fromSource(source, options)
  )
}

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
export function open<F extends Format>(
  path: string,
  options: OpenOptions & { readonly format: F }
): Effect.Effect<Images[F], OpenError, FileMapper.FileMapper | Scope.Scope>
export function open(
  path: string,
  options?: OpenOptions
): Effect.Effect<MemoryImage, OpenError, FileMapper.FileMapper | Scope.Scope>
export function open(
  path: string,
  options?: OpenOptions
): Effect.Effect<MemoryImage, OpenError, FileMapper.FileMapper | Scope.Scope> {
  return FileMapper.map(path).pipe(
    Effect.tap(({ size }) => Effect.annotateCurrentSpan("bytes", size)),
    Effect.flatMap((source) => fromSource(source, options)),
    Effect.tap(({ format }) => Effect.annotateCurrentSpan("format", format)),
    Effect.withSpan("MemoryImage.open", { attributes: { path } })
  )
}
