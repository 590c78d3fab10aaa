// Answers and hits, page by page.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import { type AnswerRow, type HitRow, ROWS, type StoreError, storeError } from "./rows.ts"

export const make = (sql: SqlClient) => {
  /** Pages of a table in the order of its key. */
  const pages = <Row>(page: (last: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, StoreError>) =>
    Stream.paginate(undefined as Row | undefined, (last) =>
      Effect.map(page(last), (rows) => [
        rows,
        rows.length < ROWS ? Option.none<Row | undefined>() : Option.some(rows.at(-1))
      ])
    )

  const ofQuestion = (question: string | undefined) =>
    question === undefined ? sql`true` : sql`a.question = ${question}`

  const answers = (question: string | undefined): Stream.Stream<AnswerRow, StoreError> =>
    pages((last) =>
      sql<AnswerRow>`SELECT a.question, a.image, i.location, a.chunk, t.chunks, a.state, a.result, a.error, a.message, a.bytes, a.seconds
        FROM fleet_answers a JOIN fleet_images i ON i.id = a.image
        JOIN fleet_tasks t ON t.question = a.question AND t.image = a.image
        WHERE ${ofQuestion(question)} AND ${
          last === undefined
            ? sql`true`
            : sql`(a.question, a.image, a.chunk) > (${last.question}, ${last.image}, ${last.chunk})`
        } ORDER BY a.question, a.image, a.chunk LIMIT ${sql.literal(String(ROWS))}`.pipe(storeError("reading answers"))
    )

  const hits = (question: string | undefined): Stream.Stream<HitRow, StoreError> =>
    pages((last) =>
      sql<HitRow>`SELECT a.question, a.image, i.location, a.chunk, a.number, a.address, a.length, a.source, a.place
        FROM fleet_hits a JOIN fleet_images i ON i.id = a.image
        WHERE ${ofQuestion(question)} AND ${
          last === undefined
            ? sql`true`
            : sql`(a.question, a.image, a.chunk, a.number) > (${last.question}, ${last.image}, ${last.chunk}, ${last.number})`
        } ORDER BY a.question, a.image, a.chunk, a.number LIMIT ${sql.literal(String(ROWS))}`.pipe(
        storeError("reading hits")
      )
    )

  return { answers, hits }
}
