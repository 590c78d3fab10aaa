// memmap fleet work: a worker, and the step of one that is done by itself.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { span } from "../../../render/Line.ts"
import { action } from "../../action.ts"
import * as args from "../../arguments.ts"
import { Output } from "../../output.ts"
import { engine, memory, store } from "./arguments.ts"

export const work = Command.make(
  "work",
  {
    store,
    processes: args
      .count("processes", 1n, 1024n)
      .pipe(Flag.withAlias("j"), Flag.withDescription("Work in N processes"), Flag.withDefault(1)),
    memory,
    stay: args.flag("stay", "Wait for more when all is done")
  },
  Effect.fnUntraced(
    function* ({ memory, processes, stay, store }) {
      const output = yield* Output
      const fleet = yield* engine
      const steps = yield* fleet.withFleet(store, { create: false })(
        fleet.work(store, { processes, memory: Option.getOrUndefined(memory), stay })
      )
      yield* output.lines([
        { line: [span(`${steps} step${steps === 1 ? "" : "s"} done here`)], json: { type: "worked", steps } }
      ])
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Answer what is asked, until nothing is left. Any number of workers may run, on any machine that sees the images and the store; any of them may die. On Ctrl-C or SIGTERM what is not done is handed back."
  ),
  Command.withShortDescription("Be a worker"),
  Command.withExamples([
    { command: "memmap fleet work fleet.db --processes 4", description: "Four processes of this machine" },
    { command: "memmap fleet work postgres://db/fleet --stay", description: "A worker that waits for more" }
  ])
)

/** A worker calls it for a step whose worker died, to see whether the step is to blame. */
export const step = Command.make(
  "step",
  {
    store,
    question: Argument.String("QUESTION"),
    image: Argument.String("IMAGE"),
    chunk: Argument.Int("CHUNK")
  },
  Effect.fnUntraced(
    function* ({ store, ...step }) {
      const { Fleet, withFleet } = yield* engine
      yield* withFleet(store, { create: false })(Fleet.Fleet.use((fleet) => fleet.step(step)))
    },
    (work) => action(work)
  )
).pipe(Command.withDescription("Do one step, by itself."), Command.unlisted)
