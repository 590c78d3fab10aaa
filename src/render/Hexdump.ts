/**
 * Bytes as rows of 16: address, hexadecimal, text.
 *
 * Rows begin at multiples of 16. What is no byte is never shown as one: `--` is a hole, `xx` a hole that says why (bytes
 * left out of a dump), `??` bytes that are there but could not be read. Equal rows are shown once, the rest is counted
 * in a row that begins with `*`, so that a hole of any size takes two rows.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Address, AddressRange } from "../AddressRange.ts"
import { END, sizeText } from "../internal/base/numbers.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { type Line, type Span, span, type Style } from "./Line.ts"

/**
 * What a dump shows: runs of bytes and holes, as `MemoryMap.getSparse` gives them, and bytes that could not be read.
 *
 * @category models
 * @since 0.1.0
 */
export type Part =
  | MemoryMap.SparsePart
  | { readonly _tag: "Unreadable"; readonly range: AddressRange; readonly reason: string }

/**
 * `digits`: how many hexadecimal digits an address has (default: 8 as long as 32 bits do for the first part, else 16).
 * `highlight`: ranges to show as matches. `squeeze`: whether equal rows are counted instead of shown (default: true).
 * `styled`: whether bytes have styles (default: true); without, a long dump takes a fifth of the time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly digits?: number | undefined
  readonly highlight?: ReadonlyArray<AddressRange> | undefined
  readonly squeeze?: boolean | undefined
  readonly styled?: boolean | undefined
}

const WIDTH = 16
const WIDTH_BIG = 16n
const BLANK = 0x100
const HOLE = 0x101
const ABSENT = 0x102
const UNREADABLE = 0x103

const styleOf = (byte: number): Style => {
  if (byte === 0) return "byteZero"
  if (byte > 0x7f) return "byteHigh"
  if (byte > 0x20 && byte < 0x7f) return "bytePrintable"
  return byte === 0x20 || (byte >= 9 && byte <= 13) ? "byteSpace" : "byteControl"
}

/** How each cell looks: first the bytes, then what is no byte. */
const cellTexts = [
  ...Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")),
  "  ",
  "--",
  "xx",
  "??"
]
const cellStyles: ReadonlyArray<Style | undefined> = [
  ...Array.from({ length: 256 }, (_, byte) => styleOf(byte)),
  undefined,
  "hole",
  "absent",
  "unreadable"
]
const cellChars = cellTexts.map((_, cell) =>
  cell >= 0x20 && cell < 0x7f ? String.fromCharCode(cell) : cell < BLANK ? "." : " "
)

/**
 * An address, padded with zeros so that addresses stand below each other.
 *
 * @category serialization
 * @since 0.1.0
 */
export const addressText = (address: bigint, digits: number): string =>
  `0x${address.toString(16).padStart(digits, "0")}`

/**
 * How many digits addresses below `end` need in a table: 8 for those of 32 bits, else 16.
 *
 * @category getters
 * @since 0.1.0
 */
export const addressDigits = (end: bigint): 8 | 16 => (end <= 1n << 32n ? 8 : 16)

/**
 * How many digits the addresses of a map need in a table.
 *
 * @category getters
 * @since 0.1.0
 */
export const mapDigits = (map: MemoryMap.Any): 8 | 16 =>
  Option.match(MemoryMap.bounds(map), { onNone: () => 8, onSome: ({ end }) => addressDigits(end) })

const codes = (texts: ReadonlyArray<string>, i: number) => Uint8Array.from(texts, (text) => text.charCodeAt(i))
const firstCodes = codes(cellTexts, 0)
const secondCodes = codes(cellTexts, 1)
const charCodes = codes(cellChars, 0)

// All of a row but the address, as it looks without cells: the text begins behind the bar.
const blankRow = Array.from(`${" ".repeat(52)}|${" ".repeat(WIDTH)}|`, (character) => character.charCodeAt(0))
const FIRST_CHAR = 53

