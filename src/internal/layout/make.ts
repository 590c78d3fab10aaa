// The constructors behind the public ones: what they check, they check when a layout is made, not when it is read.
import * as Schema from "effect/Schema"
import { checkCount } from "../base/arguments.ts"
import { primitiveBehind, untransformed } from "./decode.ts"
import { type AnyLayout, LayoutImpl, type Node, type RecordOptions, TypeId } from "./model.ts"
import { ENDIAN, type Needs, NOTHING, WORDS } from "./needs.ts"
import { LP64 } from "../../MachineModel.ts"
import { typeName } from "./names.ts"
import { needsOf, type ScalarName } from "./scalars.ts"
import { isUnnamedBits, placed } from "./records.ts"

const scalar = (name: ScalarName): LayoutImpl => new LayoutImpl({ kind: "scalar", name }, needsOf(name))

/** One for each name, so that what is computed for it is computed once. */
const scalarsMade = new Map<ScalarName, LayoutImpl>()

export const scalarOf = (name: ScalarName): LayoutImpl => {
  const made = scalarsMade.get(name) ?? scalar(name)
  scalarsMade.set(name, made)
  return made
}

/** What has the same needs as what it is made of. */
const over = (node: Node, inner: AnyLayout): LayoutImpl => new LayoutImpl(node, inner.needs)

export const renamed = over

export const isLayout = (u: unknown): u is LayoutImpl => typeof u === "object" && u !== null && TypeId in u

const checkLayout = (operation: string, layout: unknown): void => {
  if (!isLayout(layout)) throw new TypeError(`Layout.${operation}: ${String(layout)} is no layout`)
}

const checkAlignment = (operation: string, what: string, alignment: number): void => {
  checkCount(`Layout.${operation}`, what, alignment, 1, 2 ** 28)
  if ((alignment & (alignment - 1)) !== 0) {
    throw new RangeError(`Layout.${operation}: ${what} must be a power of two, not ${alignment}`)
  }
}

export const pointerTo = (target: () => AnyLayout): LayoutImpl => new LayoutImpl({ kind: "pointer", target }, WORDS)

export const bytes = (length: number): LayoutImpl => {
  checkCount("Layout.bytes", "the length in bytes", length)
  return new LayoutImpl({ kind: "bytes", length }, NOTHING)
}

export const cString = (length: number): LayoutImpl => {
  checkCount("Layout.cString", "the length in bytes", length)
  return new LayoutImpl({ kind: "cString", length }, NOTHING)
}

/** What says something of a member of a record is no element of an array. */
const checkElement = (operation: string, layout: AnyLayout): void => {
  checkLayout(operation, layout)
  const { kind } = untransformed(layout).node
  if (kind === "bits" || kind === "flexible" || kind === "at" || kind === "anonymous") {
    throw new TypeError(`Layout.${operation}: ${kind} is for members of structs, not for elements`)
  }
}

export const array = (element: AnyLayout, length: number): LayoutImpl => {
  checkElement("array", element)
  checkCount("Layout.array", "the number of elements", length)
  return over({ kind: "array", element, length }, element)
}

export const flexibleArray = (element: AnyLayout, count: string): LayoutImpl => {
  checkElement("flexibleArray", element)
  return over({ kind: "flexible", element, count }, element)
}

const integerBehind = (operation: string, base: AnyLayout) => {
  checkLayout(operation, base)
  const primitive = primitiveBehind(base, LP64)
  if (primitive === undefined || primitive.kind === "float") {
    throw new TypeError(`Layout.${operation}: its base must be an integer, not ${typeName(base)}`)
  }
  return primitive
}

const numbersOf = (operation: string, names: Readonly<Record<string, number | bigint>>) =>
  Object.entries(names).map(([name, value]): readonly [string, bigint] => {
    if (typeof value !== "bigint") checkCount(`Layout.${operation}`, name, value, Number.MIN_SAFE_INTEGER)
    return [name, BigInt(value)]
  })

export const names = (
  kind: "enumeration" | "flags",
  given: Readonly<Record<string, number | bigint>>,
  base: AnyLayout | undefined,
  name?: string
): LayoutImpl => {
  const values = numbersOf(kind, given)
  const isUnsigned = kind === "flags" || values.every(([, value]) => value >= 0n)
  const under = base ?? scalarOf(isUnsigned ? "unsignedInt" : "int")
  const { size } = integerBehind(kind, under)
  const bits = size * 8
  for (const [name, value] of values) {
    if (value >= -(1n << BigInt(bits - 1)) && value < 1n << BigInt(bits)) continue
    throw new RangeError(
      `Layout.${kind}: ${name} = ${value} does not fit into ${bits} bits: name a larger type behind the values`
    )
  }
  const signed = primitiveBehind(under, LP64)!.kind === "signed"
  const stored = values.map(
    ([name, value]) => [name, signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)] as const
  )
  return over({ kind, name, values: stored, base: under }, under)
}

export const bits = (base: AnyLayout, width: number): LayoutImpl => {
  const { kind, size } = integerBehind("bits", base)
  if (base.node.kind === "pointer" || base.node.kind === "bits")
    throw new TypeError("Layout.bits: its base must be an integer")
  checkCount("Layout.bits", "the width in bits", width, 0, kind === "bool" ? 1 : size * 8)
  // Where the bits lie depends on the byte order, also in types of one byte.
  return new LayoutImpl({ kind: "bits", base, width }, base.needs === NOTHING ? ENDIAN : base.needs)
}

