// The kernel's log, in whichever buffer this kernel keeps it.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { GuestDataError, type SourceError } from "../../../MemoryMapError.ts"
import { type Kernel, symbolOf } from "../kernel.ts"
import * as buffer from "./buffer.ts"
import type { LogRecord } from "./record.ts"
import * as ring from "./ring.ts"

/** All records that can be read; then it fails, if others could not be. */
export const read = (kernel: Kernel): Stream.Stream<LogRecord, GuestDataError | SourceError> => {
  const log =
    symbolOf(kernel, "prb") === undefined && symbolOf(kernel, "log_buf") !== undefined
      ? buffer.read(kernel)
      : ring.read(kernel)
  const whole = Effect.catchTag(
    log,
    "UnmappedAddress",
    (error) => new GuestDataError({ structure: "the kernel's log", why: error.message })
  )
  return Stream.unwrap(
    Effect.map(whole, ({ problems, records }) => {
      const all = Stream.fromIterable(records)
      if (problems.length === 0) return all
      const error = new GuestDataError({ structure: "the kernel's log", why: problems.join("; ") })
      return Stream.concat(all, Stream.fail(error))
    })
  )
}
