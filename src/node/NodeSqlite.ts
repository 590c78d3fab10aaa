/**
 * Effect's `SqlClient` over `node:sqlite`, the SQLite that comes with Node: a database in one file, and nothing to install.
 *
 * Several processes may work on one file of a local disk: the journal is a write-ahead log, transactions take the
 * write lock when they begin, and who finds it taken waits. Files on network disks are not for this; use PostgreSQL.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { layer as layerReactivity } from "effect/reactivity/Reactivity"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Client from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as sqlite from "./sqlite.ts"

/**
 * Where the database is and how long to wait for others.
 *
 * `filename` is a path, or `":memory:"` for a database that ends with its layer. `busyTimeout` (default 10 seconds) is how
 * long a statement waits while another process writes; then it fails with a `LockTimeoutError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqliteOptions {
  readonly filename: string
  readonly busyTimeout?: Duration.Input | undefined
}

/**
 * A client for the database in one file, which is created when it is not there. It has one connection: statements run one
 * after the other, and while a transaction is open those of other fibers wait. Integers beyond 2^53 come as `bigint`, all
 * others as numbers; blobs as `Uint8Array`. Fails with `SqlError` when the file cannot be opened or is no database.
 *
 * **Example** (A table)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 * import { NodeSqlite } from "effect-memory-map/node"
 *
 * const program = Effect.gen(function* () {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`CREATE TABLE dumps (path TEXT PRIMARY KEY, size INTEGER)`
 *   yield* sql`INSERT INTO dumps ${sql.insert({ path: "core.1", size: 4096 })}`
 *   return yield* sql`SELECT path, size FROM dumps`
 * })
 * const database = NodeSqlite.layer({ filename: ":memory:" })
 * await Effect.runPromise(Effect.provide(program, database)) // => [{ path: "core.1", size: 4096 }]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteOptions): Layer.Layer<SqlClient, SqlError> =>
  Layer.provide(
    Layer.effect(
      Client.SqlClient,
      sqlite.make(options.filename, Duration.toMillis(options.busyTimeout ?? "10 seconds"))
    ),
    layerReactivity
  )
