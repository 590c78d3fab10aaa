/**
 * A memory map: a 64-bit address space, nearly all of it holes, in which mappings place bytes.
 *
 * A `MemoryMap` is an immutable value. Adding gives a new map that shares structure with the old one, in O(log n) for n
 * mappings. Where mappings overlap, the one added later is read, unless it was added `"under"`. Reads cross from one
 * mapping to the next; a hole fails the whole read with `UnmappedAddress`.
 *
 * Word size and byte order are part of the type. A map starts without them; reads that depend on them compile only
 * once `setWordSize` and `setEndian` were called, each exactly once.
 *
 * Addresses are `bigint`, `0n <= a < 2n ** 64n`, and ranges are half open. Nothing wraps: a read that runs past the
 * last byte fails at `2n ** 64n`. Only `succLong`, `predLong` and `align` count modulo 2^64.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import type { Scope } from "effect/Scope"
import type { Stream } from "effect/Stream"
import type { Covariant } from "effect/Types"
import { type Address, type AddressRange, full } from "./AddressRange.ts"
import * as ByteSource from "./ByteSource.ts"
import type * as FileMapper from "./FileMapper.ts"
import * as add_ from "./internal/map/add.ts"
import * as bulk from "./internal/read/bulk.ts"
import * as compose from "./internal/map/compose.ts"
import * as diff_ from "./internal/read/diff.ts"
import * as decode from "./internal/base/decode.ts"
import * as inspect from "./internal/map/inspect.ts"
import { empty as emptyImpl, type MemoryMapImpl, segmentOf, TypeId } from "./internal/map/map.ts"
import { bytes } from "./internal/read/bytes.ts"
import * as place from "./internal/read/place.ts"
import * as reader_ from "./internal/read/reader.ts"
import * as search from "./internal/search/drive/search.ts"
import { hex } from "./internal/base/numbers.ts"
import * as spans from "./internal/search/drive/spans.ts"
import * as texts from "./internal/search/drive/texts.ts"
import * as text from "./internal/read/cStrings.ts"
import * as values from "./internal/read/values.ts"
import * as words from "./internal/map/machine.ts"
import type { DataModel, Endian, TextEncoding, WordSize } from "./MachineModel.ts"
import type { Mapping, Permissions } from "./Mapping.ts"
import {
  type InvalidMapping,
  type InvalidPattern,
  MapStateError,
  type MappingOverlap,
  type SourceError,
  type TooLarge,
  type UnmappedAddress
} from "./MemoryMapError.ts"
import type { MemoryReader } from "./MemoryReader.ts"
import * as Pattern from "./Pattern.ts"

// -----------------------------------------------------------------------------------------------------------------
// models
// -----------------------------------------------------------------------------------------------------------------

/**
 * Whether the word size of a map is set.
 *
 * @category models
 * @since 0.1.0
 */
export type WordSizeState = "NoWordSize" | "WordSize"

/**
 * Whether the byte order of a map is set.
 *
 * @category models
 * @since 0.1.0
 */
export type EndianState = "NoEndian" | "Endian"

/**
 * Whether a map has at least one mapping.
 *
 * @category models
 * @since 0.1.0
 */
export type MappingState = "NoMappings" | "HasMapping"

/**
 * A memory map; the parameters say what is known of it.
 *
 * Iterating a map gives its segments in ascending order. Maps are compared by identity, as their mappings are.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryMap<out W extends WordSizeState, out E extends EndianState, out M extends MappingState>
  extends Iterable<Segment>, Pipeable, Inspectable {
  readonly [TypeId]: { readonly _W: Covariant<W>; readonly _E: Covariant<E>; readonly _M: Covariant<M> }
}

/**
 * A map in any state.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = MemoryMap<WordSizeState, EndianState, MappingState>

/**
 * A map with at least one mapping: what reads and searches ask for.
 *
 * @category models
 * @since 0.1.0
 */
export type Mapped = MemoryMap<WordSizeState, EndianState, "HasMapping">

/**
 * A map with word size, byte order and a mapping: everything can be read from it.
 *
 * @category models
 * @since 0.1.0
 */
export type Ready = MemoryMap<"WordSize", "Endian", "HasMapping">

/**
 * A maximal visible part of one mapping. Its first byte is the one at `offset` of the mapping's source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Segment {
  readonly range: AddressRange
  readonly mapping: Mapping
  readonly offset: bigint
}

/**
 * A range without mapping, as long as it can be with one reason. `reason` is `undefined` when the map was not told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hole {
  readonly range: AddressRange
  readonly reason: string | undefined
}

/**
 * How many bytes of a range are mapped and how many are not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Coverage {
  readonly mapped: bigint
  readonly holes: bigint
}

/**
 * Bytes and the address of the first of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressedBytes {
  readonly address: Address
  readonly bytes: Uint8Array
}

/**
 * One part of what {@link getSparse} gives: the bytes of a run, or a hole.
 *
 * @category models
 * @since 0.1.0
 */
export type SparsePart =
  | { readonly _tag: "Run"; readonly start: Address; readonly bytes: Uint8Array }
  | { readonly _tag: "Hole"; readonly range: AddressRange; readonly reason: string | undefined }

/**
 * What a stream does at a hole: leave it out, fail with `UnmappedAddress`, or give zeros in its place.
 *
 * @category models
 * @since 0.1.0
 */
export type HolePolicy = "skip" | "fail" | "zero"

/**
 * Options of what looks at a map: at the addresses of `range` only (default: all).
 *
 * @category models
 * @since 0.1.0
 */
export interface RangeOptions {
  readonly range?: AddressRange | undefined
}

/**
 * The most bytes that an operation may take memory for, where what is mapped decides how many they are. Beyond it, it
 * fails with `TooLarge` before it takes any.
 *
 * @category models
 * @since 0.1.0
 */
export interface LimitOptions {
  readonly limit?: number | undefined
}

/**
 * Options of {@link stream}: the bytes of `range` (default: all), and what holes in it become (default: `"skip"`).
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions extends RangeOptions {
  readonly holes?: HolePolicy | undefined
}

/**
 * Options of {@link getString}: `maxLength` in bytes (default: no limit), `encoding` (default: `"utf8"`). Bytes that are
 * no valid text of the encoding become U+FFFD.
 *
 * @category models
 * @since 0.1.0
 */
export interface StringOptions {
  readonly maxLength?: number | undefined
  readonly encoding?: TextEncoding | undefined
}

