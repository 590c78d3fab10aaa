/**
 * What can be searched for: text, bytes with wildcards, words and ranges of words, regular expressions over bytes, and
 * any number of these at once.
 *
 * A `Pattern` is an immutable description. The constructors accept everything and never throw: whether a pattern can
 * be searched for may depend on the word size and the byte order of the map, so a bad one fails the search with
 * `InvalidPattern`, which says where in the pattern the trouble lies. {@link check} asks beforehand.
 *
 * Wherever a pattern is expected, a string stands for its UTF-8 {@link text} and a `Uint8Array` for its {@link bytes}.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Equal } from "effect/Equal"
import type { Inspectable } from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { compile } from "./internal/pattern/compile.ts"
import * as json from "./internal/pattern/json.ts"
import * as internal from "./internal/pattern/pattern.ts"
import type { Endian, TextEncoding, WordSize } from "./MachineModel.ts"
import type { InvalidPattern } from "./MemoryMapError.ts"

/**
 * Something to search for.
 *
 * Patterns are compared by value, and print as what they look for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pattern extends Equal, Inspectable {
  readonly [internal.TypeId]: internal.Data
}

/**
 * Codec for {@link Pattern}: plain JSON, for a search that is asked for elsewhere or later. Whether the pattern can be
 * searched for is not looked at.
 *
 * **Example** (A pattern over the wire)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Pattern } from "effect-memory-map"
 *
 * Schema.encodeSync(Pattern.Pattern)(Pattern.hex("7f 45 4c 46")) // => { _tag: "Hex", digits: "7f 45 4c 46" }
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pattern: Schema.Codec<Pattern, { readonly _tag: string; readonly [field: string]: unknown }> = json.schema

/**
 * What every search accepts: a pattern, a string for its UTF-8 bytes, or bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Pattern | string | Uint8Array

/**
 * True for values made by this module.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPattern = (u: unknown): u is Pattern => Predicate.hasProperty(u, internal.TypeId)

/**
 * The bytes of a text in an encoding (default UTF-8), without a NUL or byte order mark. With `ignoreCase` the letters A
 * to Z match in either case; other letters match as they are.
 *
 * Invalid: empty text, a lone surrogate, a character that the encoding does not have.
 *
 * **Example** (Text of a Windows guest)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { MemoryMap, Pattern } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0, 0x4e, 0, 0x54, 0]), 0x1000n))
 * const found = MemoryMap.find(map, Pattern.text("nt", { encoding: "utf16le", ignoreCase: true }))
 * await Effect.runPromise(found) // => Option.some(0x1001n)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (
  text: string,
  options?: { readonly encoding?: TextEncoding | undefined; readonly ignoreCase?: boolean | undefined }
): Pattern =>
  internal.make({ _tag: "Text", text, encoding: options?.encoding ?? "utf8", ignoreCase: options?.ignoreCase ?? false })

/**
 * Exactly these bytes; they are copied. At most 1 MiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (bytes: Uint8Array): Pattern => internal.make({ _tag: "Bytes", bytes: new Uint8Array(bytes) })

/**
 * Bytes in hexadecimal, two digits a byte, with white space between bytes where wanted. `?` stands for any digit, so
 * `??` is any byte and `4?` one of 0x40 to 0x4f. At least one digit must be given.
 *
 * **Example** (A machine instruction whose operand varies)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap, Pattern } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0x90, 0x4c, 0x8b, 0x07, 0x1f]), 0n))
 * await Effect.runPromise(Stream.runCollect(MemoryMap.findAll(map, Pattern.hex("4c 8b ?? 1?")))) // => [1n]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const hex = (digits: string): Pattern => internal.make({ _tag: "Hex", digits })

/**
 * Bytes of which only the bits set in `mask` count: a byte `b` matches where `b & mask` equals `bytes & mask`. Both
 * arrays are copied and must be of one length, 4 KiB at most, and the mask must have a bit set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const masked = (bytes: Uint8Array, mask: Uint8Array): Pattern =>
  internal.make({ _tag: "Masked", bytes: new Uint8Array(bytes), mask: new Uint8Array(mask) })

/**
 * One machine word with this value, in the word size and byte order of the map, at any address: give
 * `alignment` to the search, or use `findAllPointers`, for those on word boundaries only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const word = (value: bigint): Pattern => internal.make({ _tag: "Word", value })

/**
 * One machine word `w` with `low <= w < high`: what points into an object at `[low, high)`? In the word size and byte
 * order of the map, at any address unless the search is given an `alignment`.
 *
 * **Example** (Who points into this object?)
 *
 * ```ts
 * import { Effect, pipe, Stream } from "effect"
 * import { MemoryMap, Pattern } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const memory = new Uint8Array([0, 0, 0, 0, 0x10, 0x20, 0, 0])
 *   const map = pipe(
 *     yield* MemoryMap.fromBytes(memory, 0x1000n),
 *     MemoryMap.setWordSize(32),
 *     MemoryMap.setEndian("little")
 *   )
 *   return yield* Stream.runCollect(MemoryMap.findAllAligned(map, Pattern.wordInRange(0x2000n, 0x2100n)))
 * })
 * await Effect.runPromise(program) // => [0x1004n]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const wordInRange = (low: bigint, high: bigint): Pattern => internal.make({ _tag: "WordInRange", low, high })

type IntegerOptions = { readonly endian?: Endian | undefined }

/**
 * A 16-bit integer without sign, in the byte order of the map or the one given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint16 = (value: number, options?: IntegerOptions): Pattern =>
  internal.make({ _tag: "Integer", bits: 16, value, endian: options?.endian })

/**
 * A 32-bit integer without sign, in the byte order of the map or the one given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint32 = (value: number, options?: IntegerOptions): Pattern =>
  internal.make({ _tag: "Integer", bits: 32, value, endian: options?.endian })

/**
 * A 64-bit integer without sign, in the byte order of the map or the one given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint64 = (value: bigint, options?: IntegerOptions): Pattern =>
  internal.make({ _tag: "Integer", bits: 64, value, endian: options?.endian })

/**
 * Any of these patterns, all searched for in one go; `findMatches` says which one matched. They may nest. Together they
 * may have 256 KiB, and at most 256 of them may be masks, ranges or regular expressions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anyOf = (patterns: Iterable<Input>): Pattern =>
  internal.make({ _tag: "AnyOf", patterns: Array.from(patterns, internal.fromInput) })

/**
 * A regular expression over bytes. A match is reported at every address where one starts; its length is that of the
 * longest match there.
 *
 * **Details**
 *
 * - Literals; a character outside ASCII stands for its UTF-8 bytes. `.` is any byte, also a newline.
 * - Escapes: `\xHH` `\0` `\a` `\e` `\f` `\n` `\r` `\t` `\v`, `\d` `\w` `\s` `\D` `\W` `\S`, and `\` before
 *   punctuation.
 * - Classes: `[a-z_\x80-\xff]`, `[^\0]`. Groups: `(...)`, `(?:...)`. Alternatives: `a|b`.
 * - Counts: `*` `+` `?` `{n}` `{n,}` `{n,m}`, n and m at most 1000. All give the longest match; there are no lazy ones.
 * - `ignoreCase` is for the letters A to Z.
 *
 * No anchors, assertions, back references, or named groups: they are invalid, as is an expression that can match no
 * bytes at all, or one with more than 512 bytes or classes once its counts are written out.
 *
 * A match is at most `reach` bytes long (default 1024, at most 65 536): longer ones are not found, and where an
 * unbounded count could go on beyond that, the longest match within reach is reported.
 *
 * The time taken is proportional to the bytes searched, whatever the expression; for an unbounded one times `reach` at
 * worst.
 *
 * **Example** (Finding a path)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap, Pattern } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromString("..init=/sbin/init..", 0n))
 * const matches = MemoryMap.findMatches(map, Pattern.regex("(/[a-z]+)+[^a-z]"))
 * await Effect.runPromise(Stream.runCollect(Stream.map(matches, (m) => [m.address, m.length]))) // => [[7n, 11], [12n, 6]]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const regex = (
  source: string,
  options?: { readonly ignoreCase?: boolean | undefined; readonly reach?: number | undefined }
): Pattern =>
  internal.make({ _tag: "Regex", source, ignoreCase: options?.ignoreCase ?? false, reach: options?.reach ?? 1024 })

/**
 * The pattern that an input stands for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromInput: (input: Input) => Pattern = internal.fromInput

/**
 * Fails with `InvalidPattern` when the pattern cannot be searched for in a map with this word size and byte order;
 * leave out what is not known.
 *
 * **Example** (A digit that is none)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Pattern } from "effect-memory-map"
 *
 * const error = Effect.runSync(Effect.flip(Pattern.check(Pattern.hex("4c 8x"))))
 * error.position // => 4
 * ```
 *
 * @category predicates
 * @since 0.1.0
 */
export const check = (
  pattern: Input,
  machine?: { readonly wordSize?: WordSize | undefined; readonly endian?: Endian | undefined }
): Effect.Effect<void, InvalidPattern> =>
  Effect.suspend(() =>
    Effect.asVoid(Effect.fromResult(compile(pattern, { wordSize: machine?.wordSize, endian: machine?.endian })))
  )

/**
 * Writes a pattern for people, in at most 64 characters or so.
 *
 * **Example** (For a message)
 *
 * ```ts
 * import { Pattern } from "effect-memory-map"
 *
 * Pattern.format(Pattern.anyOf(["root", Pattern.hex("7f 45 4c 46")])) // => 'any of "root", 7f 45 4c 46'
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const format = (self: Input): string => internal.show(self)
