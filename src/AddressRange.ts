/**
 * Half-open ranges of addresses, `[start, end)`, in a 64-bit address space.
 *
 * `end` may be `2n ** 64n`, so the last byte of the space belongs to a range like any other. Ranges are plain
 * immutable objects; `Equal.equals` compares them by value.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Equivalence_ from "effect/Equivalence"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Order_ from "effect/Order"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { END, hex, parseNumber } from "./internal/base/numbers.ts"

/**
 * A byte address: `0n <= address < 2n ** 64n`, also in maps of 32-bit machines.
 *
 * @category models
 * @since 0.1.0
 */
export type Address = bigint

/**
 * The addresses from `start` up to, not including, `end`: `0 <= start <= end <= 2^64`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressRange {
  readonly start: Address
  readonly end: bigint
}

const Bound = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: END }))

/**
 * Codec for {@link AddressRange}; the JSON form holds decimal strings.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AddressRange = Schema.Struct({ start: Bound, end: Bound }).check(
  Schema.makeFilter((range: AddressRange) => range.start <= range.end, { expected: "start <= end" })
)

/**
 * True when `address` lies in the address space: `0n <= address < 2n ** 64n`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAddress = (address: bigint): boolean => address >= 0n && address < END

/**
 * True when the bounds are in order and inside the address space.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isValid = (range: AddressRange): boolean =>
  range.start >= 0n && range.start <= range.end && range.end <= END

/**
 * The range `[start, end)`. Throws a `RangeError` unless `0 <= start <= end <= 2^64`: bounds that come from outside
 * belong through {@link parse} or the {@link AddressRange} codec.
 *
 * **Example** (A page)
 *
 * ```ts
 * import { AddressRange } from "effect-memory-map"
 *
 * AddressRange.make(0x1000n, 0x2000n) // => { start: 0x1000n, end: 0x2000n }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (start: Address, end: bigint): AddressRange => {
  const range = { start, end }
  if (!isValid(range)) {
    throw new RangeError(
      `AddressRange.make: ${hex(start)}..${hex(end)} is not a range: 0 <= start <= end <= 2^64 must hold`
    )
  }
  return range
}

/**
 * The range of `length` bytes from `start`. Throws like {@link make}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLength = (start: Address, length: bigint): AddressRange => make(start, start + length)

/**
 * The whole address space, `0` to `2^64`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const full: AddressRange = { start: 0n, end: END }

/**
 * Number of bytes in the range.
 *
 * @category getters
 * @since 0.1.0
 */
export const size = (self: AddressRange): bigint => self.end - self.start

/**
 * True when the range holds no byte.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmpty = (self: AddressRange): boolean => self.start >= self.end

/**
 * True when `address` lies in the range.
 *
 * @category predicates
 * @since 0.1.0
 */
export const contains: {
  (address: Address): (self: AddressRange) => boolean
  (self: AddressRange, address: Address): boolean
} = dual(2, (self: AddressRange, address: Address): boolean => address >= self.start && address < self.end)

/**
 * True when the two ranges share at least one byte.
 *
 * @category predicates
 * @since 0.1.0
 */
export const overlaps: {
  (that: AddressRange): (self: AddressRange) => boolean
  (self: AddressRange, that: AddressRange): boolean
} = dual(2, (self: AddressRange, that: AddressRange): boolean => Option.isSome(intersect(self, that)))

/**
 * The bytes common to both ranges; `None` when there are none.
 *
 * **Example** (Two ranges that overlap)
 *
 * ```ts
 * import { Option } from "effect"
 * import { AddressRange } from "effect-memory-map"
 *
 * const a = AddressRange.make(0x1000n, 0x3000n)
 * AddressRange.intersect(a, AddressRange.make(0x2000n, 0x4000n)) // => Option.some({ start: 0x2000n, end: 0x3000n })
 * AddressRange.intersect(a, AddressRange.make(0x3000n, 0x4000n)) // => Option.none()
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const intersect: {
  (that: AddressRange): (self: AddressRange) => Option.Option<AddressRange>
  (self: AddressRange, that: AddressRange): Option.Option<AddressRange>
} = dual(2, (self: AddressRange, that: AddressRange): Option.Option<AddressRange> => {
  const start = self.start > that.start ? self.start : that.start
  const end = self.end < that.end ? self.end : that.end
  return start < end ? Option.some({ start, end }) : Option.none()
})

/**
 * What is left of `self` without the bytes of `that`: no range, one, or two in ascending order. None is empty.
 *
 * **Example** (Punching a hole)
 *
 * ```ts
 * import { AddressRange } from "effect-memory-map"
 *
 * AddressRange.subtract(AddressRange.make(0n, 9n), AddressRange.make(3n, 5n)) // => [{ start: 0n, end: 3n }, { start: 5n, end: 9n }]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const subtract: {
  (that: AddressRange): (self: AddressRange) => ReadonlyArray<AddressRange>
  (self: AddressRange, that: AddressRange): ReadonlyArray<AddressRange>
} = dual(2, (self: AddressRange, that: AddressRange): ReadonlyArray<AddressRange> => {
  const common = Option.getOrUndefined(intersect(self, that))
  if (common === undefined) return isEmpty(self) ? [] : [self]
  return [
    { start: self.start, end: common.start },
    { start: common.end, end: self.end }
  ].filter((r) => !isEmpty(r))
})

/**
 * Cuts the range in two at `address`, which becomes the start of the second part. `address` is clamped to the range,
 * so a part may be empty.
 *
 * @category combinators
 * @since 0.1.0
 */
