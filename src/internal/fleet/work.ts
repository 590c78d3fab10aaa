// A worker: takes steps from the queue, as many at a time as its memory has room for, and writes their answers.
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type { PersistedQueue } from "effect/persistence/PersistedQueue"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { AddressRange } from "../../AddressRange.ts"
import * as Range from "../../AddressRange.ts"
import type { Image, WorkOptions } from "../../fleet/Fleet.ts"
import type { Images } from "../../fleet/Images.ts"
import * as MemoryImage from "../../MemoryImage.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { chunkBytes, chunksOf } from "./chunks.ts"
import { ImageUnavailable } from "./images.ts"
import type { Implementation } from "./kinds.ts"
import { type Record, type Step, StoreError } from "./store/rows.ts"
import type { Store } from "./store/store.ts"

/** What the queue holds of a step. `bytes` is how much of the image is asked about, where that is known. */
export const Item = Schema.Struct({
  question: Schema.String,
  image: Schema.String,
  chunk: Schema.Int,
  bytes: Schema.BigIntFromString
})
export type Item = typeof Item.Type

export type Queue = PersistedQueue<Item>

export const idOf = ({ chunk, image, question }: Step): string => `${question}/${image}/${chunk}`

export class UnknownQuestion extends Schema.TaggedError<UnknownQuestion>("effect-memory-map/UnknownQuestion")(
  "UnknownQuestion",
  { kinds: Schema.Array(Schema.String) }
) {
  override get message(): string {
    return `this worker cannot answer questions of the kind ${this.kinds.join(", ")}: give them to Fleet.layer`
  }
}

/** What runs a fleet. */
export interface Engine {
  readonly store: Store
  readonly queue: Queue
  readonly images: Images["Service"]
  readonly kinds: ReadonlyMap<string, Implementation>
  /** Least mapped bytes of a chunk. */
  readonly chunk: bigint
  /** Runs what a question needs of its environment. */
  readonly provide: <A, E>(effect: Effect.Effect<A, E, unknown>) => Effect.Effect<A, E>
}

const MIB = 1 << 20

/** Memory that even a small step is counted with, in MiB: or one worker would take all there is, and others wait. */
const LEAST = 64

/** How often a worker says that it lives, and looks whether all is done, in milliseconds. */
const BEAT = 5000
const LOOK = 1000

/** Steps that a process may have begun and never ended before the image is set aside. */
const DEATHS = 2

/** How long a worker waits for a store that does not answer: ten minutes, in tries a second apart. */
const whileDown = { times: 600, schedule: Schedule.spaced(1000) }

const stepsDone = Metric.counter("memmap_fleet_steps", { description: "Steps that have an answer, by state" })
const bytesDone = Metric.counter("memmap_fleet_bytes", { description: "Mapped bytes that were asked about" })
const failures = Metric.counter("memmap_fleet_failures", { description: "Steps that failed, by the tag of the error" })
const seconds = Metric.histogram("memmap_fleet_seconds", {
  description: "Seconds of a step",
  boundaries: [0.001, 0.01, 0.1, 1, 10, 100, 1000]
})

const measure = (record: Record): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Metric.update(Metric.withAttributes(stepsDone, { state: record.state }), 1)
    yield* Metric.update(bytesDone, Number(record.bytes))
    yield* Metric.update(seconds, record.seconds)
    if (record.error !== undefined) yield* Metric.update(Metric.withAttributes(failures, { error: record.error }), 1)
  })

/** Opens an image, if it is still what it was when it was added. What is of no known format is raw bytes at address 0. */
const openImage = Effect.fnUntraced(function* (engine: Engine, kind: Implementation, image: string, location: string) {
  const identity = yield* engine.images.identify(location)
  if (identity.id !== image) {
    return yield* new ImageUnavailable({ location, why: "it has changed since it was added; add it again" })
  }
  const source = yield* engine.images.open(location)
  const format = yield* MemoryImage.recognise(source)
  const memory =
    format === undefined
      ? yield* MemoryImage.fromSource(source, { format: "raw", address: 0n })
      : yield* MemoryImage.fromSource(source, { ...kind.open, format })
  return { identity, source, memory } satisfies Image
})

