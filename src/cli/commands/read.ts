// memmap read: values at an address.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { hex } from "../../internal/base/numbers.ts"
import * as Layout from "../../Layout.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { type MapStateError, type TooLarge, UnmappedAddress } from "../../MemoryMapError.ts"
import { addressText, mapDigits } from "../../render/Hexdump.ts"
import { type Span, span } from "../../render/Line.ts"
import { originText } from "../../render/MapTable.ts"
import { action, reading } from "../action.ts"
import * as args from "../arguments.ts"
import { explain, type Failure, Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"
import { type Found, hasMember, items, listOf } from "../records.ts"
import { type Record, recordOf, SHORT, typesIn } from "../types.ts"
import type { Place, Written } from "../written.ts"

/** A value in both forms, and how far the next one is. */
interface Value {
  readonly shown: ReadonlyArray<Span>
  readonly json: number | string
  readonly size: bigint
}
type TypeReader = (
  map: MemoryMap.Mapped,
  address: bigint,
  digits: number,
  maxLength: number
) => Effect.Effect<Value, MemoryMap.ReadError | MapStateError | TooLarge>

const int =
  <A extends number | bigint>(get: MemoryMap.EndianRead<A> | MemoryMap.Read<A>, size: 1 | 2 | 4 | 8): TypeReader =>
  (map, address) =>
    Effect.flatMap(size === 1 ? Effect.succeed(map as MemoryMap.Ready) : MemoryMap.requireEndian(map), (map) =>
      Effect.map((get as MemoryMap.EndianRead<A>)(map, address), (value) => {
        const bits = hex(BigInt.asUintN(size * 8, BigInt(value)))
        return {
          shown: [span(String(value)), span(`  ${bits}`, "note")],
          json: typeof value === "number" ? value : String(value),
          size: BigInt(size)
        }
      })
    )

const float =
  (get: MemoryMap.EndianRead<number>, size: bigint): TypeReader =>
  (map, address) =>
    Effect.flatMap(MemoryMap.requireEndian(map), (map) =>
      Effect.map(get(map, address), (value) => ({
        shown: [span(Object.is(value, -0) ? "-0" : String(value))],
        // JSON has no infinities, no NaN and no -0.
        json: Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value),
        size
      }))
    )

const pointer: TypeReader = Effect.fnUntraced(function* (map, address, digits) {
  const ready = yield* Effect.flatMap(MemoryMap.requireEndian(map), MemoryMap.requireWordSize)
  const value = yield* MemoryMap.getPointer(ready, address)
  const to = Option.match(MemoryMap.origin(map, value), {
    onNone: () => (value === 0n ? "null" : "nothing is mapped there"),
    onSome: ({ mapping, offset }) => originText(map, { mapping, offset, range: { start: value, end: value + 1n } })
  })
  return {
    shown: [span(addressText(value, digits)), span(`  ${to}`, "note")],
    json: hex(value),
    size: MemoryMap.getWordSize(ready) === 32 ? 4n : 8n
  }
})

const string: TypeReader = Effect.fnUntraced(function* (map, address, _digits, maxLength) {
  // A character for each byte first, to know how many bytes there are.
  const raw = yield* MemoryMap.getString(map, address, { encoding: "latin1", maxLength })
  const text = new TextDecoder().decode(Uint8Array.from(raw, (character) => character.charCodeAt(0)))
  const whole = raw.length < maxLength
  return {
    shown: [span(JSON.stringify(text)), ...(whole ? [] : [span(`  no NUL in ${maxLength} bytes`, "note")])],
    json: text,
    size: BigInt(raw.length) + (whole ? 1n : 0n)
  }
})

const readers = {
  u8: int(MemoryMap.getUint8, 1),
  i8: int(MemoryMap.getInt8, 1),
  u16: int(MemoryMap.getUint16, 2),
  i16: int(MemoryMap.getInt16, 2),
  u32: int(MemoryMap.getUint32, 4),
  i32: int(MemoryMap.getInt32, 4),
  u64: int(MemoryMap.getUint64, 8),
  i64: int(MemoryMap.getInt64, 8),
  f32: float(MemoryMap.getFloat32, 4n),
  f64: float(MemoryMap.getFloat64, 8n),
  ptr: pointer,
  cstr: string
} satisfies Readonly<globalThis.Record<(typeof SHORT)[number], TypeReader>>