/**
 * What to do where a new mapping meets old ones: `"over"` covers them, `"under"` lies below all that is there and
 * shows in holes only, `"reject"` fails, `"equal"` fails unless all visible bytes it would cover are the same.
 *
 * @category models
 * @since 0.1.0
 */
export type OverlapPolicy = "over" | "under" | "reject" | "equal"

/**
 * Options of everything that adds a mapping. `name` defaults to the name of the source, `overlap` to `"over"`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddOptions {
  readonly name?: string | undefined
  readonly permissions?: Permissions | undefined
  readonly overlap?: OverlapPolicy | undefined
}

/**
 * Options of {@link addFile}: the slice of the file to map, in bytes; all of it by default.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddFileOptions extends AddOptions {
  readonly offset?: bigint | undefined
  readonly length?: bigint | undefined
}

/**
 * One mapping for {@link addAll}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddAllEntry extends AddOptions {
  readonly source: ByteSource.ByteSource
  readonly address: Address
}

/**
 * Options of {@link addMap}: what is visible of the other map in `range` (default: all), the start of the range placed at
 * `at` (default: where it is). `overlap` is that of {@link AddOptions}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddMapOptions extends RangeOptions {
  readonly at?: Address | undefined
  readonly overlap?: OverlapPolicy | undefined
}

/**
 * Options of {@link diff}: at the addresses of `range` only (default: all), with changed ranges widened to multiples of
 * `align` bytes (default: 1).
 *
 * @category models
 * @since 0.1.0
 */
export interface DiffOptions extends RangeOptions {
  readonly align?: number | undefined
}

/**
 * A range in which two maps differ: its bytes are `"changed"`, or it is mapped in one of them alone, the second
 * (`"added"`) or the first (`"removed"`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  readonly range: AddressRange
  readonly kind: "changed" | "added" | "removed"
}

/**
 * Why bytes could not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReadError = UnmappedAddress | SourceError

/**
 * Why a mapping could not be added.
 *
 * @category errors
 * @since 0.1.0
 */
export type AddError = InvalidMapping | MappingOverlap

/**
 * Why a search could not be done or finished.
 *
 * @category errors
 * @since 0.1.0
 */
export type SearchError = SourceError | InvalidPattern

/**
 * Options of every search.
 *
 * A match lies in `range` (default: all addresses) with all its bytes. `alignment` (from 1, the default, to 2^48) keeps
 * matches whose address is a multiple of it. `onProgress` runs between blocks, with the bytes searched so far and the
 * mapped bytes to search in all.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchOptions extends RangeOptions {
  readonly alignment?: number | undefined
  readonly onProgress?: ((progress: SearchProgress) => Effect.Effect<void>) | undefined
}

/**
 * How far a search has come, in mapped bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchProgress {
  readonly searched: bigint
  readonly total: bigint
}

/**
 * A match: its first address, its length in bytes, the pattern it is of (for `Pattern.anyOf`, which of them), and the
 * mappings its bytes come from, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly address: Address
  readonly length: number
  readonly pattern: Pattern.Pattern
  readonly origins: ReadonlyArray<MatchOrigin>
}

/**
 * A part of a match that comes from one mapping: `length` bytes at `offset` of its source.
 *
 * @category models
 * @since 0.1.0
 */
export interface MatchOrigin {
  readonly mapping: Mapping
  readonly offset: bigint
  readonly length: number
}

/**
 * A read of one byte.
 *
 * @category models
 * @since 0.1.0
 */
export interface Read<A> {
  (address: Address): (self: Mapped) => Effect.Effect<A, ReadError>
  (self: Mapped, address: Address): Effect.Effect<A, ReadError>
}

type Endianness = { readonly endian: Endian }

/**
 * A read of several bytes as one value: needs a map whose byte order is set, or `{ endian }` for this one read.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndianRead<A> {
  (address: Address, options: Endianness): (self: Mapped) => Effect.Effect<A, ReadError>
  (address: Address): (self: MemoryMap<WordSizeState, "Endian", "HasMapping">) => Effect.Effect<A, ReadError>
  (self: Mapped, address: Address, options: Endianness): Effect.Effect<A, ReadError>
  (self: MemoryMap<WordSizeState, "Endian", "HasMapping">, address: Address): Effect.Effect<A, ReadError>
}

/**
 * A read of one machine word: like {@link EndianRead}, and the word size must be set.
 *
 * @category models
 * @since 0.1.0
 */
export interface WordRead<A> {
  (
    address: Address,
    options: Endianness
  ): (self: MemoryMap<"WordSize", EndianState, "HasMapping">) => Effect.Effect<A, ReadError>
  (address: Address): (self: Ready) => Effect.Effect<A, ReadError>
  (
    self: MemoryMap<"WordSize", EndianState, "HasMapping">,
    address: Address,
    options: Endianness
  ): Effect.Effect<A, ReadError>
  (self: Ready, address: Address): Effect.Effect<A, ReadError>
}

/**
 * Arithmetic on addresses in words of the map.
 *
 * @category models
 * @since 0.1.0
 */
export interface WordArithmetic {
  (address: Address): (self: MemoryMap<"WordSize", EndianState, MappingState>) => Address
  (self: MemoryMap<"WordSize", EndianState, MappingState>, address: Address): Address
}

/**
 * Options of {@link strings}: texts of at least `minLength` characters (1 to 65 536, default 4), in the addresses of `range` (default:
 * all), of one byte (`"ascii"`, the default; `"latin1"`, with the characters 0xa0 to 0xff) or two a character
 * (`"utf16le"`, `"utf16be"`, of the characters that ASCII has).
 *
 * @category models
 * @since 0.1.0
 */
export interface StringsOptions extends RangeOptions {
  readonly minLength?: number | undefined
  readonly encoding?: Exclude<TextEncoding, "utf8"> | undefined
}

