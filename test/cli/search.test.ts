import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { temporaryFiles } from "../support/temporary.ts"
import { interrupted, memmap, type Ran } from "./run.ts"

const core = "test/fixtures/list.core"
const truth = JSON.parse(readFileSync("test/fixtures/list.json", "utf8"))
const path = temporaryFiles({
  "low.bin": new TextEncoder().encode("...NEE"),
  "high.bin": new TextEncoder().encode("DLE and needle"),
  "wide.bin": Uint8Array.from("wide\0text".split("").flatMap((c) => [c.charCodeAt(0), 0])),
  "many.bin": new Uint8Array(1 << 22).fill(0x61)
})
const run = (...args: ReadonlyArray<string>) => memmap(args)
const rows = ({ out }: Ran) =>
  out
    .replaceAll(path("x").slice(0, -1), "")
    .split("\n")
    .map((line) => line.trimEnd())
    .slice(0, -1)
const objects = ({ out }: Ran): Array<Record<string, unknown>> =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
const addresses = (ran: Ran) => rows(ran).map((row) => `0x${BigInt(row.split(" ")[0] ?? "").toString(16)}`)
/** Without the time, which differs. */
const receipt = ({ err }: Ran) => err.split("\n").map((line) => line.replace(/\d+(\.\d+)? m?s\b/, "TIME"))

const two = [`${path("low.bin")}@0x1000`, "--over", `${path("high.bin")}@0x1006`]

