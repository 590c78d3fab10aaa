// memmap fleet add: which images a fleet has.
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { span } from "../../../render/Line.ts"
import { action, partial } from "../../action.ts"
import { fileArgument } from "../../arguments.ts"
import { Output } from "../../output.ts"
import { engine, store } from "./arguments.ts"

export const add = Command.make(
  "add",
  {
    store,
    images: fileArgument("IMAGE").pipe(
      Argument.withDescription(
        "A file, a directory with all files below it, an http: or https: address, or @FILE: a list of such, one a line"
      ),
      Argument.variadic({ min: 1 })
    )
  },
  Effect.fnUntraced(
    function* ({ images, store }) {
      const output = yield* Output
      const { addImages, withFleet } = yield* engine
      const { added, refused } = yield* withFleet(store, { create: true })(addImages(images))
      yield* output.lines([
        {
          line: [span(`${added.length} image${added.length === 1 ? "" : "s"}`)],
          json: { type: "added", images: added.length }
        }
      ])
      if (refused.length > 0) return yield* partial
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Note images in a store, which is made when it is not there. An image is known by its size, its time and its first bytes: added again it is the same, changed it is another. What was asked already is asked of it too."
  ),
  Command.withShortDescription("Add images"),
  Command.withExamples([{ command: "memmap fleet add fleet.db /var/crash", description: "All dumps of a directory" }])
)
