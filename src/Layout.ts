/**
 * Layouts: what bytes at an address mean. A layout is a type of C as a value; layouts are put together by functions, and the
 * TypeScript type of what is read follows from them.
 *
 * Where members lie follows from the rules of C under a data model, which an opened image brings with it, or is given with
 * {@link at}. Sizes, offsets and alignments are in bytes. What a layout needs of a map is part of its type: bytes need nothing,
 * numbers a byte order, pointers and longs the word size too.
 *
 * Mistakes of the program (a member without a place, a value that does not fit) are thrown; what memory holds and does not
 * hold is answered with typed errors, which name the member.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Covariant } from "effect/Types"
import type { Address, AddressRange } from "./AddressRange.ts"
import * as encode_ from "./internal/layout/encode.ts"
import { follow as followPointer } from "./internal/layout/follow.ts"
import { format as formatLayout } from "./internal/layout/format.ts"
import * as list_ from "./internal/layout/list.ts"
import * as make from "./internal/layout/make.ts"
import { type AnyLayout, layoutOf, type TypeId } from "./internal/layout/model.ts"
import * as paths from "./internal/layout/paths.ts"
import { PointerImpl } from "./internal/layout/pointer.ts"
import * as read_ from "./internal/layout/read.ts"
import { shapeOf } from "./internal/layout/shape.ts"
import { isDataFirst } from "./internal/map/machine.ts"
import type { MemoryMapImpl } from "./internal/map/map.ts"
import * as MachineModel from "./MachineModel.ts"
import type { DataModel, Endian } from "./MachineModel.ts"
import type { Mapped, MemoryMap, Ready, WordSizeState } from "./MemoryMap.ts"
import type { LayoutError, SourceError, UnmappedAddress } from "./MemoryMapError.ts"

// -----------------------------------------------------------------------------------------------------------------
// models
// -----------------------------------------------------------------------------------------------------------------

/**
 * What a layout needs of a map: nothing, its byte order, or its word size and byte order.
 *
 * @category models
 * @since 0.1.0
 */
export type Need = "Nothing" | "Endian" | "Words"

/**
 * A layout whose values are of type `A`, of maps that have what `R` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layout<out A, out R extends Need = Need> extends Pipeable, Inspectable {
  readonly [TypeId]: { readonly _A: Covariant<A>; readonly _R: Covariant<R> }
}

/**
 * A layout of any type.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Layout<unknown>

/**
 * Bits of an integer: a member of a struct. With a name of `_` and digits only it has no name in C, and no value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bits<out A, out R extends Need> extends Layout<A, R> {
  readonly [TypeId]: Layout<A, R>[typeof TypeId] & { readonly _bits: true }
}

/**
 * A struct or union whose members are those of the struct that it is a member of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Anonymous<out A, out R extends Need> extends Layout<A, R> {
  readonly [TypeId]: Layout<A, R>[typeof TypeId] & { readonly _anonymous: true }
}

/**
 * The type of the values of a layout.
 *
 * **Example** (The type of a point)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 *
 * const point = Layout.struct("point", { x: Layout.int, y: Layout.int })
 * const here: Layout.Type<typeof point> = { x: 1, y: 2 }
 * Layout.encode(point, here, Layout.LP64) // => new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0])
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export type Type<L> = L extends Layout<infer A> ? A : never

/**
 * What a layout needs of a map.
 *
 * @category models
 * @since 0.1.0
 */
export type NeedOf<L> = L extends Layout<unknown, infer R> ? R : never

/**
 * Of several needs the one that covers all.
 *
 * @category models
 * @since 0.1.0
 */
export type Strongest<R extends Need> = "Words" extends R ? "Words" : "Endian" extends R ? "Endian" : "Nothing"

/**
 * The maps that have what is needed.
 *
 * @category models
 * @since 0.1.0
 */
export type MapFor<R extends Need> =
  Strongest<R> extends "Nothing"
    ? Mapped
    : Strongest<R> extends "Endian"
      ? MemoryMap<WordSizeState, "Endian", "HasMapping">
      : Ready