/**
 * A text in memory, and the address of its first byte.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressedText {
  readonly address: Address
  readonly text: string
}

/**
 * True for memory maps, in any state.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMemoryMap = (u: unknown): u is Any => Predicate.hasProperty(u, TypeId)

// All states are one class.
const impl = (self: Any): MemoryMapImpl => self as MemoryMapImpl

// -----------------------------------------------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------------------------------------------

/**
 * The map without any mapping, word size or byte order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: MemoryMap<"NoWordSize", "NoEndian", "NoMappings"> = emptyImpl

type Added<W extends WordSizeState, E extends EndianState> = MemoryMap<W, E, "HasMapping">
type First = Added<"NoWordSize", "NoEndian">

const isDataFirst = words.isDataFirst

/**
 * Places all bytes of `source` at `[address, address + source.size)`.
 *
 * **Details**
 *
 * Fails with `InvalidMapping` when the source is empty or does not fit below 2^64, and with `MappingOverlap` when
 * `options.overlap` is `"reject"` or `"equal"` and is not met. O(log n), plus what it covers.
 *
 * **Example** (A later mapping covers an earlier one)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 *
 * const program = MemoryMap.empty.pipe(
 *   MemoryMap.add(ByteSource.fromBytes(new Uint8Array([1, 1, 1, 1])), 0x1000n),
 *   Effect.flatMap(MemoryMap.add(ByteSource.fromBytes(new Uint8Array([2, 2])), 0x1001n)),
 *   Effect.flatMap(MemoryMap.getBytes(0x1000n, 4))
 * )
 * Effect.runSync(program) // => new Uint8Array([1, 2, 2, 1])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const add: {
  (
    source: ByteSource.ByteSource,
    address: Address,
    options?: AddOptions
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Added<W, E>, AddError>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    source: ByteSource.ByteSource,
    address: Address,
    options?: AddOptions
  ): Effect.Effect<Added<W, E>, AddError>
} = dual(isDataFirst, add_.add)

/**
 * Places a copy of `bytes` at `address`; later writes to the array do not reach the map. Fails like {@link add}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addBytes: {
  (
    bytes: Uint8Array,
    address: Address,
    options?: AddOptions
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Added<W, E>, AddError>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    bytes: Uint8Array,
    address: Address,
    options?: AddOptions
  ): Effect.Effect<Added<W, E>, AddError>
} = dual(isDataFirst, (self: MemoryMapImpl, bytes: Uint8Array, address: Address, options?: AddOptions) =>
  add_.add(self, ByteSource.fromBytes(bytes), address, options)
)

/**
 * Like {@link addBytes}, without the copy: the array must not be written to, resized or transferred afterwards.
 *
 * @category unsafe
 * @since 0.1.0
 */
export const addBytesUnsafe: {
  (
    bytes: Uint8Array,
    address: Address,
    options?: AddOptions
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Added<W, E>, AddError>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    bytes: Uint8Array,
    address: Address,
    options?: AddOptions
  ): Effect.Effect<Added<W, E>, AddError>
} = dual(isDataFirst, (self: MemoryMapImpl, bytes: Uint8Array, address: Address, options?: AddOptions) =>
  add_.add(self, ByteSource.fromBytesUnsafe(bytes), address, options)
)

/**
 * Places `text` in UTF-8 at `address`; no NUL is added. Fails like {@link add}, with the empty text as an empty
 * mapping.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addString: {
  (
    text: string,
    address: Address,
    options?: AddOptions
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Added<W, E>, AddError>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    text: string,
    address: Address,
    options?: AddOptions
  ): Effect.Effect<Added<W, E>, AddError>
} = dual(isDataFirst, add_.addString)

/**
 * Places a file, or the slice of it that `options` names, at `address`. The file stays open, and its bytes readable,
 * until the Scope closes; how it is read is up to the `FileMapper` in the environment.
 *
 * **Details**
 *
 * Fails with `PlatformError` when the file cannot be opened, and with `InvalidMapping` when the slice is not inside
 * the file or has no place at `address`.
 *
 * **Example** (A firmware image at its load address)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper, MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.addFile(MemoryMap.empty, "/firmware.bin", 0x0800_0000n, { offset: 1n })
 *   return yield* MemoryMap.getBytes(map, 0x0800_0000n, 2)
 * })
 * const files = FileMapper.layerTest({ "/firmware.bin": new Uint8Array([7, 8, 9]) })
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(files))) // => new Uint8Array([8, 9])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const addFile: {
  (
    path: string,
    address: Address,
    options?: AddFileOptions
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Added<W, E>, AddError | PlatformError, FileMapper.FileMapper | Scope>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    path: string,
    address: Address,
    options?: AddFileOptions
  ): Effect.Effect<Added<W, E>, AddError | PlatformError, FileMapper.FileMapper | Scope>
} = dual(isDataFirst, add_.addFile)

/**
 * Adds mappings in order, in one sweep: O((n + m) log (n + m)) for m entries, far cheaper than m times {@link add}
 * when many come at once. Fails like `add` for the first entry that has no place; then nothing is added.
 *
 * **Gotchas**
 *
 * Entries with `overlap: "reject"` or `"equal"` look at what lies there when their turn comes, so a list that holds one
 * is added entry by entry. An empty list adds nothing, whatever the type says of the result; see {@link requireMapping}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addAll: {
  (
    entries: Iterable<AddAllEntry>
  ): <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>
  ) => Effect.Effect<Added<W, E>, AddError>
  <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>,
    entries: Iterable<AddAllEntry>
  ): Effect.Effect<Added<W, E>, AddError>
} = dual(2, add_.addAll)

/**
 * A map of one mapping; see {@link addBytes}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array, address: Address, options?: AddOptions): Effect.Effect<First, AddError> =>
  addBytes(empty, bytes, address, options)

/**
 * A map of one mapping; see {@link addString}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromString = (text: string, address: Address, options?: AddOptions): Effect.Effect<First, AddError> =>
  addString(empty, text, address, options)

/**
 * A map of one mapping; see {@link addFile}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = (
  path: string,
  address: Address,
  options?: AddFileOptions
): Effect.Effect<First, AddError | PlatformError, FileMapper.FileMapper | Scope> =>
  addFile(empty, path, address, options)

/**
 * Says why there is nothing in `range`: left out of a dump, a page that was excluded. This is no mapping: mapped bytes
 * in the range stay readable, before and after. The reason shows in `UnmappedAddress` and in {@link holes}. Fails with
 * `InvalidMapping` when the range is empty or no range.
 *
 * **Example** (A hole with a reason)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromBytes(new Uint8Array(4), 0x1000n)
 *   const known = yield* MemoryMap.addAbsent(map, AddressRange.make(0x1004n, 0x2000n), "left out of the dump")
 *   return yield* Effect.flip(MemoryMap.getByte(known, 0x1800n))
 * })
 * Effect.runSync(program).message // => "getByte: 0x1800 is not mapped (1 byte at 0x1800, 0 readable; hole 0x1004-0x2000: left out of the dump)"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const addAbsent: {
  (
    range: AddressRange,
    reason: string
  ): <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>
  ) => Effect.Effect<MemoryMap<W, E, M>, InvalidMapping>
  <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>,
    range: AddressRange,
    reason: string
  ): Effect.Effect<MemoryMap<W, E, M>, InvalidMapping>
} = dual(3, add_.addAbsent)

/**
 * The map without `mapping`; what it covered shows again. A mapping that is not in the map changes nothing. Whether any
 * is left is for {@link requireMapping} to say.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remove: {
  (
    mapping: Mapping
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => MemoryMap<W, E, MappingState>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    mapping: Mapping
  ): MemoryMap<W, E, MappingState>
} = dual(2, add_.remove)

// -----------------------------------------------------------------------------------------------------------------
// composing and comparing
// -----------------------------------------------------------------------------------------------------------------

/** A map that had a mapping still has one. */
type AndMore<M extends MappingState> = M extends "HasMapping" ? "HasMapping" : MappingState

