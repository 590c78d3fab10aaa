/**
 * Questions to thousands of images, answered by workers of which any may die.
 *
 * A fleet is a store in SQL (SQLite in one file, or PostgreSQL for many machines): its images, what is asked of them, and
 * the answers, in tables that other tools can read (`fleet_answers`, `fleet_hits`). Every question is for every image.
 * One durable step is a question about an image, or about one chunk of a large one. A step whose worker died is done
 * again by another, and has one answer however often it was done. An image that fails has a row with its error.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlError } from "effect/sql/SqlError"
import type * as Stream from "effect/Stream"
import type { Address } from "../AddressRange.ts"
import type { ByteSource } from "../ByteSource.ts"
import * as internal from "../internal/fleet/fleet.ts"
import * as kinds from "../internal/fleet/kinds.ts"
import * as questions from "../internal/fleet/questions.ts"
import * as store from "../internal/fleet/store/rows.ts"
import { UnknownQuestion as UnknownQuestionError } from "../internal/fleet/work.ts"
import type { StringsOptions } from "../MemoryMap.ts"
import type { MemoryImage, OpenOptions } from "../MemoryImage.ts"
import type { Input } from "../Pattern.ts"
import { type Identity, Images, type ImageUnavailable, layerTest as layerImages } from "./Images.ts"

/**
 * An image that is open, as a question gets it: what it is known by, its bytes, and what they mean. Files of no known
 * format are raw bytes at address 0.
 *
 * @category models
 * @since 0.1.0
 */
export interface Image {
  readonly identity: Identity
  readonly source: ByteSource
  readonly memory: MemoryImage
}

/**
 * A question that can be asked; its answers are of type `A`. `kind` is the name by which workers know how to answer it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question<out A> {
  readonly kind: string
  readonly payload: unknown
  readonly [kinds.TypeId]: kinds.Implementation & { readonly answer?: A }
}

/**
 * A kind of question: called with a payload it gives a {@link Question}. `R` is what answering needs of the worker's
 * environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kind<in P, out A, out R = never> {
  (payload: P): Question<A>
  readonly kind: string
  readonly [kinds.TypeId]: kinds.Implementation & { readonly requirements?: R }
}

/**
 * What makes a kind of question: see {@link question}.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuestionOptions<P, A, E, R> {
  readonly payload: Schema.Codec<P, unknown>
  readonly result: Schema.Codec<A, unknown>
  readonly open?: OpenOptions | undefined
  readonly run: (image: Image, payload: P) => Effect.Effect<A, E, R>
}

/**
 * A kind of question of your own, by a name that no other has. `payload` and `result` are written to the store as JSON by
 * their Schemas: answers are references and facts, nothing large. `open` says how images are opened for it. Whatever `run`
 * fails with is the image's answer, by its tag and message.
 *
 * Workers know it when it is given to {@link layer}.
 *
 * **Example** (The first bytes of every image)
 *
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import { Fleet } from "effect-memory-map/fleet"
 * import { NodeSqlite } from "effect-memory-map/node"
 *
 * const head = Fleet.question("head", {
 *   payload: Schema.Struct({ length: Schema.Int }),
 *   result: Schema.String,
 *   run: ({ source }, { length }) => Effect.map(source.read(0n, length), (bytes) => new TextDecoder().decode(bytes))
 * })
 * const program = Effect.gen(function* () {
 *   const fleet = yield* Fleet.Fleet
 *   yield* fleet.add(["dumps"])
 *   yield* fleet.ask(head({ length: 5 }))
 *   yield* fleet.work()
 *   const answers = yield* Stream.runCollect(fleet.answers(head({ length: 5 })))
 *   return answers.map((answer) => answer.state === "answered" ? answer.result : answer.message).toSorted()
 * })
 * const files = { "dumps/1": new TextEncoder().encode("hello world"), "dumps/2": new TextEncoder().encode("goodbye") }
 * const fleet = Fleet.layerTest(files, { questions: [head] })
 * const database = NodeSqlite.layer({ filename: ":memory:" })
 * await program.pipe(Effect.provide(fleet), Effect.provide(database), Effect.runPromise) // => ["goodb", "hello"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const question: <P, A, E, R = never>(
  kind: string,
  options: QuestionOptions<P, A, E, R>
) => Kind<P, A, Exclude<R, Scope.Scope>> = questions.question

/**
 * How many matches there are, and of how many the places were kept in the store.
 *
 * @category models
 * @since 0.1.0
 */