/**
 * The value of a {@link pointerTo}: an address, and, for {@link follow}, what is there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pointer<out A> extends Inspectable {
  readonly address: Address
  readonly target: () => Layout<A>
}

/**
 * Members of a struct or union, by name, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Members {
  readonly [name: string]: Layout<unknown>
}

type IsShown<M, K extends keyof M> =
  M[K] extends Anonymous<unknown, Need>
    ? false
    : M[K] extends Bits<unknown, Need>
      ? K extends `_${bigint}`
        ? false
        : true
      : true

type OfAnonymous<M> = {
  readonly [K in keyof M]: M[K] extends Anonymous<infer A, Need> ? (value: A) => void : never
}[keyof M] extends infer F
  ? [F] extends [never]
    ? unknown
    : F extends (value: infer A) => void
      ? A
      : never
  : never

/**
 * The value of a struct or union with these members.
 *
 * @category models
 * @since 0.1.0
 */
export type Value<M extends Members> = {
  readonly [K in keyof Combined<M>]: Combined<M>[K]
}

type Combined<M extends Members> = {
  readonly [K in keyof M as IsShown<M, K> extends true ? K : never]: Type<M[K]>
} & OfAnonymous<M>

/**
 * Paths to members of a value: `name`, `pos.x`, `ports[3]`, `table[2].key`.
 *
 * @category models
 * @since 0.1.0
 */
export type Path<A> = unknown extends A ? string : PathIn<A, 4>

type Down = [never, 0, 1, 2, 3]

type PathIn<A, D extends number> = [D] extends [never]
  ? string
  : A extends string | number | bigint | boolean | Uint8Array | Pointer<unknown>
    ? never
    : A extends ReadonlyArray<infer E>
      ? `[${number}]` | `[${number}]${Sub<E, Down[D]>}`
      : A extends object
        ? { readonly [K in keyof A & string]: K | `${K}${Sub<A[K], Down[D]>}` }[keyof A & string]
        : never

type Sub<A, D extends number> = A extends ReadonlyArray<unknown> ? PathIn<A, D> : `.${PathIn<A, D>}`

/**
 * How a struct or union lies in memory. `packed: true` is GCC's attribute: members are aligned to 1 byte unless
 * {@link aligned} raises them; `packed: n` is `#pragma pack(n)`: none to more than n bytes. `align` raises the alignment of the
 * whole; `size` is its size in bytes where that is known (from debug information), at least that of its members.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordOptions {
  readonly packed?: boolean | number | undefined
  readonly align?: number | undefined
  readonly size?: number | undefined
}

/**
 * Why a layout could not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReadError = UnmappedAddress | SourceError | LayoutError

// All layouts are one class, and all maps.
const of = <A, R extends Need>(layout: Any): Layout<A, R> => layout as Layout<A, R>
/**
 * True for layouts.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLayout = (u: unknown): u is Any => make.isLayout(u)

// -----------------------------------------------------------------------------------------------------------------
// data models
// -----------------------------------------------------------------------------------------------------------------

/**
 * 64-bit Unix: see `MachineModel.LP64`.
 *
 * @category data models
 * @since 0.1.0
 */
export const LP64: DataModel = MachineModel.LP64

/**
 * 64-bit Windows: see `MachineModel.LLP64`.
 *
 * @category data models
 * @since 0.1.0
 */
export const LLP64: DataModel = MachineModel.LLP64

/**
 * 32-bit machines but i386: see `MachineModel.ILP32`.
 *
 * @category data models
 * @since 0.1.0
 */
export const ILP32: DataModel = MachineModel.ILP32

/**
 * 32-bit Unix on Intel: see `MachineModel.i386`.
 *
 * @category data models
 * @since 0.1.0
 */
export const i386: DataModel = MachineModel.i386

// -----------------------------------------------------------------------------------------------------------------
// numbers
// -----------------------------------------------------------------------------------------------------------------

