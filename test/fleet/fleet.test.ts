import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Metric, Schema, Stream } from "effect"
import { MemoryMap } from "effect-memory-map"
import { Fleet } from "effect-memory-map/fleet"
import { NodeSqlite } from "effect-memory-map/node"
import { SqlClient } from "effect/sql"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const withFleet = <R = never>(files: Readonly<Record<string, Uint8Array>>, options?: Fleet.FleetOptions<R>) =>
  Layer.provideMerge(Fleet.layerTest(files, options), NodeSqlite.layer({ filename: ":memory:" }))

const dumps = { "dumps/a": bytes("a needle, needle"), "dumps/b": bytes("hay") }

/** What is in the store about a question, in the order of the images. */
const answersTo = <A>(question: Fleet.Question<A>) =>
  Effect.gen(function* () {
    const answers = yield* Stream.runCollect((yield* Fleet.Fleet).answers(question))
    return answers.toSorted((a, b) => (a.location < b.location ? -1 : 1))
  })

describe("a fleet", () => {
  it.effect("answers every question about every image, once", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const { added, refused } = yield* fleet.add(["dumps", "nowhere"])
      assert.deepStrictEqual(
        added.map(({ location }) => location),
        ["dumps/a", "dumps/b"]
      )
      assert.deepStrictEqual(
        refused.map(({ location }) => location),
        ["nowhere"]
      )
      const first = yield* fleet.ask(Fleet.find("needle"))
      assert.strictEqual(yield* fleet.ask(Fleet.find("needle")), first)
      yield* fleet.ask(Fleet.info)
      assert.strictEqual(yield* fleet.work(), 4)
      assert.strictEqual(yield* fleet.work(), 0)
      const found = yield* answersTo(Fleet.find("needle"))
      assert.deepStrictEqual(
        found.map(({ location, ...answer }) => [location, answer.state === "answered" ? answer.result : undefined]),
        [
          ["dumps/a", { matches: 2, kept: 2 }],
          ["dumps/b", { matches: 0, kept: 0 }]
        ]
      )
      const hits = yield* Stream.runCollect(fleet.hits(Fleet.find("needle")))
      assert.deepStrictEqual(
        hits.map(({ address, length, location, place, source }) => ({ address, length, location, place, source })),
        [2n, 10n].map((at) => ({ address: at, length: 6, location: "dumps/a", place: at, source: "dumps/a" }))
      )
    }).pipe(Effect.provide(withFleet(dumps)))
  )

  it.effect("asks what was asked before of images that come later", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.ask(Fleet.strings())
      yield* fleet.add(["dumps/b"])
      assert.strictEqual(yield* fleet.work(), 1)
      yield* fleet.add(["dumps"])
      assert.strictEqual(yield* fleet.work(), 1)
      const [last] = yield* answersTo(Fleet.strings())
      assert.deepStrictEqual(last?.state === "answered" && last.result, { matches: 1, kept: 1 })
    }).pipe(Effect.provide(withFleet(dumps)))
  )

  it.effect("counts matches beyond the limit and keeps the places of the first", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const question = Fleet.find("a", { limit: 3 })
      yield* fleet.add(["a"])
      yield* fleet.ask(question)
      yield* fleet.work()
      const [answer] = yield* answersTo(question)
      assert.deepStrictEqual(answer?.state === "answered" && answer.result, { matches: 5000, kept: 3 })
      const hits = yield* Stream.runCollect(fleet.hits(question))
      assert.deepStrictEqual(
        hits.map(({ address }) => address),
        [0n, 1n, 2n]
      )
    }).pipe(Effect.provide(withFleet({ a: new Uint8Array(5000).fill(0x61) })))
  )

  it.effect("leaves a row with the error of an image that fails, and goes on with the others", () => {
    const broken = Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
    return Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.add(["a", "b", "c"])
      yield* fleet.ask(Fleet.uname)
      yield* fleet.ask(Fleet.info)
      yield* fleet.work()
      const told = (answers: ReadonlyArray<Fleet.Answer<unknown>>) =>
        answers.map((answer) => (answer.state === "answered" ? answer.state : answer.error))
      assert.deepStrictEqual(told(yield* answersTo(Fleet.uname)), ["ImageError", "KernelNotFound", "ImageError"])
      assert.deepStrictEqual(told(yield* answersTo(Fleet.info)), ["ImageError", "answered", "ImageError"])
      const { failures } = yield* fleet.status
      assert.deepStrictEqual(failures, [
        { error: "ImageError", count: 4 },
        { error: "KernelNotFound", count: 1 }
      ])
    }).pipe(Effect.provide(withFleet({ a: broken, b: bytes("hay"), c: new Uint8Array(0) })))
  })

  it.effect("keeps a question of the user's own by its Schemas, with its failures and defects", () => {
    const third = Fleet.question("third", {
      payload: Schema.Struct({ base: Schema.BigInt }),
      result: Schema.Struct({ value: Schema.BigInt }),
      run: ({ memory: { map } }, { base }) =>
        Effect.flatMap(MemoryMap.getUint8(map, 2n), (byte) =>
          byte === 0x79 ? Effect.die(new Error("a bug")) : Effect.succeed({ value: base + BigInt(byte) })
        )
    })
    return Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.add(["dumps", "short"])
      yield* fleet.ask(third({ base: 1n << 70n }))
      yield* fleet.work()
      const answers = yield* answersTo(third({ base: 1n << 70n }))
      assert.deepStrictEqual(
        answers.map((answer) => (answer.state === "answered" ? answer.result.value : answer.error)),
        [(1n << 70n) + 0x6en, "Defect", "UnmappedAddress"]
      )
    }).pipe(Effect.provide(withFleet({ ...dumps, short: bytes("no") }, { questions: [third] })))
  })

  it.effect("gives the user's question the services that the layer has", () => {
    class Suffix extends Context.Service<Suffix, string>()("Suffix") {}
    const named = Fleet.question("named", {
      payload: Schema.Struct({}),
      result: Schema.String,
      run: ({ identity: { location } }) => Effect.map(Suffix, (suffix) => `${location}${suffix}`)
    })
    return Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.add(["dumps/a"])
      yield* fleet.ask(named({}))
      yield* fleet.work()
      const [answer] = yield* answersTo(named({}))
      assert.strictEqual(answer?.state === "answered" && answer.result, "dumps/a!")
    }).pipe(Effect.provide(Layer.provide(withFleet(dumps, { questions: [named] }), Layer.succeed(Suffix, "!"))))
  })

  it.effect("refuses to work where a question is of a kind that it was not given", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const unheard = Fleet.question("unheard", {
        payload: Schema.Struct({}),
        result: Schema.Null,
        run: () => Effect.succeed(null)
      })
      yield* fleet.add(["dumps"])
      yield* fleet.ask(unheard({}))
      const error = yield* Effect.flip(fleet.work())
      assert.strictEqual(error._tag, "UnknownQuestion")
      assert.include(error.message, "unheard")
    }).pipe(Effect.provide(withFleet(dumps)))
  )

  it.effect("tells an image that was changed since it was added", () => {
    const files: Record<string, Uint8Array> = { a: bytes("as it was") }
    return Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.add(["a"])
      yield* fleet.ask(Fleet.info)
      files["a"] = bytes("as it is")
      yield* fleet.work()
      const [answer] = yield* answersTo(Fleet.info)
      assert.strictEqual(answer?.state === "failed" && answer.error, "ImageUnavailable")
    }).pipe(Effect.provide(withFleet(files)))
  })

  it.effect("counts what it does: steps, bytes and failures", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      yield* fleet.add(["dumps"])
      yield* fleet.ask(Fleet.find("needle"))
      yield* fleet.ask(Fleet.uname)
      yield* fleet.work()
      const counted = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("memmap_fleet_"))
      const of = (id: string, key?: string) =>
        counted.find(
          (metric) => metric.id === id && (key === undefined || Object.values(metric.attributes ?? {}).includes(key))
        )?.state
      assert.deepInclude(of("memmap_fleet_steps", "answered"), { count: 2 })
      assert.deepInclude(of("memmap_fleet_steps", "failed"), { count: 2 })
      assert.deepInclude(of("memmap_fleet_bytes"), { count: 38 })
      assert.deepInclude(of("memmap_fleet_failures", "KernelNotFound"), { count: 2 })
      const { lastMinute, questions } = yield* fleet.status
      assert.deepStrictEqual(
        questions.map(({ answered, bytes, failed, kind, steps }) => ({ answered, bytes, failed, kind, steps })),
        [
          { answered: 2, bytes: 19, failed: 0, kind: "find", steps: 2 },
          { answered: 0, bytes: 19, failed: 2, kind: "uname", steps: 2 }
        ]
      )
      assert.strictEqual(lastMinute.bytes, 38)
    }).pipe(Effect.provide(withFleet(dumps)), Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})