describe("find", () => {
  it.effect("finds what straddles two images, and says where it comes from", () =>
    Effect.gen(function* () {
      const ran = yield* run("find", ...two, "NEEDLE")
      assert.strictEqual(ran.code, 0)
      assert.deepStrictEqual(rows(ran), ["0x00001003  |NEEDLE and needle|  low.bin+0x3 and 1 more"])
      assert.deepStrictEqual(receipt(ran), ["1 match in 20 B, 2 holes passed over, TIME", ""])
      const [match, summary] = objects(yield* run("find", ...two, "NEEDLE", "--json"))
      assert.deepStrictEqual(match, {
        type: "match",
        address: "0x1003",
        length: "6",
        pattern: '"NEEDLE"',
        origins: [
          { name: path("low.bin"), source: path("low.bin"), offset: "0x3", length: "3" },
          { name: path("high.bin"), source: path("high.bin"), offset: "0x0", length: "3" }
        ],
        bytes: "TkVFRExF"
      })
      assert.deepInclude(summary, { type: "summary", found: "1", searched: "20", mapped: "20", complete: true })
    })
  )

  it.effect("takes text in either case, hexadecimal, expressions, several patterns at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(addresses(yield* run("find", ...two, "-i", "needle")), ["0x1003", "0x100e"])
      assert.deepStrictEqual(addresses(yield* run("find", ...two, "--hex", "4e 45 ?5 4?")), ["0x1003"])
      assert.deepStrictEqual(addresses(yield* run("find", ...two, "--regex", "[a-z]{3}")).slice(0, 2), [
        "0x100a",
        "0x100e"
      ])
      assert.deepStrictEqual(rows(yield* run("find", ...two, "NEE", "and")), [
        '0x00001003  |NEEDLE and needle|  low.bin+0x3  "NEE"',
        '0x0000100a  |and needle|  high.bin+0x4  "and"'
      ])
      assert.deepStrictEqual(addresses(yield* run("find", `${path("wide.bin")}@0`, "--utf16", "text")), ["0xa"])
      assert.deepStrictEqual(addresses(yield* run("find", ...two, "e", "--align", "2")), ["0x1010"])
    })
  )

  it.effect("finds who points to an address, and into an object", () =>
    Effect.gen(function* () {
      const [first, second] = truth.nodes
      const to = yield* run("find", core, "--pointer", second.address)
      const next = `0x${(BigInt(first.address) + 16n).toString(16)}`
      assert.include(addresses(to), next)
      assert.include(to.out, `-> 0x${BigInt(second.address).toString(16).padStart(16, "0")}`)
      const into = yield* run("find", core, "--points-into", `${second.address}+24`)
      assert.deepStrictEqual(into.out, to.out)
    })
  )

  it.effect("shows the bytes around each match when asked", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(rows(yield* run("find", ...two, "DLE", "--context", "4")), [
        `0x00001006  |DLE and needle|  high.bin+0x0`,
        "0x00001000        2e 4e 45 45 44 4c  45 20 61 6e 64           |  .NEEDLE and   |",
        ""
      ])
    })
  )

  it.effect("counts, stops at a limit, stays in a range", () =>
    Effect.gen(function* () {
      const count = yield* run("find", ...two, "e", "--count")
      assert.deepStrictEqual(count.out, "3\n")
      assert.deepStrictEqual(objects(yield* run("find", ...two, "e", "-c", "--json"))[0], { type: "count", found: "3" })
      const limited = yield* run("find", ...two, "e", "--limit", "2", "--range", "0x1000..0x2000")
      assert.strictEqual(rows(limited).length, 2)
      assert.deepStrictEqual(receipt(limited), [
        "2 matches in the first 17 B of 20 B, 1 hole passed over, TIME; stopped at --limit 2",
        "  go on with --range 0x1011..0x2000",
        ""
      ])
      const rest = yield* run("find", ...two, "e", "--range", "0x1011..0x2000")
      assert.strictEqual(rows(rest).length, 1)
    })
  )

  it.effect("answers 1 when there is none, and then tells how much was searched", () =>
    Effect.gen(function* () {
      const ran = yield* run("find", core, "no such text", "--stats")
      assert.deepInclude(ran, { code: 1, out: "" })
      const [line, searched, holes] = receipt(ran)
      assert.strictEqual(line, "0 matches in 216 KiB, 10 holes passed over, TIME")
      assert.match(searched ?? "", /^ {2}searched {2}221184 bytes/)
      assert.strictEqual(holes, `  holes     ${2n ** 64n - 221184n} bytes in 10`)
      assert.strictEqual((yield* run("find", core, "no such text", "-q")).err, "")
    })
  )

  it.effect("tells nothing found from nothing there", () =>
    Effect.gen(function* () {
      const ran = yield* run("find", ...two, "e", "--range", "0..0x1000")
      assert.deepInclude(ran, { code: 1, out: "" })
      assert.deepStrictEqual(receipt(ran), ["0 matches: nothing is mapped in 0x0-0x1000, TIME", ""])
    })
  )

  it.effect("prints what was found so far when it is interrupted", () =>
    Effect.gen(function* () {
      const ran = yield* interrupted(["find", `${path("many.bin")}@0`, "a"])
      assert.strictEqual(ran.code, 130)
      const printed = ran.out.split("\n").length - 1
      assert.isAbove(printed, 0)
      assert.isBelow(printed, 1 << 22)
      assert.match(ran.err, /^\d+ matches in the first .* of 4 MiB, .*; interrupted\n {2}go on with --range 0x/)
    })
  )
})

describe("strings", () => {
  it.effect("prints texts with their addresses, across images", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(rows(yield* run("strings", ...two, "--min", "6")), ["0x00001000  ...NEEDLE and needle"])
      const wide = yield* run("strings", `${path("wide.bin")}@0`, "--encoding", "utf16le", "--json")
      assert.deepInclude(objects(wide)[1], { type: "text", address: "0xa", encoding: "utf16le", text: "text" })
    })
  )

  it.effect("finds what gdb knows of, and answers 1 when there is nothing", () =>
    Effect.gen(function* () {
      const banner = BigInt(truth.symbols.banner)
      const { out } = yield* run("strings", core, "--range", `${banner}+64`)
      assert.include(out, `0x${banner.toString(16).padStart(16, "0")}  ${truth.banner}\n`)
      assert.deepInclude(yield* run("strings", core, "--min", "60000"), { code: 1, out: "" })
    })
  )

  it.effect("goes on where an earlier search stopped", () =>
    Effect.gen(function* () {
      const all = rows(yield* run("strings", core, "--min", "8"))
      const some = yield* run("strings", core, "--min", "8", "--limit", "2")
      const range = /--range (\S+)/.exec(some.err)?.[1] ?? ""
      const rest = yield* run("strings", core, "--min", "8", "--range", range)
      assert.deepStrictEqual([...rows(some), ...rows(rest)], all)
    })
  )
})
