/**
 * The Linux kernel of a guest, found in the memory of its machine: its version, its log, its processes and their memory. No
 * debug information is needed, and no symbol file for the exact build: what is needed is in the memory itself.
 *
 * ```text
 * physical memory -> VMCOREINFO -> page tables -> the kernel's address space -> symbols (kallsyms) -> types (BTF) -> all the rest
 * ```
 *
 * Where a step's best way is missing, others are tried. From VMCOREINFO alone {@link uname} and {@link log} work; the rest needs
 * symbols and types, which kernels of 5.2 and later carry with them (CONFIG_KALLSYMS_ALL, CONFIG_DEBUG_INFO_BTF; every large
 * distribution sets both). x86-64 with 4 and 5 levels of page tables is tested on real guests.
 *
 * All that is read is a guest's, and may be wrong by accident or on purpose: lists and trees are bounded and checked for loops.
 * Streams give what can be read; where something could not be, they fail at the end and say why.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Address, AddressRange } from "../AddressRange.ts"
import type { FileMapper } from "../FileMapper.ts"
import { areas as readAreas } from "../internal/linux/areas.ts"
import type { BtfImpl } from "../internal/linux/btf/btf.ts"
import { read as readLog } from "../internal/linux/log/log.ts"
import type { Machine as KnownMachine } from "../internal/linux/machine.ts"
import { textOf } from "../internal/linux/memory.ts"
import { moduleTypes as readTypes, modules as readModules } from "../internal/linux/modules.ts"
import { mounts as readMounts } from "../internal/linux/mounts.ts"
import { open as openKernel, type Result } from "../internal/linux/open.ts"
import { addressSpace as spaceOf, executable as executableOf, tables, texts } from "../internal/linux/process.ts"
import { type Listed, processes, threads as readThreads } from "../internal/linux/tasks.ts"
import { uname as readUname } from "../internal/linux/uname.ts"
import type { Permissions } from "../Mapping.ts"
import * as MemoryImage from "../MemoryImage.ts"
import * as MemoryMap from "../MemoryMap.ts"
import {
  GuestDataError,
  type ImageError,
  KernelNotFound,
  type SourceError,
  type UnmappedAddress
} from "../MemoryMapError.ts"
import type { Root } from "../PageTable.ts"
import type { Btf } from "./Btf.ts"
import type { Symbols } from "./Symbols.ts"
import * as VmcoreInfo from "./VmcoreInfo.ts"

/**
 * Machines whose kernels are found.
 *
 * @category models
 * @since 0.1.0
 */
export type Machine = KnownMachine

