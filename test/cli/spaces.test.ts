import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { machineElf } from "../support/machine.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap } from "./run.ts"

const path = temporaryFiles({})
const elf = path("guest.elf")
const raw = `${path("ram.bin")}@0`

beforeAll(() => {
  const built = Effect.runSync(machineElf)
  writeFileSync(elf, built.elf)
  writeFileSync(path("ram.bin"), built.bytes)
})

const run = (...args: ReadonlyArray<string>) => memmap(args)
const json = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { code, err, out } = yield* memmap([...args, "--json"])
  return {
    code,
    err,
    objects: out
      .trimEnd()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  }
})

describe("--space", () => {
  it.effect("shows what a processor saw, by its registers", () =>
    Effect.gen(function* () {
      const strings = yield* run("strings", elf, "--space", "cpu0", "--min", "12")
      assert.strictEqual(
        strings.out,
        "0x0000000000400ff6  the strings of one process\n0xffff800000000000  of the kernel\n"
      )
      // Without paging, virtual addresses are physical ones.
      const off = yield* run("hexdump", elf, "0x2000", "16", "--space", "cpu1")
      assert.match(off.out, /\|of the kernel\.\.\.\|/)
      assert.strictEqual((yield* run("hexdump", elf, "0x2000", "16", "--space", "physical")).out, off.out)
    })
  )

  it.effect("takes a root and a format, for images that tell nothing", () =>
    Effect.gen(function* () {
      const known = yield* run("strings", elf, "--space", "cpu0")
      const flags = ["--space", "root:0x10000", "--paging", "x86-64", "--endian", "little", "--word-size", "64"]
      assert.strictEqual((yield* run("strings", raw, ...flags)).out, known.out)
      assert.strictEqual((yield* run("strings", elf, "--space", "root:0x10000")).out, known.out)
    })
  )

  it.effect("lists permissions, and holes with their reasons", () =>
    Effect.gen(function* () {
      const { objects } = yield* json("info", elf, "--space", "cpu0")
      const segments = objects.filter(({ type }) => type === "segment")
      assert.deepStrictEqual(
        segments.map(({ start, permissions, size }) => [start, permissions, size]),
        [
          ["0x400000", "r-x", "4096"],
          ["0x401000", "rw-", "4096"],
          ["0xffff800000000000", "rwx", "4096"]
        ]
      )
      const hole = objects.find(({ reason, type }) => type === "hole" && reason !== undefined)
      assert.deepStrictEqual([hole.start, hole.end], ["0x402000", "0x403000"])
      assert.match(hole.reason, /^mapped to physical 0x900000000, which is not in the image/)
      const image = objects.find(({ type }) => type === "image")
      assert.deepStrictEqual(image.cpus, [
        { cpu: 0, cr0: "0x80050033", cr3: "0x10007", cr4: "0x6f0" },
        { cpu: 1, cr0: "0x11", cr3: "0x0", cr4: "0x0" }
      ])
    })
  )

  const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
    [["info", elf, "--space", "cpu2"], /no cpu2: the image has cpu0 to cpu1\n {2}try {4}memmap spaces/],
    [["info", raw, "--space", "cpu0"], /tells no registers/],
    [["info", elf, "--space", "moon"], /no such space\n {2}try {4}physical, kernel, cpuN/],
    [["info", elf, "--space", "root:x"], /"x" is not a number/],
    [["info", raw, "--space", "root:0x10000"], /does not say what format.*\n {2}try {4}--paging FORMAT: x86-64, /],
    [["info", raw, "--space", "root:0x10000", "--paging", "vax"], /--paging: "vax" is none of x86-64, /],
    [["info", elf, "--space", "root:0x3000"], /map nothing that is in the image\n {2}try {4}memmap spaces/]
  ]
  for (const [args, says] of refused) {
    it.effect(`refuses ${args.slice(2).join(" ")} of ${args[1] === elf ? "the dump" : "raw bytes"}`, () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* memmap(args)
        assert.deepStrictEqual({ code, out }, { code: 2, out: "" })
        assert.match(err, says)
      })
    )
  }

  it.effect("refuses a root that is not in the image", () =>
    Effect.gen(function* () {
      const { code, err } = yield* run("info", elf, "--space", "root:0x7000000")
      assert.strictEqual(code, 1)
      assert.match(err, /nothing is mapped at 0x7000000/)
    })
  )
})

