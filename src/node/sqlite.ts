// A SqlClient over node:sqlite. One connection, as SQLite has one writer anyway; a transaction keeps it to itself.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Client from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import { makeCompilerSqlite } from "effect/sql/Statement"

/** Statements that stay prepared, the least recently used leave first. */
const PREPARED = 128

type Value = string | number | bigint | Uint8Array | null
type Row = Record<string, Value>

/** Node's errors have SQLite's extended result code in `errcode`; Effect looks for it in `errno`. */
const sqlError = (operation: string, cause: unknown): SqlError => {
  const errno = (cause as { readonly errcode?: unknown }).errcode
  const message = cause instanceof Error ? cause.message : String(cause)
  const known = Object.assign(new Error(message, { cause }), { errno, code: errno })
  return new SqlError({ reason: classifySqliteError(known, { message, operation }) })
}

/** What a parameter is to SQLite, which has neither booleans nor times. Node would make a REAL of every number. */
const input = (value: unknown): SQLInputValue => {
  if (typeof value === "boolean") return value ? 1n : 0n
  if (Predicate.isDate(value)) return BigInt(value.getTime())
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return BigInt(value as number)
  return value === undefined ? null : (value as SQLInputValue)
}

/** All integers are read as bigint, since a number that is too large would be an error; those that fit become numbers. */
const output = (value: Value): Value =>
  typeof value === "bigint" && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value

class Prepared {
  private readonly statements = new Map<string, StatementSync>()
  private readonly database: DatabaseSync
  constructor(database: DatabaseSync) {
    this.database = database
  }
  fresh(sql: string): StatementSync {
    const statement = this.database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  get(sql: string): StatementSync {
    const statement = this.statements.get(sql) ?? this.fresh(sql)
    this.statements.delete(sql)
    this.statements.set(sql, statement)
    const oldest = this.statements.keys().next()
    if (this.statements.size > PREPARED && oldest.done !== true) this.statements.delete(oldest.value)
    return statement
  }
}

const connectionOf = (database: DatabaseSync): Connection => {
  const prepared = new Prepared(database)
  type Params = ReadonlyArray<unknown>
  const rowsOf = (statement: StatementSync, params: Params): ReadonlyArray<Row> =>
    statement.all(...params.map(input)).map((row) => {
      const read: Row = {}
      for (const [column, value] of Object.entries(row)) read[column] = output(value)
      return read
    })
  const run = <A>(operation: string, f: () => A): Effect.Effect<A, SqlError> =>
    Effect.try({ try: f, catch: (cause) => sqlError(operation, cause) })
  const values = (statement: StatementSync, params: Params) => {
    statement.setReturnArrays(true)
    const rows = statement.all(...params.map(input)) as unknown as ReadonlyArray<ReadonlyArray<Value>>
    return rows.map((row) => row.map(output))
  }
  const execute = (statement: () => StatementSync, params: Params) => run("execute", () => rowsOf(statement(), params))
  return {
    execute: (sql, params, transform) => {
      const rows = execute(() => prepared.get(sql), params)
      return transform === undefined ? rows : Effect.map(rows, transform)
    },
    executeRaw: (sql, params) => execute(() => prepared.get(sql), params),
    executeValues: (sql, params) => run("executeValues", () => values(prepared.fresh(sql), params)),
    executeValuesUnprepared: (sql, params) => run("executeValues", () => values(prepared.fresh(sql), params)),
    executeUnprepared: (sql, params, transform) => {
      const rows = execute(() => prepared.fresh(sql), params)
      return transform === undefined ? rows : Effect.map(rows, transform)
    },
    executeStream: (sql, params, transform) => {
      const rows = execute(() => prepared.fresh(sql), params)
      return Stream.fromIterableEffect(transform === undefined ? rows : Effect.map(rows, transform))
    }
  }
}

// Imported when a database is opened: Node 22 warns, once, that this part of it is experimental.
const open = Effect.fnUntraced(function* (filename: string, timeout: number): Effect.fn.Return<DatabaseSync, SqlError> {
  const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
  return yield* Effect.try({
    try: () => {
      const database = new DatabaseSync(filename, { timeout })
      // A commit waits for the disk at checkpoints only: a power cut may lose the last commits, never the database.
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
      return database
    },
    catch: (cause) => sqlError("open", cause)
  })
})

export const make = Effect.fnUntraced(function* (filename: string, timeout: number) {
  const database = yield* Effect.acquireRelease(open(filename, timeout), (database) =>
    Effect.sync(() => database.close())
  )
  const connection = connectionOf(database)
  const turn = yield* Semaphore.make(1)
  return yield* Client.make({
    acquirer: Semaphore.withPermits(turn, 1)(Effect.succeed(connection)),
    transactionAcquirer: Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const scope = Context.getUnsafe(fiber.context, Scope.Scope)
        return restore(Semaphore.take(turn, 1)).pipe(
          Effect.andThen(Scope.addFinalizer(scope, Semaphore.release(turn, 1))),
          Effect.as(connection)
        )
      })
    ),
    compiler: makeCompilerSqlite(),
    driver: "node-sqlite",
    beginTransaction: "BEGIN IMMEDIATE",
    isTransaction: () => database.isTransaction,
    prepareTransactionControls: true,
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})