/**
 * A kernel. `physical` is the memory that it was found in, `map` its own address space, `vmcoreInfo`, `symbols` and `types`
 * what was found of each, and `how` tells, for people, by which way each was found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kernel {
  readonly release: string
  readonly machine: Machine
  readonly physical: MemoryMap.Ready
  readonly map: MemoryMap.Ready
  readonly vmcoreInfo: VmcoreInfo.VmcoreInfo | undefined
  readonly symbols: Symbols | undefined
  readonly types: Btf | undefined
  readonly how: ReadonlyArray<string>
}

/**
 * What is known already. `vmcoreInfo` is looked for in memory otherwise; `btf` is for kernels that have none in memory, and
 * `root` is the physical address of the kernel's first page table, for when neither VMCOREINFO nor symbols lead to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly vmcoreInfo?: VmcoreInfo.VmcoreInfo | undefined
  readonly btf?: Btf | undefined
  readonly root?: Address | undefined
}

/**
 * What uname(2) says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uname {
  readonly sysname: string
  readonly nodename: string
  readonly release: string
  readonly version: string
  readonly machine: string
  readonly domainname: string
}

/**
 * A record of the log. `nanoseconds` count from the machine's start; `level` is 0 (emergency) to 7 (debug), `facility` that of
 * syslog(3), 0 for the kernel. `caller` is the task or processor that wrote it, where the kernel notes that down. `text` may have
 * several lines; `bytes` is the same as it stands in memory. `lost` counts the records that should come before and are not, or
 * no longer, in memory.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogRecord {
  readonly sequence: bigint
  readonly nanoseconds: bigint
  readonly level: number
  readonly facility: number
  readonly caller: { readonly _tag: "Task" | "Cpu"; readonly number: number } | undefined
  readonly text: string
  readonly bytes: Uint8Array
  readonly lost: bigint
}

/**
 * A process or thread. `address` is that of its task_struct, `parent` the process (tgid) that it belongs under, `uid` its real
 * user, `comm` its name of at most 15 bytes, `state` the letter of /proc/PID/stat, `start` nanoseconds from the machine's start
 * to its own, and `memory` the address of its mm_struct, if it has memory of its own.
 *
 * `foundBy` says where it was met: in the list of processes, in the table of process numbers, or in both, as it should be.
 * `missing` lists what could not be read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Task {
  readonly address: Address
  readonly pid: number
  readonly tgid: number
  readonly parent: number | undefined
  readonly uid: number | undefined
  readonly comm: string
  readonly commBytes: Uint8Array
  readonly state: string
  readonly kernelThread: boolean
  readonly start: bigint | undefined
  readonly memory: Address | undefined
  readonly foundBy: ReadonlyArray<"list" | "numbers">
  readonly missing: ReadonlyArray<{ readonly field: string; readonly reason: string }>
}

/**
 * A loaded module. `address` is where its code begins and `size` what /proc/modules says, in bytes; `structure` is the address
 * of its struct module.
 *
 * @category models
 * @since 0.1.0
 */
export interface KernelModule {
  readonly name: string
  readonly address: Address
  readonly size: bigint
  readonly state: "live" | "coming" | "going" | "unformed"
  readonly structure: Address
}

/**
 * A mounted file system. `options` are the mount's own, those with which the line of /proc/mounts begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mount {
  readonly device: string
  readonly path: string
  readonly type: string
  readonly options: ReadonlyArray<string>
}

/**
 * A part of a process's address space, a line of /proc/PID/maps. `shared`: what is written reaches the file, or others.
 * `offset` is where it begins in the file of that `path`, in bytes; other paths are names in brackets, as `[heap]`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Area {
  readonly range: AddressRange
  readonly permissions: Permissions
  readonly shared: boolean
  readonly offset: bigint
  readonly path: string | undefined
}

/**
 * A kernel as a service.
 *
 * @category services
 * @since 0.1.0
 */
export class LinuxKernel extends Context.Service<LinuxKernel, Kernel>()("effect-memory-map/linux/LinuxKernel") {}

/** The class behind every {@link Kernel}. */
class KernelImpl extends Inspectable.Class implements Kernel {
  readonly result: Result
  readonly vmcoreInfo: VmcoreInfo.VmcoreInfo | undefined
  constructor(result: Result) {
    super()
    this.result = result
    this.vmcoreInfo = result.hasInfo ? VmcoreInfo.fromValues(result.values) : undefined
  }
  toJSON(): unknown {
    return { _id: "LinuxKernel", release: this.release, machine: this.machine, how: this.how }
  }
  get release(): string {
    return this.result.release
  }
  get machine(): Machine {
    return this.result.machine
  }
  get physical(): MemoryMap.Ready {
    return this.result.physical
  }
  get map(): MemoryMap.Ready {
    return this.result.memory.map
  }
  get symbols(): Symbols | undefined {
    return this.result.symbols
  }
  get types(): Btf | undefined {
    return this.result.btf
  }
  get how(): ReadonlyArray<string> {
    return this.result.how
  }
}

const inside = (kernel: Kernel): Result => (kernel as KernelImpl).result

