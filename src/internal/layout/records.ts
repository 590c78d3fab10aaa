// Where the members of structs and unions lie: the rules of the System V ABIs as GCC and Clang follow them, those of
// Microsoft for bit-fields, `packed`, `#pragma pack`, and offsets that are given.
//
// Positions are counted in bits in the order in which C hands bits out: from the least significant bit of the first byte
// where the machine is little endian, from the most significant one where it is big endian. So they are the same on both.
import type { DataModel } from "../../MachineModel.ts"
import type { AnyLayout, RecordNode } from "./model.ts"
import type { Shape } from "./shape.ts"

/** A member in its place. */
export interface Field {
  readonly name: string
  /** Without what only said where it lies. */
  readonly layout: AnyLayout
  /** Of its first bit, from the record's. */
  readonly bit: number
  /** In bits; `undefined`: no bit-field, and `bit` is a multiple of 8. */
  readonly width: number | undefined
  /** Its members are those of the record. */
  readonly isAnonymous: boolean
  /** Takes room and stands in no value. */
  readonly isUnnamed: boolean
  /** The byte order where it has one of its own. */
  readonly little: boolean | undefined
}

type ShapeOf = (layout: AnyLayout, model: DataModel) => Shape

/** Bits with a name of `_` and digits only. */
export const isUnnamedBits = (name: string, { node }: AnyLayout): boolean =>
  node.kind === "bits" && /^_[0-9]+$/.test(name)

/** What a member's layout says of its place, and the layout of what is there. */
export const placed = (layout: AnyLayout) => {
  let inner = layout
  let at: number | undefined
  let alignment: number | undefined
  let isAnonymous = false
  let little: boolean | undefined
  for (;;) {
    const { node } = inner
    if (node.kind === "at") at = node.offset * 8 + node.bit
    else if (node.kind === "aligned") alignment = Math.max(node.alignment, alignment ?? 1)
    else if (node.kind === "anonymous") isAnonymous = true
    else if (node.kind === "ordered") little = node.endian === "little"
    else return { inner, at, alignment, isAnonymous, little }
    inner = node.inner
  }
}

/** The bit-field that a layout is, under what transforms its value. */
export const bitsOf = (layout: AnyLayout): { readonly base: AnyLayout; readonly width: number } | undefined =>
  layout.node.kind === "bits" ? layout.node : layout.node.kind === "transform" ? bitsOf(layout.node.inner) : undefined

const up = (bit: number, bits: number): number => Math.ceil(bit / bits) * bits

/** Hands out the bits of one record. */
class Placement {
  private readonly options: RecordNode["options"]
  private readonly microsoft: boolean
  private readonly isUnion: boolean
  /** Where the next member may begin. */
  at = 0
  /** The end of what lies furthest behind. */
  end = 0
  align = 1
  /** Microsoft: the unit of the type of the last bit-field that the next of the same size may share, in bits. */
  private unit: { readonly end: number; readonly size: number } | undefined

  constructor({ kind, options }: RecordNode, model: DataModel) {
    this.options = options
    this.isUnion = kind === "union"
    this.microsoft = model.bitfields === "Microsoft"
  }

  /** The alignment of a member of which the type says `natural` and an attribute perhaps more. */
  private alignment(natural: number, raised = 1): number {
    const { packed } = this.options
    if (packed === true) return raised
    const wanted = Math.max(natural, raised)
    return typeof packed === "number" ? Math.min(wanted, packed) : wanted
  }

  private raise(align: number): void {
    this.align = Math.max(this.align, align)
  }

  private take(bit: number, bits: number): number {
    this.at = bit + bits
    this.end = Math.max(this.end, this.at)
    return bit
  }

  /** A member whose place is given. */
  given(at: number, bits: number, natural: number, raised: number | undefined): number {
    this.unit = undefined
    const align = this.alignment(natural, raised)
    if (at % (align * 8) === 0) this.raise(align)
    return this.take(at, bits)
  }

  whole(size: number, natural: number, raised: number | undefined): number {
    this.leaveUnit()
    const align = this.alignment(natural, raised)
    this.raise(align)
    return this.take(up(this.at, align * 8), size * 8)
  }

