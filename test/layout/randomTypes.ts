// Random C types, as data: each can be written as C and made into a layout.
import * as Layout from "../../src/Layout.ts"
import { randomWords } from "../support/random.ts"

/** The arithmetic types of C, and what a program prints their values with. */
const scalars = {
  uint8: "uint8_t",
  uint16: "uint16_t",
  uint32: "uint32_t",
  uint64: "uint64_t",
  int8: "int8_t",
  int16: "int16_t",
  int32: "int32_t",
  int64: "int64_t",
  float32: "float",
  float64: "double",
  bool: "_Bool",
  char: "char",
  short: "short",
  int: "int",
  long: "long",
  longLong: "long long",
  unsignedChar: "unsigned char",
  unsignedShort: "unsigned short",
  unsignedInt: "unsigned int",
  unsignedLong: "unsigned long",
  unsignedLongLong: "unsigned long long",
  size_t: "size_t",
  pointer: "void *"
} as const
type Scalar = keyof typeof scalars
const scalarNames = Object.keys(scalars) as ReadonlyArray<Scalar>
const bitBases = scalarNames.filter((name) => !/float|pointer/.test(name))

/** Enumerations, by number: what `enum e0` and so on hold. */
export const enumerations: ReadonlyArray<Readonly<Record<string, number>>> = [
  { A0: 0, B0: 1, C0: 200 },
  { A1: -1, B1: 1, C1: 70_000 }
]

export type Type =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "enumeration"; readonly index: number }
  | { readonly kind: "record"; readonly index: number }
  | { readonly kind: "array"; readonly element: Type; readonly length: number }

export interface Member {
  readonly name: string
  readonly type: Type
  readonly bits?: number
  readonly aligned?: number
  /** Its members are written in place, and are those of the record. */
  readonly inline?: RecordType
  /** Counted by the first member. */
  readonly flexible?: boolean
}

export interface RecordType {
  readonly kind: "struct" | "union"
  readonly packed?: boolean | number
  readonly align?: number
  readonly members: ReadonlyArray<Member>
}

/** `count` records, each of which may have those before it as members. `bitFields`: how many of their members are bits. */
export const randomTypes = (seed: number, count: number): ReadonlyArray<RecordType> => {
  const word = randomWords(seed)
  const below = (n: number): number => Math.floor((word() / 2 ** 32) * n)
  const chance = (percent: number): boolean => below(100) < percent
  const pick = <A>(of: ReadonlyArray<A>): A => of[below(of.length)]!
  const records: Array<RecordType> = []
  const open = new Set<number>()
  let names = 0

  const type = (depth = 0): Type => {
    const dice = below(100)
    if (dice < 12 && depth < 2) return { kind: "array", element: type(depth + 1), length: 1 + below(3) }
    if (dice < 22 && records.length > 0) {
      const index = below(records.length)
      if (!open.has(index) && depthOf(records, index) < 3) return { kind: "record", index }
    }
    if (dice < 28) return { kind: "enumeration", index: below(enumerations.length) }
    return { kind: "scalar", scalar: pick(scalarNames) }
  }
  const bits = (isUnion: boolean): Member => {
    const base: Type = chance(15)
      ? { kind: "enumeration", index: below(enumerations.length) }
      : { kind: "scalar", scalar: pick(bitBases) }
    const most = base.kind === "enumeration" ? 32 : (widths[base.scalar] ?? 64)
    if (!isUnion && chance(12)) return { name: `_${names++}`, type: base, bits: chance(50) ? 0 : 1 + below(most) }
    return {
      name: `m${names++}`,
      type: base,
      bits: 1 + below(most),
      ...(chance(4) ? { aligned: pick([2, 4, 8]) } : {})
    }
  }
  const member = (kind: "struct" | "union", packed: boolean | number, depth: number): Member => {
    if (chance(40)) return bits(kind === "union")
    if (depth < 2 && chance(8)) {
      const inline = record(depth + 1, typeof packed === "number" ? packed : false)
      return { name: `_${names++}`, type: { kind: "scalar", scalar: "int" }, inline }
    }
    return { name: `m${names++}`, type: type(), ...(chance(8) ? { aligned: pick([1, 2, 4, 8, 16, 32]) } : {}) }
  }
  const record = (depth: number, pack?: number | false): RecordType => {
    const kind = chance(depth === 0 ? 12 : 40) ? "union" : "struct"
    const dice = below(100)
    const packed = pack ?? (dice < 20 ? true : dice < 40 ? pick([1, 2, 4, 8, 16]) : false)
    const members = Array.from({ length: 1 + below(depth === 0 ? 7 : 3) }, () => member(kind, packed, depth))
    return {
      kind,
      members,
      ...(packed === false ? {} : { packed }),
      ...(depth === 0 && chance(8) ? { align: pick([1, 2, 4, 8, 16, 32]) } : {})
    }
  }
  for (let i = 0; i < count; i++) {
    const made = record(0)
    if (made.kind === "struct" && chance(6)) {
      const length: Member = { name: `m${names++}`, type: { kind: "scalar", scalar: "uint8" } }
      const element: Type = { kind: "scalar", scalar: pick(scalarNames) }
      const array: Member = { name: `m${names++}`, type: element, flexible: true }
      records.push({ ...made, members: [length, ...made.members, array] })
      open.add(i)
    } else records.push(made)
  }
  return records
}

