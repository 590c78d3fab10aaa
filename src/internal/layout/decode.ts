// Decoders: a layout is compiled once per data model into closures over offsets, which then read each value from the bytes
// of the whole type. Nothing here reads memory, so all that can fail are a schema and a count.
import type { DataModel } from "../../MachineModel.ts"
import type { Decode } from "../base/decode.ts"
import { fastPaths } from "../base/fastPaths.ts"
import { bigBits, numberBits } from "./bits.ts"
import { recordOf } from "./codegen.ts"
import type { AnyLayout, NamesNode, Node } from "./model.ts"
import { PointerImpl } from "./pointer.ts"
import { type Primitive, primitiveOf } from "./scalars.ts"
import { type Member, membersOf, shapeOf } from "./shape.ts"

export interface Decoder {
  readonly decode: Decode<unknown>
  /** Whether it can answer with a {@link Problem}: then whoever puts values together looks at each. */
  readonly isFallible: boolean
}

/** Why a value could not be made of bytes. It is handed up in place of the value, and collects the path on its way. */
export class Problem {
  readonly reason: "Refused" | "BadCount"
  readonly why: string
  readonly cause: unknown
  path = ""
  constructor(reason: Problem["reason"], why: string, cause?: unknown) {
    this.reason = reason
    this.why = why
    this.cause = cause
  }
  within(segment: string): this {
    this.path = this.path === "" || this.path.startsWith("[") ? segment + this.path : `${segment}.${this.path}`
    return this
  }
}

/** What a number or some bits become: a number or bigint, a boolean, names. */
const meaningOf = ({ node }: AnyLayout, primitive: Primitive): ((raw: number | bigint) => unknown) => {
  if (node.kind === "enumeration") return enumerationMeaning(node, primitive)
  if (node.kind === "flags") return flagsMeaning(node, primitive)
  if (primitive.kind === "bool") return (raw) => Number(raw) !== 0
  return primitive.big ? BigInt : Number
}

const enumerationMeaning = ({ values }: NamesNode, { big }: Primitive) => {
  const names = new Map<number | bigint, string>()
  for (const [name, value] of values) {
    const key = big ? value : Number(value)
    if (!names.has(key)) names.set(key, name)
  }
  return (raw: number | bigint): unknown => names.get(raw) ?? raw
}

/** The names of which all bits are set, in order, and last the bits that no name has, if there are any. */
const flagsMeaning = ({ values }: NamesNode, { big, size }: Primitive) => {
  const unsigned = values.map(([name, value]) => [name, BigInt.asUintN(size * 8, value)] as const)
  return (raw: number | bigint): unknown => {
    const bits = BigInt.asUintN(size * 8, BigInt(raw))
    const set = unsigned.filter(([, mask]) => mask !== 0n && (bits & mask) === mask)
    const rest = set.reduce((rest, [, mask]) => rest & ~mask, bits)
    const names: Array<unknown> = set.map(([name]) => name)
    if (rest !== 0n) names.push(big ? rest : Number(rest))
    return names
  }
}

/** The number type behind an integer, an enumeration or flags. */
export const primitiveBehind = ({ node }: AnyLayout, model: DataModel): Primitive | undefined => {
  if (node.kind === "scalar") return primitiveOf(node.name, model)
  if (node.kind === "pointer") return primitiveOf("pointer", model)
  return "base" in node ? primitiveBehind(node.base, model) : undefined
}

const bitsDecode = (base: AnyLayout, shift: number, width: number, model: DataModel): Decode<unknown> => {
  const primitive = primitiveBehind(base, model)!
  const meaning = meaningOf(base, primitive)
  const isSigned = primitive.kind === "signed"
  if (primitive.big || width > 32) {
    const bits = bigBits(shift, width)
    return (bytes, at, little) => {
      const raw = bits(bytes, at, little)
      const value = isSigned ? BigInt.asIntN(width, raw) : raw
      return meaning(primitive.big ? value : Number(value))
    }
  }
  const bits = numberBits(shift, width)
  const unused = 32 - width
  return isSigned
    ? (bytes, at, little) => meaning((bits(bytes, at, little) << unused) >> unused)
    : (bytes, at, little) => meaning(bits(bytes, at, little))
}

const infallible = (decode: Decode<unknown>): Decoder => ({ decode, isFallible: false })