/** The same hole, met by all that was asked for: what was read before it has been there. */
const askedFrom = (start: bigint, error: UnmappedAddress): UnmappedAddress =>
  new UnmappedAddress({
    ...error,
    requested: { start, end: error.requested.end },
    available: error.requested.start - start + error.available
  })

const values = (
  map: MemoryMap.Mapped,
  { end, start }: Place,
  type: keyof typeof readers,
  count: number,
  maxLength: number
): Stream.Stream<Item, MemoryMap.ReadError | MapStateError | TooLarge | Refused> => {
  const digits = mapDigits(map)
  // In a range: as many as fit, and the texts that begin in it.
  const fits = (address: bigint, size: bigint) => end === undefined || address + (type === "cstr" ? 1n : size) <= end
  const step = Effect.fnUntraced(function* ({ address, left }: { readonly address: bigint; readonly left: number }) {
    const { json, shown, size } = yield* readers[type](map, address, digits, maxLength).pipe(
      Effect.catchTag("UnmappedAddress", (error) => askedFrom(start, error))
    )
    if (!fits(address, size)) return yield* new Refused({ message: `the range has no room for one ${type}` })
    const item: Item = {
      line: [span(addressText(address, digits), "address"), span("  "), ...shown],
      json: { type: "value", address: hex(address), as: type, value: json }
    }
    const next = { address: address + size, left: left - 1 }
    const isMore = end === undefined ? next.left > 0 : fits(next.address, size)
    return [[item], isMore ? Option.some(next) : Option.none()] as const
  })
  return Stream.paginate({ address: start, left: count }, step)
}

type Records = Stream.Stream<Found, Layout.ReadError | Refused>

/** Records one behind the other: so many, or as many as the range has room for. */
const inRow = (map: MemoryMap.Ready, layout: Layout.Any, { end, start }: Place, count: number): Records => {
  const size = BigInt(Layout.sizeOf(layout, MemoryMap.getDataModel(map)))
  if (size === 0n) return Stream.fail(new Refused({ message: "TYPE takes no bytes" }))
  const most = end === undefined ? BigInt(count) : (end - start) / size
  if (most === 0n) return Stream.fail(new Refused({ message: `the range has no room for one TYPE, of ${size} bytes` }))
  return Stream.paginate(0n, (i) =>
    Effect.map(Layout.read(map, layout, start + i * size), (value) => [
      [{ address: start + i * size, value }],
      i + 1n < most ? Option.some(i + 1n) : Option.none()
    ])
  )
}

/** The member that points to the next record, by its name or offset. */
const nextOf = (map: MemoryMap.Ready, layout: Layout.Any, text: string): Effect.Effect<string, Refused> => {
  const model = MemoryMap.getDataModel(map)
  const number = args.parseAddress(text)
  if (Result.isFailure(number)) {
    return hasMember(layout, text, model)
      ? Effect.succeed(text)
      : Effect.fail(new Refused({ message: `--list: TYPE has no member ${text}` }))
  }
  const member = Layout.memberAt(layout, Number(number.success), model)
  return Option.isSome(member) && BigInt(member.value.offset) === number.success
    ? Effect.succeed(member.value.path)
    : Effect.fail(new Refused({ message: `--list: no member of TYPE begins at offset ${text}` }))
}

const alongList = Effect.fnUntraced(function* (
  map: MemoryMap.Ready,
  layout: Layout.Any,
  start: bigint,
  { count, linked, list }: { readonly count: Option.Option<number>; readonly linked: boolean; readonly list: string }
) {
  const next = yield* nextOf(map, layout, list)
  const offset = BigInt(Layout.offsetOf(layout, next, MemoryMap.getDataModel(map)))
  return listOf(map, layout, linked ? start + offset : start, next, {
    limit: Option.getOrUndefined(count),
    member: linked ? next : undefined
  })
})

const records = Effect.fnUntraced(function* (map: MemoryMap.Mapped, record: Record, place: Place, input: Input) {
  const { count, list } = input
  const ready = yield* Effect.flatMap(MemoryMap.requireEndian(map), MemoryMap.requireWordSize)
  const isOne = Option.isNone(list) && place.end === undefined && Option.getOrElse(count, () => 1) === 1
  const found = Option.isSome(list)
    ? yield* alongList(ready, record.layout, place.start, { ...input, list: list.value })
    : inRow(
        ready,
        record.layout,
        place,
        Option.getOrElse(count, () => 1)
      )
  return items(ready, record, answeredInPart(ready, found), isOne)
})

