/**
 * Intel HEX: firmware as text, one record of up to 255 bytes a line.
 *
 * After the *Intel Hexadecimal Object File Format Specification*, Revision A (1988). All record types are read: data,
 * extended segment and extended linear addresses, start addresses, end of file. Every checksum is checked. The file is
 * read once, from start to end, and what it holds is kept in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError, WriteError } from "../ImageFormat.ts"
import * as emit from "../internal/image/emit.ts"
import * as internal from "../internal/image/records/intelHex.ts"
import { toMap } from "../internal/image/records/runs.ts"
import { isDataFirst } from "../internal/map/machine.ts"
import type { Mapped, MemoryMap, OverlapPolicy } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"

/**
 * Where a program starts: `Segmented` for a real-mode CS:IP (record type 03), `Linear` for a 32-bit address (05).
 *
 * @category models
 * @since 0.1.0
 */
export type Start = internal.Start

/**
 * A line that is no record, or where one is missing, and was passed over: see {@link OpenOptions}. Lines count from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface PassedLine {
  readonly line: number
  readonly why: string
}

/**
 * An opened Intel HEX file. `start` is the last start record of the file, if it has one; `passed` lists
 * the lines that were passed over. Word size and byte order are for the reader to set.
 *
 * @category models
 * @since 0.1.0
 */
export interface IntelHexImage {
  readonly format: "ihex"
  readonly map: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  readonly start: Start | undefined
  readonly passed: ReadonlyArray<PassedLine>
}

/**
 * What to do with records that give different bytes to one address: `"over"` (the default) keeps the later ones;
 * `"equal"` refuses them, and accepts repeated equal bytes; `"reject"` refuses repeated bytes too.
 *
 * `lenient` reads files that others refuse: lines that are no records (comments, padding, tables of symbols), records
 * behind the end, and a missing end are passed over, and listed in the image. A damaged record is refused all the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly overlap?: OverlapPolicy | undefined
  readonly lenient?: boolean | undefined
}

/**
 * Opens a file. Records that follow one another without a gap become one mapping.
 *
 * Fails with `ImageError`, naming the line, when a line is no record, a checksum is wrong, the end-of-file record is
 * missing or something follows it, or no record has data.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  path: string,
  options?: OpenOptions
): Effect.Effect<IntelHexImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options)).pipe(
    Effect.withSpan("IntelHex.open", { attributes: { path } })
  )

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * **Example** (A record that carries two bytes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 * import * as IntelHex from "effect-memory-map/image/IntelHex"
 *
 * const text = ":020010000102EB\n:00000001FF\n"
 * const image = Effect.runSync(IntelHex.fromSource(ByteSource.fromBytes(new TextEncoder().encode(text))))
 * Effect.runSync(MemoryMap.getBytes(image.map, 0x10n, 2)) // => new Uint8Array([1, 2])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource, options?: OpenOptions): Effect.Effect<IntelHexImage, DecodeError> =>
  Effect.flatMap(internal.parse(source, options?.lenient ?? false), ({ passed, runs, start }) =>
    Effect.map(
      toMap(runs, {
        path: source.name,
        format: internal.FORMAT,
        overlap: options?.overlap,
        at: (line) => ({ offset: 0n, line })
      }),
      (map): IntelHexImage => ({ format: "ihex", map, start, passed })
    )
  )

/**
 * True when the first line of the source has the form of an Intel HEX record; its checksum is not looked at.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * How to write: `recordLength` bytes of data at most in a record (1 to 255, default 16), a `start` address, and what
 * ends a line (default `"\n"`).
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly recordLength?: number | undefined
  readonly start?: Start | undefined
  readonly newline?: "\n" | "\r\n" | undefined
}

/**
 * Writes everything mapped; holes stay holes. Equal bytes at equal addresses give equal text, however many mappings
 * they are in. Addresses above 64 KiB use extended linear address records.
 *
 * Fails with `ImageError` when the map is empty or reaches above `0xffffffff`, or an option is out of range.
 *
 * **Example** (One byte as text)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as IntelHex from "effect-memory-map/image/IntelHex"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0xaa]), 0x8000_0000n))
 * const text = IntelHex.write(map).pipe(Stream.decodeText, Stream.mkString)
 * Effect.runSync(text) // => ":0200000480007A\n:01000000AA55\n:00000001FF\n"
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write: {
  (options?: WriteOptions): (map: Mapped) => Stream.Stream<Uint8Array, WriteError>
  (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError>
} = dual(isDataFirst, (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError> => {
  const { newline = "\n", recordLength = 16, start } = options ?? {}
  const bounds = emit.bounds32(map)
  if (typeof bounds === "string") return emit.refuse(internal.FORMAT, bounds)
  if (!Number.isInteger(recordLength) || recordLength < 1 || recordLength > 255) {
    return emit.refuse(internal.FORMAT, `a record holds 1 to 255 bytes, not ${recordLength}`)
  }
  const why = start === undefined ? undefined : internal.checkStart(start)
  if (why !== undefined) return emit.refuse(internal.FORMAT, why)
  return emit.encode(map, () => new internal.Writer(recordLength, start, newline))
})

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<IntelHexImage, OpenOptions, WriteOptions> = {
  name: "ihex",
  recognise,
  fromSource,
  write
}