/**
 * An unsigned integer of 8 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const uint8: Layout<number, "Nothing"> = of(make.scalarOf("uint8"))

/**
 * An unsigned integer of 16 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const uint16: Layout<number, "Endian"> = of(make.scalarOf("uint16"))

/**
 * An unsigned integer of 32 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const uint32: Layout<number, "Endian"> = of(make.scalarOf("uint32"))

/**
 * An unsigned integer of 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const uint64: Layout<bigint, "Endian"> = of(make.scalarOf("uint64"))

/**
 * A signed integer of 8 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const int8: Layout<number, "Nothing"> = of(make.scalarOf("int8"))

/**
 * A signed integer of 16 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const int16: Layout<number, "Endian"> = of(make.scalarOf("int16"))

/**
 * A signed integer of 32 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const int32: Layout<number, "Endian"> = of(make.scalarOf("int32"))

/**
 * A signed integer of 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const int64: Layout<bigint, "Endian"> = of(make.scalarOf("int64"))

/**
 * A floating point number of 32 bits (IEEE 754).
 *
 * @category numbers
 * @since 0.1.0
 */
export const float32: Layout<number, "Endian"> = of(make.scalarOf("float32"))

/**
 * A floating point number of 64 bits (IEEE 754).
 *
 * @category numbers
 * @since 0.1.0
 */
export const float64: Layout<number, "Endian"> = of(make.scalarOf("float64"))

/**
 * A `bool`: one byte, true unless zero.
 *
 * @category numbers
 * @since 0.1.0
 */
export const bool: Layout<boolean, "Nothing"> = of(make.scalarOf("bool"))

/**
 * A `char` as a number, with a sign where the machine's has one; for text see {@link cString}.
 *
 * @category numbers
 * @since 0.1.0
 */
export const char: Layout<number, "Nothing"> = of(make.scalarOf("char"))

/**
 * A `short`: 16 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const short: Layout<number, "Endian"> = of(make.scalarOf("short"))

/**
 * An `int`: 32 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const int: Layout<number, "Endian"> = of(make.scalarOf("int"))

/**
 * A `long`: a bigint under every data model, of 32 or 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const long: Layout<bigint, "Words"> = of(make.scalarOf("long"))

/**
 * A `long long`: 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const longLong: Layout<bigint, "Endian"> = of(make.scalarOf("longLong"))

/**
 * An `unsigned char`.
 *
 * @category numbers
 * @since 0.1.0
 */
export const unsignedChar: Layout<number, "Nothing"> = of(make.scalarOf("unsignedChar"))

/**
 * An `unsigned short`: 16 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const unsignedShort: Layout<number, "Endian"> = of(make.scalarOf("unsignedShort"))

/**
 * An `unsigned int`: 32 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const unsignedInt: Layout<number, "Endian"> = of(make.scalarOf("unsignedInt"))

/**
 * An `unsigned long`: a bigint under every data model, of 32 or 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const unsignedLong: Layout<bigint, "Words"> = of(make.scalarOf("unsignedLong"))

/**
 * An `unsigned long long`: 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const unsignedLongLong: Layout<bigint, "Endian"> = of(make.scalarOf("unsignedLongLong"))

/**
 * A `size_t`: one word, a bigint under every data model.
 *
 * @category numbers
 * @since 0.1.0
 */
export const size_t: Layout<bigint, "Words"> = of(make.scalarOf("size_t"))

/**
 * A pointer, as the address in it; see {@link pointerTo} for one that can be followed.
 *
 * @category numbers
 * @since 0.1.0
 */
export const pointer: Layout<Address, "Words"> = of(make.scalarOf("pointer"))

// -----------------------------------------------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------------------------------------------

