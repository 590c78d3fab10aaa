/**
 * Motorola S-records: firmware as text, one record of up to 252 bytes a line.
 *
 * After the *M68000 Family Programmer's Reference Manual*, appendix C, and srec(5). All record types are read: the
 * header S0, data with 16, 24 and 32-bit addresses (S1, S2, S3), counts (S5, S6) and the end with a start address
 * (S7, S8, S9). Every checksum and count is checked. The file is read once, from start to end, and what it holds is
 * kept in memory.
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
import { toMap } from "../internal/image/records/runs.ts"
import * as internal from "../internal/image/records/sRecord.ts"
import { isDataFirst } from "../internal/map/machine.ts"
import type { Mapped, MemoryMap, OverlapPolicy } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"

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
 * An opened S-record file. `header` is the text of its S0 record, read as Latin-1, if it has one; `start` the address
 * in the record that ends it; `passed` lists the lines that were passed over.
 *
 * @category models
 * @since 0.1.0
 */
export interface SRecordImage {
  readonly format: "srec"
  readonly map: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  readonly header: string | undefined
  readonly start: bigint
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
 * Fails with `ImageError`, naming the line, when a line is no record, a checksum or count is wrong, data reaches past
 * `0xffffffff`, the record that ends the file is missing or something follows it, or no record has data. Where a file has
 * no end, as srec_cat writes it, a last record that counts all data is taken for one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  path: string,
  options?: OpenOptions
): Effect.Effect<SRecordImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options)).pipe(
    Effect.withSpan("SRecord.open", { attributes: { path } })
  )

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * **Example** (A record that carries two bytes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 * import * as SRecord from "effect-memory-map/image/SRecord"
 *
 * const text = "S10500100102E7\nS9030000FC\n"
 * const image = Effect.runSync(SRecord.fromSource(ByteSource.fromBytes(new TextEncoder().encode(text))))
 * Effect.runSync(MemoryMap.getBytes(image.map, 0x10n, 2)) // => new Uint8Array([1, 2])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource, options?: OpenOptions): Effect.Effect<SRecordImage, DecodeError> =>
  Effect.flatMap(internal.parse(source, options?.lenient ?? false), ({ header, passed, runs, start }) =>
    Effect.map(
      toMap(runs, {
        path: source.name,
        format: internal.FORMAT,
        overlap: options?.overlap,
        at: (line) => ({ offset: 0n, line })
      }),
      (map): SRecordImage => ({
        format: "srec",
        map,
        header: header === undefined ? undefined : String.fromCharCode(...header),
        start: BigInt(start),
        passed
      })
    )
  )

/**
 * True when the first line of the source has the form of an S-record; its checksum is not looked at.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * How to write: `recordLength` bytes of data at most in a record (1 to 250, default 16), the width of addresses
 * (default: the narrowest that reaches the last byte), the text of the header (Latin-1, default empty), the `start`
 * address (default 0), and what ends a line (default `"\n"`).
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly recordLength?: number | undefined
  readonly addressBits?: 16 | 24 | 32 | undefined
  readonly header?: string | undefined
  readonly start?: bigint | undefined
  readonly newline?: "\n" | "\r\n" | undefined
}

/**
 * Writes everything mapped; holes stay holes. Equal bytes at equal addresses give equal text, however many mappings
 * they are in.
 *
 * Fails with `ImageError` when the map is empty, reaches past the last address that can be written, or an option is
 * out of range.
 *
 * **Example** (One byte as text)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as SRecord from "effect-memory-map/image/SRecord"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0xaa]), 0x100n))
 * const text = SRecord.write(map).pipe(Stream.decodeText, Stream.mkString)
 * Effect.runSync(text) // => "S0030000FC\nS1040100AA50\nS5030001FB\nS9030000FC\n"
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write: {
  (options?: WriteOptions): (map: Mapped) => Stream.Stream<Uint8Array, WriteError>
  (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError>
} = dual(isDataFirst, (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError> => {
  const { header = "", newline = "\n", recordLength = 16, start = 0n } = options ?? {}
  const refuse = (why: string) => emit.refuse(internal.FORMAT, why)
  const bounds = emit.bounds32(map)
  if (typeof bounds === "string") return refuse(bounds)
  if (!Number.isInteger(recordLength) || recordLength < 1 || recordLength > 250) {
    return refuse(`a record holds 1 to 250 bytes, not ${recordLength}`)
  }
  const reach = bounds.end > start ? bounds.end : start + 1n
  const bits = options?.addressBits ?? internal.bitsFor(reach)
  if (start < 0n || reach > 1n << BigInt(bits)) {
    return refuse(`${start < 0n ? start : `0x${(reach - 1n).toString(16)}`} is no ${bits}-bit address`)
  }
  if (header.length > 250 || !/^[\0-\xff]*$/.test(header)) return refuse("a header is at most 250 Latin-1 characters")
  const title = Uint8Array.from(header, (char) => char.charCodeAt(0))
  return emit.encode(map, () => new internal.Writer(recordLength, bits, title, Number(start), newline))
})

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<SRecordImage, OpenOptions, WriteOptions> = {
  name: "srec",
  recognise,
  fromSource,
  write
}
