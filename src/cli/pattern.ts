// What memmap find is asked to search for.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as MachineModel from "../MachineModel.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as Pattern from "../Pattern.ts"
import * as args from "./arguments.ts"
import { Refused } from "./errors.ts"
import { machineOf } from "./machine.ts"
import { type Written, writtenAddress } from "./written.ts"

/** Flags that say what the patterns are. */
export const flags = {
  hex: args.flag("hex", "PATTERN is bytes in hexadecimal; ? stands for any digit: '4c 8b ?? 1?'"),
  regex: args.flag("regex", "PATTERN is a regular expression over bytes"),
  pointer: args.flag("pointer", "PATTERN is an address: find the words that point to it"),
  utf16: args.flag("utf16", "PATTERN is text in UTF-16, in the byte order of the image, else little-endian"),
  ignoreCase: args.flag("ignore-case", "Letters A to Z match in either case", "i"),
  pointsInto: args
    .rangeFlag("points-into")
    .pipe(Flag.withDescription("Instead of PATTERN: find the words that point into A..B"), Flag.optional),
  align: args
    .count("align", 1n, 1n << 48n)
    .pipe(Flag.withDescription("Only matches at multiples of N (pointers: of the word size)"), Flag.optional)
} as const

type Input = Command.Command.Config.Infer<typeof flags> & { readonly patterns: ReadonlyArray<string> }

/** What to search for. `pointer`: only where a pointer may lie, at multiples of the word size unless `align` says otherwise. */
export interface Asked {
  readonly pattern: Pattern.Pattern
  readonly align: number | undefined
  readonly kind: "text" | "bytes" | "pointer"
}

/** The same for one map, with what the map says of its words. */
export interface Search {
  readonly pattern: Pattern.Pattern
  readonly alignment: number
  readonly kind: Asked["kind"]
}

const pointerOf = (text: string): Effect.Effect<Written<bigint>, Refused> =>
  Effect.mapError(
    Effect.fromResult(writtenAddress("--pointer")(text)),
    (why) => new Refused({ message: `--pointer: ${why}` })
  )

/** The addresses that are searched for, as they were written. */
export const addresses = ({
  patterns,
  pointer,
  pointsInto
}: Input): Effect.Effect<ReadonlyArray<Written<unknown>>, Refused> =>
  Effect.map(Effect.forEach(pointer ? patterns : [], pointerOf), (pointers) => [
    ...pointers,
    ...Option.toArray(pointsInto)
  ])

/** The value of an address that may be written with symbols. */
type At<E> = <A>(written: Written<A>) => Effect.Effect<A, E>

const KINDS = ["hex", "regex", "pointer", "utf16"] as const

/** What was asked for, in the byte order of the image or images, where that is known. */
export const asked = Effect.fnUntraced(function* <E>(
  input: Input,
  endian: MachineModel.Endian | undefined,
  at: At<E>
): Effect.fn.Return<Asked, E | Refused> {
  const { ignoreCase, patterns } = input
  const kinds = KINDS.filter((kind) => input[kind])
  const align = Option.getOrUndefined(input.align)
  if (kinds.length > 1) {
    return yield* new Refused({ message: `--${kinds.join(" and --")}: a PATTERN can be one of them only` })
  }
  if (Option.isSome(input.pointsInto)) {
    if (patterns.length > 0 || kinds.length > 0) {
      return yield* new Refused({ message: "--points-into takes the place of PATTERN: give one or the other" })
    }
    const { end, start } = yield* at(input.pointsInto.value)
    return { pattern: Pattern.wordInRange(start, end), align, kind: "pointer" }
  }
  if (patterns.length === 0) {
    return yield* new Refused({
      message: "what is to be found? A PATTERN is missing",
      details: [["try", "memmap find --help"]]
    })
  }
  if (ignoreCase && (input.hex || input.pointer)) {
    return yield* new Refused({ message: "--ignore-case is for text and regular expressions" })
  }
  const all: Array<Pattern.Pattern> = []
  for (const text of patterns) {
    if (input.hex) all.push(Pattern.hex(text))
    else if (input.regex) all.push(Pattern.regex(text, { ignoreCase }))
    else if (input.pointer) {
      all.push(Pattern.word(yield* at(yield* pointerOf(text))))
    } else {
      const encoding = !input.utf16 ? "utf8" : endian === "big" ? "utf16be" : "utf16le"
      all.push(Pattern.text(text, { encoding, ignoreCase }))
    }
  }
  const [first] = all
  const pattern = all.length === 1 && first !== undefined ? first : Pattern.anyOf(all)
  return { pattern, align, kind: input.pointer ? "pointer" : input.hex ? "bytes" : "text" }
})

export const searchOf = Effect.fnUntraced(function* <E>(map: MemoryMap.Mapped, input: Input, at: At<E>) {
  const { endian } = yield* machineOf(map)
  const { align, kind, pattern } = yield* asked(input, endian, at)
  if (kind !== "pointer") return { pattern, alignment: align ?? 1, kind } satisfies Search
  const ready = yield* Effect.flatMap(MemoryMap.requireWordSize(map), MemoryMap.requireEndian)
  const alignment = align ?? MachineModel.wordBytes(MemoryMap.getWordSize(ready))
  return { pattern, alignment, kind } satisfies Search
})
