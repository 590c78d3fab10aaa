// Records of several values as people and programs read them: a row each, or one with all of its members.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { implOf } from "../internal/map/build.ts"
import { hex } from "../internal/base/numbers.ts"
import { list, type ListOptions } from "../internal/layout/list.ts"
import { type AnyLayout, layoutOf } from "../internal/layout/model.ts"
import { typeName } from "../internal/layout/names.ts"
import { resolve } from "../internal/layout/paths.ts"
import { PointerImpl } from "../internal/layout/pointer.ts"
import { type Member, membersOf } from "../internal/layout/shape.ts"
import type * as Layout from "../Layout.ts"
import type { DataModel } from "../MachineModel.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { addressText, mapDigits } from "../render/Hexdump.ts"
import { type Line, span } from "../render/Line.ts"
import * as Struct from "../render/Struct.ts"
import type { Item } from "./output.ts"
import type { Record } from "./types.ts"

/** A record that was read, and where. */
export interface Found {
  readonly address: bigint
  readonly value: unknown
}

// There is one class behind all layouts, and one behind all maps.
export const hasMember = (layout: Layout.Any, path: string, model: DataModel): boolean =>
  typeof resolve(layoutOf(layout), path, model) !== "string"

/** The records of a list, with their addresses, which `Layout.list` does not tell. */
export const listOf = (
  map: MemoryMap.Ready,
  layout: Layout.Any,
  head: bigint,
  next: string,
  options: ListOptions
): Stream.Stream<Found, Layout.ReadError> =>
  list(implOf(map), layoutOf(layout), head, next, options, (value, address): Found => ({
    address,
    value
  }))

/** Values as JSON has them: pointers in hexadecimal, 64 bits in decimal, as text both; bytes in Base64. */
const jsonOf = (value: unknown, isPointer = false): unknown => {
  if (value instanceof PointerImpl) return hex(value.address)
  if (typeof value === "bigint") return isPointer ? hex(value) : String(value)
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value)
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64")
  if (Array.isArray(value)) return value.map((one) => jsonOf(one))
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, jsonOf(one)]))
  }
  return value
}

const isPointer = ({ node }: AnyLayout): boolean => node.kind === "scalar" && node.name === "pointer"

/** Characters that a number of the type takes at most; `undefined`: it is text, or no number. */
const widths: Readonly<globalThis.Record<string, number>> = {
  uint8: 3,
  int8: 4,
  uint16: 5,
  int16: 6,
  uint32: 10,
  int32: 11,
  uint64: 20,
  int64: 20,
  char: 4,
  short: 6,
  int: 11,
  long: 20,
  longLong: 20,
  unsignedChar: 3,
  unsignedShort: 5,
  unsignedInt: 10,
  unsignedLong: 20,
  unsignedLongLong: 20,
  size_t: 20
}

interface Column {
  readonly member: Member
  readonly heading: string
  readonly isNumber: boolean
  readonly width: number
}

/** The longest text in an array that a column makes room for, in characters. */
const LONGEST = 40

const columnOf = (member: Member, heading: string, digits: number): Column => {
  const { layout } = member
  const { node } = layout
  const number = node.kind === "scalar" ? widths[node.name] : undefined
  const isAddress = node.kind === "pointer" || isPointer(layout)
  const own =
    number ??
    (isAddress
      ? digits + 2 + (leadsToText(layout) ? TEXT_COLUMN : 0)
      : node.kind === "cString"
        ? Math.min(node.length + 2, LONGEST)
        : 8)
  return { member, heading, isNumber: number !== undefined, width: Math.max(own, heading.length) }
}

const padded = ({ isNumber, width }: Column, text: string): string =>
  isNumber ? text.padStart(width) : text.padEnd(width)

/** Characters that a column has room for behind the address of a text. */
const TEXT_COLUMN = 16

