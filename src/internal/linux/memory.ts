// Values out of a guest's memory: the map, and how its machine lays out words.
import * as Effect from "effect/Effect"
import { implOf } from "../map/build.ts"
import type { Ready } from "../../MemoryMap.ts"
import type { SourceError, UnmappedAddress } from "../../MemoryMapError.ts"
import * as decode from "../base/decode.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { bytes as readBytes } from "../read/bytes.ts"
import { getBytesUpTo } from "../read/bulk.ts"

export type ReadError = UnmappedAddress | SourceError

const latin1 = new TextDecoder("latin1")
const utf8 = new TextDecoder("utf-8")

/** The text up to the first NUL, or all of it. What is not UTF-8 is replaced, as TextDecoder does. */
export const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** One character a byte. */
export const asciiOf = (bytes: Uint8Array): string => latin1.decode(bytes)

/** Words of a machine, out of bytes that were read already. */
export class Words {
  readonly bytes: 4 | 8
  readonly little: boolean
  constructor(bytes: 4 | 8, little: boolean) {
    this.bytes = bytes
    this.little = little
  }
  u16(bytes: Uint8Array, at: number): number {
    return decode.uint16(bytes, at, this.little)
  }
  u32(bytes: Uint8Array, at: number): number {
    return decode.uint32(bytes, at, this.little)
  }
  i32(bytes: Uint8Array, at: number): number {
    return decode.int32(bytes, at, this.little)
  }
  u64(bytes: Uint8Array, at: number): bigint {
    return decode.uint64(bytes, at, this.little)
  }
  word(bytes: Uint8Array, at: number): bigint {
    return this.bytes === 8 ? this.u64(bytes, at) : BigInt(this.u32(bytes, at))
  }
  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  unsigned(bytes: Uint8Array, at: number, size: number): bigint {
    let value = 0n
    for (let i = 0; i < size; i++) {
      value = (value << 8n) | BigInt(bytes[this.little ? at + size - 1 - i : at + i]!)
    }
    return value
  }
}

/** A map and its words. Addresses are taken modulo 2^64 (2^32), as the machine's own arithmetic does. */
export class Memory {
  readonly map: Ready
  readonly words: Words
  private readonly impl: MemoryMapImpl
  constructor(map: Ready, words: Words) {
    this.map = map
    this.words = words
    this.impl = implOf(map)
  }
  static of(map: Ready): Memory {
    const { endian, wordSize } = implOf(map)
    return new Memory(map, new Words(wordSize === 32 ? 4 : 8, endian !== "big"))
  }
  wrap(address: bigint): bigint {
    return BigInt.asUintN(8 * this.words.bytes, address)
  }
  bytes(address: bigint, length: number): Effect.Effect<Uint8Array, ReadError> {
    return readBytes(this.impl, "getBytes", this.wrap(address), length)
  }
  /** As many bytes as there are before a hole, `length` at most; fails where there is none. */
  upTo(address: bigint, length: number): Effect.Effect<Uint8Array, ReadError> {
    return getBytesUpTo(this.impl, this.wrap(address), length)
  }
  u32(address: bigint): Effect.Effect<number, ReadError> {
    return Effect.map(this.bytes(address, 4), (bytes) => this.words.u32(bytes, 0))
  }
  word(address: bigint): Effect.Effect<bigint, ReadError> {
    return Effect.map(this.bytes(address, this.words.bytes), (bytes) => this.words.word(bytes, 0))
  }
  /** Text that ends at a NUL, a hole or after `most` bytes. */
  text(address: bigint, most: number): Effect.Effect<string, ReadError> {
    return Effect.map(this.upTo(address, most), textOf)
  }
  isMapped(address: bigint): boolean {
    return this.impl.at(this.wrap(address)) !== undefined
  }
}