describe("--space of a Linux", () => {
  const guest = "test/fixtures/linux/guest.kdump"
  const facts = JSON.parse(readFileSync("test/fixtures/linux/guest.json", "utf8"))

  it.effect("kernel is what the kernel sees of its own", () =>
    Effect.gen(function* () {
      const { objects } = yield* json("symbol", guest, "init_uts_ns")
      const address = objects[0].address
      const text = yield* run("read", guest, address, "cstr", "--space", "kernel")
      assert.match(text.out, /"Linux"/)
      const there = yield* json("translate", guest, address, "--space", "kernel")
      assert.strictEqual(there.objects[0].user, false)
      // It has no registers of processors: the kernel's tables are what is known of them.
      const cpu = yield* json("translate", guest, address)
      assert.deepStrictEqual(cpu.objects, there.objects)
      const said = yield* run("translate", guest, address)
      assert.match(said.err, /no registers of processors: cpu0 is the kernel's space/)
    })
  )

  it.effect("a number is what that process sees below the kernel; a thread of the kernel has its space", () =>
    Effect.gen(function* () {
      const [pid, files] = Object.entries<Record<string, string>>(facts.processes).find(([, files]) =>
        files["cmdline"]?.startsWith("/bin/worker\0one")
      )!
      const found = yield* json("find", guest, "two three", "--space", pid)
      assert.strictEqual(found.code, 0)
      const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(files["maps"]!)!
      const [from, to] = [BigInt(`0x${stack[1]}`), BigInt(`0x${stack[2]}`)]
      const matches = found.objects.filter(({ type }) => type === "match")
      assert.isAbove(matches.length, 0)
      for (const { address } of matches) assert.isTrue(BigInt(address) >= from && BigInt(address) < to)
      const kernel = yield* json("info", guest, "--space", "kernel")
      const thread = yield* json("info", guest, "--space", "2")
      assert.deepStrictEqual(thread.objects, kernel.objects)
    })
  )

  it.effect("of a process is listed by map as /proc/PID/maps has it, with what is in memory", () =>
    Effect.gen(function* () {
      const [pid, files] = Object.entries<Record<string, string>>(facts.processes).find(([, files]) =>
        files["cmdline"]?.startsWith("/bin/worker\0one")
      )!
      const { code, objects } = yield* json("map", guest, "--space", pid)
      assert.strictEqual(code, 0)
      const number = (text = "") => `0x${BigInt(`0x${text}`).toString(16)}`
      const expected = files["maps"]!.trimEnd()
        .split("\n")
        .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+\s*(.*)$/.exec(line)!)
        .filter(([, , , , , path]) => path !== "[vsyscall]")
        .map(([, start, end, permissions, offset, path]) => [
          number(start),
          number(end),
          permissions,
          number(offset),
          path === "" ? undefined : path
        ])
      assert.deepStrictEqual(
        objects.map(({ end, offset, path, permissions, start }) => [start, end, permissions, offset, path]),
        expected
      )
      const stack = objects.find(({ path }) => path === "[stack]")
      assert.isTrue(BigInt(stack.present) > 0n && BigInt(stack.present) < BigInt(stack.end) - BigInt(stack.start))
      const text = yield* run("map", guest, "--space", pid)
      assert.match(
        text.out,
        /^start .* size {5}present {2}perm {2}origin\n0x0*[0-9a-f]+ {2}0x.* r--p {2}\/bin\/worker\+0x0\n/
      )
      // Threads of the kernel have no areas: their space is drawn.
      assert.match((yield* run("map", guest, "--space", "2")).out, /a column is/)
    })
  )

  it.effect("are listed by spaces, with processes by their numbers", () =>
    Effect.gen(function* () {
      const { objects } = yield* json("spaces", guest)
      const names = objects.map(({ name }) => name)
      const running = Object.entries<Record<string, string>>(facts.processes)
        .filter(([, files]) => files["maps"] !== "")
        .map(([pid]) => pid)
      assert.deepStrictEqual(names.slice(0, 1 + running.length), ["kernel", ...running])
      assert.match(objects[1].why, /^root:0x[0-9a-f]+, process /)
    })
  )

  it.effect("refuses a process that there is not", () =>
    Effect.gen(function* () {
      const none = yield* run("info", guest, "--space", "99999")
      assert.deepStrictEqual([none.code, none.out], [2, ""])
      assert.match(none.err, /no process has the number 99999/)
      const raw = yield* run("info", elf, "--space", "1")
      assert.strictEqual(raw.code, 2)
      assert.match(raw.err, /no Linux kernel was found|a Linux kernel/)
    })
  )
})

describe("memmap translate", () => {
  it.effect("answers each address, entry by entry, down to the place in the file", () =>
    Effect.gen(function* () {
      const { code, objects } = yield* json("translate", elf, "0x401008", "0x402010", "0x5000")
      assert.strictEqual(code, 0)
      const [there, elsewhere, nowhere] = objects
      assert.deepStrictEqual(
        [there.address, there.physical, there.pageSize, there.permissions, there.user, there.entries.length],
        ["0x401008", "0x1008", 4096, "rw-", true, 4]
      )
      assert.deepStrictEqual(there.entries[0], { level: 4, address: "0x10000", value: "0x20007" })
      assert.strictEqual(there.origin.source, elf)
      assert.deepStrictEqual([elsewhere.physical, elsewhere.origin], ["0x900000010", undefined])
      assert.deepStrictEqual([nowhere.physical, nowhere.reason], [undefined, "the page tables map nothing there"])
    })
  )

  it.effect("says it in words too, and ends in 1 when nothing leads anywhere", () =>
    Effect.gen(function* () {
      const { out } = yield* run("translate", elf, "0x400010")
      assert.match(out, /^0x400010 is physical 0x3010\n {2}level 4 {13}0x20007 {2}at 0x10000\n/)
      assert.match(out, /page of 4 KiB, r-x, for programs, accessed, dirty\n {2}.*guest.elf, offset 0x[0-9a-f]+\n$/)
      const none = yield* run("translate", elf, "0x5000")
      assert.strictEqual(none.code, 1)
      assert.match(none.out, /^0x5000 leads to no page: the page tables map nothing there\n/)
      assert.match((yield* run("translate", elf, "0", "--space", "physical")).err, /has no page tables/)
    })
  )
})

