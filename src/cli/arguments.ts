// Arguments and flags that several commands take, and the one number grammar.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Param from "effect/cli/Param"
import * as Primitive from "effect/cli/Primitive"
import * as AddressRange from "../AddressRange.ts"
import { parseNumber } from "../internal/base/numbers.ts"
import * as MemoryImage from "../MemoryImage.ts"
import * as PageTable from "../PageTable.ts"
import * as Written from "./written.ts"

const parser =
  <A>(name: string, parse: (text: string) => Result.Result<A, string>) =>
  (text: string): Effect.Effect<A, CliError.CliError> =>
    Effect.mapError(
      Effect.fromResult(parse(text)),
      (why) => new CliError.ValidationError({ message: `${name}: ${why}` })
    )

/** An argument read by a parser that says in words what is wrong. */
export const parsed = <A>(name: string, parse: (text: string) => Result.Result<A, string>): Argument.Argument<A> =>
  Argument.mapEffect(Argument.String(name), parser(name, parse))

const parsedFlag = <A>(name: string, metavar: string, parse: (text: string) => Result.Result<A, string>) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.mapEffect(parser(`--${name}`, parse)))

/** An address, and in words what is wrong with a text that is none. */
export const parseAddress = (text: string): Result.Result<bigint, string> =>
  Result.mapError(AddressRange.parseAddress(text), ({ why }) => why)

/** Where to begin, and where to end if a range was given. */
export const place: Argument.Argument<Written.Written<Written.Place>> = parsed(
  "ADDRESS",
  Written.writtenPlace("ADDRESS")
).pipe(
  Argument.withDescription(
    "Where: decimal, 0x hexadecimal with _ where wanted, or a size such as 4KiB; a symbol of the kernel in the image; or a range, A..B or A+N"
  )
)

export const size = (name: string): Argument.Argument<bigint> => parsed(name, parseNumber)

export const rangeFlag = (name: string) => parsedFlag(name, "A..B", Written.writtenRange(`--${name}`))

export const range = Flag.optional(
  rangeFlag("range").pipe(
    Flag.withDescription(
      "Only these addresses: A..B (B excluded) or A+N (N bytes from A); A may be a symbol of the kernel"
    )
  )
)

const parseSigned = (text: string): Result.Result<bigint, string> => {
  const [, sign, number = ""] = /^([+-]?)(.*)$/s.exec(text.trim()) ?? []
  return Result.map(parseNumber(number), (value) => (sign === "-" ? -value : value))
}

/** A number of bytes that may be negative. */
export const signed = (name: string): Flag.Flag<bigint> => parsedFlag(name, "N", parseSigned)

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** A whole number from `least` to `most`, as a JavaScript number. */
const between =
  (name: string, least: bigint, most: bigint) =>
  (value: bigint): Effect.Effect<number, CliError.CliError> =>
    value >= least && value <= most
      ? Effect.succeed(Number(value))
      : new CliError.ValidationError({
          message: `${name}: ${value} is too ${value < least ? `small: ${least} at least` : `large: ${most} at most`}`
        })

export const count = (name: string, least = 1n, most = MAX_SAFE): Flag.Flag<number> =>
  parsedFlag(name, "N", parseNumber).pipe(Flag.mapEffect(between(`--${name}`, least, most)))

export const countArgument = (name: string): Argument.Argument<number> =>
  Argument.mapEffect(parsed(name, parseNumber), between(name, 1n, MAX_SAFE))

/** A flag that is there or not. */
export const flag = (name: string, description: string, alias?: string) => {
  const boolean = Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))
  return alias === undefined ? boolean : Flag.withAlias(boolean, alias)
}

export const stats = flag("stats", "Tell on stderr what was searched and what was not, and how fast")

/**
 * A file by its name as it was written, which error messages and tables repeat; Effect's own would make it absolute.
 * Shells complete it.
 */
const file = <const Kind extends Param.ParamKind>(kind: Kind, name: string) =>
  Param.makeSingle({
    kind,
    name,
    primitiveType: Object.assign(Primitive.Path("file"), { parse: (text: string) => Effect.succeed(text) }),
    typeName: "file"
  })

export const fileArgument = (name: string): Argument.Argument<string> => file(Param.argumentKind, name)
export const fileFlag = (name: string): Flag.Flag<string> => file(Param.flagKind, name)

const imageText = "A file in a format that memmap knows, or PATH@ADDRESS: raw bytes at an address"

export const image: Argument.Argument<string> = fileArgument("IMAGE").pipe(Argument.withDescription(imageText))

export const images: Argument.Argument<ReadonlyArray<string>> = fileArgument("IMAGE").pipe(
  Argument.withDescription(`${imageText}; several lie over each other, the last on top`),
  Argument.variadic({ min: 1 })
)

const parsePaging = (text: string): Result.Result<PageTable.PageTable, string> =>
  Option.match(PageTable.fromName(text), {
    onNone: () => Result.fail(`"${text}" is none of ${PageTable.names.join(", ")}`),
    onSome: Result.succeed
  })

/** Flags of every command that opens images. */
export const opening = {
  over: fileFlag("over").pipe(
    Flag.withMetavar("IMAGE"),
    Flag.withDescription("Lay another image over those before it; may be repeated"),
    Flag.atLeast(0)
  ),
  wordSize: Flag.Literals("word-size", ["32", "64"]).pipe(
    Flag.withMetavar("BITS"),
    Flag.withDescription("Word size in bits, when the image does not say"),
    Flag.optional
  ),
  endian: Flag.Literals("endian", ["little", "big"]).pipe(
    Flag.withMetavar("ORDER"),
    Flag.withDescription("Byte order, when the image does not say"),
    Flag.optional
  ),
  format: Flag.Literals("format", MemoryImage.formats).pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Open the image as this format, whatever it looks like"),
    Flag.optional
  ),
  physical: flag("physical", "ELF: physical addresses instead of virtual ones"),
  family: count("family", 0n, 0xffff_ffffn).pipe(
    Flag.withDescription("UF2: the blocks of this family (chip) alone; convert: the family to write"),
    Flag.optional
  ),
  lenient: flag("lenient", "Intel HEX, S-records: pass over what is no record, and a missing end; what was is told"),
  truncated: flag("truncated", "ELF: open a file that was cut short; what is missing is a hole"),
  space: Flag.String("space").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      "Dumps of machines: the address space to look at: physical, kernel, cpuN (of a processor, from 0), root:ADDRESS, or the number of a process"
    ),
    Flag.optional
  ),
  paging: parsedFlag("paging", "FORMAT", parsePaging).pipe(
    Flag.withDescription(
      "--space root:ADDRESS: the format of its page tables, when the image does not say: x86-64, x86-64-la57, i386, i386-pae, aarch64-4k-48, riscv-sv39, ..."
    ),
    Flag.optional
  )
} as const

export interface Opening {
  readonly over: ReadonlyArray<string>
  readonly wordSize: Option.Option<"32" | "64">
  readonly endian: Option.Option<"little" | "big">
  readonly format: Option.Option<MemoryImage.Format>
  readonly physical: boolean
  readonly family: Option.Option<number>
  readonly lenient: boolean
  readonly truncated: boolean
  readonly space: Option.Option<string>
  readonly paging: Option.Option<PageTable.PageTable>
}