export type Found = typeof kinds.Found.Type

/**
 * Options of {@link find}. `alignment` in bytes, 1 by default, or `"word"` for the word size of each image; `limit` is how many places are kept of each chunk of an
 * image, 10 000 by default.
 *
 * @category models
 * @since 0.1.0
 */
export interface FindOptions {
  readonly alignment?: number | "word" | undefined
  readonly limit?: number | undefined
}

/**
 * Where does a pattern match? Any pattern that `MemoryMap.find` takes. Large images are cut into chunks; a match belongs
 * to the chunk in which it begins. The places are among {@link Fleet} `hits`.
 *
 * @category questions
 * @since 0.1.0
 */
export const find: (pattern: Input, options?: FindOptions) => Question<Found> = questions.find

/**
 * Which texts are in it? Their places are among `hits`, `limit` of each image (10 000 by default).
 *
 * @category questions
 * @since 0.1.0
 */
export const strings: (
  options?: Omit<StringsOptions, "range"> & { readonly limit?: number | undefined }
) => Question<Found> = questions.strings

/**
 * What kind of image is it? Its format, its size, how much of an address space it maps in how many segments, and what it
 * says of its machine.
 *
 * @category questions
 * @since 0.1.0
 */
export const info: Question<typeof kinds.Info.Type> = questions.plain(kinds.info)

/**
 * Which Linux ran there? As `LinuxKernel.uname`. An image that is no memory of a Linux machine fails with `KernelNotFound`.
 *
 * @category questions
 * @since 0.1.0
 */
export const uname: Question<typeof kinds.Uname.Type> = questions.plain(kinds.uname)

/**
 * Which processes ran there? Of each its number, parent, user, name and state. Fails as {@link uname} does.
 *
 * @category questions
 * @since 0.1.0
 */
export const ps: Question<ReadonlyArray<typeof kinds.Process.Type>> = questions.plain(kinds.ps)

/**
 * Which kernel modules were loaded there? Fails as {@link uname} does.
 *
 * @category questions
 * @since 0.1.0
 */
export const modules: Question<ReadonlyArray<typeof kinds.Module.Type>> = questions.plain(kinds.modules)

/**
 * A durable piece of work. `question` and `image` are ids, `chunk` counts from 0.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = store.Step

/**
 * The answer to one step. `chunks` is how many the image was cut into, `bytes` how many were asked about, `seconds` how
 * long that took. `error` is the tag of what an image failed with; an image that was set aside has killed two workers.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer<A> = {
  readonly question: string
  readonly image: string
  readonly location: string
  readonly chunk: number
  readonly chunks: number
  readonly bytes: bigint
  readonly seconds: number
} & (
  | { readonly state: "answered"; readonly result: A }
  | { readonly state: "failed" | "set aside"; readonly error: string; readonly message: string }
)

/**
 * A place in memory that a question found: `length` bytes at `address`, the first of them at `place` of its source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hit {
  readonly question: string
  readonly image: string
  readonly location: string
  readonly address: Address
  readonly length: number
  readonly source: string
  readonly place: bigint
}

/**
 * How far a fleet is. Of each question `steps` is how many there are, as far as is known: an image is cut when it is first
 * opened. `lastMinute` is what was done in the last 60 seconds, within `seconds`. `workers` were seen in that time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  readonly images: number
  readonly questions: ReadonlyArray<{
    readonly id: string
    readonly kind: string
    readonly payload: string
    readonly steps: number
    readonly answered: number
    readonly failed: number
    readonly setAside: number
    readonly bytes: number
    readonly seconds: number
  }>
  readonly failures: ReadonlyArray<{ readonly error: string; readonly count: number }>
  readonly setAside: ReadonlyArray<string>
  readonly workers: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly steps: number
    readonly seen: number
  }>
  readonly lastMinute: { readonly steps: number; readonly bytes: number; readonly seconds: number }
}

/**
 * How a worker works. `name` is what the status calls it. `memory` bounds, in bytes, what is asked about at a time (512 MiB
 * by default). With `stay` it waits for more when all is done. `isolate` does a step whose worker died in a process of its own
 * (`fleet.step` there), and tells whether that lived; without it such a step is tried here once more.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkOptions {
  readonly name?: string | undefined
  readonly memory?: number | undefined
  readonly stay?: boolean | undefined
  readonly isolate?: ((step: Step) => Effect.Effect<boolean>) | undefined
}

/**
 * The store could not be read or written, or not in ten minutes of trying.
 *
 * @category errors
 * @since 0.1.0
 */
