// Says where two snapshots differ.
//
//     node compare-snapshots.ts BEFORE AFTER
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { AddressRange, MemoryMap, Snapshot } from "effect-memory-map"
import { NodeMemoryMap } from "effect-memory-map/node"

const program = Effect.gen(function* () {
  const [before = "", after = ""] = process.argv.slice(2)
  const [old, now] = yield* Effect.all([Snapshot.open(before), Snapshot.open(after)])
  yield* Stream.runForEach(MemoryMap.diff(old, now), ({ kind, range }) =>
    Console.log(`${kind} ${AddressRange.format(range)}`)
  )
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
