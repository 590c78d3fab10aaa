// The arithmetic types of C. Which of them is which size follows from the data model.
import type { DataModel } from "../../MachineModel.ts"
import * as decode from "../base/decode.ts"
import { ENDIAN, type Needs, NOTHING, WORDS } from "./needs.ts"

/** How a number lies in bytes, and what it becomes: `big` ones a bigint. */
export interface Primitive {
  readonly size: 1 | 2 | 4 | 8
  readonly kind: "signed" | "unsigned" | "float" | "bool"
  readonly big: boolean
  readonly decode: decode.Decode<number | bigint | boolean>
}

const primitive = (
  size: Primitive["size"],
  kind: Primitive["kind"],
  decode: Primitive["decode"],
  big = false
): Primitive => ({ size, kind, big, decode })

const uint8 = primitive(1, "unsigned", decode.uint8)
const int8 = primitive(1, "signed", decode.int8)
const uint16 = primitive(2, "unsigned", decode.uint16)
const int16 = primitive(2, "signed", decode.int16)
const uint32 = primitive(4, "unsigned", decode.uint32)
const int32 = primitive(4, "signed", decode.int32)
const uint64 = primitive(8, "unsigned", decode.uint64, true)
const int64 = primitive(8, "signed", decode.int64, true)
const float32 = primitive(4, "float", decode.float32)
const float64 = primitive(8, "float", decode.float64)
const bool = primitive(1, "bool", (bytes, at) => bytes[at] !== 0)
/** Longs and words of four bytes: bigint like those of eight, so that a program's types are the same on both. */
const long32 = primitive(4, "signed", decode.long32, true)
const word32 = primitive(4, "unsigned", decode.pointer32, true)

type Chosen = (model: DataModel) => Primitive
const word: Chosen = ({ wordSize }) => (wordSize === 64 ? uint64 : word32)

const always =
  (primitive: Primitive): Chosen =>
  () =>
    primitive

const scalar = (c: string, needs: Needs, primitive: Chosen) => ({ c, needs, primitive })

/** By name of the public constant: how C writes the type, what it needs of a map, and how it lies in bytes. */
const scalars = {
  uint8: scalar("uint8_t", NOTHING, always(uint8)),
  uint16: scalar("uint16_t", ENDIAN, always(uint16)),
  uint32: scalar("uint32_t", ENDIAN, always(uint32)),
  uint64: scalar("uint64_t", ENDIAN, always(uint64)),
  int8: scalar("int8_t", NOTHING, always(int8)),
  int16: scalar("int16_t", ENDIAN, always(int16)),
  int32: scalar("int32_t", ENDIAN, always(int32)),
  int64: scalar("int64_t", ENDIAN, always(int64)),
  float32: scalar("float", ENDIAN, always(float32)),
  float64: scalar("double", ENDIAN, always(float64)),
  bool: scalar("bool", NOTHING, always(bool)),
  char: scalar("char", NOTHING, ({ char }) => (char === "unsigned" ? uint8 : int8)),
  short: scalar("short", ENDIAN, always(int16)),
  int: scalar("int", ENDIAN, always(int32)),
  long: scalar("long", WORDS, ({ longSize }) => (longSize === 8 ? int64 : long32)),
  longLong: scalar("long long", ENDIAN, always(int64)),
  unsignedChar: scalar("unsigned char", NOTHING, always(uint8)),
  unsignedShort: scalar("unsigned short", ENDIAN, always(uint16)),
  unsignedInt: scalar("unsigned int", ENDIAN, always(uint32)),
  unsignedLong: scalar("unsigned long", WORDS, ({ longSize }) => (longSize === 8 ? uint64 : word32)),
  unsignedLongLong: scalar("unsigned long long", ENDIAN, always(uint64)),
  size_t: scalar("size_t", WORDS, word),
  pointer: scalar("void *", WORDS, word)
}

export type ScalarName = keyof typeof scalars

export const cNameOf = (name: ScalarName): string => scalars[name].c
export const needsOf = (name: ScalarName): Needs => scalars[name].needs
export const primitiveOf = (name: ScalarName, model: DataModel): Primitive => scalars[name].primitive(model)

/** The alignment inside records. Machines differ in how far it goes: 4 bytes on i386, 2 on m68k. */
export const alignmentOf = ({ size }: Primitive, { maxAlign }: DataModel): number => Math.min(size, maxAlign)
