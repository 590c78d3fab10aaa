// The longest time that each kind of long work holds the event loop: the largest gap between two turns while it runs.
import { Effect, type FileSystem, Layer, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { NodeFileSystem } from "@effect/platform-node"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as Elf from "../../src/image/Elf.ts"
import * as IntelHex from "../../src/image/IntelHex.ts"
import * as Kdump from "../../src/image/Kdump.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as Pattern from "../../src/Pattern.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { buildElf } from "../support/elfBuilder.ts"
import { randomWords } from "../support/random.ts"
import { tablesFor } from "../support/tables.ts"

const GOAL = 50
const only = process.argv[2]

/**
 * Runs an effect, and gives how long it took and the largest gaps between two turns of the event loop, in ms: of the clock,
 * and of the processor's time that this thread used. On a busy machine the clock also counts the time that others had.
 */
const measure = async (effect: Effect.Effect<unknown, unknown>) => {
  const used = () => {
    const { system, user } = process.threadCpuUsage()
    return (system + user) / 1000
  }
  let clock = 0
  let own = 0
  let running = true
  let last = performance.now()
  let lastUsed = used()
  const tick = () => {
    const now = performance.now()
    const nowUsed = used()
    clock = Math.max(clock, now - last)
    own = Math.max(own, nowUsed - lastUsed)
    last = now
    lastUsed = nowUsed
    if (running) setImmediate(tick)
  }
  setImmediate(tick)
  const start = performance.now()
  await Effect.runPromise(effect)
  await new Promise((resolve) => setImmediate(resolve))
  running = false
  return { took: performance.now() - start, clock, own }
}

let failed = false
const row = async (
  name: string,
  make: () => Effect.Effect<unknown, unknown> | Promise<Effect.Effect<unknown, unknown>>
) => {
  if (only !== undefined && !name.includes(only)) return
  const effect = await make()
  globalThis.gc?.()
  const { clock, own, took } = await measure(effect)
  if (Math.min(own, clock) > GOAL) failed = true
  const ms = (value: number) => `${value.toFixed(0).padStart(6)} ms`
  console.log(`${name.padEnd(58)} ${ms(own)} ${ms(clock)} of ${ms(took)}`)
}

const source = (bytes: Uint8Array) => ByteSource.fromBytesUnsafe(bytes)
const page = ByteSource.fromBytesUnsafe(new Uint8Array(4096).fill(7))
const entries = (count: number, step: bigint): ReadonlyArray<MemoryMap.AddAllEntry> =>
  Array.from({ length: count }, (_, i) => ({ source: page, address: BigInt(i) * step }))
const four = source(new Uint8Array([1, 2, 3, 4]))
const tiny = (count: number): ReadonlyArray<MemoryMap.AddAllEntry> =>
  Array.from({ length: count }, (_, i) => ({ source: four, address: BigInt(i) * 64n }))
const shuffle = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> => {
  const random = randomWords(3)
  const copy = [...list]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random() % (i + 1)
    ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  }
  return copy
}
const mapOf = (count: number) => Effect.runPromise(MemoryMap.addAll(MemoryMap.empty, entries(count, 8192n)))

const manySegments = (count: number, step: bigint) =>
  source(
    buildElf({
      segments: Array.from({ length: count }, (_, i) => ({
        virtual: 0x1000n + BigInt(i) * step,
        physical: 0n,
        offset: 0n,
        fileSize: 64n,
        memorySize: 64n,
        flags: 4,
        align: 1n
      }))
    })
  )

const hexRecords = (size: number): ByteSource.ByteSource => {
  const lines: Array<string> = []
  let length = 0
  for (let i = 0; length < size; i++) {
    const address = (2 * i) & 0xffff
    if (address === 0) {
      const high = (2 * i) >>> 16
      const sum = (-(2 + 4 + (high >> 8) + (high & 255)) & 255) >>> 0
      lines.push(`:02000004${high.toString(16).padStart(4, "0")}${sum.toString(16).padStart(2, "0")}`.toUpperCase())
    }
    const sum = -(1 + (address >> 8) + (address & 255) + 7) & 255
    const line = `:01${address.toString(16).padStart(4, "0")}0007${sum.toString(16).padStart(2, "0")}`.toUpperCase()
    lines.push(line)
    length += line.length + 1
  }
  lines.push(":00000001FF\n")
  return source(new TextEncoder().encode(lines.join("\n")))
}

const limeRanges = (count: number): ByteSource.ByteSource => {
  const bytes = new Uint8Array(count * 48)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < count; i++) {
    const at = i * 48
    view.setUint32(at, 0x4c694d45, true)
    view.setUint32(at + 4, 1, true)
    view.setBigUint64(at + 8, BigInt(i) * 64n, true)
    view.setBigUint64(at + 16, BigInt(i) * 64n + 15n, true)
  }
  return source(bytes)
}

/** A flattened file of many pieces that are no dump: all are gone through before it is refused. */
const flattened = (count: number): ByteSource.ByteSource => {
  const bytes = new Uint8Array(4096 + count * 20 + 16)
  bytes.set(new TextEncoder().encode("makedumpfile"))
  const view = new DataView(bytes.buffer)
  view.setBigUint64(16, 1n)
  view.setBigUint64(24, 1n)
  let at = 4096
  for (let i = 0; i < count; i++, at += 20) {
    view.setBigInt64(at, BigInt(8 * i))
    view.setBigInt64(at + 8, 4n)
  }
  view.setBigInt64(at, -1n)
  view.setBigInt64(at + 8, -1n)
  return source(bytes)
}

