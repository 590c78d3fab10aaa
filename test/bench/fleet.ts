// What a fleet costs beside its searches: 200 images of 1 MiB in a store of SQLite, searched by the library alone, by one worker
// and by four, each a process. Ratios of one run; the machine is shared.
import { Effect, Stream } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Fleet from "../../src/fleet/Fleet.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import { fleetOf } from "../campaign/fleetWorker.ts"
import { randomWords } from "../support/random.ts"

const IMAGES = 200
const home = mkdtempSync(join(tmpdir(), "memmap-bench-"))
const directory = join(home, "images")
mkdirSync(directory)
const words = randomWords(1)
const image = Uint8Array.from({ length: 1 << 20 }, () => words() >>> 24)
const paths = Array.from({ length: IMAGES }, (_, i) => {
  const path = join(directory, `image-${i}`)
  image[0] = i
  writeFileSync(path, image)
  return path
})

// Texts are slower to look for than a pattern, so that there is work to share.
const question = Fleet.strings({ minLength: 5, limit: 100 })

const alone = Effect.forEach(
  paths,
  (path) =>
    Effect.scoped(
      Effect.flatMap(MemoryImage.open(path, { format: "raw" }), ({ map }) =>
        Stream.runDrain(MemoryMap.strings(map, { minLength: 5 }))
      )
    ),
  { discard: true }
).pipe(Effect.provide([NodeMemoryMap.layer, NodeServices.layer]))

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const prepare = (store: string) =>
  Fleet.Fleet.use((fleet) => Effect.andThen(fleet.add([directory]), fleet.ask(question))).pipe(
    Effect.provide(fleetOf(store))
  )

/** From the start of the first process to the end of the last; `startup` is that of one with nothing to do. */
const byProcesses = async (store: string, count: number): Promise<number> =>
  timed(() =>
    Promise.all(
      Array.from({ length: count }, () => {
        const script = join(import.meta.dirname, "..", "campaign", "fleetWorker.ts")
        const child = spawn(process.execPath, [script, store], { stdio: "ignore" })
        return new Promise((resolve) => child.once("exit", resolve))
      })
    )
  )

const median = (times: ReadonlyArray<number>): number => times.toSorted((a, b) => a - b)[times.length >> 1]!

const rounds = 5
const [direct, one, four, idle]: [Array<number>, Array<number>, Array<number>, Array<number>] = [[], [], [], []]
let bytes = 0
for (let round = 0; round < rounds; round++) {
  direct.push(await timed(() => Effect.runPromise(alone)))
  for (const [count, times] of [
    [1, one],
    [4, four]
  ] as const) {
    const store = join(home, `${round}-${count}.db`)
    await Effect.runPromise(prepare(store))
    times.push(await byProcesses(store, count))
    if (count === 1) idle.push(await byProcesses(store, 1))
    bytes = statSync(store).size
  }
}
rmSync(home, { recursive: true, force: true })

const startup = median(idle)
const beyond = (median(one) - startup - median(direct)) / IMAGES
console.log(`| | median |`)
console.log(`| --- | ---: |`)
console.log(`| ${IMAGES} images of 1 MiB, searched by the library | ${median(direct).toFixed(0)} ms |`)
console.log(`| by one worker, its start included | ${median(one).toFixed(0)} ms |`)
console.log(`| a worker that has nothing to do | ${startup.toFixed(0)} ms |`)
console.log(`| beyond the search, an image | ${beyond.toFixed(2)} ms |`)
console.log(`| by four workers on ${navigator.hardwareConcurrency} cores | ${median(four).toFixed(0)} ms |`)
console.log(
  `| four against one, starts taken off | ${((median(one) - startup) / (median(four) - startup)).toFixed(2)}x |`
)
console.log(`| the store, an image | ${(bytes / IMAGES / 1024).toFixed(1)} KiB |`)
