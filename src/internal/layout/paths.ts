// Members by their paths, `a.b[2].c`, and by the bytes they lie on.
import type { DataModel } from "../../MachineModel.ts"
import type { AnyLayout } from "./model.ts"
import { typeName } from "./names.ts"
import { type Member, membersOf, shapeOf } from "./shape.ts"

/** A member somewhere inside a type: its first bit from the start of that, and its width if it is a bit-field. */
export interface Place {
  readonly layout: AnyLayout
  readonly bit: number
  readonly width: number | undefined
  readonly little: boolean | undefined
}

/** What lies under what only says where, how or as what a type is read. */
export const plain = (
  layout: AnyLayout,
  little?: boolean
): { readonly layout: AnyLayout; readonly little?: boolean | undefined } => {
  const { node } = layout
  if (!("inner" in node)) return { layout, little }
  return plain(node.inner, node.kind === "ordered" ? node.endian === "little" : little)
}

const isRecord = ({ node }: AnyLayout): boolean => node.kind === "struct" || node.kind === "union"

export const elementOf = ({ node }: AnyLayout): AnyLayout | undefined =>
  node.kind === "array" || node.kind === "flexible" ? node.element : undefined

const steps = /([^.[\]]+)|\[(\d+)\]/g

/** Names and indices of a path. */
const parse = (path: string): ReadonlyArray<string | number> | undefined => {
  if (!/^(?:[^.[\]]+|\[\d+\])(?:\.[^.[\]]+|\[\d+\])*$/.test(path)) return path === "" ? [] : undefined
  return Array.from(path.matchAll(steps), ([, name, index]) => name ?? Number(index))
}

/** The member at the path, or why there is none. */
export const resolve = (layout: AnyLayout, path: string, model: DataModel): Place | string => {
  const parsed = parse(path)
  if (parsed === undefined) return `"${path}" is no path: write names and indices, as in a.b[2].c`
  let place: Place = { layout, bit: 0, width: undefined, little: undefined }
  for (const step of parsed) {
    const at = plain(place.layout, place.little)
    if (typeof step === "number") {
      const element = elementOf(at.layout)
      const { node } = at.layout
      if (element === undefined) {
        if (node.kind !== "bytes" && node.kind !== "cString") return `${typeName(at.layout)} has no elements`
        return `${typeName(at.layout)} is one value: its offset and a number of bytes say the same`
      }
      if (node.kind === "array" && step >= node.length) return `${typeName(at.layout)} has no element ${step}`
      const stride = shapeOf(element, model).size
      place = { layout: element, bit: place.bit + 8 * step * stride, width: undefined, little: at.little }
    } else {
      const member: Member | undefined = isRecord(at.layout)
        ? membersOf(at.layout, model, place.bit, at.little).find(({ name }) => name === step)
        : undefined
      if (member === undefined) return `${typeName(at.layout)} has no member ${step}`
      place = member
    }
  }
  return place
}

/** The path, from the type, of the member that has the byte at `offset`; `undefined`: padding, or nothing of the type. */
export const pathAt = (
  layout: AnyLayout,
  offset: number,
  model: DataModel
): { readonly path: string; readonly place: Place } | undefined => {
  const at = plain(layout)
  const element = elementOf(at.layout)
  const { size } = shapeOf(layout, model)
  const { node } = at.layout
  if (element !== undefined) {
    const stride = shapeOf(element, model).size
    if (stride === 0 || offset < 0 || (node.kind === "array" && offset >= size)) return undefined
    const index = Math.floor(offset / stride)
    const inner = pathAt(element, offset - index * stride, model)
    return inner === undefined ? undefined : below(`[${index}]`, index * stride, inner)
  }
  if (!isRecord(at.layout)) {
    const place = { layout, bit: 0, width: undefined, little: at.little }
    return offset >= 0 && offset < size ? { path: "", place } : undefined
  }
  for (const member of membersOf(at.layout, model, 0, at.little)) {
    const start = Math.floor(member.bit / 8)
    if (member.width !== undefined) {
      const end = Math.ceil((member.bit + member.width) / 8)
      if (offset >= start && offset < end) return { path: member.name, place: member }
      continue
    }
    const inner = offset < start ? undefined : pathAt(member.layout, offset - start, model)
    if (inner !== undefined) return below(member.name, start, inner)
  }
  return undefined
}

const below = (step: string, offset: number, { path, place }: { readonly path: string; readonly place: Place }) => ({
  path: path === "" ? step : path.startsWith("[") ? step + path : `${step}.${path}`,
  place: { ...place, bit: place.bit + 8 * offset }
})

/** What gives the value at a path out of the value of a whole type. */
export const valueAt = (path: string): ((value: unknown) => unknown) => {
  const parsed = parse(path) ?? []
  const [only] = parsed
  if (parsed.length === 1) return (value) => (value as Record<string | number, unknown>)[only!]
  return (value) => parsed.reduce((value: unknown, step) => (value as Record<string | number, unknown>)[step], value)
}