const directory = mkdtempSync(`${tmpdir()}/holds-`)
const files = <A, E>(effect: Effect.Effect<A, E, FileMapper.FileMapper | FileSystem.FileSystem | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)))

await row("addAll of 300 000", () => MemoryMap.addAll(MemoryMap.empty, entries(300_000, 8192n)))
await row("addAll of 10^6", () => MemoryMap.addAll(MemoryMap.empty, entries(1_000_000, 8192n)))
await row("addAll of 10^6 in any order", () => MemoryMap.addAll(MemoryMap.empty, shuffle(entries(1_000_000, 8192n))))
await row("addAll of 500 000 that overlap", () => MemoryMap.addAll(MemoryMap.empty, entries(500_000, 16n)))
await row("the first flat index of 10^6", async () => {
  const map = await mapOf(1_000_000)
  return Effect.forEach(
    Array.from({ length: 1_100_000 }, (_, i) => BigInt(i % 1000) * 8192n),
    (at) => MemoryMap.getByte(map, at),
    {
      discard: true
    }
  )
})
await row("a reader of 10^6", async () => MemoryMap.reader(await mapOf(1_000_000)))
await row("getBytes of 512 MiB", async () =>
  MemoryMap.getBytes(
    await Effect.runPromise(MemoryMap.add(MemoryMap.empty, source(new Uint8Array(512 << 20).fill(1)), 0n)),
    0n,
    512 << 20
  )
)
await row("1000 searches at once", async () => {
  const map = await Effect.runPromise(MemoryMap.fromBytes(new Uint8Array(1 << 20).fill(0x61), 0n))
  return Effect.forEach(Array.from({ length: 1000 }), () => MemoryMap.find(map, "not there"), {
    concurrency: "unbounded"
  })
})
await row("65 536 needles", async () => {
  const map = await Effect.runPromise(MemoryMap.fromBytes(new Uint8Array(1 << 20).fill(0x61), 0n))
  const random = randomWords(5)
  const needles = Array.from({ length: 65_536 }, () => Pattern.bytes(new Uint8Array(Uint32Array.of(random()).buffer)))
  return MemoryMap.find(map, Pattern.anyOf(needles))
})
await row("a needle of 1 MiB", async () => {
  const map = await Effect.runPromise(MemoryMap.fromBytes(new Uint8Array(8 << 20).fill(0x61), 0n))
  const needle = new Uint8Array(1 << 20).fill(0x61)
  needle[(1 << 20) - 1] = 0x62
  return MemoryMap.find(map, needle)
})
await row("an expression of 512 classes", async () => {
  const map = await Effect.runPromise(MemoryMap.fromBytes(new Uint8Array(1 << 20).fill(0x61), 0n))
  return MemoryMap.find(map, Pattern.regex(`${"[a-m]".repeat(256)}${"[^n-z]".repeat(255)}x`))
})
await row("opening an ELF file of 70 000 segments", () => Elf.fromSource(manySegments(70_000, 64n)))
await row("opening an ELF file of 500 000 overlapping segments", () => Elf.fromSource(manySegments(500_000, 16n)))
await row("opening a HEX file of 6 MiB, one byte a record", () => IntelHex.fromSource(hexRecords(6 << 20)))
await row("opening a LiME file of 500 000 ranges", () => Lime.fromSource(limeRanges(500_000)))
await row("opening a flattened kdump of 500 000 pieces", () => Effect.flip(Kdump.fromSource(flattened(500_000))))
await row("saving a snapshot of 10^6 segments", async () => {
  const map = await Effect.runPromise(MemoryMap.addAll(MemoryMap.empty, tiny(1_000_000)))
  return files(Snapshot.save(map, `${directory}/big.snap`))
})
await row("opening it", () => files(Snapshot.open(`${directory}/big.snap`)))
await row("verifying it", () => files(Snapshot.verify(`${directory}/big.snap`)))
await row("walking page tables of 10^6 pages in no order", async () => {
  const tables = tablesFor(1_000_000, (i) => (1 << 18) + ((i * 70_001) % (1 << 18)))
  const bare = await Effect.runPromise(MemoryMap.add(MemoryMap.empty, source(tables), 0n))
  const map = await Effect.runPromise(MemoryMap.add(bare, ByteSource.zeros(1n << 30n), 1n << 30n))
  return AddressSpace.walk(map, PageTable.x86_64(), 0n, { range: { start: 0n, end: 1n << 47n } })
})
await row("looking for roots in 512 MiB", async () => {
  const bytes = source(new Uint8Array(512 << 20).fill(0x67))
  return AddressSpace.findRoots(await Effect.runPromise(MemoryMap.add(MemoryMap.empty, bytes, 0n)))
})
rmSync(directory, { recursive: true })
console.log(failed ? `\nMore than ${GOAL} ms somewhere.` : `\nNothing holds the event loop for more than ${GOAL} ms.`)
