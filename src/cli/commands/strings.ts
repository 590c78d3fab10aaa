// memmap strings: texts in memory.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as AddressRange from "../../AddressRange.ts"
import { hex } from "../../internal/base/numbers.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import * as Hexdump from "../../render/Hexdump.ts"
import { span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"
import * as Receipt from "../receipt.ts"

export const strings = Command.make(
  "strings",
  {
    images: args.images,
    min: args
      .count("min", 1n, 1n << 16n)
      .pipe(Flag.withDescription("The shortest text to show, in characters (default 4)"), Flag.withDefault(4)),
    encoding: Flag.Literals("encoding", ["ascii", "latin1", "utf16le", "utf16be"]).pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("How text lies in memory"),
      Flag.withDefault("ascii" as const)
    ),
    range: args.range,
    limit: args.count("limit").pipe(Flag.withDescription("Stop after N texts"), Flag.optional),
    stats: args.stats,
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const { at, map } = yield* Images.open(input.images, input, { written: Option.toArray(input.range) })
      const output = yield* Output
      const range = Option.isSome(input.range) ? yield* at(input.range.value) : AddressRange.full
      const limit = Option.getOrUndefined(input.limit)
      const digits = Hexdump.mapDigits(map)
      const receipt = yield* Receipt.make({ map, range, limit, stats: input.stats, noun: ["text", "texts"] })
      const width = input.encoding.startsWith("utf16") ? 2 : 1
      const all = MemoryMap.strings(map, { minLength: input.min, encoding: input.encoding, range })
      const items = (limit === undefined ? all : Stream.take(all, limit)).pipe(
        Stream.mapArray((texts) => {
          const last = texts.at(-1)
          if (last !== undefined) receipt.count(texts.length, last.address + BigInt(last.text.length * width))
          return texts.map(({ address, text }): Item => ({
            line: [span(Hexdump.addressText(address, digits), "address"), span(`  ${text}`)],
            json: { type: "text", address: hex(address), encoding: input.encoding, text }
          })) as [Item, ...Array<Item>]
        })
      )
      yield* receipt.search(output.print(items))
      if (receipt.found() === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription("Print the texts in memory, as strings(1) does, with their addresses."),
  Command.withShortDescription("Print the texts in memory"),
  Command.withExamples([
    { command: "memmap strings core.4242 --min 8", description: "Texts of at least 8 characters" },
    { command: "memmap strings core.4242 --encoding utf16le", description: "As Windows keeps them" }
  ])
)