/** A hole behind records that were read is no answer that there is nothing. */
const answeredInPart = (map: MemoryMap.Any, found: Records): Records =>
  Stream.suspend(() => {
    let isAny = false
    return found.pipe(
      Stream.tap(() =>
        Effect.sync(() => {
          isAny = true
        })
      ),
      Stream.mapError((error) => (isAny && error._tag === "UnmappedAddress" ? explain(error, map) : error))
    )
  })

/** What TYPE is of: a record, or `undefined` for one of the values that are read by themselves. */
const recordIn = Effect.fnUntraced(function* (input: Input) {
  if (isPlain(input.type, input)) return undefined
  const types = Option.isNone(input.layout) ? Option.none() : Option.some(yield* typesIn(input.layout.value))
  return yield* recordOf(input.type, types, input.packed)
})

const flags = {
  image: args.image,
  place: args.place,
  type: Argument.String("TYPE").pipe(
    Argument.withDescription(
      `${SHORT.join(", ")}; several between commas, char[16] for text, names as in 'u32 id'; or a type of --layout`
    )
  ),
  count: args
    .countArgument("COUNT")
    .pipe(
      Argument.withDescription("How many, one after another (default 1; of a range or list, all)"),
      Argument.optional
    ),
  layout: args
    .fileFlag("layout")
    .pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Types to read: a C header, types in JSON, or a symbol file of volatility3"),
      Flag.optional
    ),
  list: Flag.String("list").pipe(
    Flag.withMetavar("MEMBER"),
    Flag.withDescription(
      "Follow a list: the pointer to the next record is at this offset, or in the member of this name"
    ),
    Flag.optional
  ),
  linked: args.flag("linked", "--list: pointers lead to that member of the next record, as those of list_head do"),
  packed: args.flag("packed", "Several types: no padding between them"),
  maxLength: args
    .count("max-length")
    .pipe(Flag.withDescription("cstr: the longest text to read, in bytes (default 64KiB)"), Flag.withDefault(1 << 16)),
  ...args.opening
}

interface Input {
  readonly place: Written<Place>
  readonly type: string
  readonly count: Option.Option<number>
  readonly layout: Option.Option<string>
  readonly list: Option.Option<string>
  readonly linked: boolean
  readonly packed: boolean
}

const isPlain = (type: string, { layout, list }: Input): boolean =>
  Object.hasOwn(readers, type) && Option.isNone(layout) && Option.isNone(list)

export const read = Command.make(
  "read",
  flags,
  Effect.fnUntraced(
    function* (input) {
      const { count, list, type } = input
      const { at, map } = yield* Images.open([input.image], input, { written: [input.place] })
      const place = yield* at(input.place)
      if (place.end !== undefined && (Option.isSome(count) || Option.isSome(list))) {
        return yield* new Refused({
          message: Option.isSome(list) ? "a list begins at an address" : "a range says itself how many fit",
          details: [["try", "ADDRESS TYPE COUNT, or a range and TYPE"]]
        })
      }
      const record = yield* recordIn(input)
      const output = yield* Output
      const shown =
        record === undefined
          ? values(
              map,
              place,
              type as keyof typeof readers,
              Option.getOrElse(count, () => 1),
              input.maxLength
            )
          : yield* records(map, record, place, input)
      yield* reading(map)(output.print<Failure, never>(shown))
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Print values: integers, floating point numbers, pointers (ptr, with what they point into) or C strings (cstr); several at once as columns, laid as the members of a C struct; structs of a C header; lists of them."
  ),
  Command.withShortDescription("Print values at an address"),
  Command.withExamples([
    { command: "memmap read core.4242 0x404080 u32 4", description: "Four 32-bit integers" },
    { command: "memmap read core.4242 0x404080..0x4040c0 ptr", description: "All pointers in a range" },
    { command: "memmap read core.4242 0x404080 ptr", description: "A pointer, and what it points into" },
    {
      command: "memmap read core.4242 0x404080 'u32 id, ptr next, char[16]' 3",
      description: "Records of three values"
    },
    {
      command: "memmap read core.4242 0x404080 'struct node' --layout node.h --list next",
      description: "A list of structs, as a header has them"
    },
    { command: "memmap read flash.bin@0x0800_0000 0x0800_0000 u32 --endian little", description: "Of raw bytes" }
  ])
)
