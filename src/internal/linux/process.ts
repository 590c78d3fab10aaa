// A process's own memory: its address space, arguments, environment and program.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import type { Ready } from "../../MemoryMap.ts"
import { hex } from "../base/numbers.ts"
import { type Kernel, structOf } from "./kernel.ts"
import { Memory, type ReadError } from "./memory.ts"
import { Paths } from "./paths.ts"
import { lowerHalf, physicalOf, processMap, type Root } from "./space.ts"
import type { Task } from "./tasks.ts"

export interface Opened extends Kernel {
  readonly physical: Ready
  readonly root: Root
}

type Subject = Pick<Task, "pid" | "comm" | "memory" | "kernelThread">

/** Larger ones are cut: 32 pages, as many as the kernel took before 2.6.23 at all. */
const MOST_ARGUMENTS = 128 << 10
const PAGE = 4096n

const without = (task: Subject, what: string) =>
  new GuestDataError({
    structure: `${what} of process ${task.pid} (${task.comm})`,
    why: task.kernelThread ? "it is a thread of the kernel and has no memory of its own" : "it has given up its memory"
  })

const rootOf = Effect.fnUntraced(function* (kernel: Opened, task: Subject) {
  const what = "the address space"
  if (task.memory === undefined) return yield* without(task, what)
  const layout = yield* structOf(kernel, what, "mm_struct", { pgd: "pgd" })
  const values = yield* layout.read(kernel.memory, task.memory)
  const pgd = values.get("pgd")
  if (pgd === undefined) {
    return yield* new GuestDataError({
      structure: what,
      address: task.memory,
      why: values.missing[0]?.reason ?? "no root"
    })
  }
  return { format: kernel.root.format, address: yield* physicalOf(kernel.physical, kernel.root, pgd) }
})

/** The tables that a process runs with; of a thread of the kernel, the kernel's own. */
export const tables = Effect.fnUntraced(function* (kernel: Opened, task: Subject) {
  if (task.memory === undefined && task.kernelThread) return kernel.root
  const { address, format } = yield* rootOf(kernel, task)
  return { format: lowerHalf(format), address }
})

/** What the process sees below the kernel; of a thread of the kernel, the kernel's own space. */
export const addressSpace = Effect.fnUntraced(function* (
  kernel: Opened,
  task: Subject
): Effect.fn.Return<Ready, ReadError | GuestDataError> {
  if (task.memory === undefined && task.kernelThread) return kernel.memory.map
  return yield* processMap(kernel.physical, yield* rootOf(kernel, task))
})

const bounds = { arguments: ["arg_start", "arg_end"], environment: ["env_start", "env_end"] } as const

/** Texts that end in NULs, from the top of the stack of a process. What is not there any more is no empty list. */
export const texts = Effect.fnUntraced(function* (kernel: Opened, task: Subject, which: keyof typeof bounds) {
  const what = which === "arguments" ? "the command line" : "the environment"
  if (task.memory === undefined) return yield* without(task, what)
  const [from, to] = bounds[which]
  const layout = yield* structOf(kernel, what, "mm_struct", { start: from, end: to })
  const values = yield* layout.read(kernel.memory, task.memory)
  const [start, end] = [values.get("start"), values.get("end")]
  if (start === undefined || end === undefined) {
    return yield* new GuestDataError({
      structure: what,
      address: task.memory,
      why: values.missing[0]?.reason ?? "no bounds"
    })
  }
  if (end < start || end > 1n << 63n) {
    const why = `it claims to reach from ${hex(start)} to ${hex(end)}`
    return yield* new GuestDataError({ structure: what, address: task.memory, why })
  }
  if (end === start) return new Uint8Array(0)
  const last = end - start > BigInt(MOST_ARGUMENTS) ? start + BigInt(MOST_ARGUMENTS) : end
  const range = { start: start & -PAGE, end: (last + PAGE - 1n) & -PAGE }
  const map = yield* processMap(kernel.physical, yield* rootOf(kernel, task), range)
  return yield* new Memory(map, kernel.memory.words).bytes(start, Number(last - start))
})

/** The path of the program; `undefined` where there is none, in threads of the kernel. */
export const executable = Effect.fnUntraced(function* (
  kernel: Opened,
  task: Subject
): Effect.fn.Return<string | undefined, GuestDataError | SourceError> {
  if (task.memory === undefined) return undefined
  const layout = yield* structOf(kernel, "the program of a process", "mm_struct", { file: "exe_file" })
  const file = (yield* layout.read(kernel.memory, task.memory)).get("file")
  if (file === undefined || file === 0n) return undefined
  const paths = yield* Paths.make(kernel)
  return yield* paths.ofFile(file)
})
