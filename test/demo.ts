// What `npm start` shows: a real core dump and the memory of a virtual machine, looked into from the command line. Each command
// is printed before its output, and what it finds is held against what gdb found in the same dump, or what the machine said.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"

const root = join(import.meta.dirname, "..")
const core = "test/fixtures/list.core"
const truth = JSON.parse(readFileSync(join(root, "test/fixtures/list.json"), "utf8"))
const { head, banner } = truth.symbols
const [first] = truth.nodes
const colors = process.stdout.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb"

/** Runs a program, shows what it says, and gives it back without colours. */
const run = (shown: string, args: ReadonlyArray<string>, expected: string): string => {
  process.stdout.write(`\n$ ${shown}\n`)
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" })
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  const output = stripVTControlCharacters(stdout)
  if (status === 0 && output.includes(expected)) return output
  process.stderr.write(`demo: ${status === 0 ? `"${expected}" is missing above` : `exit code ${status}`}\n`)
  process.exit(1)
}

const quoted = (arg: string): string => (/^[\w./:@,+-]+$/.test(arg) ? arg : `'${arg}'`)
const memmap = (args: ReadonlyArray<string>, expected: string): string =>
  run(
    `memmap ${args.map(quoted).join(" ")}`,
    ["src/bin.ts", ...args, ...(colors ? ["--color", "always"] : [])],
    expected
  )
const say = (text: string): void => void process.stdout.write(`\n# ${text}\n`)
const plus = (address: string, offset: bigint): string => `0x${(BigInt(address) + offset).toString(16)}`

say("A core dump: what is in it, and what is not?")
memmap(["info", core], "x86-64")

say("A text in its memory, and what lies around it")
memmap(["find", core, truth.banner], banner.slice(2))
memmap(["hexdump", core, banner, "96"], "a linked list, s")

say("A page that must not be touched shows as what it is: nothing")
memmap(["hexdump", core, truth.pointers.edge, "4104"], "-- -- --")

say("struct node { int32_t id; char *name; struct node *next; } *head; follow the pointers")
memmap(["read", core, head, "ptr"], first.address.slice(2))
memmap(["read", core, first.address, "i32"], String(first.id))
const fields = memmap(["read", core, plus(first.address, 8n), "ptr", "2"], truth.nodes[1].address.slice(2))
memmap(["read", core, fields.split(/ +/)[1] ?? "", "cstr"], first.name)

say("Who points to the first node?")
memmap(["find", core, "--pointer", first.address], head.slice(2))

say("The whole list, by the program in docs/examples/linked-list.ts")
const list: ReadonlyArray<{ readonly address: string; readonly id: number; readonly name: string }> = truth.nodes
run(
  `node docs/examples/linked-list.ts ${core} ${head}`,
  ["--import", "./test/support/sources.ts", "docs/examples/linked-list.ts", core, head],
  list.map(({ address, id, name }) => `${address} ${id} ${name}\n`).join("")
)

const guest = "test/fixtures/linux/guest.kdump"
const said: { readonly uname: string; readonly dmesg: string } = JSON.parse(
  readFileSync(join(root, "test/fixtures/linux/guest.json"), "utf8")
)
const lines = said.dmesg.trimEnd().split("\n")

say("The memory of a virtual machine, with no symbol file: which kernel runs in it?")
memmap(["uname", guest], said.uname.replace("GNU/Linux", "").trim())

say("The last that it logged")
memmap(["dmesg", guest, "--tail", "4"], lines.at(-1)!.replace(/^<\d+>/, ""))

say("What runs in it, each process below its parent")
memmap(["ps", guest, "--tree", "--no-kernel"], "/bin/worker one two three")
