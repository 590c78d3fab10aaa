// Motorola S-records (M68000 Family Programmer's Reference Manual, appendix C; srec(5)): reading and writing of records.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import type { SourceError } from "../../../MemoryMapError.ts"
import { bytesText } from "../../base/numbers.ts"
import type { Encoder } from "../emit.ts"
import { cutShort, decodeHex, eachLine, firstLine, type NoRecord, type PassedLine, sum, textCapacity } from "./lines.ts"
import { hexByte, TextOutput } from "./output.ts"
import { Runs } from "./runs.ts"

export const FORMAT = "srec"

/** Bytes of the address field of S0 to S9; S4 is reserved. In S5 and S6 it is a count of data records. */
const addressBytes: ReadonlyArray<number> = [2, 2, 3, 4, 0, 2, 3, 4, 3, 2]

const LETTER = 0x53
const ZERO = 0x30

class RecordReader {
  readonly runs: Runs
  header: Uint8Array | undefined = undefined
  start = 0
  /** The last record was the one that ends a file, or a count of all data before it: srec_cat(1) may write no end. */
  isWhole = false
  private ended = false
  private records = 0
  /** Count, then up to 255 bytes of address, data and checksum. */
  private readonly record = new Uint8Array(256)

  constructor(capacity: number) {
    this.runs = new Runs(capacity)
  }

  readonly accept = (text: Uint8Array, from: number, to: number, line: number): string | NoRecord | undefined => {
    const { record } = this
    const type = to - from < 2 ? -1 : text[from + 1]! - ZERO
    if (text[from] !== LETTER || type < 0 || type > 9) {
      return { why: `a record starts with "S" and a digit, this line does not` }
    }
    const wide = addressBytes[type]!
    if (wide === 0) return "record type S4 is reserved"
    const count = decodeHex(text, from + 2, to, record)
    if (count < 0) return "a record is pairs of hexadecimal digits, at most 256; this one is not"
    if (count < 1 || record[0] !== count - 1) {
      return `the record says ${bytesText(record[0]!)} follow, the line holds ${Math.max(0, count - 1)}`
    }
    if (count < wide + 2) return `an S${type} record takes ${wide + 2} bytes or more, this one has ${count}`
    const total = sum(record, count)
    if (total !== 0xff) {
      const stored = record[count - 1]!
      return `the checksum is ${hexByte(stored)}, the bytes give ${hexByte((stored + 0xff - total) & 0xff)}`
    }
    if (this.ended) return { why: "a record after the one that ends the file" }
    return this.take(type, wide, count - 1, line)
  }

  /** `record[1 + wide, end)` is the data. */
  private take(type: number, wide: number, end: number, line: number): string | undefined {
    const { record } = this
    const data = 1 + wide
    let address = 0
    for (let i = 1; i < data; i++) address = address * 256 + record[i]!
    this.isWhole = type >= 5
    if (type >= 1 && type <= 3) {
      if (address + end - data > 0x1_0000_0000) return `the data reaches past 4 GiB, the last address is 0xffffffff`
      this.records++
      return this.runs.add(address, record, data, end, line)
    }
    if (type === 0) {
      this.header ??= record.slice(data, end)
      return undefined
    }
    if (end > data) return `an S${type} record has no data, this one has ${bytesText(end - data)}`
    if (type === 5 || type === 6) {
      return address === this.records ? undefined : `it counts ${address} data records, the file has ${this.records}`
    }
    this.ended = true
    this.start = address
    return undefined
  }
}

/** True when the first line has the form of a record; its checksum is left to those who read it, and name the line. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  Effect.map(firstLine(source), (text) => {
    const record = new Uint8Array(256)
    const wide = addressBytes[text.length < 2 || text[0] !== LETTER ? 4 : text[1]! - ZERO] ?? 0
    const count = decodeHex(text, 2, text.length, record)
    return wide > 0 && count >= wide + 2 && record[0] === count - 1
  })

/** Reads a whole file; when lenient, what is there of it. */
export const parse = Effect.fnUntraced(function* (source: ByteSource, lenient: boolean) {
  const reader = new RecordReader(textCapacity(source))
  const passed: Array<PassedLine> | undefined = lenient ? [] : undefined
  const lines = yield* eachLine(source, FORMAT, reader.accept, passed)
  const { header, isWhole, runs, start } = reader
  if (!isWhole) yield* cutShort(source, FORMAT, lines, "the record that ends the file (S7, S8 or S9)", passed)
  return { header, runs, start, passed: passed ?? [] }
})

/** Bits of the addresses of a file: S1 and S9, S2 and S8, or S3 and S7. */
export type AddressBits = 16 | 24 | 32

/** The narrowest addresses that reach `end`, which is not above 2^32. */
export const bitsFor = (end: bigint): AddressBits => (end <= 1n << 16n ? 16 : end <= 1n << 24n ? 24 : 32)

/** Bytes to records, in ascending order of address. */
export class Writer implements Encoder {
  private records = 0
  private readonly output: TextOutput
  private readonly length: number
  private readonly wide: number
  private readonly start: number

  constructor(length: number, bits: AddressBits, header: Uint8Array, start: number, newline: string) {
    this.length = length
    this.wide = bits / 8
    this.start = start
    this.output = new TextOutput("S", newline)
    this.record(0, 2, 0, header, 0, header.length)
  }

  /** Records that end on multiples of `length` and of 64 KiB. */
  data(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const offset = (address + at) % 0x1_0000
      const room = Math.min(this.length - (offset % this.length), 0x1_0000 - offset)
      const next = Math.min(bytes.length, at + room)
      this.record(this.wide - 1, this.wide, address + at, bytes, at, next)
      this.records++
      at = next
    }
  }

  /** The count of records, when it fits 24 bits, and the end. */
  end(): void {
    const none = new Uint8Array(0)
    if (this.records < 1 << 24) {
      const wide = this.records < 1 << 16 ? 2 : 3
      this.record(wide + 3, wide, this.records, none, 0, 0)
    }
    this.record(11 - this.wide, this.wide, this.start, none, 0, 0)
  }

  take(): Uint8Array {
    return this.output.take()
  }

  private record(type: number, wide: number, address: number, bytes: Uint8Array, from: number, to: number): void {
    const { output } = this
    output.begin()
    output.ascii(Uint8Array.of(ZERO + type))
    output.byte(wide + to - from + 1)
    for (let shift = 8 * (wide - 1); shift >= 0; shift -= 8) output.byte((address >>> shift) & 0xff)
    for (let i = from; i < to; i++) output.byte(bytes[i]!)
    output.end((sum) => ~sum & 0xff)
  }
}
