// The program: commands, help, and how it ends.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import { NoMmap } from "./action.ts"
import { convert } from "./commands/convert.ts"
import { dmesg } from "./commands/dmesg.ts"
import { diff } from "./commands/diff.ts"
import { find } from "./commands/find.ts"
import { fleet } from "./commands/fleet/fleet.ts"
import { hexdump } from "./commands/hexdump.ts"
import { info } from "./commands/info.ts"
import { map } from "./commands/map.ts"
import { modules } from "./commands/modules.ts"
import { mounts } from "./commands/mounts.ts"
import { ps } from "./commands/ps.ts"
import { read } from "./commands/read.ts"
import { spaces } from "./commands/spaces.ts"
import { strings } from "./commands/strings.ts"
import { struct } from "./commands/struct.ts"
import { symbol } from "./commands/symbol.ts"
import { uname } from "./commands/uname.ts"
import { translate } from "./commands/translate.ts"
import { verify } from "./commands/verify.ts"
import { errorText, Exit, explain } from "./errors.ts"
import { escape } from "../render/Line.ts"
import { Color, isClosedPipe, Json, Quiet } from "./output.ts"
import { asked, usage } from "./usage.ts"

/** The version of the package, as package.json has it; a test compares them. */
export const version = "0.1.0"

export const memmap = Command.make("memmap").pipe(
  Command.withDescription(
    "Look into memory images: core dumps, memory of machines, firmware. Exit codes: 0 answered, 1 nothing found or mapped there, 2 wrong usage or no full answer, 130 interrupted."
  ),
  Command.withSubcommands([
    info,
    hexdump,
    read,
    find,
    strings,
    convert,
    verify,
    map,
    uname,
    dmesg,
    ps,
    modules,
    mounts,
    symbol,
    struct,
    diff,
    translate,
    spaces,
    fleet
  ]),
  Command.withGlobalFlags([Json, Color, Quiet, NoMmap])
)

const write = <E>(sink: Sink.Sink<void, string | Uint8Array, never, E>, text: string): Effect.Effect<void, E> =>
  Stream.run(Stream.make(`${text.trimEnd()}\n`), sink)

/** Help that was asked for is an answer and goes to stdout; everything about wrong usage goes to stderr. */
const presenter = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const { color = "auto", json } = asked(yield* stdio.args)
  const format = (doc: HelpDoc.HelpDoc, terminal: boolean) =>
    CliOutput.defaultFormatter({
      globalFlags: "summary",
      colors: color === "always" || (color === "auto" && canColor && terminal)
    }).formatHelpDoc(doc)
  const error = (text: string) => Effect.ignore(write(stdio.stderr(), text))
  const answer = (text: string) =>
    Effect.catch(write(stdio.stdout(), text), (cause) =>
      isClosedPipe(cause)
        ? Effect.void
        : Effect.andThen(error(errorText(explain(cause), cause._tag, json)), Effect.die(new Exit({ code: 2 })))
    )
  return CliOutput.layerPresenter({
    present: (event) => {
      switch (event._tag) {
        case "Version":
          return answer(`${event.name} ${event.version}`)
        case "Help":
          return event.reason === "Requested"
            ? answer(format(event.helpDoc, true))
            : Effect.flatMap(stdio.stderrIsTerminal, (terminal) => error(format(event.helpDoc, terminal)))
        case "InvalidInvocation":
          return Effect.forEach(
            event.errors,
            (wrong) => error(errorText(usage(wrong, event.commandPath), "UsageError", json)),
            { discard: true }
          )
      }
    }
  })
})

const layer = Layer.merge(
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  Layer.unwrap(presenter)
)

/**
 * Runs the command line that `Stdio` has. Every end but interruption is an exit code; a defect is told in one line, never
 * as a stack trace.
 */
export const program = Command.run(memmap, { version }).pipe(
  Effect.provide(layer),
  Effect.catchCause((cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error !== undefined) return error._tag === "Exit" ? error : new Exit({ code: 2 })
    const defect = Cause.squash(cause)
    if (defect instanceof Exit) return defect
    const what = defect instanceof Error ? defect.message : String(defect)
    const report = `memmap: internal error: ${escape(what)}\n  try    report it, with the command that led here`
    return Effect.flatMap(Stdio.Stdio, (stdio) =>
      Effect.andThen(Effect.ignore(write(stdio.stderr(), report)), new Exit({ code: 2 }))
    )
  })
)

/** Runs the command line of this process. */
export const main = (): void => {
  // Whoever closed its end early has read enough. Writers are told by their own write.
  process.stdout.on("error", () => {})
  process.stderr.on("error", () => {})
  // A terminal that is closed ends the work as Ctrl-C does: what is half written is removed.
  process.on("SIGHUP", () => process.kill(process.pid, "SIGTERM"))
  NodeRuntime.runMain(Effect.provide(program, NodeServices.layer), { disableErrorReporting: true })
}
