/**
 * UF2: firmware for boards that are flashed as a USB drive, in blocks of 512 bytes that each carry an address.
 *
 * After the specification at https://github.com/microsoft/uf2. Blocks may stand in any order. The file is read once,
 * from start to end, and what it holds is kept in memory. Blocks that are not for the main flash, or that are parts of
 * files, are checked and left out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import * as emit from "../internal/image/emit.ts"
import { toMap } from "../internal/image/records/runs.ts"
import * as internal from "../internal/image/records/uf2.ts"
import type { Mapped, OverlapPolicy } from "../MemoryMap.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { ImageError, SourceError } from "../MemoryMapError.ts"

/**
 * An opened UF2 file. `families` are the family ids of its blocks, in order of appearance: which chips they are for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uf2Image {
  readonly format: "uf2"
  readonly map: MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  readonly families: ReadonlyArray<number>
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
): Effect.Effect<Uf2Image, ImageError | SourceError | PlatformError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options))

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (
  source: ByteSource,
  options?: OpenOptions
): Effect.Effect<Uf2Image, ImageError | SourceError> =>
  Effect.flatMap(internal.parse(source, options?.family), ({ families, runs }) => {
    const isMixed = options?.family === undefined && families.size > 1
    const familyName = (family: number) => (family < 0 ? "" : `, family 0x${family.toString(16)}`)
    return Effect.map(
      toMap(runs, {
        path: source.name,
        format: internal.FORMAT,
        overlap: options?.overlap ?? (isMixed ? "equal" : "over"),
        name: (family) => `${source.name}${isMixed ? familyName(family) : ""}`,
        at: (offset) => ({ offset: BigInt(offset) })
      }),
      (map): Uf2Image => ({ format: "uf2", map, families: [...families] })
    )
  })

/**
 * True when the source begins with a UF2 block.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * `family` is the family id of the chip. With `fill`, every 256-byte page that has a byte mapped is written whole, the
 * rest of it filled with this byte: boot loaders that flash whole pages want that. Without it, holes stay holes.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly family?: number | undefined
  readonly fill?: number | undefined
}

/**
 * Writes everything mapped, one block for each 256-byte page or part of one. Equal bytes at equal addresses give equal
 * files, however many mappings they are in.
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
 *   return [image.families, MemoryMap.mappedSize(image.map)]
 * })
 * Effect.runSync(program) // => [[0xe48bff56], 8n]
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const write = (map: Mapped, options?: WriteOptions): Stream.Stream<Uint8Array, ImageError | SourceError> => {
  const { family, fill } = options ?? {}
  const refuse = (why: string) => emit.refuse(internal.FORMAT, why)
  const fits = (value: number, limit: number) => Number.isInteger(value) && value >= 0 && value < limit
  const bounds = emit.bounds32(map)
  if (typeof bounds === "string") return refuse(bounds)
  if (family !== undefined && !fits(family, 2 ** 32)) return refuse(`${family} is no family id, a 32-bit number`)
  if (fill !== undefined && !fits(fill, 256)) return refuse(`${fill} is no byte to fill with`)
  const total = internal.countBlocks(MemoryMap.runs(map), fill !== undefined)
  return emit.encode(map, () => new internal.Writer(total, family, fill))
}
