// strings(1) over a map. Texts may be of any length, so nothing is carried over but the text at hand.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { full } from "../../../AddressRange.ts"
import type { AddressedText, StringsOptions } from "../../../MemoryMap.ts"
import type { SourceError } from "../../../MemoryMapError.ts"
import { checkCount, checkRange } from "../../base/arguments.ts"
import type { MemoryMapImpl } from "../../map/map.ts"
import type { Loaded } from "./load.ts"
import { piecesOf } from "./pieces.ts"
import { type BlockSearcher, scan } from "./scan.ts"
import { BlockSizes } from "./sizes.ts"

/** Characters in one text, at most: longer ones are given in parts. */
const LONGEST = 1 << 16

type Encoding = NonNullable<StringsOptions["encoding"]>

const printable = (encoding: Encoding): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, b) =>
    b === 9 || (b >= 0x20 && b <= 0x7e) || (encoding === "latin1" && b >= 0xa0) ? 1 : 0
  )

/** The characters of a text so far, without an object for each. */
class Text {
  private readonly codes = new Uint8Array(LONGEST)
  length = 0
  address = 0n

  begin(address: bigint): void {
    this.length = 0
    this.address = address
  }
  add(code: number): void {
    this.codes[this.length++] = code
  }
  toString(): string {
    let text = ""
    for (let i = 0; i < this.length; i += 4096) {
      text += String.fromCharCode(...this.codes.subarray(i, Math.min(i + 4096, this.length)))
    }
    return text
  }
}

/** Goes through the bytes of a map in order. A block that does not begin where the one before ended is behind a hole. */
class Texts implements BlockSearcher<AddressedText> {
  readonly step = 1 << 19
  private readonly text = new Text()
  private readonly isPrintable: Uint8Array
  private readonly least: number
  readonly width: 1 | 2
  /** Of the two bytes of a unit, the one that holds the character. */
  private readonly low: 0 | 1
  /** The text at hand goes on from a part that has been given already. */
  private isRest = false
  /** The byte before, when it may be the first one of a unit. */
  private half: number | undefined = undefined
  private found: Array<AddressedText> = []
  private reached = -1n

  constructor(encoding: Encoding, least: number) {
    this.isPrintable = printable(encoding)
    this.least = least
    this.width = encoding === "utf16le" || encoding === "utf16be" ? 2 : 1
    this.low = encoding === "utf16be" ? 1 : 0
  }

  search({ address, bytes }: Loaded, from: number, to: number) {
    if (address + BigInt(from) !== this.reached) this.cut()
    this.reached = address + BigInt(to)
    if (this.width === 1) this.narrow(bytes, from, to, address)
    else for (let i = from; i < to; i++) this.wide(bytes[i]!, i, address)
    return { hits: this.give(), next: to }
  }

  hitsAt(): ReadonlyArray<AddressedText> {
    return []
  }

  end(): ReadonlyArray<AddressedText> {
    this.cut()
    return this.give()
  }

  private give(): ReadonlyArray<AddressedText> {
    const { found } = this
    if (found.length > 0) this.found = []
    return found
  }

  /** The text at hand goes on no longer. */
  private cut(): void {
    const { text } = this
    this.half = undefined
    if (text.length >= (this.isRest ? 1 : this.least)) this.found.push({ address: text.address, text: text.toString() })
    text.length = 0
    this.isRest = false
  }

  private add(code: number, address: bigint): void {
    if (this.text.length === LONGEST) {
      this.found.push({ address: this.text.address, text: this.text.toString() })
      this.text.length = 0
      this.isRest = true
    }
    if (this.text.length === 0) this.text.begin(address)
    this.text.add(code)
  }

  private narrow(bytes: Uint8Array, from: number, to: number, address: bigint): void {
    const { isPrintable, least, text } = this
    let i = from
    while (i < to) {
      if (isPrintable[bytes[i]!] === 0) {
        if (text.length > 0) this.cut()
        i++
        continue
      }
      let stop = i + 1
      while (stop < to && isPrintable[bytes[stop]!] === 1) stop++
      // Most of what is printable is too short, and need not be kept.
      if (text.length === 0 && stop < to && stop - i < least) i = stop
      for (; i < stop; i++) this.add(bytes[i]!, address + BigInt(i))
    }
  }

  /** After a unit that is no character, the next one may begin at its second byte. */
  private wide(byte: number, index: number, address: bigint): void {
    const first = this.half
    if (first === undefined) {
      this.half = byte
      return
    }
    const [code, high] = this.low === 0 ? [first, byte] : [byte, first]
    if (high === 0 && this.isPrintable[code] === 1) {
      this.add(code, address + BigInt(index - 1))
      this.half = undefined
    } else {
      this.cut()
      this.half = byte
    }
  }
}

export const strings = (map: MemoryMapImpl, options: StringsOptions = {}): Stream.Stream<AddressedText, SourceError> =>
  Stream.unwrap(
    Effect.map(BlockSizes, ({ block, gather }) => {
      const { encoding = "ascii", minLength = 4, range = full } = options
      checkCount("MemoryMap.strings", "minLength", minLength, 1, LONGEST)
      checkRange("strings", range)
      const texts = new Texts(encoding, minLength)
      return scan({
        pieces: piecesOf(map, range.start, range.end),
        sizes: { reach: texts.width, block, read: block, gather, skipsZeros: true },
        searcher: texts,
        kernel: undefined,
        progress: undefined
      })
    })
  )
