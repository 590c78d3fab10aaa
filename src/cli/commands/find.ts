// memmap find: where a pattern matches.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as AddressRange from "../../AddressRange.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import type { MapStateError } from "../../MemoryMapError.ts"
import { span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import * as Hits from "../hits.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"
import * as Patterns from "../pattern.ts"
import * as Receipt from "../receipt.ts"

export const find = Command.make(
  "find",
  {
    image: args.image,
    patterns: Argument.String("PATTERN").pipe(
      Argument.withDescription("What to find; text unless a flag says otherwise. Of several, each match says which"),
      Argument.variadic()
    ),
    ...Patterns.flags,
    range: args.range,
    limit: args.count("limit").pipe(Flag.withDescription("Stop after N matches"), Flag.optional),
    count: args.flag("count", "Print how many there are, and nothing of each", "c"),
    context: args
      .count("context", 0n, 1n << 20n)
      .pipe(Flag.withDescription("Show N bytes before and after each match"), Flag.optional),
    stats: args.stats,
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const { at, map } = yield* Images.open([input.image], input, {
        written: [...Option.toArray(input.range), ...(yield* Patterns.addresses(input))]
      })
      const { alignment, kind, pattern } = yield* Patterns.searchOf(map, input, at)
      const output = yield* Output
      const range = Option.isSome(input.range) ? yield* at(input.range.value) : AddressRange.full
      const limit = Option.getOrUndefined(input.limit)
      const shape = {
        json: output.json,
        context: Option.getOrUndefined(input.context),
        several: input.patterns.length > 1
      }
      const receipt = yield* Receipt.make({ map, range, limit, stats: input.stats, noun: ["match", "matches"] })

      const { onProgress } = receipt
      const all = MemoryMap.findMatches(map, pattern, { range, alignment, onProgress })
      const matches = limit === undefined ? all : Stream.take(all, limit)
      const counting = (found: ReadonlyArray<MemoryMap.Match>) =>
        Effect.sync(() => receipt.count(found.length, (found.at(-1)?.address ?? 0n) + 1n))
      const count = Effect.suspend((): ReturnType<typeof output.lines> => {
        const found = receipt.found()
        return output.lines([{ line: [span(String(found))], json: { type: "count", found: BigInt(found) } }])
      })
      yield* receipt.search(
        input.count
          ? Stream.runForEachArray(matches, counting).pipe(
              Effect.onInterrupt(() => Effect.ignore(count)),
              Effect.andThen(count)
            )
          : output.print(
              Stream.mapArrayEffect(matches, (found) =>
                Effect.tap(
                  Effect.forEach(found, (match): Effect.Effect<Item, MemoryMap.ReadError | MapStateError> =>
                    Hits.itemOf(map, match, kind, shape)
                  ),
                  counting(found)
                )
              )
            )
      )
      if (receipt.found() === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Find where a pattern matches: across mappings that touch, overlapping matches included, up to the last byte. Each match is shown with its address, its bytes and where they come from."
  ),
  Command.withShortDescription("Find text, bytes, pointers, regular expressions"),
  Command.withExamples([
    { command: "memmap find core.4242 'seen from outside'", description: "Text" },
    { command: "memmap find core.4242 --hex '7f 45 4c 46 0?'", description: "Bytes, with a digit left open" },
    { command: "memmap find core.4242 --pointer 0x5555_5555_92a0", description: "Who points to this address?" },
    { command: "memmap find core.4242 --points-into 0x5555_5555_92a0+24", description: "Who points into this object?" },
    { command: "memmap find guest.elf --points-into init_task+9536", description: "And into the kernel's first task?" },
    {
      command: "memmap find core.4242 --regex 'https?://[a-z.]+' --limit 10 --context 32",
      description: "With the bytes around each"
    }
  ])
)
