// memmap fleet answers: what was found.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import type * as Fleet from "../../../fleet/Fleet.ts"
import { hex } from "../../../internal/base/numbers.ts"
import { span } from "../../../render/Line.ts"
import { action } from "../../action.ts"
import { type Item, Output } from "../../output.ts"
import { jsonText } from "../../json.ts"
import { engine, store } from "./arguments.ts"

const partOf = ({ chunk, chunks }: Fleet.Answer<unknown>): string =>
  chunks > 1 ? ` (chunk ${chunk + 1} of ${chunks})` : ""

export const answerItem =
  (kind: string) =>
  (answer: Fleet.Answer<unknown>): Item => {
    const { location, state } = answer
    const said =
      state === "answered" ? jsonText(answer.result as object) : `${state}: ${answer.error}: ${answer.message}`
    return {
      line: [span(`${location}${partOf(answer)}  `), span(`${kind}  `, "note"), span(said)],
      json: { type: "answer", kind, ...answer }
    }
  }

export const hitItem = ({ address, length, location, place, source, ...of }: Fleet.Hit): Item => ({
  line: [
    span(`${location}  `),
    span(hex(address), "address"),
    span(`  ${length} bytes, ${source}+${hex(place)}`, "note")
  ],
  json: { type: "hit", ...of, location, address: hex(address), length, source, place: hex(place) }
})

export const answers = Command.make(
  "answers",
  { store },
  Effect.fnUntraced(
    function* ({ store }) {
      const output = yield* Output
      const { Fleet, withFleet } = yield* engine
      const print = Effect.gen(function* () {
        const { answers, hits, status } = yield* Fleet.Fleet
        const kinds = new Map((yield* status).questions.map(({ id, kind }) => [id, kind]))
        yield* output.print(
          Stream.map(answers(), (answer) => answerItem(kinds.get(answer.question) ?? answer.question)(answer))
        )
        yield* output.print(Stream.map(hits(), hitItem))
      })
      yield* withFleet(store, { create: false })(print)
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Print all answers of a store, and after them the places that were found. The same is in its tables fleet_answers and fleet_hits."
  ),
  Command.withShortDescription("Print the answers")
)