  bits(width: number, base: Shape, raised: number | undefined, isUnnamed: boolean): number {
    return this.microsoft ? this.microsoftBits(width, base, raised) : this.systemVBits(width, base, raised, isUnnamed)
  }

  /**
   * Bits lie where the last ones ended, unless they would then touch more units of their type's alignment than the type
   * has: the System V ABI for i386 and x86-64, "Bit-Fields", which other machines share.
   */
  private systemVBits(width: number, base: Shape, raised: number | undefined, isUnnamed: boolean): number {
    const { packed } = this.options
    const unit = base.align * 8
    if (width === 0) return this.take(up(this.at, Math.max(unit, this.alignment(1, raised) * 8)), 0)
    let at = raised === undefined ? this.at : up(this.at, this.alignment(1, raised) * 8)
    const straddles = Math.ceil(((at % unit) + width) / unit) > (base.size * 8) / unit
    if (straddles && (packed === undefined || packed === false)) at = up(at, unit)
    if (!isUnnamed) this.raise(this.alignment(base.align, raised))
    return this.take(at, width)
  }

  /** Bits share a unit with those before them when the types are of one size and there is room; else they open a new one. */
  private microsoftBits(width: number, base: Shape, raised: number | undefined): number {
    const size = base.size * 8
    const align = this.alignment(base.align, raised)
    const { unit } = this
    if (width === 0) {
      if (unit === undefined) return this.at
      this.leaveUnit()
      // With the attribute packed, GCC aligns the record to the type of `:0`, and what comes next to nothing.
      const isPacked = this.options.packed === true
      this.raise(isPacked ? base.align : align)
      return this.take(isPacked ? this.at : up(this.at, align * 8), 0)
    }
    this.raise(this.options.packed === true ? 1 : align)
    if (unit !== undefined && unit.size === size && this.at + width <= unit.end) return this.take(this.at, width)
    this.leaveUnit()
    const at = up(this.at, align * 8)
    this.unit = { end: at + size, size }
    // A union has room for the bits, rounded up to its alignment; behind those of a struct the rest of the unit stays free.
    const taken = this.isUnion ? width : size
    this.end = Math.max(this.end, at + taken)
    this.at = at + width
    return at
  }

  private leaveUnit(): void {
    if (this.unit !== undefined) this.at = this.unit.end
    this.unit = undefined
  }

  /** In a union every member begins where the first did. */
  again(): void {
    this.at = 0
    this.unit = undefined
  }
}

export const placeRecord = (node: RecordNode, model: DataModel, shapeOf: ShapeOf): Shape => {
  const { options } = node
  const placement = new Placement(node, model)
  const fields: Array<Field> = []
  let tail: Field | undefined
  for (const [name, layout] of node.members) {
    const { alignment, at, inner, isAnonymous, little } = placed(layout)
    const bits = bitsOf(inner)
    const shape = shapeOf(inner, model)
    const unnamed = isUnnamedBits(name, inner)
    const isOpen = shape.tail !== undefined || inner.node.kind === "flexible"
    if (tail !== undefined && (node.kind === "struct" || isOpen)) {
      throw new TypeError(
        `Layout.${node.kind}: ${node.name}: ${tail.name} ends in a flexible array and must be the last`
      )
    }
    if (node.kind === "union") placement.again()
    let bit: number
    if (at !== undefined) bit = placement.given(at, bits?.width ?? shape.size * 8, shape.align, alignment)
    else if (bits === undefined) bit = placement.whole(shape.size, shape.align, alignment)
    else bit = placement.bits(bits.width, shape, alignment, unnamed)
    const field = { name, layout: inner, bit, width: bits?.width, isAnonymous, isUnnamed: unnamed, little }
    if (isOpen) tail = field
    fields.push(field)
  }
  const align = Math.max(placement.align, options.align ?? 1)
  const least = Math.ceil(placement.end / 8)
  const size = options.size ?? up(least, align)
  if (size < least) {
    throw new RangeError(
      `Layout.${node.kind}: ${node.name}: its members take ${least} bytes, the size given is ${size}`
    )
  }
  if (!Number.isSafeInteger(size * 8)) throw new RangeError(`Layout.${node.kind}: ${node.name} is too large`)
  return { size, align, fields, tail }
}
