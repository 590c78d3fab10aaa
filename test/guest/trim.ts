// Makes a small dump out of a large one: the pages that are read to answer `memmap uname`, `dmesg`, `ps`, `modules`, `mounts` and
// `symbol`, and the areas and environment of each process, as kdump. All other pages are left out, and the dump says so.
//
//   npm run guests 6.1-cloud
//   node test/guest/trim.ts .cache/guests/6.1-cloud/guest.elf .cache/guests/6.1-cloud/facts test/fixtures/linux/guest.kdump
//
// Beside it, as OUTPUT.json, goes what the guest's own /proc said (the folder FACTS of test/guest/boot.ts).
import { Effect, Option, Stream } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Elf from "../../src/image/Elf.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import { LinuxKernel, VmcoreInfo } from "../../src/linux/index.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import { dump, type Page } from "../support/kdumpBuilder.ts"

const PAGE = 4096n

/** The same memory, and the numbers of the pages that were read of it. */
const recording = Effect.fnUntraced(function* (image: Elf.ElfImage) {
  const touched = new Set<number>()
  const entries = Array.from(MemoryMap.segments(image.map), ({ mapping, offset, range }) => ({
    address: range.start,
    source: ByteSource.make({
      name: mapping.name,
      size: range.end - range.start,
      read: (at, length) => {
        const [first, last] = [(range.start + at) / PAGE, (range.start + at + BigInt(length) - 1n) / PAGE]
        for (let page = first; page <= last; page++) touched.add(Number(page))
        return mapping.source.read(offset + at, length)
      }
    })
  }))
  const bare = yield* MemoryMap.addAll(MemoryMap.empty, entries)
  return { map: MemoryMap.setEndian(MemoryMap.setWordSize(bare, 64), "little"), touched }
})

/** Reads what is to be readable from the small dump. */
const readAll = Effect.fnUntraced(function* (map: MemoryMap.Ready, vmcoreInfo: VmcoreInfo.VmcoreInfo) {
  const kernel = yield* LinuxKernel.open(map, { vmcoreInfo })
  yield* LinuxKernel.uname(kernel)
  yield* Stream.runDrain(LinuxKernel.log(kernel))
  yield* Stream.runDrain(LinuxKernel.modules(kernel))
  yield* Stream.runDrain(LinuxKernel.mounts(kernel))
  for (const task of yield* Stream.runCollect(LinuxKernel.tasks(kernel))) {
    yield* Stream.runDrain(LinuxKernel.threads(kernel, task))
    yield* Stream.runDrain(LinuxKernel.areas(kernel, task))
    for (const read of [LinuxKernel.commandLine, LinuxKernel.environment]) yield* Effect.result(read(kernel, task))
    yield* LinuxKernel.executable(kernel, task)
  }
})

/** The facts, as text, without the symbols, which are too many. */
const factsOf = (folder: string): object => {
  const text = (...names: ReadonlyArray<string>) => readFileSync(join(folder, ...names), "utf8")
  const pids = readdirSync(folder).filter((name) => /^\d+$/.test(name))
  const processes = pids.map((pid) => {
    const files = readdirSync(join(folder, pid))
    return [pid, Object.fromEntries(files.map((file) => [file, text(pid, file)]))] as const
  })
  const [uname, dmesg, modules, mounts] = ["uname", "dmesg", "modules", "mounts"].map((name) => text(name))
  return { uname, dmesg, modules, mounts, processes: Object.fromEntries(processes) }
}

const [from = "", facts = "", to = ""] = process.argv.slice(2)
const program = Effect.gen(function* () {
  const image = yield* Elf.open(from, { addresses: "physical" })
  const vmcoreInfo = Option.getOrThrow(VmcoreInfo.fromImage(image))
  const { map, touched } = yield* recording(image)
  yield* readAll(map, vmcoreInfo)
  const end = Option.getOrThrow(MemoryMap.bounds(image.map)).end
  const pages: Record<number, Page | "excluded"> = {}
  for (const { range } of MemoryMap.segments(image.map)) {
    for (let page = range.start / PAGE; page < range.end / PAGE; page++) pages[Number(page)] = "excluded"
  }
  for (const page of touched) pages[page] = { bytes: yield* MemoryMap.getBytes(image.map, BigInt(page) * PAGE, 4096) }
  const text = `${Array.from(vmcoreInfo.values, ([key, value]) => `${key}=${value}`).join("\n")}\n`
  const frames = Number(end < 1n << 32n ? end / PAGE : end / PAGE)
  const bytes = dump({ wordSize: 64, endian: "little", frames, pages, vmcoreInfo: text, dumpLevel: 31 })
  writeFileSync(to, bytes)
  writeFileSync(to.replace(/\.kdump$/, ".json"), `${JSON.stringify(factsOf(facts))}\n`)
  process.stdout.write(`${to}: ${touched.size} pages, ${bytes.length} bytes\n`)
})
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