const leadsToText = ({ node }: AnyLayout): boolean => {
  if (node.kind !== "pointer") return false
  const target = node.target().node
  return target.kind === "scalar" && target.name === "char"
}

/** The texts that pointers to `char` in a value lead to, as far as they are there. */
const textsOf = (map: MemoryMap.Ready, value: unknown): Effect.Effect<ReadonlyMap<bigint, string>> => {
  const addresses = new Set<bigint>()
  const visit = (one: unknown): void => {
    if (one instanceof PointerImpl) {
      const target = layoutOf(one.target()).node
      if (one.address !== 0n && target.kind === "scalar" && target.name === "char") addresses.add(one.address)
    } else if (Array.isArray(one)) one.forEach(visit)
    else if (typeof one === "object" && one !== null && !(one instanceof Uint8Array)) Object.values(one).forEach(visit)
  }
  visit(value)
  const text = (address: bigint) =>
    Effect.map(
      Effect.option(MemoryMap.getString(map, address, { maxLength: TEXT })),
      (text) => [address, text] as const
    )
  return Effect.map(
    Effect.forEach(addresses, text),
    (all) => new Map(all.flatMap(([address, text]) => (Option.isSome(text) ? [[address, text.value] as const] : [])))
  )
}

/** Bytes of a text behind a pointer that are shown. */
const TEXT = 64

/** Items for records of one layout: a heading first, if they are rows. */
export const items = <E>(
  map: MemoryMap.Ready,
  { headings, isNamed, layout }: Record,
  found: Stream.Stream<Found, E>,
  isWhole: boolean
): Stream.Stream<Item, E> => {
  const digits = mapDigits(map)
  const model = MemoryMap.getDataModel(map)
  const members = membersOf(layoutOf(layout), model)
  const columns = members.map((member) => columnOf(member, headings.get(member.name) ?? member.name, digits))
  const json = ({ address, value }: Found) => {
    const record = value as Readonly<globalThis.Record<string, unknown>>
    const values = members.map(({ bit, layout, name }) => ({
      ...(headings.has(name) ? {} : { name }),
      offset: Math.floor(bit / 8),
      as: typeName(layout),
      value: jsonOf(record[name], isPointer(layout))
    }))
    return { type: "record", address: hex(address), values }
  }
  const row = ({ address, value }: Found, texts: ReadonlyMap<bigint, string>): Line => {
    const record = value as Readonly<globalThis.Record<string, unknown>>
    const cells = columns.map((column, i) => {
      const { layout, name } = column.member
      const one = record[name]
      const isAddress = one instanceof PointerImpl || (typeof one === "bigint" && isPointer(layout))
      const to = isAddress ? (one instanceof PointerImpl ? one.address : one) : undefined
      const said = to === undefined ? undefined : texts.get(to)
      const text =
        to === undefined
          ? Struct.text(layout as unknown as Layout.Any, one, { model, texts })
          : `${addressText(to, digits)}${said === undefined ? "" : ` ${JSON.stringify(said)}`}`
      return i === columns.length - 1 && !column.isNumber ? text : padded(column, text)
    })
    return [span(addressText(address, digits), "address"), span(`  ${cells.join("  ")}`)]
  }
  const shown = (one: Found) =>
    Effect.map(textsOf(map, one.value), (texts): Item => {
      if (!isWhole || !isNamed) return { line: row(one, texts), json: json(one) }
      const [line, ...more] = Struct.lines(layout, one.value, { address: one.address, model, texts })
      return { line, more, json: json(one) }
    })
  const rows = Stream.mapEffect(found, shown)
  if (isWhole && isNamed) return rows
  const names = columns.map((column, i) =>
    i === columns.length - 1 && !column.isNumber ? column.heading : padded(column, column.heading)
  )
  const heading: Item = { line: [span(`${"address".padEnd(digits + 2)}  ${names.join("  ")}`, "heading")] }
  return Stream.concat(Stream.make(heading), rows)
}
