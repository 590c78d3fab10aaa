// The index: adding, bulk building, memory and random reads, each as a ratio between a small map and a large one.
import * as Effect from "effect/Effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

const SMALL = 1_000
const LARGE = 1_000_000
const ROUNDS = 5

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const time = (f: () => void): number => {
  const start = performance.now()
  f()
  return performance.now() - start
}

const bytes = new Uint8Array(4096).fill(7)
const page = ByteSource.fromBytesUnsafe(bytes)

/** Mappings of a page, every other page a hole, in an order without pattern. */
const shuffled = (count: number): Array<bigint> => {
  let state = 1
  const addresses = Array.from({ length: count }, (_, i) => BigInt(i) * 8192n)
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    const swapped = addresses[i]!
    addresses[i] = addresses[j]!
    addresses[j] = swapped
  }
  return addresses
}

const addOneByOne = (start: MemoryMap.Any, addresses: ReadonlyArray<bigint>): MemoryMap.Any => {
  let map = start
  for (const address of addresses) map = Effect.runSync(MemoryMap.add(map, page, address))
  return map
}

const built = (count: number): MemoryMap.Mapped =>
  Effect.runSync(
    MemoryMap.addAll(
      MemoryMap.empty,
      Array.from({ length: count }, (_, i) => ({ source: page, address: BigInt(i) * 8192n }))
    )
  )

const line = (what: string, value: string, target: string): void =>
  console.log(`${what.padEnd(58)} ${value.padStart(16)}   target ${target}`)

const adding = (): void => {
  const fresh = Array.from({ length: SMALL }, (_, i) => BigInt(i) * 8192n * 997n + 4096n)
  const cost = (map: MemoryMap.Any): number =>
    median(Array.from({ length: 15 }, () => time(() => addOneByOne(map, fresh)))) / SMALL
  const small = built(SMALL)
  const large = built(LARGE)
  cost(small)
  const [costSmall, costLarge] = [cost(small), cost(large)]
  line(`add to a map of ${SMALL} mappings`, `${(costSmall * 1000).toFixed(2)} us`, "-")
  line(`add to a map of ${LARGE} mappings`, `${(costLarge * 1000).toFixed(2)} us`, "-")
  line("  ratio", (costLarge / costSmall).toFixed(2), "<= 4")
}

const bulk = (): void => {
  const sorted = time(() => built(LARGE))
  line(`addAll of ${LARGE} mappings, ascending`, `${sorted.toFixed(0)} ms`, "< 2000 ms")
  const entries = shuffled(LARGE).map((address) => ({ source: page, address }))
  const mixed = time(() => Effect.runSync(MemoryMap.addAll(MemoryMap.empty, entries)))
  line(`addAll of ${LARGE} mappings, shuffled`, `${mixed.toFixed(0)} ms`, "< 2000 ms")
}

const memory = (): void => {
  const gc = globalThis.gc ?? (() => undefined)
  const used = (): number => {
    gc()
    gc()
    return process.memoryUsage().heapUsed
  }
  const addresses = shuffled(LARGE)
  const before = used()
  let map: MemoryMap.Any | undefined
  const took = time(() => (map = addOneByOne(MemoryMap.empty, addresses)))
  const each = (used() - before) / LARGE
  line(`add ${LARGE} mappings one by one, shuffled`, `${took.toFixed(0)} ms`, "-")
  line("  memory a mapping (addresses counted apart)", `${each.toFixed(0)} B`, "<= 200 B")
  if (Effect.runSync(MemoryMap.getByte(map as MemoryMap.Mapped, addresses[0]!)) !== 7) throw new Error("wrong byte")
}

const reads = (): void => {
  const COUNT = 1_000_000
  const cost = (segments: number) => {
    const map = built(segments)
    const reader = Effect.runSync(MemoryMap.reader(map))
    let state = 5
    const addresses = Array.from({ length: COUNT }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      const index = Math.floor((state / 2 ** 32) * segments)
      return BigInt(index) * 8192n + BigInt(state & 4095)
    })
    const expect = (sum: number): void => {
      if (sum !== 7 * COUNT) throw new Error(`wrong bytes: ${sum}`)
    }
    const plain = () => {
      let sum = 0
      for (const address of addresses) sum += reader.getByte(address)
      expect(sum)
    }
    const program = Effect.gen(function* () {
      let sum = 0
      for (const address of addresses) sum += yield* MemoryMap.getByte(map, address)
      expect(sum)
    })
    plain()
    Effect.runSync(program)
    const nanos = (f: () => void): number => (median(Array.from({ length: ROUNDS }, () => time(f))) / COUNT) * 1e6
    return { plain: nanos(plain), effect: nanos(() => Effect.runSync(program)) }
  }
  const small = cost(100)
  const large = cost(LARGE)
  line("reader.getByte, random, 100 segments", `${small.plain.toFixed(0)} ns`, "-")
  line(`reader.getByte, random, ${LARGE} segments`, `${large.plain.toFixed(0)} ns`, "-")
  line("  ratio", (large.plain / small.plain).toFixed(2), "<= 3")
  line("MemoryMap.getByte, 100 segments", `${small.effect.toFixed(0)} ns`, "-")
  line(`MemoryMap.getByte, ${LARGE} segments`, `${large.effect.toFixed(0)} ns`, "-")
  line("  more than the reader", `${(large.effect - large.plain).toFixed(0)} ns`, "<= 250 ns")
}

console.log(`node ${process.version}, ${LARGE} mappings of 4 KiB`)
adding()
bulk()
memory()
reads()
