// Members by path: `comm`, `tasks.next`, `mm.pgd` through a pointer, `slot[3]`, and members of anonymous members as their own.
import { type BtfImpl, Kind, type RawMember } from "./btf.ts"

export interface Place {
  /** From the start of the structure, or of what the last pointer leads to, in bytes. */
  readonly offset: number
  readonly type: number
  readonly size: number
  readonly bits: { readonly offset: number; readonly size: number } | undefined
  /** Where pointers stand that are to be followed before, each counted as `offset`. */
  readonly through: ReadonlyArray<number>
}

/** Anonymous members in anonymous members; compilers stop far earlier. */
const DEEPEST = 16

/** Anonymous members looked into for one name. */
const MOST = 4096

export const isRecord = (btf: BtfImpl, id: number): boolean =>
  btf.kind(id) === Kind.struct || btf.kind(id) === Kind.union

/** The member of that name, its offset counted from the structure that was asked. */
const memberNamed = (btf: BtfImpl, record: number, name: string): RawMember | undefined => {
  let left = MOST
  const search = (id: number, bits: number, depth: number): RawMember | undefined => {
    const members = btf.members(id)
    const own = members.find((member) => member.name === name)
    if (own !== undefined) return { ...own, bitOffset: bits + own.bitOffset }
    if (depth === DEEPEST) return undefined
    for (const member of members) {
      if (member.name !== "") continue
      const inner = btf.skipModifiers(member.type)
      if (!isRecord(btf, inner) || --left < 0) continue
      const found = search(inner, bits + member.bitOffset, depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(record, 0, 0)
}

/** Number of the structure or union of that name, or of the typedef of one. */
export const recordNamed = (btf: BtfImpl, name: string): number | undefined => {
  const plain = name.replace(/^(struct|union)\s+/, "")
  const [record] = btf.named(plain, [Kind.struct, Kind.union])
  if (record !== undefined) return record
  const behind = btf.named(plain, [Kind.typedef]).map((id) => btf.skipModifiers(id))
  return behind.find((id) => isRecord(btf, id))
}

const parsePath = (path: string): ReadonlyArray<string | number> | undefined => {
  const steps: Array<string | number> = []
  const step = /\.?([A-Za-z_]\w*)|\[(\d{1,9})\]/y
  while (step.lastIndex < path.length) {
    const match = step.exec(path)
    if (match === null) return undefined
    steps.push(match[1] ?? Number(match[2]))
  }
  return steps.length === 0 ? undefined : steps
}

/** Where a path leads from a structure; a sentence fragment where it leads nowhere. */
export const resolve = (btf: BtfImpl, record: number, path: string): Place | string => {
  const steps = parsePath(path)
  if (steps === undefined) return `"${path}" is no path: write member.member[index]`
  let type = record
  let offset = 0
  let bits: Place["bits"]
  const through: Array<number> = []
  for (const step of steps) {
    let target = btf.skipModifiers(type)
    if (btf.kind(target) === Kind.pointer) {
      through.push(offset)
      offset = 0
      target = btf.skipModifiers(btf.third(target))
    }
    if (typeof step === "number") {
      if (btf.kind(target) !== Kind.array) return `"${path}": what stands before [${step}] is no array`
      const { type: element } = btf.array(target)
      offset += step * btf.sizeOf(element)
      type = element
      continue
    }
    if (!isRecord(btf, target)) return `"${path}": what stands before ${step} has no members`
    const member = memberNamed(btf, target, step)
    if (member === undefined) {
      return `${btf.kind(target) === Kind.union ? "union" : "struct"} ${btf.name(target) || "(anonymous)"} has no member ${step}`
    }
    const size = btf.sizeOf(member.type)
    const unit =
      member.bitSize > 0 && size > 0 ? Math.floor(member.bitOffset / (8 * size)) * size : member.bitOffset / 8
    bits = member.bitSize > 0 ? { offset: member.bitOffset - 8 * unit, size: member.bitSize } : undefined
    offset += Math.floor(unit)
    type = member.type
  }
  return { offset, type, size: btf.sizeOf(type), bits, through }
}
