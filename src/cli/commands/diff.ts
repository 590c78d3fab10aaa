// memmap diff: where two images differ.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as AddressRange from "../../AddressRange.ts"
import { hex, sizeText } from "../../internal/base/numbers.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import * as Hexdump from "../../render/Hexdump.ts"
import { type Line, span, type Style } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"
import { parts } from "../parts.ts"
import { partJson } from "./hexdump.ts"

const { over: _over, ...opening } = args.opening

const styles: Record<MemoryMap.Difference["kind"], Style> = { changed: "match", added: "match", removed: "hole" }

const item = ({ kind, range }: MemoryMap.Difference, digits: number): Item => ({
  line: [
    span(`${Hexdump.addressText(range.start, digits)}-${Hexdump.addressText(range.end, digits)}`, "address"),
    span(`  ${kind.padEnd(7)}`, styles[kind]),
    span(`  ${sizeText(AddressRange.size(range))}`, "note")
  ],
  json: { type: "difference", start: hex(range.start), end: hex(range.end), kind }
})

/** The bytes of one side, each row marked with the side it is of, as diff(1) does. */
const side = (map: MemoryMap.Mapped, range: AddressRange.AddressRange, mark: "-" | "+", digits: number) =>
  Effect.map(Output, (output): Stream.Stream<Item> => {
    const shown = parts(map, range)
    const of = mark === "-" ? "A" : "B"
    return output.json
      ? Stream.map(shown, (part) => ({ json: { ...partJson(part), side: of } }))
      : Stream.map(Hexdump.stream(shown, { digits, styled: output.colored }), (line): Item => {
          const marked: Line = [span(`${mark} `), ...line]
          return { line: marked }
        })
  }).pipe(Stream.unwrap)

export const diff = Command.make(
  "diff",
  {
    a: args.fileArgument("A").pipe(Argument.withDescription("An image")),
    b: args.fileArgument("B").pipe(Argument.withDescription("The image to compare it with")),
    range: args.range,
    align: args
      .count("align", 1n, 1n << 40n)
      .pipe(Flag.withDescription("Widen what has changed to multiples of N bytes (default 1)"), Flag.withDefault(1)),
    hexdump: args.flag("hexdump", "Show the bytes of both, A's with - and B's with +"),
    ...opening
  },
  Effect.fnUntraced(
    function* (input) {
      const options = { written: Option.toArray(input.range) }
      const left = yield* Images.open([input.a], { ...input, over: [] }, options)
      const right = yield* Images.open([input.b], { ...input, over: [] }, options)
      const output = yield* Output
      const digits = Math.max(Hexdump.mapDigits(left.map), Hexdump.mapDigits(right.map))
      const range = Option.isSome(input.range) ? yield* left.at(input.range.value) : AddressRange.full
      let found = 0
      const differences = MemoryMap.diff(left.map, right.map, { range, align: input.align })
      const bytes = ({ kind, range }: MemoryMap.Difference): Stream.Stream<Item, never, Output> =>
        Stream.concat(
          kind === "added" ? Stream.empty : side(left.map, range, "-", digits),
          kind === "removed" ? Stream.empty : side(right.map, range, "+", digits)
        )
      yield* output.print(
        input.hexdump
          ? Stream.flatMap(differences, (difference) => {
              found++
              return Stream.concat(Stream.make(item(difference, digits)), bytes(difference))
            })
          : Stream.map(differences, (difference) => {
              found++
              return item(difference, digits)
            })
      )
      if (found > 0) return yield* empty
      yield* output.note("no difference")
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Compare two images, address by address: what has changed, what only B maps (added) and what only A maps (removed). Exit code 0 when they are equal, 1 when they differ."
  ),
  Command.withShortDescription("Compare two images"),
  Command.withExamples([
    { command: "memmap diff before.elf after.elf", description: "Ranges that differ" },
    { command: "memmap diff app-1.hex app-2.hex --hexdump", description: "With the bytes of both" },
    { command: "memmap diff before.elf after.elf --align 4KiB", description: "Pages that differ" }
  ])
)
