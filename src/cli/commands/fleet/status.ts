// memmap fleet status: how far, how fast, what failed, who works.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import type * as Fleet from "../../../fleet/Fleet.ts"
import { sizeText } from "../../../internal/base/numbers.ts"
import { type Line, span } from "../../../render/Line.ts"
import { action } from "../../action.ts"
import { type Item, Output } from "../../output.ts"
import { engine, store } from "./arguments.ts"
import { progressText } from "./progress.ts"

const heading = (text: string): Line => [span(text, "heading")]

const tableOf = (status: Fleet.Status, now: number): ReadonlyArray<Line> => {
  const rows = status.questions.map(({ answered, bytes, failed, kind, seconds, setAside, steps }) => {
    const counts = [steps, answered, failed, setAside].map((n) => String(n).padStart(9)).join("")
    const size = sizeText(BigInt(Math.round(bytes))).padStart(12)
    return [span(`${kind.padEnd(10)}${counts}${size}${`${seconds.toFixed(1)} s`.padStart(12)}`)]
  })
  const workers = status.workers.map(({ name, seen, steps }) => [
    span(`${name.padEnd(24)} ${String(steps).padStart(8)} steps, seen ${Math.round((now - seen) / 1000)} s ago`)
  ])
  const failures = status.failures.map(({ count, error }) => [span(`${String(count).padStart(9)} ${error}`)])
  const section = (title: string, lines: ReadonlyArray<Line>) =>
    lines.length === 0 ? [] : [[], heading(title), ...lines]
  return [
    [span(`${status.images} images; ${progressText(status)}`)],
    ...section("QUESTION      STEPS ANSWERED   FAILED    ASIDE        BYTES        TIME", rows),
    ...section("FAILURES", failures),
    ...section(
      "SET ASIDE: two workers died there",
      status.setAside.map((location) => [span(location)])
    ),
    ...section("WORKERS", workers)
  ]
}

export const status = Command.make(
  "status",
  { store },
  Effect.fnUntraced(
    function* ({ store }) {
      const output = yield* Output
      const { Fleet, withFleet } = yield* engine
      const status = yield* withFleet(store, { create: false })(Fleet.Fleet.use(({ status }) => status))
      const now = yield* Clock.currentTimeMillis
      const lines = tableOf(status, now).map((line): Item => ({ line }))
      yield* output.lines([...lines, { json: { type: "status", ...status } }])
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription("Tell how far a fleet is, how fast, what failed and who works."),
  Command.withShortDescription("How far is it?")
)
