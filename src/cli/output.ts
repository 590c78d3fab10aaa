// The one writer: the answer goes to stdout, as lines or as JSON Lines; everything else goes to stderr.
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Line from "../render/Line.ts"
import { jsonText } from "./json.ts"

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Answer in JSON Lines: one object a line, 64-bit values as strings"),
    Flag.withDefault(false)
  )
})

export const Color = GlobalFlag.Setting("color")({
  flag: Flag.Literals("color", ["auto", "always", "never"]).pipe(
    Flag.withMetavar("WHEN"),
    Flag.withDescription("When to use colours; auto obeys NO_COLOR and TERM=dumb"),
    Flag.withDefault("auto" as const)
  )
})

export const Quiet = GlobalFlag.Setting("quiet")({
  flag: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("No notes, receipts and progress on stderr; errors are still told"),
    Flag.withDefault(false)
  )
})

/** Whoever read the output has gone away; that is a success. */
export class ClosedPipe extends Data.TaggedError("ClosedPipe") {}

export const isClosedPipe = ({ reason }: PlatformError.PlatformError): boolean =>
  ["EPIPE", "EOF"].includes((reason.cause as { readonly code?: string } | undefined)?.code ?? "")

/** Both faces of a thing: what people read, a line and `more` below it, and the object that programs read. */
export interface Item {
  readonly line?: Line.Line | undefined
  readonly more?: ReadonlyArray<Line.Line> | undefined
  readonly json?: object | undefined
}

export class Output extends Context.Service<
  Output,
  {
    readonly json: boolean
    readonly colored: boolean
    /** Characters of a line, where the answer goes to a terminal. Only pictures and tables look at it. */
    readonly width: number | undefined
    /** Whether a progress bar may be drawn. */
    readonly animated: boolean
    /** Writes items as they come. */
    readonly print: <E, R>(
      items: Stream.Stream<Item, E, R>
    ) => Effect.Effect<void, E | ClosedPipe | PlatformError.PlatformError, R>
    /** Writes a few items. */
    readonly lines: (items: ReadonlyArray<Item>) => Effect.Effect<void, ClosedPipe | PlatformError.PlatformError>
    /** Writes bytes as they are. */
    readonly bytes: <E, R>(
      bytes: Stream.Stream<Uint8Array, E, R>
    ) => Effect.Effect<void, E | ClosedPipe | PlatformError.PlatformError, R>
    /** Writes a line to stderr, unless told to be quiet, or the JSON says it. */
    readonly note: (text: string) => Effect.Effect<void>
    /** Writes to stderr as it is. */
    readonly error: (text: string) => Effect.Effect<void>
    /** Shows a line that the next one replaces; the empty text removes it. */
    readonly status: (text: string) => Effect.Effect<void>
  }
>()("effect-memory-map/cli/Output") {}

export const make = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const json = yield* Json
  const quiet = yield* Quiet
  const choice = yield* Color
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const colored = choice === "always" || (choice === "auto" && canColor)
  const show = colored ? Line.ansi : Line.plain
  const width = !json && (yield* stdio.stdoutIsTerminal) ? process.stdout.columns : undefined
  const animated = !quiet && (yield* stdio.stderrIsTerminal) && process.env["TERM"] !== "dumb"

  // Nobody is left to tell when stderr cannot be written.
  const error = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
  let shown = false
  const status = (text: string) =>
    Effect.suspend(() => {
      if (!animated || (text === "" && !shown)) return Effect.void
      shown = text !== ""
      // A line that wraps could not be removed again.
      return error(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    })

  const textOf = ({ json: object, line, more }: Item): string => {
    if (json) return object === undefined ? "" : `${jsonText(object)}\n`
    let text = line === undefined ? "" : `${show(line)}\n`
    for (const below of more ?? []) text += `${show(below)}\n`
    return text
  }
  const textsOf = (items: ReadonlyArray<Item>): string => {
    let text = ""
    for (const item of items) text += textOf(item)
    return text
  }
  const stdout = Sink.mapError(stdio.stdout(), (cause) => (isClosedPipe(cause) ? new ClosedPipe() : cause))
  const print = <E, R>(items: Stream.Stream<Item, E, R>) =>
    items.pipe(
      Stream.mapArrayEffect((chunk) => Effect.as(status(""), [textsOf(chunk)] as const)),
      Stream.filter((text) => text !== ""),
      Stream.run(stdout)
    )

  return Output.of({
    json,
    colored,
    width,
    animated,
    print,
    lines: (items) => print(Stream.fromIterable(items)),
    bytes: (bytes) => Stream.run(bytes, stdout),
    note: (text) => (quiet || json ? Effect.void : Effect.andThen(status(""), error(`${Line.escape(text)}\n`))),
    error: (text) => Effect.andThen(status(""), error(text)),
    status
  })
})