/**
 * Finds the kernel in the physical memory of a machine.
 *
 * Fails with `KernelNotFound`, which lists every way that was tried, and why it led nowhere.
 *
 * **Example** (The version and the processes of a guest)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { LinuxKernel } from "effect-memory-map/linux"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make({ era: "6.12", hostname: "db7" })
 *   const kernel = yield* LinuxKernel.open(guest.physical)
 *   const { nodename, release } = yield* LinuxKernel.uname(kernel)
 *   const names = yield* LinuxKernel.tasks(kernel).pipe(Stream.map((task) => task.comm), Stream.take(2), Stream.runCollect)
 *   return { nodename, release, names }
 * })
 * Effect.runSync(program) // => { nodename: "db7", release: "6.12.0-guest", names: ["init", "kthreadd"] }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn("LinuxKernel.open")(function* (
  physical: MemoryMap.Ready,
  options: OpenOptions = {}
): Effect.fn.Return<Kernel, KernelNotFound | SourceError> {
  const result = yield* openKernel(physical, {
    values: options.vmcoreInfo?.values,
    types: options.btf as BtfImpl | undefined,
    root: options.root
  })
  return new KernelImpl(result)
})

/**
 * Finds the kernel in an image: a dump in any format, with physical addresses. What the image's notes say is used.
 *
 * Fails like {@link open}, also with `KernelNotFound` when the image does not say the word size and byte order of its machine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromImage = Effect.fnUntraced(function* (
  image: MemoryImage.MemoryImage,
  options: OpenOptions = {}
): Effect.fn.Return<Kernel, KernelNotFound | SourceError> {
  const sized = MemoryMap.requireWordSize(image.map)
  const ready = yield* Effect.mapError(Effect.flatMap(sized, MemoryMap.requireEndian), (error) => {
    const tried = [{ what: `the image, ${image.format}`, why: error.message }]
    return new KernelNotFound({ sought: "a Linux kernel", tried })
  })
  const vmcoreInfo = options.vmcoreInfo ?? Option.getOrUndefined(VmcoreInfo.fromImage(image))
  return yield* open(ready, { ...options, vmcoreInfo })
})

/**
 * The kernel of an image as a service, for as long as the layer lives. The image is opened with physical addresses.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  path: string,
  options?: OpenOptions
): Layer.Layer<LinuxKernel, KernelNotFound | ImageError | SourceError | PlatformError, FileMapper> =>
  Layer.effect(
    LinuxKernel,
    Effect.flatMap(MemoryImage.open(path, { addresses: "physical" }), (image) => fromImage(image, options))
  )

/**
 * The kernel in a physical memory as a service: that of a synthetic guest in tests (`testing/Guest`), or of memory that comes
 * from elsewhere.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMap = (
  physical: MemoryMap.Ready,
  options?: OpenOptions
): Layer.Layer<LinuxKernel, KernelNotFound | SourceError> => Layer.effect(LinuxKernel, open(physical, options))

type ReadError = GuestDataError | SourceError | UnmappedAddress

/** Elements, and then the failure to get at the others. */
const streamOf = <A>(listed: Effect.Effect<Listed<A>, ReadError>): Stream.Stream<A, ReadError> =>
  Stream.unwrap(
    Effect.map(listed, ({ elements, problems }) => {
      const [first] = problems
      if (first === undefined) return Stream.fromIterable(elements)
      const more = problems.length > 1 ? `; and ${problems.length - 1} more such problems` : ""
      const { address, structure, why } = first
      const error = new GuestDataError({
        structure,
        why: `${why}${more}`,
        ...(address === undefined ? {} : { address })
      })
      return Stream.concat(Stream.fromIterable(elements), Stream.fail(error))
    })
  )

/**
 * The kernel's name, version and machine. Needs VMCOREINFO or symbols.
 *
 * @category reading
 * @since 0.1.0
 */
export const uname = (kernel: Kernel): Effect.Effect<Uname, ReadError> => readUname(inside(kernel))

/**
 * The kernel's log, from the oldest record to the newest: the ring of 5.10 and later, or the buffer of 3.5 to 5.9. Needs
 * VMCOREINFO, or symbols and types.
 *
 * @category reading
 * @since 0.1.0
 */
export const log = (kernel: Kernel): Stream.Stream<LogRecord, GuestDataError | SourceError> => readLog(inside(kernel))

