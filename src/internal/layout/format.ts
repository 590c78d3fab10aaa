// Types as text: C with offsets, sizes and holes, in the form of pahole(1).
import type { DataModel } from "../../MachineModel.ts"
import type { AnyLayout } from "./model.ts"
import { declare } from "./names.ts"
import type { Field } from "./records.ts"
import { shapeOf } from "./shape.ts"

const TAB = "\t"
const [TYPE_COLUMN, COMMENT_COLUMN, TAB_WIDTH] = [26, 57, 8]

/** Where pahole says a bit-field lies: the unit of its type, and the bit in it. */
const unitOf = ({ bit, layout }: Field, model: DataModel): { readonly offset: number; readonly bit: number } => {
  const unit = 8 * shapeOf(layout, model).size
  const start = Math.floor(bit / unit) * unit
  return { offset: start / 8, bit: bit - start }
}

const commentOf = (field: Field, base: number, model: DataModel): string => {
  const number = (value: number, width: number): string => String(value).padStart(width)
  const { size } = shapeOf(field.layout, model)
  if (field.width === undefined) return `/* ${number(base + field.bit / 8, 5)} ${number(size, 5)} */`
  const { bit, offset } = unitOf(field, model)
  return `/* ${number(base + offset, 5)}:${number(bit, 2)} ${number(size, 2)} */`
}

class Printer {
  private readonly model: DataModel
  readonly lines: Array<string> = []
  constructor(model: DataModel) {
    this.model = model
  }

  private withComment(depth: number, text: string, comment: string): void {
    const room = COMMENT_COLUMN - TAB_WIDTH * depth - 1
    this.lines.push(`${TAB.repeat(depth)}${text.padEnd(room)} ${comment}`)
  }

  members(record: AnyLayout, base: number, depth: number, isStruct: boolean): void {
    let end = 0
    for (const field of shapeOf(record, this.model).fields) {
      if (isStruct) this.hole(end, field.bit, depth)
      end = Math.max(end, field.bit + (field.width ?? 8 * shapeOf(field.layout, this.model).size))
      this.field(field, base, depth)
    }
  }

  private hole(end: number, start: number, depth: number): void {
    if (start <= end) return
    const bytes = Math.floor(start / 8) - Math.ceil(end / 8)
    const [count, unit] = bytes > 0 ? [bytes, "byte"] : [start - end, "bit"]
    const what = `${count} ${unit}${count === 1 ? "" : "s"} hole`
    this.lines.push("", `${TAB.repeat(depth)}/* ${what} */`, "")
  }

  private field(field: Field, base: number, depth: number): void {
    const { isAnonymous, isUnnamed, layout } = field
    const comment = commentOf(field, base, this.model)
    const name = isAnonymous || isUnnamed ? "" : field.name
    const { element, dimensions } = elementOf(layout)
    if ((element.node.kind === "struct" || element.node.kind === "union") && element.node.name === "") {
      this.lines.push(`${TAB.repeat(depth)}${element.node.kind} {`)
      this.members(element, base + field.bit / 8, depth + 1, element.node.kind === "struct")
      const tail = name + dimensions
      return this.withComment(depth, `}${tail === "" ? "" : ` ${tail}`};`, comment)
    }
    if (element.node.kind === "enumeration" && element.node.name === undefined && field.width === undefined) {
      this.lines.push(`${TAB.repeat(depth)}enum {`)
      for (const [name, value] of element.node.values) this.lines.push(`${TAB.repeat(depth + 1)}${name} = ${value},`)
      return this.withComment(depth, `} ${name}${dimensions};`, comment)
    }
    const declared = declare(layout, name)
    const width = TYPE_COLUMN - TAB_WIDTH * (depth - 1)
    this.withComment(depth, `${declared.type.padEnd(width)} ${declared.name};`, comment)
  }
}

/** What the elements of an array, of arrays, are, under what only says where they lie. */
const elementOf = (layout: AnyLayout): { readonly element: AnyLayout; readonly dimensions: string } => {
  const { node } = layout
  if ("inner" in node) return elementOf(node.inner)
  if (node.kind !== "array" && node.kind !== "flexible") return { element: layout, dimensions: "" }
  const { dimensions, element } = elementOf(node.element)
  return { element, dimensions: `[${node.kind === "array" ? node.length : ""}]${dimensions}` }
}

export const format = (layout: AnyLayout, model: DataModel): string => {
  const { element } = elementOf(layout)
  const { node } = element
  if (node.kind !== "struct" && node.kind !== "union") {
    const { name, type } = declare(layout, "")
    return `${type}${name}; /* size: ${shapeOf(layout, model).size} */`
  }
  const printer = new Printer(model)
  printer.members(element, 0, 1, node.kind === "struct")
  const size = `${TAB}/* size: ${shapeOf(element, model).size}, members: ${node.members.length} */`
  return [`${node.kind} ${node.name === "" ? "" : `${node.name} `}{`, ...printer.lines, "", size, "};"].join("\n")
}
