// memmap convert: a map as a file in another format.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { AddressRange } from "../../AddressRange.ts"
import * as IntelHex from "../../image/IntelHex.ts"
import * as Lime from "../../image/Lime.ts"
import * as Raw from "../../image/Raw.ts"
import * as SRecord from "../../image/SRecord.ts"
import * as Uf2 from "../../image/Uf2.ts"
import { hex, sizeText } from "../../internal/base/numbers.ts"
import { writeFile } from "../../internal/source/outfile.ts"
import type { MemoryImage } from "../../MemoryImage.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import type { ImageError, SourceError } from "../../MemoryMapError.ts"
import * as Snapshot from "../../Snapshot.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import { requireDirectory, requireFree } from "../files.ts"
import * as Images from "../images.ts"
import { losses, type Target, targets } from "../losses.ts"
import { Output } from "../output.ts"
import * as Progress from "../progress.ts"
import { announce } from "../sizes.ts"

const byEnding: ReadonlyArray<readonly [ending: RegExp, format: Target]> = [
  [/\.(snap|snapshot)$/i, "snapshot"],
  [/\.(bin|raw)$/i, "raw"],
  [/\.lime$/i, "lime"],
  [/\.(hex|ihex|ihx)$/i, "ihex"],
  [/\.(srec|s19|s28|s37|mot)$/i, "srec"],
  [/\.uf2$/i, "uf2"]
]

interface Options {
  readonly fill: number | undefined
  readonly family: number | undefined
  readonly range: AddressRange | undefined
}

/** Facts of the image that the target format has a place for. */
const start = (image: MemoryImage | undefined): number | undefined => {
  if (image?.format === "ihex" && image.start?._tag === "Linear") return image.start.eip
  return image?.format === "srec" && image.start !== 0n ? Number(image.start) : undefined
}

const write = (
  map: MemoryMap.Mapped,
  target: Target,
  image: MemoryImage | undefined,
  options: Options
): Stream.Stream<Uint8Array, ImageError | SourceError> => {
  const { family, fill, range } = options
  switch (target) {
    case "snapshot":
      return Snapshot.toStream(map)
    case "raw":
      return Raw.write(map, { fill, range })
    case "lime":
      return Lime.write(map)
    case "ihex": {
      const eip = start(image)
      const from = image?.format === "ihex" ? image.start : undefined
      return IntelHex.write(map, { start: from ?? (eip === undefined ? undefined : { _tag: "Linear", eip }) })
    }
    case "srec":
      return SRecord.write(map, {
        start: BigInt(start(image) ?? 0),
        header: image?.format === "srec" ? image.header : undefined
      })
    case "uf2":
      return Uf2.write(map, { fill, family: family ?? (image?.format === "uf2" ? image.families[0] : undefined) })
  }
}

/** How much there is to write: raw bytes fill every hole. */
const lengthOf = (map: MemoryMap.Mapped, target: Target, { fill, range }: Options): bigint => {
  const whole = range ?? Option.getOrUndefined(MemoryMap.bounds(map))
  return target === "raw" && fill !== undefined && whole !== undefined
    ? whole.end - whole.start
    : MemoryMap.mappedSize(map)
}

/** Blocks of several families are for several chips: which of them is meant cannot be guessed. */
const oneFamily = (target: Target, images: Images.Opened["images"], family: Option.Option<number>) => {
  const families = new Set(images.flatMap(({ image }) => (image.format === "uf2" ? image.families : [])))
  if (target !== "uf2" || families.size < 2 || Option.isSome(family)) return Effect.void
  const names = Array.from(families, (id) => hex(BigInt(id)))
  return new Refused({
    message: `there are blocks of ${names.length} families, ${names.join(", ")}: which one is to be written?`,
    details: [["try", `--family ${names[0]}`]]
  })
}

const targetOf = (to: Option.Option<Target>, path: string): Effect.Effect<Target, Refused> => {
  const guessed = Option.getOrElse(to, () => byEnding.find(([ending]) => ending.test(path))?.[1])
  return guessed === undefined
    ? new Refused({ message: `${path}: which format?`, details: [["try", `--to ${targets.join(", --to ")}`]] })
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
    to: Flag.Literals("to", targets).pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("The format (default: by the ending of OUT)"),
      Flag.optional
    ),
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
    family: args
      .count("family", 0n, 0xffff_ffffn)
      .pipe(Flag.withDescription("uf2: the family id of the chip"), Flag.optional),
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
      const opened = yield* Images.open([input.image], input)
      const { map, range } = yield* cut(opened.map, input)
      yield* oneFamily(target, opened.images, input.family)
      const output = yield* Output
      const progress = yield* Progress.make("writing")
      const total = MemoryMap.mappedSize(map)
      const options = { fill: Option.getOrUndefined(input.fill), family: Option.getOrUndefined(input.family), range }
      const length = lengthOf(map, target, options)
      yield* announce(map, out, length, input.huge)
      let written = 0n
      const bytes = write(map, target, opened.images.length === 1 ? opened.images[0]?.image : undefined, options).pipe(
        Stream.tap((block) => {
          written += BigInt(block.length)
          return progress.update(written < length ? written : length, length)
        })
      )
      if (out === "-") return yield* output.bytes(bytes)
      if (target === "snapshot") {
        yield* Snapshot.save(map, out, {
          overwrite: input.force,
          onProgress: ({ total, written }) => progress.update(written, total)
        })
      } else {
        yield* writeFile(out, (append) => Stream.runForEach(bytes, append), { overwrite: input.force })
      }
      const images = opened.images.map(({ image }) => image)
      const lost = losses(map, yield* Images.machineOf(map), target, images)
      yield* output.lines([{ json: { type: "written", path: out, format: target, bytes: total, lost } }])
      yield* output.note(`wrote ${out}: ${target}, ${sizeText(total)} of memory`)
      if (lost.length > 0) yield* output.note(`lost, for ${target} has no place for them: ${lost.join(", ")}`)
    },
    (work) => action(work)
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