describe("a worker that dies", () => {
  /** Waits for ever at the images named so, and tells that it does. */
  const stuck = Fleet.question("stuck", {
    payload: Schema.Struct({}),
    result: Schema.String,
    run: ({ identity: { location } }) => (location.startsWith("stuck") ? Effect.never : Effect.succeed(location))
  })
  const files = { stuck: bytes("a"), fine: bytes("b") }

  /** The rows that a worker leaves which is gone without a word. */
  const leaveTrials = (step: Fleet.Step, count: number) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (let i = 0; i < count; i++) {
        yield* sql`INSERT INTO fleet_trials ${sql.insert({ ...step, worker: `dead ${i}`, started_at: 0 })}`
      }
    })

  const steps = Effect.gen(function* () {
    const fleet = yield* Fleet.Fleet
    const { added } = yield* fleet.add(["stuck", "fine"])
    const question = yield* fleet.ask(stuck({}))
    return added.map(({ id, location }) => ({ location, step: { question, image: id, chunk: 0 } }))
  })

  const onlyStuckIsSetAside = Effect.map(
    Effect.suspend(() => answersTo(stuck({}))),
    (answers) =>
      assert.deepStrictEqual(
        answers.map((answer) => [answer.location, answer.state]),
        [
          ["fine", "answered"],
          ["stuck", "set aside"]
        ]
      )
  )

  it.effect("twice at an image has it set aside by name, and the others are answered", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      for (const { location, step } of yield* steps) if (location === "stuck") yield* leaveTrials(step, 2)
      yield* fleet.work()
      const { setAside } = yield* fleet.status
      assert.deepStrictEqual(setAside, ["stuck"])
      yield* onlyStuckIsSetAside
    }).pipe(Effect.provide(withFleet(files, { questions: [stuck] })))
  )

  it.effect("once has the step done by itself, and only its death there has the image set aside", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const all = yield* steps
      for (const { step } of all) yield* leaveTrials(step, 1)
      const alone: Array<string> = []
      yield* fleet.work({
        isolate: (step) => {
          const { location } = all.find(({ step: { image } }) => image === step.image)!
          alone.push(location)
          return location === "stuck" ? Effect.succeed(false) : Effect.as(Effect.orDie(fleet.step(step)), true)
        }
      })
      assert.deepStrictEqual(alone.toSorted(), ["fine", "stuck"])
      yield* onlyStuckIsSetAside
    }).pipe(Effect.provide(withFleet(files, { questions: [stuck] })))
  )

  it.effect("leaves no trace when it was asked to stop: the next one starts as the first did", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const sql = yield* SqlClient.SqlClient
      yield* steps
      const trials = Effect.map(sql`SELECT * FROM fleet_trials`, (rows) => rows.length)
      const worker = yield* Effect.forkChild(fleet.work({ name: "first" }), { startImmediately: true })
      while ((yield* fleet.status).questions[0]!.answered === 0 || (yield* trials) === 0) yield* Effect.yieldNow
      assert.deepStrictEqual(
        (yield* fleet.status).workers.map(({ name }) => name),
        ["first"]
      )
      yield* Fiber.interrupt(worker)
      assert.strictEqual(yield* trials, 0)
      assert.deepStrictEqual((yield* fleet.status).workers, [])
    }).pipe(Effect.provide(withFleet(files, { questions: [stuck] })))
  )
})
