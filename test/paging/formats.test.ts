// Every format of page tables, held against the judge: random tables with every kind of malformed entry, both ways.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as PageTable from "../../src/PageTable.ts"
import { naives } from "../support/naivePaging.ts"
import { agrees } from "../support/pagingLaw.ts"

describe("random tables", () => {
  it("are judged in every format there is", () => {
    assert.sameMembers(Object.keys(naives), [...PageTable.names])
  })

  for (const name of Object.keys(naives)) {
    it.effect(`${name} maps what the judge says, with the same permissions, and nothing else`, () =>
      Effect.gen(function* () {
        const kinds = new Set<string>()
        for (let seed = 1; seed <= 8; seed++) for (const kind of yield* agrees(name, seed)) kinds.add(kind)
        assert.isTrue(kinds.has("leaf") && kinds.has("noTable") && kinds.size >= 3, [...kinds].join())
      })
    )
  }
})