/**
 * A pointer to what has the given layout, which is asked for when the pointer is followed: so types can be recursive.
 *
 * **Example** (A list that is followed by hand)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * interface Node {
 *   readonly value: number
 *   readonly next: Layout.Pointer<Node>
 * }
 * const node: Layout.Layout<Node> = Layout.struct("node", {
 *   value: Layout.int,
 *   next: Layout.pointerTo(() => node)
 * })
 * const program = Effect.gen(function* () {
 *   const bytes = new Uint8Array([7, 0, 0, 0, 0x08, 0x10, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0])
 *   const bare = yield* MemoryMap.fromBytes(bytes, 0x1000n)
 *   const map = bare.pipe(MemoryMap.setDataModel(Layout.i386), MemoryMap.setEndian("little"))
 *   const first = yield* Layout.read(map, node, 0x1000n)
 *   const second = yield* Layout.follow(map, first.next)
 *   return Option.map(second, ({ next, value }) => [value, next.address])
 * })
 * Effect.runSync(program) // => Option.some([8, 0n])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const pointerTo = <A, R extends Need>(target: () => Layout<A, R>): Layout<Pointer<A>, "Words"> =>
  of(make.pointerTo(target as () => never))

/**
 * A pointer that was read nowhere: to {@link follow} an address, or for a value to {@link encode}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makePointer = <A, R extends Need>(address: Address, target: () => Layout<A, R>): Pointer<A> =>
  new PointerImpl(address, target as () => never)

/**
 * `length` bytes as they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (length: number): Layout<Uint8Array, "Nothing"> => of(make.bytes(length))

/**
 * Text in an array of `length` chars: UTF-8, up to the first NUL or the end of the array. What is no UTF-8 becomes U+FFFD.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cString = (length: number): Layout<string, "Nothing"> => of(make.cString(length))

/**
 * `length` elements, one behind the other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const array: {
  (length: number): <A, R extends Need>(element: Layout<A, R>) => Layout<ReadonlyArray<A>, R>
  <A, R extends Need>(element: Layout<A, R>, length: number): Layout<ReadonlyArray<A>, R>
} = dual(2, make.array)

/**
 * The array at the end of a struct that has as many elements as `count` says, a member of the struct before it. It counts
 * nothing for the size of the struct, and may begin in the padding at its end. A count that is negative, or beyond 2^24
 * elements or 1 GiB, fails with `LayoutError` `"BadCount"`.
 *
 * **Example** (A message of any length)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const message = Layout.struct("message", {
 *   length: Layout.uint16,
 *   data: Layout.flexibleArray(Layout.uint8, "length")
 * })
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0, 3, 7, 8, 9, 10]), 0x1000n))
 * const value = Effect.runSync(Layout.read(MemoryMap.setEndian(map, "big"), message, 0x1000n))
 * value // => { length: 3, data: [7, 8, 9] }
 * Layout.sizeOf(message) // => 2
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const flexibleArray = <A, R extends Need>(element: Layout<A, R>, count: string): Layout<ReadonlyArray<A>, R> =>
  of(make.flexibleArray(layoutOf(element), count))

/**
 * Names for the values of an integer. Values without a name stay numbers. Behind them is an `int`, or `unsigned` where no
 * value is negative, as GCC has it, unless `base` says another type.
 *
 * **Example** (Known and unknown values)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const state = Layout.enumeration({ IDLE: 0, BUSY: 1 }, Layout.uint8)
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([1, 0, 77]), 0x1000n))
 * Effect.runSync(Layout.readArray(map, state, 0x1000n, 3)) // => ["BUSY", "IDLE", 77]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const enumeration: {
  <const N extends string>(values: Readonly<Record<N, number | bigint>>): Layout<N | number, "Endian">
  <const N extends string, A extends number | bigint, R extends Need>(
    values: Readonly<Record<N, number | bigint>>,
    base: Layout<A, R>
  ): Layout<N | A, R>
} = <N extends string>(values: Readonly<Record<N, number | bigint>>, base?: Any): Layout<never, never> =>
  of(make.names("enumeration", values, base === undefined ? undefined : layoutOf(base)))

/**
 * Names for bits of an integer, or for groups of them. The value is the list of the names whose bits are all set, in the order
 * given, and last a number with the bits that have no name, if any are set. Behind them is an `unsigned int`, unless `base`
 * says another type.
 *
 * **Example** (Permissions)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const permissions = Layout.flags({ READ: 4, WRITE: 2, EXECUTE: 1 }, Layout.uint8)
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([5, 0x46]), 0x1000n))
 * Effect.runSync(Layout.readArray(map, permissions, 0x1000n, 2)) // => [["READ", "EXECUTE"], ["READ", "WRITE", 64]]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const flags: {
  <const N extends string>(values: Readonly<Record<N, number | bigint>>): Layout<ReadonlyArray<N | number>, "Endian">
  <const N extends string, A extends number | bigint, R extends Need>(
    values: Readonly<Record<N, number | bigint>>,
    base: Layout<A, R>
  ): Layout<ReadonlyArray<N | A>, R>
} = <N extends string>(values: Readonly<Record<N, number | bigint>>, base?: Any): Layout<never, never> =>
  of(make.names("flags", values, base === undefined ? undefined : layoutOf(base)))

/**
 * A bit-field of `width` bits of an integer, a `bool`, an enumeration or flags: a member of a struct. Its value is of the type
 * that its base's values have. Without a name, as `_0`, it is padding; of width 0 it closes a unit, as `:0` does in C.
 *
 * **Example** (Fields of a register)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const control = Layout.struct("control", {
 *   enabled: Layout.bits(Layout.bool, 1),
 *   mode: Layout.bits(Layout.unsignedInt, 3),
 *   _0: Layout.bits(Layout.unsignedInt, 4),
 *   level: Layout.bits(Layout.int, 8)
 * })
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0x0b, 0xff, 0, 0]), 0x1000n))
 * const value = Effect.runSync(Layout.read(MemoryMap.setEndian(map, "little"), control, 0x1000n))
 * value // => { enabled: true, mode: 5, level: -1 }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bits: {
  (width: number): <A, R extends Need>(base: Layout<A, R>) => Bits<A, Strongest<R | "Endian">>
  <A, R extends Need>(base: Layout<A, R>, width: number): Bits<A, Strongest<R | "Endian">>
} = dual(2, make.bits)

/**
 * A struct. Its values are objects with its members in order; its members lie where a C compiler puts them.
 *
 * **Example** (Padding, and an array of chars as text)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const item = Layout.struct("item", {
 *   kind: Layout.uint8,
 *   price: Layout.uint32,
 *   name: Layout.cString(8)
 * })
 * Layout.offsetOf(item, "price") // => 4
 * const bytes = new Uint8Array([1, 0, 0, 0, 0x2a, 0, 0, 0, 0x74, 0x65, 0x61, 0, 0, 0, 0, 0])
 * const map = Effect.runSync(MemoryMap.fromBytes(bytes, 0x1000n)).pipe(MemoryMap.setEndian("little"))
 * Effect.runSync(Layout.read(map, item, 0x1000n)) // => { kind: 1, price: 42, name: "tea" }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const struct = <const M extends Members>(
  name: string,
  members: M,
  options?: RecordOptions
): Layout<Value<M>, Strongest<NeedOf<M[keyof M]>>> => of(make.record("struct", name, members as never, options))

/**
 * A union: all members lie at its start. A value has all of them, each read from the same bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const union = <const M extends Members>(
  name: string,
  members: M,
  options?: RecordOptions
): Layout<Value<M>, Strongest<NeedOf<M[keyof M]>>> => of(make.record("union", name, members as never, options))

// -----------------------------------------------------------------------------------------------------------------
// combinators
// -----------------------------------------------------------------------------------------------------------------

/**
 * A member at a given offset from the start of its struct, for layouts out of debug information. Members that have one may
 * stand in any order and overlap. `bit`, from 0, is where a bit-field begins behind that: from the least significant bit on
 * little-endian machines, from the most significant one on others.
 *
 * **Example** (Two registers of a device)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 *
 * const uart = Layout.struct("uart", { status: Layout.at(0x18, Layout.uint32), data: Layout.at(0, Layout.uint32) })
 * Layout.sizeOf(uart) // => 28
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const at = <L extends Any>(offset: number, layout: L, bit?: number): L =>
  make.at(offset, layoutOf(layout), bit) as unknown as L

/**
 * A member that is aligned to at least `alignment` bytes, a power of two.
 *
 * @category combinators
 * @since 0.1.0
 */
