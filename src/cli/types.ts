// Types that people name: in short, as C, or out of a file with more of them.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Layout from "../Layout.ts"
import * as LayoutFile from "../LayoutFile.ts"
import { Refused } from "./errors.ts"

/** Text in JSON: types as `LayoutFile.Json` has them, or a symbol file of volatility3. */
const ofJson = (json: unknown): Result.Result<LayoutFile.Types, LayoutFile.InvalidLayout> =>
  typeof json === "object" && json !== null && "user_types" in json
    ? LayoutFile.fromIsf(json)
    : LayoutFile.fromJson(json)

const parseJson = (text: string): Result.Result<unknown, LayoutFile.InvalidLayout> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) => new LayoutFile.InvalidLayout({ why: cause instanceof Error ? cause.message : String(cause) })
  })

/** The types in a file: JSON, or a C header. */
export const typesIn = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(path)
  const isJson = /^\s*\{/.test(text)
  const types = isJson ? Result.flatMap(parseJson(text), ofJson) : LayoutFile.parseHeader(text)
  return yield* Effect.mapError(
    Effect.fromResult(types),
    ({ message }) => new Refused({ message: `${path}: ${message}` })
  )
})

/** Parts of a text between commas, but for those in parentheses and braces. */
const parts = (text: string): ReadonlyArray<string> => {
  const found = [""]
  let depth = 0
  for (const character of text) {
    if ("([{".includes(character)) depth++
    if (")]}".includes(character)) depth--
    if (character === "," && depth === 0) found.push("")
    else found[found.length - 1] += character
  }
  return found.map((part) => part.trim())
}

/** What is read at an address: a struct that has a name, or one made of several types, which then are its columns. */
export interface Record {
  readonly layout: Layout.Any
  readonly isNamed: boolean
  /** What its members are called, where they have no name: their types. */
  readonly headings: ReadonlyMap<string, string>
}

const isRecordText = (layout: Layout.Any): boolean => /^Layout\((?:struct|union) [^*[]*\)$/.test(String(layout))

/** The types that have a short name. */
export const SHORT = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "ptr", "cstr"] as const

const noneOf = (name: string): string => `"${name}" is none of ${SHORT.join(", ")}`
const details = [
  ["try", "memmap read --help"],
  ["or", "char[16], C as in 'u32 id' or 'unsigned long', a type of --layout FILE"]
] as const

/** One or more types, laid as the members of a C struct, or without padding between them. */
export const recordOf = Effect.fnUntraced(function* (
  text: string,
  types: Option.Option<LayoutFile.Types>,
  isPacked: boolean
): Effect.fn.Return<Record, Refused> {
  const columns = new Map<string, Layout.Any>()
  const headings = new Map<string, string>()
  const all = parts(text)
  for (const part of all) {
    if (part === "cstr") {
      return yield* new Refused({
        message: "cstr has no size of its own, so nothing can follow it",
        details: [["try", "char[16] for text in an array of 16 bytes; or cstr alone"]]
      })
    }
    const { layout, name } = yield* Effect.mapError(
      Effect.fromResult(LayoutFile.parseType(part, Option.getOrUndefined(types))),
      ({ why }) => new Refused({ message: `TYPE: ${/^\w+$/.test(part) ? noneOf(part) : why}`, details })
    )
    if (all.length === 1 && name === undefined && isRecordText(layout))
      return { layout, isNamed: true, headings: new Map() }
    const key = name ?? `column ${columns.size}`
    if (columns.has(key)) return yield* new Refused({ message: `TYPE: two values have the name ${key}` })
    if (name === undefined) headings.set(key, part)
    columns.set(key, layout)
  }
  return { layout: Layout.struct("", Object.fromEntries(columns), { packed: isPacked }), isNamed: false, headings }
})
