// A worker for the campaign of fleets, with a lease so short that what a killed one held comes back soon:
// `fleetWorker.ts STORE` works until nothing is left, `fleetWorker.ts STORE QUESTION IMAGE CHUNK` does one step.
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { spawn } from "node:child_process"
import * as Fleet from "../../src/fleet/Fleet.ts"
import * as Images from "../../src/fleet/Images.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import * as NodeSqlite from "../../src/node/NodeSqlite.ts"

/** A fleet in a store: a file, or the address of a database. */
export const fleetOf = (store: string) =>
  Fleet.layer({ lease: "3 seconds", chunk: 1n << 20n }).pipe(
    Layer.provide(Images.layer),
    Layer.provide(
      store.startsWith("postgres:")
        ? PgClient.layer({ url: Redacted.make(store), maxConnections: 4 })
        : NodeSqlite.layer({ filename: store, busyTimeout: "1 minute" })
    ),
    Layer.provide(NodeMemoryMap.layer),
    Layer.provide(NodeServices.layer)
  )

const isolate =
  (store: string) =>
  ({ chunk, image, question }: Fleet.Step): Effect.Effect<boolean> =>
    Effect.callback((resume) => {
      const child = spawn(process.execPath, [import.meta.filename, store, question, image, String(chunk)], {
        stdio: "ignore"
      })
      child.once("exit", (_, signal) => resume(Effect.succeed(signal === null)))
      return Effect.sync(() => void child.kill("SIGKILL"))
    })

if (process.argv[1] === import.meta.filename) {
  const [store = "", question, image, chunk] = process.argv.slice(2)
  const work = Fleet.Fleet.use((fleet) =>
    question === undefined || image === undefined
      ? Effect.asVoid(fleet.work({ isolate: isolate(store) }))
      : fleet.step({ question, image, chunk: Number(chunk) })
  )
  // It may be started while the database is down.
  const patient = Effect.retry(Effect.provide(work, fleetOf(store)), { schedule: Schedule.spaced(500), times: 120 })
  await Effect.runPromise(patient)
}
