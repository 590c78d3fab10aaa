// memmap in this process, for tests: what it writes to stdout and stderr, and its exit code.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, Layer, Sink, Stdio } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { program } from "../../src/cli/Main.ts"

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

export interface Options {
  /** Whether stdout and stderr are a terminal. */
  readonly terminal?: boolean
  /** Called with each piece that is written. */
  readonly onWrite?: (to: "out" | "err", text: string) => void
}

const codeOf = <A, E>(exit: Exit.Exit<A, E>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Exit.hasInterrupts(exit)) return 130
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" ? (error.value as { readonly code: number }).code : -1
}

const start = (args: ReadonlyArray<string>, options: Options) => {
  const { onWrite, terminal = false } = options
  const written = { out: "", err: "" }
  const decoder = new TextDecoder("latin1")
  const sink = (to: "out" | "err") => () =>
    Sink.forEach((piece: string | Uint8Array) =>
      Effect.sync(() => {
        const text = typeof piece === "string" ? piece : decoder.decode(piece)
        written[to] += text
        onWrite?.(to, text)
      })
    )
  const stdio = Stdio.layerTest({
    args: Effect.succeed(args),
    stdoutIsTerminal: Effect.succeed(terminal),
    stderrIsTerminal: Effect.succeed(terminal),
    stdout: sink("out"),
    stderr: sink("err")
  })
  const work = program.pipe(
    Effect.provide(Layer.merge(NodeServices.layer, stdio)),
    Effect.provideService(TerminalCapabilities.TerminalCapabilities, {
      canColor: terminal,
      canAnimate: terminal,
      canPrompt: false
    })
  )
  return { work, written }
}

export const memmap = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ran> => {
  const { work, written } = start(args, options)
  return Effect.map(Effect.exit(work), (exit) => ({ ...written, code: codeOf(exit) }))
}

/** Runs until something has been written to stdout, and interrupts. */
export const interrupted = (args: ReadonlyArray<string>): Effect.Effect<Ran> =>
  Effect.callback((resume) => {
    const onWrite = (to: "out" | "err") => {
      if (to === "out") fiber.interruptUnsafe()
    }
    const { work, written } = start(args, { onWrite })
    const fiber = Effect.runFork(work)
    fiber.addObserver((exit) => resume(Effect.succeed({ ...written, code: codeOf(exit) })))
  })