export const aligned: {
  (alignment: number): <L extends Any>(layout: L) => L
  <L extends Any>(layout: L, alignment: number): L
} = dual(2, make.aligned)

/**
 * A struct or union as a member whose members are those of the struct around it. The member's own name is shown nowhere.
 *
 * **Example** (One word in two ways)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 *
 * const page = Layout.struct("page", {
 *   flags: Layout.unsignedLong,
 *   _0: Layout.anonymous(Layout.union("", { mapping: Layout.pointer, index: Layout.unsignedLong }))
 * })
 * Layout.offsetOf(page, "index") // => 8
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const anonymous = <A, R extends Need>(record: Layout<A, R>): Anonymous<A, R> =>
  make.anonymous(layoutOf(record)) as unknown as Anonymous<A, R>

/**
 * What has a byte order of its own, whatever that of the map is: headers of network protocols and files.
 *
 * @category combinators
 * @since 0.1.0
 */
export const endian: {
  (endian: Endian): <A, R extends Need>(layout: Layout<A, R>) => Layout<A, R extends "Endian" ? "Nothing" : R>
  <A, R extends Need>(layout: Layout<A, R>, endian: Endian): Layout<A, R extends "Endian" ? "Nothing" : R>
} = dual(2, make.ordered)

/**
 * Values taken through a schema: what it decodes is what is read, and it encodes what is written. Where it refuses a value, the
 * read fails with `LayoutError` `"Refused"`, which names the member.
 *
 * **Example** (Seconds since 1970 as a date)
 *
 * ```ts
 * import { Effect, Schema, SchemaGetter } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const Port = Schema.Number.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 1023 })))
 * const entry = Layout.struct("entry", { port: Layout.transform(Layout.uint16, Port) })
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([80, 0, 0, 8]), 0x1000n)).pipe(MemoryMap.setEndian("little"))
 * Effect.runSync(Layout.read(map, entry, 0x1000n)) // => { port: 80 }
 * const error = Effect.runSync(Effect.flip(Layout.read(map, entry, 0x1002n)))
 * error._tag === "LayoutError" && error.path // => "entry.port"
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const transform: {
  <A, B>(schema: Schema.Codec<B, A>): <R extends Need>(layout: Layout<A, R>) => Layout<B, R>
  <A, R extends Need, B>(layout: Layout<A, R>, schema: Schema.Codec<B, NoInfer<A>>): Layout<B, R>
} = dual(2, make.transform)

// -----------------------------------------------------------------------------------------------------------------
// reading
// -----------------------------------------------------------------------------------------------------------------

type Reading<A> = Effect.Effect<A, ReadError>

/**
 * The value at an address, decoded from one read; of a struct with a flexible array from two.
 *
 * **Details**
 *
 * Fails with `UnmappedAddress`, whose `path` is the first member that is not mapped, with `SourceError`, and with `LayoutError`
 * when a schema or a count refuses the bytes.
 *
 * **Example** (Which member is missing)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const task = Layout.struct("task", { pid: Layout.uint32, comm: Layout.cString(16) })
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array(8), 0x1000n)).pipe(MemoryMap.setEndian("little"))
 * const error = Effect.runSync(Effect.flip(Layout.read(map, task, 0x1000n)))
 * error.message // => "read: task.comm at 0x1008 is not mapped (20 bytes at 0x1000, 8 readable; hole 0x1008-0x10000000000000000)"
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const read: {
  <A, R extends Need>(layout: Layout<A, R>, address: Address): (self: MapFor<R>) => Reading<A>
  <A, R extends Need>(self: MapFor<R>, layout: Layout<A, R>, address: Address): Reading<A>
} = dual(3, read_.read)

/**
 * `count` values one behind the other, from one read. Fails as {@link read} does; with `LayoutError` `"BadCount"` for more than
 * 2^24 values or 4 GiB, which are better streamed.
 *
 * @category reading
 * @since 0.1.0
 */
