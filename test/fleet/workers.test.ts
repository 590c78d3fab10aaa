import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Fleet, Images } from "effect-memory-map/fleet"
import { NodeSqlite } from "effect-memory-map/node"

const IMAGES = 40
const files = Object.fromEntries(
  Array.from({ length: IMAGES }, (_, i) => [
    `images/${String(i).padStart(2, "0")}`,
    new TextEncoder().encode(`${"x".repeat(i)}needle`)
  ])
)

describe("several workers on one store", () => {
  it.live("share the work, and every step has one answer", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/fleet.db`
      // Each with a connection of its own, as processes have.
      const connect = Layer.build(
        Fleet.layer().pipe(Layer.provide(Images.layerTest(files)), Layer.provide(NodeSqlite.layer({ filename })))
      )
      const fleets = yield* Effect.all(Array.from({ length: 3 }, () => connect))
      const first = yield* Fleet.Fleet.pipe(Effect.provideContext(fleets[0]!))
      yield* first.add(["images"])
      yield* first.ask(Fleet.find("needle"))
      const done = yield* Effect.all(
        fleets.map((context) => Fleet.Fleet.use((fleet) => fleet.work()).pipe(Effect.provideContext(context))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(
        done.reduce((sum, steps) => sum + steps, 0),
        IMAGES
      )
      const hits = yield* Stream.runCollect(first.hits())
      assert.deepStrictEqual(
        hits.map(({ address }) => Number(address)).toSorted((a, b) => a - b),
        Array.from({ length: IMAGES }, (_, i) => i)
      )
      assert.strictEqual((yield* first.status).workers.length, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})
