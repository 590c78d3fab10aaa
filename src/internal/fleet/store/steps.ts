// Steps: begun, ended, answered.
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { batches, type Count, count, type Counted, type Record, type Step, storeError, type Task } from "./rows.ts"

const now = Clock.currentTimeMillis

/** Addresses are text, of one width so that they sort: a signed integer of SQL has no room for them. */
const addressText = (address: bigint): string => `0x${address.toString(16).padStart(16, "0")}`

export const make = (sql: SqlClient) => {
  /** Fixes how an image is cut, once: whoever comes later gets the cut that is noted. */
  const cut = Effect.fnUntraced(function* ({ image, question }: Task, chunks: number, size: bigint) {
    yield* sql`UPDATE fleet_tasks SET chunks = ${chunks}, chunk_bytes = ${size}
      WHERE question = ${question} AND image = ${image} AND chunks IS NULL`
    const [row] = yield* sql<{ readonly chunk_bytes: Count }>`SELECT chunk_bytes FROM fleet_tasks
      WHERE question = ${question} AND image = ${image}`
    return BigInt(row?.chunk_bytes ?? size)
  }, storeError("cutting an image"))

  const isStep = ({ chunk, image, question }: Step) =>
    sql`question = ${question} AND image = ${image} AND chunk = ${chunk}`

  /** How many workers began this step and were not heard of again; and notes that this one begins. */
  const begin = Effect.fnUntraced(function* (step: Step, worker: string) {
    const started_at = yield* now
    const rows = yield* sql<{ readonly worker: string }>`SELECT worker FROM fleet_trials
      WHERE ${isStep(step)} AND worker <> ${worker}`
    const { chunk, image, question } = step
    yield* sql`INSERT INTO fleet_trials ${sql.insert({ question, image, chunk, worker, started_at })} ON CONFLICT DO NOTHING`
    return rows.length
  }, storeError("beginning a step"))

  const end = (step: Step, worker: string) =>
    storeError("handing back a step")(sql`DELETE FROM fleet_trials WHERE ${isStep(step)} AND worker = ${worker}`)

  const isAnswered = (step: Step) =>
    sql`SELECT 1 FROM fleet_answers WHERE ${isStep(step)}`.pipe(
      Effect.map((rows) => rows.length > 0),
      storeError("looking for an answer")
    )

  /** Writes an answer with its hits and forgets all trials of the step, or does nothing when there is an answer. */
  const answer = Effect.fnUntraced(
    function* (record: Record) {
      const at = yield* now
      const { bytes, error = null, hits, message = null, result = null, seconds, state, step, worker } = record
      const { chunk, image, question } = step
      const row = { question, image, chunk, state, result, error, message, bytes, seconds, worker, at }
      const written = yield* sql`INSERT INTO fleet_answers ${sql.insert(row)} ON CONFLICT DO NOTHING RETURNING chunk`
      if (written.length > 0) {
        const rows = Arr.map(hits, ({ address, length, place, source }, number) => ({
          question,
          image,
          chunk,
          number,
          address: addressText(address),
          length,
          source,
          place
        }))
        for (const batch of batches(rows)) yield* sql`INSERT INTO fleet_hits ${sql.insert(batch)}`
      }
      yield* sql`DELETE FROM fleet_trials WHERE ${isStep(step)}`
      return written.length > 0
    },
    sql.withTransaction,
    storeError("writing an answer")
  )

  const remaining = Effect.gen(function* () {
    const planned = yield* sql<Counted>`SELECT SUM(COALESCE(chunks, 1)) AS n FROM fleet_tasks`
    const done = yield* sql<Counted>`SELECT COUNT(*) AS n FROM fleet_answers`
    return count(planned) - count(done)
  }).pipe(storeError("counting what is left"))

  return { cut, begin, end, isAnswered, answer, remaining }
}
