// Patterns as JSON: what a Pattern holds, with bytes in Base64 and 64-bit integers as decimal strings.
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { Endian, TextEncoding } from "../../MachineModel.ts"
import type { Pattern } from "../../Pattern.ts"
import { type Data, make, TypeId } from "./pattern.ts"

type Wire =
  | Exclude<Data, { readonly _tag: "AnyOf" }>
  | { readonly _tag: "AnyOf"; readonly patterns: ReadonlyArray<Wire> }

interface WireEncoded {
  readonly _tag: Data["_tag"]
  readonly [field: string]: unknown
}

const wire: Schema.Codec<Wire, WireEncoded> = Schema.Union([
  Schema.TaggedStruct("Text", { text: Schema.String, encoding: TextEncoding, ignoreCase: Schema.Boolean }),
  Schema.TaggedStruct("Bytes", { bytes: Schema.Uint8ArrayFromBase64 }),
  Schema.TaggedStruct("Hex", { digits: Schema.String }),
  Schema.TaggedStruct("Masked", { bytes: Schema.Uint8ArrayFromBase64, mask: Schema.Uint8ArrayFromBase64 }),
  Schema.TaggedStruct("Word", { value: Schema.BigIntFromString }),
  Schema.TaggedStruct("WordInRange", { low: Schema.BigIntFromString, high: Schema.BigIntFromString }),
  Schema.TaggedStruct("Integer", {
    bits: Schema.Literals([16, 32, 64]),
    value: Schema.Union([Schema.Number, Schema.BigIntFromString]),
    endian: Schema.UndefinedOr(Endian)
  }),
  Schema.TaggedStruct("Regex", { source: Schema.String, ignoreCase: Schema.Boolean, reach: Schema.Number }),
  Schema.TaggedStruct("AnyOf", { patterns: Schema.Array(Schema.suspend((): typeof wire => wire)) })
])

const fromWire = (data: Wire): Pattern =>
  make(data._tag === "AnyOf" ? { _tag: "AnyOf", patterns: data.patterns.map(fromWire) } : data)

const toWire = (pattern: Pattern): Wire => {
  const data = pattern[TypeId]
  return data._tag === "AnyOf" ? { _tag: "AnyOf", patterns: data.patterns.map(toWire) } : data
}

const isPattern = (u: unknown): u is Pattern => typeof u === "object" && u !== null && TypeId in u

export const schema: Schema.Codec<Pattern, WireEncoded> = wire.pipe(
  Schema.decodeTo(Schema.declare(isPattern), {
    decode: SchemaGetter.transform(fromWire),
    encode: SchemaGetter.transform(toWire)
  })
)
