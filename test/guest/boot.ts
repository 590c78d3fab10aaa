// Boots Linux guests in QEMU and dumps their memory, for tests that hold what is read from a dump against what the guest's
// own /proc said. Takes a minute or two a guest; everything is kept in .cache/guests, or $GUESTS if that is set.
//
//   node test/guest/boot.ts [NAME...]      all of them without names
//
// Needs Debian with qemu-system-x86, busybox-static, gcc, cpio, xz-utils and apt-get, which fetches the kernels. A guest's
// folder then holds
//
//   guest.elf      dump-guest-memory as an ELF core          guest.kdump   the same as kdump, zlib
//   facts/         the guest's /proc, before the dump        vmlinux       its kernel, unpacked, with BTF
//   monitor/       info registers, info tlb, info mem
import { spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createConnection } from "node:net"
import { dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"

export interface Guest {
  readonly name: string
  /** The newest Debian package whose name this matches has the kernel. */
  readonly kernel: RegExp
  readonly cpu: string
  readonly append: string
}

export const guests: ReadonlyArray<Guest> = [
  { name: "6.1", kernel: /^linux-image-6\.1\.\d+-\d+-amd64$/, cpu: "max,la57=off", append: "pti=off" },
  { name: "6.1-pti", kernel: /^linux-image-6\.1\.\d+-\d+-amd64$/, cpu: "max,la57=off", append: "nokaslr pti=on" },
  { name: "6.1-cloud", kernel: /^linux-image-6\.1\.\d+-\d+-cloud-amd64$/, cpu: "max,la57=off", append: "pti=off" },
  { name: "6.12-la57", kernel: /^linux-image-6\.12\.\d+\+deb\d+-amd64$/, cpu: "max,la57=on", append: "pti=off" }
]

const here = dirname(fileURLToPath(import.meta.url))
export const cache = process.env["GUESTS"] ?? join(here, "../../.cache/guests")

/** Modules that the guest loads: qemu_fw_cfg tells QEMU where VMCOREINFO lies, the others are to be listed. */
const modules = ["qemu_fw_cfg", "loop", "dummy"]

const run = (command: string, args: ReadonlyArray<string>, options: { cwd?: string; input?: string | Buffer } = {}) => {
  const ran = spawnSync(command, args, { maxBuffer: 1 << 30, ...options })
  if (ran.status === 0) return ran.stdout
  throw new Error(`${command} ${args.join(" ")}: ${ran.error?.message ?? ran.stderr.toString()}`)
}

/** Fetches and unpacks the package; the folder with its files. */
const fetchKernel = (pattern: RegExp): string => {
  const kept = existsSync(join(cache, "kernels")) ? readdirSync(join(cache, "kernels")) : []
  const known = kept.find((name) => pattern.test(name))
  if (known !== undefined) return join(cache, "kernels", known)
  const names = run("apt-cache", ["pkgnames", "linux-image-"]).toString().split("\n")
  const number = (name: string) => Number(/(\d+)\D*-amd64$/.exec(name.replace(/\+deb\d+/, ""))?.[1])
  const newest = names.filter((name) => pattern.test(name)).sort((a, b) => number(b) - number(a))[0]
  if (newest === undefined) throw new Error(`no package matches ${pattern}; apt-get update may help`)
  const packages = join(cache, "debs")
  mkdirSync(packages, { recursive: true })
  run("apt-get", ["download", newest], { cwd: packages })
  const file = readdirSync(packages).find((name) => name.startsWith(`${newest}_`))!
  const folder = join(cache, "kernels", newest)
  mkdirSync(folder, { recursive: true })
  run("dpkg", ["-x", join(packages, file), folder])
  return folder
}

/** The kernel that a bzImage unpacks to; its compression is told by trying. */
const unpackKernel = (bzImage: string, vmlinux: string): void => {
  const bytes = readFileSync(bzImage)
  const ways = [
    ["xz", Buffer.from("fd377a585a00", "hex"), ["-dc"]],
    ["zstd", Buffer.from("28b52ffd", "hex"), ["-dc"]],
    ["gzip", Buffer.from("1f8b08", "hex"), ["-dc"]],
    ["lz4", Buffer.from("02214c18", "hex"), ["-dc"]]
  ] as const
  for (const [command, magic, args] of ways) {
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      // What follows the compressed bytes is an error to the program, after it has written all of them.
      const { stdout } = spawnSync(command, args, { input: bytes.subarray(at), maxBuffer: 1 << 30 })
      if (stdout.subarray(0, 4).equals(Buffer.from("\x7fELF"))) return writeFileSync(vmlinux, stdout)
    }
  }
  throw new Error(`${bzImage} is compressed in no way that is known`)
}

