// A guest that really ran: a trimmed dump that is always there, and whole dumps of several kernels where `npm run guests` has
// booted them. The judge is what the guest's own /proc said, and pahole.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { createWriteStream, existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type BtfImpl, Kind } from "../../src/internal/linux/btf/btf.ts"
import { Btf, LinuxKernel, type Symbols } from "../../src/linux/index.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import { cache, guests } from "../guest/boot.ts"
import { checkMachine, checkProcesses, type Facts } from "../support/guestFacts.ts"
import { temporaryFiles } from "../support/temporary.ts"

vi.setConfig({ testTimeout: 120_000 })

const path = temporaryFiles()

const openImage = (file: string) => MemoryImage.open(file, { addresses: "physical" })
const provide = Effect.provide(NodeMemoryMap.layer)

describe("the trimmed dump of a guest of 6.1", () => {
  const facts: Facts = JSON.parse(readFileSync("test/fixtures/linux/guest.json", "utf8"))
  const fixture = Effect.flatMap(openImage("test/fixtures/linux/guest.kdump"), (image) => LinuxKernel.fromImage(image))

  it.effect("tells its version, log, modules and mounts as it did itself", () =>
    Effect.flatMap(fixture, (kernel) => checkMachine(kernel, facts)).pipe(provide)
  )

  it.effect("tells its processes, with threads, arguments, areas and programs, as it did itself", () =>
    Effect.gen(function* () {
      const compared = yield* checkProcesses(yield* fixture, facts)
      assert.isAbove(compared, 50)
    }).pipe(provide)
  )

  it.effect("what was left out of the dump is named where it is missed", () =>
    Effect.gen(function* () {
      const kernel = yield* fixture
      const worker = yield* LinuxKernel.task(
        kernel,
        Number(Object.entries(facts.processes).find(([, f]) => f["cmdline"]?.startsWith("/bin/worker"))?.[0])
      )
      const map = yield* LinuxKernel.addressSpace(kernel, worker)
      const error = yield* Effect.flip(MemoryMap.getBytes(map, 0x401000n, 16))
      assert.include(error.message, "left out of the dump, dump level 31")
    }).pipe(provide)
  )
})

/** The files of a booted guest's folder, as the trimmed dump's JSON has them. */
const factsIn = (folder: string): Facts => {
  const text = (...names: ReadonlyArray<string>) => readFileSync(join(folder, ...names), "utf8")
  const [uname = "", dmesg = "", modules = "", mounts = ""] = ["uname", "dmesg", "modules", "mounts"].map((name) =>
    text(name)
  )
  const processes = readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(
      (pid) => [pid, Object.fromEntries(readdirSync(join(folder, pid)).map((file) => [file, text(pid, file)]))] as const
    )
  return { uname, dmesg, modules, mounts, processes: Object.fromEntries(processes) }
}

/** Members of named structures as pahole lists them: type, path, offset and size in bytes. */
const paholeMembers = (
  vmlinux: string
): ReadonlyArray<readonly [type: string, name: string, offset: number, size: number]> => {
  const { stdout } = spawnSync("pahole", ["-F", "btf", vmlinux], { encoding: "utf8", maxBuffer: 1 << 30 })
  const found: Array<readonly [string, string, number, number]> = []
  let type = ""
  for (const line of stdout.split("\n")) {
    type = /^(?:struct|union) (\w+) \{$/.exec(line)?.[1] ?? type
    // Members of the structure itself, but no bit fields and pointers to functions.
    const member = /^\t[\w *]*?(\w+)(?:\[\d*\])*; +\/\* +(\d+) +(\d+) \*\/$/.exec(line)
    if (member !== null) found.push([type, member[1]!, Number(member[2]), Number(member[3])])
  }
  return found
}
const hasPahole = spawnSync("pahole", ["--version"]).status === 0

const openKernel = (file: string) => Effect.flatMap(openImage(file), (image) => LinuxKernel.fromImage(image))

/** A line of /proc/kallsyms. */
const symbolLine = ({ address, kind, module, name }: Symbols.KernelSymbol): string =>
  `${address.toString(16).padStart(16, "0")} ${kind} ${name}${module === undefined ? "" : `\t[${module}]`}`

for (const { name } of guests) {
  const folder = join(cache, name)
  const booted = existsSync(join(folder, "guest.kdump"))
  const file = (of: string) => join(folder, of)

  describe.skipIf(!booted)(`a booted guest, ${name}`, () => {
    // Without the guests that `npm run guests` boots there is nothing to read.
    it.effect("tells what it told itself, with all symbols of /proc/kallsyms", () =>
      Effect.gen(function* () {
        const kernel = yield* openKernel(file("guest.elf"))
        const facts = factsIn(file("facts"))
        yield* checkMachine(kernel, facts)
        assert.isAbove(yield* checkProcesses(kernel, facts), 50)
        const symbols = new Set(Array.from(kernel.symbols ?? [], symbolLine))
        const listed = readFileSync(file("facts/kallsyms"), "utf8").trim().split("\n")
        const ours = listed.filter((line) => !/\t\[(bpf|__builtin__\w+)\]$/.test(line))
        assert.isAbove(ours.length, 10_000)
        assert.deepStrictEqual(
          ours.filter((line) => !symbols.has(line)),
          []
        )
      }).pipe(provide)
    )

    // Without pahole there is nothing to compare with.
    it.effect.skipIf(!hasPahole)("has the members of its structures where pahole has them", () =>
      Effect.gen(function* () {
        const { types } = yield* openKernel(file("guest.elf"))
        const members = paholeMembers(file("vmlinux"))
        assert.isAbove(members.length, 10_000)
        const btf = types as BtfImpl
        // Of several structures with one name, private to different files, both of us take some.
        const alone = members.filter(([type]) => btf.named(type, [Kind.struct, Kind.union]).length === 1)
        assert.isAbove(alone.length, 10_000)
        const wrong = alone.filter(([type, member, offset, size]) => {
          const found = Option.getOrUndefined(Btf.member(btf, type, member))
          return found?.offset !== offset || found.size !== size
        })
        assert.deepStrictEqual(wrong.slice(0, 10), [])
      }).pipe(provide)
    )
  })
}

describe.skipIf(!existsSync(join(cache, "6.1", "guest.kdump")))("dumps of one guest in other forms", () => {
  // Without the guest there are no dumps to compare.
  const file = (of: string) => join(cache, "6.1", of)

  it.effect("kdump tells what the guest told", () =>
    Effect.flatMap(openKernel(file("guest.kdump")), (kernel) => checkMachine(kernel, factsIn(file("facts")))).pipe(
      provide
    )
  )

  it.effect("LiME, where nothing says where to look, tells what the guest told", () =>
    Effect.gen(function* () {
      const image = yield* openImage(file("guest.elf"))
      const lime = createWriteStream(path("guest.lime"))
      yield* Stream.runForEach(Lime.write(image.map), (bytes) => Effect.sync(() => void lime.write(bytes)))
      yield* Effect.callback<void>((resume) => void lime.end(() => resume(Effect.void)))
      const map = (yield* openImage(path("guest.lime"))).map as MemoryMap.MemoryMap<
        "NoWordSize",
        "NoEndian",
        "HasMapping"
      >
      const kernel = yield* LinuxKernel.open(MemoryMap.setEndian(MemoryMap.setWordSize(map, 64), "little"))
      yield* checkMachine(kernel, factsIn(file("facts")))
    }).pipe(provide)
  )
})