/** A row in one string that is made in one go, for dumps of many megabytes. */
const unstyled = (cells: Uint16Array): string => {
  const row = blankRow.slice()
  for (let i = 0; i < WIDTH; i++) {
    const cell = cells[i] ?? BLANK
    const at = 2 + 3 * i + (i < 8 ? 0 : 1)
    row[at] = firstCodes[cell] ?? 0
    row[at + 1] = secondCodes[cell] ?? 0
    row[FIRST_CHAR + i] = charCodes[cell] ?? 0
  }
  return String.fromCharCode(...row)
}

/** Gathers cells into rows, and equal rows into one. */
class Rows {
  private readonly digits: number
  private readonly highlight: ReadonlyArray<AddressRange>
  private readonly squeeze: boolean
  private readonly styled: boolean
  private cells = new Uint16Array(WIDTH).fill(BLANK)
  private shown = new Uint16Array(WIDTH)
  private hasShown = false
  private start: bigint | undefined
  private filled = 0
  private last: bigint = 0n
  private skipped = 0n
  private note: string | undefined
  private readonly out: Array<Line> = []

  constructor(digits: number, options: Options) {
    this.digits = digits
    this.highlight = options.highlight ?? []
    this.squeeze = options.squeeze ?? true
    this.styled = options.styled ?? true
  }

  /** Adds a part and gives the rows that are complete. */
  push(part: Part): ReadonlyArray<Line> {
    this.out.length = 0
    if (part._tag === "Run") this.bytes(part.start, part.bytes)
    else {
      const cell = part._tag === "Unreadable" ? UNREADABLE : part.reason === undefined ? HOLE : ABSENT
      const size = sizeText(part.range.end - part.range.start)
      const end = part.range.end === END ? "the end of the address space" : addressText(part.range.end, this.digits)
      const what = part._tag === "Unreadable" ? "unreadable" : "hole"
      this.fill(part.range, cell, `${what}, ${size}, to ${end}${part.reason === undefined ? "" : `: ${part.reason}`}`)
    }
    return this.out.slice()
  }

  /** The rows that are left. */
  end(): ReadonlyArray<Line> {
    this.out.length = 0
    if (this.filled > 0) this.row(1n, undefined)
    this.flush()
    return this.out.slice()
  }

  private bytes(address: bigint, bytes: Uint8Array) {
    this.seek(address)
    for (const byte of bytes) {
      this.cells[this.filled++] = byte
      if (this.filled === WIDTH) this.row(1n, undefined)
    }
  }

  private fill(range: AddressRange, cell: number, note: string) {
    this.seek(range.start)
    let left = range.end - range.start
    while (left > 0n) {
      const whole = this.filled === 0 ? left / WIDTH_BIG : 0n
      if (whole > 0n) {
        this.cells.fill(cell)
        this.row(whole, note)
        left -= whole * WIDTH_BIG
      } else {
        this.cells[this.filled++] = cell
        left--
        if (this.filled === WIDTH) this.row(1n, note)
      }
    }
  }

  /** Goes on at an address; what lies between it and the last one was not asked for. */
  private seek(address: bigint) {
    const row = address - (address % WIDTH_BIG)
    if (this.start !== undefined && this.start !== row) {
      if (this.filled > 0) this.row(1n, undefined)
      this.flush()
      this.hasShown = false
    }
    this.start = row
    this.filled = Number(address - row)
  }

  /** Takes the cells as `count` equal rows. */
  private row(count: bigint, note: string | undefined) {
    const start = this.start ?? 0n
    const same = this.squeeze && this.isShown()
    let skipped = count
    if (!same || note !== this.note) {
      this.flush()
      this.out.push(this.line(start, this.cells))
      const cells = this.shown
      this.shown = this.cells
      this.cells = cells
      this.hasShown = true
      this.note = note
      skipped--
    }
    this.skipped += skipped
    this.start = start + count * WIDTH_BIG
    this.last = this.start - WIDTH_BIG
    this.filled = 0
    this.cells.fill(BLANK)
  }

