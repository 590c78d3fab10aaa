// Random page tables of every format, walked and translated, and the judge of page tables beside them.
import { Cause, Effect } from "effect"
import * as PageTable from "../../src/PageTable.ts"
import { agrees } from "../support/pagingLaw.ts"
import { Broken } from "./dice.ts"

/** Walks `rounds` machines, the formats in turn. */
export const walks = Effect.fnUntraced(function* (seed: number, rounds: number) {
  let pages = 0
  for (let round = 0; round < rounds; round++) {
    const name = PageTable.names[round % PageTable.names.length]!
    const found = yield* agrees(name, seed * 1_000_003 + round).pipe(
      Effect.catchCause((cause) => Effect.die(new Broken("walks", seed, round, `${name}: ${Cause.pretty(cause)}`)))
    )
    pages += found.length
  }
  return { walks: rounds, pages }
})
