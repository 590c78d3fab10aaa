// What the commands about fleets take, and how they come by what runs one.
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { count, fileArgument } from "../../arguments.ts"

export const store: Argument.Argument<string> = fileArgument("STORE").pipe(
  Argument.withDescription("Where the fleet is kept: a file, for the workers of one machine, or a postgres: address")
)

export const memory = count("memory", 1n << 20n).pipe(
  Flag.withMetavar("SIZE"),
  Flag.withDescription("Ask about at most this much at a time, as 2GiB (512MiB)"),
  Flag.optional
)

/** Loaded by the commands about fleets alone: databases and queues would make every other command start later. */
export const engine = Effect.promise(() => import("./engine.ts"))
