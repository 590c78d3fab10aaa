import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"
import { readFileSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"
import { read } from "../support/repo.ts"
import { version } from "../../src/cli/Main.ts"
import { memmap } from "./run.ts"

const core = "test/fixtures/list.core"
const path = temporaryFiles({
  "raw.bin": new Uint8Array(64),
  "empty.bin": new Uint8Array(),
  "cut.core": readFileSync(core).subarray(0, 5000),
  // An ELF header that says nothing of segments.
  "header.elf": Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...new Uint8Array(57)])
})
const raw = `${path("raw.bin")}@0x1000`

/** What is wrong, and what memmap says of it: exit code 2, nothing on stdout, never a stack trace. */
const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
  [[], /USAGE/],
  [["reed"], /^memmap: there is no command "reed"\n {2}try {4}memmap read\n$/],
  [["qwertz"], /no command "qwertz"\n {2}try {4}memmap --help\n$/],
  [["find", core, "--limti", "1"], /^memmap: there is no flag --limti\n {2}try {4}--limit\n$/],
  [["find", core, "x", "--limit"], /--limit wants a value: N\n/],
  [["info", core, "--endian", "middle"], /--endian: "middle" is none of little, big\n/],
  [["verify", core, core], /too many arguments, "test/],
  [["read"], /^memmap: IMAGE is missing\n {2}try {4}memmap read --help/],
  [["read", core, "0", "u128"], /TYPE: "u128" is none of u8, .*cstr\n {2}try {4}memmap read --help/],
  [["hexdump", core, "zz"], /ADDRESS: "zz" is not a number/],
  [["hexdump", core, "0x10000000000000000"], /not an address/],
  [["hexdump", core, "-1"], /-1/],
  [["hexdump", core, "0", "4KB"], /LENGTH: .*write 4KiB|LENGTH: .*KiB/],
  [["hexdump", core, "0", "0"], /LENGTH is 0/],
  [
    ["hexdump", core, "0xfffffffffffffff0", "17"],
    /past the end of the address space.*\n {2}try {4}a LENGTH of 16 at most/
  ],
  [["hexdump", core, "0", "--what"], /--what/],
  [["read", core, "0", "u8", "1", "2"], /"2"/],
  [["info", "nowhere"], /^memmap: nowhere: there is no such file\n$/],
  [["info", "test"], /^memmap: test: /],
  [["info", path("empty.bin")], /empty.bin/],
  [["info", path("raw.bin")], /no known format\n {2}try {4}.*raw.bin@ADDRESS/],
  [["info", path("cut.core")], /the file is cut short.* missing\n {2}try {4}--truncated to read the rest\n$/],
  [["info", path("header.elf")], /elf, offset 0x/],
  [["info", `${path("raw.bin")}@zz`], /no such file, and what follows the @ is no address\n {2}why {4}"zz"/],
  [["info", `${path("raw.bin")}@0xffffffffffffffc1`], /past the end of the address space by 1 byte/],
  [["info", core, "--word-size", "32"], /has the word size 64; --word-size 32 contradicts it\n {2}try {4}without/],
  [["info", core, "--endian", "big"], /has the byte order little; --endian big contradicts it/],
  [["info", core, "--word-size", "16"], /--word-size/],
  [["read", raw, "0x1000", "u32"], /does not say its byte order\n {2}try {4}--endian little or --endian big/],
  [["read", raw, "0x1000", "ptr", "--endian", "big"], /does not say its word size/],
  [["read", raw, "0x1000", "u8", "2", "--max-length", "0"], /--max-length: 0 is too small: 1 at least/],
  [["read", raw, "0x1000", "u8", "0"], /COUNT: 0 is too small: 1 at least/],
  [["read", raw, "0x1000..0x1004", "u8", "4"], /a range says itself how many fit\n {2}try/],
  [["read", raw, "0x1000+3", "u32", "--endian", "big"], /no room for one u32/],
  [["hexdump", raw, "0x1000+16", "16"], /a range says its length itself\n {2}try/],
  [["hexdump", raw, "16..16"], /the range is empty/],
  [["hexdump", raw, "16..8"], /ADDRESS: "16..8" ends before it starts/],
  [["hexdump", raw, "0xffffffffffffffff+2"], /past the end of the address space/],
  [["find", raw], /A PATTERN is missing/],
  [["find", raw, ""], /empty/],
  [["find", raw, "--hex", "4x"], /"x" is no hexadecimal digit/],
  [["find", raw, "--regex", "("], /at position 0/],
  [["find", raw, "--hex", "--regex", "41"], /one of them only/],
  [["find", raw, "--hex", "-i", "41"], /--ignore-case is for text/],
  [["find", raw, "--pointer", "x", "--endian", "big"], /--pointer: "x" is not a number/],
  [["find", raw, "--points-into", "5..1"], /ends before it starts/],
  [["find", raw, "x", "--points-into", "1..5"], /one or the other/],
  [["find", raw, "x", "--range", "1"], /--range: "1" is not a range/],
  [["find", raw, "x", "--limit", "0"], /--limit: 0 is too small: 1 at least/],
  [["convert", raw, path("out.bin"), "--range", "0..16"], /nothing is mapped in 0x0-0x10/],
  [["convert", raw, path("out.bin"), "--fill", "256"], /--fill: 256 is too large: 255 at most/]
]

