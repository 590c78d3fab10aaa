import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap, type Ran } from "./run.ts"

const core = "test/fixtures/list.core"
const truth = JSON.parse(readFileSync("test/fixtures/list.json", "utf8"))
const text = (s: string) => new TextEncoder().encode(s)
const path = temporaryFiles({
  "app.hex": text(":10080000000102030405060708090A0B0C0D0E0F70\n:0400000500000800EF\n:00000001FF\n"),
  "patch.bin": text("PATCH"),
  "words.bin": Uint8Array.from([1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0xff, 0xff]),
  "far.bin": text("xyzzy xyzzy"),
  "a@b.bin": text("exact name"),
  "cut.core": readFileSync(core).subarray(0, 5000),
  "evil\u001b[2J\u009b.bin": text("evil\u001b[2J\u009b\0")
})

const run = (...args: ReadonlyArray<string>) => memmap(args)
const screen = ({ out }: Ran) =>
  out
    .replaceAll(path("x").slice(0, -1), "")
    .split("\n")
    .map((line) => line.trimEnd())
const objects = ({ out }: Ran): Array<Record<string, unknown>> =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("info", () => {
  it.effect("tells what is known of an image, and lists its segments", () =>
    Effect.gen(function* () {
      const ran = yield* run("info", path("app.hex"), `${path("patch.bin")}@0x804`)
      assert.deepStrictEqual(
        { ...ran, out: screen(ran) },
        {
          code: 0,
          err: "",
          out: [
            "image      app.hex",
            "format     Intel HEX",
            "start      0x800",
            "image      patch.bin@0x804",
            "format     raw bytes",
            "word size  not known (--word-size)",
            "byte order not known (--endian)",
            "mapped     16 B in 2 mappings, 1 run",
            "addresses  0x800 to 0x810",
            "holes      none inside",
            "",
            "start       end               size  perm  origin",
            "0x00000800  0x00000804         4 B  ???   app.hex",
            "0x00000804  0x00000809         5 B  ???   patch.bin+0x0, over app.hex",
            "0x00000809  0x00000810         7 B  ???   app.hex",
            ""
          ]
        }
      )
    })
  )

  it.effect("says the same in JSON Lines, with sizes as decimal and addresses as hex strings", () =>
    Effect.gen(function* () {
      const ran = yield* run("info", "--json", core)
      const [image, map, ...rest] = objects(ran)
      assert.deepInclude(image, { type: "image", path: core, format: "elf", kind: "core", machine: "x86-64" })
      assert.deepInclude(map, { type: "map", wordSize: 64, endian: "little", mapped: "221184", mappings: 17, runs: 9 })
      assert.strictEqual(rest.filter(({ type }) => type === "segment").length, 17)
      assert.strictEqual(rest.filter(({ type }) => type === "hole").length, 8)
      assert.deepStrictEqual(rest[1], {
        type: "segment",
        start: "0x555555558000",
        end: "0x555555559000",
        size: "4096",
        permissions: "rw-",
        name: "/tmp/list-fixture/list",
        source: core,
        offset: "0x1430"
      })
    })
  )

  it.effect("lays --over on top, and takes word size and byte order where the image has none", () =>
    Effect.gen(function* () {
      const flags = ["--word-size", "32", "--endian", "big", "--over", `${path("patch.bin")}@0x804`]
      const [, , map, ...segments] = objects(yield* run("info", path("app.hex"), "--json", ...flags))
      assert.deepInclude(map, { wordSize: 32, endian: "big" })
      assert.strictEqual(segments.length, 3)
    })
  )
})

describe("info of a file that was cut short", () => {
  it.effect("tells what is missing behind the last mapping", () =>
    Effect.gen(function* () {
      const ran = yield* run("info", path("cut.core"), "--truncated")
      assert.include(screen(ran), "absent     212.1 KiB of holes that say why")
      assert.match(ran.out, /3\.8 KiB +r-- .*\n0x0000555555557f58 {2}0x000055555555a000 +8\.1 KiB +hole: /)
      const holes = objects(yield* run("info", path("cut.core"), "--truncated", "--json")).filter(
        ({ type }) => type === "hole"
      )
      assert.strictEqual(
        holes.reduce((sum, { size }) => sum + Number(size), 0),
        221184 - 3928
      )
    })
  )
})