export const aligned = (inner: AnyLayout, alignment: number): LayoutImpl => {
  checkLayout("aligned", inner)
  checkAlignment("aligned", "the alignment in bytes", alignment)
  return over({ kind: "aligned", inner, alignment }, inner)
}

export const anonymous = (inner: AnyLayout): LayoutImpl => {
  checkLayout("anonymous", inner)
  const { kind } = placed(inner).inner.node
  if (kind !== "struct" && kind !== "union")
    throw new TypeError("Layout.anonymous: only structs and unions have members")
  return over({ kind: "anonymous", inner }, inner)
}

export const at = (offset: number, inner: AnyLayout, bit = 0): LayoutImpl => {
  checkLayout("at", inner)
  checkCount("Layout.at", "the offset in bytes", offset)
  checkCount("Layout.at", "the bit", bit)
  return over({ kind: "at", inner, offset, bit }, inner)
}

/** A byte order of its own: of that, the map needs to know nothing; the word size it still must know. */
export const ordered = (inner: AnyLayout, endian: "little" | "big"): LayoutImpl => {
  checkLayout("endian", inner)
  if (endian !== "little" && endian !== "big")
    throw new TypeError(`Layout.endian: "little" or "big", not ${String(endian)}`)
  return new LayoutImpl({ kind: "ordered", inner, endian }, inner.needs === ENDIAN ? NOTHING : inner.needs)
}

export const transform = (inner: AnyLayout, schema: Schema.Codec<unknown, unknown>): LayoutImpl => {
  checkLayout("transform", inner)
  const decode = Schema.decodeUnknownResult(schema)
  const encode = Schema.encodeUnknownResult(schema)
  return over(
    {
      kind: "transform",
      inner,
      decode,
      encode
    },
    inner
  )
}

/** Names that objects keep in an order of their own, or that are no plain property. */
const isUnfit = (name: string): boolean =>
  /^(?:0|[1-9][0-9]*)$/.test(name) || name === "__proto__" || /^$|[.[\]]/.test(name)

export const record = (
  kind: "struct" | "union",
  name: string,
  given: Readonly<Record<string, AnyLayout>>,
  options: RecordOptions = {}
): LayoutImpl => {
  const members = Object.entries(given)
  const operation = `${kind}: ${name}`
  if (typeof options.packed === "number") checkAlignment(operation, "packed", options.packed)
  if (options.align !== undefined) checkAlignment(operation, "align", options.align)
  if (options.size !== undefined) checkCount(`Layout.${operation}`, "the size in bytes", options.size)
  const seen = new Set<string>()
  let needs: Needs = NOTHING
  for (const [member, layout] of members) {
    if (!isLayout(layout)) throw new TypeError(`Layout.${operation}.${member} is no layout`)
    if (isUnfit(member)) throw new TypeError(`Layout.${operation}: "${member}" cannot be the name of a member`)
    const { inner, isAnonymous } = placed(layout)
    checkWidth(operation, member, inner)
    if (inner.node.kind === "flexible") checkCounted(operation, member, inner.node.count, seen, members)
    for (const own of isAnonymous ? namesIn(inner) : isUnnamedBits(member, inner) ? [] : [member]) {
      if (seen.has(own)) throw new TypeError(`Layout.${operation}: two members have the name ${own}`)
      seen.add(own)
    }
    if (layout.needs > needs) needs = layout.needs
  }
  return new LayoutImpl({ kind, name, members, options }, needs)
}

const checkWidth = (operation: string, member: string, layout: AnyLayout): void => {
  if (layout.node.kind === "bits" && layout.node.width === 0 && !isUnnamedBits(member, layout)) {
    throw new TypeError(`Layout.${operation}: bits of no width have no name: call ${member} _0`)
  }
}

const checkCounted = (
  operation: string,
  member: string,
  count: string,
  seen: ReadonlySet<string>,
  members: ReadonlyArray<readonly [string, AnyLayout]>
): void => {
  if (!seen.has(count)) {
    throw new TypeError(`Layout.${operation}: ${member} is counted by ${count}, which is no member before it`)
  }
  const counting = members.find(([name]) => name === count)
  const primitive = counting === undefined ? undefined : primitiveBehind(untransformed(placed(counting[1]).inner), LP64)
  if (counting !== undefined && (primitive === undefined || primitive.kind === "float" || primitive.kind === "bool")) {
    throw new TypeError(`Layout.${operation}: ${member} is counted by ${count}, which is no integer`)
  }
}

/** The names that a struct gives to the one it is an anonymous member of. */
const namesIn = ({ node }: AnyLayout): ReadonlyArray<string> => {
  if (node.kind !== "struct" && node.kind !== "union") return "inner" in node ? namesIn(node.inner) : []
  return node.members.flatMap(([name, layout]) => {
    const { inner, isAnonymous } = placed(layout)
    return isAnonymous ? namesIn(inner) : isUnnamedBits(name, inner) ? [] : [name]
  })
}
