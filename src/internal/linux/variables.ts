// Variables of a kernel that lists functions only (built without KALLSYMS_ALL, as Debian's 6.1 for AArch64 and the kernels of
// small virtual machines are): what leads to its processes, found by what it must look like.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { implOf } from "../map/build.ts"
import type { AddressRange } from "../../AddressRange.ts"
import type { GuestDataError, SourceError } from "../../MemoryMapError.ts"
import { findAll } from "../search/drive/search.ts"
import { type Kernel, structOf, symbolOf } from "./kernel.ts"
import { asciiOf, type Memory, type ReadError } from "./memory.ts"
import { physicalOf, type Root } from "./space.ts"

/** The idle task of the first processor, by its name: `swapper` until it is told the number of its processor. */
const NAME = "swapper"
const FULL_NAME = /^swapper(\/0)?\0*$/
const COMM = 16
/** The word stands in other places too: in the log, in code, in files. */
const MOST_PLACES = 4096

const orNone = <A>(effect: Effect.Effect<A, GuestDataError | ReadError>) =>
  Effect.catchTag(effect, ["GuestDataError", "UnmappedAddress"], () => Effect.succeed(undefined))

/**
 * The first task: of that name, the number 0, and its own parent, whose address is its own in the kernel's space. The
 * `swapper` of Volatility's scan, and a check that needs no symbol.
 */
const firstTask = Effect.fnUntraced(function* (kernel: Kernel, physical: Memory, root: Root) {
  const layout = yield* orNone(
    structOf(kernel, "the first task", "task_struct", { comm: "comm", parent: "real_parent", pid: "pid" })
  )
  const comm = layout?.members.get("comm")
  if (layout === undefined || comm === undefined) return undefined
  const places = yield* findAll(implOf(physical.map), new TextEncoder().encode(NAME), undefined).pipe(
    Stream.take(MOST_PLACES),
    Stream.runCollect,
    Effect.catchTag("InvalidPattern", Effect.die)
  )
  for (const place of places) {
    const at = place - BigInt(comm.offset)
    if (at < 0n) continue
    const values = yield* layout.read(physical, at)
    const [name, parent] = [values.bytes.get("comm"), values.get("parent")]
    if (name === undefined || parent === undefined || values.get("pid") !== 0n) continue
    if (!FULL_NAME.test(asciiOf(name.subarray(0, COMM))) || !kernel.memory.isMapped(parent)) continue
    if ((yield* orNone(physicalOf(physical.map, root, parent))) === at) return parent
  }
  return undefined
})

/** The table of process numbers that the first task uses. */
const firstNamespace = Effect.fnUntraced(function* (kernel: Kernel, task: bigint) {
  const proxy = kernel.types.member("task_struct", "nsproxy")
  const namespace = kernel.types.member("nsproxy", "pid_ns_for_children") ?? kernel.types.member("nsproxy", "pid_ns")
  if (proxy === undefined || namespace === undefined) return undefined
  const at = yield* orNone(kernel.memory.word(task + BigInt(proxy.offset)))
  return at === undefined || at === 0n ? undefined : yield* orNone(kernel.memory.word(at + BigInt(namespace.offset)))
})

/** Code of modules calls the kernel's directly, and so is not farther from it than the machine's calls reach. */
const REACH = 4n << 30n

/** struct module begins at a line of the cache. */
const LINE = 64
const BLOCK = 1 << 20
const MODULE_NAME = /^[\w-]{1,55}\0/
const MOST_STATE = 3

/**
 * The head of the list of modules: the one element of it that is no module. A structure may be one if it has a name like one
 * and a state that there is, and it is if its neighbours in the list know it.
 */
const moduleList = Effect.fnUntraced(function* (kernel: Kernel) {
  const { memory } = kernel
  const text = symbolOf(kernel, "_stext") ?? symbolOf(kernel, "_text")
  const layout = yield* orNone(
    structOf(kernel, "the list of modules", "module", { state: "state", list: "list", name: "name" })
  )
  if (text === undefined || layout === undefined) return undefined
  const [state, list, name] = (["state", "list", "name"] as const).map((member) => layout.members.get(member)!)
  const size = name!.offset + name!.size
  /** Whether the bytes of a structure look like a module's. */
  const isLike = (bytes: Uint8Array, at: number): boolean =>
    bytes[at + name!.offset] !== 0 &&
    memory.words.u32(bytes, at + state!.offset) <= MOST_STATE &&
    MODULE_NAME.test(asciiOf(bytes.subarray(at + name!.offset, at + size)))
  const headFrom = Effect.fnUntraced(function* (node: bigint) {
    const seen = new Set<bigint>()
    for (let at = node; !seen.has(at);) {
      const start = memory.wrap(at - BigInt(list!.offset))
      const bytes = start % BigInt(LINE) === 0n ? yield* orNone(memory.bytes(start, size)) : undefined
      if (bytes === undefined || !isLike(bytes, 0)) return seen.size > 0 ? at : undefined
      seen.add(at)
      const next = memory.words.word(bytes, list!.offset)
      const back = yield* orNone(memory.word(next + BigInt(memory.words.bytes)))
      if (back !== at) return undefined
      at = next
    }
    return undefined
  })
  for (const { end, start } of segmentsOf(memory, { start: text - REACH, end: text + REACH })) {
    for (let at = start; at < end; at += BigInt(BLOCK)) {
      const most = BigInt(BLOCK + size)
      const bytes = yield* orNone(memory.upTo(at, Number(end - at < most ? end - at : most)))
      for (let i = 0; bytes !== undefined && i < BLOCK && i + size <= bytes.length; i += LINE) {
        const head = isLike(bytes, i) ? yield* headFrom(at + BigInt(i + list!.offset)) : undefined
        if (head !== undefined) return head
      }
      yield* Effect.yieldNow
    }
  }
  return undefined
})

/** The parts of the kernel's space that are mapped in a range; pages of one structure lie behind each other. */
const segmentsOf = ({ map }: Memory, range: AddressRange): ReadonlyArray<AddressRange> =>
  Array.from(map)
    .map((segment) => segment.range)
    .filter(({ end, start }) => start < range.end && end > range.start)
    .map(({ end, start }) => ({
      start: start > range.start ? start : range.start,
      end: end < range.end ? end : range.end
    }))

/** Addresses of variables by their names. */
export const findVariables = Effect.fnUntraced(function* (
  kernel: Kernel,
  physical: Memory,
  root: Root
): Effect.fn.Return<ReadonlyMap<string, bigint>, SourceError> {
  const found = new Map<string, bigint>()
  const task = yield* firstTask(kernel, physical, root)
  if (task === undefined) return found
  found.set("init_task", task)
  const namespace = yield* firstNamespace(kernel, task)
  if (namespace !== undefined && namespace !== 0n) found.set("init_pid_ns", namespace)
  const modules = yield* moduleList(kernel)
  if (modules !== undefined) found.set("modules", modules)
  return found
})