export const readArray: {
  <A, R extends Need>(
    layout: Layout<A, R>,
    address: Address,
    count: number
  ): (self: MapFor<R>) => Reading<ReadonlyArray<A>>
  <A, R extends Need>(self: MapFor<R>, layout: Layout<A, R>, address: Address, count: number): Reading<ReadonlyArray<A>>
} = dual(4, read_.readArray)

/**
 * The values one behind the other in a range, as many as fit. Fails as {@link read} does, behind all values before the hole.
 *
 * **Example** (A table of ports)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const map = Effect.runSync(MemoryMap.fromBytes(new Uint8Array([0, 80, 1, 187]), 0x1000n))
 * const ports = Layout.stream(map, Layout.endian(Layout.uint16, "big"), { start: 0x1000n, end: 0x1004n })
 * await Effect.runPromise(Stream.runCollect(ports)) // => [80, 443]
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const stream: {
  <A, R extends Need>(layout: Layout<A, R>, range: AddressRange): (self: MapFor<R>) => Stream.Stream<A, ReadError>
  <A, R extends Need>(self: MapFor<R>, layout: Layout<A, R>, range: AddressRange): Stream.Stream<A, ReadError>
} = dual(3, read_.stream)

/**
 * Options of {@link follow}: the bits of the pointer that are its address, for pointers with tags in them (default: all).
 *
 * @category models
 * @since 0.1.0
 */