export const split: {
  (address: Address): (self: AddressRange) => readonly [AddressRange, AddressRange]
  (self: AddressRange, address: Address): readonly [AddressRange, AddressRange]
} = dual(2, (self: AddressRange, address: Address): readonly [AddressRange, AddressRange] => {
  const at = address < self.start ? self.start : address > self.end ? self.end : address
  return [
    { start: self.start, end: at },
    { start: at, end: self.end }
  ]
})

/**
 * Writes the range as `0xSTART-0xEND`, the end excluded: the form of every message of this package.
 *
 * @category serialization
 * @since 0.1.0
 */
export const format = (self: AddressRange): string => `${hex(self.start)}-${hex(self.end)}`

/**
 * Writes an address the only way this package shows addresses: `0x` and lower-case hex.
 *
 * @category serialization
 * @since 0.1.0
 */
export const formatAddress: (address: bigint) => string = hex

/**
 * A text is no address or no range: `text` is what was given, `expected` what it should have been, and the message says
 * what is wrong with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>("effect-memory-map/InvalidAddress")(
  "InvalidAddress",
  { text: Schema.String, expected: Schema.Literals(["address", "range"]), why: Schema.String }
) {
  override get message(): string {
    return this.why
  }
}

/**
 * Reads an address: decimal or `0x` hexadecimal, `_` between digits, or a size such as `4KiB`. Fails with
 * {@link InvalidAddress}.
 *
 * @category serialization
 * @since 0.1.0
 */
export const parseAddress = (text: string): Result.Result<Address, InvalidAddress> =>
  Result.flatMap(parseNumber(text), (value) =>
    isAddress(value) ? Result.succeed(value) : Result.fail(`${hex(value)} is not an address: the space ends at 2^64`)
  ).pipe(Result.mapError((why) => new InvalidAddress({ text, expected: "address", why })))

const parseRange = (text: string): Result.Result<AddressRange, string> => {
  const match = /^([^.+-]+)(\.\.|\+|-)([^.+-]+)$/.exec(text.trim())
  if (match === null) return Result.fail(`"${text}" is not a range: write A..B (B excluded) or A+N (N bytes)`)
  return Result.flatMap(parseNumber(match[1] ?? ""), (start) =>
    Result.flatMap(parseNumber(match[3] ?? ""), (second) => {
      const range = { start, end: match[2] === "+" ? start + second : second }
      if (range.end < range.start) return Result.fail(`"${text}" ends before it starts`)
      return isValid(range)
        ? Result.succeed(range)
        : Result.fail(`"${text}" reaches past the end of the address space, 2^64`)
    })
  )
}

/**
 * Reads `A..B` or `A-B` (from `A` up to, not including, `B`) or `A+N` (`N` bytes from `A`). `A`, `B` and `N` are
 * decimal, `0x` hexadecimal or sizes such as `4KiB`. Fails with {@link InvalidAddress}.
 *
 * **Example** (The forms of a range)
 *
 * ```ts
 * import { Result } from "effect"
 * import { AddressRange } from "effect-memory-map"
 *
 * AddressRange.parse("0x1000..0x2000") // => Result.succeed({ start: 0x1000n, end: 0x2000n })
 * AddressRange.parse("0x1000+4KiB") // => Result.succeed({ start: 0x1000n, end: 0x2000n })
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<AddressRange, InvalidAddress> =>
  Result.mapError(parseRange(text), (why) => new InvalidAddress({ text, expected: "range", why }))

const fromText = <A>(parse: (text: string) => Result.Result<A, InvalidAddress>, format: (value: A) => string) => ({
  decode: SchemaGetter.transformEffect((text: string) =>
    Effect.fromResult(Result.mapError(parse(text), ({ why }) => new SchemaIssue.InvalidValue({ message: why }, text)))
  ),
  encode: SchemaGetter.transform(format)
})

/**
 * Codec for an address as text: reads what {@link parseAddress} reads, writes what {@link formatAddress} writes. For a
 * `Config`, a command line, an HTTP API.
 *
 * **Example** (An address in the configuration)
 *
 * ```ts
 * import { Config, ConfigProvider, Effect } from "effect"
 * import { AddressRange } from "effect-memory-map"
 *
 * const base = Config.schema(AddressRange.AddressFromString, "BASE")
 * const provider = ConfigProvider.fromUnknown({ BASE: "0x0800_0000" })
 * Effect.runSync(base.parse(provider)) // => 0x0800_0000n
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const AddressFromString = Schema.String.pipe(
  Schema.decodeTo(
    Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: END - 1n })),
    fromText(parseAddress, hex)
  )
)

/**
 * Codec for a range as text: reads what {@link parse} reads, writes what {@link format} writes.
 *
 * **Example** (A range out of a text)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { AddressRange } from "effect-memory-map"
 *
 * Schema.decodeSync(AddressRange.FromString)("0x1000+4KiB") // => { start: 0x1000n, end: 0x2000n }
 * Schema.encodeSync(AddressRange.FromString)({ start: 0x1000n, end: 0x2000n }) // => "0x1000-0x2000"
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromString = Schema.String.pipe(Schema.decodeTo(AddressRange, fromText(parse, format)))

/**
 * Orders ranges by start, then by end.
 *
 * @category instances
 * @since 0.1.0
 */
export const Order: Order_.Order<AddressRange> = (self, that) => {
  if (self.start !== that.start) return self.start < that.start ? -1 : 1
  return self.end === that.end ? 0 : self.end < that.end ? -1 : 1
}

/**
 * Two ranges are equivalent when both bounds are equal.
 *
 * @category instances
 * @since 0.1.0
 */
export const Equivalence: Equivalence_.Equivalence<AddressRange> = (self, that) =>
  self.start === that.start && self.end === that.end
