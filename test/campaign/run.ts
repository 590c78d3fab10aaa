// The campaign against itself: `npm run campaign`, or `npm run campaign -- SEED FACTOR` for another seed and FACTOR times
// as much, of all parts or of those named behind. What breaks is told with its seed and round, and comes again with them.
import { Effect } from "effect"
import { damage, flips } from "./damage.ts"
import type { Counts } from "./dice.ts"
import { fleets } from "./fleets.ts"
import { interruptions } from "./interruptions.ts"
import { kills } from "./kills.ts"
import { operations } from "./operations.ts"
import { walks } from "./walks.ts"

const [seed = "1", factor = "1", ...names] = process.argv.slice(2)

const parts: Readonly<
  Record<string, readonly [(seed: number, rounds: number) => Effect.Effect<Counts, unknown>, rounds: number]>
> = {
  operations: [operations, 40_000],
  damage: [damage, 40_000],
  flips: [flips, 40_000],
  interruptions: [interruptions, 2000],
  kills: [kills, 20],
  walks: [walks, 3000],
  fleets: [fleets, 1]
}

/** Those that take minutes and other programs run when they are asked for. */
const chosen = names.length > 0 ? names : Object.keys(parts).filter((name) => name !== "fleets")

console.log(`seed ${seed}, ${factor} times as much as usual`)
for (const name of chosen) {
  const part = parts[name]
  if (part === undefined) throw new Error(`there is no part "${name}"; there are ${Object.keys(parts).join(", ")}`)
  const [run, rounds] = part
  const start = performance.now()
  const counts = await Effect.runPromise(run(Number(seed), Math.ceil(rounds * Number(factor))))
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const text = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
  console.log(`${name.padEnd(14)} ${text.join(", ")} in ${seconds} s: nothing broke`)
}
