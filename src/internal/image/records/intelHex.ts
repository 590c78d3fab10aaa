// Intel Hexadecimal Object File Format Specification, Revision A (1988): reading and writing of its records.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import type { SourceError } from "../../../MemoryMapError.ts"
import { bytesText } from "../../base/numbers.ts"
import type { Encoder } from "../emit.ts"
import { cutShort, decodeHex, eachLine, firstLine, type NoRecord, type PassedLine, sum, textCapacity } from "./lines.ts"
import { hexByte, TextOutput } from "./output.ts"
import { Runs } from "./runs.ts"

export const FORMAT = "ihex"

/** Where a program starts: record 03 (real mode, CS:IP) or record 05 (EIP). */
export type Start =
  | { readonly _tag: "Segmented"; readonly cs: number; readonly ip: number }
  | { readonly _tag: "Linear"; readonly eip: number }

const COLON = 0x3a

/** The length each record type demands of its data; types beyond do not exist. */
const lengths: ReadonlyArray<number | undefined> = [undefined, 0, 2, 4, 2, 4]
const names = [
  "data",
  "end-of-file",
  "extended segment address",
  "start segment address",
  "extended linear address",
  "start linear address"
]

class RecordReader {
  readonly runs: Runs
  start: Start | undefined = undefined
  ended = false
  private base = 0
  private segmented = false
  /** Length, offset (2), type, up to 255 bytes of data, checksum. */
  private readonly record = new Uint8Array(260)

  constructor(capacity: number) {
    this.runs = new Runs(capacity)
  }

  readonly accept = (text: Uint8Array, from: number, to: number, line: number): string | NoRecord | undefined => {
    const { record } = this
    if (text[from] !== COLON) return { why: `a record starts with ":", this line does not` }
    const count = decodeHex(text, from + 1, to, record)
    if (count < 0) return "a record is pairs of hexadecimal digits, at most 260; this one is not"
    if (count < 5) return `a record takes 5 bytes or more, this one has ${count}`
    const length = record[0]!
    if (count !== length + 5) {
      return `the record says ${bytesText(length)} of data, the line holds ${count - 5}`
    }
    const total = sum(record, count)
    if (total !== 0) {
      const stored = record[count - 1]!
      return `the checksum is ${hexByte(stored)}, the bytes give ${hexByte((stored - total) & 0xff)}`
    }
    if (this.ended) return { why: "a record after the end-of-file record" }
    return this.take(record[3]!, length, line)
  }

  private take(type: number, length: number, line: number): string | undefined {
    const { record } = this
    if (type > 5) return `record type ${hexByte(type)} does not exist`
    const wanted = lengths[type]
    if (wanted !== undefined && length !== wanted) {
      return `an ${names[type]} record has ${bytesText(wanted)} of data, this one ${length}`
    }
    const high = (record[4]! << 8) | record[5]!
    const low = (record[6]! << 8) | record[7]!
    switch (type) {
      case 0:
        return this.data((record[1]! << 8) | record[2]!, length, line)
      case 1:
        this.ended = true
        break
      case 2:
        this.base = high * 0x10
        this.segmented = true
        break
      case 3:
        this.start = { _tag: "Segmented", cs: high, ip: low }
        break
      case 4:
        this.base = high * 0x1_0000
        this.segmented = false
        break
      case 5:
        this.start = { _tag: "Linear", eip: high * 0x1_0000 + low }
    }
    return undefined
  }

  /** After record 02, offsets wrap inside their 64 KiB segment, else addresses at 4 GiB: the formulas of "Data Record". */
  private data(offset: number, length: number, line: number): string | undefined {
    const { base, record, runs } = this
    const room = this.segmented ? 0x1_0000 - offset : 0x1_0000_0000 - base - offset
    const first = Math.min(length, room)
    return (
      runs.add(base + offset, record, 4, 4 + first, line) ??
      runs.add(this.segmented ? base : 0, record, 4 + first, 4 + length, line)
    )
  }
}

/** True when the first line has the form of a record; its checksum is left to those who read it, and name the line. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  Effect.map(firstLine(source), (text) => {
    const record = new Uint8Array(260)
    const count = decodeHex(text, 1, text.length, record)
    return text[0] === COLON && count >= 5 && count === record[0]! + 5
  })

/** Reads a whole file; when lenient, what is there of it. */
export const parse = Effect.fnUntraced(function* (source: ByteSource, lenient: boolean) {
  const reader = new RecordReader(textCapacity(source))
  const passed: Array<PassedLine> | undefined = lenient ? [] : undefined
  const lines = yield* eachLine(source, FORMAT, reader.accept, passed)
  if (!reader.ended) yield* cutShort(source, FORMAT, lines, "the end-of-file record (:00000001FF)", passed)
  return { runs: reader.runs, start: reader.start, passed: passed ?? [] }
})

/** Bytes to records, in ascending order of address. */
export class Writer implements Encoder {
  private upper = 0
  private readonly output: TextOutput
  private readonly length: number
  private readonly startAt: Start | undefined

  constructor(length: number, start: Start | undefined, newline: string) {
    this.length = length
    this.startAt = start
    this.output = new TextOutput(":", newline)
  }

  /** Records that end on multiples of `length` and of 64 KiB. */
  data(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const here = address + at
      const offset = here % 0x1_0000
      const upper = (here - offset) / 0x1_0000
      if (upper !== this.upper) this.record(4, 0, Uint8Array.of(upper >> 8, upper), 0, 2)
      this.upper = upper
      const room = Math.min(this.length - (offset % this.length), 0x1_0000 - offset)
      const next = Math.min(bytes.length, at + room)
      this.record(0, offset, bytes, at, next)
      at = next
    }
  }

  end(): void {
    const start = this.startAt
    if (start?._tag === "Linear") this.record(5, 0, word(start.eip), 0, 4)
    if (start?._tag === "Segmented") this.record(3, 0, word(start.cs * 0x1_0000 + start.ip), 0, 4)
    this.record(1, 0, new Uint8Array(0), 0, 0)
  }

  take(): Uint8Array {
    return this.output.take()
  }

  private record(type: number, offset: number, bytes: Uint8Array, from: number, to: number): void {
    const { output } = this
    output.begin()
    output.byte(to - from)
    output.byte(offset >> 8)
    output.byte(offset & 0xff)
    output.byte(type)
    for (let i = from; i < to; i++) output.byte(bytes[i]!)
    output.end((sum) => -sum & 0xff)
  }
}

const word = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)

/** Why `start` cannot be written, if so. */
export const checkStart = (start: Start): string | undefined => {
  const fits = (value: number, limit: number) => Number.isInteger(value) && value >= 0 && value < limit
  if (start._tag === "Linear") {
    return fits(start.eip, 0x1_0000_0000) ? undefined : `the start address ${start.eip} is no 32-bit number`
  }
  return fits(start.cs, 0x1_0000) && fits(start.ip, 0x1_0000)
    ? undefined
    : "CS and IP of a start address take 16 bits each"
}