  /** Whether the cells are those of the row shown last. */
  private isShown(): boolean {
    if (!this.hasShown) return false
    for (let i = 0; i < WIDTH; i++) if (this.shown[i] !== this.cells[i]) return false
    return true
  }

  private flush() {
    if (this.skipped === 1n) this.out.push(this.line(this.last, this.shown))
    else if (this.skipped > 1n) {
      const text = this.note ?? `${this.skipped} more rows like this`
      this.out.push([span("*".padEnd(this.digits + 4), "address"), span(text, "note")])
    }
    this.skipped = 0n
  }

  private styleAt(start: bigint, i: number, cell: number): Style | undefined {
    if (this.highlight.length > 0 && cell < BLANK) {
      const address = start + BigInt(i)
      if (this.highlight.some((range) => address >= range.start && address < range.end)) return "match"
    }
    return cellStyles[cell]
  }

  private line(start: bigint, cells: Uint16Array): Line {
    return this.styled ? this.styledLine(start, cells) : [span(`${addressText(start, this.digits)}${unstyled(cells)}`)]
  }

  private styledLine(start: bigint, cells: Uint16Array): Line {
    const line: Array<Span> = [span(addressText(start, this.digits), "address")]
    const right: Array<Span> = [span("  |", "address")]
    let text = ""
    let chars = ""
    let style: Style | undefined
    for (let i = 0; i < WIDTH; i++) {
      const cell = cells[i] ?? BLANK
      const next = this.styleAt(start, i, cell)
      const gap = i % 8 === 0 ? "  " : " "
      // A gap has the style of its neighbours when they agree, so that they are one span.
      if (next === style) text += gap
      else {
        if (text !== "") line.push({ text, style })
        if (chars !== "") right.push({ text: chars, style })
        line.push({ text: gap, style: undefined })
        text = chars = ""
        style = next
      }
      text += cellTexts[cell]
      chars += cellChars[cell]
    }
    line.push({ text, style })
    right.push({ text: chars, style }, span("|", "address"))
    for (const part of right) line.push(part)
    return line
  }
}

const startOf = (part: Part): Address => (part._tag === "Run" ? part.start : part.range.start)

/**
 * The rows of a dump.
 *
 * **Example** (Bytes and a hole)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressRange, MemoryMap } from "effect-memory-map"
 * import * as Hexdump from "effect-memory-map/render/Hexdump"
 * import * as Line from "effect-memory-map/render/Line"
 *
 * const map = Effect.runSync(MemoryMap.fromString("Hello", 0x1000n))
 * const parts = Effect.runSync(MemoryMap.getSparse(map, AddressRange.make(0x1000n, 0x1008n)))
 * Hexdump.lines(parts).map(Line.plain) // => ["0x00001000  48 65 6c 6c 6f -- -- --                           |Hello           |"]
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const lines = (parts: Iterable<Part>, options: Options = {}): ReadonlyArray<Line> => {
  let rows: Rows | undefined
  const all: Array<Line> = []
  for (const part of parts) {
    rows ??= new Rows(options.digits ?? addressDigits(startOf(part)), options)
    for (const line of rows.push(part)) all.push(line)
  }
  return rows === undefined ? [] : [...all, ...rows.end()]
}

/**
 * The rows of a dump of any length, in constant memory.
 *
 * @category rendering
 * @since 0.1.0
 */
export const stream = <E, R>(parts: Stream.Stream<Part, E, R>, options: Options = {}): Stream.Stream<Line, E, R> =>
  Stream.mapAccum(
    parts,
    (): Rows | undefined => undefined,
    (state, part) => {
      const rows = state ?? new Rows(options.digits ?? addressDigits(startOf(part)), options)
      return [rows, rows.push(part)] as const
    },
    { onHalt: (rows) => rows?.end() ?? [] }
  )
