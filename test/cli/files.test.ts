import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap } from "./run.ts"

const core = "test/fixtures/list.core"
const text = (s: string) => new TextEncoder().encode(s)
const path = temporaryFiles({
  "app.hex": text(":10080000000102030405060708090A0B0C0D0E0F70\n:0400000500000800EF\n:00000001FF\n"),
  "patch.bin": text("PATCH")
})
const run = (...args: ReadonlyArray<string>) => memmap(args)
const patched = [path("app.hex"), "--over", `${path("patch.bin")}@0x804`]
const bytes = "00 01 02 03 50 41 54 43  48 09 0a 0b 0c 0d 0e 0f"

describe("--no-mmap", () => {
  it.effect("answers the same, before the command and behind it", () =>
    Effect.gen(function* () {
      const mapped = yield* run("hexdump", core, "0x55555555808f", "32")
      assert.deepStrictEqual(yield* run("hexdump", core, "0x55555555808f", "32", "--no-mmap"), mapped)
      assert.deepStrictEqual(yield* run("--no-mmap", "hexdump", core, "0x55555555808f", "32"), mapped)
    })
  )
})

describe("convert", () => {
  for (const ending of ["snap", "lime", "hex", "s19", "uf2"]) {
    it.effect(`writes .${ending}, which opens as the same bytes`, () =>
      Effect.gen(function* () {
        const out = path(`out.${ending}`)
        const ran = yield* run("convert", ...patched, out)
        assert.deepInclude(ran, { code: 0, out: "" })
        assert.match(ran.err, /^wrote .*, 16 B of memory\n/)
        assert.include((yield* run("hexdump", out, "0x800", "16")).out, bytes)
        assert.deepInclude(yield* run("verify", out), { code: 0, err: "" })
      })
    )
  }

  it.effect("keeps the start address of the image where the format has one", () =>
    Effect.gen(function* () {
      yield* run("convert", path("app.hex"), path("start.srec"))
      assert.include((yield* run("info", path("start.srec"))).out, "start      0x800\n")
    })
  )

  it.effect("says what was lost, and nothing when it keeps everything", () =>
    Effect.gen(function* () {
      const lime = yield* run("convert", core, path("core.lime"))
      assert.include(
        lime.err,
        "not kept, as lime has no place for it: names, permissions, the word size, the byte order, notes\n"
      )
      const snap = yield* run("convert", core, path("core.snap"))
      assert.include(snap.err, "not kept, as snapshot has no place for it: notes\n")
      const reconverted = yield* run("convert", path("core.snap"), path("again.snap"))
      assert.notInclude(reconverted.err, "not kept")
      const start = yield* run("convert", path("app.hex"), path("app.snap"))
      assert.include(start.err, "not kept, as snapshot has no place for it: the start address\n")
      const kept = yield* run("convert", path("app.hex"), path("app.srec"))
      assert.include(kept.err, "not kept, as srec has no place for it: names\n")
      const map = (yield* run("info", core)).out.split("\n\n")[1]?.replace(/ \(.*| *list.core\+.*/gm, "")
      const again = (yield* run("info", path("core.snap"))).out.split("\n\n")[1]?.replace(/ \(.*/gm, "")
      assert.deepStrictEqual(again?.split("\n").length, map?.split("\n").length)
    })
  )

  it.effect("says so in JSON when it is asked to", () =>
    Effect.gen(function* () {
      const out = path("json.lime")
      const { code, err, out: json } = yield* run("convert", core, out, "--json")
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      assert.deepStrictEqual(JSON.parse(json), {
        type: "written",
        path: out,
        format: "lime",
        bytes: "221184",
        lost: ["names", "permissions", "the word size", "the byte order", "notes"]
      })
    })
  )

  it.effect("writes a range, fills holes when told with what, and writes to a pipe", () =>
    Effect.gen(function* () {
      const args = [...patched, "-", "--to", "raw", "--range", "0x802..0x812"]
      assert.include((yield* run("convert", ...args)).err, "0x810")
      const { code, out } = yield* run("convert", ...args, "--fill", "0x2a")
      assert.deepStrictEqual({ code, out }, { code: 0, out: "\x02\x03PATCH\x09\x0a\x0b\x0c\x0d\x0e\x0f**" })
    })
  )

  it.effect("replaces a file only when told to, and leaves no half one behind", () =>
    Effect.gen(function* () {
      const out = path("kept.bin")
      writeFileSync(out, "old")
      const refused = yield* run("convert", path("app.hex"), out)
      assert.deepStrictEqual(refused, {
        code: 2,
        out: "",
        err: `memmap: ${out} exists already\n  try    --force to replace it\n`
      })
      // Too high an address for the format: nothing is written.
      assert.strictEqual((yield* run("convert", core, out, "--to", "ihex", "--force")).code, 2)
      assert.strictEqual(readFileSync(out, "utf8"), "old")
      assert.strictEqual((yield* run("convert", path("app.hex"), out, "-f")).code, 0)
      assert.strictEqual(readFileSync(out).length, 16)
      assert.deepStrictEqual(
        readdirSync(path("")).filter((name) => name.includes("partial")),
        []
      )
    })
  )

  it.effect("asks which chip it is for when there are several", () =>
    Effect.gen(function* () {
      const families = ["0xe48bff56", "0xe48bff59"]
      yield* Effect.forEach(families, (family) => run("convert", ...patched, path(`${family}.uf2`), "--family", family))
      const both = Buffer.concat(families.map((family) => readFileSync(path(`${family}.uf2`))))
      writeFileSync(path("both.uf2"), both)
      const asked = yield* run("convert", path("both.uf2"), path("one.uf2"))
      assert.strictEqual(asked.code, 2)
      assert.include(asked.err, "blocks of 2 families, 0xe48bff56, 0xe48bff59")
      const unknown = yield* run("convert", path("both.uf2"), path("one.uf2"), "--family", "1")
      assert.strictEqual(unknown.code, 2)
      assert.include(unknown.err, "--family N: choose a family: 0xe48bff56, 0xe48bff59")
      const chosen = yield* run("convert", path("both.uf2"), path("one.uf2"), "--family", families[1]!)
      assert.strictEqual(chosen.code, 0)
      assert.deepStrictEqual(readFileSync(path("one.uf2")), readFileSync(path(`${families[1]}.uf2`)))
    })
  )

  it.effect("keeps what an image says that others are laid over, and names what it cannot keep of these", () =>
    Effect.gen(function* () {
      const over = path("over.hex")
      writeFileSync(over, ":01080500AA48\n:0400000500000900EE\n:00000001FF\n")
      const ran = yield* run("convert", path("app.hex"), "--over", over, path("both.srec"))
      assert.include(ran.err, `not kept: the start address of ${over}: that of an image below is kept\n`)
      assert.include((yield* run("info", path("both.srec"))).out, "start      0x800\n")
      const patch = yield* run("convert", ...patched, path("patched.srec"))
      assert.notInclude(patch.err, "start")
      assert.include((yield* run("info", path("patched.srec"))).out, "start      0x800\n")
    })
  )

  it.effect("says how much it fills to write whole pages, or whole sectors when told to", () =>
    Effect.gen(function* () {
      const pages = yield* run("convert", path("app.hex"), path("pages.uf2"))
      assert.include(pages.err, "240 bytes filled with 0xff, to whole units of 256 bytes\n")
      const sectors = yield* run("convert", path("app.hex"), path("sectors.uf2"), "--align", "4096", "--fill", "0")
      assert.include(sectors.err, "4080 bytes filled with 0x0, to whole units of 4096 bytes\n")
    })
  )

  it.effect("reads a text with other lines when it is lenient, and says which they are", () =>
    Effect.gen(function* () {
      const file = path("comment.hex")
      writeFileSync(file, `${readFileSync(path("app.hex"), "utf8")}# a comment\n`)
      const strict = yield* run("info", file)
      assert.strictEqual(strict.code, 2)
      assert.match(strict.err, /line \d+: a record starts with ":".*\n {2}try {4}--lenient/)
      const lenient = yield* run("info", file, "--lenient")
      assert.strictEqual(lenient.code, 0)
      assert.match(lenient.err, /comment\.hex: line \d+ passed over: a record starts/)
      assert.match(lenient.out, /\npassed by {2}line \d+: a record starts/)
    })
  )

  it.effect("refuses what would fill the disk with holes, and what has no place", () =>
    Effect.gen(function* () {
      const huge = yield* run("convert", core, path("huge.bin"), "--fill", "0")
      assert.deepInclude(huge, { code: 2, out: "" })
      assert.match(
        huge.err,
        /huge.bin would be 15.9 EiB long, with 15.9 EiB of filled holes\n {2}try {4}--range.*--huge/
      )
      const hole = yield* run("convert", core, path("hole.bin"))
      assert.match(hole.err, /^memmap: cannot be written as raw: 0x\S+ is a hole.*\n {2}try {4}--fill N .*--range/)
      const high = yield* run("convert", core, path("high.hex"))
      assert.match(high.err, /cannot be written as ihex: .*0xffffffff\n {2}try {4}--range/)
      for (const args of [
        ["convert", core, path("no/such.snap")],
        ["map", core, "--svg", path("no/such.svg")]
      ]) {
        const nowhere = yield* run(...args)
        assert.deepInclude(nowhere, { code: 2, out: "" })
        assert.match(nowhere.err, /cannot be written: there is no directory .*no\n$/)
      }
    })
  )

  it.effect("asks for a format it cannot guess, and gives no bytes to a terminal", () =>
    Effect.gen(function* () {
      const unknown = yield* run("convert", path("app.hex"), path("app.what"))
      assert.deepInclude(unknown, { code: 2, out: "" })
      assert.include(unknown.err, "which format?")
      const terminal = yield* memmap(["convert", path("app.hex"), "-", "--to", "raw"], { terminal: true })
      assert.deepInclude(terminal, { code: 2, out: "" })
    })
  )
})

describe("verify", () => {
  it.effect("finds the bit that was flipped, and says where", () =>
    Effect.gen(function* () {
      const snap = path("flipped.snap")
      yield* run("convert", core, snap)
      assert.match((yield* run("verify", snap)).out, /: snapshot, 17 segments, 216 KiB: all checksums are right\n$/)
      const file = readFileSync(snap)
      file[file.length - 100] = file[file.length - 100]! ^ 1
      writeFileSync(snap, file)
      const ran = yield* run("verify", snap)
      assert.deepInclude(ran, { code: 2, out: "" })
      assert.match(ran.err, /^memmap: .*flipped.snap.* 0x[0-9a-f]+/)
    })
  )

  it.effect("checks what other formats have of checks", () =>
    Effect.gen(function* () {
      writeFileSync(path("bad.hex"), ":0100000041BE\n:0100010042BD\n:00000001FF\n")
      const ran = yield* run("verify", path("bad.hex"), "--json")
      assert.deepInclude(ran, { code: 2, out: "" })
      assert.match(JSON.parse(ran.err).message, /line 2/)
      const good = yield* run("verify", path("app.hex"), "--json")
      assert.deepInclude(JSON.parse(good.out), { type: "verified", format: "ihex", segments: 1, bytes: "16" })
    })
  )

  it.effect("tells damaged notes of a core, and reads no zeros that are in no file", () =>
    Effect.gen(function* () {
      const file = readFileSync(core)
      const view = new DataView(file.buffer, file.byteOffset, file.length)
      const headers = Array.from({ length: view.getUint16(56, true) }, (_, i) => 64 + 56 * i)
      const note = headers.find((at) => view.getUint32(at, true) === 4)!
      view.setUint32(Number(view.getBigUint64(note + 8, true)) + 4, 0x7fff_ffff, true)
      writeFileSync(path("notes.core"), file)
      const ran = yield* run("verify", path("notes.core"))
      assert.deepInclude(ran, { code: 2, out: "" })
      assert.match(ran.err, /notes\.core: elf, notes, offset 0x[0-9a-f]+: n_descsz 0x7fffffff/)

      const load = headers.find((at) => view.getUint32(at, true) === 1)!
      const program = new Uint8Array(readFileSync(core))
      const fields = new DataView(program.buffer)
      fields.setUint16(16, 2, true)
      fields.setUint16(56, 1, true)
      program.copyWithin(64, load, load + 56)
      fields.setBigUint64(64 + 40, 1n << 60n, true)
      writeFileSync(path("huge.elf"), program)
      const huge = yield* run("verify", path("huge.elf"), "--json")
      assert.deepInclude(JSON.parse(huge.out), { segments: 2, bytes: String(1n << 60n) })
    })
  )
})
