/**
 * Small synthetic guests: the physical memory of a machine with a Linux kernel in it, made from a list of processes. For tests
 * of programs that look at dumps, where a real one would be too large, or too new or old to be had.
 *
 * A guest has 2 MiB of memory, page tables for x86-64, VMCOREINFO, a table of symbols, BTF, a log, processes with memory of
 * their own, modules and mounts, each in the form of its era. It is made by arithmetic alone and is the same every time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Address } from "../AddressRange.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { BASE, Builder } from "./guest/builder.ts"
import { eras } from "./guest/eras.ts"
import { Files, type MountSpec } from "./guest/files.ts"
import { finish, type MadeModule, type ModuleSpec, writeModules, writeVersion } from "./guest/finish.ts"
import type { SymbolEntry } from "./guest/kallsyms.ts"
import { type KeptLine, type LogLine, writeLog } from "./guest/log.ts"
import { type ProcessSpec, STACK_TOP, writeProcesses } from "./guest/processes.ts"

/**
 * Which kernel's structures the guest has: `"4.4"`, `"4.19"` and `"5.4"` have the older log, those before `"6.1"` lists of areas,
 * those before `"6.12"` a list of mounts; `"6.12"` has page tables of five levels, and `"7.0"` symbols relative to their place.
 *
 * @category models
 * @since 0.1.0
 */
export type Era = keyof typeof eras

/**
 * Names of all eras, the oldest first.
 *
 * @category constants
 * @since 0.1.0
 */
export const allEras: ReadonlyArray<Era> = Object.keys(eras) as Array<Era>

