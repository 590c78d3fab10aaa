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
