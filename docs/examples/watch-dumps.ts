// Watches a directory of dumps of Linux machines, and prints a line of JSON about each, as soon as it is written.
//
//     node watch-dumps.ts DIRECTORY
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Duration, Effect, FileSystem, Layer, Option, Path, Schedule, Stream } from "effect"
import { MemoryImage } from "effect-memory-map"
import { LinuxKernel } from "effect-memory-map/linux"
import { NodeMemoryMap } from "effect-memory-map/node"

const INTERVAL = Duration.millis(500)

/** Each file once, when it is as large as at the look before: nobody writes to it any more. */
const arrivals = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const sizes = new Map<string, bigint>()
  const done = new Set<string>()
  const look = Effect.gen(function* () {
    const complete: Array<string> = []
    for (const name of (yield* fs.readDirectory(directory)).toSorted()) {
      const file = path.join(directory, name)
      const info = Option.getOrUndefined(yield* Effect.option(fs.stat(file)))
      if (info?.type !== "File" || info.size === 0n || done.has(file)) continue
      if (sizes.get(file) === info.size) complete.push(file)
      sizes.set(file, info.size)
    }
    for (const file of complete) done.add(file)
    return complete
  })
  return Stream.fromSchedule(Schedule.spaced(INTERVAL)).pipe(
    Stream.mapEffect(() => look),
    Stream.flatMap(Stream.fromIterable)
  )
})

/** What a dump says of its machine. Lists that could be read in part only are an error here; see the guide. */
const factsOf = Effect.fnUntraced(function* (file: string) {
  const image = yield* MemoryImage.open(file, { addresses: "physical" })
  const kernel = yield* LinuxKernel.fromImage(image)
  const { nodename, release } = yield* LinuxKernel.uname(kernel)
  const tasks = yield* Stream.runCollect(LinuxKernel.tasks(kernel))
  const hidden = tasks.filter(({ foundBy }) => !foundBy.includes("list"))
  const errors = yield* LinuxKernel.log(kernel).pipe(
    Stream.filter(({ level }) => level <= 3),
    Stream.runCount
  )
  return {
    nodename,
    release,
    processes: tasks.length,
    hidden: hidden.map(({ comm, pid }) => ({ pid, comm })),
    errors
  }
}, Effect.scoped) // the dump is closed before the next one is opened

const program = Effect.gen(function* () {
  const [directory = "."] = process.argv.slice(2)
  yield* (yield* arrivals(directory)).pipe(
    Stream.mapEffect((file) =>
      factsOf(file).pipe(
        Effect.catch((error) => Effect.succeed({ error: error.message })),
        Effect.map((facts) => JSON.stringify({ file, ...facts }))
      )
    ),
    Stream.runForEach((line) => Console.log(line))
  )
})

NodeRuntime.runMain(program.pipe(Effect.provide(Layer.merge(NodeMemoryMap.layer, NodeServices.layer))))
