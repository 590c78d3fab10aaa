// Searching the slow way, to hold the quick ones against.
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AddressRange from "../../src/AddressRange.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import type { WordSize, Endian } from "../../src/MachineModel.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Pattern from "../../src/Pattern.ts"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"

/** A pattern, and what it means: the length of its longest match at the start of some bytes, or 0. */
export interface Spec {
  readonly pattern: Pattern.Input
  readonly lengthAt: (bytes: ReadonlyArray<number>, machine: Machine) => number
}

export interface Machine {
  readonly wordSize: WordSize
  readonly endian: Endian
}

export interface Laid {
  readonly kind: "bytes" | "read" | "zeros" | "slice"
  readonly start: bigint
  readonly bytes: ReadonlyArray<number>
}

const sourceOf = ({ bytes, kind }: Laid): ByteSource.ByteSource => {
  const all = Uint8Array.from(bytes)
  switch (kind) {
    case "bytes":
      return ByteSource.fromBytes(all)
    case "zeros":
      return ByteSource.zeros(BigInt(bytes.length))
    case "slice": {
      const whole = ByteSource.fromBytes(Uint8Array.from([7, 7, 7, ...bytes, 7]))
      return Effect.runSync(Effect.fromOption(ByteSource.slice(whole, 3n, BigInt(bytes.length))))
    }
    case "read":
      return ByteSource.make({
        name: "read",
        size: BigInt(bytes.length),
        read: (offset, length) => Effect.succeed(all.slice(Number(offset), Number(offset) + length))
      })
  }
}

/** The same bytes in a map and in the oracle; what does not fit below 2^64 is left out. */
export const build = Effect.fnUntraced(function* (laid: ReadonlyArray<Laid>, machine: Machine) {
  const fitting = laid.filter(({ bytes, start }) => bytes.length > 0 && start + BigInt(bytes.length) <= 1n << 64n)
  const first = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(1n), 0x7777_0000n)
  const map = yield* MemoryMap.addAll(
    first.pipe(MemoryMap.setWordSize(machine.wordSize), MemoryMap.setEndian(machine.endian)),
    fitting.map((one) => ({ source: sourceOf(one), address: one.start }))
  )
  const naive = fitting.reduce(
    (model, { bytes, kind, start }) => NaiveMap.add(model, kind === "zeros" ? bytes.map(() => 0) : bytes, start)!,
    NaiveMap.add(NaiveMap.empty, [0], 0x7777_0000n)!
  )
  return { map, cells: NaiveMap.cells(naive) }
})

/** Every match by trying every address: which of `specs`, where, how long. */
export const naive = (
  cells: ReadonlyMap<bigint, NaiveMap.Cell>,
  specs: ReadonlyArray<Spec>,
  machine: Machine,
  options: MemoryMap.SearchOptions = {}
) => {
  const { alignment = 1, range: { end, start } = AddressRange.full } = options
  const matches: Array<{ readonly address: bigint; readonly which: number; readonly length: number }> = []
  for (const address of [...cells.keys()].sort((a, b) => (a < b ? -1 : 1))) {
    if (address < start || address % BigInt(alignment) !== 0n) continue
    const bytes: Array<number> = []
    for (let at = address; at < end && bytes.length < 64; at++) {
      const cell = cells.get(at)
      if (cell === undefined) break
      bytes.push(cell.byte)
    }
    specs.forEach(({ lengthAt }, which) => {
      const length = lengthAt(bytes, machine)
      if (length > 0) matches.push({ address, which, length })
    })
  }
  return matches
}

const isBytes =
  (wanted: ReadonlyArray<number>, mask: ReadonlyArray<number> = []) =>
  (bytes: ReadonlyArray<number>): number =>
    wanted.every((byte, i) => i < bytes.length && ((byte ^ bytes[i]!) & (mask[i] ?? 255)) === 0) ? wanted.length : 0

