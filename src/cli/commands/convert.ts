// memmap convert: a map as a file in another format.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { AddressRange } from "../../AddressRange.ts"
import { sizeText } from "../../internal/base/numbers.ts"
import { writeFile } from "../../internal/source/outfile.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import { requireDirectory, requireFree } from "../files.ts"
import { carriedBy, carriedByAll, losses, type Target, targets } from "../formats.ts"
import * as Images from "../images.ts"
import { machineOf } from "../machine.ts"
import { Output } from "../output.ts"
import * as Progress from "../progress.ts"
import { announce } from "../sizes.ts"

const targetOf = (to: Option.Option<Target>, path: string): Effect.Effect<Target, Refused> => {
  const guessed = Option.getOrElse(to, () => targets.find(({ ending }) => ending.test(path)))
  return guessed === undefined
    ? new Refused({
        message: `${path}: which format?`,
        details: [["try", targets.map(({ format }) => `--to ${format}`).join(", ")]]
      })
    : Effect.succeed(guessed)
}

const byte = (name: string, text: string) => Flag.optional(args.count(name, 0n, 255n).pipe(Flag.withDescription(text)))

/** The part of the map that is meant, moved, and the range that it is to fill. */
const cut = Effect.fnUntraced(function* (
  whole: MemoryMap.Mapped,
  input: {
    readonly range: Option.Option<AddressRange>
    readonly without: ReadonlyArray<AddressRange>
    readonly shift: bigint
  }
) {
  const { shift, without } = input
  const asked = Option.getOrUndefined(input.range)
  const cropped = asked === undefined ? whole : yield* Images.crop(whole, asked)
  const rest = without.reduce<MemoryMap.Any>((map, range) => MemoryMap.without(map, range), cropped)
  const map = yield* Effect.mapError(
    MemoryMap.requireMapping(rest),
    () => new Refused({ message: "nothing is left to write: --without takes all of it away" })
  )
  const range = asked && { start: asked.start + shift, end: asked.end + shift }
  return { map: shift === 0n ? map : yield* MemoryMap.shift(map, shift), range }
})

export const convert = Command.make(
  "convert",
  {
    image: args.image,
    out: args.fileArgument("OUT").pipe(Argument.withDescription("The file to write; - writes to a pipe")),
    to: Flag.ChoiceWithValue(
      "to",
      targets.map((target) => [target.format, target] as const)
    ).pipe(Flag.withMetavar("NAME"), Flag.withDescription("The format (default: by the ending of OUT)"), Flag.optional),
    range: args.range,
    without: args
      .rangeFlag("without")
      .pipe(Flag.withDescription("Leave these addresses out, after --range; may be repeated"), Flag.atLeast(0)),
    shift: args
      .signed("shift")
      .pipe(
        Flag.withDescription("Move everything N bytes up (--shift=-N: down), after --range and --without"),
        Flag.withDefault(0n)
      ),
    fill: byte("fill", "raw, uf2: the byte that stands in for holes"),
    align: args
      .count("align", 1n, 1n << 31n)
      .pipe(
        Flag.withDescription("uf2: write whole units of N bytes: 256 (the default), 4096 for sectors, 1 for none"),
        Flag.optional
      ),
    run: args.flag(
      "run-addresses",
      "ihex, srec, uf2: take the addresses that a program runs at, and its zeros, not those that it is loaded to"
    ),
    force: args.flag("force", "Replace OUT if it exists", "f"),
    huge: args.flag("huge", "Write OUT even if more than 64 GiB of it are in no file: zeros, filled holes"),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const { out } = input
      const target = yield* targetOf(input.to, out)
      const stdio = yield* Stdio.Stdio
      if (out === "-" && (yield* stdio.stdoutIsTerminal)) {
        return yield* new Refused({ message: "bytes are not for a terminal", details: [["try", "a pipe, or a file"]] })
      }
      if (out !== "-") yield* requireDirectory(out)
      if (out !== "-") yield* requireFree(out, input.force)
      const opened = yield* Images.open([input.image], input, {
        asLoaded: target.isFirmware === true && !input.run,
        written: [...Option.toArray(input.range), ...input.without]
      })
      const { map, range } = yield* cut(opened.map, {
        range: Option.isSome(input.range) ? Option.some(yield* opened.at(input.range.value)) : Option.none(),
        without: yield* Effect.forEach(input.without, opened.at),
        shift: input.shift
      })
      const images = opened.images.map(({ image }) => image)
      const flags = {
        fill: Option.getOrUndefined(input.fill),
        align: Option.getOrUndefined(input.align),
        family: Option.getOrUndefined(input.family),
        overwrite: input.force,
        range
      }
      const refused = target.refuse?.(images.map(carriedBy), flags)
      if (refused !== undefined) return yield* refused
      const output = yield* Output
      const progress = yield* Progress.make("writing")
      const total = MemoryMap.mappedSize(map)
      const length = target.size?.(map, flags) ?? total
      yield* announce(map, out, length, input.huge)
      let written = 0n
      const carried = carriedByAll(images)
      const bytes = target.write(map, carried, flags).pipe(
        Stream.tap((block) => {
          written += BigInt(block.length)
          return progress.update(written < length ? written : length, length)
        })
      )
      if (out === "-") return yield* output.bytes(bytes)
      const save = target.save?.(map, out, flags, progress.update)
      yield* save ?? writeFile(out, (append) => Stream.runForEach(bytes, append), { overwrite: input.force })
      const lost = losses(map, yield* machineOf(map), target, opened.images)
      const names = lost.map(({ what }) => what)
      yield* output.lines([{ json: { type: "written", path: out, format: target.format, bytes: total, lost: names } }])
      yield* output.note(`wrote ${out}: ${target.format}, ${sizeText(total)} of memory`)
      for (const note of target.notes?.(map, flags) ?? []) yield* output.note(note)
      if (target.isFirmware === true && images.some((image) => image.format === "elf" && image.type !== "core")) {
        const other = input.run ? "without --run-addresses, where it is loaded" : "with --run-addresses, where it runs"
        yield* output.note(
          `the program is ${input.run ? "where it runs (p_vaddr)" : "where it is loaded (p_paddr)"}; ${other}`
        )
      }
      const homeless = lost.flatMap(({ what, why }) => (why === undefined ? [what] : []))
      if (homeless.length > 0)
        yield* output.note(`not kept, as ${target.format} has no place for it: ${homeless.join(", ")}`)
      for (const { what, why } of lost) if (why !== undefined) yield* output.note(`not kept: ${what}: ${why}`)
    },
    (work, { image, out }) => action(Effect.withSpan(work, "memmap.convert", { attributes: { path: image, to: out } }))
  )
).pipe(
  Command.withDescription(
    "Write what is mapped to a file in another format: snapshot keeps the whole map, the others what they can; what is lost is said. The file is written beside OUT and renamed into place."
  ),
  Command.withShortDescription("Write an image in another format"),
  Command.withExamples([
    { command: "memmap convert core.4242 core.snap", description: "A snapshot, with checksums" },
    { command: "memmap convert app.hex --over patch.bin@0x0800_0400 patched.hex", description: "A patched firmware" },
    { command: "memmap convert app.hex app.bin --fill 0xff", description: "Raw bytes, holes as erased flash" },
    { command: "memmap convert core.4242 stack.bin --range 0x7ffd_1000_0000+132KiB", description: "A part of it" },
    {
      command: "memmap convert app.bin@0x0800_0000 app.hex --without 0x0800_4000+16KiB --shift=-0x0800_0000",
      description: "Without settings, at other addresses"
    }
  ])
)