/**
 * All processes, threads of the kernel too, but none of the idle ones (pid 0). First those of the list of processes, in its
 * order, then those that only the table of process numbers has: something hides them, or they are coming or going.
 *
 * @category reading
 * @since 0.1.0
 */
export const tasks = (kernel: Kernel): Stream.Stream<Task, ReadError> => streamOf(processes(inside(kernel)))

/**
 * The process of that number; fails with `GuestDataError` when there is none.
 *
 * @category reading
 * @since 0.1.0
 */
export const task: {
  (pid: number): (kernel: Kernel) => Effect.Effect<Task, ReadError>
  (kernel: Kernel, pid: number): Effect.Effect<Task, ReadError>
} = dual(2, (kernel: Kernel, pid: number) =>
  Effect.flatMap(processes(inside(kernel)), ({ elements }) => {
    const found = elements.find((task) => task.pid === pid)
    return found === undefined
      ? Effect.fail(new GuestDataError({ structure: "the list of processes", why: `no process has the number ${pid}` }))
      : Effect.succeed<Task>(found)
  })
)

/**
 * All threads of a process, with its first one.
 *
 * @category reading
 * @since 0.1.0
 */
export const threads: {
  (task: Task): (kernel: Kernel) => Stream.Stream<Task, ReadError>
  (kernel: Kernel, task: Task): Stream.Stream<Task, ReadError>
} = dual(2, (kernel: Kernel, task: Task) => streamOf(readThreads(inside(kernel), task)))

/**
 * The loaded modules, the last one first.
 *
 * @category reading
 * @since 0.1.0
 */
export const modules = (kernel: Kernel): Stream.Stream<KernelModule, ReadError> => streamOf(readModules(inside(kernel)))

/**
 * The types that a module brings along, with those of the kernel, on which they build; since Linux 5.11.
 *
 * Fails with `GuestDataError` when the module has none, when the kernel's are not known, and when the kernel lists functions
 * only among its symbols.
 *
 * @category reading
 * @since 0.1.0
 */
export const moduleTypes: {
  (module: KernelModule): (kernel: Kernel) => Effect.Effect<Btf, ReadError>
  (kernel: Kernel, module: KernelModule): Effect.Effect<Btf, ReadError>
} = dual(2, (kernel: Kernel, module: KernelModule): Effect.Effect<Btf, ReadError> => {
  const { btf } = inside(kernel)
  return btf === undefined
    ? Effect.fail(new GuestDataError({ structure: "the types of a module", why: "those of the kernel are not known" }))
    : readTypes(inside(kernel), module, btf)
})

/**
 * What is mounted, as a process sees it: without one, the process of number 1.
 *
 * @category reading
 * @since 0.1.0
 */
export const mounts: {
  (kernel: Kernel): Stream.Stream<Mount, ReadError>
  (kernel: Kernel, task: Task): Stream.Stream<Mount, ReadError>
} = (kernel: Kernel, ofTask?: Task) => {
  const subject = ofTask === undefined ? task(kernel, 1) : Effect.succeed(ofTask)
  return streamOf(Effect.flatMap(subject, ({ address }) => readMounts(inside(kernel), address)))
}

/**
 * The areas of a process's memory, ascending: the list of kernels before 6.1, the tree of later ones.
 *
 * @category reading
 * @since 0.1.0
 */
export const areas: {
  (task: Task): (kernel: Kernel) => Stream.Stream<Area, ReadError>
  (kernel: Kernel, task: Task): Stream.Stream<Area, ReadError>
} = dual(2, (kernel: Kernel, task: Task) =>
  task.memory === undefined ? Stream.empty : streamOf(readAreas(inside(kernel), task.memory))
)

/**
 * What a process sees below the kernel, as a map: search it, save it, compare it. Pages that are swapped out or not in the image
 * are holes that say so. Of a thread of the kernel it is the kernel's own space.
 *
 * @category reading
 * @since 0.1.0
 */