/**
 * Adds what is visible of another map, as slices of its sources: no byte is read or copied. Its holes with reasons come
 * along; where both maps give one, that of `other` is told, with `overlap: "under"` that of `self`. Word size and byte
 * order stay those of `self`.
 *
 * **Details**
 *
 * Fails with `InvalidMapping` when anything would lie outside the address space, a hole with a reason too, and with
 * `MappingOverlap` like {@link add}; then nothing is added.
 *
 * **Example** (A boot loader out of another image)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const app = yield* MemoryMap.fromBytes(new Uint8Array([1, 1, 1, 1]), 0x1000n)
 *   const flash = yield* MemoryMap.fromBytes(new Uint8Array([7, 8, 9]), 0x0n)
 *   const both = yield* MemoryMap.addMap(app, flash, { range: AddressRange.make(1n, 3n), at: 0x1002n })
 *   return yield* MemoryMap.getBytes(both, 0x1000n, 4)
 * })
 * Effect.runSync(program) // => new Uint8Array([1, 1, 8, 9])
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const addMap: {
  (
    other: Any,
    options?: AddMapOptions
  ): <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>
  ) => Effect.Effect<MemoryMap<W, E, AndMore<M>>, AddError>
  <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>,
    other: Any,
    options?: AddMapOptions
  ): Effect.Effect<MemoryMap<W, E, AndMore<M>>, AddError>
} = dual((args) => isMemoryMap(args[0]) && isMemoryMap(args[1]), compose.addMap)

type Cut = {
  (
    range: AddressRange
  ): <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>
  ) => MemoryMap<W, E, MappingState>
  <W extends WordSizeState, E extends EndianState>(
    self: MemoryMap<W, E, MappingState>,
    range: AddressRange
  ): MemoryMap<W, E, MappingState>
}

/**
 * The map without what lies outside the range. Mappings are cut to it, covered ones too, and so are holes with reasons.
 * Whether any mapping is left is for {@link requireMapping} to say.
 *
 * @category combinators
 * @since 0.1.0
 */
export const crop: Cut = dual(2, compose.crop)

/**
 * The map without what lies in the range: a hole is left there, without reason. A mapping that reaches over it on both
 * sides becomes two.
 *
 * **Example** (Leaving a page out)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array(0x3000), 0n))
 * const rest = MemoryMap.without(map, AddressRange.make(0x1000n, 0x2000n))
 * Array.from(MemoryMap.runs(rest), AddressRange.format) // => ["0x0-0x1000", "0x2000-0x3000"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const without: Cut = dual(2, compose.without)

/**
 * The map with everything `by` bytes further up, or down where that is negative. Fails with `InvalidMapping` when anything
 * would lie outside the address space, a hole with a reason too.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shift: {
  (
    by: bigint
  ): <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>
  ) => Effect.Effect<MemoryMap<W, E, M>, InvalidMapping>
  <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>,
    by: bigint
  ): Effect.Effect<MemoryMap<W, E, M>, InvalidMapping>
} = dual(2, compose.shift)

/**
 * Where two maps differ: ranges in ascending order, as long as they can be with one kind. Lazy: it compares as far as the
 * stream is pulled. What both maps have from one place of one source is equal without being read.
 *
 * **Details**
 *
 * Bytes that cannot be read fail the stream with `SourceError`; differences in front of them are given before it. With
 * `align`, a changed range grows to multiples of it, as far as both maps have bytes there; ranges that are mapped in one
 * map alone are exact.
 *
 * **Example** (Two states of a memory)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const before = yield* MemoryMap.fromBytes(new Uint8Array([1, 2, 3, 4]), 0n)
 *   const after = yield* MemoryMap.fromBytes(new Uint8Array([1, 9, 9, 4, 5]), 0n)
 *   return yield* Stream.runCollect(MemoryMap.diff(before, after))
 * })
 * await Effect.runPromise(program) // => [{ range: { start: 1n, end: 3n }, kind: "changed" }, { range: { start: 4n, end: 5n }, kind: "added" }]
 * ```
 *
 * @category comparing
 * @since 0.1.0
 */
export const diff: {
  (other: Any, options?: DiffOptions): (self: Any) => Stream<Difference, SourceError>
  (self: Any, other: Any, options?: DiffOptions): Stream<Difference, SourceError>
} = dual((args) => isMemoryMap(args[0]) && isMemoryMap(args[1]), diff_.diff)

// -----------------------------------------------------------------------------------------------------------------
// word size and byte order
// -----------------------------------------------------------------------------------------------------------------

/**
 * Sets the word size in bits. The types allow it once; untyped code that does it again gets an exception.
 *
 * @category configuration
 * @since 0.1.0
 */
export const setWordSize: {
  (
    wordSize: WordSize
  ): <E extends EndianState, M extends MappingState>(self: MemoryMap<"NoWordSize", E, M>) => MemoryMap<"WordSize", E, M>
  <E extends EndianState, M extends MappingState>(
    self: MemoryMap<"NoWordSize", E, M>,
    wordSize: WordSize
  ): MemoryMap<"WordSize", E, M>
} = dual(2, words.setWordSize)

/**
 * Sets the byte order. The types allow it once; untyped code that does it again gets an exception.
 *
 * @category configuration
 * @since 0.1.0
 */
