// strings(1) over a map. Texts may be of any length, so nothing is carried over but the text at hand.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { full } from "../../AddressRange.ts"
import type { AddressedText, StringsOptions } from "../../MemoryMap.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import type { MemoryMapImpl } from "../map.ts"
import { piecesOf } from "./search.ts"
import { BlockSizes } from "./sizes.ts"
import { type Task, tasks } from "./tasks.ts"

/** Characters in one text, at most: longer ones are given in parts. */
const LONGEST = 1 << 16

/** Bytes between two stops for the event loop. */
const SLICE = 1 << 19

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

/** Goes through the bytes of a map in order, and is told of holes. */
class Finder {
  private readonly text = new Text()
  private readonly isPrintable: Uint8Array
  private readonly least: number
  private readonly width: 1 | 2
  /** Of the two bytes of a unit, the one that holds the character. */
  private readonly low: 0 | 1
  /** The byte before, when it may be the first one of a unit. */
  private half: number | undefined = undefined
  found: Array<AddressedText> = []

  constructor(encoding: Encoding, least: number) {
    this.isPrintable = printable(encoding)
    this.least = least
    this.width = encoding === "utf16le" || encoding === "utf16be" ? 2 : 1
    this.low = encoding === "utf16be" ? 1 : 0
  }

  end(): void {
    const { text } = this
    this.half = undefined
    if (text.length >= this.least) this.found.push({ address: text.address, text: text.toString() })
    text.length = 0
  }

  look(bytes: Uint8Array, from: number, to: number, address: bigint): void {
    if (this.width === 1) this.narrow(bytes, from, to, address)
    else for (let i = from; i < to; i++) this.wide(bytes[i]!, i, address)
  }

  private add(code: number, address: bigint): void {
    if (this.text.length === LONGEST) {
      this.found.push({ address: this.text.address, text: this.text.toString() })
      this.text.length = 0
    }
    if (this.text.length === 0) this.text.begin(address)
    this.text.add(code)
  }

  private narrow(bytes: Uint8Array, from: number, to: number, address: bigint): void {
    const { isPrintable, least, text } = this
    let i = from
    while (i < to) {
      if (isPrintable[bytes[i]!] === 0) {
        if (text.length > 0) this.end()
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
      this.end()
      this.half = byte
    }
  }
}

const run = (
  upstream: Pull.Pull<Arr.NonEmptyReadonlyArray<Task>>,
  finder: Finder
): Pull.Pull<Arr.NonEmptyReadonlyArray<AddressedText>, SourceError> => {
  let task: Task | undefined
  let index = 0
  let from = 0
  let work = 0
  let reached = -1n
  const emit = (): Arr.NonEmptyReadonlyArray<AddressedText> | undefined => {
    const { found } = finder
    finder.found = []
    return found.length > 0 ? (found as unknown as Arr.NonEmptyReadonlyArray<AddressedText>) : undefined
  }
  const finish = Effect.suspend(() => {
    finder.end()
    const texts = emit()
    return texts === undefined ? Cause.done() : Effect.succeed(texts)
  })
  const next: typeof pull = Effect.flatMap(upstream, ([first]) => {
    task = first
    index = 0
    return pull
  })
  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<AddressedText>, SourceError> = Effect.suspend(() => {
    for (;;) {
      const texts = emit()
      if (texts !== undefined) return Effect.succeed(texts)
      if (work >= SLICE) {
        work = 0
        return Effect.andThen(Effect.yieldNow, pull)
      }
      if (task === undefined) return next
      const block = task.blocks[index]
      if (block === undefined) {
        const { error } = task
        if (error === undefined) {
          task = undefined
          continue
        }
        finder.end()
        const before = emit()
        return before === undefined ? error : Effect.succeed(before)
      }
      const { address, bytes, piece } = block
      if (from === 0 && address !== reached) finder.end()
      if (bytes.length !== block.length || (piece !== undefined && piece.source.resident === undefined)) {
        const blocks = task.blocks
        return Effect.flatMap(piece!.source.read(address - piece!.origin, block.length), (read) => {
          blocks[index] = { ...block, bytes: read, piece: undefined }
          return pull
        })
      }
      const to = Math.min(block.starts, from + SLICE)
      finder.look(bytes, from, to, address)
      work += to - from + 256
      reached = address + BigInt(to)
      from = to
      if (to === block.starts) {
        index++
        from = 0
      }
    }
  })
  return Pull.catchDone(pull, () => finish)
}

export const strings = (map: MemoryMapImpl, options: StringsOptions = {}): Stream.Stream<AddressedText, SourceError> =>
  Stream.unwrap(
    Effect.map(BlockSizes, (sizes) => {
      const { encoding = "ascii", minLength = 4, range = full } = options
      const least = Math.max(1, Math.min(LONGEST, minLength))
      return Stream.fromPull(
        Effect.sync(() => {
          const pieces = piecesOf(map, range.start, range.end)
          const upstream = tasks(pieces, { reach: 1, ...sizes, skipsZeros: true })
          return run(upstream, new Finder(encoding, least))
        })
      )
    })
  )