const makeInitramfs = (folder: string, kernel: string): string => {
  const root = join(folder, "root")
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, "bin"), { recursive: true })
  mkdirSync(join(root, "modules"))
  copyFileSync("/bin/busybox", join(root, "bin/busybox"))
  copyFileSync(join(here, "init.sh"), join(root, "init"))
  for (const file of ["bin/busybox", "init"]) chmodSync(join(root, file), 0o755)
  run("gcc", ["-static", "-pthread", "-O1", "-o", join(root, "bin/worker"), join(here, "worker.c")])
  const found = run("find", [join(kernel, "lib/modules"), "-name", "*.ko*"])
    .toString()
    .split("\n")
  for (const module of modules) {
    const path = found.find((file) => new RegExp(`/${module}\\.ko(\\.xz)?$`).test(file))
    if (path === undefined) throw new Error(`the kernel has no module ${module}`)
    const target = join(root, "modules", `${module}.ko`)
    if (path.endsWith(".xz")) writeFileSync(target, run("xz", ["-dc", path]))
    else copyFileSync(path, target)
  }
  const names = run("find", [".", "-print0"], { cwd: root })
  const initramfs = join(folder, "initramfs")
  writeFileSync(
    initramfs,
    run("cpio", ["--null", "-o", "-H", "newc", "--quiet", "--owner=+0:+0"], { cwd: root, input: names })
  )
  return initramfs
}

/** QEMU's machine protocol: one line of JSON a command, one an answer, events in between. */
const connect = async (path: string) => {
  const socket = createConnection(path)
  let text = ""
  const waiting: Array<(answer: { readonly return?: unknown; readonly error?: unknown }) => void> = []
  socket.on("data", (data) => {
    text += data.toString()
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const answer = JSON.parse(text.slice(0, end))
      text = text.slice(end + 1)
      if ("return" in answer || "error" in answer) waiting.shift()?.(answer)
    }
  })
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject))
  const execute = async (command: string, args: Record<string, unknown> = {}): Promise<unknown> => {
    const answer = await new Promise<{ readonly return?: unknown; readonly error?: unknown }>((resolve) => {
      waiting.push(resolve)
      socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    })
    if (answer.error !== undefined) throw new Error(`${command}: ${JSON.stringify(answer.error)}`)
    return answer.return
  }
  await execute("qmp_capabilities")
  return { execute, close: () => socket.destroy() }
}

const MINUTES = 10

export const boot = async (guest: Guest): Promise<string> => {
  const folder = join(cache, guest.name)
  if (existsSync(join(folder, "guest.kdump"))) return folder
  mkdirSync(join(folder, "facts"), { recursive: true })
  mkdirSync(join(folder, "monitor"), { recursive: true })
  const kernel = fetchKernel(guest.kernel)
  const image = readdirSync(join(kernel, "boot")).find((name) => name.startsWith("vmlinuz"))!
  unpackKernel(join(kernel, "boot", image), join(folder, "vmlinux"))
  const initramfs = makeInitramfs(folder, kernel)
  const path = (name: string) => join(folder, name)
  const machine = spawn(
    "qemu-system-x86_64",
    // prettier-ignore
    [
      "-machine", "pc,accel=tcg", "-cpu", guest.cpu, "-m", "256M", "-smp", "2", "-nodefaults", "-no-user-config",
      "-display", "none", "-device", "vmcoreinfo", "-no-reboot", "-kernel", join(kernel, "boot", image), "-initrd", initramfs,
      "-append", `console=ttyS0 panic=-1 ${guest.append}`, "-serial", `file:${path("console")}`,
      "-serial", `file:${path("facts.tar.gz")}`, "-qmp", `unix:${path("qmp")},server=on,wait=off`
    ],
    { stdio: ["ignore", "inherit", "inherit"] }
  )
  try {
    for (let waited = 0; ; waited++) {
      await setTimeout(1000)
      const console = existsSync(path("console")) ? readFileSync(path("console"), "latin1") : ""
      if (console.includes("the facts are written")) break
      if (waited > 60 * MINUTES || machine.exitCode !== null)
        throw new Error(`the guest did not come up:\n${console.slice(-2000)}`)
    }
    const qmp = await connect(path("qmp"))
    await qmp.execute("stop")
    for (const what of ["registers -a", "tlb", "mem"]) {
      const text = String(await qmp.execute("human-monitor-command", { "command-line": `info ${what}` }))
      writeFileSync(path(`monitor/${what.split(" ")[0]}`), text)
    }
    for (const [format, file] of [
      ["elf", "guest.elf"],
      ["kdump-zlib", "guest.flat"]
    ] as const) {
      await qmp.execute("dump-guest-memory", { paging: false, protocol: `file:${path(file)}`, format })
    }
    await qmp.execute("quit")
    qmp.close()
  } finally {
    machine.kill()
  }
  run("tar", ["xzf", path("facts.tar.gz"), "-C", path("facts")])
  run("makedumpfile", ["-R", path("guest.kdump")], { input: readFileSync(path("guest.flat")) })
  return folder
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2)
  for (const guest of guests.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const since = performance.now()
    process.stdout.write(`${guest.name}: ${await boot(guest)}, ${((performance.now() - since) / 1000).toFixed(0)} s\n`)
  }
}
