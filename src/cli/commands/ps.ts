// memmap ps: the processes of a guest.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import { hex } from "../../internal/base/numbers.ts"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import { span } from "../../render/Line.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { kernelFlags, openKernel, textFields } from "../kernel.ts"
import { type Item, Output } from "../output.ts"

interface Row {
  readonly task: LinuxKernel.Task
  readonly command: string | undefined
  readonly reason: string | undefined
}

/** A task with its command line, or why that cannot be had. */
const rowOf = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, task: LinuxKernel.Task) {
  const read = Effect.map(LinuxKernel.commandLine(kernel, task), (list) => list.join(" "))
  return yield* read.pipe(
    Effect.map((command): Row => ({ task, command, reason: undefined })),
    Effect.catchTag(["GuestDataError", "UnmappedAddress"], (error) =>
      Effect.succeed<Row>({ task, command: undefined, reason: error.message })
    )
  )
})

/** Seconds and hundredths, as the kernel's own log has them. */
const startText = (start: bigint | undefined): string =>
  start === undefined
    ? "?"
    : `${start / 1_000_000_000n}.${String((start % 1_000_000_000n) / 10_000_000n).padStart(2, "0")}`

/** Processes without a command line stand in brackets, as in ps(1). */
const commandText = ({ command, task }: Row): string =>
  command === undefined || command === "" ? `[${task.comm}]` : command

const HEAD = `${"UID".padStart(6)} ${"PID".padStart(7)} ${"PPID".padStart(7)} S ${"START".padStart(10)} COMMAND`

const lineOf = (row: Row, depth: number): string => {
  const { foundBy, parent, pid, start, state, uid } = row.task
  const columns = [
    String(uid ?? "?").padStart(6),
    String(pid).padStart(7),
    String(parent ?? "?").padStart(7),
    state,
    startText(start).padStart(10)
  ]
  const note = foundBy.includes("list") ? "" : "   (not in the list of processes)"
  return `${columns.join(" ")} ${"  ".repeat(depth)}${commandText(row)}${note}`
}

const jsonOf = ({ command, reason, task }: Row): object => {
  const { address, comm, commBytes, foundBy, kernelThread, missing, parent, pid, start, state, tgid, uid } = task
  const gone = [...missing, ...(reason === undefined ? [] : [{ field: "command", reason }])]
  return {
    type: "task",
    pid,
    tgid,
    ...(parent === undefined ? {} : { parent }),
    ...(uid === undefined ? {} : { uid }),
    ...textFields("comm", comm, commBytes),
    state,
    ...(kernelThread ? { kernelThread } : {}),
    ...(start === undefined ? {} : { start }),
    ...(command === undefined ? {} : { command }),
    address: hex(address),
    foundBy,
    ...(gone.length === 0 ? {} : { missing: gone })
  }
}

/** Each process after its parent, with its depth; those whose parents are not there, or are their own children, at the top. */
const treeOf = (rows: ReadonlyArray<Row>): ReadonlyArray<readonly [row: Row, depth: number]> => {
  const children = new Map<number, Array<Row>>()
  const known = new Set(rows.map(({ task }) => task.pid))
  const top: Array<Row> = []
  for (const row of rows) {
    const { parent, pid, tgid } = row.task
    const above = pid === tgid ? parent : tgid
    if (above === undefined || above === pid || !known.has(above)) top.push(row)
    else children.set(above, [...(children.get(above) ?? []), row])
  }
  const ordered: Array<readonly [Row, number]> = []
  const seen = new Set<Row>()
  const visit = (start: Row) => {
    const stack: Array<readonly [Row, number]> = [[start, 0]]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const [row, depth] = next
      if (seen.has(row)) continue
      seen.add(row)
      ordered.push(next)
      for (const child of (children.get(row.task.pid) ?? []).toReversed()) stack.push([child, depth + 1])
    }
  }
  for (const row of [...top, ...rows]) visit(row)
  return ordered
}

const itemOf = (row: Row, depth: number): Item => ({ line: [span(lineOf(row, depth))], json: jsonOf(row) })

export const ps = Command.make(
  "ps",
  {
    images: args.images,
    threads: args.flag("threads", "All threads of each process", "T"),
    tree: args.flag("tree", "Each process below its parent, indented"),
    noKernel: args.flag("no-kernel", "Leave the kernel's own threads out"),
    ...kernelFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel(input.images, input)
      const output = yield* Output
      const processes = LinuxKernel.tasks(kernel).pipe(
        Stream.filter(({ kernelThread }) => !(input.noKernel && kernelThread))
      )
      const tasks = input.threads ? Stream.flatMap(processes, (task) => LinuxKernel.threads(kernel, task)) : processes
      const rows = Stream.mapEffect(tasks, (task) => rowOf(kernel, task))
      yield* output.lines([{ line: [span(HEAD, "heading")] }])
      if (!input.tree) return yield* output.print(Stream.map(rows, (row) => itemOf(row, 0)))
      const all: Array<Row> = []
      const work = Stream.runForEach(rows, (row) => Effect.sync(() => void all.push(row)))
      const result = yield* Effect.result(work)
      yield* output.lines(treeOf(all).map(([row, depth]) => itemOf(row, depth)))
      if (result._tag === "Failure") return yield* Effect.fail(result.failure)
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "List the processes of the Linux in a machine's memory. Found by the kernel's list of processes and by its table of process numbers: what only the table has is marked. START is in seconds after the machine's own start."
  ),
  Command.withShortDescription("List the processes of a machine"),
  Command.withExamples([
    { command: "memmap ps guest.elf --tree", description: "With parents and children" },
    { command: "memmap ps guest.elf --threads --json", description: "Every thread, for programs" }
  ])
)
