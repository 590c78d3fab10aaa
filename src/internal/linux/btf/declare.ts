// Types as C text. A declaration in C is written around its name: `int (*f)(void)`, `char name[16]`.
import { type BtfImpl, Kind, type RawMember } from "./btf.ts"
import { isRecord } from "./path.ts"

const DEEPEST = 64

/** The two columns of a declaration: `struct x *` and `name[4]`. */
export interface Declaration {
  readonly type: string
  readonly name: string
}

const KEYWORDS: Readonly<Record<number, string>> = {
  [Kind.struct]: "struct",
  [Kind.union]: "union",
  [Kind.enum]: "enum",
  [Kind.enum64]: "enum"
}

const parameters = (btf: BtfImpl, prototype: number, depth: number): string => {
  const all = btf.parameters(prototype)
  if (all.length === 0) return "void"
  return all
    .map(({ type }, i) => {
      if (type === 0 && i === all.length - 1) return "..."
      const { name, type: text } = declare(btf, type, "", depth + 1)
      return `${text}${name === "" ? "" : ` ${name}`}`
    })
    .join(", ")
}

/** Declares a name of a type. Loops in the types of a hostile guest end in an ellipsis. */
export const declare = (btf: BtfImpl, id: number, name: string, depth = 0): Declaration => {
  if (depth > DEEPEST) return { type: "...", name }
  const next = (type: number, inner: string): Declaration => declare(btf, type, inner, depth + 1)
  const kind = btf.kind(id)
  switch (kind) {
    case Kind.pointer: {
      const target = btf.third(id)
      const behind = btf.kind(target)
      if (behind === Kind.prototype) {
        const result = next(btf.third(target), "")
        return { type: result.type, name: `(*${name})(${parameters(btf, target, depth)})` }
      }
      if (behind === Kind.array) return next(target, `(*${name})`)
      const inner = next(target, "")
      // A pointer to a pointer to a function has all of its stars in the parentheses.
      if (inner.name !== "") return { type: inner.type, name: inner.name.replace("(*", `(**${name}`) }
      return { type: `${inner.type} *`, name }
    }
    case Kind.array: {
      const { length, type } = btf.array(id)
      return next(type, `${name}[${length}]`)
    }
    case Kind.const:
    case Kind.volatile: {
      const word = kind === Kind.const ? "const" : "volatile"
      const inner = next(btf.third(id), name)
      const pointer = inner.type.endsWith("*")
      return { type: pointer ? `${inner.type} ${word}` : `${word} ${inner.type}`, name: inner.name }
    }
    case Kind.restrict:
    case Kind.typeTag:
    case Kind.declarationTag:
      return next(btf.third(id), name)
    case Kind.prototype:
      return { type: next(btf.third(id), "").type, name: `${name}(${parameters(btf, id, depth)})` }
    case Kind.void:
      return { type: "void", name }
    case Kind.forward:
      return { type: `struct ${btf.name(id)}`, name }
    default: {
      const keyword = KEYWORDS[kind]
      const own = btf.name(id)
      return { type: keyword === undefined ? own : `${keyword} ${own === "" ? "{...}" : own}`, name }
    }
  }
}

/** `struct list_head *`, `char [16]`: without a name. */
export const typeText = (btf: BtfImpl, id: number): string => {
  const { name, type } = declare(btf, id, "")
  return name === "" ? type : `${type} ${name}`
}

const TAB = "\t"
const [TYPE_COLUMN, COMMENT_COLUMN, TAB_WIDTH] = [26, 57, 8]

interface Placed {
  readonly offset: number
  readonly size: number
  readonly bit: number | undefined
}

/** The unit of a bit field is its type, wherever it lies. */
const placeOf = (btf: BtfImpl, member: RawMember): Placed => {
  const size = btf.sizeOf(member.type)
  if (member.bitSize === 0 || size === 0) return { offset: Math.floor(member.bitOffset / 8), size, bit: undefined }
  const offset = Math.floor(member.bitOffset / (8 * size)) * size
  return { offset, size, bit: member.bitOffset - 8 * offset }
}

/** A structure in lines of C with offsets and sizes, and the holes between its members, as pahole prints it. */
class Printer {
  private readonly btf: BtfImpl
  private readonly values: ReadonlyMap<string, string> | undefined
  readonly lines: Array<string> = []
  private left = MOST_LINES
  constructor(btf: BtfImpl, values: ReadonlyMap<string, string> | undefined) {
    this.btf = btf
    this.values = values
  }

