// A process that saves one snapshot after another is killed at random times: the file is always one of them, whole, and the
// next save removes what the killed one left.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer } from "effect"
import { spawn } from "node:child_process"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { Broken, type Counts, dice } from "./dice.ts"

const saver = `
  import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
  import { Effect } from "effect"
  import * as MemoryMap from "${new URL("../../src/MemoryMap.ts", import.meta.url).href}"
  import * as Snapshot from "${new URL("../../src/Snapshot.ts", import.meta.url).href}"
  const program = Effect.gen(function* () {
    for (let value = 2; ; value++) {
      const map = yield* MemoryMap.fromBytes(new Uint8Array(8 << 20).fill(value), 0n)
      yield* Snapshot.save(map, process.argv[1])
      if (value === 2) process.stdout.write("saving")
    }
  })
  await Effect.runPromise(Effect.provide(program, NodeFileSystem.layer))
`

/** Kills the saver some milliseconds after its first save. */
const killed = (path: string, after: number) =>
  Effect.callback<void>((resume) => {
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", saver, path], {
      cwd: new URL("../..", import.meta.url),
      stdio: ["ignore", "pipe", "inherit"]
    })
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), after))
    child.once("exit", () => resume(Effect.void))
  })

export const kills = (seed: number, rounds: number) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const chance = dice(seed)
    const directory = yield* fs.makeTempDirectoryScoped()
    const path = `${directory}/map.snap`
    let midway = 0
    for (let round = 0; round < rounds; round++) {
      yield* Snapshot.save(yield* MemoryMap.fromBytes(new Uint8Array(1 << 20).fill(1), 0n), path)
      yield* killed(path, chance.below(120))
      const broken = (what: string) => new Broken("kills", seed, round, what)
      yield* Effect.catch(Snapshot.verify(path), (error) => Effect.die(broken(error.message)))
      const left = (yield* fs.readDirectory(directory)).length - 1
      if (left > 1) throw broken(`${left} half files`)
      midway += left
    }
    yield* Snapshot.save(yield* MemoryMap.fromBytes(new Uint8Array(1), 0n), path)
    const names = yield* fs.readDirectory(directory)
    // Where no /proc tells which process lives, half files stay.
    if (process.platform === "linux" && names.length > 1)
      throw new Broken("kills", seed, rounds, `left: ${names.join()}`)
    return { kills: rounds, "in the middle of a save": midway } satisfies Counts
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)))