export const setEndian: {
  (
    endian: Endian
  ): <W extends WordSizeState, M extends MappingState>(self: MemoryMap<W, "NoEndian", M>) => MemoryMap<W, "Endian", M>
  <W extends WordSizeState, M extends MappingState>(
    self: MemoryMap<W, "NoEndian", M>,
    endian: Endian
  ): MemoryMap<W, "Endian", M>
} = dual(2, words.setEndian)

/**
 * Says how C types lie in this memory, for `Layout` to go by; sets the word size too. Images of machines that their
 * format names have a data model. Without one it follows from the word size: LP64 or ILP32. It may be set again; a model of
 * another word size than that of the map is a mistake of the program, and throws.
 *
 * @category configuration
 * @since 0.1.0
 */
export const setDataModel: {
  (
    model: DataModel
  ): <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>
  ) => MemoryMap<"WordSize", E, M>
  <W extends WordSizeState, E extends EndianState, M extends MappingState>(
    self: MemoryMap<W, E, M>,
    model: DataModel
  ): MemoryMap<"WordSize", E, M>
} = dual(2, words.setDataModel)

/**
 * How C types lie in this memory, with its byte order if that is set.
 *
 * @category getters
 * @since 0.1.0
 */
export const getDataModel = (self: MemoryMap<"WordSize", EndianState, MappingState>): DataModel => {
  const { endian } = impl(self)
  return endian === undefined ? words.modelOf(impl(self)) : { ...words.modelOf(impl(self)), endian }
}

/**
 * The word size in bits.
 *
 * @category getters
 * @since 0.1.0
 */
export const getWordSize = (self: MemoryMap<"WordSize", EndianState, MappingState>): WordSize =>
  words.wordSizeOf(impl(self), "getWordSize")

/**
 * The byte order.
 *
 * @category getters
 * @since 0.1.0
 */
export const getEndian = (self: MemoryMap<WordSizeState, "Endian", MappingState>): Endian =>
  words.littleFor(impl(self), "getEndian", undefined) ? "little" : "big"

/**
 * Narrows a map from elsewhere, such as an opened image, to one with a word size, or fails with `MapStateError`.
 *
 * **Example** (Pointers out of an image)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const pointerAt = (map: MemoryMap.Mapped, address: bigint) =>
 *   MemoryMap.requireWordSize(map).pipe(
 *     Effect.flatMap(MemoryMap.requireEndian),
 *     Effect.flatMap(MemoryMap.getPointer(address))
 *   )
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array(8), 0n))
 * Effect.runSync(Effect.flip(pointerAt(map, 0n)))._tag // => "MapStateError"
 * ```
 *
 * @category filtering
 * @since 0.1.0
 */
export const requireWordSize = <W extends WordSizeState, E extends EndianState, M extends MappingState>(
  self: MemoryMap<W, E, M>
): Effect.Effect<MemoryMap<"WordSize", E, M>, MapStateError> =>
  impl(self).wordSize === undefined ? new MapStateError({ missing: "WordSize" }) : Effect.succeed(impl(self))

/**
 * Narrows a map to one with a byte order, or fails with `MapStateError`.
 *
 * @category filtering
 * @since 0.1.0
 */
export const requireEndian = <W extends WordSizeState, E extends EndianState, M extends MappingState>(
  self: MemoryMap<W, E, M>
): Effect.Effect<MemoryMap<W, "Endian", M>, MapStateError> =>
  impl(self).endian === undefined ? new MapStateError({ missing: "Endian" }) : Effect.succeed(impl(self))

/**
 * Narrows a map to one with a mapping, or fails with `MapStateError`.
 *
 * @category filtering
 * @since 0.1.0
 */
export const requireMapping = <W extends WordSizeState, E extends EndianState, M extends MappingState>(
  self: MemoryMap<W, E, M>
): Effect.Effect<MemoryMap<W, E, "HasMapping">, MapStateError> =>
  impl(self).count === 0 ? new MapStateError({ missing: "Mapping" }) : Effect.succeed(impl(self))

// -----------------------------------------------------------------------------------------------------------------
// getters
// -----------------------------------------------------------------------------------------------------------------

/**
 * The visible parts of mappings that share a byte with `options.range` (default: all), ascending, clipped to it. Lazy.
 *
 * **Example** (What is left of a covered mapping)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const map = MemoryMap.fromBytes(new Uint8Array(16), 0n, { name: "below" }).pipe(
 *   Effect.flatMap(MemoryMap.addBytes(new Uint8Array(4), 4n, { name: "above" })),
 *   Effect.runSync
 * )
 * const text = Array.from(MemoryMap.segments(map), (s) => `${s.mapping.name} ${AddressRange.format(s.range)}`)
 * text // => ["below 0x0-0x4", "above 0x4-0x8", "below 0x8-0x10"]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const segments: {
  (options?: RangeOptions): (self: Any) => Iterable<Segment>
  (self: Any, options?: RangeOptions): Iterable<Segment>
} = dual(isDataFirst, (self: MemoryMapImpl, options?: RangeOptions) => inspect.segments(self, options?.range))

/**
 * The holes in `options.range` (default: all), ascending, clipped to it, each with its reason if known. Lazy.
 *
 * @category getters
 * @since 0.1.0
 */
export const holes: {
  (options?: RangeOptions): (self: Any) => Iterable<Hole>
  (self: Any, options?: RangeOptions): Iterable<Hole>
} = dual(isDataFirst, (self: MemoryMapImpl, options?: RangeOptions) => inspect.holes(self, options?.range))

/**
 * The maximal ranges without hole in `options.range` (default: all), ascending, clipped to it. Lazy.
 *
 * @category getters
 * @since 0.1.0
 */
export const runs: {
  (options?: RangeOptions): (self: Any) => Iterable<AddressRange>
  (self: Any, options?: RangeOptions): Iterable<AddressRange>
} = dual(isDataFirst, (self: MemoryMapImpl, options?: RangeOptions) => inspect.runs(self, options?.range))

/**
 * All mappings, also those that are covered, in order of adding.
 *
 * @category getters
 * @since 0.1.0
 */
export const mappings = (self: Any): Iterable<Mapping> => inspect.mappings(impl(self))

/**
 * The mapping that is read at `address`.
 *
 * @category getters
 * @since 0.1.0
 */
export const mappingAt: {
  (address: Address): (self: Any) => Option.Option<Mapping>
  (self: Any, address: Address): Option.Option<Mapping>
} = dual(2, (self: Any, address: Address) => Option.map(origin(self, address), (found) => found.mapping))

