// Searches, saves and reads that are interrupted at random points, their fibers yielding after any few operations: closing
// never waits for ever, no file stays open, and no half file is left.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Exit, Fiber, FileSystem, Layer, Scheduler, Scope, Stream } from "effect"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { Broken, type Counts, dice } from "./dice.ts"

/** Turns of the event loop that closing may take. Milliseconds, for reads that the system carries out. */
const PATIENCE = 10_000

const openFiles = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.match(fs.readDirectory("/proc/self/fd"), { onFailure: () => 0, onSuccess: (names) => names.length })
)

export const interruptions = (seed: number, rounds: number) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const chance = dice(seed)
    const directory = yield* fs.makeTempDirectoryScoped()
    const file = `${directory}/file`
    const size = 1 << 20
    yield* fs.writeFile(file, new Uint8Array(size).fill(0x61))
    let [interrupted, ended] = [0, 0]
    yield* Effect.scoped(Effect.asVoid(FileMapper.map(file)))
    const before = yield* openFiles
    for (let round = 0; round < rounds; round++) {
      const scope = yield* Scope.make()
      const work = Effect.gen(function* () {
        const source = yield* FileMapper.map(file)
        const entries = Array.from({ length: 1 + chance.below(12) }, (_, i) => ({
          source,
          address: BigInt(2 * i * size)
        }))
        const map = yield* MemoryMap.addAll(MemoryMap.empty, entries)
        switch (chance.below(4)) {
          case 0:
            return yield* Stream.runDrain(MemoryMap.findAll(map, "not there"))
          case 1:
            return yield* Stream.runDrain(MemoryMap.strings(map))
          case 2:
            return yield* Effect.asVoid(MemoryMap.getBytes(map, 0n, size))
          default:
            return yield* Snapshot.save(map, `${directory}/saved`)
        }
      })
      const fiber = yield* Effect.forkChild(
        work.pipe(Scope.provide(scope), Effect.provideService(Scheduler.MaxOpsBeforeYield, 3 + chance.below(48)))
      )
      const turns = chance.below(60)
      for (let i = 0; i < turns; i++) yield* Effect.yieldNow
      if (fiber.pollUnsafe() === undefined) interrupted++
      else ended++
      const closing = Effect.andThen(Fiber.interrupt(fiber), Scope.close(scope, Exit.void))
      const closed = yield* Effect.timeoutOption(closing, PATIENCE)
      if (closed._tag === "None") throw new Broken("interruptions", seed, round, "closing waits for ever")
    }
    const after = yield* openFiles
    if (after > before) throw new Broken("interruptions", seed, rounds, `${after - before} files stay open`)
    const left = (yield* fs.readDirectory(directory)).filter((name) => name.endsWith(".partial"))
    if (left.length > 0) throw new Broken("interruptions", seed, rounds, `left behind: ${left.join()}`)
    return { interrupted, "ended before": ended } satisfies Counts
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(NodeMemoryMap.layer, NodeFileSystem.layer)))
