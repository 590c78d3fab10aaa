// How far a fleet is, and who works.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Count, count, type Counted, number, type QuestionRow, type Record, storeError } from "./rows.ts"

const now = Clock.currentTimeMillis

/** How long a worker counts as working after it was last seen, in milliseconds. */
const ALIVE = 60_000

export const make = (sql: SqlClient) => {
  const seen = Effect.fnUntraced(function* (worker: { readonly id: string; readonly name: string }, steps: number) {
    const seen_at = yield* now
    const row = { ...worker, started_at: seen_at, seen_at, steps }
    yield* sql`INSERT INTO fleet_workers ${sql.insert(row)}
      ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, steps = excluded.steps`
  }, storeError("noting a worker"))

  const gone = (id: string) => storeError("noting a worker")(sql`DELETE FROM fleet_workers WHERE id = ${id}`)

  const status = Effect.gen(function* () {
    const time = yield* now
    const images = count(yield* sql<Counted>`SELECT COUNT(*) AS n FROM fleet_images`)
    const questions = yield* sql<QuestionRow & { readonly steps: Count }>`
      SELECT q.id, q.kind, q.payload, (SELECT SUM(COALESCE(chunks, 1)) FROM fleet_tasks t WHERE t.question = q.id) AS steps
      FROM fleet_questions q ORDER BY q.asked_at, q.id`
    const done = yield* sql<{
      readonly question: string
      readonly state: Record["state"]
      readonly n: Count
      readonly bytes: Count
      readonly seconds: Count
    }>`SELECT question, state, COUNT(*) AS n, SUM(bytes) AS bytes, SUM(seconds) AS seconds
      FROM fleet_answers GROUP BY question, state`
    const failures = yield* sql<{ readonly error: string; readonly n: Count }>`
      SELECT error, COUNT(*) AS n FROM fleet_answers WHERE state = 'failed' GROUP BY error ORDER BY error`
    const setAside = yield* sql<{ readonly location: string }>`SELECT DISTINCT i.location FROM fleet_answers a
      JOIN fleet_images i ON i.id = a.image WHERE a.state = 'set aside' ORDER BY i.location`
    const recent = yield* sql<{ readonly n: Count; readonly bytes: Count; readonly since: Count }>`
      SELECT COUNT(*) AS n, SUM(bytes) AS bytes, MIN(at) AS since FROM fleet_answers WHERE at > ${time - ALIVE}`
    const workers = yield* sql<{
      readonly id: string
      readonly name: string
      readonly steps: Count
      readonly seen_at: Count
    }>`SELECT id, name, steps, seen_at FROM fleet_workers WHERE seen_at > ${time - ALIVE} ORDER BY name, id`
    const [last] = recent
    return {
      images,
      questions: questions.map(({ id, kind, payload, steps }) => {
        const of = done.filter((row) => row.question === id)
        const inState = (state: Record["state"]) => number(of.find((row) => row.state === state)?.n)
        return {
          id,
          kind,
          payload,
          steps: number(steps),
          answered: inState("answered"),
          failed: inState("failed"),
          setAside: inState("set aside"),
          bytes: of.reduce((sum, row) => sum + number(row.bytes), 0),
          seconds: of.reduce((sum, row) => sum + number(row.seconds), 0)
        }
      }),
      failures: failures.map(({ error, n }) => ({ error, count: number(n) })),
      setAside: setAside.map(({ location }) => location),
      workers: workers.map(({ id, name, seen_at, steps }) => ({
        id,
        name,
        steps: number(steps),
        seen: number(seen_at)
      })),
      lastMinute: {
        steps: number(last?.n),
        bytes: number(last?.bytes),
        seconds: last === undefined || number(last.n) === 0 ? 0 : Math.max(1, (time - number(last.since)) / 1000)
      }
    }
  }).pipe(storeError("reading the status"))

  return { seen, gone, status }
}