/**
 * Every mapping at `address`, the one that is read first, then those that it covers, from top to bottom.
 *
 * @category getters
 * @since 0.1.0
 */
export const mappingsAt: {
  (address: Address): (self: Any) => ReadonlyArray<Mapping>
  (self: Any, address: Address): ReadonlyArray<Mapping>
} = dual(2, inspect.mappingsAt)

/**
 * Whether a byte is mapped at `address`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMapped: {
  (address: Address): (self: Any) => boolean
  (self: Any, address: Address): boolean
} = dual(2, (self: Any, address: Address) => impl(self).at(address) !== undefined)

/**
 * From the first mapped byte to the last; `None` for a map without mappings.
 *
 * @category getters
 * @since 0.1.0
 */
export const bounds = (self: Any): Option.Option<AddressRange> => Option.fromUndefinedOr(inspect.bounds(impl(self)))

/**
 * Number of mapped bytes.
 *
 * @category getters
 * @since 0.1.0
 */
export const mappedSize = (self: Any): bigint => impl(self).mappedSize

/**
 * Where the byte at `address` comes from: the mapping that is read there, and the offset in its source.
 *
 * @category getters
 * @since 0.1.0
 */
export const origin: {
  (address: Address): (self: Any) => Option.Option<{ readonly mapping: Mapping; readonly offset: bigint }>
  (self: Any, address: Address): Option.Option<{ readonly mapping: Mapping; readonly offset: bigint }>
} = dual(2, (self: Any, address: Address) => {
  const piece = impl(self).at(address)
  if (piece === undefined) return Option.none()
  const { mapping, offset } = segmentOf(piece, address, piece.end)
  return Option.some({ mapping, offset })
})

/**
 * How many bytes of `options.range` (default: all) are mapped and how many are not: tells "nothing found" from "nothing there".
 *
 * @category getters
 * @since 0.1.0
 */
export const coverage: {
  (options?: RangeOptions): (self: Any) => Coverage
  (self: Any, options?: RangeOptions): Coverage
} = dual(isDataFirst, (self: MemoryMapImpl, options?: RangeOptions) => inspect.coverage(self, options?.range))

// -----------------------------------------------------------------------------------------------------------------
// reading numbers
// -----------------------------------------------------------------------------------------------------------------

/**
 * The byte at `address`, 0 to 255. Fails with `UnmappedAddress` in a hole, `SourceError` when its source cannot be read.
 *
 * **Example** (A byte and a hole)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([42]), 0x1000n))
 * Effect.runSync(MemoryMap.getByte(map, 0x1000n)) // => 42
 * Effect.runSync(Effect.flip(MemoryMap.getByte(map, 0x1001n)))._tag // => "UnmappedAddress"
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const getByte: Read<number> = values.byte("getByte", decode.uint8)

/**
 * The byte at `address` as an unsigned number; the same as {@link getByte}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getUint8: Read<number> = values.byte("getUint8", decode.uint8)

/**
 * The byte at `address` in two's complement, -128 to 127.
 *
 * @category reading
 * @since 0.1.0
 */
export const getInt8: Read<number> = values.byte("getInt8", decode.int8)

/**
 * The 2 bytes at `address` as a signed number. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getInt16: EndianRead<number> = values.number("getInt16", 2, decode.int16)

/**
 * The 2 bytes at `address` as an unsigned number. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getUint16: EndianRead<number> = values.number("getUint16", 2, decode.uint16)

/**
 * The 4 bytes at `address` as a signed number. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getInt32: EndianRead<number> = values.number("getInt32", 4, decode.int32)

/**
 * The 4 bytes at `address` as an unsigned number, in the byte order of the map or of this one read. The bytes may come
 * from several adjacent mappings and need not be aligned.
 *
 * **Example** (The map's byte order, and another for one read)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const map = MemoryMap.fromBytes(new Uint8Array([1, 2, 3, 4]), 0n).pipe(
 *   Effect.map(MemoryMap.setEndian("little")),
 *   Effect.runSync
 * )
 * Effect.runSync(MemoryMap.getUint32(map, 0n)) // => 0x04030201
 * Effect.runSync(MemoryMap.getUint32(map, 0n, { endian: "big" })) // => 0x01020304
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const getUint32: EndianRead<number> = values.number("getUint32", 4, decode.uint32)

/**
 * The 8 bytes at `address` as a signed number, a bigint. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getInt64: EndianRead<bigint> = values.number("getInt64", 8, decode.int64)

/**
 * The 8 bytes at `address` as an unsigned number, a bigint. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getUint64: EndianRead<bigint> = values.number("getUint64", 8, decode.uint64)

/**
 * The 4 bytes at `address` as an IEEE 754 binary32. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getFloat32: EndianRead<number> = values.number("getFloat32", 4, decode.float32)

/**
 * The 8 bytes at `address` as an IEEE 754 binary64. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getFloat64: EndianRead<number> = values.number("getFloat64", 8, decode.float64)

/**
 * A C `int`: the 4 bytes at `address` as a signed number, whatever the word size. See {@link getUint32}.
 *
 * @category reading
 * @since 0.1.0
 */
export const getCInt: EndianRead<number> = values.number("getCInt", 4, decode.int32)

/**
 * A C `long`: one machine word at `address`, 32 or 64 bits, as a signed bigint.
 *
 * @category reading
 * @since 0.1.0
 */
export const getCLong: WordRead<bigint> = values.word("getCLong", decode.long32, decode.int64)

/**
 * The pointer stored at `address`: one machine word, unsigned.
 *
 * **Example** (Following a pointer)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const bytes = yield* MemoryMap.fromBytes(new Uint8Array([0x08, 0x10, 0, 0, 0, 0, 0, 0]), 0x1000n)
 *   const text = yield* MemoryMap.addString(bytes, "found\0", 0x1008n)
 *   const map = text.pipe(MemoryMap.setWordSize(64), MemoryMap.setEndian("little"))
 *   const target = yield* MemoryMap.getPointer(map, 0x1000n)
 *   return yield* MemoryMap.getString(map, target)
 * })
 * Effect.runSync(program) // => "found"
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const getPointer: WordRead<Address> = values.word("getPointer", decode.pointer32, decode.uint64)

/**
 * The same as {@link getPointer}, under the name virt-mem gave it.
 *
 * @category reading
 * @since 0.1.0
 */
