// The commands about a guest's Linux, on the trimmed dump of one that really ran.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap, type Ran } from "./run.ts"

const guest = "test/fixtures/linux/guest.kdump"
const facts = JSON.parse(readFileSync("test/fixtures/linux/guest.json", "utf8"))
const path = temporaryFiles({ "zeros.bin": new Uint8Array(4096) })

const run = (...args: ReadonlyArray<string>) => memmap(args)
const lines = ({ out }: Ran): ReadonlyArray<string> => out.trimEnd().split("\n")
const objects = ({ out }: Ran): Array<Record<string, unknown>> =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("a guest's Linux", () => {
  it.effect("uname prints what uname -a printed, and --how tells by which way", () =>
    Effect.gen(function* () {
      const ran = yield* run("uname", guest, "--how")
      assert.strictEqual(ran.code, 0)
      assert.strictEqual(`${ran.out.trim()} GNU/Linux`, facts.uname.trim())
      assert.match(
        ran.err,
        /^VMCOREINFO: given\npage tables: by VMCOREINFO, at 0x[0-9a-f]+\nsymbols: through VMCOREINFO/
      )
      const [json] = objects(yield* run("uname", guest, "--json"))
      assert.deepStrictEqual(Object.keys(json!), [
        "type",
        "sysname",
        "nodename",
        "release",
        "version",
        "machine",
        "domainname"
      ])
    })
  )

  it.effect("dmesg prints what dmesg -r printed; levels, the last ones and words on demand", () =>
    Effect.gen(function* () {
      const expected: ReadonlyArray<string> = facts.dmesg.trimEnd().split("\n")
      const shown = lines(yield* run("dmesg", guest, "--raw"))
      const plain = expected.map((line) => line.replace(/^(<\d+>)(\[.{13}\])/, "$1$2").replaceAll("\t", " ".repeat(8)))
      assert.deepStrictEqual(shown.slice(0, plain.length), plain)
      const errors = yield* run("dmesg", guest, "--level", "err", "--decode", "--notime")
      assert.include(lines(errors), "1:err:        guest: an error")
      assert.strictEqual(lines(yield* run("dmesg", guest, "--tail", "3")).length, 3)
      const all = objects(yield* run("dmesg", guest, "--json"))
      const json = all.find(({ facility }) => facility === 3)
      assert.deepStrictEqual(
        { level: json?.["level"], facility: json?.["facility"], text: json?.["text"] },
        { level: 6, facility: 3, text: "guest: a daemon, with a tab\tand ü" }
      )
      assert.strictEqual((yield* run("dmesg", guest, "--level", "emerg")).code, 1)
      assert.strictEqual((yield* run("dmesg", guest, "--level", "loud")).code, 2)
    })
  )

  it.effect("ps lists processes, as a tree with those below their parents, and with threads", () =>
    Effect.gen(function* () {
      const plain = yield* run("ps", guest)
      assert.strictEqual(plain.code, 0)
      assert.strictEqual(lines(plain)[0], "   UID     PID    PPID S      START COMMAND")
      assert.match(lines(plain)[1]!, /^ {5}0 {7}1 {7}0 S +\d+\.\d\d \/bin\/busybox sh \/init$/)
      assert.include(plain.out, "[kthreadd]")
      const tree = lines(yield* run("ps", guest, "--tree"))
      const worker = tree.findIndex((line) => line.endsWith("   /bin/worker one two three"))
      assert.match(tree[worker + 1]!, / Z .* {5}\[worker\]$/)
      const programs = yield* run("ps", guest, "--no-kernel")
      assert.strictEqual(lines(programs).length, 1 + 6)
      assert.notInclude(programs.out, "[kthreadd]")
      const threads = objects(yield* run("ps", guest, "--threads", "--json"))
      const ofWorker = threads.filter(({ command }) => command === "/bin/worker one two three")
      assert.deepStrictEqual(
        ofWorker.map(({ comm }) => comm),
        ["worker", "worker/a", "worker b", "wörker-c"]
      )
      assert.strictEqual(new Set(ofWorker.map(({ tgid }) => tgid)).size, 1)
      const zombie = threads.find(({ state }) => state === "Z")
      assert.deepStrictEqual(
        ((zombie?.["missing"] ?? []) as ReadonlyArray<{ readonly field: string }>).map(({ field }) => field),
        ["command"]
      )
    })
  )

  it.effect("modules and mounts list what /proc listed", () =>
    Effect.gen(function* () {
      const modules = objects(yield* run("modules", guest, "--json"))
      const expected: ReadonlyArray<string> = facts.modules.trim().split("\n")
      assert.deepStrictEqual(
        modules.map(({ address, name, size }) => `${String(name)} ${String(size)} 0 - Live ${String(address)}`),
        expected.map((line) => line.trim())
      )
      const mounts = lines(yield* run("mounts", guest))
      assert.include(mounts, "a\\040name /mnt/with\\040space tmpfs ro,noexec,relatime")
      const [json] = objects(yield* run("mounts", guest, "--json"))
      assert.deepStrictEqual(json, { type: "mount", device: "rootfs", path: "/", fstype: "rootfs", options: "rw" })
    })
  )

  it.effect("symbol looks up names and addresses; what is not there is said", () =>
    Effect.gen(function* () {
      const [found] = objects(yield* run("symbol", guest, "init_task", "--json"))
      const address = String(found?.["address"])
      const behind = `0x${(BigInt(address) + 16n).toString(16)}`
      const ran = yield* run("symbol", guest, "init_task", behind, "no_such_thing")
      assert.strictEqual(ran.code, 0)
      assert.deepStrictEqual(lines(ran), [`${address.slice(2)} D init_task`, `${behind.slice(2)} D init_task+0x10`])
      assert.strictEqual(ran.err, "the kernel has no symbol no_such_thing\n")
      assert.strictEqual((yield* run("symbol", guest, "no_such_thing")).code, 1)
    })
  )

  it.effect("struct prints C with offsets, and with values at an address", () =>
    Effect.gen(function* () {
      const ran = yield* run("struct", guest, "list_head", "init_task")
      assert.match(
        ran.out,
        /^struct list_head \{\n {8}struct list_head \* {9}next = 0x[0-9a-f]+; .*\/\* {5}0 {5}8 \*\/\n/
      )
      const [head, first] = objects(yield* run("struct", guest, "list_head", "--json"))
      assert.deepStrictEqual(head, { type: "struct", name: "list_head", size: 16 })
      assert.deepStrictEqual(first, { type: "member", path: "next", offset: 0, size: 8, cType: "struct list_head *" })
      assert.strictEqual((yield* run("struct", guest, "no_such_type")).code, 2)
    })
  )

  it.effect("symbols stand wherever an address does, and mean the kernel's own space", () =>
    Effect.gen(function* () {
      const [{ address } = {}] = objects(yield* run("symbol", guest, "init_task", "--json"))
      const start = BigInt(String(address))
      const text = (offset: bigint) => `0x${(start + offset).toString(16)}`
      const same = Effect.fnUntraced(function* (bySymbol: ReadonlyArray<string>, byNumber: ReadonlyArray<string>) {
        const [symbolic, numeric] = [yield* run(...bySymbol, "--json"), yield* run(...byNumber, "--json")]
        assert.notStrictEqual(symbolic.out, "")
        assert.deepStrictEqual([symbolic.code, symbolic.out], [numeric.code, numeric.out], bySymbol.join(" "))
      })
      const kernel = ["--space", "kernel"]
      yield* same(["hexdump", guest, "init_task+0x20+8"], ["hexdump", guest, text(32n), "8", ...kernel])
      yield* same(["read", guest, "init_task..init_task+16", "ptr"], ["read", guest, text(0n), "ptr", "2", ...kernel])
      yield* same(["translate", guest, "init_task+8"], ["translate", guest, text(8n)])
      yield* same(["find", guest, "--pointer", "init_task"], ["find", guest, "--pointer", text(0n), ...kernel])
      yield* same(
        ["find", guest, "--points-into", "init_task+9536", "--range", "init_task+0x1000"],
        ["find", guest, "--points-into", `${text(0n)}+9536`, "--range", `${text(0n)}+4096`, ...kernel]
      )
    })
  )

  it.effect("symbols that are none, that mean nothing, and in images without a kernel are refused", () =>
    Effect.gen(function* () {
      const refused = [
        [["hexdump", guest, "no_such_thing"], 'ADDRESS: the kernel has no symbol "no_such_thing"'],
        [["find", guest, "--pointer", "init_task+x"], '--pointer: "x" is not a number'],
        [["find", guest, "x", "--range", "init_task-5"], '--range: "init_task-5" is not a range'],
        [["find", guest, "x", "--range", "_end.._text"], '--range: "_end.._text" ends before it starts'],
        [["hexdump", `${path("zeros.bin")}@0`, "init_task"], "or     a symbol of a Linux kernel; but none was found"]
      ] as const
      for (const [words, why] of refused) {
        const ran = yield* run(...words)
        assert.strictEqual(ran.code, 2, words.join(" "))
        assert.include(ran.err, why)
      }
    })
  )

  it.effect("struct looks at other spaces too", () =>
    Effect.gen(function* () {
      const [translated] = objects(yield* run("translate", guest, "init_task", "--json"))
      const physical = String(translated?.["physical"])
      const values = yield* run("struct", guest, "list_head", "init_task")
      const elsewhere = yield* run("struct", guest, "list_head", physical, "--space", "physical")
      assert.deepStrictEqual(elsewhere, values)
      assert.strictEqual((yield* run("struct", guest, "list_head", "init_task", "--space", "1")).code, 1)
    })
  )

  it.effect("memory without a kernel is refused, with what was tried", () =>
    Effect.gen(function* () {
      const ran = yield* run("ps", `${path("zeros.bin")}@0`)
      assert.strictEqual(ran.code, 2)
      assert.match(ran.err, /^memmap: a Linux kernel was not found in memory\n {2}VMCOREINFO .*\n {2}symbols .*\n$/)
    })
  )

  it.effect("info says which Linux the dump is of, by its notes", () =>
    Effect.gen(function* () {
      const ran = yield* run("info", guest)
      assert.match(ran.out, /^kernel +Linux 6\.1\.\d+-\d+-cloud-amd64$/m)
    })
  )
})
