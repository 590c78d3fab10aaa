// What is asked of which images: the part of a store that workers only read.
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Identity } from "../../../fleet/Images.ts"
import { batches, type QuestionRow, storeError, type Task } from "./rows.ts"

const now = Clock.currentTimeMillis

export const make = (sql: SqlClient) => {
  const addImages = Effect.fnUntraced(function* (images: ReadonlyArray<Identity>) {
    const added_at = yield* now
    for (const batch of batches(images)) {
      const rows = Arr.map(batch, ({ id, location, modified, size }) => ({
        id,
        location,
        size,
        modified: modified === undefined ? null : Math.trunc(modified),
        added_at
      }))
      yield* sql`INSERT INTO fleet_images ${sql.insert(rows)} ON CONFLICT (id) DO UPDATE SET location = excluded.location`
    }
  }, storeError("noting images"))

  const addQuestion = Effect.fnUntraced(function* (row: QuestionRow) {
    const asked_at = yield* now
    yield* sql`INSERT INTO fleet_questions ${sql.insert({ ...row, asked_at })} ON CONFLICT DO NOTHING`
  }, storeError("noting a question"))

  /** Every question is for every image: what of that was not noted yet is noted, and all without answer is given back. */
  const plan = sql`INSERT INTO fleet_tasks (question, image)
      SELECT q.id, i.id FROM fleet_questions q CROSS JOIN fleet_images i WHERE true ON CONFLICT DO NOTHING`.pipe(
    Effect.andThen(
      sql<Task>`SELECT t.question, t.image FROM fleet_tasks t WHERE NOT EXISTS (
        SELECT 1 FROM fleet_answers a WHERE a.question = t.question AND a.image = t.image AND a.chunk = 0)
        ORDER BY t.image, t.question`
    ),
    storeError("planning the work")
  )

  const question = (id: string) =>
    sql<QuestionRow>`SELECT id, kind, payload FROM fleet_questions WHERE id = ${id}`.pipe(
      Effect.map((rows) => Option.fromUndefinedOr(rows[0])),
      storeError("reading a question")
    )

  const kinds = sql<{ readonly kind: string }>`SELECT DISTINCT kind FROM fleet_questions`.pipe(
    Effect.map((rows) => rows.map(({ kind }) => kind)),
    storeError("reading the questions")
  )

  const locationOf = (image: string) =>
    sql<{ readonly location: string }>`SELECT location FROM fleet_images WHERE id = ${image}`.pipe(
      Effect.map((rows) => Option.fromUndefinedOr(rows[0]?.location)),
      storeError("reading where an image is")
    )

  return { addImages, addQuestion, plan, question, kinds, locationOf }
}
