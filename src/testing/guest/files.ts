// Directory entries, mounts and open files.
import type { Builder } from "./builder.ts"

export interface MountSpec {
  readonly device: string
  readonly path: string
  readonly type: string
  /** `ro`, `nosuid`, `nodev`, `noexec`, `relatime` ... */
  readonly options: ReadonlyArray<string>
}

const FLAGS: Readonly<Record<string, number>> = {
  ro: 0x40,
  rw: 0,
  nosuid: 1,
  nodev: 2,
  noexec: 4,
  noatime: 8,
  nodiratime: 0x10,
  relatime: 0x20
}

interface Mounted {
  readonly path: string
  /** Physical, of the struct mount. */
  readonly mount: bigint
  readonly root: bigint
}

/** The file systems of a guest, and the names in them. */
export class Files {
  private readonly b: Builder
  private readonly mounts: Array<Mounted> = []
  private readonly entries = new Map<string, bigint>()
  private readonly files = new Map<string, bigint>()
  /** Physical, of the struct nsproxy. */
  readonly proxy: bigint

  constructor(b: Builder, specs: ReadonlyArray<MountSpec>) {
    this.b = b
    for (const spec of specs) this.mounts.push(this.mount(spec))
    this.proxy = this.namespace()
  }

  private entry(name: string, parent: bigint | undefined, hashed = true): bigint {
    const at = this.b.make("dentry")
    this.b.set(at, "dentry", {
      d_parent: this.b.direct(parent ?? at),
      "d_name.name": this.b.string(name),
      "d_name.len": new TextEncoder().encode(name).length,
      "d_hash.pprev": hashed ? this.b.direct(at) : 0
    })
    return at
  }

  private mount({ device, options, path, type }: MountSpec): Mounted {
    const { b } = this
    const root = this.entry("/", undefined)
    const kind = b.make("file_system_type")
    b.set(kind, "file_system_type", { name: b.string(type) })
    const superblock = b.make("super_block")
    b.set(superblock, "super_block", { s_type: b.direct(kind) })
    const mount = b.make("mount")
    const above = path === "/" ? undefined : this.find(path)
    b.set(mount, "mount", {
      mnt_parent: b.direct(above?.mounted.mount ?? mount),
      mnt_mountpoint: b.direct(above?.entry ?? root),
      "mnt.mnt_root": b.direct(root),
      "mnt.mnt_sb": b.direct(superblock),
      "mnt.mnt_flags": options.reduce((flags, option) => flags | (FLAGS[option] ?? 0), 0),
      mnt_devname: b.string(device)
    })
    return { path, mount, root }
  }

  /** The entry of a path, made with those above it where it is new. */
  private find(path: string): { readonly mounted: Mounted; readonly entry: bigint } {
    const deleted = path.endsWith(" (deleted)")
    const plain = path.replace(/ \(deleted\)$/, "")
    const inside = (mounted: Mounted) =>
      mounted.path === "/" || plain === mounted.path || plain.startsWith(`${mounted.path}/`)
    const mounted = this.mounts.filter(inside).sort((a, b) => b.path.length - a.path.length)[0]!
    const names = plain
      .slice(mounted.path === "/" ? 0 : mounted.path.length)
      .split("/")
      .filter((name) => name !== "")
    let entry = mounted.root
    names.forEach((name, i) => {
      const last = i === names.length - 1
      const key = `${mounted.path}:${names.slice(0, i + 1).join("/")}${last && deleted ? " (deleted)" : ""}`
      const known = this.entries.get(key) ?? this.entry(name, entry, !(last && deleted))
      this.entries.set(key, known)
      entry = known
    })
    return { mounted, entry }
  }

  /** An open file; its address for the kernel. */
  open(path: string): bigint {
    const known = this.files.get(path)
    if (known !== undefined) return known
    const { entry, mounted } = this.find(path)
    const file = this.b.make("file")
    const inner = this.b.member(mounted.mount, "mount", "mnt")
    this.b.set(file, "file", { "f_path.mnt": this.b.direct(inner), "f_path.dentry": this.b.direct(entry) })
    this.files.set(path, this.b.direct(file))
    return this.b.direct(file)
  }

  private namespace(): bigint {
    const { b } = this
    const space = b.make("mnt_namespace")
    if (b.era.mounts === "list") {
      const head = b.member(space, "mnt_namespace", "list")
      b.link(
        head,
        b.direct(head),
        this.mounts.map(({ mount }) => b.member(mount, "mount", "mnt_list"))
      )
    } else {
      const nodes = this.mounts.map(({ mount }) => b.member(mount, "mount", "mnt_node"))
      b.set(space, "mnt_namespace", { "mounts.rb_node": this.tree(nodes) })
    }
    const proxy = b.make("nsproxy")
    b.set(proxy, "nsproxy", { mnt_ns: b.direct(space) })
    return proxy
  }

  /** A binary tree of nodes in order; the address of its top. */
  private tree(nodes: ReadonlyArray<bigint>): bigint {
    if (nodes.length === 0) return 0n
    const middle = nodes.length >> 1
    const top = nodes[middle]!
    this.b.set(top, "rb_node", {
      rb_left: this.tree(nodes.slice(0, middle)),
      rb_right: this.tree(nodes.slice(middle + 1))
    })
    return this.b.direct(top)
  }
}
