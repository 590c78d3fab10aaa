/**
 * Values of layouts as text: a struct with its members, their offsets and values, one inside the other; or all in one line.
 *
 * @since 0.1.0
 */
import { format } from "effect/Formatter"
import type { Address } from "../AddressRange.ts"
import { hex } from "../internal/base/numbers.ts"
import { type AnyLayout, layoutOf } from "../internal/layout/model.ts"
import { declare } from "../internal/layout/names.ts"
import { elementOf, plain } from "../internal/layout/paths.ts"
import { PointerImpl } from "../internal/layout/pointer.ts"
import { type Member, membersOf, shapeOf } from "../internal/layout/shape.ts"
import type { Any } from "../Layout.ts"
import { type DataModel, LP64 } from "../MachineModel.ts"
import { type Line, type Span, span } from "./Line.ts"

/**
 * `address` is where the value was read: it is shown, if given. `model` is the data model that it was read under (default: LP64).
 * `texts` is what is to be shown behind pointers, by their address. `elements` is how many elements of an array are shown, and
 * bytes of a `bytes` (default: 16).
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly address?: Address | undefined
  readonly model?: DataModel | undefined
  readonly texts?: ReadonlyMap<Address, string> | undefined
  readonly elements?: number | undefined
}

const ELEMENTS = 16

const isRecord = ({ node }: AnyLayout): boolean => node.kind === "struct" || node.kind === "union"

/** Under what only says where and how a value lies; what a schema made of a value is shown as itself. */
const shown = (layout: AnyLayout): AnyLayout => {
  const { node } = layout
  if (node.kind === "transform" || !("inner" in node)) return layout
  return shown(node.inner)
}

const pointerText = (address: bigint, texts: Options["texts"]): string => {
  const text = texts?.get(address)
  return text === undefined ? (address === 0n ? "NULL" : hex(address)) : `${hex(address)} ${JSON.stringify(text)}`
}

const bytesText = (bytes: Uint8Array, most: number): string => {
  const shown = Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, "0"))
  return bytes.length > most ? `${shown.join(" ")} ... ${bytes.length - most} more` : shown.join(" ")
}

const inline = (given: AnyLayout, value: unknown, options: Options): string => {
  const layout = shown(given)
  const { node } = layout
  const { elements = ELEMENTS, model = LP64, texts } = options
  if (node.kind === "transform") return typeof value === "string" ? JSON.stringify(value) : format(value)
  if (value instanceof PointerImpl) return pointerText(value.address, texts)
  if (typeof value === "bigint") return isPointer(layout) ? pointerText(value, texts) : String(value)
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value)
  if (typeof value === "string") return node.kind === "cString" ? JSON.stringify(value) : value
  if (value instanceof Uint8Array) return bytesText(value, elements)
  if (Array.isArray(value)) {
    const element = elementOf(layout)
    if (element === undefined) return value.length === 0 ? "0" : value.map((one) => String(one)).join(" | ")
    const all = value.slice(0, elements).map((one) => inline(element, one, options))
    if (value.length > elements) all.push(`... ${value.length - elements} more`)
    return `{ ${all.join(", ")} }`
  }
  if (isRecord(layout) && typeof value === "object" && value !== null) {
    const record = value as Readonly<Record<string, unknown>>
    const members = membersOf(layout, model).map(
      ({ layout, name }) => `${name} = ${inline(layout, record[name], options)}`
    )
    return `{ ${members.join(", ")} }`
  }
  return String(value)
}

const isPointer = ({ node }: AnyLayout): boolean =>
  node.kind === "pointer" || (node.kind === "scalar" && node.name === "pointer")

/** One line before columns are made of all: what is declared, and what it is. */
interface Row {
  readonly depth: number
  readonly offset: number | undefined
  readonly type: string
  readonly name: string
  readonly value: string
}

class Rows {
  readonly rows: Array<Row> = []
  private readonly options: Options
  private readonly model: DataModel
  constructor(options: Options) {
    this.options = options
    this.model = options.model ?? LP64
  }

  private put(depth: number, offset: number | undefined, type: string, name: string, value: string): void {
    this.rows.push({ depth, offset, type, name, value })
  }

  members(layout: AnyLayout, value: unknown, base: number, depth: number): void {
    const record = value as Readonly<Record<string, unknown>>
    for (const member of membersOf(layout, this.model)) this.member(member, record[member.name], base, depth)
  }