/**
 * The types for GCC's `-fsso-struct=big-endian`, which lays bit-fields as big-endian machines do, but turns round no pointers, and
 * no bit-fields of one byte in records that have nothing else.
 */
export const forBigEndian = (records: ReadonlyArray<RecordType>): ReadonlyArray<RecordType> => {
  const typeOf = (type: Type, isBits: boolean): Type => {
    if (type.kind === "array") return { ...type, element: typeOf(type.element, false) }
    if (type.kind !== "scalar") return type
    if (type.scalar === "pointer") return { kind: "scalar", scalar: "size_t" }
    return isBits && (widths[type.scalar] ?? 64) <= 8 ? { kind: "scalar", scalar: "unsignedShort" } : type
  }
  const record = (one: RecordType): RecordType => ({
    ...one,
    members: one.members.map((member) => ({
      ...member,
      type: typeOf(member.type, member.bits !== undefined),
      ...(member.inline === undefined ? {} : { inline: record(member.inline) })
    }))
  })
  return records.map(record)
}

const widths: Partial<Record<Scalar, number>> = {
  uint8: 8,
  int8: 8,
  char: 8,
  unsignedChar: 8,
  bool: 1,
  uint16: 16,
  int16: 16,
  short: 16,
  unsignedShort: 16,
  uint32: 32,
  int32: 32,
  int: 32,
  unsignedInt: 32,
  // On 32-bit machines a long has no more.
  long: 32,
  unsignedLong: 32,
  size_t: 32
}

const depthOf = (records: ReadonlyArray<RecordType>, index: number): number => {
  const deep = (type: Type): number =>
    type.kind === "record" ? depthOf(records, type.index) : type.kind === "array" ? deep(type.element) : 0
  const ofRecord = ({ members }: RecordType): number =>
    Math.max(0, ...members.map(({ inline, type }) => (inline === undefined ? deep(type) : ofRecord(inline))))
  return 1 + ofRecord(records[index]!)
}

// ---------------------------------------------------------------------------------------------------------------
// as layouts

const scalarLayouts: Readonly<Record<Scalar, Layout.Any>> = Layout

export const layoutsOf = (records: ReadonlyArray<RecordType>): ReadonlyArray<Layout.Any> => {
  const layouts: Array<Layout.Any> = []
  const ofType = (type: Type): Layout.Any => {
    switch (type.kind) {
      case "scalar":
        return scalarLayouts[type.scalar]
      case "enumeration":
        return Layout.enumeration(enumerations[type.index]!)
      case "record":
        return layouts[type.index]!
      case "array":
        return Layout.array(ofType(type.element), type.length)
    }
  }
  const ofMember = (member: Member, count: string): Layout.Any => {
    if (member.inline !== undefined) return Layout.anonymous(ofRecord(member.inline, ""))
    const type = ofType(member.type)
    const base = member.flexible === true ? Layout.flexibleArray(type, count) : type
    const layout = member.bits === undefined ? base : Layout.bits(base, member.bits)
    return member.aligned === undefined ? layout : Layout.aligned(layout, member.aligned)
  }
  const ofRecord = ({ align, kind, members, packed }: RecordType, name: string): Layout.Any => {
    const first = members[0]?.name ?? ""
    const made = Object.fromEntries(members.map((member) => [member.name, ofMember(member, first)]))
    return (kind === "struct" ? Layout.struct : Layout.union)(name, made, { align, packed })
  }
  for (const [i, record] of records.entries()) layouts.push(ofRecord(record, `t${i}`))
  return layouts
}

// ---------------------------------------------------------------------------------------------------------------
// as C

const declared = (type: Type, name: string): string => {
  switch (type.kind) {
    case "scalar":
      return `${scalars[type.scalar]} ${name}`
    case "enumeration":
      return `enum e${type.index} ${name}`
    case "record":
      return `T${type.index} ${name}`
    case "array":
      return declared(type.element, `${name}[${type.length}]`)
  }
}

