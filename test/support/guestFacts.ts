// What a guest's own /proc said, and how what is read from its dump is held against it.
import { assert } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { LinuxKernel } from "../../src/linux/index.ts"

export interface Facts {
  readonly uname: string
  readonly dmesg: string
  readonly modules: string
  readonly mounts: string
  readonly processes: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const lines = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split("\n").filter((line) => line !== "")

interface Stat {
  readonly pid: number
  readonly comm: string
  readonly state: string
  readonly parent: number
  /** In hundredths of a second. */
  readonly start: bigint
}

/** A line of /proc/PID/stat; the name may hold anything. */
const statOf = (line: string): Stat => {
  const [head = "", pid, comm = "", state = "", parent] = /^(\d+) \((.*)\) (\S) (\d+)/s.exec(line) ?? []
  const rest = line.slice(head.length).trim().split(" ")
  return { pid: Number(pid), comm, state, parent: Number(parent), start: BigInt(rest[17] ?? 0) }
}

/** /proc shows threads of the kernel by longer names than their 15 bytes, and workers with what they work at. */
const shortName = (comm: string): string =>
  new TextDecoder().decode(
    new TextEncoder().encode(comm.replace(/^(kworker\/u?\d+:\d+H?)[-+].*/, "$1")).subarray(0, 15)
  )

const logLines = ({ facility, level, nanoseconds, text }: LinuxKernel.LogRecord): ReadonlyArray<string> => {
  const seconds = String(nanoseconds / 1_000_000_000n).padStart(5)
  const time = `[${seconds}.${String((nanoseconds % 1_000_000_000n) / 1000n).padStart(6, "0")}]`
  return text.split("\n").map((line) => `<${8 * facility + level}>${time} ${line}`)
}

const areaLine = ({ offset, path, permissions, range, shared }: LinuxKernel.Area): string => {
  const { execute, read, write } = permissions
  const flags = `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}${shared ? "s" : "p"}`
  const number = (value: bigint): string => value.toString(16).padStart(8, "0")
  return `${number(range.start)}-${number(range.end)} ${flags} ${number(offset)} ${path ?? ""}`.trimEnd()
}
/** Without device and inode; the page of old system calls is no area of the process. */
const areaFacts = (maps: string | undefined): ReadonlyArray<string> =>
  lines(maps)
    .filter((line) => !line.endsWith("[vsyscall]"))
    .map((line) => line.replace(/^(\S+ \S+ \S+) \S+ \S+ */, "$1 ").trimEnd())

export const checkVersion = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, facts: Facts) {
  const { machine, nodename, release, sysname, version } = yield* LinuxKernel.uname(kernel)
  assert.strictEqual(`${sysname} ${nodename} ${release} ${version} ${machine} GNU/Linux`, facts.uname.trim())
})

export const checkLog = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, facts: Facts) {
  const records = yield* Stream.runCollect(LinuxKernel.log(kernel))
  const expected = lines(facts.dmesg)
  assert.deepStrictEqual(records.flatMap(logLines).slice(0, expected.length), Array.from(expected))
})

/** Version, log, modules, mounts. */
export const checkMachine = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, facts: Facts) {
  yield* checkVersion(kernel, facts)
  yield* checkLog(kernel, facts)
  const modules = yield* Stream.runCollect(LinuxKernel.modules(kernel))
  assert.deepStrictEqual(
    modules.map(({ address, name, size }) => `${name} ${size} 0 - Live 0x${address.toString(16)}`),
    Array.from(lines(facts.modules), (line) => line.trim())
  )
  const mounts = yield* Stream.runCollect(LinuxKernel.mounts(kernel))
  const word = (text: string) => text.replaceAll(" ", "\\040")
  const found = mounts.map(
    ({ device, options, path, type }) => `${word(device)} ${word(path)} ${type} ${options.join(",")}`
  )
  // What a file system adds to the options is not in any structure that is the same for all.
  assert.deepStrictEqual(
    lines(facts.mounts).map((line, i) => line.startsWith(found[i]!)),
    found.map(() => true)
  )
})

/** Every process that /proc listed: all fields, threads, arguments, environment, program, areas. */
export const checkProcesses = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, facts: Facts) {
  const tasks = yield* Stream.runCollect(LinuxKernel.tasks(kernel))
  const byPid = new Map(tasks.map((task) => [task.pid, task]))
  let compared = 0
  for (const [pid, files] of Object.entries(facts.processes)) {
    const task = byPid.get(Number(pid))
    // Processes of the script that wrote the facts down are gone.
    if (task === undefined || files["stat"] === undefined) continue
    compared++
    const { comm, parent, start, state: then } = statOf(files["stat"])
    // Threads of the kernel that ran while the facts were written down may rest by now, and others run.
    const ran = task.kernelThread && (then === "R" || task.state === "R")
    const state = ran ? task.state : then
    const uid = Number(/^Uid:\s+(\d+)/m.exec(files["status"] ?? "")?.[1])
    assert.deepStrictEqual(
      [
        task.comm,
        task.state,
        task.parent,
        task.uid,
        task.start! / 10_000_000n,
        task.missing.length,
        task.foundBy.length
      ],
      [shortName(comm), state, parent, uid, start, 0, 2],
      `process ${pid}`
    )
    assert.strictEqual(task.kernelThread, parent === 2 || pid === "2", `process ${pid}`)
    const threads = yield* Stream.runCollect(LinuxKernel.threads(kernel, task))
    assert.deepStrictEqual(
      threads.map((thread) => `${thread.pid} ${thread.comm}`).sort(),
      lines(files["threads"])
        .map((line) => statOf(line))
        .map((thread) => `${thread.pid} ${shortName(thread.comm)}`)
        .sort()
    )
    const areas = yield* Stream.runCollect(LinuxKernel.areas(kernel, task))
    assert.deepStrictEqual(
      areas.map((area) => areaLine(area)),
      Array.from(areaFacts(files["maps"])),
      `process ${pid}`
    )
    const program = yield* LinuxKernel.executable(kernel, task)
    assert.strictEqual(
      Option.getOrElse(program, () => ""),
      (files["exe"] ?? "").trim(),
      `process ${pid}`
    )
    if (state === "Z") continue
    const texts = (list: ReadonlyArray<string>) => list.map((text) => `${text}\0`).join("")
    assert.strictEqual(texts(yield* LinuxKernel.commandLine(kernel, task)), files["cmdline"] ?? "", `process ${pid}`)
    assert.strictEqual(texts(yield* LinuxKernel.environment(kernel, task)), files["environ"] ?? "", `process ${pid}`)
  }
  return compared
})