export const followPointer: WordRead<Address> = values.word("followPointer", decode.pointer32, decode.uint64)

/**
 * The address one word after `address`, modulo 2^64.
 *
 * @category address arithmetic
 * @since 0.1.0
 */
export const succLong: WordArithmetic = words.succLong

/**
 * The address one word before `address`, modulo 2^64.
 *
 * @category address arithmetic
 * @since 0.1.0
 */
export const predLong: WordArithmetic = words.predLong

/**
 * The first word boundary at or after `address`, modulo 2^64.
 *
 * @category address arithmetic
 * @since 0.1.0
 */
export const align: WordArithmetic = words.align

// -----------------------------------------------------------------------------------------------------------------
// reading bytes and strings
// -----------------------------------------------------------------------------------------------------------------

/**
 * The `length` bytes at `address`, or those of a range, as a copy that is safe to keep and to change. Fails with
 * `UnmappedAddress` when any of them is in a hole. Zero bytes can be had at every address. An array holds 4 GiB at most;
 * {@link stream} gives more.
 *
 * **Example** (By address and length, and by range)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([1, 2, 3, 4]), 0x1000n))
 * Effect.runSync(MemoryMap.getBytes(map, 0x1001n, 2)) // => new Uint8Array([2, 3])
 * Effect.runSync(MemoryMap.getBytes(map, AddressRange.make(0x1001n, 0x1003n))) // => new Uint8Array([2, 3])
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const getBytes: {
  (range: AddressRange): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (address: Address, length: number): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, range: AddressRange): Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, address: Address, length: number): Effect.Effect<Uint8Array, ReadError>
} = place.readAt((map, address, length) => bytes(map, "getBytes", address, length))

/**
 * The bytes from `address` up to the first hole, `length` at most, or those at the start of a range. Fails with
 * `UnmappedAddress` only when the first byte itself is in a hole.
 *
 * @category reading
 * @since 0.1.0
 */
export const getBytesUpTo: {
  (range: AddressRange): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (address: Address, length: number): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, range: AddressRange): Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, address: Address, length: number): Effect.Effect<Uint8Array, ReadError>
} = place.readAt(bulk.getBytesUpTo)

/**
 * The `length` bytes at `address`, or those of a range, with `fill` (default 0) in place of holes. Fails with
 * `UnmappedAddress` only when the range leaves the address space.
 *
 * @category reading
 * @since 0.1.0
 */
export const getBytesPadded: {
  (range: AddressRange, fill?: number): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (address: Address, length: number, fill?: number): (self: Mapped) => Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, range: AddressRange, fill?: number): Effect.Effect<Uint8Array, ReadError>
  (self: Mapped, address: Address, length: number, fill?: number): Effect.Effect<Uint8Array, ReadError>
} = place.readAt(bulk.getBytesPadded)

/**
 * Everything in `range`, runs and holes in ascending order, nothing made up. Fails with `UnmappedAddress` only when the
 * range leaves the address space, and with `TooLarge` when more than `limit` bytes (default: 1 GiB) are mapped in it.
 *
 * **Example** (Runs and holes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([1, 2]), 4n))
 * const parts = Effect.runSync(MemoryMap.getSparse(map, AddressRange.make(0n, 6n)))
 * parts.map((part) => part._tag) // => ["Hole", "Run"]
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const getSparse: {
  (
    range: AddressRange,
    options?: LimitOptions
  ): (self: Mapped) => Effect.Effect<ReadonlyArray<SparsePart>, ReadError | TooLarge>
  (
    self: Mapped,
    range: AddressRange,
    options?: LimitOptions
  ): Effect.Effect<ReadonlyArray<SparsePart>, ReadError | TooLarge>
} = dual(isDataFirst, (self: MemoryMapImpl, range: AddressRange, options?: LimitOptions) =>
  bulk.getSparse(self, range, options?.limit)
)

/**
 * The text from `address` up to the first NUL, which is not part of it, or up to `maxLength` bytes; a character that
 * `maxLength` would cut in two is left out. Fails with `UnmappedAddress` when a hole comes first. UTF-16 text ends at a
 * NUL of two bytes.
 *
 * **Gotchas**
 *
 * Without `maxLength` the text is as long as it takes to meet a NUL; give one when the memory may hold no text. When there
 * is none in 512 MiB, as much as a string can hold, it fails with `TooLarge`.
 *
 * @category reading
 * @since 0.1.0
 */
export const getString: {
  (address: Address, options?: StringOptions): (self: Mapped) => Effect.Effect<string, ReadError | TooLarge>
  (self: Mapped, address: Address, options?: StringOptions): Effect.Effect<string, ReadError | TooLarge>
} = dual(isDataFirst, text.getString)

type TestsAt = {
  (address: Address): (self: Mapped) => Effect.Effect<boolean, SourceError>
  (self: Mapped, address: Address): Effect.Effect<boolean, SourceError>
}

/**
 * True when the bytes from `address` on are 0x01 to 0x7f, any number of them, and then NUL, before any hole.
 *
 * @category reading
 * @since 0.1.0
 */
export const isString: TestsAt = dual(2, text.isString)

/**
 * True when a C identifier, `[A-Za-z_][A-Za-z0-9_]*`, starts at `address` and ends in NUL before any hole.
 *
 * @category reading
 * @since 0.1.0
 */
export const isCIdentifier: TestsAt = dual(2, text.isCIdentifier)

/**
 * The bytes of `options.range` (default: all) in ascending order, in elements of 1 MiB at most that never reach across a hole.
 * `options.holes` says what holes become (default: `"skip"`). Fails with `UnmappedAddress` at the first hole when that is
 * `"fail"`, and always when the range leaves the address space. What comes before a failure is given before it.
 *
 * **Example** (Counting bytes)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromBytes(new Uint8Array(3_000_000), 0x1000n)
 *   return yield* Stream.runFold(MemoryMap.stream(map), () => 0, (total, { bytes }) => total + bytes.length)
 * })
 * await Effect.runPromise(program) // => 3_000_000
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const stream: {
  (options?: StreamOptions): (self: Mapped) => Stream<AddressedBytes, ReadError>
  (self: Mapped, options?: StreamOptions): Stream<AddressedBytes, ReadError>
} = dual(isDataFirst, (self: MemoryMapImpl, options?: StreamOptions) =>
  bulk.stream(self, options?.range ?? full, options?.holes ?? "skip")
)

/**
 * Brings every visible byte into memory, where it is not there already, for plain synchronous reads in hot loops. Files
 * mapped with mmap(2) and zeros take no memory; of other sources all that is visible is read. Fails with `TooLarge` when
 * that is more than `limit` bytes (default: 4 GiB), or more than 4 GiB in one segment.
 *
 * @category reading
 * @since 0.1.0
 */
