/**
 * Layouts out of text and data: C declarations as they stand in headers, a JSON form, and the symbol files of volatility3.
 *
 * What is read from a file has values of no type that the compiler knows; for the rest such layouts are like those of `Layout`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Refusal, parseHeader as header, parseType as type, refusingTypes } from "./internal/layout/cText.ts"
import { typesOfIsf } from "./internal/layout/isf.ts"
import { typesOfJson } from "./internal/layout/json.ts"
import type { AnyLayout } from "./internal/layout/model.ts"
import type { Any } from "./Layout.ts"

/**
 * Types by name: of `struct node` and of a typedef alike. A type that has both under one name is the typedef.
 *
 * @category models
 * @since 0.1.0
 */
export type Types = ReadonlyMap<string, Any>

/**
 * A text describes no types, or none that there are layouts of: `line`, from 1, says where, if that is known, and `why` what is
 * wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidLayout extends Schema.TaggedError<InvalidLayout>("effect-memory-map/InvalidLayout")(
  "InvalidLayout",
  {
    line: Schema.optionalKey(Schema.Number),
    why: Schema.String
  }
) {
  override get message(): string {
    return this.line === undefined ? this.why : `line ${this.line}: ${this.why}`
  }
}

const invalid = ({ line, why }: Refusal) => new InvalidLayout({ why, ...(line === undefined ? {} : { line }) })

// There is one class behind all layouts.
const known = (types: Types | undefined): ReadonlyMap<string, AnyLayout> => (types ?? new Map()) as never
const layouts = (types: ReadonlyMap<string, AnyLayout>): Types => types as unknown as Types

/**
 * The types of a C header or of a few declarations pasted from one.
 *
 * **Details**
 *
 * It knows `struct`, `union`, `enum` and `typedef`, bit-fields, arrays, pointers, members without a name, `packed`, `aligned` and
 * `counted_by`, `#pragma pack`, `#define` of a number; the types of stdint.h, and `u8` to `u64`, `__be32` and the like. An array of
 * `char` is text. Other directives are passed over, and so are functions; a name that nothing in the text or in `types`
 * defines is refused. A pointer may lead to a type that is never defined.
 *
 * **Example** (A record out of a header)
 *
 * ```ts
 * import { Effect, Result } from "effect"
 * import { Layout, LayoutFile, MemoryMap } from "effect-memory-map"
 *
 * const types = Result.getOrThrow(LayoutFile.parseHeader(`
 *   #define NAME 8
 *   struct node {
 *     uint32_t id;
 *     char name[NAME];
 *     struct node *next;
 *   };
 * `))
 * const node = types.get("node")!
 * Layout.sizeOf(node) // => 24
 * const bytes = new Uint8Array([7, 0, 0, 0, 0x61, 0x62, ...new Uint8Array(18)])
 * const map = Effect.runSync(MemoryMap.fromBytes(bytes, 0x1000n)).pipe(MemoryMap.setDataModel(Layout.LP64), MemoryMap.setEndian("little"))
 * const value = Effect.runSync(Layout.read(map, node, 0x1000n)) as { readonly id: number; readonly name: string }
 * value.name // => "ab"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parseHeader = (text: string, types?: Types): Result.Result<Types, InvalidLayout> =>
  header(text, known(types)).pipe(Result.map(layouts), Result.mapError(invalid))

/**
 * One type in C, perhaps with the name of what is of it: `struct node *`, `char[16]`, `unsigned flags:3`, `u32 id`.
 *
 * **Example** (A type, and a member)
 *
 * ```ts
 * import { Result } from "effect"
 * import { Layout, LayoutFile } from "effect-memory-map"
 *
 * const { layout, name } = Result.getOrThrow(LayoutFile.parseType("u16 ports[4]"))
 * name // => "ports"
 * Layout.sizeOf(layout) // => 8
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parseType = (
  text: string,
  types?: Types
): Result.Result<{ readonly name: string | undefined; readonly layout: Any }, InvalidLayout> =>
  type(text, known(types)).pipe(
    Result.map(({ layout, name }) => ({ name, layout: layout as unknown as Any })),
    Result.mapError(invalid)
  )

/**
 * A type in JSON: C text, or an object with `struct`, `union`, `enum` or `flags`.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonType =
  | string
  | {
      readonly struct: { readonly [name: string]: JsonMember }
      readonly packed?: boolean | number
      readonly align?: number
      readonly size?: number
    }
  | {
      readonly union: { readonly [name: string]: JsonMember }
      readonly packed?: boolean | number
      readonly align?: number
      readonly size?: number
    }
  | { readonly enum: { readonly [name: string]: number }; readonly base?: string }
  | { readonly flags: { readonly [name: string]: number }; readonly base?: string }

/**
 * A member in JSON: its type, or an object that also says how it lies there: `at` is its offset in bytes (and `bit` the bit behind
 * that), `bits` the width of a bit-field, `aligned` its alignment, `endian` its byte order; `anonymous` gives its members to the
 * record around it; `count` makes it an array that the member of that name counts.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonMember =
  | JsonType
  | {
      readonly type: JsonType
      readonly at?: number
      readonly bit?: number
      readonly bits?: number
      readonly aligned?: number
      readonly endian?: "little" | "big"
      readonly anonymous?: boolean
      readonly count?: string
    }

/**
 * Types in JSON, by name. They may stand in any order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Json {
  readonly types: { readonly [name: string]: JsonType }
}

const Members = Schema.Record(
  Schema.String,
  Schema.suspend((): Schema.Codec<JsonMember> => JsonMember)
)
const Numbers = Schema.Record(Schema.String, Schema.Number)
const options = {
  packed: Schema.optionalKey(Schema.Union([Schema.Boolean, Schema.Number])),
  align: Schema.optionalKey(Schema.Number),
  size: Schema.optionalKey(Schema.Number)
}
const base = Schema.optionalKey(Schema.String)

const JsonType: Schema.Codec<JsonType> = Schema.Union([
  Schema.String,
  Schema.Struct({ struct: Members, ...options }),
  Schema.Struct({ union: Members, ...options }),
  Schema.Struct({ enum: Numbers, base }),
  Schema.Struct({ flags: Numbers, base })
])

const JsonMember: Schema.Codec<JsonMember> = Schema.Union([
  Schema.Struct({
    type: JsonType,
    at: Schema.optionalKey(Schema.Number),
    bit: Schema.optionalKey(Schema.Number),
    bits: Schema.optionalKey(Schema.Number),
    aligned: Schema.optionalKey(Schema.Number),
    endian: Schema.optionalKey(Schema.Literals(["little", "big"])),
    anonymous: Schema.optionalKey(Schema.Boolean),
    count: Schema.optionalKey(Schema.String)
  }),
  JsonType
])

/**
 * Codec for {@link Json}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Json: Schema.Codec<Json> = Schema.Struct({ types: Schema.Record(Schema.String, JsonType) })

/**
 * The types of a JSON document, parsed already.
 *
 * **Example** (A header of firmware, in the byte order of the network)
 *
 * ```ts
 * import { Result } from "effect"
 * import { Layout, LayoutFile } from "effect-memory-map"
 *
 * const types = LayoutFile.fromJson({
 *   types: {
 *     header: {
 *       struct: {
 *         magic: { type: "u32", endian: "big" },
 *         kind: "kind",
 *         ready: { type: "u8", bits: 1 },
 *         entries: { type: "struct entry", count: "kind" }
 *       },
 *       packed: true
 *     },
 *     kind: { enum: { BOOT: 1, MAIN: 2 }, base: "u8" },
 *     entry: { struct: { start: "u32", name: "char[4]" } }
 *   }
 * })
 * Result.map(types, (types) => Layout.offsetOf(types.get("header")!, "entries")) // => Result.succeed(6)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = (json: unknown): Result.Result<Types, InvalidLayout> => decoded(Json, json, typesOfJson)

/**
 * A type in a symbol file.
 *
 * @category models
 * @since 0.1.0
 */
