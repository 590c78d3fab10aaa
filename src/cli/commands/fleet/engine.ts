// What runs a fleet for the commands about it: its store, and its workers as processes.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { resolve } from "node:path"
import * as Fleet from "../../../fleet/Fleet.ts"
import * as Images from "../../../fleet/Images.ts"
import * as NodeSqlite from "../../../node/NodeSqlite.ts"
import { Refused } from "../../errors.ts"
import { Output } from "../../output.ts"
import { progressText } from "./progress.ts"

export { Fleet }

/** How long the step of a worker that died waits for another. All workers of a store must agree on it. */
const LEASE = "30 seconds"

const isPostgres = (store: string): boolean => /^postgres(ql)?:/i.test(store)

const database = (store: string) =>
  isPostgres(store)
    ? Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("@effect/sql-pg/PgClient")),
          (client) => client.layer({ url: Redacted.make(store), applicationName: "memmap" })
        )
      )
    : NodeSqlite.layer({ filename: store, busyTimeout: "1 minute" })

/** A store as it may be shown: without the password of its address. */
const shown = (store: string): string => (isPostgres(store) ? store.replace(/(:\/\/[^/@:]*):[^@/]*@/, "$1@") : store)

/** The reason that a database gives lies at the bottom, below what was being done. */
const reasonOf = (error: unknown): string => {
  const below = Predicate.isObject(error) ? (error["reason"] ?? error["cause"]) : undefined
  if (below instanceof Error) return reasonOf(below)
  return error instanceof Error ? error.message : String(error)
}

/** Opens a store. What a database fails with while it is opened comes as an error or as a defect. */
const open = (store: string) => {
  const images = Layer.provide(Images.layer, FetchHttpClient.layer)
  const layer = Fleet.layer({ lease: LEASE }).pipe(Layer.provide(images), Layer.provide(database(store)))
  return Effect.catchCause(Layer.build(layer), (cause) =>
    Cause.hasInterrupts(cause)
      ? Effect.interrupt
      : new Refused({ message: `${shown(store)}: this store cannot be opened: ${reasonOf(Cause.squash(cause))}` })
  )
}

/** Runs what is done with the fleet in a store, which must be there unless it may be made. */
export const withFleet =
  (store: string, options: { readonly create: boolean }) =>
  <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      if (!options.create && !isPostgres(store) && !(yield* fs.exists(store))) {
        return yield* new Refused({
          message: `${store}: there is no such store`,
          details: [["try", "memmap fleet add STORE IMAGE, which makes one"]]
        })
      }
      return yield* Effect.provideContext(work, yield* open(store))
    }).pipe(Effect.scoped)

const isAddress = (location: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(location)

/** Paths as they are from everywhere: workers may run elsewhere. */
export const absolute = (location: string): string => (isAddress(location) ? location : resolve(location))

/** The locations that arguments stand for: @FILE is a file that lists them, one a line. */
const locations = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const all = yield* Effect.forEach(names, (name) =>
    name.startsWith("@")
      ? Effect.map(fs.readFileString(name.slice(1)), (text) => text.split("\n").filter((line) => line.trim() !== ""))
      : Effect.succeed([name])
  )
  return all.flat().map(absolute)
})

/** Adds images, and tells of each that could not be. */
export const addImages = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const output = yield* Output
  const fleet = yield* Fleet.Fleet
  const { added, refused } = yield* fleet.add(yield* locations(names))
  for (const { message } of refused) yield* output.error(`memmap: ${message}\n`)
  return { added, refused }
})

/** This program, as another process. */
const memmap = (args: ReadonlyArray<string>) =>
  ChildProcess.make(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore"
  })

/** Runs `count` more workers, which end with this one at the latest. */
const helpers = (store: string, count: number, memory: number | undefined) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => {
      const bound = memory === undefined ? [] : ["--memory", String(memory)]
      return ChildProcessSpawner.use((spawner) => spawner.spawn(memmap(["fleet", "work", store, "--quiet", ...bound])))
    },
    { discard: true }
  )

/** Codes of a process that ended in order: done, could not do it, was asked to stop. 1 is what an uncaught error ends with. */
const ENDED = new Set([0, 2, 130])

/** Does a step in a process of its own, and tells whether that lived. */
const isolate = Effect.fnUntraced(function* (store: string) {
  const spawner = yield* ChildProcessSpawner
  return ({ chunk, image, question }: Fleet.Step) =>
    Effect.gen(function* () {
      const step = memmap(["fleet", "step", store, question, image, String(chunk)])
      // That a process cannot be started is no death: the step goes back to the queue.
      const child = yield* Effect.orDie(spawner.spawn(step))
      // No code means a signal.
      return yield* Effect.match(child.exitCode, { onSuccess: (code) => ENDED.has(code), onFailure: () => false })
    }).pipe(Effect.scoped)
})

/** Works until all is done, in this process and `processes - 1` others, and tells how many steps this one did. */
export const work = Effect.fnUntraced(function* (
  store: string,
  options: { readonly processes: number; readonly memory?: number | undefined; readonly stay?: boolean | undefined }
) {
  const { memory, processes, stay } = options
  const output = yield* Output
  const fleet = yield* Fleet.Fleet
  yield* helpers(store, processes - 1, memory)
  const watch = fleet.status.pipe(
    Effect.flatMap((status) => output.status(progressText(status))),
    Effect.delay("500 millis"),
    Effect.forever
  )
  const name = `${process.env["HOSTNAME"] ?? "host"} ${process.pid}`
  const working = fleet.work({ memory, stay, name, isolate: yield* isolate(store) })
  const steps = yield* output.animated ? Effect.raceFirst(working, watch) : working
  yield* output.status("")
  return steps
}, Effect.scoped)
