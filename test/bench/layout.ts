// Layouts against loops written by hand: arrays of structs against a DataView, lists against the synchronous reader. The work of
// both is the same: objects with the same members.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Layout from "../../src/Layout.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

const [STRUCTS, NODES, ROUNDS] = [1_000_000, 100_000, 9]
const BASE = 0x5555_0000_0000n

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Medians of the milliseconds that each takes, in turns, so that what slows the machine down slows all. */
const compare = (first: () => number, second: () => number): readonly [number, number] => {
  const times: readonly [Array<number>, Array<number>] = [[], []]
  for (let i = 0; i < ROUNDS; i++) {
    const sums = [first, second].map((run, k) => {
      globalThis.gc?.()
      const start = performance.now()
      const sum = run()
      times[k]!.push(performance.now() - start)
      return sum
    })
    if (sums[0] !== sums[1]) throw new Error(`not the same: ${sums.join(", ")}`)
  }
  return [median(times[0]), median(times[1])]
}

const line = (what: string, [hand, ours]: readonly [number, number], target: number): void => {
  const ratio = (ours / hand).toFixed(2)
  console.log(
    `${what.padEnd(44)} ${hand.toFixed(1).padStart(8)} ms  ${ours.toFixed(1).padStart(8)} ms  ${ratio}x, target <= ${target}x`
  )
}

const mapOf = (bytes: Uint8Array): MemoryMap.Ready =>
  Effect.runSync(
    Effect.map(MemoryMap.addBytesUnsafe(MemoryMap.empty, bytes, BASE), (map) =>
      map.pipe(MemoryMap.setWordSize(64), MemoryMap.setEndian("little"))
    )
  )

/** Other structs first: what the engine learns from one must not be what makes all fast. */
const others = (map: MemoryMap.Ready): void => {
  for (let i = 0; i < 12; i++) {
    const other = Layout.struct("other", {
      [`a${i}`]: Layout.uint8,
      [`b${i}`]: Layout.uint16,
      [`c${i}`]: Layout.int64,
      [`d${i}`]: Layout.bool
    })
    Effect.runSync(Layout.readArray(map, other, BASE, 1000))
  }
}

const words = new BigUint64Array(3 * STRUCTS).map(
  (_, i) => (BigInt(i) * 0x9e37_79b9_7f4a_7c15n) & 0xffff_ffff_ffff_ffffn
)
const bytes = new Uint8Array(words.buffer)

const arrays = (): void => {
  const map = mapOf(bytes)
  others(map)
  const four = Layout.struct(
    "four",
    { id: Layout.uint32, kind: Layout.uint16, level: Layout.int32, state: Layout.uint32 },
    { size: 24 }
  )
  const wide = Layout.struct("wide", {
    id: Layout.uint32,
    kind: Layout.uint16,
    time: Layout.uint64,
    next: Layout.pointer
  })
  const view = new DataView(bytes.buffer)
  const narrowByHand = () => {
    const all: Array<{ readonly id: number; readonly kind: number; readonly level: number; readonly state: number }> =
      []
    for (let i = 0; i < STRUCTS; i++) {
      const at = 24 * i
      all.push({
        id: view.getUint32(at, true),
        kind: view.getUint16(at + 4, true),
        level: view.getInt32(at + 8, true),
        state: view.getUint32(at + 12, true)
      })
    }
    return all.reduce((sum, { id, kind, level, state }) => (sum + id + kind + level + state) | 0, 0)
  }
  const narrow = () =>
    Effect.runSync(Layout.readArray(map, four, BASE, STRUCTS)).reduce(
      (sum, { id, kind, level, state }) => (sum + id + kind + level + state) | 0,
      0
    )
  line("10^6 structs of 4 members, 32 bits", compare(narrowByHand, narrow), 3)
  const wideByHand = () => {
    const all: Array<{ readonly id: number; readonly kind: number; readonly time: bigint; readonly next: bigint }> = []
    for (let i = 0; i < STRUCTS; i++) {
      const at = 24 * i
      all.push({
        id: view.getUint32(at, true),
        kind: view.getUint16(at + 4, true),
        time: view.getBigUint64(at + 8, true),
        next: view.getBigUint64(at + 16, true)
      })
    }
    return all.reduce(
      (sum, { id, kind, next, time }) => (sum + id + kind + Number(next & 0xffn) + Number(time & 0xffn)) | 0,
      0
    )
  }
  const wideOurs = () =>
    Effect.runSync(Layout.readArray(map, wide, BASE, STRUCTS)).reduce(
      (sum, { id, kind, next, time }) => (sum + id + kind + Number(next & 0xffn) + Number(time & 0xffn)) | 0,
      0
    )
  line("10^6 structs of 4 members, two of 64 bits", compare(wideByHand, wideOurs), 3)
}

const lists = (): void => {
  const node = Layout.struct("node", { next: Layout.pointer, id: Layout.uint32, flags: Layout.uint32 })
  const size = Layout.sizeOf(node)
  const memory = new DataView(new ArrayBuffer(NODES * size))
  // In an order without pattern: the k-th node is at 7919 k.
  const place = (k: number): number => (k * 7919) % NODES
  for (let k = 0; k < NODES; k++) {
    const next = k + 1 < NODES ? BASE + BigInt(place(k + 1) * size) : 0n
    memory.setBigUint64(place(k) * size, next, true)
    memory.setUint32(place(k) * size + 8, k, true)
  }
  const map = mapOf(new Uint8Array(memory.buffer))
  others(map)
  const reader = Effect.runSync(MemoryMap.reader(map))
  const byHand = () => {
    const all: Array<{ readonly next: bigint; readonly id: number; readonly flags: number }> = []
    for (let at = BASE; at !== 0n;) {
      const one = { next: reader.getPointer(at), id: reader.getUint32(at + 8n), flags: reader.getUint32(at + 12n) }
      all.push(one)
      at = one.next
    }
    return all.reduce((sum, { flags, id }) => sum + id + flags, 0)
  }
  const ours = () =>
    Effect.runSync(Stream.runCollect(Layout.list(map, node, BASE, "next"))).reduce(
      (sum, { flags, id }) => sum + id + flags,
      0
    )
  line("list of 10^5 nodes, against the reader", compare(byHand, ours), 2)
  const gets = () => {
    const all: Array<{ readonly next: bigint; readonly id: number; readonly flags: number }> = []
    for (let at = BASE; at !== 0n;) {
      const one = reader.get(node, at)
      all.push(one)
      at = one.next
    }
    return all.reduce((sum, { flags, id }) => sum + id + flags, 0)
  }
  line("the same list through reader.get", compare(byHand, gets), 2)
}

console.log(`${"".padEnd(44)} ${"by hand".padStart(11)}  ${"layout".padStart(11)}`)
arrays()
lists()
