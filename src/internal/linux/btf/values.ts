// Values of members as text: what a debugger prints.
import { hex } from "../../base/numbers.ts"
import { textOf, Words } from "../memory.ts"
import { type BtfImpl, Kind, type RawMember } from "./btf.ts"
import { isRecord } from "./path.ts"

/** INT encodings (include/uapi/linux/btf.h). */
const [SIGNED, BOOL] = [1, 4]

/** Longer texts of arrays and structures are cut. */
const MOST_ELEMENTS = 16
const MOST_MEMBERS = 64
const DEEPEST = 4

export interface Leaf {
  readonly path: string
  readonly offset: number
  readonly size: number
  readonly bits: { readonly offset: number; readonly size: number } | undefined
  readonly type: number
}

/** Members of a structure, in order; those of anonymous members are its own. */
export const leavesOf = (btf: BtfImpl, record: number, base = 0, depth = 0): ReadonlyArray<Leaf> =>
  btf.members(record).flatMap((member: RawMember): ReadonlyArray<Leaf> => {
    const inner = btf.skipModifiers(member.type)
    if (member.name === "" && isRecord(btf, inner)) {
      return depth < 4 * DEEPEST ? leavesOf(btf, inner, base + member.bitOffset / 8, depth + 1) : []
    }
    const size = btf.sizeOf(member.type)
    const unit =
      member.bitSize > 0 && size > 0 ? Math.floor(member.bitOffset / (8 * size)) * size : member.bitOffset / 8
    const bits = member.bitSize > 0 ? { offset: member.bitOffset - 8 * unit, size: member.bitSize } : undefined
    return [{ path: member.name, offset: base + Math.floor(unit), size, bits, type: member.type }]
  })

const bitsOf = (words: Words, unit: bigint, size: number, bits: NonNullable<Leaf["bits"]>): bigint => {
  // On big-endian machines bits are counted from the top of the unit.
  const shift = words.little ? bits.offset : 8 * size - bits.offset - bits.size
  return BigInt.asUintN(bits.size, unit >> BigInt(Math.max(shift, 0)))
}

class ValueReader {
  private readonly btf: BtfImpl
  private readonly bytes: Uint8Array
  private readonly words: Words
  constructor(btf: BtfImpl, bytes: Uint8Array, words: Words) {
    this.btf = btf
    this.bytes = bytes
    this.words = words
  }

  /** `undefined` for what has no value, or lies outside of the bytes. */
  text({ bits, offset, size, type }: Omit<Leaf, "path">, depth = 0): string | undefined {
    const { btf, bytes, words } = this
    const target = btf.skipModifiers(type)
    if (offset < 0 || offset + size > bytes.length) return undefined
    const kind = btf.kind(target)
    if (kind === Kind.array) return this.array(target, offset, size, depth)
    if (isRecord(btf, target)) return this.record(target, offset, depth)
    if (size < 1 || size > 16) return undefined
    const whole = words.unsigned(bytes, offset, size)
    const value = bits === undefined ? whole : bitsOf(words, whole, size, bits)
    const width = bits?.size ?? 8 * size
    switch (kind) {
      case Kind.pointer:
        return hex(value)
      case Kind.enum:
      case Kind.enum64:
        return (
          btf.enumerators(target).find((known) => BigInt.asUintN(width, known.value) === value)?.name ?? String(value)
        )
      case Kind.int: {
        const { encoding } = btf.int(target)
        if ((encoding & BOOL) !== 0 && value < 2n) return String(value === 1n)
        return String((encoding & SIGNED) !== 0 ? BigInt.asIntN(width, value) : value)
      }
      default:
        return hex(value)
    }
  }

  private array(id: number, offset: number, size: number, depth: number): string | undefined {
    const { btf } = this
    const { length, type } = btf.array(id)
    const element = btf.skipModifiers(type)
    const each = btf.sizeOf(element)
    if (btf.kind(element) === Kind.int && each === 1 && btf.name(element).endsWith("char")) {
      return JSON.stringify(textOf(this.bytes.subarray(offset, offset + size)))
    }
    if (each === 0 || depth === DEEPEST) return "{...}"
    const shown = Math.min(length, MOST_ELEMENTS)
    const texts = Array.from({ length: shown }, (_, i) =>
      this.text({ bits: undefined, offset: offset + i * each, size: each, type: element }, depth + 1)
    )
    return `{${texts.join(", ")}${length > shown ? ", ..." : ""}}`
  }
  private record(id: number, offset: number, depth: number): string {
    if (depth === DEEPEST) return "{...}"
    const all = leavesOf(this.btf, id, offset)
    const texts = all.slice(0, MOST_MEMBERS).map((leaf) => `${leaf.path} = ${this.text(leaf, depth + 1) ?? "{}"}`)
    return `{${texts.join(", ")}${all.length > MOST_MEMBERS ? ", ..." : ""}}`
  }
}

/** The value of each member, by its path, out of the bytes of the structure. */
export const valuesOf = (
  btf: BtfImpl,
  record: number,
  bytes: Uint8Array,
  little: boolean
): ReadonlyMap<string, string> => {
  const reader = new ValueReader(btf, bytes, new Words(btf.word, little))
  return new Map(
    leavesOf(btf, record).flatMap((leaf): ReadonlyArray<[string, string]> => {
      const text = reader.text(leaf)
      return text === undefined ? [] : [[leaf.path, text]]
    })
  )
}
