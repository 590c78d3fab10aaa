/**
 * UF2: firmware for boards that are flashed as a USB drive, in blocks of 512 bytes that each carry an address.
 *
 * After the specification at https://github.com/microsoft/uf2. Blocks may stand in any order. The file is read once,
 * from start to end, and what it holds is kept in memory. Blocks that are not for the main flash, that are parts of
 * files, or that say they are to be ignored (errata RP2350-E10), are left out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AddressRange } from "../AddressRange.ts"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError, WriteError } from "../ImageFormat.ts"
import * as emit from "../internal/image/emit.ts"
import { toMap } from "../internal/image/records/runs.ts"
import * as internal from "../internal/image/records/uf2.ts"
import { countBlocks, PAGE, Writer } from "../internal/image/records/uf2Writer.ts"
import { isDataFirst } from "../internal/map/machine.ts"
import type { Mapped, MemoryMap, OverlapPolicy } from "../MemoryMap.ts"
import { ImageError, type SourceError } from "../MemoryMapError.ts"

/**
 * The MD5 of the bytes in `range`, in hexadecimal digits, as blocks with the flag 0x4000 announce it. It is not checked on
 * opening.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checksum {
  readonly range: AddressRange
  readonly md5: string
}

/**
 * An opened UF2 file. `families` are the family ids of its blocks, in order of appearance: which chips they are for.
 * `checksums` are those of the blocks that are mapped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uf2Image {
  readonly format: "uf2"
  readonly map: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  readonly families: ReadonlyArray<number>
  readonly checksums: ReadonlyArray<Checksum>
}

/**
 * `family` maps only the blocks with that family id. `overlap` says what to do with blocks that give different bytes
 * to one address: `"over"` keeps the later ones, the default in a file for one family; `"equal"` refuses them, the
 * default when the blocks of several families are mapped together; `"reject"` refuses repeated bytes too.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly family?: number | undefined
  readonly overlap?: OverlapPolicy | undefined
}

/**
 * Opens a file. Blocks that follow one another without a gap become one mapping.
 *
 * Fails with `ImageError`, naming the offset of the block, when a block is damaged, when blocks are missing or
 * contradict each other, or when there is nothing to map.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  path: string,
  options?: OpenOptions
): Effect.Effect<Uf2Image, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options)).pipe(
    Effect.withSpan("Uf2.open", { attributes: { path } })
  )

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource, options?: OpenOptions): Effect.Effect<Uf2Image, DecodeError> =>
  Effect.flatMap(internal.parse(source, options?.family), ({ checksums, families, runs }) => {
    const isMixed = options?.family === undefined && families.size > 1
    const names = Array.from(families, (family) => `0x${family.toString(16)}`)
    const familyName = (family: number) => (family < 0 ? "" : `, family 0x${family.toString(16)}`)
    const opened = toMap(runs, {
      path: source.name,
      format: internal.FORMAT,
      overlap: options?.overlap ?? (isMixed ? "equal" : "over"),
      name: (family) => `${source.name}${isMixed ? familyName(family) : ""}`,
      at: (offset) => ({ offset: BigInt(offset) })
    })
    // What a family lacks, and what families contradict each other in, is seen when one of those there is chosen.
    // What is wrong may be that the wrong family was chosen, or none.
    const isMissing = options?.family !== undefined && families.size > 0 && !families.has(options.family)
    const chosen = Effect.mapError(opened, ({ format, offset = 0n, path, why }) => {
      const hint = isMixed || isMissing ? { hint: `choose a family: ${names.join(", ")}` } : {}
      const what = isMissing
        ? "no block is of the family asked for"
        : isMixed
          ? `blocks of several families: ${why}`
          : why
      return new ImageError({ path, format, offset, why: what, ...hint })
    })
    return Effect.map(chosen, (map): Uf2Image => ({
      format: "uf2",
      map,
      families: [...families],
      checksums: [...checksums.values()]
    }))
  })

/**
 * True when the source begins with a UF2 block.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * `family` is the family id of the chip.
 *
 * `align`, in bytes, is 1 or a multiple of 256, and says what is written whole: by default (256) every flash page that has
 * a byte mapped, as boot ROMs demand; with 4096 every sector, which a boot ROM erases before it writes; with 1 nothing but
 * what is mapped, in blocks that many boot ROMs drop. `fill`, 0xff by default as in erased flash, stands in for the bytes
 * of a page or sector that are not mapped.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly family?: number | undefined
  readonly align?: number | undefined
  readonly fill?: number | undefined
}

const fits = (value: number, limit: number) => Number.isInteger(value) && value >= 0 && value < limit

/** What is wrong with options, in words. */
const wrongWith = ({ align = PAGE, family, fill = 0 }: WriteOptions): string | undefined => {
  if (family !== undefined && !fits(family, 2 ** 32)) return `${family} is no family id, a 32-bit number`
  if (!fits(fill, 256)) return `${fill} is no byte to fill with`
  const isAligned = align === 1 || (fits(align, 2 ** 32) && align >= PAGE && align % PAGE === 0)
  return isAligned ? undefined : `${align} is no multiple of ${PAGE} bytes, nor 1`
}

/**
 * How many bytes {@link write} adds to those mapped, to write whole pages or sectors.
 *
 * **Example** (A page that is not full)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import * as Uf2 from "effect-memory-map/image/Uf2"
 *
 * const map = Effect.runSync(MemoryMap.fromString("flash me", 0x1000_0000n))
 * Uf2.filledSize(map) // => 248n
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const filledSize = (map: Mapped, { align = PAGE }: WriteOptions = {}): bigint =>
  align === 1 ? 0n : BigInt(countBlocks(emit.runsOf(map), align) * PAGE) - emit.sizeOf(map)

/**
 * Writes everything mapped, one block for each 256-byte page that has a byte mapped, at a multiple of 256. Equal bytes at
 * equal addresses give equal files, however many mappings they are in.
 *
 * Fails with `ImageError` when the map is empty or reaches above `0xffffffff`, or an option is out of range.
 *
 * **Example** (Through a file and back)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 * import * as Uf2 from "effect-memory-map/image/Uf2"
 *
 * const program = Effect.gen(function*() {
 *   const map = yield* MemoryMap.fromString("flash me", 0x1000_0000n)
 *   const file = yield* Stream.mkUint8Array(Uf2.write(map, { family: 0xe48bff56 }))
 *   const image = yield* Uf2.fromSource(ByteSource.fromBytes(file))
 *   return [image.families, yield* MemoryMap.getBytes(image.map, 0x1000_0000n, 10)]
 * })
 * Effect.runSync(program) // => [[0xe48bff56], new Uint8Array([...Buffer.from("flash me"), 0xff, 0xff])]
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write: {
  (options?: WriteOptions): (map: Mapped) => Stream.Stream<Uint8Array, WriteError>
  (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError>
} = dual(isDataFirst, (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, WriteError> => {
  const { align = PAGE, family, fill = 0xff } = options ?? {}
  const bounds = emit.bounds32(map)
  const why = typeof bounds === "string" ? bounds : wrongWith(options ?? {})
  if (why !== undefined) return emit.refuse(internal.FORMAT, why)
  const total = countBlocks(emit.runsOf(map), align)
  return emit.encode(map, () => new Writer(total, { family, fill, align }))
})

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<Uf2Image, OpenOptions, WriteOptions> = { name: "uf2", recognise, fromSource, write }
