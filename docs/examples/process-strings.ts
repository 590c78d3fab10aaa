// Prints the texts of the program that a processor was running when its machine was dumped.
//
//     node process-strings.ts DUMP [PROCESSOR]
import { NodeRuntime } from "@effect/platform-node"
import { Console, Data, Effect, Stream } from "effect"
import { AddressRange, AddressSpace, MemoryMap, PageTable } from "effect-memory-map"
import * as Elf from "effect-memory-map/image/Elf"
import { NodeMemoryMap } from "effect-memory-map/node"

class NoTables extends Data.TaggedError("NoTables")<{ readonly message: string }> {}

/** What programs can have on x86-64: the lower half of the addresses. */
const programs = AddressRange.make(0n, 1n << 56n)

const program = Effect.gen(function* () {
  const [path = "", processor = "0"] = process.argv.slice(2)
  const { map: physical, notes } = yield* Elf.open(path, { addresses: "physical" })
  const states = notes.flatMap((note) => (note._tag === "ProcessorState" ? [note] : []))
  const registers = states[Number(processor)]
  if (registers === undefined) return yield* new NoTables({ message: `${path} tells nothing of that processor` })
  const { format, root } = yield* Effect.mapError(
    Effect.fromOption(PageTable.fromRegisters(registers)),
    () => new NoTables({ message: "the processor used no page tables" })
  )
  const space = yield* AddressSpace.walk(physical, format, root, { range: programs })
  const map = yield* MemoryMap.requireMapping(space.map)
  yield* Stream.runForEach(MemoryMap.strings(map, { minLength: 6 }), ({ address, text }) =>
    Console.log(`${AddressRange.formatAddress(address)} ${text}`)
  )
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
