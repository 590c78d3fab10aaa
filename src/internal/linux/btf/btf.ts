// BTF, the types of a kernel (Documentation/bpf/btf.rst, include/uapi/linux/btf.h): a header, the types one after the other,
// and their names. Types are numbered from 1 in the order they stand; 0 is void. Parsing finds where each type begins and
// nothing else: of a hundred thousand, a handful is asked for.
import * as Inspectable from "effect/Inspectable"
import { Words } from "../memory.ts"

export const Kind = {
  void: 0,
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19
} as const

const TYPE = 12
const MEMBER = 12
const MAGIC = 0xeb9f

/** Bytes behind the three words of a type: so many, and so many for each of its elements. */
const TRAILERS: ReadonlyArray<readonly [fixed: number, each: number]> = [
  [0, 0],
  [4, 0],
  [0, 0],
  [12, 0],
  [0, MEMBER],
  [0, MEMBER],
  [0, 8],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 8],
  [4, 0],
  [0, 12],
  [0, 0],
  [4, 0],
  [0, 0],
  [0, 12]
]

const MODIFIERS: ReadonlySet<number> = new Set([
  Kind.typedef,
  Kind.volatile,
  Kind.const,
  Kind.restrict,
  Kind.typeTag,
  Kind.declarationTag
])

/** Chains of typedefs and the like are a dozen long in kernels; longer ones are loops. */
const DEEPEST = 64

export interface RawMember {
  readonly name: string
  readonly type: number
  /** From the start of the structure, in bits. */
  readonly bitOffset: number
  /** 0 where it is no bit field. */
  readonly bitSize: number
}

export interface Enumerator {
  readonly name: string
  readonly value: bigint
}

export interface Header {
  readonly words: Words
  readonly types: number
  readonly typesEnd: number
  readonly strings: number
  readonly stringsEnd: number
  /** Since 7.1: how long the trailers of each kind are. */
  readonly layout: { readonly at: number; readonly end: number } | undefined
}

/** The header, or what is wrong with it. */
export const readHeader = (bytes: Uint8Array): Header | string => {
  if (bytes.length < 24) return `${bytes.length} bytes are too few for a header`
  const little = new Words(8, true).u16(bytes, 0) === MAGIC
  const words = new Words(8, little)
  if (words.u16(bytes, 0) !== MAGIC) return "it does not begin with the magic number of BTF, 0xeb9f"
  if (bytes[2] !== 1) return `its version is ${bytes[2]}, and 1 is the only one known`
  const length = words.u32(bytes, 4)
  if (length < 24 || length > bytes.length) return `its header claims ${length} bytes`
  const [typeAt, typeLength, stringAt, stringLength] = [8, 12, 16, 20].map((at) => words.u32(bytes, at)) as [
    number,
    number,
    number,
    number
  ]
  const types = length + typeAt
  const strings = length + stringAt
  if (types + typeLength > bytes.length || strings + stringLength > bytes.length) {
    return `its header claims types of ${typeLength} bytes and strings of ${stringLength}, of ${bytes.length} in all`
  }
  const layoutAt = length >= 32 ? length + words.u32(bytes, 24) : 0
  const layoutLength = length >= 32 ? words.u32(bytes, 28) : 0
  const hasLayout = layoutLength > 0 && layoutAt + layoutLength <= bytes.length
  return {
    words,
    types,
    typesEnd: types + typeLength,
    strings,
    stringsEnd: strings + stringLength,
    layout: hasLayout ? { at: layoutAt, end: layoutAt + layoutLength } : undefined
  }
}

/** Types, whole or split off a base: then numbers of types and places of names go on where those of the base end. */
export class BtfImpl extends Inspectable.Class {
  readonly bytes: Uint8Array
  readonly header: Header
  readonly base: BtfImpl | undefined
  /** Bytes of a pointer, which BTF does not say. */
  readonly word: 4 | 8
  /** The number of the first type. */
  readonly first: number
  private readonly firstString: number
  /** Where each type begins. */
  private readonly places: Uint32Array
  private text: string | undefined = undefined
  private names: Uint32Array | undefined = undefined
  /** What was asked before: looking through all strings takes a millisecond. */
  private readonly known = new Map<string, ReadonlyArray<number>>()

  constructor(bytes: Uint8Array, header: Header, places: Uint32Array, word: 4 | 8, base: BtfImpl | undefined) {
    super()
    this.word = word
    this.bytes = bytes
    this.header = header
    this.places = places
    this.base = base
    this.first = base === undefined ? 1 : base.end
    this.firstString = base === undefined ? 0 : base.stringsEnd
  }

