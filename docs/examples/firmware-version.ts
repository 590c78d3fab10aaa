// A piece of a pipeline: the version that a firmware image carries. firmware-version.test.ts tests it without files.
import { Effect, Option, Schedule } from "effect"
import { MemoryMap } from "effect-memory-map"
import * as Raw from "effect-memory-map/image/Raw"

const FLASH = 0x0800_0000n
const LABEL = "version="

/**
 * The text behind `version=` in a flash image, `None` when there is none. Reads that fail are tried again after 1, 2 and
 * 4 seconds: the image may lie on a share that comes and goes. It takes 30 seconds at most.
 */
export const firmwareVersion = Effect.fn("firmwareVersion")(
  function* (path: string) {
    const { map } = yield* Raw.open(path, { address: FLASH })
    const label = yield* MemoryMap.find(map, LABEL)
    if (Option.isNone(label)) return Option.none()
    return Option.some(yield* MemoryMap.getString(map, label.value + BigInt(LABEL.length), { maxLength: 32 }))
  },
  Effect.scoped,
  Effect.retry({
    while: (error) => error._tag === "SourceError",
    schedule: Schedule.exponential("1 second"),
    times: 3
  }),
  Effect.timeout("30 seconds")
)
