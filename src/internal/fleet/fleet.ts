// The service: what is asked is noted in the store, what is to be done in the queue.
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Answer, FleetOptions, Hit, Question, Step, WorkOptions } from "../../fleet/Fleet.ts"
import type { Identity, Images } from "../../fleet/Images.ts"
import { CHUNK_BYTES } from "./chunks.ts"
import type { ImageUnavailable } from "./images.ts"
import * as kinds from "./kinds.ts"
import * as Rows from "./store/rows.ts"
import * as Store from "./store/store.ts"
import { type Engine, idOf, Item, runStep, work } from "./work.ts"

/** Steps that are given out in one transaction. */
const BATCH = 500

/** A step that could not be answered, the store being away, is given out again after this. It may be often. */
const AGAIN = { retrySchedule: Schedule.spaced("2 seconds"), maxAttempts: 1_000_000 }

export const make = Effect.fnUntraced(function* <R>(options: FleetOptions<R>, images: Images["Service"]) {
  const store = yield* Store.make
  const digest = yield* Digest.Digest
  const context = yield* Effect.context<R>()
  const queue = yield* PersistedQueue.make({ name: "fleet", schema: Item, ...AGAIN })
  const all = [...kinds.builtIn, ...(options.questions ?? []).map((kind) => kind[kinds.TypeId])]
  const engine: Engine = {
    store,
    queue,
    images,
    kinds: new Map(all.map((kind) => [kind.kind, kind])),
    chunk: options.chunk ?? CHUNK_BYTES,
    provide: (effect) => Effect.provideContext(effect, context) as never
  }

  /** The same question has the same id, whoever asks it. */
  const rowOf = Effect.fnUntraced(function* (asked: Question<unknown>) {
    const { kind, payload } = asked[kinds.TypeId]
    const json = JSON.stringify(yield* Effect.orDie(Schema.encodeUnknownEffect(payload)(asked.payload)))
    const text = new TextEncoder().encode(`${kind}\n${json}`)
    const id = (yield* Effect.orDie(digest.digestHex(Digest.sha256, text))).slice(0, 32)
    return { id, kind, payload: json }
  })

  /** Gives out every step that has no answer. What is in the queue already stays there once. */
  const giveOut = Effect.gen(function* () {
    const tasks = yield* store.plan
    for (let from = 0; from < tasks.length; from += BATCH) {
      const offers = Effect.forEach(tasks.slice(from, from + BATCH), ({ image, question }) => {
        const item = { question, image, chunk: 0, bytes: 0n }
        return queue.offer(item, { id: idOf(item) })
      })
      yield* Rows.storeError("giving out steps")(store.transaction(offers))
    }
  })

  const add = Effect.fn("Fleet.add")(function* (locations: Iterable<string>) {
    const added: Array<Identity> = []
    const refused: Array<ImageUnavailable> = []
    const refuse = (error: ImageUnavailable) => Effect.sync(() => void refused.push(error))
    for (const location of locations) {
      const found = yield* Effect.catch(images.list(location), (error) => Effect.as(refuse(error), []))
      yield* Effect.forEach(
        found,
        (one) =>
          Effect.matchEffect(images.identify(one), {
            onFailure: refuse,
            onSuccess: (identity) => Effect.sync(() => void added.push(identity))
          }),
        { concurrency: 8, discard: true }
      )
    }
    const unique = Array.from(new Map(added.map((one) => [one.id, one])).values())
    unique.sort((a, b) => (a.location < b.location ? -1 : 1))
    yield* store.addImages(unique)
    yield* giveOut
    return { added: unique, refused }
  })

  const ask = Effect.fn("Fleet.ask")(function* (asked: Question<unknown>) {
    const row = yield* rowOf(asked)
    yield* store.addQuestion(row)
    yield* giveOut
    return row.id
  })

  return {
    add,
    ask,
    ...readers(store, rowOf),
    status: store.status,
    work: Effect.fn("Fleet.work")(function* (workOptions: WorkOptions = {}) {
      const worker = SecureRandom.uuidV4Unsafe()
      return yield* work(engine, worker, workOptions.name ?? worker.slice(0, 8), workOptions)
    }),
    step: (step: Step) => runStep(engine, step, `alone ${SecureRandom.uuidV4Unsafe()}`)
  }
})

/** Answers and hits as they are read: of a question, whose row is known, or of all. */
const readers = (store: Store.Store, rowOf: (asked: Question<unknown>) => Effect.Effect<Rows.QuestionRow>) => {
  const idOf = (asked: Question<unknown> | undefined) =>
    asked === undefined ? Effect.succeed(undefined) : Effect.map(rowOf(asked), ({ id }) => id)
  const answers = <A>(asked?: Question<A>): Stream.Stream<Answer<A>, Rows.StoreError> =>
    Stream.unwrap(
      Effect.map(idOf(asked), (id) =>
        Stream.mapEffect(store.answers(id), (found) => answerOf<A>(found, asked?.[kinds.TypeId]))
      )
    )
  const hits = (asked?: Question<unknown>): Stream.Stream<Hit, Rows.StoreError> =>
    Stream.unwrap(
      Effect.map(idOf(asked), (id) =>
        Stream.map(store.hits(id), ({ address, length, place, chunk: _chunk, number: _number, ...facts }) => ({
          ...facts,
          address: BigInt(address),
          length: Number(length),
          place: BigInt(place)
        }))
      )
    )
  return { answers, hits }
}

const answerOf = Effect.fnUntraced(function* <A>(
  row: Rows.AnswerRow,
  kind: kinds.Implementation | undefined
): Effect.fn.Return<Answer<A>, Rows.StoreError> {
  const { bytes, chunk, chunks, image, location, question, seconds, state } = row
  const facts = { question, image, location, chunk, chunks: chunks ?? 1, bytes: BigInt(bytes), seconds }
  if (state !== "answered") return { ...facts, state, error: row.error ?? "", message: row.message ?? "" }
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(kind?.result ?? Schema.Unknown))
  const result: A = yield* Rows.storeError("reading an answer")(decode(row.result))
  return { ...facts, state, result }
})
