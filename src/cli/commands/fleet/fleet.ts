// memmap fleet: many images, many workers.
import * as Command from "effect/cli/Command"
import { add } from "./add.ts"
import { answers } from "./answers.ts"
import { ask } from "./ask.ts"
import { find } from "./find.ts"
import { status } from "./status.ts"
import { step, work } from "./work.ts"

export const fleet = Command.make("fleet").pipe(
  Command.withDescription(
    "Ask thousands of images, with many workers of which any may die. A store holds the images, what is asked, and the answers."
  ),
  Command.withShortDescription("Ask thousands of images"),
  Command.withSubcommands([find, add, ask, work, status, answers, step])
)
