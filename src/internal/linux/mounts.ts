// What is mounted where, in the namespace of a task.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { type Kernel, listFrom, MOST_ELEMENTS, requireMember, structOf } from "./kernel.ts"
import { Paths } from "./paths.ts"
import type { Listed } from "./tasks.ts"

export interface Mount {
  readonly device: string
  readonly path: string
  readonly type: string
  /** The mount's own, as /proc/mounts begins the list with; what a file system adds is its own secret. */
  readonly options: ReadonlyArray<string>
}

const WHAT = "the mounts"
const MOST_NAME = 4096

/** include/linux/mount.h and include/linux/fs.h, in the order of /proc/mounts (fs/proc_namespace.c). */
const MNT_READONLY = 0x40n
const SB_RDONLY = 1n
const MNT_CURSOR = 0x1000_0000n
const SUPER: ReadonlyArray<readonly [bit: bigint, name: string]> = [
  [0x10n, "sync"],
  [0x80n, "dirsync"],
  [0x40n, "mand"],
  [0x200_0000n, "lazytime"]
]
const OWN: ReadonlyArray<readonly [bit: bigint, name: string]> = [
  [0x1n, "nosuid"],
  [0x2n, "nodev"],
  [0x4n, "noexec"],
  [0x8n, "noatime"],
  [0x10n, "nodiratime"],
  [0x20n, "relatime"],
  [0x80n, "nosymfollow"]
]

const optionsOf = (mount: bigint, superblock: bigint): ReadonlyArray<string> => [
  (mount & MNT_READONLY) !== 0n || (superblock & SB_RDONLY) !== 0n ? "ro" : "rw",
  ...SUPER.filter(([bit]) => (superblock & bit) !== 0n).map(([, name]) => name),
  ...OWN.filter(([bit]) => (mount & bit) !== 0n).map(([, name]) => name)
]

/** The nodes of a red-black tree (lib/rbtree.c) in order. */
const treeFrom = Effect.fnUntraced(function* (
  kernel: Kernel,
  root: bigint
): Effect.fn.Return<
  { readonly nodes: ReadonlyArray<bigint>; readonly stopped: GuestDataError | undefined },
  GuestDataError | SourceError
> {
  const { memory } = kernel
  const layout = yield* structOf(kernel, WHAT, "rb_node", { left: "rb_left", right: "rb_right" })
  const nodes: Array<bigint> = []
  const seen = new Set<bigint>()
  const above: Array<{ readonly node: bigint; readonly right: bigint }> = []
  const stop = (address: bigint, why: string) => ({
    nodes,
    stopped: new GuestDataError({ structure: WHAT, address, why: `${why}, after ${nodes.length} mounts` })
  })
  let at = yield* Effect.catchTag(memory.word(root), "UnmappedAddress", () => Effect.succeed(0n))
  while (at !== 0n || above.length > 0) {
    if (at === 0n) {
      const { node, right } = above.pop()!
      nodes.push(node)
      at = right
      continue
    }
    if (seen.has(at)) return stop(at, `the tree has its node at ${hex(at)} twice`)
    if (seen.size >= MOST_ELEMENTS / 16) return stop(at, "the tree is larger than any")
    seen.add(at)
    const values = yield* layout.read(memory, at)
    const [left, right] = [values.get("left"), values.get("right")]
    if (left === undefined || right === undefined) return stop(at, values.missing[0]?.reason ?? "no node")
    above.push({ node: at, right })
    at = left
  }
  return { nodes, stopped: undefined }
})

/** Of each mount, its `struct mount`. */
const mountsOf = Effect.fnUntraced(function* (kernel: Kernel, namespace: bigint) {
  const tree = kernel.types.member("mnt_namespace", "mounts")
  const node = kernel.types.member("mount", "mnt_node")
  if (tree !== undefined && node !== undefined && tree.size <= 2 * kernel.memory.words.bytes) {
    const { nodes, stopped } = yield* treeFrom(kernel, namespace + BigInt(tree.offset))
    return { elements: nodes.map((at) => kernel.memory.wrap(at - BigInt(node.offset))), stopped }
  }
  const head = yield* requireMember(kernel, WHAT, "mnt_namespace", "list")
  const link = yield* requireMember(kernel, WHAT, "mount", "mnt_list")
  return yield* listFrom(kernel, WHAT, namespace + BigInt(head.offset), link.offset)
})

const layoutsOf = Effect.fnUntraced(function* (kernel: Kernel) {
  const mount = yield* structOf(kernel, WHAT, "mount", {
    inner: "mnt",
    root: "mnt.mnt_root",
    superblock: "mnt.mnt_sb",
    flags: "mnt.mnt_flags",
    device: "mnt_devname"
  })
  const superblock = yield* structOf(
    kernel,
    WHAT,
    "super_block",
    { type: "s_type", flags: "s_flags" },
    { subtype: "s_subtype" }
  )
  const type = yield* requireMember(kernel, WHAT, "file_system_type", "name")
  return { mount, superblock, type }
})

/** The mounts that the task at the address sees. */
export const mounts = Effect.fnUntraced(function* (kernel: Kernel, task: bigint) {
  const { memory } = kernel
  const proxy = yield* requireMember(kernel, WHAT, "task_struct", "nsproxy")
  const namespaceAt = yield* requireMember(kernel, WHAT, "nsproxy", "mnt_ns")
  const layouts = yield* layoutsOf(kernel)
  const paths = yield* Paths.make(kernel)
  const namespaces = yield* memory.word(task + BigInt(proxy.offset))
  const namespace = yield* memory.word(namespaces + BigInt(namespaceAt.offset))
  const list = yield* mountsOf(kernel, namespace)
  const problems = list.stopped === undefined ? [] : [list.stopped]
  const elements: Array<Mount> = []
  const readOne = Effect.fnUntraced(function* (address: bigint) {
    const values = yield* layouts.mount.read(memory, address)
    const [inner, root, sb, device] = [
      values.at("inner"),
      values.get("root"),
      values.get("superblock"),
      values.get("device")
    ]
    const flags = values.get("flags") ?? 0n
    if (sb === undefined || device === undefined || root === undefined || inner === undefined) {
      return yield* new GuestDataError({ structure: WHAT, address, why: values.missing[0]?.reason ?? "no mount" })
    }
    // Readers of the list leave markers in it.
    if (sb === 0n || (flags & MNT_CURSOR) !== 0n) return undefined
    const found = yield* layouts.superblock.read(memory, sb)
    const type = yield* memory.word((found.get("type") ?? 0n) + BigInt(layouts.type.offset))
    const subtype = found.get("subtype") ?? 0n
    const name = yield* memory.text(type, MOST_NAME)
    const more = subtype === 0n ? "" : `.${yield* memory.text(subtype, MOST_NAME)}`
    return {
      device: device === 0n ? "none" : yield* memory.text(device, MOST_NAME),
      path: yield* paths.of(inner, root),
      type: `${name}${more}`,
      options: optionsOf(flags, found.get("flags") ?? 0n)
    } satisfies Mount
  })
  for (const address of list.elements) {
    const problem = (error: { readonly message: string }) =>
      Effect.sync(() => void problems.push(new GuestDataError({ structure: WHAT, address, why: error.message })))
    const mount = yield* Effect.catchTag(readOne(address), ["GuestDataError", "UnmappedAddress"], problem)
    if (mount !== undefined) elements.push(mount)
  }
  return { elements, problems } satisfies Listed<Mount>
})
