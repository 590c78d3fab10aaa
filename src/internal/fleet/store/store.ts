// What a fleet keeps, in SQL that SQLite and PostgreSQL both speak. Every time is in milliseconds since 1970.
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import * as answers from "./answers.ts"
import * as notes from "./notes.ts"
import * as report from "./report.ts"
import * as steps from "./steps.ts"
import { MIGRATIONS } from "./tables.ts"

export const make = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  yield* Migrator.make({})({ loader: Migrator.fromRecord(MIGRATIONS), table: "fleet_migrations" })
  return {
    ...notes.make(sql),
    ...steps.make(sql),
    ...report.make(sql),
    ...answers.make(sql),
    transaction: sql.withTransaction
  }
})

export type Store = Effect.Success<typeof make>
