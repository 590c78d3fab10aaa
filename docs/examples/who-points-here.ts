// Finds every pointer into an object: who still holds on to it?
//
//     node who-points-here.ts CORE START+LENGTH
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Stream } from "effect"
import { AddressRange, MemoryImage, MemoryMap, Pattern } from "effect-memory-map"
import { NodeMemoryMap } from "effect-memory-map/node"

const program = Effect.gen(function* () {
  const [path = "test/fixtures/list.core", object = "0x5555555592a0+24"] = process.argv.slice(2)
  const { start, end } = yield* Effect.fromResult(AddressRange.parse(object))
  const { map } = yield* MemoryImage.open(path, { format: "elf" })

  yield* MemoryMap.findAllAligned(map, Pattern.wordInRange(start, end)).pipe(
    Stream.runForEach(
      Effect.fnUntraced(function* (address) {
        const offset = (yield* MemoryMap.getPointer(map, address)) - start
        const where = Option.match(MemoryMap.mappingAt(map, address), { onNone: () => "", onSome: ({ name }) => name })
        yield* Console.log(`${AddressRange.formatAddress(address)} points to offset ${offset}, in ${where}`)
      })
    )
  )
  // Nothing found means that it was looked for in all of this, and in nothing else.
  const { mapped } = MemoryMap.coverage(map)
  yield* Console.log(`searched ${mapped} bytes`)
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