export const addressSpace: {
  (task: Task): (kernel: Kernel) => Effect.Effect<MemoryMap.Ready, ReadError>
  (kernel: Kernel, task: Task): Effect.Effect<MemoryMap.Ready, ReadError>
} = dual(2, (kernel: Kernel, task: Task) => spaceOf(inside(kernel), task))

/**
 * The page tables of the kernel, or of a process: their format, and the physical address of the first. For
 * `AddressSpace.translate` through them, with the kernel's `physical`. On AArch64 those of a process have its own half alone.
 *
 * Fails with `GuestDataError` where a process has given up its memory.
 *
 * **Example** (Where a variable of the kernel lies in physical memory)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { AddressSpace } from "effect-memory-map"
 * import { LinuxKernel, Symbols } from "effect-memory-map/linux"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make()
 *   const kernel = yield* LinuxKernel.open(guest.physical)
 *   const { format, root } = yield* LinuxKernel.pageTables(kernel)
 *   const address = yield* Effect.fromOption(Symbols.address(kernel.symbols!, "init_task"))
 *   const { entries, pageSize } = yield* AddressSpace.translate(kernel.physical, format, root, address)
 *   return { root: root === guest.root, pageSize, entries: entries.length }
 * })
 * Effect.runSync(program) // => { root: true, pageSize: 0x20_0000n, entries: 4 }
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const pageTables: {
  (kernel: Kernel): Effect.Effect<Root, ReadError>
  (kernel: Kernel, task: Task): Effect.Effect<Root, ReadError>
} = (kernel: Kernel, task?: Task): Effect.Effect<Root, ReadError> => {
  const { root } = inside(kernel)
  const found = task === undefined ? Effect.succeed(root) : tables(inside(kernel), task)
  return Effect.map(found, ({ address, format }) => ({ format, root: address }))
}

/** Texts up to their NULs; what follows the last NUL is one more, unless it is nothing. */
const splitTexts = (bytes: Uint8Array): ReadonlyArray<string> => {
  const list: Array<string> = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at)
    list.push(textOf(bytes.subarray(at, end < 0 ? bytes.length : end)))
    at = end < 0 ? bytes.length : end + 1
  }
  return list
}

const textsOf = (kernel: Kernel, task: Task, which: "arguments" | "environment") =>
  task.kernelThread && task.memory === undefined
    ? Effect.succeed([])
    : Effect.map(texts(inside(kernel), task, which), splitTexts)

/**
 * The arguments of a process, from its own memory, 128 KiB of them at most; none for threads of the kernel. Fails with
 * `UnmappedAddress` when their page was swapped out or left out of the image, and with `GuestDataError` for a process
 * that has given up its memory.
 *
 * @category reading
 * @since 0.1.0
 */
export const commandLine: {
  (task: Task): (kernel: Kernel) => Effect.Effect<ReadonlyArray<string>, ReadError>
  (kernel: Kernel, task: Task): Effect.Effect<ReadonlyArray<string>, ReadError>
} = dual(2, (kernel: Kernel, task: Task) => textsOf(kernel, task, "arguments"))

/**
 * The environment that a process was started with, `NAME=value`; see {@link commandLine}.
 *
 * @category reading
 * @since 0.1.0
 */
export const environment: {
  (task: Task): (kernel: Kernel) => Effect.Effect<ReadonlyArray<string>, ReadError>
  (kernel: Kernel, task: Task): Effect.Effect<ReadonlyArray<string>, ReadError>
} = dual(2, (kernel: Kernel, task: Task) => textsOf(kernel, task, "environment"))

/**
 * The path of a process's program, with ` (deleted)` behind it if the file is gone; `None` for threads of the kernel.
 *
 * @category reading
 * @since 0.1.0
 */
export const executable: {
  (task: Task): (kernel: Kernel) => Effect.Effect<Option.Option<string>, ReadError>
  (kernel: Kernel, task: Task): Effect.Effect<Option.Option<string>, ReadError>
} = dual(2, (kernel: Kernel, task: Task) => Effect.map(executableOf(inside(kernel), task), Option.fromUndefinedOr))
