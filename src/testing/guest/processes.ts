// Processes and threads, their memory, and the table of their numbers.
import type { Builder } from "./builder.ts"
import type { Files } from "./files.ts"

export interface AreaSpec {
  readonly start: bigint
  readonly end: bigint
  /** `r-xp`, as /proc/PID/maps has it. */
  readonly permissions: string
  readonly path?: string
  readonly offset?: bigint
}

export interface ProcessSpec {
  readonly pid: number
  readonly comm: string
  readonly parent?: number
  readonly uid?: number
  /** One letter, as in /proc/PID/stat; `S` without. */
  readonly state?: string
  /** Without it, the process is a thread of the kernel. */
  readonly command?: ReadonlyArray<string>
  readonly environment?: ReadonlyArray<string>
  readonly executable?: string
  readonly areas?: ReadonlyArray<AreaSpec>
  /** Further threads, by number and name. */
  readonly threads?: ReadonlyArray<{ readonly pid: number; readonly comm: string }>
  /** Taken out of the list of processes, as by a root kit; the table of numbers still has it. */
  readonly hidden?: boolean
}

/** Where the stack of every process ends. */
export const STACK_TOP = 0x7fff_f000_0000n
const PF_KTHREAD = 0x0020_0000
const STATES: Readonly<Record<string, readonly [state: number, exit: number]>> = {
  R: [0, 0],
  S: [1, 0],
  D: [2, 0],
  I: [0x402, 0],
  T: [4, 0],
  Z: [0x80, 0x20]
}

interface Made {
  readonly pid: number
  readonly task: bigint
}

class Processes {
  private readonly b: Builder
  private readonly files: Files
  private readonly tasks = new Map<number, bigint>()
  private readonly all: Array<Made> = []

  constructor(b: Builder, files: Files, specs: ReadonlyArray<ProcessSpec>) {
    this.b = b
    this.files = files
    const first = this.task(0, 0, "swapper/0", { pid: 0, comm: "swapper/0", state: "R" }, undefined)
    b.symbol("init_task", first)
    for (const spec of specs) this.add(spec)
    const shown = specs.filter(({ hidden }) => hidden !== true).map(({ pid }) => this.links(this.tasks.get(pid)!))
    b.link(this.links(first), b.image(this.links(first)), shown)
    this.numbers()
  }

  private links(task: bigint): bigint {
    return this.b.member(task, "task_struct", "tasks")
  }

  private task(pid: number, tgid: number, comm: string, spec: ProcessSpec, mm: bigint | undefined): bigint {
    const { b } = this
    const task = b.make("task_struct", 64)
    const [state, exit] = STATES[spec.state ?? "S"] ?? [1, 0]
    const first = this.tasks.get(0) ?? task
    const parent = this.tasks.get(spec.parent ?? 0) ?? first
    const cred = b.make("cred")
    b.set(cred, "cred", { "uid.val": spec.uid ?? 0 })
    b.set(task, "task_struct", {
      [b.era.state]: state,
      exit_state: exit,
      flags: spec.command === undefined ? PF_KTHREAD : 0x40_0000,
      mm: mm === undefined ? 0 : b.direct(mm),
      pid,
      tgid,
      real_parent: parent === first ? b.image(parent) : b.direct(parent),
      real_cred: b.direct(cred),
      cred: b.direct(cred),
      [b.era.numbers === "none" ? "real_start_time" : "start_boottime"]: BigInt(pid) * 10_000_000n,
      nsproxy: b.direct(this.files.proxy)
    })
    b.setText(task, "task_struct", "comm", comm)
    if (!this.tasks.has(pid)) this.tasks.set(pid, task)
    if (pid !== 0) this.all.push({ pid, task })
    return task
  }

  private add(spec: ProcessSpec): void {
    const { b } = this
    const mm = spec.command === undefined || spec.state === "Z" ? undefined : this.memory(spec)
    const leader = this.task(spec.pid, spec.pid, spec.comm, spec, mm)
    const threads = (spec.threads ?? []).map(({ comm, pid }) => this.task(pid, spec.pid, comm, spec, mm))
    const signal = b.make("signal_struct")
    for (const task of [leader, ...threads])
      b.set(task, "task_struct", { signal: b.direct(signal), group_leader: b.direct(leader) })
    if (b.era.threads === "node") {
      const head = b.member(signal, "signal_struct", "thread_head")
      b.link(
        head,
        b.direct(head),
        [leader, ...threads].map((task) => b.member(task, "task_struct", "thread_node"))
      )
    } else {
      const [head, ...rest] = [leader, ...threads].map((task) => b.member(task, "task_struct", "thread_group"))
      b.link(head!, b.direct(head!), rest)
    }
  }