/** A byte order mark stays text. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** Text up to a NUL or the end. Most is short and ASCII, for which no TextDecoder is asked. */
export const textAt = (bytes: Uint8Array, at: number, length: number): string => {
  const end = at + length
  let text = ""
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte === 0) return text
    if (byte >= 0x80) {
      const stop = bytes.subarray(i, end).indexOf(0)
      // A copy: TextDecoder takes no view of shared memory.
      return text + utf8.decode(bytes.slice(i, stop < 0 ? end : i + stop))
    }
    text += String.fromCharCode(byte)
  }
  return text
}

const textDecoder = (length: number): Decoder => infallible((bytes, at) => textAt(bytes, at, length))

/** Values `from` to `to` of an array into `values`; a problem says at which index it is. */
export const decodeElements = (
  { decode, isFallible }: Decoder,
  stride: number,
  bytes: Uint8Array,
  at: number,
  little: boolean,
  values: Array<unknown>,
  from: number,
  to: number
): Problem | undefined => {
  for (let i = from; i < to; i++) {
    const value = decode(bytes, at + i * stride, little)
    if (isFallible && value instanceof Problem) return value.within(`[${i}]`)
    values[i] = value
  }
  return undefined
}

const elementsDecode =
  (decoder: Decoder, stride: number) =>
  (bytes: Uint8Array, at: number, little: boolean, count: number): unknown => {
    const values: Array<unknown> = []
    return decodeElements(decoder, stride, bytes, at, little, values, 0, count) ?? values
  }

const ordered = (decode: Decode<unknown>, little: boolean | undefined): Decode<unknown> =>
  little === undefined ? decode : (bytes, at) => decode(bytes, at, little)

/** What makes the value of a layout out of that of what it is a transformation of. */
const transformed = ({ node }: AnyLayout, inner: Decode<unknown>): Decode<unknown> => {
  if (node.kind !== "transform") return inner
  const decode = transformed(node.inner, inner)
  return (bytes, at, little) => {
    const value = decode(bytes, at, little)
    if (value instanceof Problem) return value
    const outcome = node.decode(value)
    return outcome._tag === "Success"
      ? outcome.success
      : new Problem("Refused", outcome.failure.message, outcome.failure)
  }
}

/** What is under the transformations of a layout. */
export const untransformed = (layout: AnyLayout): AnyLayout =>
  layout.node.kind === "transform" ? untransformed(layout.node.inner) : layout

/** Elements of a flexible array and bytes of one at most: above, the count is not believed. */
const [MOST_ELEMENTS, MOST_BYTES] = [2 ** 24, 2 ** 30]

/** The count of a flexible array, out of the bytes of its record. */
const flexibleCount = (
  { count, element }: Extract<Node, { kind: "flexible" }>,
  members: ReadonlyArray<Member>,
  model: DataModel
): Decode<number | Problem> => {
  const { size } = shapeOf(element, model)
  const member = members.find(({ name }) => name === count)!
  const { decode, offset } = memberDecoder({ ...member, layout: countLayout(member.layout) }, members, model)
  return (bytes, at, little) => {
    const value = Number(decode(bytes, at + offset, little))
    if (value >= 0 && value <= MOST_ELEMENTS && value * size <= MOST_BYTES) return value
    return new Problem("BadCount", `${count} is ${value}, which is no number of elements of ${size} bytes`)
  }
}

/** The plain integer of a count, also where the record shows it as a name or through a schema. */
const countLayout = (layout: AnyLayout): AnyLayout => {
  const { node } = layout
  if (node.kind === "transform") return countLayout(node.inner)
  if (node.kind === "enumeration" || node.kind === "flags") return node.base
  return node.kind === "bits" ? { ...layout, node: { ...node, base: countLayout(node.base) } } : layout
}

/** A decoder of one member, from the start of its record. */
const memberDecoder = (member: Member, members: ReadonlyArray<Member>, model: DataModel) => {
  const { bit, layout, little, width } = member
  const offset = Math.floor(bit / 8)
  if (width !== undefined) {
    const bits = untransformed(layout).node as Extract<Node, { kind: "bits" }>
    const decode = transformed(layout, bitsDecode(bits.base, bit % 8, width, model))
    return { offset, decode: ordered(decode, little), isFallible: layout.node.kind === "transform" }
  }
  if (layout.node.kind === "flexible") {
    const elements = elementsDecode(decoderOf(layout.node.element, model), shapeOf(layout.node.element, model).size)
    const count = flexibleCount(layout.node, members, model)
    const decode: Decode<unknown> = (bytes, at, little) => {
      const number = count(bytes, at, little)
      return number instanceof Problem ? number : elements(bytes, at + offset, little, number)
    }
    return { offset: 0, decode: ordered(decode, little), isFallible: true }
  }
  const { decode, isFallible } = decoderOf(layout, model)
  return { offset, decode: ordered(decode, little), isFallible }
}

