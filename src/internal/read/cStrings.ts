// Strings that end in NUL, read chunk by chunk until the NUL or a hole.
import * as Effect from "effect/Effect"
import type { TextEncoding } from "../../MachineModel.ts"
import type { StringOptions } from "../../MemoryMap.ts"
import { type SourceError, TooLarge } from "../../MemoryMapError.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { partsOf, type ReadError, unmapped } from "./bytes.ts"
import { checkLength } from "../base/arguments.ts"
import { breathe } from "../base/turns.ts"
import { copyExtents } from "../source/copy.ts"

/**
 * Bytes of the first piece that is read of a string, and of the largest: each is twice the one before, so that a short
 * string costs a short read and a long one few reads. Both are even, so that no UTF-16 code unit is cut.
 */
const FIRST = 128
const LARGEST = 1 << 20

/**
 * Feeds the bytes from `address` on to `visit` until it answers true, `limit` bytes were seen, or a hole comes; then
 * the answer is the address of the hole. When a chunk cannot be read, ever smaller ones are tried, down to one `unit`,
 * for what fails may lie behind the end of the string.
 */
const walk = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  address: bigint,
  limit: number,
  unit: 1 | 2,
  visit: (chunk: Uint8Array) => boolean
): Effect.fn.Return<bigint | undefined, SourceError> {
  let at = address
  let left = limit
  let step = FIRST
  while (left > 0) {
    const { complete, parts, reached } = partsOf(map, at, Math.min(step, left))
    const length = Number(reached - at)
    const chunk = yield* Effect.catch(copyExtents(parts, new Uint8Array(length)), (error) =>
      step === unit ? error : Effect.succeed(undefined)
    )
    if (chunk === undefined) {
      step = Math.max(unit, unit * Math.floor(Math.min(step, length) / (2 * unit)))
      continue
    }
    if (visit(chunk)) return undefined
    if (!complete) return reached
    at = reached
    left -= length
    step = Math.min(step * 2, LARGEST)
    if (step === LARGEST) yield* breathe
  }
  return undefined
})

/** Index of the first unit of `width` zero bytes, at a multiple of `width`, or -1. */
const terminator = (chunk: Uint8Array, width: 1 | 2): number => {
  if (width === 1) return chunk.indexOf(0)
  for (let i = 0; i + 1 < chunk.length; i += 2) if (chunk[i] === 0 && chunk[i + 1] === 0) return i
  return -1
}

const labels = { ascii: "utf-8", utf8: "utf-8", latin1: "utf-16le", utf16le: "utf-16le", utf16be: "utf-16be" } as const

/**
 * Decodes text piece by piece. `TextDecoder` knows neither Latin-1 nor ASCII (it takes both names for windows-1252), and
 * must keep a byte order mark as text. Latin-1 is UTF-16 with a zero beside each byte; what is no ASCII becomes 0xff,
 * which UTF-8 shows as U+FFFD.
 */
const textDecoder = (encoding: TextEncoding) => {
  const decoder = new TextDecoder(labels[encoding], { ignoreBOM: true })
  return {
    piece: (bytes: Uint8Array) => decoder.decode(units(bytes, encoding), { stream: true }),
    end: () => decoder.decode()
  }
}

const units = (bytes: Uint8Array, encoding: TextEncoding): Uint8Array | Uint16Array => {
  if (encoding === "latin1") return Uint16Array.from(bytes)
  return encoding === "ascii" ? bytes.map((byte) => (byte < 0x80 ? byte : 0xff)) : bytes
}

/** Characters that a string can have: V8's String::kMaxLength on 64-bit machines, the smallest of the engines. */
const LONGEST = 2 ** 29 - 24

export const getString = (
  map: MemoryMapImpl,
  address: bigint,
  options: StringOptions | undefined
): Effect.Effect<string, ReadError | TooLarge> =>
  Effect.suspend(() => {
    const { encoding = "utf8", maxLength = Infinity } = options ?? {}
    if (maxLength !== Infinity) checkLength("getString", maxLength)
    const unit = encoding === "utf16le" || encoding === "utf16be" ? 2 : 1
    const limit = Math.min(maxLength, LONGEST)
    const decoder = textDecoder(encoding)
    let text = ""
    let ended = false
    const collect = (chunk: Uint8Array): boolean => {
      const end = terminator(chunk, unit)
      ended = end >= 0
      text += decoder.piece(ended ? chunk.subarray(0, end) : chunk)
      return ended
    }
    const walked = walk(map, address, limit - (limit % unit), unit, collect)
    return Effect.flatMap(walked, (hole): Effect.Effect<string, ReadError | TooLarge> => {
      if (hole !== undefined) {
        return unmapped(map, "getString", hole, { start: address, end: hole + BigInt(unit) })
      }
      if (ended) return Effect.succeed(text + decoder.end())
      if (limit === maxLength) return Effect.succeed(text)
      return new TooLarge({ operation: "getString", address, size: BigInt(limit) + 1n, limit: BigInt(limit) })
    })
  })

/** What a byte can be: part of a string, the end of one, or (0) neither, so that this is no string. */
const PART = 1
const END = 2

/** For each of the 256 bytes, which of these it is. */
const table = (kindOf: (byte: number) => number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => kindOf(byte))

/** True when bytes that are PART are followed by an END before any hole; the first byte has its own table. */
const matches = (
  map: MemoryMapImpl,
  address: bigint,
  first: Uint8Array,
  rest: Uint8Array
): Effect.Effect<boolean, SourceError> =>
  Effect.suspend(() => {
    let next = first
    let found = false
    const visit = (chunk: Uint8Array): boolean => {
      let kinds = next
      for (let i = 0; i < chunk.length; i++) {
        const kind = kinds[chunk[i]!]
        if (kind !== PART) {
          found = kind === END
          return true
        }
        kinds = rest
      }
      next = kinds
      return false
    }
    return Effect.map(walk(map, address, Infinity, 1, visit), () => found)
  })

const ascii = table((byte) => (byte === 0 ? END : byte <= 0x7f ? PART : 0))

const isMatch = (pattern: RegExp) => (byte: number) => (pattern.test(String.fromCharCode(byte)) ? PART : 0)
const initial = table(isMatch(/[A-Za-z_]/))
const following = table((byte) => (byte === 0 ? END : isMatch(/[A-Za-z0-9_]/)(byte)))

export const isString = (map: MemoryMapImpl, address: bigint): Effect.Effect<boolean, SourceError> =>
  matches(map, address, ascii, ascii)

export const isCIdentifier = (map: MemoryMapImpl, address: bigint): Effect.Effect<boolean, SourceError> =>
  matches(map, address, initial, following)
