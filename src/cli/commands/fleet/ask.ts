// memmap fleet ask: what is asked of every image.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as Fleet from "../../../fleet/Fleet.ts"
import { span } from "../../../render/Line.ts"
import { action } from "../../action.ts"
import { Refused } from "../../errors.ts"
import * as args from "../../arguments.ts"
import { Output } from "../../output.ts"
import * as Patterns from "../../pattern.ts"
import { withoutSymbols } from "../../written.ts"
import { engine, store } from "./arguments.ts"

const asking = (store: string, question: Fleet.Question<unknown>) =>
  Effect.gen(function* () {
    const { Fleet, withFleet } = yield* engine
    const id = yield* withFleet(store, { create: false })(Fleet.Fleet.use((fleet) => fleet.ask(question)))
    yield* (yield* Output).lines([{ line: [span(id)], json: { type: "question", id, kind: question.kind } }])
  })

const limit = args
  .count("limit")
  .pipe(Flag.withDescription("Keep the places of N matches of each image or chunk (10000)"), Flag.optional)

/** The question that flags of `find` stand for. */
export const findQuestion = Effect.fnUntraced(function* (
  input: Command.Command.Config.Infer<typeof Patterns.flags> & {
    readonly patterns: ReadonlyArray<string>
    readonly limit: Option.Option<number>
  }
) {
  const { align, kind, pattern } = yield* Patterns.asked(input, undefined, withoutSymbols)
  const alignment = align ?? (kind === "pointer" ? "word" : 1)
  const { Fleet } = yield* engine
  return Fleet.find(pattern, { alignment, limit: Option.getOrUndefined(input.limit) })
})

export const findFlags = { ...Patterns.flags, limit }

export const patterns = Argument.String("PATTERN").pipe(
  Argument.withDescription("What to find; text unless a flag says otherwise"),
  Argument.variadic()
)

/** Questions that need no more words, by their names in `Fleet`. */
export const facts = ["info", "uname", "ps", "modules"] as const

const stringsFlags = {
  minLength: args
    .count("min-length", 1n, 65_536n)
    .pipe(Flag.withAlias("n"), Flag.withDescription("strings: texts of at least N characters (4)"), Flag.optional),
  encoding: Flag.Literals("encoding", ["ascii", "latin1", "utf16le", "utf16be"]).pipe(
    Flag.withDescription("strings: how texts are written in memory (ascii)"),
    Flag.optional
  )
}

export const ask = Command.make(
  "ask",
  {
    store,
    what: Argument.Literals("WHAT", ["find", "strings", ...facts]).pipe(
      Argument.withDescription("find a PATTERN, strings, info of the image; of a machine's memory uname, ps, modules")
    ),
    patterns,
    ...findFlags,
    ...stringsFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const { patterns, store, what } = input
      if (what === "find") return yield* asking(store, yield* findQuestion(input))
      if (patterns.length > 0) return yield* new Refused({ message: `${what} takes no PATTERN: ${patterns.join(" ")}` })
      const { Fleet } = yield* engine
      if (what !== "strings") return yield* asking(store, Fleet[what])
      const question = Fleet.strings({
        encoding: Option.getOrUndefined(input.encoding),
        minLength: Option.getOrUndefined(input.minLength),
        limit: Option.getOrUndefined(input.limit)
      })
      yield* asking(store, question)
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Ask something of every image of a fleet, also of those that are added later. Prints the question's id. Workers answer it: memmap fleet work STORE."
  ),
  Command.withShortDescription("Ask something of every image"),
  Command.withExamples([
    { command: "memmap fleet ask fleet.db find 'out of memory'", description: "Which hold this text?" },
    { command: "memmap fleet ask fleet.db uname", description: "Which Linux ran there?" }
  ])
)
