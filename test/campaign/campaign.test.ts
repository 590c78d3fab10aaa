// The campaign in short; `npm run campaign` goes further.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { damage, flips } from "./damage.ts"
import { interruptions } from "./interruptions.ts"
import { kills } from "./kills.ts"
import { operations } from "./operations.ts"
import { walks } from "./walks.ts"

describe("the campaign, in short,", () => {
  it.live("finds no operation that differs from the oracle", () =>
    Effect.map(operations(1, 400), (counts) => assert.isAbove(counts.comparisons, 1000))
  )
  it.live("finds no damaged file that ends in a defect", () =>
    Effect.map(damage(1, 800), ({ opened, refused }) => assert.isTrue(opened > 50 && refused > 50))
  )
  it.live("finds no bit of a snapshot that is flipped unnoticed", () =>
    Effect.map(flips(1, 300), (counts) => assert.strictEqual(counts["flipped bits"], 300))
  )
  it.live("finds no interruption that leaves something open or behind", () =>
    Effect.map(interruptions(1, 60), ({ interrupted }) => assert.isAbove(interrupted, 5))
  )
  it.live("finds no kill that leaves a broken file", () =>
    Effect.map(kills(1, 2), (counts) => assert.strictEqual(counts.kills, 2))
  )
  it.live("finds no page tables that differ from the judge", () =>
    Effect.map(walks(1, 29), ({ pages }) => assert.isAbove(pages, 1000))
  )
})
