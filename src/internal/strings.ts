// Strings that end in NUL, read chunk by chunk until the NUL or a hole.
import { concat } from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { StringEncoding, StringOptions } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"
import type { MemoryMapImpl } from "./map.ts"
import { checkLength, copyParts, partsOf, type ReadError, unmapped } from "./read.ts"

/** Most strings are short, so chunks start small; they are even, so that no UTF-16 unit is cut. */
const FIRST = 128
const LARGEST = 1 << 20

/**
 * Feeds the bytes from `address` on to `visit` until it answers true, `limit` bytes were seen, or a hole comes; then
 * the answer is the address of the hole. When a chunk cannot be read, ever smaller ones are tried, for what fails may
 * lie behind the end of the string.
 */
const walk = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  address: bigint,
  limit: number,
  visit: (chunk: Uint8Array) => boolean
): Effect.fn.Return<bigint | undefined, SourceError> {
  let at = address
  let left = limit
  let step = FIRST
  while (left > 0) {
    const { complete, parts, reached } = partsOf(map, at, Math.min(step, left))
    const length = Number(reached - at)
    const chunk = yield* Effect.catch(copyParts(parts, new Uint8Array(length)), (error) =>
      step <= 2 ? error : Effect.succeed(undefined)
    )
    if (chunk === undefined) {
      step = Math.max(2, 2 * Math.floor(Math.min(step, length) / 4))
      continue
    }
    if (visit(chunk)) return undefined
    if (!complete) return reached
    at = reached
    left -= length
    step = Math.min(step * 2, LARGEST)
  }
  return undefined
})

/** Index of the first unit of `width` zero bytes, at a multiple of `width`, or -1. */
const terminator = (chunk: Uint8Array, width: 1 | 2): number => {
  if (width === 1) return chunk.indexOf(0)
  for (let i = 0; i + 1 < chunk.length; i += 2) if (chunk[i] === 0 && chunk[i + 1] === 0) return i
  return -1
}

const latin1 = (bytes: Uint8Array): string => {
  let text = ""
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return text
}

const labels = { utf8: "utf-8", utf16le: "utf-16le", utf16be: "utf-16be" } as const

/** `TextDecoder` knows no Latin-1 (it takes the name for windows-1252), and must keep a byte order mark as text. */
export const decodeText = (bytes: Uint8Array, encoding: StringEncoding): string =>
  encoding === "latin1" ? latin1(bytes) : new TextDecoder(labels[encoding], { ignoreBOM: true }).decode(bytes)

export const getString = (
  map: MemoryMapImpl,
  address: bigint,
  options: StringOptions | undefined
): Effect.Effect<string, ReadError> =>
  Effect.suspend(() => {
    const { encoding = "utf8", maxLength = Infinity } = options ?? {}
    if (maxLength !== Infinity) checkLength("getString", maxLength)
    const width = encoding === "utf16le" || encoding === "utf16be" ? 2 : 1
    const chunks: Array<Uint8Array> = []
    const collect = (chunk: Uint8Array): boolean => {
      const end = terminator(chunk, width)
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
      return end >= 0
    }
    return Effect.flatMap(walk(map, address, maxLength, collect), (hole): Effect.Effect<string, ReadError> => {
      if (hole !== undefined) {
        return unmapped(map, "getString", hole, { address, length: Number(hole - address) + width })
      }
      return Effect.succeed(decodeText(concat(chunks), encoding))
    })
  })

/** What a byte can be to a string: part of it, its end, or a refusal. */
const PART = 1
const END = 2

/** True when bytes of class PART, at least `least` of them, are followed by one of class END before any hole. */
const matches = (
  map: MemoryMapImpl,
  address: bigint,
  classOf: (byte: number, index: number) => number,
  least: number
): Effect.Effect<boolean, SourceError> =>
  Effect.suspend(() => {
    let seen = 0
    let found = false
    const visit = (chunk: Uint8Array): boolean => {
      for (const byte of chunk) {
        const kind = classOf(byte, seen)
        if (kind === PART) seen++
        else {
          found = kind === END && seen >= least
          return true
        }
      }
      return false
    }
    return Effect.map(walk(map, address, Infinity, visit), () => found)
  })

const asciiClass = (byte: number): number => (byte === 0 ? END : byte <= 0x7f ? PART : 0)

const isLetter = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f

const identifierClass = (byte: number, index: number): number =>
  byte === 0 ? END : isLetter(byte) || (index > 0 && byte >= 0x30 && byte <= 0x39) ? PART : 0

export const isString = (map: MemoryMapImpl, address: bigint): Effect.Effect<boolean, SourceError> =>
  matches(map, address, asciiClass, 0)

export const isCIdentifier = (map: MemoryMapImpl, address: bigint): Effect.Effect<boolean, SourceError> =>
  matches(map, address, identifierClass, 1)
