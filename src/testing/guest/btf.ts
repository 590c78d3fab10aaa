// BTF, little endian, of a guest's types (Documentation/bpf/btf.rst).
import { Writer } from "./arena.ts"
import { type CType, type Members, record, type TypeTable, u32 } from "./types.ts"

const [INT, POINTER, ARRAY, STRUCT, UNION] = [1, 2, 3, 4, 5]

/** The same for equal types. */
const keyOf = (type: CType): string => {
  switch (type.kind) {
    case "int":
      return `int ${type.name}`
    case "pointer":
      return `pointer ${type.to ?? ""}`
    case "array":
      return `array ${type.length} ${keyOf(type.of)}`
    case "record":
      return `record ${type.name}`
    case "anonymous":
      return `anonymous ${type.union} ${type.members.map(([name, of]) => `${name} ${keyOf(of)}`).join()}`
  }
}

/**
 * Types refer to each other by number, in the order in which they stand. The named structures come first, so that each has its
 * number before anything points at it; other types get theirs when they are first met, and are written behind.
 */
class BtfWriter {
  private readonly table: TypeTable
  private readonly types = new Writer()
  private readonly strings = new Writer().number(0, 1)
  private readonly places = new Map<string, number>([["", 0]])
  private readonly numbers = new Map<string, number>()
  private readonly later: Array<() => void> = []
  private last: number

  constructor(table: TypeTable) {
    this.table = table
    const names = Array.from(table.records.keys())
    names.forEach((name, i) => this.numbers.set(`record ${name}`, i + 1))
    this.last = names.length
  }

  private string(text: string): number {
    const known = this.places.get(text)
    if (known !== undefined) return known
    const at = this.strings.length
    this.places.set(text, at)
    this.strings.text(text)
    return at
  }
  private head(name: string, kind: number, elements: number, third: number): void {
    this.types
      .number(this.string(name), 4)
      .number((kind << 24) | elements, 4)
      .number(third, 4)
  }
  private record(name: string, members: Members, union: boolean, size: number): () => void {
    const numbered = this.table
      .placed(members, union)
      .map((member) => ({ ...member, type: this.numberOf(member.type) }))
    return () => {
      this.head(name, union ? UNION : STRUCT, numbered.length, size)
      for (const { name, offset, type } of numbered) {
        this.types
          .number(this.string(/^\d/.test(name) ? "" : name), 4)
          .number(type, 4)
          .number(8 * offset, 4)
      }
    }
  }

  /** How a type is written, its own parts having got their numbers. */
  private writing(type: CType): () => void {
    switch (type.kind) {
      case "int":
        return () => {
          this.head(type.name, INT, 0, type.size)
          this.types.number((type.signed ? 1 << 24 : 0) | (8 * type.size), 4)
        }
      case "pointer": {
        const to = type.to !== undefined && this.table.records.has(type.to) ? this.numberOf(record(type.to)) : 0
        return () => this.head("", POINTER, 0, to)
      }
      case "array": {
        const [of, index] = [this.numberOf(type.of), this.numberOf(u32)]
        return () => {
          this.head("", ARRAY, 0, 0)
          this.types.number(of, 4).number(index, 4).number(type.length, 4)
        }
      }
      case "anonymous":
        return this.record("", type.members, type.union, this.table.lay(type).size)
      case "record":
        throw new Error(`the guest has no struct ${type.name}`)
    }
  }
  private numberOf(type: CType): number {
    const key = keyOf(type)
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    const write = this.writing(type)
    this.numbers.set(key, ++this.last)
    this.later.push(write)
    return this.last
  }

  write(): Uint8Array {
    const records = Array.from(this.table.records, ([name, members]) =>
      this.record(name, members, false, this.table.sizeOf(name))
    )
    for (const write of [...records, ...this.later]) write()
    const header = new Writer().number(0xeb9f, 2).number(1, 1).number(0, 1).number(24, 4)
    header.number(0, 4).number(this.types.length, 4).number(this.types.length, 4).number(this.strings.length, 4)
    return Uint8Array.from([...header.finish(), ...this.types.finish(), ...this.strings.finish()])
  }
}

export const toBtf = (table: TypeTable): Uint8Array => new BtfWriter(table).write()