/**
 * What goes into a guest; whatever is left out has a default of some interest. Processes without a `command` are threads of
 * the kernel, and parents come before their children. Log lines are written in order, and old ones are overwritten where they
 * do not fit. With `symbols: "functions"` variables are none of its symbols, as in kernels built without KALLSYMS_ALL.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly era?: Era | undefined
  readonly hostname?: string | undefined
  readonly processes?: ReadonlyArray<ProcessSpec> | undefined
  readonly log?: ReadonlyArray<LogLine> | undefined
  readonly mounts?: ReadonlyArray<MountSpec> | undefined
  readonly modules?: ReadonlyArray<ModuleSpec> | undefined
  readonly symbols?: "all" | "functions" | undefined
}

/**
 * A guest, and what must be found in it. `bytes` is all of its memory, which begins at `base`; a test that spoils it spoils
 * `physical` too. `root` is the physical address of the kernel's first page table. `log` has the lines that are still there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guest {
  readonly era: Era
  readonly physical: MemoryMap.Ready
  readonly base: Address
  readonly bytes: Uint8Array
  readonly root: Address
  readonly levels: 4 | 5
  readonly release: string
  readonly vmcoreInfo: string
  readonly vmcoreInfoAt: Address
  readonly btf: Uint8Array
  readonly symbols: ReadonlyArray<SymbolEntry>
  readonly uname: ReadonlyArray<string>
  readonly log: ReadonlyArray<KeptLine>
  readonly processes: ReadonlyArray<ProcessSpec>
  readonly mounts: ReadonlyArray<MountSpec>
  readonly modules: ReadonlyArray<MadeModule>
}

const someMounts: ReadonlyArray<MountSpec> = [
  { device: "rootfs", path: "/", type: "rootfs", options: ["rw"] },
  { device: "proc", path: "/proc", type: "proc", options: ["rw", "nosuid", "nodev", "noexec", "relatime"] },
  { device: "tmpfs", path: "/tmp", type: "tmpfs", options: ["rw", "nosuid"] },
  { device: "a name", path: "/mnt/with space", type: "ext4", options: ["ro", "relatime"] }
]

const program = (path: string) => [
  { start: 0x40_0000n, end: 0x40_2000n, permissions: "r-xp", path, offset: 0n },
  { start: 0x60_0000n, end: 0x62_1000n, permissions: "rw-p", path: "[heap]" },
  ...Array.from({ length: 14 }, (_, i) => {
    const start = 0x7f00_0000_0000n + BigInt(i) * 0x4000n
    return { start, end: start + 0x1000n, permissions: i % 2 === 0 ? "rw-p" : "r--s" }
  }),
  {
    start: 0x7f00_1000_0000n,
    end: 0x7f00_1000_1000n,
    permissions: "rw-s",
    path: "/tmp/gone (deleted)",
    offset: 0x1000n
  },
  { start: STACK_TOP - 0x2_1000n, end: STACK_TOP, permissions: "rw-p", path: "[stack]" }
]

const someProcesses: ReadonlyArray<ProcessSpec> = [
  {
    pid: 1,
    comm: "init",
    command: ["/sbin/init", "splash"],
    environment: ["HOME=/", "TERM=linux"],
    executable: "/sbin/init",
    areas: program("/sbin/init")
  },
  { pid: 2, comm: "kthreadd" },
  { pid: 9, comm: "kworker/0:0H", parent: 2, state: "I" },
  {
    pid: 100,
    comm: "server",
    parent: 1,
    uid: 1000,
    command: ["/mnt/with space/server", "--listen", "two words", ""],
    environment: ["SECRET=hunter2"],
    executable: "/mnt/with space/server",
    areas: program("/mnt/with space/server"),
    threads: [
      { pid: 101, comm: "worker/1" },
      { pid: 102, comm: "worker/2" }
    ]
  },
  { pid: 200, comm: "zombie", parent: 100, uid: 1000, state: "Z", command: [] },
  { pid: 666, comm: "hidden", parent: 1, command: ["./hidden"], executable: "/tmp/hidden (deleted)", hidden: true }
]

const someLog: ReadonlyArray<LogLine> = Array.from({ length: 150 }, (_, i) => ({
  level: i % 8,
  facility: i % 3 === 0 ? 3 : 0,
  nanoseconds: BigInt(i) * 12_345_678n,
  text:
    i % 10 === 7
      ? `${i} lines:\nthe second\nthe third`
      : i % 25 === 24
        ? ""
        : `message ${i}${" of the guest".repeat(i % 5)}`
}))

const someModules: ReadonlyArray<ModuleSpec> = [
  { name: "loop", size: 32768, symbols: ["loop_init", "loop_exit"] },
  { name: "dummy", size: 16384, symbols: ["dummy_xmit"] }
]

/**
 * Makes a guest.
 *
 * **Example** (A guest with a process of one's own)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { Symbols, VmcoreInfo } from "effect-memory-map/linux"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make({ era: "5.15", processes: [{ pid: 1, comm: "init", command: ["/init"] }] })
 *   const vmcoreInfo = yield* VmcoreInfo.find(guest.physical)
 *   const symbols = yield* Symbols.find(guest.physical, { vmcoreInfo })
 *   return [vmcoreInfo.release, Option.isSome(Symbols.address(symbols, "init_task"))]
 * })
 * Effect.runSync(program) // => ["5.15.0-guest", true]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Guest> =>
  Effect.suspend(() => {
    const era = options.era ?? "6.12"
    const b = new Builder(eras[era])
    const { release } = b.era
    const uname = ["Linux", options.hostname ?? "guest", release, "#1 SMP PREEMPT_DYNAMIC", "x86_64", "(none)"]
    const mounts = options.mounts ?? someMounts
    const processes = options.processes ?? someProcesses
    writeVersion(b, uname)
    const files = new Files(b, mounts)
    writeProcesses(b, files, processes)
    const log = writeLog(b, options.log ?? someLog)
    const modules = writeModules(b, options.modules ?? someModules)
    const { arena, root } = b
    const made = finish(b, options.symbols ?? "all")
    const map = MemoryMap.addBytesUnsafe(MemoryMap.empty, arena.bytes, BASE, { name: `guest ${era}` })
    return Effect.map(Effect.orDie(map), (bare): Guest => {
      return {
        era,
        physical: MemoryMap.setEndian(MemoryMap.setWordSize(bare, 64), "little"),
        base: BASE,
        bytes: arena.bytes,
        root,
        levels: b.era.levels,
        release,
        ...made,
        uname,
        log,
        processes,
        mounts,
        modules
      }
    })
  })