/** The range of this step. The first of an image that is large cuts it, and gives out the other chunks. */
const rangeOf = Effect.fnUntraced(function* (
  engine: Engine,
  kind: Implementation,
  payload: unknown,
  { memory: { map } }: Image,
  step: Step
) {
  if (kind.reach === undefined) {
    yield* engine.store.cut(step, 1, 0n)
    return Range.full
  }
  yield* kind.reach(payload, map)
  const wanted = chunkBytes(map, engine.chunk)
  const size = yield* engine.store.cut(step, chunksOf(map, wanted).length, wanted)
  const chunks = chunksOf(map, size)
  if (step.chunk === 0) {
    for (const [chunk, range] of chunks.entries()) {
      if (chunk === 0) continue
      const { mapped } = MemoryMap.coverage(map, { range })
      const item = { question: step.question, image: step.image, chunk, bytes: mapped }
      yield* Effect.mapError(
        engine.queue.offer(item, { id: idOf(item) }),
        (cause) => new StoreError({ doing: "giving out chunks", cause })
      )
    }
  }
  return chunks[step.chunk] ?? Range.make(0n, 0n)
})

/** The tag of an error and what it says, or of a defect. */
const told = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : Inspectable.toStringUnknown(error)
  if (!Cause.hasFails(cause)) return { error: "Defect", message }
  const tag = Predicate.hasProperty(error, "_tag") ? error._tag : error instanceof Error ? error.name : "Error"
  return { error: Inspectable.toStringUnknown(tag), message }
}

const isStoreError = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) => reason._tag === "Fail" && reason.error instanceof StoreError)

/** Asks, whatever comes of it: only the store's own failures and interruption are no answer. */
const ask = Effect.fn("Fleet.step")(function* (engine: Engine, step: Step, worker: string) {
  yield* Effect.annotateCurrentSpan({ ...step })
  const begun = yield* Clock.currentTimeNanos
  let bytes = 0n
  const asked = Effect.gen(function* () {
    const row = yield* engine.store.question(step.question)
    const location = yield* engine.store.locationOf(step.image)
    const kind = Option.isSome(row) ? engine.kinds.get(row.value.kind) : undefined
    if (Option.isNone(row) || Option.isNone(location)) {
      return yield* new StoreError({ doing: "looking up a step", cause: "it has no such image or question" })
    }
    if (kind === undefined) return yield* new UnknownQuestion({ kinds: [row.value.kind] })
    const payload: unknown = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(kind.payload))(row.value.payload)
    const image = yield* openImage(engine, kind, step.image, location.value)
    const range: AddressRange = yield* rangeOf(engine, kind, payload, image, step)
    bytes = MemoryMap.coverage(image.memory.map, { range }).mapped
    const { hits, result } = yield* kind.run(image, payload, range)
    return { hits, result: JSON.stringify(yield* Schema.encodeUnknownEffect(kind.result)(result)) }
  }).pipe(Effect.scoped, engine.provide)
  const exit = yield* Effect.exit(asked)
  if (Exit.isFailure(exit) && (Cause.hasInterruptsOnly(exit.cause) || isStoreError(exit.cause))) {
    return yield* Effect.failCause(exit.cause as Cause.Cause<StoreError>)
  }
  const ended = yield* Clock.currentTimeNanos
  return {
    step,
    worker,
    bytes,
    seconds: Number(ended - begun) / 1e9,
    ...(Exit.isSuccess(exit)
      ? { state: "answered", ...exit.value, error: undefined, message: undefined }
      : { state: "failed", hits: [], result: undefined, ...told(exit.cause) })
  } satisfies Record
})

/** Asks and writes the answer; `true` when it was not there yet. */
export const runStep = Effect.fnUntraced(function* (engine: Engine, step: Step, worker: string) {
  const record = yield* ask(engine, step, worker)
  const written = yield* engine.store.answer(record)
  if (written) yield* measure(record)
})