describe("wrong usage", () => {
  for (const [args, says] of refused) {
    it.effect(`memmap ${args.join(" ").replaceAll(path("x").slice(0, -1), "")}`, () =>
      Effect.gen(function* () {
        const ran = yield* memmap(args)
        assert.deepStrictEqual({ code: ran.code, out: ran.out }, { code: 2, out: "" })
        assert.match(ran.err, says)
        assert.notMatch(ran.err, /^ {4}at |Error:|undefined|\[object/m)
      })
    )
  }

  it.effect("is told in JSON too, when JSON is asked for", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* memmap(["info", "nowhere", "--json"])
      assert.deepStrictEqual({ code, out }, { code: 2, out: "" })
      assert.deepStrictEqual(JSON.parse(err), {
        type: "error",
        tag: "PlatformError",
        message: "nowhere: there is no such file",
        details: {}
      })
      const usage = yield* memmap(["--json", "inof", core])
      assert.deepStrictEqual(JSON.parse(usage.err), {
        type: "error",
        tag: "UsageError",
        message: 'there is no command "inof"',
        details: { try: "memmap info" }
      })
    })
  )
})

describe("help", () => {
  it.effect("says the version of the package", () =>
    Effect.gen(function* () {
      assert.strictEqual(version, JSON.parse(read("package.json")).version)
      assert.deepStrictEqual(yield* memmap(["--version"]), { code: 0, err: "", out: `memmap ${version}\n` })
    })
  )

  it.effect("has the colours that were asked for", () =>
    Effect.gen(function* () {
      const plain = yield* memmap(["--help"])
      const styled = yield* memmap(["--help"], { terminal: true })
      assert.notInclude(plain.out, "\u001b")
      assert.include(styled.out, "\u001b[")
      assert.deepStrictEqual(yield* memmap(["--help", "--color", "always"]), styled)
      assert.deepStrictEqual(yield* memmap(["--help", "--color=never"], { terminal: true }), plain)
    })
  )

  const manual = read("docs/cli.md")
  const commands = [
    "info",
    "hexdump",
    "read",
    "find",
    "strings",
    "convert",
    "verify",
    "map",
    "uname",
    "dmesg",
    "ps",
    "modules",
    "mounts",
    "symbol",
    "struct",
    "diff",
    "translate",
    "spaces",
    "fleet"
  ]
  const below = ["find", "add", "ask", "work", "status", "answers"].map((name) => `fleet ${name}`)

  it.effect("lists every command, as docs/cli.md does", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* memmap(["--help"])
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      const listed = [...(out.split("SUBCOMMANDS\n")[1] ?? "").matchAll(/^ {2}(\w+) /gm)].map((match) => match[1])
      assert.deepStrictEqual(listed, commands)
      assert.include(manual, out.trimEnd())
    })
  )

  for (const command of [...commands, ...below]) {
    it.effect(`of ${command} is what docs/cli.md has`, () =>
      Effect.gen(function* () {
        const { code, out } = yield* memmap([...command.split(" "), "--help"])
        assert.strictEqual(code, 0)
        assert.include(manual, `## memmap ${command}\n`)
        assert.include(manual, out.trimEnd())
      })
    )
  }

  it.effect("completes commands in each shell", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"]) {
        assert.strictEqual((yield* memmap(["--completions", shell])).code, 0)
        const script = String((yield* TestConsole.logLines).at(-1))
        for (const word of [...commands, "points-into"]) assert.include(script, word)
        if (shell === "zsh") assert.match(script, /'\*:A file in a format .*:_files'/)
      }
    })
  )
})