describe("hexdump", () => {
  it.effect("shows bytes across images, and holes as holes", () =>
    Effect.gen(function* () {
      const ran = yield* run("hexdump", path("app.hex"), "0x7f8", "0x50", "--over", `${path("patch.bin")}@0x804`)
      assert.strictEqual(ran.code, 0)
      assert.deepStrictEqual(screen(ran), [
        "0x000007f0                           -- -- -- -- -- -- -- --  |                |",
        "0x00000800  00 01 02 03 50 41 54 43  48 09 0a 0b 0c 0d 0e 0f  |....PATCH.......|",
        "0x00000810  -- -- -- -- -- -- -- --  -- -- -- -- -- -- -- --  |                |",
        "*           hole, 56 B, to 0x00000848",
        "0x00000840  -- -- -- -- -- -- -- --                           |                |",
        ""
      ])
    })
  )

  it.effect("takes a range in place of an address, and what is left of the address space", () =>
    Effect.gen(function* () {
      const patch = `${path("patch.bin")}@0xfffffffffffffffb`
      const whole = yield* run("hexdump", patch, "0xfffffffffffffff8", "8")
      assert.include(whole.out, "-- -- -- 50 41 54 43 48  |")
      for (const range of ["0xfffffffffffffff8+8", "0xfffffffffffffff8"]) {
        assert.deepStrictEqual(yield* run("hexdump", patch, range), whole)
      }
      const [first] = screen(yield* run("hexdump", path("app.hex"), "0x800..0x804"))
      assert.strictEqual(first, "0x00000800  00 01 02 03                                       |....            |")
    })
  )

  it.effect("answers 1 where nothing is mapped", () =>
    Effect.gen(function* () {
      const ran = yield* run("hexdump", core, "0x1000", "16")
      assert.deepInclude(ran, { code: 1, err: "" })
      assert.include(ran.out, "-- -- --")
    })
  )

  it.effect("colours on a terminal, when told to, and never when told so", () =>
    Effect.gen(function* () {
      const args = ["hexdump", path("app.hex"), "0x800", "16"]
      const plain = yield* memmap(args)
      const terminal = yield* memmap(args, { terminal: true })
      assert.notInclude(plain.out, "\u001b")
      assert.include(terminal.out, "\u001b[90m00\u001b[0m")
      // oxlint-disable-next-line no-control-regex
      assert.strictEqual(terminal.out.replace(/\u001b\[[\d;]*m/g, ""), plain.out)
      assert.strictEqual((yield* memmap([...args, "--color", "always"])).out, terminal.out)
      assert.strictEqual((yield* memmap([...args, "--color", "never"], { terminal: true })).out, plain.out)
    })
  )

  it.effect("gives bytes and holes in JSON", () =>
    Effect.gen(function* () {
      const ran = yield* run("hexdump", `${path("patch.bin")}@0`, "0", "8", "--json")
      assert.deepStrictEqual(objects(ran), [
        { type: "bytes", address: "0x0", length: "5", bytes: "UEFUQ0g=" },
        { type: "hole", start: "0x5", end: "0x8", size: "3" }
      ])
    })
  )
})

describe("read", () => {
  const words = `${path("words.bin")}@0x1000`
  const little = ["--endian", "little"]

  it.effect("reads all that fit in a range, and the texts that begin in it", () =>
    Effect.gen(function* () {
      const addresses = (ran: Ran) => objects(ran).map(({ address }) => address)
      const integers = yield* run("read", words, "0x1000+11", "u32", ...little, "--json")
      assert.deepStrictEqual(addresses(integers), ["0x1000", "0x1004"])
      const texts = yield* run("read", core, "0x555555557004..0x55555555700b", "cstr", "--json")
      assert.deepStrictEqual(
        objects(texts).map(({ value }) => value),
        ["alder", "birch"]
      )
    })
  )

  it.effect("answers 2 when a hole comes after the first values, and counts what is there", () =>
    Effect.gen(function* () {
      for (const args of [
        ["0x100e", "u16", "4"],
        ["0x100e..0x1016", "u16"]
      ]) {
        const ran = yield* run("read", words, ...args, ...little)
        assert.strictEqual(ran.code, 2)
        assert.strictEqual(screen(ran).length, 3)
        assert.include(ran.err, "nothing is mapped at 0x1012\n  asked  6 bytes at 0x100e; 4 are there\n")
      }
      assert.strictEqual((yield* run("read", words, "0x1012", "u16", "4", ...little)).code, 1)
    })
  )

  it.effect("reads each type as the map does", () =>
    Effect.gen(function* () {
      const value = (type: string, address: string, ...flags: ReadonlyArray<string>) =>
        Effect.map(run("read", words, address, type, ...flags), ({ out }) => out.trimEnd().replace(/^\S+ +/, ""))
      assert.strictEqual(yield* value("u8", "0x1010"), "255  0xff")
      assert.strictEqual(yield* value("i8", "0x1010"), "-1  0xff")
      assert.strictEqual(yield* value("i16", "0x1010", ...little), "-1  0xffff")
      assert.strictEqual(yield* value("u32", "0x1000", "--endian", "big"), "16777216  0x1000000")
      assert.strictEqual(yield* value("u64", "0x1000", ...little), "8589934593  0x200000001")
      assert.strictEqual(yield* value("f64", "0x1008", ...little), "NaN")
      const ptr = yield* value("ptr", "0x1000", ...little, "--word-size", "32")
      assert.strictEqual(ptr, "0x00000001  nothing is mapped there")
      assert.strictEqual(yield* value("cstr", "0x1000"), String.raw`"\u0001"`)
    })
  )

  it.effect("agrees with gdb on the dump", () =>
    Effect.gen(function* () {
      for (const [type, { address, value }] of Object.entries<{ address: string; value: string }>(truth.numbers)) {
        const [object] = objects(yield* run("read", core, address, type, "--json"))
        assert.deepStrictEqual(object, {
          type: "value",
          address,
          as: type,
          value: type.endsWith("64") && type !== "f64" ? value : Number(value)
        })
      }
      const { table } = truth.symbols
      const pointers = objects(yield* run("read", core, table, "ptr", String(truth.table.length), "--json"))
      assert.deepStrictEqual(
        pointers.map(({ value }) => value),
        truth.table
      )
      assert.deepInclude(objects(yield* run("read", core, truth.symbols.utf8, "cstr", "--json"))[0], {
        value: truth.utf8
      })
    })
  )

  it.effect("prints what there is before a hole, then says what is missing", () =>
    Effect.gen(function* () {
      const ran = yield* run("read", words, "0x1000", "u32", "9", ...little)
      assert.strictEqual(ran.code, 2)
      assert.strictEqual(ran.out.split("\n").length - 1, 4)
      assert.deepStrictEqual(ran.err.replaceAll(path("x").slice(0, -1), "").split("\n"), [
        "memmap: nothing is mapped at 0x1012",
        "  asked  20 bytes at 0x1000; 18 are there",
        "  hole   0x1012-0x10000000000000000, 15.9 EiB",
        "  below  words.bin ends at 0x1012",
        "  try    memmap info IMAGE lists what is mapped",
        ""
      ])
    })
  )

  it.effect("answers 1 where nothing is mapped, in JSON too", () =>
    Effect.gen(function* () {
      const ran = yield* run("read", core, "8", "u8", "--json")
      assert.deepInclude(ran, { code: 1, out: "" })
      const error = JSON.parse(ran.err)
      assert.deepInclude(error, { type: "error", tag: "UnmappedAddress", message: "nothing is mapped at 0x8" })
    })
  )

  it.effect("stops at --max-length, and goes on behind it", () =>
    Effect.gen(function* () {
      const ran = yield* run("read", `${path("far.bin")}@0`, "0", "cstr", "2", "--max-length", "5")
      assert.deepStrictEqual(screen(ran).slice(0, 2), [
        '0x00000000  "xyzzy"  no NUL in 5 bytes',
        '0x00000005  " xyzz"  no NUL in 5 bytes'
      ])
    })
  )
})

describe("map", () => {
  it.effect("draws the address space, its holes folded", () =>
    Effect.gen(function* () {
      const ran = yield* run("map", path("app.hex"), "--over", `${path("patch.bin")}@0x804`)
      assert.deepStrictEqual(screen(ran), [
        "~ 2 KiB hole",
        "0x800 .. 0x810  16 B, 2 mappings, a column is 1 B",
        `  ???        16 B  ####-----#######${" ".repeat(48)}  app.hex`,
        `  ???         5 B  ....#####.......${" ".repeat(48)}  patch.bin`,
        "~ 15.9 EiB hole up to the top",
        ""
      ])
      assert.include(ran.err, "covered by a later mapping")
    })
  )

  it.effect("writes the picture as SVG to a file", () =>
    Effect.gen(function* () {
      const svg = path("map.svg")
      assert.deepStrictEqual(yield* run("map", core, "--svg", svg), { code: 0, err: `wrote ${svg}\n`, out: "" })
      assert.match(readFileSync(svg, "utf8"), /^<svg .*aria-label="list.core"/)
      assert.strictEqual(
        (yield* run("map", core, "--svg", "-")).out,
        new TextDecoder("latin1").decode(readFileSync(svg))
      )
    })
  )

  it.effect("gives clusters and their parts in JSON", () =>
    Effect.gen(function* () {
      const clusters = objects(yield* run("map", core, "--json"))
      assert.strictEqual(clusters.length, 5)
      assert.deepInclude(clusters[3], { type: "cluster", start: "0x7fffffff7000", size: "32768" })
    })
  )
})

describe("images", () => {
  it.effect("a file of that very name goes before PATH@ADDRESS", () =>
    Effect.gen(function* () {
      const ran = yield* run("info", path("a@b.bin"), "--format", "raw", "--json")
      assert.deepInclude(objects(ran)[1], { start: "0x0", end: "0xa" })
      const placed = yield* run("info", `${path("a@b.bin")}@16`, "--json")
      assert.deepInclude(objects(placed)[1], { start: "0x10", end: "0x1a" })
    })
  )

  it.effect("cannot command the terminal, by name or by content", () =>
    Effect.gen(function* () {
      const evil = `${path("evil\u001b[2J\u009b.bin")}@0`
      const commands = [
        ["info", evil],
        ["map", evil],
        ["strings", evil],
        ["read", evil, "0", "cstr"],
        ["read", evil, "0xffff", "u8"],
        ["find", evil, "evil", "--context", "4"],
        ["hexdump", evil, "zz\u001b"],
        ["info", "nowhere\u001b"]
      ]
      for (const args of commands) {
        for (const json of [[], ["--json"]]) {
          const { err, out } = yield* run(...args, ...json)
          // oxlint-disable-next-line no-control-regex
          assert.notMatch(out + err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/, args.join(" "))
        }
      }
    })
  )
})
