// 300 images, four workers that are killed at random moments and replaced, one that joins in the middle, a database that is
// restarted: the answers are those of one worker whom nothing happens to, row for row, none twice, none missing.
import { Effect, Stream } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Fleet from "../../src/fleet/Fleet.ts"
import * as Pattern from "../../src/Pattern.ts"
import { Broken, type Counts, dice } from "./dice.ts"
import { fleetOf } from "./fleetWorker.ts"
import { hasPostgres, startPostgres } from "./postgres.ts"

const IMAGES = 300
const WORKERS = 4
const PORT = 54_329

const core = readFileSync(new URL("../fixtures/list.core", import.meta.url))
const needle = "a needle in a fleet"

const questions = [
  Fleet.find(Pattern.anyOf([needle, Pattern.hex("de ad be ef ??")])),
  Fleet.strings({ minLength: 8, limit: 50 }),
  Fleet.info,
  Fleet.uname
]

/** Images made of a few: core dumps, raw bytes, some of several chunks, some broken, each with needles at known places. */
const makeImages = (directory: string, seed: number): void => {
  const chance = dice(seed)
  for (let i = 0; i < IMAGES; i++) {
    const kind = chance.below(10)
    const size = kind === 0 ? 2_500_000 : 50_000 + chance.below(150_000)
    const bytes = kind > 0 && kind < 4 ? new Uint8Array(core) : new Uint8Array(size)
    const put = new TextEncoder().encode(needle)
    for (let hits = chance.below(4); hits > 0; hits--) {
      bytes.set(put, 0x3000 + chance.below(bytes.length - 0x3000 - put.length))
    }
    if (kind === 0) bytes.set(put, (1 << 20) - 7) // across the edge of a chunk
    if (kind === 1) bytes[5] = 9 // no byte order
    writeFileSync(join(directory, `image-${String(i).padStart(3, "0")}`), bytes)
  }
}

/** All that is known in the end, each answer and each place as a line. */
const rowsOf = Fleet.Fleet.use((fleet) =>
  Effect.gen(function* () {
    const answers = yield* Stream.runCollect(fleet.answers())
    const hits = yield* Stream.runCollect(fleet.hits())
    const lines = [
      ...answers.map((answer) => JSON.stringify({ ...answer, seconds: 0 }, bigints)),
      ...hits.map((hit) => JSON.stringify(hit, bigints))
    ]
    return lines.toSorted((a, b) => (a < b ? -1 : 1))
  })
)

const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value)

const prepare = (directory: string) =>
  Fleet.Fleet.use((fleet) =>
    Effect.gen(function* () {
      yield* fleet.add([directory])
      for (const question of questions) yield* fleet.ask(question)
    })
  )

const done = Fleet.Fleet.use(({ status }) =>
  Effect.map(status, ({ questions }) =>
    questions.reduce((sum, one) => sum + one.answered + one.failed + one.setAside, 0)
  )
)

/** Has workers answer everything, and does to them what is to be done. */
const survive = (store: string, chance: ReturnType<typeof dice>, restart: (() => void) | undefined) =>
  Effect.gen(function* () {
    let kills = 0
    const script = join(import.meta.dirname, "fleetWorker.ts")
    const start = () => {
      const child = spawn(process.execPath, [script, store], { stdio: ["ignore", "ignore", "ignore"] })
      return { child, ended: new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code))) }
    }
    const workers = Array.from({ length: WORKERS }, start)
    const pause = (least: number, most: number) => Effect.sleep(least + chance.below(most - least))
    for (let round = 0; round < WORKERS; round++) {
      yield* pause(700, 1600)
      // One that is at the end already dies of no signal.
      const victim = workers.shift()!
      victim.child.kill("SIGKILL")
      if ((yield* Effect.promise(() => victim.ended)) === null) kills++
      workers.push(start())
      if (round === 1) {
        workers.push(start())
        restart?.()
      }
    }
    for (const { ended } of workers) {
      const code = yield* Effect.promise(() => ended)
      if (code !== 0) return yield* Effect.die(new Error(`a worker ended with ${code}`))
    }
    return kills
  })

const round = (seed: number, number: number, directory: string, store: string, restart: (() => void) | undefined) =>
  Effect.gen(function* () {
    const chance = dice(seed * 1000 + number)
    const expected = yield* Effect.provide(rowsOf, fleetOf(join(directory, "..", "alone.db")))
    const target = fleetOf(store)
    yield* Effect.provide(prepare(directory), target)
    const kills = yield* survive(store, chance, restart)
    const rows = yield* Effect.provide(rowsOf, target)
    const missing = expected.filter((row) => !rows.includes(row))
    const extra = rows.filter((row) => !expected.includes(row))
    if (rows.length !== expected.length || missing.length > 0 || extra.length > 0) {
      const what = `${rows.length} rows, not ${expected.length}; missing ${missing[0]}; extra ${extra[0]}`
      return yield* Effect.die(new Broken("fleets", seed, number, what))
    }
    return { kills, rows: rows.length, steps: yield* Effect.provide(done, target) }
  })

export const fleets = (seed: number, rounds: number): Effect.Effect<Counts, unknown> =>
  Effect.gen(function* () {
    const home = mkdtempSync(join(tmpdir(), "memmap-fleet-"))
    const directory = join(home, "images")
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(home, { recursive: true, force: true })))
    yield* Effect.sync(() => {
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory)
      makeImages(directory, seed)
    })
    const alone = fleetOf(join(home, "alone.db"))
    yield* Effect.provide(
      Effect.andThen(
        prepare(directory),
        Fleet.Fleet.use((fleet) => fleet.work())
      ),
      alone
    )
    const postgres = hasPostgres ? startPostgres(PORT) : undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => postgres?.stop()))
    let [kills, steps, rows] = [0, 0, 0]
    for (let number = 0; number < rounds; number++) {
      const all = [
        yield* round(seed, number, directory, join(home, `${number}.db`), undefined),
        ...(postgres === undefined
          ? []
          : [yield* round(seed, number, directory, postgres.database(`fleet${number}`), postgres.restart)])
      ]
      for (const one of all) {
        kills += one.kills
        steps += one.steps
        rows += one.rows
      }
    }
    return {
      "fleets on SQLite": rounds,
      "on PostgreSQL, restarted": postgres === undefined ? 0 : rounds,
      "workers killed": kills,
      steps,
      rows
    }
  }).pipe(Effect.scoped)
