// The Intermediate Symbol Format of volatility3, as dwarf2json and others write it: schema 6 of
// volatility3/schemas, in which each type has its size, and each member its offset.
import type { Isf, IsfType } from "../../LayoutFile.ts"
import { Lazily } from "./json.ts"
import * as make from "./make.ts"
import type { AnyLayout } from "./model.ts"
import type { ScalarName } from "./scalars.ts"

/** A number of that many bytes, or the bytes themselves where there is no number of such a size. */
const numberOf = (kind: string, size: number, isSigned: boolean): AnyLayout => {
  const bits = size * 8
  if (kind === "bool" && size === 1) return make.scalarOf("bool")
  if (kind === "float" && (bits === 32 || bits === 64)) return make.scalarOf(`float${bits}`)
  const integer = [8, 16, 32, 64].includes(bits) && kind !== "float" && kind !== "void"
  return integer ? make.scalarOf(`${isSigned ? "" : "u"}int${bits}` as ScalarName) : make.bytes(size)
}

export const typesOfIsf = (isf: Isf): ReadonlyMap<string, AnyLayout> => {
  const records: Lazily = new Lazily(Object.keys(isf.user_types), (name) => recordOf(name))
  const enums: Lazily = new Lazily(Object.keys(isf.enums), (name) => enumOf(name))

  const baseOf = (name: string): AnyLayout => {
    const base = isf.base_types[name]
    if (base === undefined) return make.bytes(0)
    return numberOf(base.kind, base.size, base.signed)
  }

  const enumOf = (name: string): AnyLayout => {
    const { base, constants, size } = isf.enums[name]!
    const under = isf.base_types[base] === undefined ? numberOf("int", size, true) : baseOf(base)
    const bits = BigInt(size * 8)
    // Numbers that JSON has rounded, or that the type cannot have, are no names of anything.
    const fit = Object.entries(constants).filter(
      ([, value]) => Number.isSafeInteger(value) && value >= -(2 ** Number(bits - 1n)) && value < 2 ** Number(bits)
    )
    return under.node.kind === "scalar" ? make.names("enumeration", Object.fromEntries(fit), under, name) : under
  }

  const typeOf = (type: IsfType): AnyLayout => {
    switch (type.kind) {
      case "base":
        return baseOf(type.name ?? "")
      case "pointer":
        return pointerTo(type.subtype)
      case "array":
        return arrayOf(typeOf(type.subtype!), type.subtype!, type.count ?? 0)
      case "struct":
      case "union":
      case "class":
        return records.get(type.name ?? "") ?? make.record("struct", type.name ?? "", {})
      case "enum":
        return enums.get(type.name ?? "") ?? numberOf("int", 4, true)
      case "bitfield":
        return make.bits(typeOf(type.type!), type.bit_length ?? 0)
      default:
        return make.bytes(0)
    }
  }

  const pointerTo = (target: IsfType | undefined): AnyLayout => {
    if (target === undefined || target.kind === "function" || (target.kind === "base" && target.name === "void")) {
      return make.scalarOf("pointer")
    }
    return make.pointerTo(() => typeOf(target))
  }

  const arrayOf = (element: AnyLayout, type: IsfType, count: number): AnyLayout =>
    type.kind === "base" && type.name === "char" ? make.cString(count) : make.array(element, count)

  const recordOf = (name: string): AnyLayout => {
    const { fields, kind, size } = isf.user_types[name]!
    const members = Object.entries(fields).map(([field, { anonymous, offset, type }]): readonly [string, AnyLayout] => {
      const layout = typeOf(type)
      const isRecord = layout.node.kind === "struct" || layout.node.kind === "union"
      return [
        field,
        make.at(offset, anonymous === true && isRecord ? make.anonymous(layout) : layout, type.bit_position ?? 0)
      ]
    })
    return make.record(kind === "union" ? "union" : "struct", name, Object.fromEntries(members), { size })
  }

  return new Map([...enums.all(), ...records.all()])
}
