// Effect's own modules over SQL are the judges: what they need of a client is what the suites of Effect's clients ask.
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Context, Deferred, Effect, Exit, Fiber, FileSystem, Layer, Schema, Stream } from "effect"
import { NodeSqlite } from "effect-memory-map/node"
import { KeyValueStore, PersistedQueue } from "effect/persistence"
import { Migrator, SqlClient, type SqlError } from "effect/sql"

const inMemory = NodeSqlite.layer({ filename: ":memory:" })

/** A client of its own on the same file, for as long as the scope is open. */
const connect = (filename: string, busyTimeout = 2000) =>
  Effect.map(Layer.build(NodeSqlite.layer({ filename, busyTimeout })), Context.get(SqlClient.SqlClient))

const temporaryFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped()}/test.db`
})

const tagOf = (error: SqlError.SqlError): string => error.reason._tag

describe("NodeSqlite", () => {
  it.effect("gives back what was put in, of every type that SQLite has", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB)`
      const rows = [
        { i: 1, r: 0.5, s: "a", b: Uint8Array.of(1, 2) },
        { i: 2n ** 63n - 1n, r: -1e300, s: "caf\u00e9 \u{1f600}", b: new Uint8Array(0) },
        { i: -(2n ** 63n), r: null, s: null, b: null },
        { i: 2 ** 53 - 1, r: 3, s: "", b: null }
      ]
      yield* sql`INSERT INTO t ${sql.insert([rows[0]!, ...rows.slice(1)])}`
      assert.deepStrictEqual(yield* sql`SELECT * FROM t ORDER BY rowid`, rows)
      yield* sql`INSERT INTO t ${sql.insert({ i: true, r: false, s: new Date(5), b: undefined })}`
      assert.deepStrictEqual(yield* sql`SELECT i, r, s, b FROM t WHERE rowid = 5`, [{ i: 1, r: 0, s: "5", b: null }])
      const values = yield* sql`SELECT i, s FROM t WHERE rowid < 3`.values
      assert.deepStrictEqual(values, [
        [1, "a"],
        [2n ** 63n - 1n, "caf\u00e9 \u{1f600}"]
      ])
      const streamed = yield* Stream.runCollect(sql`SELECT s FROM t WHERE rowid = ${1}`.stream)
      assert.deepStrictEqual(streamed, [{ s: "a" }])
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("tells constraints, wrong statements and files that are no database apart", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE t (id INTEGER UNIQUE, name TEXT NOT NULL)`
      yield* sql`INSERT INTO t ${sql.insert({ id: 1, name: "a" })}`
      const twice = sql`INSERT INTO t ${sql.insert({ id: 1, name: "b" })}`
      assert.strictEqual(tagOf(yield* Effect.flip(twice)), "UniqueViolation")
      const nameless = sql`INSERT INTO t ${sql.insert({ id: 2, name: null })}`
      assert.strictEqual(tagOf(yield* Effect.flip(nameless)), "ConstraintError")
      assert.include((yield* Effect.flip(sql`SELEKT`)).message, "syntax error")
      const fs = yield* FileSystem.FileSystem
      const filename = yield* temporaryFile
      yield* fs.writeFileString(
        filename,
        "this is not a database, and long enough to be told from one that is empty".repeat(20)
      )
      const error = yield* Effect.flip(connect(filename))
      assert.include(error.message, "database")
      assert.strictEqual(tagOf(yield* Effect.flip(connect("/nowhere/at/all.db"))), "ConnectionError")
    }).pipe(Effect.scoped, Effect.provide([inMemory, NodeFileSystem.layer]))
  )

  it.effect("keeps all of a transaction or nothing, and the outer one without the inner", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ids = Effect.map(sql<{ readonly id: number }>`SELECT id FROM t ORDER BY id`, (rows) =>
        rows.map(({ id }) => id)
      )
      const put = (id: number) => sql`INSERT INTO t ${sql.insert({ id })}`
      yield* sql`CREATE TABLE t (id INTEGER PRIMARY KEY)`
      yield* sql.withTransaction(put(1))
      yield* Effect.exit(sql.withTransaction(Effect.andThen(put(2), Effect.fail("no"))))
      assert.deepStrictEqual(yield* ids, [1])
      const inner = Effect.exit(sql.withTransaction(Effect.andThen(put(4), Effect.fail("no"))))
      yield* sql.withTransaction(Effect.all([put(3), inner, put(5)]))
      assert.deepStrictEqual(yield* ids, [1, 3, 5])
      const fiber = yield* Effect.forkChild(sql.withTransaction(Effect.andThen(put(6), Effect.never)), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* ids, [1, 3, 5])
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("lets nobody into the transaction of another fiber", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE t (id INTEGER PRIMARY KEY)`
      const inside = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        sql.withTransaction(
          sql`INSERT INTO t ${sql.insert({ id: 1 })}`.pipe(
            Effect.andThen(Deferred.succeed(inside, undefined)),
            Effect.andThen(Deferred.await(leave)),
            Effect.andThen(Effect.fail("rolled back"))
          )
        )
      )
      yield* Deferred.await(inside)
      const second = yield* Effect.forkChild(sql`INSERT INTO t ${sql.insert({ id: 2 })}`, { startImmediately: true })
      yield* Deferred.succeed(leave, undefined)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(first)))
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* sql`SELECT id FROM t`, [{ id: 2 }])
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("has several clients take turns on one file, and tells who waited too long", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const [one, two] = yield* Effect.all([connect(filename), connect(filename, 20)])
      yield* one`CREATE TABLE t (id INTEGER PRIMARY KEY)`
      yield* two`INSERT INTO t (id) VALUES (1)`
      const refused = yield* one.withTransaction(
        Effect.andThen(one`INSERT INTO t (id) VALUES (2)`, Effect.flip(two`INSERT INTO t (id) VALUES (3)`))
      )
      assert.strictEqual(tagOf(refused), "LockTimeoutError")
      yield* two`INSERT INTO t (id) VALUES (4)`
      assert.deepStrictEqual(
        (yield* one<{ readonly id: number }>`SELECT id FROM t`).map(({ id }) => id),
        [1, 2, 4]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.effect("has Effect's migrations run once, whoever comes first", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const loader = Migrator.fromRecord({
        "0001_first": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE TABLE t (id INTEGER PRIMARY KEY)`)
      })
      const migrate = Effect.flatMap(connect(filename), (sql) =>
        Effect.provideService(Migrator.make({})({ loader }), SqlClient.SqlClient, sql)
      )
      const ran = yield* Effect.all([migrate, migrate, migrate], { concurrency: "unbounded" })
      assert.strictEqual(ran.flat().length, 1)
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.live("carries Effect's queue: once by id, and again what was handed back", () =>
    Effect.gen(function* () {
      const queue = yield* PersistedQueue.make({ name: "q", schema: Schema.String })
      for (const value of ["a", "b", "a"]) yield* queue.offer(value, { id: value })
      const taken = yield* Deferred.make<void>()
      const held = yield* Effect.forkChild(
        queue.take(() => Effect.andThen(Deferred.succeed(taken, undefined), Effect.never))
      )
      yield* Deferred.await(taken)
      yield* Fiber.interrupt(held)
      const take = queue.take((value, { attempts }) => Effect.succeed(`${value}${attempts}`))
      assert.deepStrictEqual(
        [yield* take, yield* take].toSorted((a, b) => (a < b ? -1 : 1)),
        ["a1", "b1"]
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(take, "50 millis"))))
    }).pipe(
      Effect.provide(
        PersistedQueue.layer.pipe(
          Layer.provide(PersistedQueue.layerStoreSql({ pollInterval: "5 millis" })),
          Layer.provide(inMemory)
        )
      )
    )
  )

  it.effect("carries Effect's key-value store", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("a", "1")
      yield* store.set("a", "2")
      assert.deepStrictEqual(yield* store.get("a"), "2")
      yield* store.remove("a")
      assert.isUndefined(yield* store.get("a"))
      assert.strictEqual(yield* store.size, 0)
    }).pipe(Effect.provide(Layer.provide(KeyValueStore.layerSql(), inMemory)))
  )
})
