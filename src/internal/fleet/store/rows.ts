// What a store keeps, as rows, and how it fails.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class StoreError extends Schema.TaggedError<StoreError>("effect-memory-map/StoreError")("StoreError", {
  doing: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the store of the fleet failed ${this.doing}: ${why}`
  }
}

export const storeError =
  (doing: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StoreError, R> =>
    Effect.mapError(effect, (cause) => (cause instanceof StoreError ? cause : new StoreError({ doing, cause })))

/** A whole number of SQL: PostgreSQL gives those that JavaScript might round as text. */
export type Whole = number | string | bigint

/** One durable piece of work: a question about an image, or about one chunk of it. */
export interface Step {
  readonly question: string
  readonly image: string
  readonly chunk: number
}

export interface Task {
  readonly question: string
  readonly image: string
}

export interface Hit {
  readonly address: bigint
  readonly length: number
  readonly source: string
  readonly place: bigint
}

export interface Record {
  readonly step: Step
  readonly state: "answered" | "failed" | "set aside"
  readonly result: string | undefined
  readonly error: string | undefined
  readonly message: string | undefined
  readonly hits: ReadonlyArray<Hit>
  readonly bytes: bigint
  readonly seconds: number
  readonly worker: string
}

export interface AnswerRow {
  readonly question: string
  readonly image: string
  readonly location: string
  readonly chunk: number
  readonly chunks: number | null
  readonly state: Record["state"]
  readonly result: string | null
  readonly error: string | null
  readonly message: string | null
  readonly bytes: Whole
  readonly seconds: number
}

export interface HitRow {
  readonly question: string
  readonly image: string
  readonly location: string
  readonly chunk: number
  readonly number: number
  readonly address: string
  readonly length: number | string
  readonly source: string
  readonly place: Whole
}

export interface QuestionRow {
  readonly id: string
  readonly kind: string
  readonly payload: string
}

/** Rows of one statement: PostgreSQL takes at most 65 535 parameters, SQLite 32 766. */
export const ROWS = 1000

export const batches = <A>(all: ReadonlyArray<A>) => Arr.chunksOf(all, ROWS)

/** A sum of SQL: nothing of no rows. */
export type Count = Whole | null | undefined

export const number = (value: Count): number => Number(value ?? 0)

export interface Counted {
  readonly n: Count
}

export const count = (rows: ReadonlyArray<Counted>): number => number(rows[0]?.n)
