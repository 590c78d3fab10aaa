// The way back: values into bytes. Values come from the program, so those that do not fit are thrown, with their path.
import type { DataModel } from "../../MachineModel.ts"
import { putBits } from "./bits.ts"
import { extentOf, primitiveBehind, Problem, textAt, untransformed } from "./decode.ts"
import type { AnyLayout, NamesNode, Node } from "./model.ts"
import { typeName } from "./names.ts"
import type { Primitive } from "./scalars.ts"
import { type Member, membersOf, shapeOf } from "./shape.ts"

const show = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : value instanceof Uint8Array ? "bytes" : String(value)

class Encoder {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly model: DataModel
  constructor(size: number, model: DataModel) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
    this.model = model
  }

  put(layout: AnyLayout, value: unknown, at: number, little: boolean, path: string): void {
    const { node } = layout
    switch (node.kind) {
      case "scalar":
      case "pointer":
      case "enumeration":
      case "flags":
        return this.number(primitiveBehind(layout, this.model)!, this.raw(layout, value, path), at, little, path)
      case "bytes":
        return this.rawBytes(value, node.length, at, path)
      case "cString":
        return this.text(value, node.length, at, path)
      case "array":
        return this.elements(node.element, value, node.length, at, little, path)
      case "flexible":
        return this.elements(node.element, value, undefined, at, little, path)
      case "struct":
      case "union":
        return this.record(layout, value, at, little, path)
      case "bits":
        return refuse(path, "bits are members of structs")
      case "transform":
        return this.put(node.inner, backThrough(node, value, path), at, little, path)
      case "ordered":
        return this.put(node.inner, value, at, node.endian === "little", path)
      case "aligned":
      case "anonymous":
      case "at":
        return this.put(node.inner, value, at, little, path)
    }
  }

  private rawBytes(value: unknown, length: number, at: number, path: string): void {
    if (!(value instanceof Uint8Array) || value.length !== length) {
      return refuse(path, `it is not ${length} bytes: ${show(value)}`)
    }
    this.bytes.set(value, at)
  }

  /** The text and one NUL, if there is room; what is behind stays as it is, zero unless a union has another member there. */
  private text(value: unknown, length: number, at: number, path: string): void {
    if (typeof value !== "string") return refuse(path, `${show(value)} is no text`)
    if (value.includes("\0")) return refuse(path, `${show(value)} has a NUL in it, at which it would end`)
    if (textAt(this.bytes, at, length) === value) return
    const utf8 = new TextEncoder().encode(value)
    if (utf8.length > length) return refuse(path, `${show(value)} takes ${utf8.length} bytes, there are ${length}`)
    this.bytes.set(utf8, at)
    if (utf8.length < length) this.bytes[at + utf8.length] = 0
  }

  private elements(
    element: AnyLayout,
    value: unknown,
    length: number | undefined,
    at: number,
    little: boolean,
    path: string
  ): void {
    if (!Array.isArray(value)) return refuse(path, `${show(value)} is no array`)
    if (length !== undefined && value.length !== length) {
      return refuse(path, `it has ${value.length} elements, not ${length}`)
    }
    const stride = shapeOf(element, this.model).size
    value.forEach((item, i) => this.put(element, item, at + i * stride, little, `${path}[${i}]`))
  }

  private record(layout: AnyLayout, value: unknown, at: number, little: boolean, path: string): void {
    if (typeof value !== "object" || value === null) return refuse(path, `${show(value)} is no ${typeName(layout)}`)
    const record = value as Readonly<Record<string, unknown>>
    const members = membersOf(layout, this.model)
    // Of members that share bytes, those that tell all of them come first. The others then change bytes only where those do not
    // read as their value yet.
    const ordered = members.toSorted((a, b) => vagueness(a.layout) - vagueness(b.layout))
    for (const member of ordered) {
      const at1 = path === "" ? member.name : `${path}.${member.name}`
      const value = record[member.name]
      if (value === undefined) {
        if (this.isShared(member, members)) continue
        return refuse(at1, "it is missing")
      }
      this.member(member, value, at, member.little ?? little, at1)
      if (member.layout.node.kind === "flexible") this.checkCount(member.layout.node.count, record, value, path)
    }
  }

  /** Whether other members lie on the same bytes, as in a union: then not all need to be given. */
  private isShared(member: Member, members: ReadonlyArray<Member>): boolean {
    const end = ({ bit, layout, width }: Member) => bit + (width ?? shapeOf(layout, this.model).size * 8)
    return members.some((other) => other !== member && other.bit < end(member) && member.bit < end(other))
  }

  private checkCount(name: string, record: Readonly<Record<string, unknown>>, value: unknown, path: string): void {
    const count = record[name]
    const length = Array.isArray(value) ? value.length : 0
    if ((typeof count === "number" || typeof count === "bigint") && Number(count) !== length) {
      refuse(path === "" ? name : `${path}.${name}`, `it says ${count} elements, and there are ${length}`)
    }
  }

  private member({ bit, layout, width }: Member, value: unknown, at: number, little: boolean, path: string): void {
    const offset = at + Math.floor(bit / 8)
    if (width === undefined) return this.put(layout, value, offset, little, path)
    const { base } = untransformed(layout).node as Extract<Node, { kind: "bits" }>
    const raw = this.raw(base, backThroughAll(layout, value, path), path)
    const primitive = primitiveBehind(base, this.model)!
    const number = integerOf(raw, primitive.kind === "signed", width, path)
    putBits(this.bytes, offset, bit % 8, width, little, number)
  }

  /** A number out of what it was shown as: a name, names, a pointer. */
  private raw({ node }: AnyLayout, value: unknown, path: string): unknown {
    if (node.kind === "enumeration" && typeof value === "string") return valueOf(node, value, path)
    if (node.kind === "flags") {
      if (!Array.isArray(value)) return refuse(path, `${show(value)} is no array of names`)
      const bits = value.reduce<bigint>(
        (bits, one) => bits | (typeof one === "string" ? valueOf(node, one, path) : BigInt(one as number)),
        0n
      )
      const { kind, size } = primitiveBehind(node.base, this.model)!
      return kind === "signed" ? BigInt.asIntN(size * 8, bits) : bits
    }
    if (node.kind === "pointer" && typeof value === "object" && value !== null && "address" in value)
      return value.address
    return value
  }

  private number({ kind, size }: Primitive, value: unknown, at: number, little: boolean, path: string): void {
    if (kind === "float") {
      if (typeof value !== "number") return refuse(path, `${show(value)} is no number`)
      const is = size === 4 ? this.view.getFloat32(at, little) : this.view.getFloat64(at, little)
      if (Object.is(is, value)) return
      return size === 4 ? this.view.setFloat32(at, value, little) : this.view.setFloat64(at, value, little)
    }
    if (kind === "bool") {
      if (typeof value !== "boolean") return refuse(path, `${show(value)} is no boolean`)
      if ((this.bytes[at] !== 0) !== value) this.bytes[at] = Number(value)
      return
    }
    const integer = integerOf(value, kind === "signed", size * 8, path)
    for (let i = 0; i < size; i++) {
      this.bytes[at + (little ? i : size - 1 - i)] = Number((integer >> BigInt(8 * i)) & 0xffn)
    }
  }
}

