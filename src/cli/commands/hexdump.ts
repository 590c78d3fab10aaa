// memmap hexdump: bytes at an address.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Base64 from "effect/encoding/Base64"
import type { AddressRange } from "../../AddressRange.ts"
import { END, hex } from "../../internal/base/numbers.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import * as Hexdump from "../../render/Hexdump.ts"
import { action, empty, partial } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { Output } from "../output.ts"
import { parts } from "../parts.ts"
import type { Place } from "../written.ts"

/** A part as an object. */
export const partJson = (part: Hexdump.Part): object => {
  switch (part._tag) {
    case "Run":
      return {
        type: "bytes",
        address: hex(part.start),
        length: BigInt(part.bytes.length),
        bytes: Base64.encode(part.bytes)
      }
    case "Hole":
    case "Unreadable": {
      const { end, start } = part.range
      const type = part._tag === "Hole" ? "hole" : "unreadable"
      return { type, start: hex(start), end: hex(end), size: end - start, reason: part.reason }
    }
  }
}

/** Shows a range, and remembers whether all or nothing of it could be read. */
const show = Effect.fnUntraced(function* (map: MemoryMap.Mapped, range: AddressRange, squeeze: boolean) {
  const output = yield* Output
  let unreadable = false
  const shown = Stream.tap(parts(map, range), (part) =>
    Effect.sync(() => {
      if (part._tag === "Unreadable") unreadable = true
    })
  )
  const digits = Math.max(Hexdump.mapDigits(map), Hexdump.addressDigits(range.end))
  yield* output.print(
    output.json
      ? Stream.map(shown, (part) => ({ json: partJson(part) }))
      : Stream.map(Hexdump.stream(shown, { digits, squeeze, styled: output.colored }), (line) => ({ line }))
  )
  if (unreadable) return yield* partial
  if (MemoryMap.coverage(map, { range }).mapped === 0n) return yield* empty
})

/** What is to be shown: a range, or so many bytes from an address. */
const rangeOf = Effect.fnUntraced(function* ({ end, start }: Place, length: Option.Option<bigint>) {
  if (end !== undefined && Option.isSome(length)) {
    return yield* new Refused({
      message: "a range says its length itself",
      details: [["try", "ADDRESS LENGTH, or a range alone"]]
    })
  }
  const stop = end ?? start + Option.getOrElse(length, () => 256n)
  if (stop === start) {
    const what = end === undefined ? "LENGTH is 0" : "the range is empty"
    return yield* new Refused({ message: `${what}: there is nothing to show` })
  }
  // Without a LENGTH, what there is of the last bytes of the address space will do.
  if (stop > END && Option.isSome(length)) {
    return yield* new Refused({
      message: `${length.value} bytes at ${hex(start)} reach past the end of the address space, 2^64`,
      details: [["try", `a LENGTH of ${END - start} at most`]]
    })
  }
  return { start, end: stop > END ? END : stop } satisfies AddressRange
})

export const hexdump = Command.make(
  "hexdump",
  {
    image: args.image,
    place: args.place,
    length: args.size("LENGTH").pipe(Argument.withDescription("How many bytes (default 256)"), Argument.optional),
    all: args.flag("all", "Show every row, equal ones too", "a"),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const { at, map } = yield* Images.open([input.image], input, { written: [input.place] })
      const range = yield* rangeOf(yield* at(input.place), input.length)
      yield* show(map, range, !input.all)
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Show bytes in hexadecimal and as text. -- is a hole, xx a hole that says why (bytes left out of a dump), ?? bytes that could not be read. Equal rows are counted instead of shown."
  ),
  Command.withShortDescription("Show bytes in hexadecimal and as text"),
  Command.withExamples([
    { command: "memmap hexdump core.4242 0x7fff_f7fb_d000", description: "256 bytes" },
    { command: "memmap hexdump core.4242 0x7fff_f7fb_d000+64", description: "A range" },
    {
      command: "memmap hexdump app.hex 0x0800_0000 4KiB --over patch.bin@0x0800_0400",
      description: "With a patch on top"
    }
  ])
)
