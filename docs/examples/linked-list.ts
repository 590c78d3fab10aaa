// Walks a linked list in a core dump and prints its nodes as they come.
//
//     node linked-list.ts CORE ADDRESS
//
// ADDRESS is where the pointer to the first node is stored; gdb says it: `p &head`. A node is, in C,
//
//     struct node { int32_t id; char *name; struct node *next; };
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Stream } from "effect"
import { AddressRange, MemoryImage, MemoryMap } from "effect-memory-map"
import { NodeMemoryMap } from "effect-memory-map/node"

// Offsets of the fields on a 64-bit machine.
const ID = 0n
const NAME = 8n
const NEXT = 16n

const readNode = Effect.fnUntraced(function* (map: MemoryMap.Ready, address: bigint) {
  const id = yield* MemoryMap.getInt32(map, address + ID)
  const name = yield* MemoryMap.getString(map, yield* MemoryMap.getPointer(map, address + NAME), { maxLength: 80 })
  return { address, id, name, next: yield* MemoryMap.getPointer(map, address + NEXT) }
})

/** The nodes in order, each read when it is asked for. A list that has gone wrong may run in a circle: take some. */
const nodes = (map: MemoryMap.Ready, head: bigint) =>
  Stream.paginate(head, (pointer) =>
    Effect.gen(function* () {
      const address = yield* MemoryMap.getPointer(map, pointer)
      if (address === 0n) return [[], Option.none<bigint>()] as const
      return [[yield* readNode(map, address)], Option.some(address + NEXT)] as const
    })
  )

const program = Effect.gen(function* () {
  const [path = "test/fixtures/list.core", head = "0x555555558120"] = process.argv.slice(2)
  const address = yield* Effect.fromResult(AddressRange.parseAddress(head))
  const { map } = yield* MemoryImage.open(path, { format: "elf" })
  yield* nodes(map, address).pipe(
    Stream.take(1000),
    Stream.runForEach(({ address, id, name }) => Console.log(`${AddressRange.formatAddress(address)} ${id} ${name}`))
  )
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