  toJSON(): unknown {
    return { _id: "Btf", size: this.size }
  }
  /** All types, those of the base too. */
  get size(): number {
    return this.end - 1
  }
  /** One more than the number of the last type. */
  get end(): number {
    return this.first + this.places.length
  }
  get stringsEnd(): number {
    return this.firstString + this.header.stringsEnd - this.header.strings
  }

  private u32(at: number): number {
    return this.header.words.u32(this.bytes, at)
  }
  private holder(id: number): BtfImpl | undefined {
    if (id >= this.first) return id < this.end ? this : undefined
    return this.base?.holder(id)
  }
  private place(id: number): number {
    return this.places[id - this.first]!
  }

  /** A name by its place among the strings; empty where that is nowhere. */
  private string(at: number): string {
    if (at < this.firstString) return this.base?.string(at) ?? ""
    const start = this.header.strings + at - this.firstString
    if (start >= this.header.stringsEnd) return ""
    let end = start
    while (end < this.header.stringsEnd && this.bytes[end] !== 0) end++
    let text = ""
    for (let i = start; i < end; i++) text += String.fromCharCode(this.bytes[i]!)
    return text
  }

  kind(id: number): number {
    const holder = this.holder(id)
    return holder === undefined ? Kind.void : (holder.u32(holder.place(id) + 4) >>> 24) & 0x7f
  }
  name(id: number): string {
    const holder = this.holder(id)
    return holder === undefined ? "" : holder.string(holder.u32(holder.place(id)))
  }
  private count(id: number): number {
    const holder = this.holder(id)!
    return holder.u32(holder.place(id) + 4) & 0xff_ffff
  }
  private flag(id: number): boolean {
    const holder = this.holder(id)!
    return holder.u32(holder.place(id) + 4) >>> 31 === 1
  }
  /** The third word: a size or a type. */
  third(id: number): number {
    const holder = this.holder(id)
    return holder === undefined ? 0 : holder.u32(holder.place(id) + 8)
  }
  /** Word number `index` behind the three. */
  private trailer(id: number, index: number): number {
    const holder = this.holder(id)!
    return holder.u32(holder.place(id) + TYPE + 4 * index)
  }

  int(id: number): { readonly encoding: number; readonly offset: number; readonly bits: number } {
    const word = this.trailer(id, 0)
    return { encoding: (word >>> 24) & 0xf, offset: (word >>> 16) & 0xff, bits: word & 0xff }
  }
  array(id: number): { readonly type: number; readonly length: number } {
    return { type: this.trailer(id, 0), length: this.trailer(id, 2) }
  }
  members(id: number): ReadonlyArray<RawMember> {
    const holder = this.holder(id)!
    const flag = this.flag(id)
    return Array.from({ length: this.count(id) }, (_, i) => {
      const [name, type, offset] = [0, 1, 2].map((j) => this.trailer(id, 3 * i + j)) as [number, number, number]
      let bitOffset = flag ? offset & 0xff_ffff : offset
      let bitSize = flag ? offset >>> 24 : 0
      const target = this.skipModifiers(type)
      if (!flag && this.kind(target) === Kind.int) {
        const int = this.int(target)
        if (int.bits < 8 * this.third(target)) {
          bitOffset += int.offset
          bitSize = int.bits
        }
      }
      return { name: holder.string(name), type, bitOffset, bitSize }
    })
  }
  enumerators(id: number): ReadonlyArray<Enumerator> {
    const holder = this.holder(id)!
    const [wide, signed] = [this.kind(id) === Kind.enum64, this.flag(id)]
    return Array.from({ length: this.count(id) }, (_, i) => {
      const at = (wide ? 3 : 2) * i
      const low = BigInt(this.trailer(id, at + 1))
      const bits = wide ? (BigInt(this.trailer(id, at + 2)) << 32n) | low : low
      const value = signed ? BigInt.asIntN(wide ? 64 : 32, bits) : bits
      return { name: holder.string(this.trailer(id, at)), value }
    })
  }
  parameters(id: number): ReadonlyArray<{ readonly name: string; readonly type: number }> {
    const holder = this.holder(id)!
    return Array.from({ length: this.count(id) }, (_, i) => ({
      name: holder.string(this.trailer(id, 2 * i)),
      type: this.trailer(id, 2 * i + 1)
    }))
  }

  /** The type behind typedefs, const and the like; void where that never ends. */
  skipModifiers(id: number): number {
    let at = id
    for (let i = 0; i < DEEPEST; i++) {
      if (!MODIFIERS.has(this.kind(at))) return at
      at = this.third(at)
    }
    return 0
  }

