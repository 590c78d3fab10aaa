// Walks of page tables: a million pages one behind the other, a million in no order, each of which becomes a mapping of its
// own, and what a small Linux has. The tables are built by code; counts are asserted. Times are those of the thread, whatever
// else the machine does meanwhile.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { deepStrictEqual } from "node:assert/strict"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import { tablesFor } from "../support/tables.ts"

const ROUNDS = 7

/** Frames of 1 GiB of memory behind the tables. */
const FIRST = 1 << 18
const FRAMES = 1 << 18

interface Work {
  readonly name: string
  readonly count: number
  readonly frameOf: (page: number) => number
  readonly leaves: number
  readonly mappings: number
  readonly goal: number
}

const MILLION = 1_000_000
const work: ReadonlyArray<Work> = [
  {
    name: "10^6 pages in order",
    count: MILLION,
    frameOf: (i) => FIRST + (i % FRAMES),
    leaves: MILLION,
    mappings: 4,
    goal: 1000
  },
  {
    // An odd step: no page has its neighbour behind it.
    name: "10^6 pages in no order",
    count: MILLION,
    frameOf: (i) => FIRST + ((i * 70_001) % FRAMES),
    leaves: MILLION,
    mappings: MILLION,
    goal: 1000
  },
  {
    name: "a kernel: 74 000 pages, 65 536 of them apart",
    count: 9000 + 65_536 * 2,
    frameOf: (i) => (i < 9000 ? FIRST + i : i % 2 === 1 ? FIRST : -1),
    leaves: 9000 + 65_536,
    mappings: 1 + 65_536,
    goal: 100
  },
  {
    name: "a kernel: 8700 pages in 180 pieces",
    count: 8700,
    frameOf: (i) => FIRST + i + Math.floor(i / 49) * 2,
    leaves: 8700,
    mappings: 178,
    goal: 100
  }
]

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const bench = Effect.fnUntraced(function* ({ count, frameOf, goal, leaves, mappings, name }: Work) {
  const tables = yield* MemoryMap.fromBytes(tablesFor(count, frameOf), 0n, { name: "tables" })
  // Sparse: no page of it is there until it is touched.
  const physical = yield* MemoryMap.addBytesUnsafe(tables, new Uint8Array(FRAMES * 4096), BigInt(FIRST) << 12n, {
    name: "ram"
  })
  const times: Array<number> = []
  let each = 0
  for (let round = 0; round < ROUNDS; round++) {
    const before = round === 0 ? heap() : 0
    const start = process.threadCpuUsage()
    const walked = yield* AddressSpace.walk(physical, PageTable.x86_64(), 0n)
    const { system, user } = process.threadCpuUsage(start)
    times.push((user + system) / 1000)
    if (round === 0) each = (heap() - before) / mappings
    deepStrictEqual([walked.leaves, Option.isNone(walked.truncated)], [leaves, true])
    const found = Array.from(MemoryMap.mappings(walked.map)).length
    if (Math.abs(found - mappings) > 8) throw new Error(`${name}: ${found} mappings`)
  }
  const memory = mappings > 1000 ? `, ${each.toFixed(0)} bytes a mapping` : ""
  console.log(`${name.padEnd(46)} ${median(times).toFixed(1).padStart(8)} ms   target ${goal} ms${memory}`)
})

for (const one of work) await Effect.runPromise(bench(one))

// What a mapping costs that is added by hand, for comparison.
const source = ByteSource.fromBytes(new Uint8Array(4096))
const before = heap()
const added = await Effect.runPromise(
  MemoryMap.addAll(
    MemoryMap.empty,
    Array.from({ length: 100_000 }, (_, i) => ({
      source: Option.getOrThrow(ByteSource.slice(source, BigInt(i % 4096), 1n)),
      address: BigInt(i) * 8192n
    }))
  )
)
console.log(
  `a mapping that is added by hand ${((heap() - before) / Array.from(MemoryMap.mappings(added)).length).toFixed(0)} bytes`
)
