// Types out of JSON: one by one, as they are asked for, so that they may stand in any order.
import type { Json, JsonMember, JsonType } from "../../LayoutFile.ts"
import { CParser, type Known } from "./cParse.ts"
import { Wrong } from "./cTokens.ts"
import * as make from "./make.ts"
import type { AnyLayout } from "./model.ts"

/** Types by name, each made when it is first asked for. */
export class Lazily implements Known {
  private readonly made = new Map<string, AnyLayout>()
  private readonly making = new Set<string>()
  private readonly names: ReadonlySet<string>
  private readonly make: (name: string) => AnyLayout
  constructor(names: Iterable<string>, make: (name: string) => AnyLayout) {
    this.names = new Set(names)
    this.make = make
  }
  has(name: string): boolean {
    return this.names.has(name)
  }
  get(name: string): AnyLayout | undefined {
    const known = this.made.get(name)
    if (known !== undefined || !this.has(name)) return known
    if (this.making.has(name)) throw new Wrong(1, `${name} contains itself: only a pointer to it can be a member`)
    this.making.add(name)
    const layout = this.make(name)
    this.making.delete(name)
    this.made.set(name, layout)
    return layout
  }
  all(): ReadonlyMap<string, AnyLayout> {
    return new Map(Array.from(this.names, (name) => [name, this.get(name)!]))
  }
}

export const typesOfJson = ({ types }: Json): ReadonlyMap<string, AnyLayout> => {
  const named: Lazily = new Lazily(Object.keys(types), (name) => typeOf(types[name]!, name))

  const typeOf = (type: JsonType, name: string): AnyLayout => {
    if (typeof type === "string") return new CParser(named).type(type).layout
    const base = "base" in type && type.base !== undefined ? typeOf(type.base, "") : undefined
    if ("enum" in type) return make.names("enumeration", type.enum, base, name === "" ? undefined : name)
    if ("flags" in type) return make.names("flags", type.flags, base)
    const [kind, members] = "struct" in type ? (["struct", type.struct] as const) : (["union", type.union] as const)
    const made = Object.entries(members).map(([member, of]): readonly [string, AnyLayout] => [
      member,
      memberOf(of, member)
    ])
    const { align, packed, size } = type
    return make.record(kind, name, Object.fromEntries(made), { align, packed, size })
  }

  const memberOf = (member: JsonMember, name: string): AnyLayout => {
    if (typeof member === "string" || !("type" in member)) return typeOf(member, "")
    const { aligned, anonymous, at, bit, bits, count, endian } = member
    let layout = typeOf(member.type, "")
    if (count !== undefined) layout = make.flexibleArray(layout, count)
    if (bits !== undefined) layout = make.bits(layout, bits)
    if (endian !== undefined) layout = make.ordered(layout, endian)
    if (anonymous === true) layout = make.anonymous(layout)
    if (aligned !== undefined) layout = make.aligned(layout, aligned)
    if (at !== undefined) layout = make.at(at, layout, bit)
    else if (bit !== undefined) throw new Wrong(1, `${name}: bit says nothing without at`)
    return layout
  }

  return named.all()
}