const aside = (step: Step, worker: string, message: string): Record => ({
  step,
  worker,
  state: "set aside",
  result: undefined,
  error: "WorkerDied",
  message,
  hits: [],
  bytes: 0n,
  seconds: 0
})

/** One step, with a note in the store for as long as it runs: a note that stays tells of a worker that died. */
const attempt = Effect.fnUntraced(function* (engine: Engine, step: Step, worker: string, options: WorkOptions) {
  const { isolate } = options
  if (yield* engine.store.isAnswered(step)) return
  const deaths = yield* engine.store.begin(step, worker)
  const give = (why: string) => {
    const record = aside(step, worker, why)
    return Effect.andThen(engine.store.answer(record), measure(record))
  }
  const work = Effect.gen(function* () {
    if (deaths === 0) return yield* runStep(engine, step, worker)
    // The death of a worker need not be the image's doing; that of a process which does nothing else is.
    if (isolate !== undefined) {
      const survived = yield* isolate(step)
      if (!survived) return yield* give("two processes that had it open died; the second did nothing else")
      if (yield* engine.store.isAnswered(step)) return
      return yield* new StoreError({ doing: "running a step by itself", cause: "it ended without an answer" })
    }
    if (deaths >= DEATHS) return yield* give(`${deaths} workers that had it open died`)
    return yield* runStep(engine, step, worker)
  })
  yield* Effect.onError(work, () => Effect.ignore(engine.store.end(step, worker)))
})

/** Takes steps until there are none left, or for ever. */
export const work = Effect.fnUntraced(function* (engine: Engine, worker: string, name: string, options: WorkOptions) {
  const unknown = (yield* Effect.retry(engine.store.kinds, whileDown)).filter((kind) => !engine.kinds.has(kind))
  if (unknown.length > 0) return yield* new UnknownQuestion({ kinds: unknown })
  const room = Math.max(LEAST, Math.floor((options.memory ?? 512 * MIB) / MIB))
  const memory = yield* Semaphore.make(room)
  const gate = yield* Semaphore.make(1)
  const progress = yield* Latch.make(false)
  let steps = 0

  const weightOf = (bytes: bigint): number => Math.min(room, Math.max(LEAST, Math.ceil(Number(bytes) / MIB)))
  // Whoever takes keeps the gate until there is memory for what was taken, so that one step at most waits for that.
  const next = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* restore(gate.take(1))
      let passed = false
      const pass = Effect.suspend(() => {
        if (passed) return Effect.void
        passed = true
        return Effect.asVoid(gate.release(1))
      })
      yield* restore(
        engine.queue.take((item) => {
          const weight = weightOf(item.bytes)
          return memory.withPermits(weight)(Effect.andThen(pass, attempt(engine, item, worker, options)))
        })
      ).pipe(Effect.ensuring(pass))
      steps++
      yield* progress.open
    })
  )
  // A step that could not be answered goes back to the queue, which waits before it gives it out again.
  const loop: Effect.Effect<never> = Effect.forever(
    Effect.catchCause(next, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.andThen(Effect.logWarning("a step goes back to the queue", cause), Effect.sleep(LOOK))
    )
  )
  const beat = Effect.forever(
    Effect.andThen(Effect.ignore(engine.store.seen({ id: worker, name }, steps)), Effect.sleep(BEAT))
  )
  const untilDone: Effect.Effect<void, StoreError> = Effect.gen(function* () {
    while ((yield* Effect.retry(engine.store.remaining, whileDown)) > 0) {
      yield* progress.close
      yield* Effect.raceFirst(progress.await, Effect.sleep(LOOK))
    }
  })
  const loops = Array.from({ length: Math.ceil(room / LEAST) }, () => loop)
  yield* Effect.raceAllFirst([options.stay === true ? Effect.never : untilDone, beat, ...loops]).pipe(
    Effect.ensuring(Effect.ignore(engine.store.gone(worker)))
  )
  return steps
})
