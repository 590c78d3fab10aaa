// C types of a guest that is being made, laid out as compilers for x86-64 do.

export type CType =
  | { readonly kind: "int"; readonly name: string; readonly size: number; readonly signed: boolean }
  | { readonly kind: "pointer"; readonly to: string | undefined }
  | { readonly kind: "array"; readonly of: CType; readonly length: number }
  | { readonly kind: "record"; readonly name: string }
  | { readonly kind: "anonymous"; readonly union: boolean; readonly members: Members }

/** In the order of the structure; an anonymous structure or union stands under a name that begins with a digit. */
export type Members = ReadonlyArray<readonly [name: string, type: CType]>

const int = (name: string, size: number, signed = false): CType => ({ kind: "int", name, size, signed })
export const u8 = int("unsigned char", 1)
export const char = int("char", 1, true)
export const u16 = int("short unsigned int", 2)
export const u32 = int("unsigned int", 4)
export const i32 = int("int", 4, true)
export const u64 = int("long unsigned int", 8)
export const i64 = int("long int", 8, true)
export const pointer = (to?: string): CType => ({ kind: "pointer", to })
export const array = (of: CType, length: number): CType => ({ kind: "array", of, length })
export const record = (name: string): CType => ({ kind: "record", name })
export const anonymous = (members: Members, union = false): CType => ({ kind: "anonymous", union, members })

interface Laid {
  readonly size: number
  readonly align: number
}

/** Structures by name. */
export class TypeTable {
  readonly records: ReadonlyMap<string, Members>
  constructor(records: Readonly<Record<string, Members>>) {
    this.records = new Map(Object.entries(records))
  }

  private membersOf(name: string): Members {
    const members = this.records.get(name)
    if (members === undefined) throw new Error(`the guest has no struct ${name}`)
    return members
  }
  has(name: string): boolean {
    return this.records.has(name)
  }
  lay(type: CType): Laid {
    switch (type.kind) {
      case "int":
        return { size: type.size, align: type.size }
      case "pointer":
        return { size: 8, align: 8 }
      case "array": {
        const of = this.lay(type.of)
        return { size: of.size * type.length, align: of.align }
      }
      case "record":
        return this.layMembers(this.membersOf(type.name), false)
      case "anonymous":
        return this.layMembers(type.members, type.union)
    }
  }
  private layMembers(members: Members, union: boolean): Laid {
    let [size, align] = [0, 1]
    for (const { offset, type } of this.placed(members, union)) {
      const of = this.lay(type)
      align = Math.max(align, of.align)
      size = Math.max(size, offset + of.size)
    }
    return { size: Math.ceil(size / align) * align, align }
  }
  placed(members: Members, union: boolean) {
    let end = 0
    return members.map(([name, type]) => {
      const of = this.lay(type)
      const offset = union ? 0 : Math.ceil(end / of.align) * of.align
      end = offset + of.size
      return { name, type, offset }
    })
  }
  sizeOf(name: string): number {
    return this.lay(record(name)).size
  }

  /** Where a member is and what: `mm`, `tasks.next`, `slot[3]`. */
  find(name: string, path: string): { readonly offset: number; readonly type: CType } {
    let offset = 0
    let type: CType = record(name)
    for (const [, member, index] of path.matchAll(/([A-Za-z_]\w*)|\[(\d+)\]/g)) {
      if (index !== undefined) {
        if (type.kind !== "array") throw new Error(`${name}.${path}: no array`)
        offset += Number(index) * this.lay(type.of).size
        type = type.of
        continue
      }
      const found = this.member(type, member!)
      if (found === undefined) throw new Error(`${name}.${path}: the guest has no such member`)
      offset += found.offset
      type = found.type
    }
    return { offset, type }
  }
  private member(type: CType, name: string): { readonly offset: number; readonly type: CType } | undefined {
    const [members, union] =
      type.kind === "record"
        ? [this.membersOf(type.name), false]
        : type.kind === "anonymous"
          ? [type.members, type.union]
          : [[], false]
    for (const placed of this.placed(members, union)) {
      if (placed.name === name) return placed
      const inner = /^\d/.test(placed.name) ? this.member(placed.type, name) : undefined
      if (inner !== undefined) return { offset: placed.offset + inner.offset, type: inner.type }
    }
    return undefined
  }
}
