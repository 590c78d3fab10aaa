// Saving a snapshot beside cp, of the same file in the same run; both flushed to disk and not. Counts are asserted.
import { NodeFileSystem } from "@effect/platform-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { deepStrictEqual } from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeFileMapper from "../../src/node/NodeFileMapper.ts"
import * as Snapshot from "../../src/Snapshot.ts"

const SIZE = 1 << 30
const ROUNDS = 5

const directory = mkdtempSync(join(tmpdir(), "memmap-bench-"))
const path = (name: string) => join(directory, name)

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Noise that does not compress and has no zeros to leave out. */
const makeFile = (): void => {
  const block = new Uint32Array(1 << 18)
  const fd = openSync(path("memory"), "w")
  let state = 1
  for (let written = 0; written < SIZE; written += block.byteLength) {
    for (let i = 0; i < block.length; i++) block[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    writeSync(fd, block)
  }
}

const seconds = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
  const start = performance.now()
  yield* work
  return (performance.now() - start) / 1000
})

const run = (command: string, ...args: ReadonlyArray<string>) => Effect.sync(() => execFileSync(command, args))

const line = (what: string, value: string, target = "-"): void =>
  console.log(`${what.padEnd(46)} ${value.padStart(16)}   target ${target}`)

const rate = (time: number): string => `${(SIZE / 2 ** 30 / time).toFixed(2)} GiB/s`

const program = Effect.gen(function* () {
  const source = yield* FileMapper.map(path("memory"))
  const map = yield* MemoryMap.add(MemoryMap.empty, source, 0x1000n)
  const copies: Array<number> = []
  const flushes: Array<number> = []
  const saves: Array<number> = []
  let peak = 0
  const watch = () => Effect.sync(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)))
  for (let round = 0; round < ROUNDS; round++) {
    copies.push(yield* seconds(run("cp", path("memory"), path("copy"))))
    flushes.push(yield* seconds(run("sync", path("copy"))))
    saves.push(yield* seconds(Snapshot.save(map, path("saved"), { onProgress: watch })))
    const { bytes } = yield* Snapshot.verify(path("saved"))
    deepStrictEqual(bytes, BigInt(SIZE))
    rmSync(path("copy"))
    rmSync(path("saved"))
  }
  const [copy, flush, save] = [median(copies), median(flushes), median(saves)]
  line("cp", rate(copy))
  line("cp and sync", rate(copy + flush))
  line("Snapshot.save, which flushes", rate(save))
  line("its share of the speed of cp and sync", ((copy + flush) / save).toFixed(2), "0.5")
  line("memory in buffers at most", `${(peak / 2 ** 20).toFixed(0)} MiB`, "flat")
})

try {
  makeFile()
  const layers = Layer.merge(NodeFileMapper.layer, NodeFileSystem.layer)
  await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layers)))
} finally {
  rmSync(directory, { recursive: true })
}