export interface FollowOptions {
  readonly mask?: bigint | undefined
}

/**
 * What a pointer points to: `None` for the null pointer; fails with `UnmappedAddress` where nothing is mapped, and as
 * {@link read} does.
 *
 * @category reading
 * @since 0.1.0
 */
export const follow: {
  <A>(pointer: Pointer<A>, options?: FollowOptions): (self: Ready) => Reading<Option.Option<A>>
  <A>(self: Ready, pointer: Pointer<A>, options?: FollowOptions): Reading<Option.Option<A>>
} = dual(isDataFirst, followPointer)

/**
 * Options of {@link list}. The stream ends after `limit` records (at most 2^26), and at `end`, an address beside null and
 * the head. `mask` is that of {@link follow}. `member` is for lists whose pointers lead to a member of the next record and not
 * to its start, as those of the Linux kernel do: the path of that member.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListOptions<A> extends FollowOptions {
  readonly limit?: number | undefined
  readonly end?: Address | undefined
  readonly member?: Path<A> | undefined
}

/**
 * The next record: its address, a pointer to it, or null.
 *
 * @category models
 * @since 0.1.0
 */
export type Next = Address | Pointer<unknown> | null

/**
 * The records of a linked list, from `head` on, each found through `next`: the path of a pointer in the one before, or a function
 * of it. Ends at a null pointer, and where the list comes back to its head.
 *
 * **Details**
 *
 * Lists in memory can be forged or torn. One that leads back to another record than its head fails with `LayoutError` `"Cycle"`
 * at that record, one that has no end after 2^20 records with `"TooLong"`, unless a `limit` was given; one that leads into a
 * hole fails with `UnmappedAddress`. All records before are in the stream.
 *
 * **Example** (Records in a list)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Layout, MemoryMap } from "effect-memory-map"
 *
 * const item = Layout.struct("item", { next: Layout.pointer, id: Layout.uint32 })
 * const first = Layout.encode(item, { next: 0x1010n, id: 1 }, Layout.LP64)
 * const second = Layout.encode(item, { next: 0n, id: 2 }, Layout.LP64)
 * const program = Effect.gen(function* () {
 *   const bare = yield* MemoryMap.fromBytes(new Uint8Array([...first, ...second]), 0x1000n)
 *   const map = bare.pipe(MemoryMap.setDataModel(Layout.LP64), MemoryMap.setEndian("little"))
 *   return yield* Stream.runCollect(Layout.list(map, item, 0x1000n, "next"))
 * })
 * await Effect.runPromise(program) // => [{ next: 0x1010n, id: 1 }, { next: 0n, id: 2 }]
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const list: {
  <A, R extends Need>(
    layout: Layout<A, R>,
    head: Next,
    next: Path<A> | ((value: A) => Next),
    options?: ListOptions<A>
  ): (self: MapFor<R>) => Stream.Stream<A, ReadError>
  <A, R extends Need>(
    self: MapFor<R>,
    layout: Layout<A, R>,
    head: Next,
    next: Path<NoInfer<A>> | ((value: NoInfer<A>) => Next),
    options?: ListOptions<NoInfer<A>>
  ): Stream.Stream<A, ReadError>
} = dual(
  isDataFirst,
  (
    self: MemoryMapImpl,
    layout: AnyLayout,
    head: Next,
    next: string | ((value: never) => Next),
    options?: list_.ListOptions
  ) => list_.list(self, layout, head, next, options, (value) => value)
)

// -----------------------------------------------------------------------------------------------------------------
// writing
// -----------------------------------------------------------------------------------------------------------------

/**
 * The bytes of a value under a data model, in its byte order: little-endian unless the model says `endian: "big"`. For a map,
 * `MemoryMap.getDataModel` gives both. Padding is zero, text is filled up with zeros. {@link read} gives the value back; with
 * `MemoryMap.addBytes` it patches an image.
 *
 * Throws a `RangeError` that names the member where a value does not fit. Of members that share bytes, as those of a union, those
 * that are missing are left out.
 *
 * @category writing
 * @since 0.1.0
 */