export const StoreError = store.StoreError

/**
 * The store could not be read or written, or not in ten minutes of trying.
 *
 * @category errors
 * @since 0.1.0
 */
export type StoreError = store.StoreError

/**
 * A worker met questions of kinds that it was not given.
 *
 * @category errors
 * @since 0.1.0
 */
export const UnknownQuestion = UnknownQuestionError

/**
 * A worker met questions of kinds that it was not given.
 *
 * @category errors
 * @since 0.1.0
 */
export type UnknownQuestion = UnknownQuestionError

/**
 * A fleet.
 *
 * `add` notes images, by path or address, directories with all that is in them; what cannot be read is told in `refused` and
 * holds up nothing. `ask` asks a question of all images, those to come included, and gives its id; asked twice it is one.
 * `work` is a worker: it answers until nothing is left, and tells how many steps it did. Interrupted, it hands back what it
 * held. `step` does one step, for `isolate`. `answers` and `hits` are those of a question, or all, in the order of question,
 * image and chunk.
 *
 * @category services
 * @since 0.1.0
 */
export class Fleet extends Context.Service<
  Fleet,
  {
    readonly add: (
      locations: Iterable<string>
    ) => Effect.Effect<
      { readonly added: ReadonlyArray<Identity>; readonly refused: ReadonlyArray<ImageUnavailable> },
      StoreError
    >
    readonly ask: (question: Question<unknown>) => Effect.Effect<string, StoreError>
    readonly work: (options?: WorkOptions) => Effect.Effect<number, StoreError | UnknownQuestion>
    readonly step: (step: Step) => Effect.Effect<void, StoreError>
    readonly status: Effect.Effect<Status, StoreError>
    readonly answers: <A = unknown>(question?: Question<A>) => Stream.Stream<Answer<A>, StoreError>
    readonly hits: (question?: Question<unknown>) => Stream.Stream<Hit, StoreError>
  }
>()("effect-memory-map/fleet/Fleet") {}

/**
 * Options of {@link layer}. `questions` are the kinds of your own that workers here can answer. `chunk` is how many mapped
 * bytes a chunk of a large image has at least (256 MiB by default). `lease` is how long a step of a worker that is not heard
 * of waits for another (2 minutes by default): all workers of a store have the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface FleetOptions<out R = never> {
  readonly questions?: ReadonlyArray<Kind<never, unknown, R>> | undefined
  readonly chunk?: bigint | undefined
  readonly lease?: Duration.Input | undefined
}

const withoutQueue = <R = never>(
  options: FleetOptions<R> = {}
): Layer.Layer<Fleet, SqlError | MigrationError, SqlClient | Images | PersistedQueue.PersistedQueueFactory | R> =>
  Layer.provide(
    Layer.effect(
      Fleet,
      Images.use((images) => internal.make<R>(options, images))
    ),
    Digest.layerWebCrypto
  )

/**
 * A fleet whose store and queue are tables of one database, which are made when they are not there. SQLite is for the
 * workers of one machine (`NodeSqlite.layer`), PostgreSQL for those of many (`PgClient.layer` of `@effect/sql-pg`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R = never>(
  options: FleetOptions<R> = {}
): Layer.Layer<Fleet, SqlError | MigrationError, SqlClient | Images | R> => {
  const lease = Duration.fromInputUnsafe(options.lease ?? "2 minutes")
  const queue = PersistedQueue.layerStoreSql({
    tableName: "fleet_queue",
    pollInterval: "500 millis",
    lockExpiration: lease,
    lockRefreshInterval: Duration.times(lease, 1 / 4)
  })
  return Layer.provide(withoutQueue(options), Layer.provide(PersistedQueue.layer, queue))
}

/**
 * A fleet of images in memory, with a queue in memory, for tests: time stands still for it under `TestClock`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = <R = never>(
  files: Readonly<Record<string, Uint8Array>>,
  options: FleetOptions<R> = {}
): Layer.Layer<Fleet, SqlError | MigrationError, SqlClient | R> =>
  Layer.provide(withoutQueue(options), [
    layerImages(files),
    Layer.provide(PersistedQueue.layer, PersistedQueue.layerStoreMemory)
  ])
