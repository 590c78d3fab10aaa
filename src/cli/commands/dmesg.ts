// memmap dmesg: the log of a guest's kernel.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import { type Line, type Span, span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import { kernelFlags, openKernel, textFields } from "../kernel.ts"
import { type Item, Output } from "../output.ts"

/** Names of the levels, by number, as dmesg(1) has them. */
const LEVELS = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"] as const
/** From this level on, a record is an error. */
const ERROR = 3

const secondsText = (nanoseconds: bigint): string => {
  const seconds = String(nanoseconds / 1_000_000_000n).padStart(5)
  const microseconds = String((nanoseconds % 1_000_000_000n) / 1000n).padStart(6, "0")
  return `[${seconds}.${microseconds}] `
}

const callerText = (caller: LinuxKernel.LogRecord["caller"]): string =>
  caller === undefined ? "" : `${caller._tag === "Cpu" ? "C" : "T"}${caller.number}`

interface Columns {
  readonly time: boolean
  readonly raw: boolean
  readonly decode: boolean
}

/** Tables in the log are written with tabs, which other control characters of a guest's texts are not: those are escaped. */
const TAB = " ".repeat(8)

/** A record in lines: the kernel prints what is in front again before each. */
const linesOf = (record: LinuxKernel.LogRecord, { decode, raw, time }: Columns): ReadonlyArray<Line> => {
  const { facility, level, nanoseconds, text } = record
  const front: Array<Span> = []
  if (raw) front.push(span(`<${8 * facility + level}>`, "note"))
  if (decode) front.push(span(`${facility === 0 ? "kern" : facility}:${LEVELS[level]}: `.padEnd(14), "note"))
  if (time) front.push(span(secondsText(nanoseconds), "address"))
  const style = level <= ERROR ? "error" : undefined
  return text.split("\n").map((part) => [...front, span(part.replaceAll("\t", TAB), style)])
}

const itemOf = (record: LinuxKernel.LogRecord, columns: Columns): Item => {
  const [line, ...more] = linesOf(record, columns)
  const { bytes, caller, facility, level, lost, nanoseconds, sequence, text } = record
  return {
    line,
    more,
    json: {
      type: "log",
      sequence,
      nanoseconds,
      level,
      facility,
      ...(caller === undefined ? {} : { caller: callerText(caller) }),
      ...textFields("text", text, bytes),
      ...(lost > 0n ? { lost } : {})
    }
  }
}

const levelFlag = Flag.String("level").pipe(
  Flag.withAlias("l"),
  Flag.withMetavar("LIST"),
  Flag.withDescription(
    `Only these levels, with commas between: ${LEVELS.join(", ")}; a name with + behind it and all above`
  ),
  Flag.mapTryCatch(
    (text) => new Set(text.split(",").flatMap(levelsOf)),
    () => `--level: a list of ${LEVELS.join(", ")} is expected, with commas between`
  ),
  Flag.optional
)

const levelsOf = (text: string): ReadonlyArray<number> => {
  const level = LEVELS.indexOf(text.replace(/\+$/, "") as (typeof LEVELS)[number])
  if (level < 0) throw new RangeError(text)
  return text.endsWith("+") ? Array.from({ length: level + 1 }, (_, i) => i) : [level]
}

export const dmesg = Command.make(
  "dmesg",
  {
    images: args.images,
    level: levelFlag,
    tail: args.count("tail").pipe(Flag.withDescription("Only the last N records"), Flag.optional),
    noTime: args.flag("notime", "Leave the times out", "t"),
    raw: args.flag("raw", "Begin lines with the priority, <6>", "r"),
    decode: args.flag("decode", "Begin lines with facility and level in words", "x"),
    ...kernelFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel(input.images, input)
      const output = yield* Output
      let count = 0
      const level = Option.getOrUndefined(input.level)
      const all = LinuxKernel.log(kernel).pipe(
        Stream.filter((record) => level === undefined || level.has(record.level)),
        Stream.tap(() => Effect.sync(() => void count++))
      )
      const records = Option.match(input.tail, { onNone: () => all, onSome: (n) => Stream.takeRight(all, n) })
      const columns = { time: !input.noTime, raw: input.raw, decode: input.decode }
      yield* output.print(Stream.map(records, (record) => itemOf(record, columns)))
      if (count === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Print the log of the Linux kernel in a machine's memory, as dmesg(1) does on that machine: the ring of 5.10 and later, or the buffer of older ones."
  ),
  Command.withShortDescription("Print the kernel's log"),
  Command.withExamples([
    { command: "memmap dmesg guest.elf --tail 20", description: "The last 20 records" },
    { command: "memmap dmesg guest.elf --level err+", description: "Errors and worse" }
  ])
)