export const reader = <W extends WordSizeState, E extends EndianState>(
  self: MemoryMap<W, E, "HasMapping">,
  options?: LimitOptions
): Effect.Effect<MemoryReader<W, E>, SourceError | TooLarge> => reader_.make(impl(self), options?.limit)

// -----------------------------------------------------------------------------------------------------------------
// searching
// -----------------------------------------------------------------------------------------------------------------

/**
 * The first address at which `pattern` matches; stops there. A string is searched for in UTF-8, an array byte for byte.
 *
 * **Details**
 *
 * Matches may straddle any number of adjacent mappings and end on the last byte of the space. Holes are passed over,
 * but bytes that cannot be read fail the search with `SourceError`: "no match" means that everything was looked at.
 * `InvalidPattern` when the pattern cannot be searched for.
 *
 * **Example** (A match across two mappings)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = MemoryMap.fromString("NEE", 0x1000n).pipe(
 *   Effect.flatMap(MemoryMap.addString("DLE", 0x1003n)),
 *   Effect.flatMap(MemoryMap.find("NEEDLE"))
 * )
 * await Effect.runPromise(program) // => Option.some(0x1000n)
 * ```
 *
 * @category searching
 * @since 0.1.0
 */
export const find: {
  (
    pattern: Pattern.Input,
    options?: SearchOptions
  ): (self: Mapped) => Effect.Effect<Option.Option<Address>, SearchError>
  (self: Mapped, pattern: Pattern.Input, options?: SearchOptions): Effect.Effect<Option.Option<Address>, SearchError>
} = dual(isDataFirst, spans.first("find", Pattern.format, search.find))

/**
 * Every address at which `pattern` matches, ascending, matches that overlap each other included. Lazy: it searches as
 * far as the stream is pulled, lets others have the event loop between blocks, and stops at once when interrupted.
 * Matches before bytes that cannot be read are given before the `SourceError`. See {@link find}.
 *
 * **Example** (Matches that overlap)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = MemoryMap.fromString("aaaa", 0n).pipe(
 *   Effect.flatMap((map) => Stream.runCollect(MemoryMap.findAll(map, "aa")))
 * )
 * await Effect.runPromise(program) // => [0n, 1n, 2n]
 * ```
 *
 * @category searching
 * @since 0.1.0
 */
export const findAll: {
  (pattern: Pattern.Input, options?: SearchOptions): (self: Mapped) => Stream<Address, SearchError>
  (self: Mapped, pattern: Pattern.Input, options?: SearchOptions): Stream<Address, SearchError>
} = dual(isDataFirst, spans.all("findAll", Pattern.format, search.findAll))

type HasWordSize = MemoryMap<"WordSize", EndianState, "HasMapping">

/**
 * Like {@link find}, on word boundaries of the map only.
 *
 * @category searching
 * @since 0.1.0
 */
export const findAligned: {
  (
    pattern: Pattern.Input,
    options?: SearchOptions
  ): (self: HasWordSize) => Effect.Effect<Option.Option<Address>, SearchError>
  (
    self: HasWordSize,
    pattern: Pattern.Input,
    options?: SearchOptions
  ): Effect.Effect<Option.Option<Address>, SearchError>
} = dual(isDataFirst, spans.first("findAligned", Pattern.format, search.findAligned))

/**
 * Like {@link findAll}, on word boundaries of the map only.
 *
 * @category searching
 * @since 0.1.0
 */
export const findAllAligned: {
  (pattern: Pattern.Input, options?: SearchOptions): (self: HasWordSize) => Stream<Address, SearchError>
  (self: HasWordSize, pattern: Pattern.Input, options?: SearchOptions): Stream<Address, SearchError>
} = dual(isDataFirst, spans.all("findAllAligned", Pattern.format, search.findAllAligned))

/**
 * The first word boundary at which a pointer to `address` is stored.
 *
 * @category searching
 * @since 0.1.0
 */
export const findPointer: {
  (address: Address, options?: SearchOptions): (self: Ready) => Effect.Effect<Option.Option<Address>, SearchError>
  (self: Ready, address: Address, options?: SearchOptions): Effect.Effect<Option.Option<Address>, SearchError>
} = dual(isDataFirst, spans.first("findPointer", hex, search.findPointer))

/**
 * Every word boundary at which a pointer to `address` is stored: who points there?
 *
 * @category searching
 * @since 0.1.0
 */
export const findAllPointers: {
  (address: Address, options?: SearchOptions): (self: Ready) => Stream<Address, SearchError>
  (self: Ready, address: Address, options?: SearchOptions): Stream<Address, SearchError>
} = dual(isDataFirst, spans.all("findAllPointers", hex, search.findAllPointers))

/**
 * Like {@link findAll}, with the length of each match, the pattern it is of, and where its bytes come from.
 *
 * @category searching
 * @since 0.1.0
 */
export const findMatches: {
  (pattern: Pattern.Input, options?: SearchOptions): (self: Mapped) => Stream<Match, SearchError>
  (self: Mapped, pattern: Pattern.Input, options?: SearchOptions): Stream<Match, SearchError>
} = dual(isDataFirst, spans.all("findMatches", Pattern.format, search.findMatches))

/**
 * The texts in memory, ascending, as strings(1) finds them: runs of printable characters, space and tab of at least
 * `minLength`, ended by anything else or by a hole. They may straddle mappings. A text of more than 64 Ki characters is
 * given in parts of that length.
 *
 * **Example** (Texts in memory)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromBytes(new TextEncoder().encode("\0\x01GNU\0/lib/ld.so\0"), 0x1000n)
 *   return yield* Stream.runCollect(MemoryMap.strings(map))
 * })
 * await Effect.runPromise(program) // => [{ address: 0x1006n, text: "/lib/ld.so" }]
 * ```
 *
 * @category searching
 * @since 0.1.0
 */
export const strings: {
  (options?: StringsOptions): (self: Mapped) => Stream<AddressedText, SourceError>
  (self: Mapped, options?: StringsOptions): Stream<AddressedText, SourceError>
} = dual(isDataFirst, spans.listing("strings", texts.strings))