const word = (bytes: ReadonlyArray<number>, { endian, wordSize }: Machine): bigint | undefined => {
  const own = bytes.slice(0, wordSize / 8)
  if (own.length < wordSize / 8) return undefined
  return (endian === "little" ? own.reverse() : own).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

const text = (bytes: ReadonlyArray<number>) => String.fromCharCode(...bytes)

/** As Pattern.regex, by trying JavaScript's own on every length. */
const isRegex =
  (source: string, reach: number, ignoreCase: boolean) =>
  (bytes: ReadonlyArray<number>): number => {
    const whole = new RegExp(`^(?:${source})$`, `s${ignoreCase ? "i" : ""}`)
    for (let length = Math.min(reach, bytes.length); length > 0; length--) {
      if (whole.test(text(bytes.slice(0, length)))) return length
    }
    return 0
  }

// Few byte values, so that needles nearly match all the time.
const Byte = Schema.Literals([0, 0, 0, 1, 0x61, 0x41, 0xff])
const bytes = (min: number, max: number) => Schema.Array(Byte).check(Schema.isMinLength(min), Schema.isMaxLength(max))
const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const sources = [
  "a",
  "[aA]",
  "a|A\\0",
  "\\0+a",
  "(a|\\x01)*\\xff",
  ".a.",
  "[^\\0]{2,3}",
  "a.*A",
  "(\\0a?){1,4}A",
  "\\w+",
  "(aa|a)+\\0",
  ".{5}\\xff",
  "\\0\\0\\0.*a",
  "Aa\\0?a",
  "\\0\\0a+",
  "a\\0\\0[aA]"
]

export const Description = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("Bytes"), bytes: bytes(1, 5) }),
  Schema.Struct({ _tag: Schema.Literal("Long"), bytes: bytes(7, 24) }),
  Schema.Struct({
    _tag: Schema.Literal("Text"),
    bytes: Schema.Array(Schema.Literals([0x61, 0x41, 0, 0x31])).check(Schema.isMinLength(1), Schema.isMaxLength(9))
  }),
  Schema.Struct({ _tag: Schema.Literal("Wide"), text: Schema.Literals(["a", "aA", "\u4161", "a\u0041\u6100"]) }),
  Schema.Struct({
    _tag: Schema.Literal("Masked"),
    bytes: bytes(1, 9),
    masks: Schema.Array(Schema.Literals([0, 0xf0, 0x0f, 0xff, 0xff, 0xdf, 1])).check(
      Schema.isMinLength(9),
      Schema.isMaxLength(9)
    )
  }),
  Schema.Struct({ _tag: Schema.Literal("Word"), bytes: bytes(8, 8) }),
  Schema.Struct({
    _tag: Schema.Literal("Range"),
    bytes: bytes(8, 8),
    size: Schema.Literals([1n, 2n, 0x100n, 0x61000000n, 1n << 40n])
  }),
  Schema.Struct({ _tag: Schema.Literal("Integer"), bytes: bytes(2, 2), endian: Schema.Literals(["little", "big"]) }),
  Schema.Struct({
    _tag: Schema.Literal("Regex"),
    source: Schema.Literals(sources),
    ignoreCase: Schema.Boolean,
    reach: int(3, 40)
  })
])

const wide = (text: string) => Array.from(text, (char) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8]).flat()

const foldMask = (bytes: ReadonlyArray<number>) => bytes.map((b) => (b === 0x61 || b === 0x41 ? 0xdf : 0xff))

export const specOf = (one: typeof Description.Type, machine: Machine): Spec => {
  switch (one._tag) {
    case "Bytes":
    case "Long":
      return { pattern: Uint8Array.from(one.bytes), lengthAt: isBytes(one.bytes) }
    case "Text":
      return {
        pattern: Pattern.text(text(one.bytes), { ignoreCase: true }),
        lengthAt: isBytes(one.bytes, foldMask(one.bytes))
      }
    case "Wide": {
      const mask = Array.from(one.text, (char) => [/[aA]/.test(char) ? 0xdf : 0xff, 0xff]).flat()
      return {
        pattern: Pattern.text(one.text, { encoding: "utf16le", ignoreCase: true }),
        lengthAt: isBytes(wide(one.text), mask)
      }
    }
    case "Masked": {
      const mask = one.bytes.map((_, i) => (i === 0 && one.masks[0] === 0 ? 1 : one.masks[i]!))
      return {
        pattern: Pattern.masked(Uint8Array.from(one.bytes), Uint8Array.from(mask)),
        lengthAt: isBytes(one.bytes, mask)
      }
    }
    case "Word": {
      const value = word(one.bytes, machine)!
      return {
        pattern: Pattern.word(value),
        lengthAt: (at) => (word(at, machine) === value ? machine.wordSize / 8 : 0)
      }
    }
    case "Range": {
      const low = word(one.bytes, machine)!
      const top = 1n << BigInt(machine.wordSize)
      const high = low + one.size > top ? top : low + one.size
      return {
        pattern: Pattern.wordInRange(low, high),
        lengthAt: (at) => {
          const value = word(at, machine)
          return value !== undefined && value >= low && value < high ? machine.wordSize / 8 : 0
        }
      }
    }
    case "Integer": {
      const [a = 0, b = 0] = one.endian === "little" ? one.bytes : [...one.bytes].reverse()
      return { pattern: Pattern.uint16(a + 256 * b, { endian: one.endian }), lengthAt: isBytes(one.bytes) }
    }
    case "Regex":
      return {
        pattern: Pattern.regex(one.source, { ignoreCase: one.ignoreCase, reach: Math.max(7, one.reach) }),
        lengthAt: isRegex(one.source, Math.max(7, one.reach), one.ignoreCase)
      }
  }
}

export const Layout = Schema.Struct({
  laid: Schema.Array(
    Schema.Struct({ kind: Schema.Literals(["bytes", "read", "zeros", "slice"]), at: int(0, 60), bytes: bytes(1, 24) })
  ).check(Schema.isMinLength(1), Schema.isMaxLength(9)),
  origin: Schema.Literals([0n, (1n << 32n) - 30n, (1n << 63n) - 30n, (1n << 64n) - 48n]),
  wordSize: Schema.Literals([32, 64]),
  endian: Schema.Literals(["little", "big"]),
  block: Schema.Literals([1, 2, 3, 8, 64]),
  gather: Schema.Literals([1, 4, 16])
})

export const layouts = Arbitrary.schema(Layout)