const memberText = (member: Member): string => {
  const { aligned, bits, flexible, inline, name, type } = member
  const attribute = aligned === undefined ? "" : ` __attribute__((aligned(${aligned})))`
  if (inline !== undefined) return `${recordText(inline)};`
  if (bits !== undefined) return `${declared(type, name.startsWith("_") ? "" : name)}:${bits}${attribute};`
  return `${declared(type, flexible === true ? `${name}[]` : name)}${attribute};`
}

/** A record in C, without a name. */
const recordText = ({ align, kind, members, packed }: RecordType): string => {
  const attributes = [packed === true ? "packed" : "", align === undefined ? "" : `aligned(${align})`].filter(Boolean)
  const text = attributes.length === 0 ? "" : ` __attribute__((${attributes.join(", ")}))`
  return `${kind}${text} { ${members.map(memberText).join(" ")} }`
}

/** A member without members: where it lies, and how its value is printed. */
export interface Leaf {
  readonly path: string
  readonly isBits: boolean
  readonly format: "integer" | "pointer" | "float" | "bool"
}

export const leavesOf = (records: ReadonlyArray<RecordType>, record: RecordType, prefix = ""): Array<Leaf> =>
  record.members.flatMap(({ bits, flexible, inline, name, type }): Array<Leaf> => {
    if (inline !== undefined) return leavesOf(records, inline, prefix)
    if (bits !== undefined && name.startsWith("_")) return []
    const all = (type: Type, path: string): Array<Leaf> => {
      switch (type.kind) {
        case "record":
          return leavesOf(records, records[type.index]!, `${path}.`)
        case "array":
          return Array.from({ length: type.length }, (_, i) => all(type.element, `${path}[${i}]`)).flat()
        case "enumeration":
        case "scalar": {
          const scalar = type.kind === "scalar" ? type.scalar : "int"
          const isBool = scalar === "bool" && bits === undefined
          const format = /float/.test(scalar) ? "float" : isBool ? "bool" : scalar === "pointer" ? "pointer" : "integer"
          return [{ path, isBits: bits !== undefined, format }]
        }
      }
    }
    return all(type, flexible === true ? `${prefix}${name}[0]` : prefix + name)
  })

/** Bytes that the program and the test fill a type with: the same numbers on both sides. */
export const BYTES = 1 << 13
export const fill = (seed: number): Uint8Array => {
  const word = randomWords(seed)
  const bytes = Uint8Array.from({ length: BYTES }, () => word() >>> 24)
  // The count of a flexible array, which is to have elements.
  bytes[0]! |= 1
  return bytes
}

const printers = { integer: "I", pointer: "P", float: "F", bool: "B" }
const printed = ({ format, isBits, path }: Leaf): string => `${isBits ? "" : `O(${path}) `}${printers[format]}(${path})`

/** The types as they stand in a header. */
export const headerOf = (records: ReadonlyArray<RecordType>): string => {
  const types = records.map((record, i) => {
    const text = `typedef ${recordText(record)} T${i};`
    return typeof record.packed === "number" ? `#pragma pack(push, ${record.packed})\n${text}\n#pragma pack(pop)` : text
  })
  const enums = enumerations.map((values, i) => {
    const names = Object.entries(values).map(([name, value]) => `${name} = ${value}`)
    return `enum e${i} { ${names.join(", ")} };`
  })
  return [...enums, ...types].join("\n")
}

/** A program that prints for each record a line: size, alignment, then for each leaf its offset, unless it is bits, and value. */
export const programOf = (records: ReadonlyArray<RecordType>): string => {
  const prints = records.map((record, i) => {
    const leaves = leavesOf(records, record).map(printed).join("\n  ")
    return `static void p${i}(void) { typedef T${i} T; T *s = (T *)memory; fill(${i});
  printf("%zu %zu", sizeof(T), _Alignof(T));
  ${leaves}
  printf("\\n"); }`
  })
  return `#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static unsigned char memory[${BYTES}] __attribute__((aligned(64)));
static void fill(uint32_t seed) {
  for (size_t i = 0; i < sizeof memory; i++) { seed = seed * 1664525u + 1013904223u; memory[i] = seed >> 24; }
  memory[0] |= 1;
}
#define O(path) printf(" %zu", offsetof(T, path));
#define P(path) printf(" %llu", (unsigned long long)(uintptr_t)s->path);
#define I(path) { __typeof__(s->path + 0) v = s->path; if (v < 0) printf(" %lld", (long long)v); else printf(" %llu", (unsigned long long)v); }
#define B(path) printf(" %d", ((unsigned char *)s)[offsetof(T, path)] != 0);
#define F(path) { double v = s->path; uint64_t bits; memcpy(&bits, &v, 8); if (isnan(v)) printf(" nan"); else printf(" %llu", (unsigned long long)bits); }
${headerOf(records)}
${prints.join("\n")}
int main(void) { ${records.map((_, i) => `p${i}();`).join(" ")} return 0; }
`
}