const refuse = (path: string, why: string): never => {
  throw new RangeError(`Layout.encode: ${path === "" ? "the value" : path}: ${why}`)
}

const valueOf = ({ values }: NamesNode, name: string, path: string): bigint =>
  values.find(([one]) => one === name)?.[1] ??
  refuse(path, `there is no ${name}: it is one of ${values.map(([n]) => n).join(", ")}`)

const integerOf = (value: unknown, isSigned: boolean, bits: number, path: string): bigint => {
  if (typeof value === "boolean") return BigInt(value)
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) {
    return refuse(path, `${show(value)} is no whole number`)
  }
  const integer = BigInt(value)
  const fits = (isSigned ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer)) === integer
  return fits ? integer : refuse(path, `${integer} does not fit into ${bits} bits${isSigned ? " with a sign" : ""}`)
}

const backThrough = (node: Extract<Node, { kind: "transform" }>, value: unknown, path: string): unknown => {
  const outcome = node.encode(value)
  return outcome._tag === "Success" ? outcome.success : refuse(path, outcome.failure.message)
}

const backThroughAll = ({ node }: AnyLayout, value: unknown, path: string): unknown =>
  node.kind === "transform" ? backThroughAll(node.inner, backThrough(node, value, path), path) : value

/**
 * How little a value tells of its bytes: 0, all; 1, any NaN is as good as another; 2, any number but zero is true, and text
 * ends at a NUL.
 */
const vagueness = ({ node }: AnyLayout): number => {
  switch (node.kind) {
    case "scalar":
      return node.name === "bool" ? 2 : node.name === "float32" || node.name === "float64" ? 1 : 0
    case "cString":
      return 2
    case "array":
    case "flexible":
      return vagueness(node.element)
    case "struct":
    case "union":
      return Math.max(0, ...node.members.map(([, layout]) => vagueness(layout)))
    case "bits":
    case "bytes":
    case "enumeration":
    case "flags":
    case "pointer":
      return 0
    case "aligned":
    case "anonymous":
    case "at":
    case "ordered":
    case "transform":
      return vagueness(node.inner)
  }
}

/** The bytes of a value: `size` of them, or more where a flexible array ends further behind. */
export const encode = (layout: AnyLayout, value: unknown, model: DataModel): Uint8Array => {
  const { size, tail } = shapeOf(layout, model)
  const little = model.endian !== "big"
  if (tail === undefined) {
    const encoder = new Encoder(size, model)
    encoder.put(layout, value, 0, little, "")
    return encoder.bytes
  }
  const encoder = new Encoder(size + room(layout, value, model), model)
  encoder.put(layout, value, 0, little, "")
  const extent = extentOf(layout, model)(encoder.bytes, 0, little)
  return extent instanceof Problem ? refuse(extent.path, extent.why) : encoder.bytes.slice(0, extent)
}

/** Bytes that the flexible array at the end of a value takes, at most. */
const room = (layout: AnyLayout, value: unknown, model: DataModel): number => {
  const { node } = layout
  if ("inner" in node)
    return node.kind === "transform"
      ? room(node.inner, backThrough(node, value, ""), model)
      : room(node.inner, value, model)
  if (node.kind === "flexible") return Array.isArray(value) ? value.length * shapeOf(node.element, model).size : 0
  const { tail } = shapeOf(layout, model)
  if (tail === undefined || typeof value !== "object" || value === null) return 0
  return room(tail.layout, tail.isAnonymous ? value : (value as Record<string, unknown>)[tail.name], model)
}