  /** A process's own memory: one page of arguments and environment on its stack, and areas. */
  private memory(spec: ProcessSpec): bigint {
    const { b } = this
    const root = b.makeRoot()
    const page = b.arena.allocate(4096, 4096)
    b.map(root, STACK_TOP - 4096n, page, { user: true, write: true })
    const text = (list: ReadonlyArray<string>) => new TextEncoder().encode(list.map((word) => `${word}\0`).join(""))
    const [command, environment] = [text(spec.command ?? []), text(spec.environment ?? [])]
    b.arena.put(page + 256n, command)
    b.arena.put(page + 256n + BigInt(command.length), environment)
    const argStart = STACK_TOP - 4096n + 256n
    const argEnd = argStart + BigInt(command.length)
    const mm = b.make("mm_struct", 64)
    b.set(mm, "mm_struct", {
      pgd: b.direct(root),
      start_brk: 0x60_0000,
      brk: 0x62_1000,
      start_stack: argStart,
      arg_start: argStart,
      arg_end: argEnd,
      env_start: argEnd,
      env_end: argEnd + BigInt(environment.length),
      exe_file: spec.executable === undefined ? 0 : this.files.open(spec.executable)
    })
    for (const area of spec.areas ?? []) {
      if (area.start < STACK_TOP && area.end >= STACK_TOP) continue // its page is there already
      const content = b.arena.allocate(4096, 4096)
      b.arena.text(content, `the area at ${area.start.toString(16)} of ${spec.comm}`)
      b.map(root, area.start, content, {
        user: true,
        write: area.permissions.includes("w"),
        execute: area.permissions.includes("x")
      })
    }
    this.areas(mm, spec.areas ?? [])
    return mm
  }

  private areas(mm: bigint, specs: ReadonlyArray<AreaSpec>): void {
    const { b } = this
    const made = specs.map(({ end, offset = 0n, path, permissions, start }) => {
      const area = b.make("vm_area_struct", 64)
      const has = (letter: string, bit: number): number => (permissions.includes(letter) ? bit : 0)
      b.set(area, "vm_area_struct", {
        vm_start: start,
        vm_end: end,
        vm_mm: b.direct(mm),
        vm_flags: has("r", 1) | has("w", 2) | has("x", 4) | has("s", 0x88),
        vm_pgoff: offset >> 12n,
        vm_file: path?.startsWith("/") === true ? this.files.open(path) : 0
      })
      return { start, end, area }
    })
    if (b.era.areas === "list") {
      made.forEach(({ area }, i) => {
        const next = made[i + 1]?.area
        b.set(area, "vm_area_struct", { vm_next: next === undefined ? 0 : b.direct(next) })
      })
      b.set(mm, "mm_struct", { mmap: made[0] === undefined ? 0 : b.direct(made[0].area) })
    } else b.set(mm, "mm_struct", { "mm_mt.ma_root": this.tree(made) })
  }

  /** A tree of two levels at most: leaves of six areas and the gaps between them. */
  private tree(areas: ReadonlyArray<{ readonly start: bigint; readonly end: bigint; readonly area: bigint }>): bigint {
    const { b } = this
    const most = (1n << 64n) - 1n
    const ranges: Array<{ readonly last: bigint; readonly value: bigint }> = []
    for (const { area, end, start } of areas) {
      const before = ranges.at(-1)?.last ?? -1n
      if (start > before + 1n) ranges.push({ last: start - 1n, value: 0n })
      ranges.push({ last: end - 1n, value: b.direct(area) })
    }
    ranges.push({ last: most, value: 0n })
    const leaves: Array<{ readonly last: bigint; readonly entry: bigint }> = []
    for (let i = 0; i < ranges.length; i += 12) {
      const part = ranges.slice(i, i + 12)
      const node = b.make("maple_range_64", 256)
      part.forEach(({ last, value }, j) => {
        b.set(node, "maple_range_64", { [`slot[${j}]`]: value })
        if (j < part.length - 1 || j === 0) b.set(node, "maple_range_64", { [`pivot[${j}]`]: last })
      })
      leaves.push({ last: part.at(-1)!.last, entry: b.direct(node) | (1n << 3n) | 4n })
    }
    if (leaves.length === 1) return leaves[0]!.entry | 2n
    if (leaves.length > 10) throw new RangeError("a process of this guest has at most 50 areas")
    const node = b.make("maple_arange_64", 256)
    leaves.forEach(({ entry, last }, j) => {
      b.set(node, "maple_arange_64", { [`slot[${j}]`]: entry })
      if (j < leaves.length - 1) b.set(node, "maple_arange_64", { [`pivot[${j}]`]: last })
    })
    return b.direct(node) | (3n << 3n) | 6n
  }

  /** The table of numbers: two levels of 64, which is 4096 numbers. */
  private numbers(): void {
    const { b } = this
    if (b.era.numbers === "none") return
    const [type, mark] = b.era.numbers === "radix" ? (["radix_tree_node", 1n] as const) : (["xa_node", 2n] as const)
    const top = b.make(type, 64)
    b.set(top, type, { shift: 6 })
    const below = new Map<number, bigint>()
    for (const { pid, task } of this.all) {
      const group = pid >> 6
      const node = below.get(group) ?? b.make(type, 64)
      below.set(group, node)
      const structure = b.make("pid")
      b.set(structure, "pid", { "tasks[0]": b.direct(b.member(task, "task_struct", "pid_links[0]")) })
      b.set(node, type, { [`slots[${pid & 63}]`]: b.direct(structure) })
    }
    for (const [group, node] of below) b.set(top, type, { [`slots[${group}]`]: b.direct(node) | mark })
    const namespace = b.make("pid_namespace")
    const head = b.era.numbers === "radix" ? "idr.idr_rt.rnode" : "idr.idr_rt.xa_head"
    b.set(namespace, "pid_namespace", { [head]: b.direct(top) | mark })
    b.set(this.files.proxy, "nsproxy", { pid_ns_for_children: b.symbol("init_pid_ns", namespace) })
  }
}

export const writeProcesses = (b: Builder, files: Files, specs: ReadonlyArray<ProcessSpec>): void =>
  void new Processes(b, files, specs)
