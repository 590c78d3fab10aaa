// Processes and threads, by the two ways that the kernel itself goes: the list of all processes from init_task on, and the
// table of process numbers. What is in one and not in the other was hidden, or is coming or going.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { type Kernel, listFrom, type Missing, requireMember, requireSymbol, structOf, symbolOf } from "./kernel.ts"
import { textOf } from "./memory.ts"
import { xarrayEntries } from "./xarray.ts"

export type Way = "list" | "numbers"

export interface Task {
  /** Of its task_struct. */
  readonly address: bigint
  readonly pid: number
  readonly tgid: number
  readonly parent: number | undefined
  readonly uid: number | undefined
  readonly comm: string
  readonly commBytes: Uint8Array
  readonly state: string
  readonly kernelThread: boolean
  /** Nanoseconds from the machine's start to its own. */
  readonly start: bigint | undefined
  /** Of its mm_struct; none for kernel threads and for those that are exiting. */
  readonly memory: bigint | undefined
  readonly foundBy: ReadonlyArray<Way>
  readonly missing: ReadonlyArray<Missing>
}

export interface Listed<A> {
  readonly elements: ReadonlyArray<A>
  readonly problems: ReadonlyArray<GuestDataError>
}

const WHAT = "the list of processes"
const PF_KTHREAD = 0x0020_0000
const COMM = 16

/** Letters of /proc/PID/stat, by the lowest bit that is set (fs/proc/array.c): 2^0 is S. */
const STATES = "SDTtXZPI"
const TASK_DEAD_STATES = 0x30
const TASK_NOLOAD = 0x400
/** TASK_FROZEN and TASK_RTLOCK_WAIT, which show as D. */
const SHOWN_AS_DISK = 0x8000 | 0x1000

const stateOf = (state: number, exit: number): string => {
  if ((exit & TASK_DEAD_STATES) === 0) {
    if ((state & 2) !== 0 && (state & TASK_NOLOAD) !== 0) return "I"
    if ((state & SHOWN_AS_DISK) !== 0) return "D"
  }
  // The highest bit wins, as the kernel's own fls() has it.
  const bits = (state | exit) & 0x7f
  return bits === 0 ? "R" : STATES[31 - Math.clz32(bits)]!
}

const layoutOf = (kernel: Kernel) =>
  structOf(
    kernel,
    WHAT,
    "task_struct",
    { pid: "pid", tgid: "tgid", comm: "comm", state: ["__state", "state"] },
    {
      exit: "exit_state",
      flags: "flags",
      parent: "real_parent",
      credentials: ["real_cred", "cred"],
      start: ["start_boottime", "real_start_time"],
      memory: "mm"
    }
  )

type Layout = Effect.Success<ReturnType<typeof layoutOf>>

/** Reads one task after the other; parents are looked up once. */
class TaskReader {
  private readonly kernel: Kernel
  private readonly layout: Layout
  private readonly uid: number | undefined
  private readonly groups = new Map<bigint, number>()
  constructor(kernel: Kernel, layout: Layout) {
    this.kernel = kernel
    this.layout = layout
    this.uid = kernel.types.member("cred", "uid")?.offset
  }

  read(address: bigint, foundBy: ReadonlyArray<Way>): Effect.Effect<Task, SourceError | GuestDataError> {
    return Effect.gen({ self: this }, function* () {
      const { memory } = this.kernel
      const values = yield* this.layout.read(memory, address)
      const missing = [...values.missing]
      const comm = values.bytes.get("comm")?.slice(0, COMM)
      const pid = values.number("pid")
      const tgid = values.number("tgid")
      if (pid === undefined || tgid === undefined || comm === undefined) {
        const why = `the task cannot be read: ${missing[0]?.reason ?? "its layout is not known"}`
        return yield* new GuestDataError({ structure: WHAT, address, why })
      }
      const pointer = (name: "parent" | "credentials"): bigint | undefined => values.get(name)
      const parentAt = pointer("parent")
      const parent = parentAt === undefined ? undefined : yield* this.group(parentAt, missing)
      const cred = pointer("credentials")
      const uid =
        cred === undefined || this.uid === undefined
          ? undefined
          : yield* this.orMissing("uid", missing, memory.u32(cred + BigInt(this.uid)))
      const mm = values.get("memory")
      const end = comm.indexOf(0)
      return {
        address,
        pid: pid | 0,
        tgid: tgid | 0,
        parent,
        uid,
        comm: textOf(comm),
        commBytes: end < 0 ? comm : comm.slice(0, end),
        state: stateOf(Number((values.get("state") ?? 0n) & 0xffffn), values.number("exit") ?? 0),
        kernelThread: ((values.number("flags") ?? 0) & PF_KTHREAD) !== 0,
        start: values.get("start"),
        memory: mm === 0n ? undefined : mm,
        foundBy,
        missing
      }
    })
  }

  private orMissing<A>(
    field: string,
    missing: Array<Missing>,
    effect: Effect.Effect<A, SourceError | { readonly _tag: "UnmappedAddress"; readonly message: string }>
  ) {
    return Effect.catchTag(effect, "UnmappedAddress", (error) =>
      Effect.sync(() => {
        missing.push({ field, reason: error.message })
        return undefined
      })
    )
  }