export interface IsfType {
  readonly kind: string
  readonly name?: string
  readonly count?: number
  readonly subtype?: IsfType
  readonly type?: IsfType
  readonly bit_length?: number
  readonly bit_position?: number
}

/**
 * The parts of a symbol file that describe types.
 *
 * @category models
 * @since 0.1.0
 */
export interface Isf {
  readonly base_types: {
    readonly [name: string]: { readonly size: number; readonly signed: boolean; readonly kind: string }
  }
  readonly user_types: {
    readonly [name: string]: {
      readonly kind: string
      readonly size: number
      readonly fields: {
        readonly [name: string]: { readonly type: IsfType; readonly offset: number; readonly anonymous?: boolean }
      }
    }
  }
  readonly enums: {
    readonly [name: string]: {
      readonly size: number
      readonly base: string
      readonly constants: { readonly [name: string]: number }
    }
  }
}

const count = Schema.Number.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

const IsfType: Schema.Codec<IsfType> = Schema.Struct({
  kind: Schema.String,
  name: Schema.optionalKey(Schema.String),
  count: Schema.optionalKey(count),
  subtype: Schema.optionalKey(Schema.suspend((): Schema.Codec<IsfType> => IsfType)),
  type: Schema.optionalKey(Schema.suspend((): Schema.Codec<IsfType> => IsfType)),
  bit_length: Schema.optionalKey(count),
  bit_position: Schema.optionalKey(count)
})

/**
 * Codec for {@link Isf}. It leaves out what else is in such a file: symbols, metadata.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Isf: Schema.Codec<Isf> = Schema.Struct({
  base_types: Schema.Record(Schema.String, Schema.Struct({ size: count, signed: Schema.Boolean, kind: Schema.String })),
  user_types: Schema.Record(
    Schema.String,
    Schema.Struct({
      kind: Schema.String,
      size: count,
      fields: Schema.Record(
        Schema.String,
        Schema.Struct({ type: IsfType, offset: count, anonymous: Schema.optionalKey(Schema.Boolean) })
      )
    })
  ),
  enums: Schema.Record(Schema.String, Schema.Struct({ size: count, base: Schema.String, constants: Numbers }))
})

/**
 * The types of a symbol file of volatility3 (Intermediate Symbol Format, as dwarf2json writes it), parsed as JSON already. Offsets
 * and sizes are those of the file; pointers are read by the word size of the map. Numbers that no layout has (128 bits, `long
 * double`) are bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromIsf = (json: unknown): Result.Result<Types, InvalidLayout> => decoded(Isf, json, typesOfIsf)

const decoded = <A>(
  schema: Schema.Codec<A>,
  json: unknown,
  make: (value: A) => ReadonlyMap<string, AnyLayout>
): Result.Result<Types, InvalidLayout> =>
  Schema.decodeUnknownResult(schema)(json).pipe(
    Result.mapError((error) => new InvalidLayout({ why: error.message })),
    Result.flatMap((value) => refusingTypes(() => make(value)).pipe(Result.map(layouts), Result.mapError(invalid)))
  )