export const encode: {
  <A>(value: NoInfer<A>, model: DataModel): (layout: Layout<A>) => Uint8Array
  <A>(layout: Layout<A>, value: NoInfer<A>, model: DataModel): Uint8Array
} = dual(3, encode_.encode)

// -----------------------------------------------------------------------------------------------------------------
// getters
// -----------------------------------------------------------------------------------------------------------------

const isLayoutFirst = (args: IArguments): boolean => make.isLayout(args[0])

/**
 * The size of a type in bytes, under a data model (default: LP64), without a flexible array.
 *
 * @category getters
 * @since 0.1.0
 */
export const sizeOf: {
  (model?: DataModel): (self: Any) => number
  (self: Any, model?: DataModel): number
} = dual(isLayoutFirst, (self: AnyLayout, model = LP64) => shapeOf(self, model).size)

/**
 * The alignment of a type in bytes, under a data model (default: LP64).
 *
 * @category getters
 * @since 0.1.0
 */
export const alignOf: {
  (model?: DataModel): (self: Any) => number
  (self: Any, model?: DataModel): number
} = dual(isLayoutFirst, (self: AnyLayout, model = LP64) => shapeOf(self, model).align)

/**
 * The offset of a member in bytes, under a data model (default: LP64). Of a bit-field it is that of the byte with its first bit.
 * Throws when there is no such member.
 *
 * **Example** (Into arrays and members)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 *
 * const point = Layout.struct("point", { x: Layout.long, y: Layout.long })
 * const line = Layout.struct("line", { width: Layout.int, points: Layout.array(point, 2) })
 * Layout.offsetOf(line, "points[1].y") // => 32
 * Layout.offsetOf(line, "points[1].y", Layout.i386) // => 16
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const offsetOf: {
  <A>(self: Layout<A>, path: Path<NoInfer<A>>, model?: DataModel): number
  (path: string, model?: DataModel): (self: Any) => number
} = dual(isLayoutFirst, (self: AnyLayout, path: string, model = LP64) => {
  const place = paths.resolve(self, path, model)
  if (typeof place === "string") throw new TypeError(`Layout.offsetOf: ${place}`)
  return Math.floor(place.bit / 8)
})

/**
 * A member: its path, offset and size in bytes, and for a bit-field its first bit behind the offset, and its width in bits.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemberAt {
  readonly path: string
  readonly offset: number
  readonly size: number
  readonly bits: { readonly offset: number; readonly size: number } | undefined
}

/**
 * The member that has the byte at an offset, the innermost one, under a data model (default: LP64). `None` in padding and
 * outside; of members that share the byte, the first.
 *
 * @category getters
 * @since 0.1.0
 */
export const memberAt: {
  (offset: number, model?: DataModel): (self: Any) => Option.Option<MemberAt>
  (self: Any, offset: number, model?: DataModel): Option.Option<MemberAt>
} = dual(isLayoutFirst, (self: AnyLayout, offset: number, model = LP64): Option.Option<MemberAt> => {
  const found = paths.pathAt(self, offset, model)
  if (found === undefined) return Option.none()
  const { bit, layout, width } = found.place
  const bits = width === undefined ? undefined : { offset: bit % 8, size: width }
  const size = width === undefined ? shapeOf(layout, model).size : Math.ceil(((bit % 8) + width) / 8)
  return Option.some({ path: found.path, offset: Math.floor(bit / 8), size, bits })
})

/**
 * A type as C text, with offsets and sizes in bytes and the holes between members, as pahole(1) prints it, under a data model
 * (default: LP64).
 *
 * **Example** (A struct with a hole)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 *
 * const item = Layout.struct("item", { kind: Layout.uint8, price: Layout.uint32 })
 * const lines = Layout.format(item).split("\n")
 * lines[0] // => "struct item {"
 * lines[3] // => "\t/\u002a 3 bytes hole *\u002f"
 * lines.length // => 9
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const format: {
  (model?: DataModel): (self: Any) => string
  (self: Any, model?: DataModel): string
} = dual(isLayoutFirst, (self: AnyLayout, model = LP64) => formatLayout(self, model))
