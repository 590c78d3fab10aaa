// The names of arithmetic types, in C and in short.
import { ordered, scalarOf } from "./make.ts"
import type { AnyLayout } from "./model.ts"
import type { ScalarName } from "./scalars.ts"

const integers: ReadonlyArray<readonly [bits: 8 | 16 | 32 | 64, unsigned: ScalarName, signed: ScalarName]> = [
  [8, "uint8", "int8"],
  [16, "uint16", "int16"],
  [32, "uint32", "int32"],
  [64, "uint64", "int64"]
]

const named = new Map<string, AnyLayout>([
  ["f32", scalarOf("float32")],
  ["f64", scalarOf("float64")],
  ["bool", scalarOf("bool")],
  ["_Bool", scalarOf("bool")],
  ["ptr", scalarOf("pointer")],
  ["size_t", scalarOf("size_t")],
  ["uintptr_t", scalarOf("size_t")],
  ["ssize_t", scalarOf("long")],
  ["intptr_t", scalarOf("long")],
  ["ptrdiff_t", scalarOf("long")],
  ["uint", scalarOf("unsignedInt")],
  ["ushort", scalarOf("unsignedShort")],
  ["ulong", scalarOf("unsignedLong")],
  ["uchar", scalarOf("unsignedChar")]
])
for (const [bits, unsigned, signed] of integers) {
  for (const name of [`uint${bits}_t`, `__u${bits}`, `u${bits}`, `uint${bits}`]) named.set(name, scalarOf(unsigned))
  for (const name of [`int${bits}_t`, `__s${bits}`, `s${bits}`, `i${bits}`, `int${bits}`])
    named.set(name, scalarOf(signed))
  for (const [short, endian] of [
    ["be", "big"],
    ["le", "little"]
  ] as const) {
    if (bits === 8) continue
    for (const name of [`__${short}${bits}`, `u${bits}${short}`]) named.set(name, ordered(scalarOf(unsigned), endian))
    named.set(`i${bits}${short}`, ordered(scalarOf(signed), endian))
  }
}

/** `uint32_t`, `u32`, `__be16`, `size_t`: types of one name. */
export const namedType = (name: string): AnyLayout | undefined => named.get(name)

const words = new Set(["char", "short", "int", "long", "unsigned", "signed", "float", "double"])

export const isTypeWord = (name: string): boolean => words.has(name)

/** The type that keywords make in any order: `unsigned long int`. */
export const keywordType = (given: ReadonlyArray<string>): AnyLayout | undefined => {
  const isUnsigned = given.includes("unsigned")
  const longs = given.filter((word) => word === "long").length
  const rest = given.filter((word) => !["unsigned", "signed", "long", "int"].includes(word))
  const pick = (signed: ScalarName, unsigned: ScalarName) => scalarOf(isUnsigned ? unsigned : signed)
  if (rest.length > 1 || longs > 2 || (longs > 0 && rest.length > 0)) return undefined
  const [word] = rest
  if (word === "char") return given.includes("signed") ? scalarOf("int8") : pick("char", "unsignedChar")
  if (word === "short") return pick("short", "unsignedShort")
  if (word === "float") return scalarOf("float32")
  if (word === "double") return scalarOf("float64")
  if (longs === 0) return pick("int", "unsignedInt")
  return longs === 1 ? pick("long", "unsignedLong") : pick("longLong", "unsignedLongLong")
}
