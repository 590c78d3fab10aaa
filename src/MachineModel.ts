/**
 * The facts about a machine that decide how its memory reads as numbers and texts: word size, byte order, encodings.
 *
 * A map knows neither until told (`MemoryMap.setWordSize`, `MemoryMap.setEndian`) or until an image format that
 * records them was opened.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Size of a machine word in bits: 32 or 64. A pointer and a C `long` are one word (the ILP32 and LP64 data models).
 *
 * @category models
 * @since 0.1.0
 */
export type WordSize = 32 | 64

/**
 * Codec for {@link WordSize}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const WordSize = Schema.Literals([32, 64])

/**
 * Byte order of a machine: `"little"` stores the least significant byte at the lowest address, `"big"` the most
 * significant one.
 *
 * @category models
 * @since 0.1.0
 */
export type Endian = "little" | "big"

/**
 * Codec for {@link Endian}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Endian = Schema.Literals(["little", "big"])

/**
 * How text lies in memory, the same for reading it, looking for it and listing it: `"ascii"` has the characters U+0000 to
 * U+007F, `"latin1"` is ISO 8859-1, byte n for U+00n; `"utf16le"` and `"utf16be"` have two bytes a code unit.
 *
 * @category models
 * @since 0.1.0
 */
export type TextEncoding = "ascii" | "latin1" | "utf8" | "utf16le" | "utf16be"

/**
 * Codec for {@link TextEncoding}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TextEncoding = Schema.Literals(["ascii", "latin1", "utf8", "utf16le", "utf16be"])

/**
 * Bytes in one word.
 *
 * **Example** (Words in bytes)
 *
 * ```ts
 * import { MachineModel } from "effect-memory-map"
 *
 * MachineModel.wordBytes(32) // => 4
 * MachineModel.wordBytes(64) // => 8
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const wordBytes = (wordSize: WordSize): 4 | 8 => (wordSize === 32 ? 4 : 8)

/**
 * The data model of a machine: how large the types of C are there, how they are aligned in structures, how bit-fields are laid.
 *
 * `wordSize` is that of pointers and `size_t`, `longSize` the bytes of a `long`. `maxAlign` is the most that numbers are
 * aligned to inside structures, in bytes: 8, but 4 on i386 and 2 on m68k. `char` says whether a plain `char` has a sign.
 * `bitfields` are laid by the System V ABIs or as Microsoft's compiler does. `endian` is the byte order that
 * `Layout.encode` writes, little without it; for reading, a map has its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface DataModel {
  readonly name: string
  readonly wordSize: WordSize
  readonly longSize: 4 | 8
  readonly maxAlign: 1 | 2 | 4 | 8
  readonly char: "signed" | "unsigned"
  readonly bitfields: "SystemV" | "Microsoft"
  readonly endian?: Endian | undefined
}

/**
 * Longs and pointers of 64 bits: 64-bit Unix.
 *
 * **Example** (AArch64: a plain char has no sign)
 *
 * ```ts
 * import { type MachineModel, Layout } from "effect-memory-map"
 *
 * const aarch64: MachineModel.DataModel = { ...Layout.LP64, name: "aarch64", char: "unsigned" }
 * Layout.sizeOf(Layout.long, aarch64) // => 8
 * ```
 *
 * @category data models
 * @since 0.1.0
 */
export const LP64: DataModel = {
  name: "LP64",
  wordSize: 64,
  longSize: 8,
  maxAlign: 8,
  char: "signed",
  bitfields: "SystemV"
}

/**
 * Pointers of 64 bits and longs of 32, bit-fields as Microsoft's compiler lays them: 64-bit Windows.
 *
 * @category data models
 * @since 0.1.0
 */
export const LLP64: DataModel = { ...LP64, name: "LLP64", longSize: 4, bitfields: "Microsoft" }

/**
 * Ints, longs and pointers of 32 bits; 64-bit types are aligned to 8 bytes: 32-bit machines but i386.
 *
 * @category data models
 * @since 0.1.0
 */
export const ILP32: DataModel = { ...LP64, name: "ILP32", wordSize: 32, longSize: 4 }

/**
 * 32-bit Unix on Intel: 64-bit types are aligned to 4 bytes in structures.
 *
 * @category data models
 * @since 0.1.0
 */
export const i386: DataModel = { ...ILP32, name: "i386", maxAlign: 4 }
