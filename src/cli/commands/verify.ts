// memmap verify: whether a file is whole and sound.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as FileMapper from "../../FileMapper.ts"
import { sizeText } from "../../internal/base/numbers.ts"
import { isZeros } from "../../internal/source/source.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { span } from "../../render/Line.ts"
import * as Snapshot from "../../Snapshot.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { Output } from "../output.ts"
import * as Progress from "../progress.ts"

interface Verdict {
  readonly format: string
  readonly checked: string
  readonly segments: number
  readonly bytes: bigint
}

const snapshot = Effect.fnUntraced(function* (path: string) {
  const progress = yield* Progress.make("checking")
  const { bytes, segments } = yield* Snapshot.verify(path, {
    onProgress: ({ checked, total }) => progress.update(checked, total)
  })
  return { format: "snapshot", checked: "all checksums are right", segments, bytes } satisfies Verdict
})

/** Other formats: what they have of checks is checked on opening; then every byte is read once. */
const image = Effect.fnUntraced(function* (path: string, flags: args.Opening) {
  const { images, map } = yield* Images.open([path], flags)
  for (const { image } of images) {
    if (image.format !== "elf" || image.problems.length === 0) continue
    const [first, ...others] = image.problems
    return yield* new Refused({
      message: `${path}: elf, ${first}`,
      details: others.map((problem) => ["also", problem] as const)
    })
  }
  const progress = yield* Progress.make("reading")
  const total = MemoryMap.mappedSize(map)
  let read = 0n
  for (const { mapping, range } of MemoryMap.segments(map)) {
    // There may be 2^64 of them, and they are in no file.
    if (isZeros(mapping.source)) {
      read += range.end - range.start
      continue
    }
    yield* Stream.runForEach(MemoryMap.stream(map, { range }), ({ bytes }) => {
      read += BigInt(bytes.length)
      return progress.update(read, total)
    })
  }
  return {
    format: images[0]?.image.format ?? "unknown",
    checked: "well-formed, and every byte can be read",
    segments: Array.from(MemoryMap.segments(map)).length,
    bytes: read
  } satisfies Verdict
})

export const verify = Command.make(
  "verify",
  {
    file: args.fileArgument("FILE").pipe(Argument.withDescription("A snapshot, or an image in any format")),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const source = yield* Effect.option(Effect.scoped(Effect.flatMap(FileMapper.map(input.file), Snapshot.recognise)))
      const verdict: Verdict = yield* Option.getOrElse(source, () => false)
        ? snapshot(input.file)
        : image(input.file, input)
      const output = yield* Output
      const { bytes, checked, format, segments } = verdict
      yield* output.print(
        Stream.make({
          line: [
            span(
              `${input.file}: ${format}, ${segments} ${segments === 1 ? "segment" : "segments"}, ${sizeText(bytes)}: ${checked}`
            )
          ],
          json: { type: "verified", path: input.file, format, segments, bytes, checked }
        })
      )
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Check a file. Of a snapshot, every byte against its checksums; of other formats, what they have of checks and that every byte can be read. A damaged file ends in exit code 2 and a message that names the place."
  ),
  Command.withShortDescription("Check that a file is whole and sound"),
  Command.withExamples([{ command: "memmap verify core.snap", description: "Every checksum of a snapshot" }])
)
