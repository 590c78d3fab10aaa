// The areas of a process's memory, as /proc/PID/maps lists them (fs/proc/task_mmu.c).
import * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import type { Permissions } from "../../Mapping.ts"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { type Kernel, MOST_ELEMENTS, structOf, symbolOf } from "./kernel.ts"
import { mapleEntries } from "./maple.ts"
import { Paths } from "./paths.ts"
import type { Listed } from "./tasks.ts"

export interface Area {
  readonly range: AddressRange
  readonly permissions: Permissions
  /** Whether writes reach the file, or others that have mapped the same. */
  readonly shared: boolean
  /** Where in the file it begins, in bytes; 0 without a file. */
  readonly offset: bigint
  /** The file's path, or a name in brackets; `undefined` for plain memory. */
  readonly path: string | undefined
}

const WHAT = "the areas of a process"
const MOST_NAME = 256

/** vm_flags (include/linux/mm.h). What may become shared is what was mapped shared. */
const [READ, WRITE, EXECUTE, MAYSHARE] = [1n, 2n, 4n, 0x80n]

const areaLayout = (kernel: Kernel) =>
  structOf(
    kernel,
    WHAT,
    "vm_area_struct",
    { start: "vm_start", end: "vm_end", flags: "vm_flags", page: "vm_pgoff", file: "vm_file" },
    { next: "vm_next", operations: "vm_ops", private: "vm_private_data" }
  )

const memoryLayout = (kernel: Kernel) =>
  structOf(
    kernel,
    WHAT,
    "mm_struct",
    {},
    { tree: "mm_mt.ma_root", first: "mmap", brk: "brk", heap: "start_brk", stack: "start_stack", vdso: "context.vdso" }
  )

/** Of each area, its vm_area_struct, and what the tree says of its place. */
const areasOf = Effect.fnUntraced(function* (kernel: Kernel, mm: bigint) {
  const layout = yield* memoryLayout(kernel)
  const tree = layout.members.get("tree")
  if (tree !== undefined) return yield* mapleEntries(kernel, WHAT, mm + BigInt(tree.offset))
  const first = layout.members.get("first")
  const next = (yield* areaLayout(kernel)).members.get("next")
  if (first === undefined || next === undefined) {
    return yield* new GuestDataError({
      structure: WHAT,
      why: "neither a list nor a tree of areas is in this kernel's mm_struct"
    })
  }
  const { memory } = kernel
  const elements: Array<{ readonly first?: bigint; readonly value: bigint }> = []
  const seen = new Set<bigint>()
  const stop = (address: bigint, why: string) => ({
    elements,
    problems: [new GuestDataError({ structure: WHAT, address, why: `${why}, after ${elements.length} areas` })]
  })
  let at = mm + BigInt(first.offset)
  for (;;) {
    const value = yield* Effect.catchTag(memory.word(at), "UnmappedAddress", (error) => Effect.succeed(error.message))
    if (typeof value === "string") return stop(at, value)
    if (value === 0n) return { elements, problems: [] }
    if (seen.has(value)) return stop(value, "the list leads back to this area")
    if (seen.size >= MOST_ELEMENTS / 16) return stop(value, "the list is longer than any")
    seen.add(value)
    elements.push({ value })
    at = value + BigInt(next.offset)
  }
})

type Values = Effect.Success<ReturnType<Effect.Success<ReturnType<typeof areaLayout>>["read"]>>

/** Memory that the kernel lends to every process, with a name of its own: known by its operations, or by one of them. */
const isSpecial = Effect.fnUntraced(function* (kernel: Kernel, values: Values) {
  const operations = values.get("operations")
  if (operations === undefined || operations === 0n) return false
  const special = symbolOf(kernel, "special_mapping_vmops")
  if (special !== undefined) return operations === special
  const naming = symbolOf(kernel, "special_mapping_name")
  const at = kernel.types.member("vm_operations_struct", "name")
  return (
    naming !== undefined && at !== undefined && (yield* kernel.memory.word(operations + BigInt(at.offset))) === naming
  )
})

/** Names for what has no file, in the order in which the kernel tries them. */
const nameOf = Effect.fnUntraced(function* (
  kernel: Kernel,
  values: Values,
  mm: Effect.Success<ReturnType<Effect.Success<ReturnType<typeof memoryLayout>>["read"]>>
) {
  const { memory } = kernel
  const [start, end] = [values.get("start")!, values.get("end")!]
  const name = kernel.types.member("vm_special_mapping", "name")
  const mapping = values.get("private")
  if (name !== undefined && mapping !== undefined && (yield* isSpecial(kernel, values))) {
    const at = yield* memory.word(mapping + BigInt(name.offset))
    return yield* memory.text(at, MOST_NAME)
  }
  const [vdso, brk, heap, stack] = [mm.get("vdso"), mm.get("brk"), mm.get("heap"), mm.get("stack")]
  if (vdso === start) return "[vdso]"
  if (heap !== undefined && brk !== undefined && start <= brk && end >= heap) return "[heap]"
  if (stack !== undefined && start <= stack && end >= stack) return "[stack]"
  return undefined
})

export const areas = Effect.fnUntraced(function* (kernel: Kernel, mm: bigint) {
  const { memory } = kernel
  const layout = yield* areaLayout(kernel)
  const list = yield* areasOf(kernel, mm)
  const whole = yield* (yield* memoryLayout(kernel)).read(memory, mm)
  const paths = yield* Effect.catchTag(Paths.make(kernel), "GuestDataError", () => Effect.succeed(undefined))
  const problems = [...list.problems]
  const elements: Array<Area> = []
  const problem = (address: bigint, why: string) =>
    Effect.sync(() => void problems.push(new GuestDataError({ structure: WHAT, address, why })))
  for (const found of list.elements) {
    const values = yield* layout.read(memory, found.value)
    const [start, end, flags, file] = [values.get("start"), values.get("end"), values.get("flags"), values.get("file")]
    if (start === undefined || end === undefined || flags === undefined) {
      yield* problem(found.value, values.missing[0]?.reason ?? "no area")
      continue
    }
    if (start >= end || (found.first !== undefined && found.first !== start)) {
      yield* problem(found.value, `it claims to reach from ${hex(start)} to ${hex(end)}`)
      continue
    }
    const named: Effect.Effect<
      string | undefined,
      GuestDataError | SourceError | { readonly _tag: "UnmappedAddress"; readonly message: string }
    > =
      file !== undefined && file !== 0n
        ? paths === undefined
          ? Effect.succeed(undefined)
          : paths.ofFile(file)
        : nameOf(kernel, values, whole)
    const path = yield* Effect.catchTag(named, ["GuestDataError", "UnmappedAddress"], (error) =>
      problem(found.value, error.message)
    )
    const has = (bit: bigint): boolean => (flags & bit) !== 0n
    elements.push({
      range: { start, end },
      permissions: { read: has(READ), write: has(WRITE), execute: has(EXECUTE) },
      shared: has(MAYSHARE),
      offset: file === 0n ? 0n : (values.get("page") ?? 0n) << kernel.pageShift,
      path: path ?? undefined
    })
  }
  return { elements, problems } satisfies Listed<Area>
})
