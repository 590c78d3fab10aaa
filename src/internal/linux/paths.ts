// Paths of files, as d_path() makes them (fs/d_path.c): up from name to name, and where a mount begins, on from the place
// where it is mounted.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { type Kernel, structOf } from "./kernel.ts"
import { textOf } from "./memory.ts"

const WHAT = "the path of a file"

/** PATH_MAX: no path that a process can name is longer, in steps or in bytes. */
const MOST_STEPS = 4096
const MOST_NAME = 4096

interface Name {
  readonly name: string
  readonly parent: bigint
  readonly hashed: boolean
}

interface MountPoint {
  /** Of the parent's vfsmount. */
  readonly parent: bigint
  readonly isTop: boolean
  readonly place: bigint
  readonly root: bigint
}

const layouts = Effect.fnUntraced(function* (kernel: Kernel) {
  const entry = yield* structOf(
    kernel,
    WHAT,
    "dentry",
    { parent: "d_parent", name: ["d_name.name", "__d_name.name"] },
    { length: ["d_name.len", "__d_name.len"], hashed: "d_hash.pprev" }
  )
  const mount = yield* structOf(kernel, WHAT, "mount", {
    inner: "mnt",
    root: "mnt.mnt_root",
    parent: "mnt_parent",
    place: "mnt_mountpoint"
  })
  return { entry, mount }
})

/** Keeps what it has read: paths share most of their names. */
export class Paths {
  private readonly kernel: Kernel
  private readonly layouts: Effect.Success<ReturnType<typeof layouts>>
  private readonly names = new Map<bigint, Name>()
  private readonly mounts = new Map<bigint, MountPoint>()
  private constructor(kernel: Kernel, known: Effect.Success<ReturnType<typeof layouts>>) {
    this.kernel = kernel
    this.layouts = known
  }
  static make(kernel: Kernel): Effect.Effect<Paths, GuestDataError> {
    return Effect.map(layouts(kernel), (known) => new Paths(kernel, known))
  }

  private entry(address: bigint) {
    return Effect.gen({ self: this }, function* () {
      const known = this.names.get(address)
      if (known !== undefined) return known
      const { memory } = this.kernel
      const values = yield* this.layouts.entry.read(memory, address)
      const [parent, at] = [values.get("parent"), values.get("name")]
      if (parent === undefined || at === undefined) {
        return yield* new GuestDataError({ structure: WHAT, address, why: values.missing[0]?.reason ?? "no name" })
      }
      const length = values.number("length") ?? MOST_NAME
      const bytes = yield* Effect.catchTag(
        memory.upTo(at, Math.min(length, MOST_NAME)),
        "UnmappedAddress",
        (error) => new GuestDataError({ structure: WHAT, address: at, why: error.message })
      )
      const found: Name = { name: textOf(bytes), parent, hashed: values.get("hashed") !== 0n }
      this.names.set(address, found)
      return found
    })
  }

  private mount(inner: bigint) {
    return Effect.gen({ self: this }, function* () {
      const known = this.mounts.get(inner)
      if (known !== undefined) return known
      const { memory } = this.kernel
      const { mount } = this.layouts
      const offset = BigInt(mount.members.get("inner")!.offset)
      const address = memory.wrap(inner - offset)
      const values = yield* mount.read(memory, address)
      const [parent, place, root] = [values.get("parent"), values.get("place"), values.get("root")]
      if (parent === undefined || place === undefined || root === undefined) {
        return yield* new GuestDataError({ structure: WHAT, address, why: values.missing[0]?.reason ?? "no mount" })
      }
      const found: MountPoint = { parent: memory.wrap(parent + offset), isTop: parent === address, place, root }
      this.mounts.set(inner, found)
      return found
    })
  }

  /** The path of the directory entry in the mount, which is given by its `struct vfsmount`. */
  of(mount: bigint, entry: bigint): Effect.Effect<string, GuestDataError | SourceError> {
    return Effect.gen({ self: this }, function* () {
      const parts: Array<string> = []
      let [inner, at] = [mount, entry]
      let ending = ""
      let bytes = 0
      for (let step = 0; step < MOST_STEPS; step++) {
        const point = yield* this.mount(inner)
        if (at === point.root) {
          if (point.isTop) return `/${parts.reverse().join("/")}${ending}`
          at = point.place
          inner = point.parent
          continue
        }
        const { hashed, name, parent } = yield* this.entry(at)
        // What has a name and no place, a memfd for instance, is its own parent.
        if (step === 0 && (!hashed || parent === at)) ending = " (deleted)"
        parts.push(name)
        bytes += name.length
        if (parent === at) return `/${parts.reverse().join("/")}${ending}`
        if (bytes > MOST_NAME) break
        at = parent
      }
      return yield* new GuestDataError({ structure: WHAT, address: entry, why: "it goes up without an end" })
    })
  }

  /** The path of an open file. */
  ofFile(file: bigint): Effect.Effect<string, GuestDataError | SourceError> {
    return Effect.gen({ self: this }, function* () {
      const layout = yield* structOf(this.kernel, WHAT, "file", {
        mount: ["f_path.mnt", "__f_path.mnt"],
        entry: ["f_path.dentry", "__f_path.dentry"]
      })
      const values = yield* layout.read(this.kernel.memory, file)
      const [mount, entry] = [values.get("mount"), values.get("entry")]
      if (mount === undefined || entry === undefined) {
        return yield* new GuestDataError({
          structure: WHAT,
          address: file,
          why: values.missing[0]?.reason ?? "no path"
        })
      }
      return yield* this.of(mount, entry)
    })
  }
}
