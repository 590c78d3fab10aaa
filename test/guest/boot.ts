// Boots Linux guests in QEMU and dumps their memory, for tests that hold what is read from a dump against what the guest's
// own /proc said. Takes a minute or two a guest; everything is kept in .cache/guests, or $GUESTS if that is set.
//
// `npm run guests` does it (run.ts). Needs Debian with qemu-system-x86, qemu-system-arm, gcc, gcc-multilib, gcc-aarch64-linux-gnu with libc6-dev-arm64-cross, cpio,
// xz-utils and makedumpfile; apt-get fetches kernels and busybox. A guest's folder then holds
//
//   guest.elf      dump-guest-memory as an ELF core          guest.kdump   the same as kdump, zlib
//   facts/         the guest's /proc, before the dump, and the types of its kernel and modules
//   monitor/       info registers, info tlb, info mem, and hundreds of gva2gpa and x (asked.json)
import { spawn } from "node:child_process"
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
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { type Guest, type Machine, machines } from "./machines.ts"
import { ask } from "./monitor.ts"
import { cache, run, unpacked } from "./packages.ts"

const here = import.meta.dirname

/** Modules that the guest loads: qemu_fw_cfg tells QEMU where VMCOREINFO lies, the others are to be listed. */
const modules = ["qemu_fw_cfg", "loop", "dummy"]

const makeInitramfs = (folder: string, kernel: string, { compiler, debian }: Machine): string => {
  const root = join(folder, "root")
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, "bin"), { recursive: true })
  mkdirSync(join(root, "modules"))
  const busybox = unpacked(/^busybox-static$/, "busybox-static", debian)
  copyFileSync(join(busybox, "bin/busybox"), join(root, "bin/busybox"))
  copyFileSync(join(here, "init.sh"), join(root, "init"))
  for (const file of ["bin/busybox", "init"]) chmodSync(join(root, file), 0o755)
  const [gcc, ...flags] = compiler
  run(gcc!, [...flags, "-static", "-pthread", "-O1", "-o", join(root, "bin/worker"), join(here, "worker.c")])
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

/** Boots a guest, unless that was done before; the folder with what it left. */
export const boot = async (guest: Guest): Promise<string> => {
  const folder = join(cache, guest.name)
  if (existsSync(join(folder, "guest.kdump"))) return folder
  mkdirSync(join(folder, "facts"), { recursive: true })
  mkdirSync(join(folder, "monitor"), { recursive: true })
  const machine = machines[guest.machine]
  const kernel = unpacked(guest.kernel, "linux-image-", machine.debian)
  const image = join(
    kernel,
    "boot",
    readdirSync(join(kernel, "boot")).find((name) => name.startsWith("vmlinuz"))!
  )
  const initramfs = makeInitramfs(folder, kernel, machine)
  const path = (name: string) => join(folder, name)
  const [qemu, ...kind] = machine.qemu
  const child = spawn(
    qemu,
    // prettier-ignore
    [
      ...kind, "-cpu", guest.cpu, "-m", "256M", "-smp", "2", "-nodefaults", "-no-user-config", "-display", "none",
      "-device", "vmcoreinfo", "-no-reboot", "-kernel", image, "-initrd", initramfs,
      "-append", `console=${machine.console} panic=-1 facts=/dev/${machine.facts} ${guest.append}`.trim(),
      "-serial", `file:${path("console")}`, "-chardev", `file,id=facts,path=${path("facts.tar.gz")}`, ...machine.factsDevice,
      "-qmp", `unix:${path("qmp")},server=on,wait=off`
    ],
    { stdio: ["ignore", "inherit", "inherit"] }
  )
  try {
    for (let waited = 0; ; waited++) {
      await setTimeout(1000)
      const console = existsSync(path("console")) ? readFileSync(path("console"), "latin1") : ""
      if (console.includes("the facts are written")) break
      if (waited > 60 * MINUTES || child.exitCode !== null)
        throw new Error(`the guest did not come up:\n${console.slice(-2000)}`)
    }
    const qmp = await connect(path("qmp"))
    await qmp.execute("stop")
    const command = (line: string) => qmp.execute("human-monitor-command", { "command-line": line }).then(String)
    await ask(command, path("monitor"))
    for (const [format, file] of [
      ["elf", "guest.elf"],
      ["kdump-zlib", "guest.flat"]
    ] as const) {
      await qmp.execute("dump-guest-memory", { paging: false, protocol: `file:${path(file)}`, format })
    }
    await qmp.execute("quit")
    qmp.close()
  } finally {
    child.kill()
  }
  run("tar", ["xzf", path("facts.tar.gz"), "-C", path("facts")])
  run("makedumpfile", ["-R", path("guest.kdump")], { input: readFileSync(path("guest.flat")) })
  return folder
}
