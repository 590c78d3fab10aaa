// Guests that `npm run guests` boots in QEMU, several kernels on several machines: what is read from their dumps, in every form
// that a dump may have, is what their own /proc said of them, and pahole of their types.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  closeSync,
  copyFileSync,
  createWriteStream,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync
} from "node:fs"
import { join } from "node:path"
import { type BtfImpl, Kind } from "../../src/internal/linux/btf/btf.ts"
import { Btf, LinuxKernel, Symbols } from "../../src/linux/index.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import { checkLog, checkMachine, checkProcesses, checkVersion, type Facts } from "../support/guestFacts.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { guests } from "./machines.ts"
import { cache } from "./packages.ts"

vi.setConfig({ testTimeout: 120_000 })

const path = temporaryFiles()
const provide = Effect.provide(NodeMemoryMap.layer)
const has = (tool: string): boolean => spawnSync(tool, ["--version"]).error === undefined

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

/** Members of named structures as pahole lists them, but no bit fields and pointers to functions. */
const paholeMembers = (
  types: ReadonlyArray<string>
): ReadonlyArray<readonly [type: string, name: string, offset: number, size: number]> => {
  const { stdout } = spawnSync("pahole", ["-F", "btf", ...types], { encoding: "utf8", maxBuffer: 1 << 30 })
  const found: Array<readonly [string, string, number, number]> = []
  let type = ""
  for (const line of stdout.split("\n")) {
    type = /^(?:struct|union) (\w+) \{$/.exec(line)?.[1] ?? type
    const member = /^\t[\w *]*?(\w+)(?:\[\d*\])*; +\/\* +(\d+) +(\d+) \*\/$/.exec(line)
    if (member !== null) found.push([type, member[1]!, Number(member[2]), Number(member[3])])
  }
  return found
}

/** Of several structures with one name, private to different files, pahole and Btf both take some: those are left out. */
const checkMembers = (types: Btf.Btf, members: ReturnType<typeof paholeMembers>, least: number) => {
  const alone = members.filter(([type]) => (types as BtfImpl).named(type, [Kind.struct, Kind.union]).length === 1)
  assert.isAtLeast(alone.length, least)
  const wrong = alone.filter(([type, member, offset, size]) => {
    const found = Option.getOrUndefined(Btf.member(types, type, member))
    return found?.offset !== offset || found.size !== size
  })
  assert.deepStrictEqual(wrong.slice(0, 10), [])
}

/** makedumpfile wants the program headers of an ELF file right behind its header, where QEMU has its section headers. */
const makeFiltered = (elf: string, to: string): string => {
  const copy = `${to}.elf`
  copyFileSync(elf, copy)
  chmodSync(copy, 0o600)
  const file = openSync(copy, "r+")
  const head = Buffer.alloc(4096)
  readSync(file, head, 0, head.length, 0)
  const count = head.readUInt16LE(56)
  head.copy(head, 64, Number(head.readBigUInt64LE(32)), Number(head.readBigUInt64LE(32)) + 56 * count)
  head.writeBigUInt64LE(64n, 32)
  head.writeBigUInt64LE(0n, 40)
  for (const [i, value] of [64, 56, count, 64, 0, 0].entries()) head.writeUInt16LE(value, 52 + 2 * i)
  writeSync(file, head, 0, head.length, 0)
  closeSync(file)
  const { status, stderr } = spawnSync("makedumpfile", ["-c", "-d", "31", copy, to], { encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
  return to
}

const openImage = (file: string) => MemoryImage.open(file, { addresses: "physical" })
const openKernel = (file: string) => Effect.flatMap(openImage(file), (image) => LinuxKernel.fromImage(image))
/** Of a dump that says nothing of its machine. */
const scanned = (image: MemoryImage.MemoryImage) => {
  const map = image.map as MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  return LinuxKernel.open(MemoryMap.setEndian(MemoryMap.setWordSize(map, 64), "little"))
}

/** A line of /proc/kallsyms. */
const symbolLine = ({ address, kind, module, name }: Symbols.KernelSymbol): string =>
  `${address.toString(16).padStart(16, "0")} ${kind} ${name}${module === undefined ? "" : `\t[${module}]`}`

const checkAll = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, facts: Facts) {
  yield* checkMachine(kernel, facts)
  assert.isAbove(yield* checkProcesses(kernel, facts), 50)
})

for (const { machine, name } of guests) {
  const folder = join(cache, name)
  const file = (of: string) => join(folder, of)
  const booted = process.env["GUESTS"] !== undefined && existsSync(file("guest.kdump"))

  // Debian's kernels for i386 carry no types: what VMCOREINFO and symbols suffice for is read.
  describe.skipIf(!booted || machine !== "i386")(`a guest of 32 bits, ${name} (without npm run guests)`, () => {
    it.effect("tells its version and log, and what it lacks for the rest", () =>
      Effect.gen(function* () {
        const kernel = yield* openKernel(file("guest.elf"))
        const facts = factsIn(file("facts"))
        yield* checkVersion(kernel, facts)
        yield* checkLog(kernel, facts)
        const address = (line: string) => BigInt(`0x${line.split(" ")[0]}`)
        const listed = readFileSync(file("facts/kallsyms"), "utf8").trim().split("\n")
        const ours = new Set(Array.from(kernel.symbols ?? [], symbolLine))
        const own = listed.filter((line) => !line.includes("\t["))
        assert.isAbove(own.length, 10_000)
        const wrong = own.filter((line) => !ours.has(`${address(line).toString(16).padStart(16, "0")}${line.slice(8)}`))
        assert.deepStrictEqual(wrong, [])
        const error = yield* Effect.flip(Stream.runDrain(LinuxKernel.tasks(kernel)))
        assert.include(
          error.message,
          "it needs the layout of struct task_struct, which nothing found in memory describes"
        )
      }).pipe(provide)
    )
  })

  describe.skipIf(!booted || machine === "i386")(`a booted guest, ${name} (without npm run guests)`, () => {
    it.effect("tells what it told itself, with all symbols of /proc/kallsyms", () =>
      Effect.gen(function* () {
        const kernel = yield* openKernel(file("guest.elf"))
        yield* checkAll(kernel, factsIn(file("facts")))
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

    it.effect("tells the same from a kdump", () =>
      Effect.flatMap(openKernel(file("guest.kdump")), (kernel) => checkAll(kernel, factsIn(file("facts")))).pipe(
        provide
      )
    )

    it.effect.skipIf(!has("pahole"))("has the members of its structures where pahole has them (without pahole)", () =>
      Effect.gen(function* () {
        const { types } = yield* openKernel(file("guest.elf"))
        checkMembers(types!, paholeMembers([file("facts/btf/vmlinux")]), 10_000)
      }).pipe(provide)
    )

    it.effect.skipIf(!has("pahole"))("has those of its modules where pahole has them (without pahole)", () =>
      Effect.gen(function* () {
        const kernel = yield* openKernel(file("guest.elf"))
        if (Option.isNone(Symbols.address(kernel.symbols!, "btf_modules"))) return
        for (const module of yield* Stream.runCollect(LinuxKernel.modules(kernel))) {
          const types = file(`facts/btf/${module.name}`)
          if (!existsSync(types)) continue
          const members = paholeMembers(["--btf_base", file("facts/btf/vmlinux"), types])
          checkMembers(yield* LinuxKernel.moduleTypes(kernel, module), members, 0)
        }
      }).pipe(provide)
    )

    it.effect("tells the same from a LiME file, where nothing says where to look", () =>
      Effect.gen(function* () {
        const lime = createWriteStream(path(`${name}.lime`))
        yield* Stream.runForEach(Lime.write((yield* openImage(file("guest.elf"))).map), (bytes) =>
          Effect.sync(() => void lime.write(bytes))
        )
        yield* Effect.callback<void>((resume) => void lime.end(() => resume(Effect.void)))
        yield* checkAll(yield* Effect.flatMap(openImage(path(`${name}.lime`)), scanned), factsIn(file("facts")))
      }).pipe(provide)
    )

    it.effect("tells the same from raw bytes", () =>
      Effect.gen(function* () {
        const { map } = yield* openImage(file("guest.elf"))
        const base = Option.getOrThrow(MemoryMap.bounds(map)).start
        const raw = openSync(path(`${name}.raw`), "w")
        ftruncateSync(raw, 256 << 20)
        for (const { range } of MemoryMap.segments(map)) {
          // What lies beside the memory, as that of the graphics card, is no part of it.
          if (range.end - base > 256n << 20n) continue
          writeSync(raw, yield* MemoryMap.getBytes(map, range), 0, undefined, Number(range.start - base))
        }
        closeSync(raw)
        const image = yield* MemoryImage.open(path(`${name}.raw`), { address: base })
        yield* checkAll(yield* scanned(image), factsIn(file("facts")))
      }).pipe(provide)
    )

    // Debian's makedumpfile, of 2022, takes 6.12's kernel data for pages that nobody needs, and knows its own machine only.
    it.effect.skipIf(!has("makedumpfile") || machine !== "x86-64" || !/^6\.1\b(?!\d)/.test(name))(
      "tells the same from a dump of the pages that makedumpfile keeps, and what was left out where it is missed (without makedumpfile)",
      () =>
        Effect.gen(function* () {
          const filtered = makeFiltered(file("guest.elf"), path(`${name}.filtered`))
          const kernel = yield* openKernel(filtered)
          const facts = factsIn(file("facts"))
          yield* checkMachine(kernel, facts)
          const worker = Object.entries(facts.processes).find(([, files]) =>
            files["cmdline"]?.startsWith("/bin/worker")
          )
          const task = yield* LinuxKernel.task(kernel, Number(worker![0]))
          const error = yield* Effect.flip(LinuxKernel.commandLine(kernel, task))
          assert.match(error.message, /left out of the dump, dump level 31/)
          // Pages of programs were left out: what is in them cannot be compared.
          const kernels = Object.entries(facts.processes).filter(([, files]) => files["cmdline"] === "")
          assert.isAbove(yield* checkProcesses(kernel, { ...facts, processes: Object.fromEntries(kernels) }), 40)
        }).pipe(provide)
    )
  })
}
