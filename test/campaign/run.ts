// The campaign against itself: `npm run campaign`, or `npm run campaign -- SEED FACTOR` for another seed and FACTOR times
// as much. What breaks is told with its seed and round, and comes again with them.
import { Effect } from "effect"
import { damage, flips } from "./damage.ts"
import type { Counts } from "./dice.ts"
import { fleets } from "./fleets.ts"
import { interruptions } from "./interruptions.ts"
import { kills } from "./kills.ts"
import { operations } from "./operations.ts"
import { walks } from "./walks.ts"

const [seed = 1, factor = 1] = process.argv.slice(2).map(Number)

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

console.log(`seed ${seed}, ${factor} times as much as usual`)
for (const [name, [run, rounds]] of Object.entries(parts)) {
  const start = performance.now()
  const counts = await Effect.runPromise(run(seed, Math.ceil(rounds * factor)))
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const text = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
  console.log(`${name.padEnd(14)} ${text.join(", ")} in ${seconds} s: nothing broke`)
}
