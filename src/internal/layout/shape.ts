// How large a type is, how it is aligned, and where the members of a record lie, under a data model.
import type { DataModel } from "../../MachineModel.ts"
import type { AnyLayout, Node } from "./model.ts"
import { type Field, placeRecord } from "./records.ts"
import { alignmentOf, primitiveOf } from "./scalars.ts"

/** Sizes, offsets and alignments are in bytes. */
export interface Shape {
  readonly size: number
  readonly align: number
  /** Of a record: its members in order, those of anonymous ones not taken apart. */
  readonly fields: ReadonlyArray<Field>
  /** The member with which a record goes on behind its size: a flexible array, or a record that ends in one. */
  readonly tail: Field | undefined
}

const plain = (size: number, align: number): Shape => ({ size, align, fields: [], tail: undefined })

const arrayShape = (element: Shape, length: number, name: string): Shape => {
  if (element.tail !== undefined) throw new TypeError(`Layout: the elements of ${name} end in a flexible array`)
  if (element.size % element.align !== 0) {
    throw new TypeError(
      `Layout: the elements of ${name} are aligned to ${element.align} bytes, which is no divisor of their ${element.size}`
    )
  }
  const size = element.size * length
  if (!Number.isSafeInteger(size * 8)) throw new RangeError(`Layout: ${name} is too large: ${length} elements`)
  return plain(size, element.align)
}

const compute = (node: Node, model: DataModel): Shape => {
  switch (node.kind) {
    case "scalar": {
      const primitive = primitiveOf(node.name, model)
      return plain(primitive.size, alignmentOf(primitive, model))
    }
    case "pointer":
      return compute({ kind: "scalar", name: "pointer" }, model)
    case "bytes":
    case "cString":
      return plain(node.length, 1)
    case "array":
      return arrayShape(shapeOf(node.element, model), node.length, "an array")
    case "flexible":
      return arrayShape(shapeOf(node.element, model), 0, "a flexible array")
    case "struct":
    case "union":
      return placeRecord(node, model, shapeOf)
    case "enumeration":
    case "flags":
    case "bits":
      return shapeOf(node.base, model)
    case "aligned": {
      const inner = shapeOf(node.inner, model)
      return { ...inner, align: Math.max(inner.align, node.alignment) }
    }
    case "transform":
    case "ordered":
    case "anonymous":
    case "at":
      return shapeOf(node.inner, model)
  }
}

export const shapeOf = (layout: AnyLayout, model: DataModel): Shape => {
  const known = layout.shapes.get(model)
  if (known !== undefined) return known
  const shape = compute(layout.node, model)
  layout.shapes.set(model, shape)
  return shape
}

/** A member that has a name in the value, in its place in the whole record. */
export interface Member {
  readonly name: string
  readonly layout: AnyLayout
  /** Of its first bit, and its width in bits if it is a bit-field. */
  readonly bit: number
  readonly width: number | undefined
  /** The byte order where the layout gives one. */
  readonly little: boolean | undefined
}

/** The named members of a record, those of anonymous members taken for its own. */
export const membersOf = (layout: AnyLayout, model: DataModel, start = 0, little?: boolean): ReadonlyArray<Member> => {
  const order = layout.node.kind === "ordered" ? layout.node.endian === "little" : little
  return shapeOf(layout, model).fields.flatMap((field): ReadonlyArray<Member> => {
    const bit = start + field.bit
    const little = field.little ?? order
    if (field.isAnonymous) return membersOf(field.layout, model, bit, little)
    return field.isUnnamed ? [] : [{ name: field.name, layout: field.layout, bit, width: field.width, little }]
  })
}