  /** Bytes; 0 for what has none, and for what cannot be. */
  sizeOf(id: number): number {
    let elements = 1
    let at = this.skipModifiers(id)
    for (let i = 0; i < DEEPEST && this.kind(at) === Kind.array; i++) {
      const { length, type } = this.array(at)
      elements *= length
      at = this.skipModifiers(type)
    }
    const one = this.kind(at) === Kind.pointer ? this.word : this.hasSize(at) ? this.third(at) : 0
    const size = elements * one
    return Number.isSafeInteger(size) ? size : 0
  }
  private hasSize(id: number): boolean {
    const kind = this.kind(id)
    return [Kind.int, Kind.struct, Kind.union, Kind.enum, Kind.enum64, Kind.float].some((sized) => sized === kind)
  }

  /** Numbers of all types of one of these kinds that have the name. */
  named(name: string, kinds: ReadonlyArray<number>): ReadonlyArray<number> {
    const key = `${kinds.join()} ${name}`
    const known = this.known.get(key) ?? this.search(name, kinds)
    this.known.set(key, known)
    return known
  }
  private search(name: string, kinds: ReadonlyArray<number>): ReadonlyArray<number> {
    const inBase = this.base?.named(name, kinds) ?? []
    const places = [...this.stringPlaces(name), ...(this.base?.stringPlaces(name) ?? [])]
    if (places.length === 0) return inBase
    if (this.names === undefined) {
      this.names = Uint32Array.from(this.places, (place) => this.u32(place))
    }
    const found: Array<number> = []
    for (const place of places) {
      for (let i = this.names.indexOf(place); i >= 0; i = this.names.indexOf(place, i + 1)) {
        if (kinds.includes(this.kind(this.first + i))) found.push(this.first + i)
      }
    }
    return [...inBase, ...found]
  }

  /** Every name is written once; only its first place is looked for. */
  private stringPlaces(name: string): ReadonlyArray<number> {
    if (name === "" || name.includes("\0")) return []
    this.text ??= latin1.decode(this.bytes.subarray(this.header.strings, this.header.stringsEnd))
    const at = this.text.indexOf(`\0${name}\0`)
    return at < 0 ? [] : [this.firstString + at + 1]
  }
}

const latin1 = new TextDecoder("latin1")

/** Splitting more than this into types takes seconds; real kernels have 10^5. */
const MOST_TYPES = 1 << 23

/** Finds every type; a sentence fragment where something does not fit. */
export const parse = (bytes: Uint8Array, word: 4 | 8, base?: BtfImpl): BtfImpl | string => {
  const header = readHeader(bytes)
  if (typeof header === "string") return header
  const { layout, types, typesEnd, words } = header
  const strings = header.stringsEnd - header.strings
  const [firstString, mostStrings] = [base?.stringsEnd ?? 0, (base?.stringsEnd ?? 0) + strings]
  if (strings > 0 && bytes[header.stringsEnd - 1] !== 0) return "its strings do not end in a NUL"
  let places = new Uint32Array(Math.min(1024, (typesEnd - types) / TYPE))
  let count = 0
  for (let at = types; at < typesEnd;) {
    if (at + TYPE > typesEnd) return `type ${count + 1} is cut short at byte ${at}`
    if (count >= MOST_TYPES) return `it has more than ${MOST_TYPES} types`
    const info = words.u32(bytes, at + 4)
    const kind = (info >>> 24) & 0x7f
    const vlen = info & 0xff_ffff
    if (words.u32(bytes, at) >= Math.max(mostStrings, firstString, 1)) {
      return `the name of type ${count + 1} is outside of the strings`
    }
    const trailer = trailerOf(kind, bytes, layout)
    if (trailer === undefined) return `type ${count + 1} at byte ${at} is of the unknown kind ${kind}`
    const length = TYPE + trailer[0] + trailer[1] * vlen
    if (at + length > typesEnd)
      return `type ${count + 1}, of kind ${kind} with ${vlen} elements, is cut short at byte ${at}`
    if (count === places.length) {
      const larger = new Uint32Array(2 * count + 16)
      larger.set(places)
      places = larger
    }
    places[count++] = at
    at += length
  }
  return new BtfImpl(bytes, header, places.subarray(0, count), word, base)
}

const trailerOf = (
  kind: number,
  bytes: Uint8Array,
  layout: Header["layout"]
): readonly [fixed: number, each: number] | undefined => {
  const known = kind === 0 ? undefined : TRAILERS[kind]
  if (known !== undefined || layout === undefined) return known
  const at = layout.at + 2 * kind
  return at + 2 <= layout.end ? [bytes[at]!, bytes[at + 1]!] : undefined
}