const recordDecoder = (layout: AnyLayout, model: DataModel): Decoder => {
  const members = membersOf(layout, model)
  const names = members.map(({ name }) => name)
  const decoders = members.map((member) => memberDecoder(member, members, model))
  const offsets = decoders.map(({ offset }) => offset)
  const decodes = decoders.map(({ decode }) => decode)
  if (!decoders.some(({ isFallible }) => isFallible)) {
    const compiled = fastPaths.compiled ? recordOf(names, offsets, decodes) : undefined
    if (compiled !== undefined) return infallible(compiled)
  }
  const decode: Decode<unknown> = (bytes, at, little) => {
    const value: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const member = decodes[i]!(bytes, at + offsets[i]!, little)
      if (member instanceof Problem) return member.within(names[i]!)
      value[names[i]!] = member
    }
    return value
  }
  return { decode, isFallible: decoders.some(({ isFallible }) => isFallible) }
}

/** The bytes that a value takes from `at` on, where its flexible array says how many; a problem if it says nonsense. */
export const extentOf = (layout: AnyLayout, model: DataModel): Decode<number | Problem> => {
  const { size, tail } = shapeOf(layout, model)
  if (tail === undefined) return () => size
  const members = membersOf(innermost(layout), model)
  const offset = Math.floor(tail.bit / 8)
  const { node } = tail.layout
  const little = tailOrder(layout)
  if (node.kind === "flexible") {
    const stride = shapeOf(node.element, model).size
    const count = flexibleCount(node, members, model)
    return (bytes, at, order) => {
      const number = count(bytes, at, little ?? order)
      return number instanceof Problem ? number.within(tail.name) : Math.max(size, offset + number * stride)
    }
  }
  const inner = extentOf(tail.layout, model)
  return (bytes, at, order) => {
    const extent = inner(bytes, at + offset, little ?? order)
    if (extent instanceof Problem) return tail.isAnonymous ? extent : extent.within(tail.name)
    return Math.max(size, offset + extent)
  }
}

/** The record in a layout that has a tail. */
const innermost = (layout: AnyLayout): AnyLayout => ("inner" in layout.node ? innermost(layout.node.inner) : layout)

const tailOrder = ({ node }: AnyLayout): boolean | undefined => {
  if (!("inner" in node)) return undefined
  return tailOrder(node.inner) ?? (node.kind === "ordered" ? node.endian === "little" : undefined)
}

const compile = (layout: AnyLayout, model: DataModel): Decoder => {
  const { node } = layout
  switch (node.kind) {
    case "scalar":
      return infallible(primitiveOf(node.name, model).decode)
    case "pointer": {
      const { decode } = primitiveOf("pointer", model)
      const { target } = node
      return infallible((bytes, at, little) => new PointerImpl(decode(bytes, at, little) as bigint, target))
    }
    case "bytes": {
      const { length } = node
      return infallible((bytes, at) => bytes.slice(at, at + length))
    }
    case "cString":
      return textDecoder(node.length)
    case "array": {
      const decoder = decoderOf(node.element, model)
      const elements = elementsDecode(decoder, shapeOf(node.element, model).size)
      const { length } = node
      return { ...decoder, decode: (bytes, at, little) => elements(bytes, at, little, length) }
    }
    case "struct":
    case "union":
      return recordDecoder(layout, model)
    case "enumeration":
    case "flags": {
      const primitive = primitiveBehind(node.base, model)!
      const meaning = meaningOf(layout, primitive)
      return infallible((bytes, at, little) => meaning(primitive.decode(bytes, at, little) as number | bigint))
    }
    case "transform":
      return { decode: transformed(layout, decoderOf(untransformed(layout), model).decode), isFallible: true }
    case "ordered": {
      const { decode, isFallible } = decoderOf(node.inner, model)
      return { decode: ordered(decode, node.endian === "little"), isFallible }
    }
    case "aligned":
    case "anonymous":
    case "at":
      return decoderOf(node.inner, model)
    case "bits":
    case "flexible":
      throw new TypeError("Layout: bits and flexibleArray are members: put them into a struct")
  }
}

export const decoderOf = (layout: AnyLayout, model: DataModel): Decoder => {
  const known = layout.decoders.get(model)
  if (known !== undefined) return known
  const decoder = compile(layout, model)
  layout.decoders.set(model, decoder)
  return decoder
}