  private put(line: string): void {
    if (this.left-- > 0) this.lines.push(line)
  }
  private withComment(depth: number, text: string, comment: string): void {
    const room = COMMENT_COLUMN - TAB_WIDTH * depth - 1
    this.put(`${TAB.repeat(depth)}${text.padEnd(room)} ${comment}`)
  }
  private comment({ bit, offset, size }: Placed): string {
    const number = (value: number, width: number): string => String(value).padStart(width)
    return bit === undefined
      ? `/* ${number(offset, 5)} ${number(size, 5)} */`
      : `/* ${number(offset, 5)}:${number(bit, 2)} ${number(size, 2)} */`
  }

  members(record: number, base: number, depth: number, isOwn: boolean): void {
    const { btf } = this
    let end = 0
    for (const member of btf.members(record)) {
      const place = placeOf(btf, member)
      if (btf.kind(record) === Kind.struct) this.hole(end, member.bitOffset, depth)
      end = Math.max(end, member.bitOffset + (member.bitSize > 0 ? member.bitSize : 8 * place.size))
      this.member(member, { ...place, offset: base + place.offset }, depth, isOwn)
      if (this.left <= 0) return
    }
  }
  private hole(end: number, start: number, depth: number): void {
    if (start <= end) return
    const bytes = Math.floor(start / 8) - Math.ceil(end / 8)
    const what = bytes > 0 ? `${bytes} bytes hole` : `${start - end} bits hole`
    this.put("")
    this.put(`${TAB.repeat(depth)}/* ${what} */`)
    this.put("")
  }
  private member(member: RawMember, place: Placed, depth: number, isOwn: boolean): void {
    const { btf } = this
    const value = isOwn ? this.values?.get(member.name) : undefined
    const said = value === undefined ? "" : ` = ${value}`
    const comment = this.comment(place)
    const { dimensions, element, qualifiers } = this.elementOf(member.type)
    const name = `${member.name}${dimensions}`
    if (btf.name(element) === "" && depth < DEEPEST / 4) {
      const kind = btf.kind(element)
      const close = `}${name === "" ? "" : ` ${name}`}${said};`
      if (isRecord(btf, element)) {
        this.put(`${TAB.repeat(depth)}${qualifiers}${kind === Kind.union ? "union" : "struct"} {`)
        this.members(element, place.offset, depth + 1, isOwn && member.name === "")
        return this.withComment(depth, close, comment)
      }
      if (kind === Kind.enum || kind === Kind.enum64) {
        this.put(`${TAB.repeat(depth)}${qualifiers}enum {`)
        for (const { name, value } of btf.enumerators(element)) this.put(`${TAB.repeat(depth + 1)}${name} = ${value},`)
        return this.withComment(depth, close, comment)
      }
    }
    const bits = member.bitSize > 0 ? `:${member.bitSize}` : ""
    const declared = declare(btf, member.type, member.name)
    const width = TYPE_COLUMN - TAB_WIDTH * (depth - 1)
    const text = `${declared.type.padEnd(width)} ${declared.name}${bits}${said};`
    this.withComment(depth, text, comment)
  }
  /** What the elements of an array, of arrays, are. */
  private elementOf(type: number) {
    let element = type
    let [qualifiers, dimensions] = ["", ""]
    for (let i = 0; i < DEEPEST; i++) {
      const kind = this.btf.kind(element)
      if (kind === Kind.array) {
        const array = this.btf.array(element)
        dimensions += `[${array.length}]`
        element = array.type
      } else if (kind === Kind.const || kind === Kind.volatile) {
        qualifiers = `${kind === Kind.const ? "const" : "volatile"} `
        element = this.btf.third(element)
      } else break
    }
    return { element, dimensions, qualifiers }
  }
}

/** A type in a hostile guest may have any number of members in any number of members. */
const MOST_LINES = 1 << 16

export const formatRecord = (btf: BtfImpl, record: number, values?: ReadonlyMap<string, string>): string => {
  const printer = new Printer(btf, values)
  printer.members(record, 0, 1, true)
  const keyword = btf.kind(record) === Kind.union ? "union" : "struct"
  const name = btf.name(record)
  const count = btf.members(record).length
  const size = `${TAB}/* size: ${btf.sizeOf(record)}, members: ${count} */`
  return [`${keyword} ${name === "" ? "" : `${name} `}{`, ...printer.lines, "", size, "};"].join("\n")
}
