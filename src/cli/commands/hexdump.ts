// memmap hexdump: bytes at an address.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Base64 from "effect/encoding/Base64"
import type { AddressRange } from "../../AddressRange.ts"
import { END, hex } from "../../internal/numbers.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import * as Hexdump from "../../render/Hexdump.ts"
import { action, empty, partial } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { Output } from "../output.ts"
import { parts } from "../parts.ts"

const jsonOf = (part: Hexdump.Part): object => {
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
      ? Stream.map(shown, (part) => ({ json: jsonOf(part) }))
      : Stream.map(Hexdump.stream(shown, { digits, squeeze, styled: output.colored }), (line) => ({ line }))
  )
  if (unreadable) return yield* partial
  if (MemoryMap.coverage(map, range).mapped === 0n) return yield* empty
})

export const hexdump = Command.make(
  "hexdump",
  {
    image: args.image,
    address: args.address,
    length: args
      .size("LENGTH")
      .pipe(Argument.withDescription("How many bytes (default 256)"), Argument.withDefault(256n)),
    all: args.flag("all", "Show every row, equal ones too", "a"),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const { address, length } = input
      if (length === 0n) return yield* new Refused({ message: "LENGTH is 0: there is nothing to show" })
      if (address + length > END) {
        return yield* new Refused({
          message: `${length} bytes at ${hex(address)} reach past the end of the address space, 2^64`,
          details: [["try", `a LENGTH of ${END - address} at most`]]
        })
      }
      const { map } = yield* Images.open([input.image], input)
      yield* show(map, { start: address, end: address + length }, !input.all)
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
    {
      command: "memmap hexdump app.hex 0x0800_0000 4KiB --over patch.bin@0x0800_0400",
      description: "With a patch on top"
    }
  ])
)
