// What a Pattern holds, and how it is shown.
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import type { Endian, TextEncoding } from "../../MachineModel.ts"
import type { Input, Pattern } from "../../Pattern.ts"
import { hex } from "../base/numbers.ts"

export const TypeId = "~effect-memory-map/Pattern"

export type Data =
  | { readonly _tag: "Text"; readonly text: string; readonly encoding: TextEncoding; readonly ignoreCase: boolean }
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  | { readonly _tag: "Hex"; readonly digits: string }
  | { readonly _tag: "Masked"; readonly bytes: Uint8Array; readonly mask: Uint8Array }
  | { readonly _tag: "Word"; readonly value: bigint }
  | { readonly _tag: "WordInRange"; readonly low: bigint; readonly high: bigint }
  | {
      readonly _tag: "Integer"
      readonly bits: 16 | 32 | 64
      readonly value: number | bigint
      readonly endian: Endian | undefined
    }
  | { readonly _tag: "AnyOf"; readonly patterns: ReadonlyArray<Pattern> }
  | { readonly _tag: "Regex"; readonly source: string; readonly ignoreCase: boolean; readonly reach: number }

class PatternImpl implements Pattern {
  readonly [TypeId]: Data
  constructor(data: Data) {
    this[TypeId] = data
  }
  [Equal.symbol](that: Equal.Equal): boolean {
    return Predicate.hasProperty(that, TypeId) && Equal.equals(this[TypeId], that[TypeId])
  }
  [Hash.symbol](): number {
    return Hash.structure(this[TypeId])
  }
  toJSON(): unknown {
    return { _id: "Pattern", kind: this[TypeId]._tag, pattern: show(this) }
  }
  toString(): string {
    return show(this)
  }
  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

export const make = (data: Data): Pattern => new PatternImpl(data)

const SHOWN = 64

const cut = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}...` : text)

const byteText = (byte: number, mask: number): string => {
  const digits = byte.toString(16).padStart(2, "0")
  return `${mask >> 4 === 15 ? digits[0] : "?"}${(mask & 15) === 15 ? digits[1] : "?"}`
}

const bytesText = (bytes: Uint8Array, mask?: Uint8Array): string => {
  const shown = Array.from(bytes.subarray(0, SHOWN / 4), (byte, i) => byteText(byte, mask?.[i] ?? 255)).join(" ")
  return bytes.length > SHOWN / 4 ? `${shown} ... (${bytes.length} bytes)` : shown
}

export const show = (input: Input): string => {
  if (typeof input === "string") return JSON.stringify(cut(input, SHOWN))
  if (input instanceof Uint8Array) return bytesText(input)
  const data = (input as Partial<Pattern> | undefined)?.[TypeId]
  switch (data?._tag) {
    case undefined:
      return cut(String(input), SHOWN)
    case "Text":
      return `${JSON.stringify(cut(data.text, SHOWN))}${data.encoding === "utf8" ? "" : ` (${data.encoding})`}${
        data.ignoreCase ? " in any case" : ""
      }`
    case "Bytes":
      return bytesText(data.bytes)
    case "Hex":
      return cut(data.digits, SHOWN)
    case "Masked":
      return bytesText(data.bytes, data.mask)
    case "Word":
      return `word ${hex(data.value)}`
    case "WordInRange":
      return `word in ${hex(data.low)}-${hex(data.high)}`
    case "Integer":
      return `uint${data.bits} ${data.value}${data.endian === undefined ? "" : ` (${data.endian}-endian)`}`
    case "AnyOf": {
      // Not what is nested deeper: that may be without end, for all practical purposes.
      const first = data.patterns.slice(0, 4).map((pattern) => {
        const nested = pattern?.[TypeId]
        return nested?._tag === "AnyOf" ? `(any of ${nested.patterns.length})` : show(pattern)
      })
      return cut(`any of ${first.join(", ")}${data.patterns.length > 4 ? ", ..." : ""}`, 2 * SHOWN)
    }
    case "Regex":
      return `/${cut(data.source, SHOWN)}/${data.ignoreCase ? "i" : ""}`
  }
}

export const fromInput = (input: Input): Pattern =>
  typeof input === "string"
    ? make({ _tag: "Text", text: input, encoding: "utf8", ignoreCase: false })
    : input instanceof Uint8Array
      ? make({ _tag: "Bytes", bytes: new Uint8Array(input) })
      : input