  private member({ bit, layout, name }: Member, value: unknown, base: number, depth: number): void {
    const declared = declare(layout, name)
    this.value(layout, value, base + Math.floor(bit / 8), depth, declared.type, declared.name)
  }

  private value(given: AnyLayout, value: unknown, offset: number, depth: number, type: string, name: string): void {
    const layout = shown(given)
    const element = elementOf(layout)
    if (isRecord(layout))
      return this.group(depth, offset, type, name, () => this.members(layout, value, offset, depth + 1))
    if (element === undefined || !isRecord(shown(plain(element).layout)) || !Array.isArray(value)) {
      return this.put(depth, offset, type, name, ` = ${inline(layout, value, this.options)}`)
    }
    const { elements = ELEMENTS } = this.options
    const stride = shapeOf(element, this.model).size
    this.group(depth, offset, type, name, () => {
      value.slice(0, elements).forEach((one, i) => {
        this.value(element, one, offset + i * stride, depth + 1, "", `[${i}]`)
      })
      if (value.length > elements) this.put(depth + 1, undefined, "", `... ${value.length - elements} more`, "")
    })
  }

  private group(depth: number, offset: number, type: string, name: string, inside: () => void): void {
    this.put(depth, offset, type, name, " = {")
    inside()
    this.put(depth, undefined, "}", "", "")
  }
}

const lineOf = ({ depth, name, offset, type, value }: Row, digits: number): Line => {
  const place =
    offset === undefined
      ? "".padEnd(digits + 1)
      : `+${hex(offset === 0 ? 0n : BigInt(offset))
          .slice(2)
          .padEnd(digits)}`
  const space = type === "" || name === "" || type.endsWith("*") ? "" : " "
  const head: ReadonlyArray<Span> = [span(`  ${place} `, "note"), span("  ".repeat(depth))]
  return [...head, span(`${type}${space}${name}`), span(value)]
}

/**
 * A value in lines: each member with its offset from the start of the whole, in hexadecimal, its type, name and value.
 *
 * **Example** (A record with another in it)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 * import * as Line from "effect-memory-map/render/Line"
 * import * as Struct from "effect-memory-map/render/Struct"
 *
 * const point = Layout.struct("point", { x: Layout.int, y: Layout.int })
 * const item = Layout.struct("item", { id: Layout.uint32, next: Layout.pointer, at: point })
 * const value = { id: 7, next: 0x1000n, at: { x: 1, y: -2 } }
 * const lines = Struct.lines(item, value, { address: 0x2000n })
 * lines.map(Line.plain) // => ["struct item at 0x2000 {", "  +0  uint32_t id = 7", "  +8  void *next = 0x1000", "  +10 struct point at = {", "  +10   int x = 1", "  +14   int y = -2", "      }", "}"]
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const lines = (layout: Any, value: unknown, options: Options = {}): ReadonlyArray<Line> => {
  const { layout: inner } = plain(layoutOf(layout))
  const { name, type } = declare(inner, "")
  const where = options.address === undefined ? "" : ` at ${hex(options.address)}`
  if (!isRecord(inner)) {
    return [[span(`${type}${name}`), span(where, "address"), span(` = ${inline(layoutOf(layout), value, options)}`)]]
  }
  const rows = new Rows(options)
  rows.members(inner, value, 0, 0)
  const digits = Math.max(1, ...rows.rows.map(({ offset }) => (offset === undefined ? 0 : offset.toString(16).length)))
  return [[span(type), span(where, "address"), span(" {")], ...rows.rows.map((row) => lineOf(row, digits)), [span("}")]]
}

/**
 * A value in one line: `{ x = 1, y = -2 }`.
 *
 * **Example** (In a table)
 *
 * ```ts
 * import { Layout } from "effect-memory-map"
 * import * as Struct from "effect-memory-map/render/Struct"
 *
 * const point = Layout.struct("point", { x: Layout.int, y: Layout.int })
 * Struct.text(Layout.array(point, 2), [{ x: 1, y: -2 }, { x: 3, y: 4 }]) // => "{ { x = 1, y = -2 }, { x = 3, y = 4 } }"
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const text = (layout: Any, value: unknown, options: Options = {}): string =>
  inline(layoutOf(layout), value, options)