  /** The number of the process that a task belongs to. */
  private group(task: bigint, missing: Array<Missing>): Effect.Effect<number | undefined, SourceError> {
    const known = this.groups.get(task)
    if (known !== undefined) return Effect.succeed(known)
    const { offset } = this.layout.members.get("tgid")!
    return Effect.tap(this.orMissing("parent", missing, this.kernel.memory.u32(task + BigInt(offset))), (tgid) =>
      Effect.sync(() => {
        if (tgid !== undefined) this.groups.set(task, tgid)
      })
    )
  }
}

const readerOf = (kernel: Kernel) => Effect.map(layoutOf(kernel), (layout) => new TaskReader(kernel, layout))

/** Where all tasks stand that have a number, by the kernel's table of them (init_pid_ns.idr, since 4.15). */
const numbered = Effect.fnUntraced(function* (kernel: Kernel) {
  const namespace = symbolOf(kernel, "init_pid_ns")
  const root =
    kernel.types.member("pid_namespace", "idr.idr_rt.xa_head") ??
    kernel.types.member("pid_namespace", "idr.idr_rt.rnode")
  const tasks = kernel.types.member("pid", "tasks")
  const link = kernel.types.member("task_struct", "pid_links") ?? kernel.types.member("task_struct", "pids")
  if (namespace === undefined || root === undefined || tasks === undefined || link === undefined) return undefined
  const { memory } = kernel
  const found = yield* xarrayEntries(kernel, "the table of process numbers", namespace + BigInt(root.offset))
  const addresses = new Set<bigint>()
  const problems = [...found.problems]
  for (const pid of found.elements) {
    // The first of the lists in struct pid is of the task with that very number.
    const first = yield* Effect.catchTag(memory.word(pid + BigInt(tasks.offset)), "UnmappedAddress", (error) =>
      Effect.sync(() => {
        problems.push(
          new GuestDataError({ structure: "the table of process numbers", address: pid, why: error.message })
        )
        return 0n
      })
    )
    if (first !== 0n) addresses.add(memory.wrap(first - BigInt(link.offset)))
  }
  return { elements: addresses, problems }
})

/** Processes, without the idle ones. Those of the list come first, in its order. */
export const processes = Effect.fnUntraced(function* (kernel: Kernel) {
  const reader = yield* readerOf(kernel)
  const first = yield* requireSymbol(kernel, WHAT, "init_task")
  const { offset } = yield* requireMember(kernel, WHAT, "task_struct", "tasks")
  const list = yield* listFrom(kernel, WHAT, first + BigInt(offset), offset)
  const table = yield* numbered(kernel)
  const problems = [...(list.stopped === undefined ? [] : [list.stopped]), ...(table?.problems ?? [])]
  const inList = new Set(list.elements)
  const tasks: Array<Task> = []
  const add = Effect.fnUntraced(function* (address: bigint, foundBy: ReadonlyArray<Way>) {
    const task = yield* Effect.catchTag(reader.read(address, foundBy), "GuestDataError", (error) =>
      Effect.sync(() => void problems.push(error))
    )
    if (task !== undefined && task.pid !== 0 && (foundBy[0] === "list" || task.pid === task.tgid)) tasks.push(task)
    if (tasks.length % 256 === 0) yield* Effect.yieldNow
  })
  for (const address of inList)
    yield* add(address, table?.elements.has(address) === true ? ["list", "numbers"] : ["list"])
  for (const address of table?.elements ?? []) if (!inList.has(address)) yield* add(address, ["numbers"])
  return { elements: tasks, problems } satisfies Listed<Task>
})

/** All threads of a process, its first one too. */
export const threads = Effect.fnUntraced(function* (kernel: Kernel, task: Pick<Task, "address">) {
  const what = "the list of threads"
  const reader = yield* readerOf(kernel)
  const node = kernel.types.member("task_struct", "thread_node")
  const head = kernel.types.member("signal_struct", "thread_head")
  const signal = kernel.types.member("task_struct", "signal")
  let addresses: ReadonlyArray<bigint>
  let stopped: GuestDataError | undefined
  if (node !== undefined && head !== undefined && signal !== undefined) {
    const at = yield* Effect.catchTag(
      kernel.memory.word(task.address + BigInt(signal.offset)),
      "UnmappedAddress",
      (error) => new GuestDataError({ structure: what, address: task.address, why: error.message })
    )
    const list = yield* listFrom(kernel, what, at + BigInt(head.offset), node.offset)
    addresses = list.elements
    stopped = list.stopped
  } else {
    const group = yield* requireMember(kernel, what, "task_struct", "thread_group")
    const list = yield* listFrom(kernel, what, task.address + BigInt(group.offset), group.offset)
    addresses = [task.address, ...list.elements]
    stopped = list.stopped
  }
  const problems = stopped === undefined ? [] : [stopped]
  const elements: Array<Task> = []
  for (const address of addresses) {
    const thread = yield* Effect.catchTag(reader.read(address, ["list"]), "GuestDataError", (error) =>
      Effect.sync(() => void problems.push(error))
    )
    if (thread !== undefined) elements.push(thread)
  }
  return { elements, problems } satisfies Listed<Task>
})

/** For messages. */
export const describe = (task: Task): string => `process ${task.pid} (${task.comm}) at ${hex(task.address)}`