describe("memmap spaces", () => {
  it.effect("lists what processors used", () =>
    Effect.gen(function* () {
      const { code, objects } = yield* json("spaces", elf)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(objects, [
        { type: "space", name: "cpu0", root: "0x10000", format: "x86-64", why: "root:0x10000, CR3 of processor 0" }
      ])
      const none = yield* run("spaces", raw)
      assert.deepStrictEqual([none.code, none.out], [1, ""])
      assert.match(none.err, /no page tables were found/)
    })
  )
})

describe("memmap diff", () => {
  it.effect("finds what has changed, and ends in 0 only when nothing has", () =>
    Effect.gen(function* () {
      const [a, b] = [path("a.bin"), path("b.bin")]
      writeFileSync(
        a,
        Uint8Array.from({ length: 64 }, (_, i) => i)
      )
      writeFileSync(
        b,
        Uint8Array.from({ length: 80 }, (_, i) => (i === 20 || i === 21 ? 0xff : i))
      )
      const text = yield* run("diff", `${a}@0x1000`, `${b}@0x1000`)
      assert.deepStrictEqual(text, {
        code: 1,
        out: "0x00001014-0x00001016  changed  2 B\n0x00001040-0x00001050  added    16 B\n",
        err: ""
      })
      assert.deepStrictEqual((yield* json("diff", `${a}@0x1000`, `${b}@0x1000`, "--align", "8")).objects, [
        { type: "difference", start: "0x1010", end: "0x1018", kind: "changed" },
        { type: "difference", start: "0x1040", end: "0x1050", kind: "added" }
      ])
      const same = yield* run("diff", `${a}@0x1000`, `${b}@0x1000`, "--range", "0x1000..0x1014")
      assert.deepStrictEqual(same, { code: 0, out: "", err: "no difference\n" })
      const shown = yield* run("diff", `${a}@0x1000`, `${b}@0x1000`, "--hexdump", "--range", "0x1000..0x1040")
      const [, left = "", right = ""] = shown.out.split("\n")
      assert.match(left, /^- 0x00001010 .* 14 15 /)
      assert.match(right, /^\+ 0x00001010 .* ff ff /)
      const sides = (yield* json("diff", `${a}@0x1000`, `${b}@0x1000`, "--hexdump", "--range", "0x1014..0x1016"))
        .objects
      assert.deepStrictEqual(
        sides.map(({ side, type }) => [type, side]),
        [
          ["difference", undefined],
          ["bytes", "A"],
          ["bytes", "B"]
        ]
      )
      assert.strictEqual((yield* run("diff", a, `${b}@0`)).code, 2)
    })
  )

  it.effect("compares spaces, in which pages that have moved are the same", () =>
    Effect.gen(function* () {
      const same = yield* run("diff", elf, raw, "--space", "root:0x10000", "--paging", "x86-64")
      assert.strictEqual(same.code, 0)
    })
  )
})

describe("memmap convert", () => {
  it.effect("cuts, leaves out and moves", () =>
    Effect.gen(function* () {
      const [source, out] = [path("c.bin"), path("c.hex")]
      writeFileSync(
        source,
        Uint8Array.from({ length: 64 }, (_, i) => i)
      )
      const flags = ["--range", "0x1000+32", "--without", "0x1008+8", "--without", "0x1018..0x1020", "--shift=-0x800"]
      assert.strictEqual((yield* run("convert", `${source}@0x1000`, out, ...flags)).code, 0)
      const { objects } = yield* json("info", out)
      assert.deepStrictEqual(
        objects.filter(({ type }) => type === "segment").map(({ end, start }) => [start, end]),
        [
          ["0x800", "0x808"],
          ["0x810", "0x818"]
        ]
      )
      const none = yield* run("convert", `${source}@0`, out, "--without", "0..64", "--force")
      assert.match(none.err, /nothing is left to write/)
      const far = yield* run("convert", `${source}@0`, out, "--shift=-1", "--force")
      assert.deepStrictEqual([far.code, far.out], [2, ""])
      const bytes = path("moved.bin")
      yield* run("convert", `${source}@0x1000`, bytes, "--range", "0xff0+32", "--shift", "16", "--fill", "0xee")
      assert.deepStrictEqual((yield* run("info", `${bytes}@0`)).code, 0)
    })
  )
})
