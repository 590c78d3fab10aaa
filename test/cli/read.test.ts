// memmap read of several values at once, of structs out of a header, and along lists, in the core dump of the fixture.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { read } from "../support/repo.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap } from "./run.ts"

const core = "test/fixtures/list.core"
const truth = JSON.parse(readFileSync("test/fixtures/list.json", "utf8")) as {
  readonly symbols: Readonly<Record<string, string>>
  readonly nodes: ReadonlyArray<{ readonly address: string; readonly id: number; readonly name: string }>
}
const head = truth.nodes[0]!.address
const structs = [...read("test/fixtures/list.c").matchAll(/^struct \w+ \{[^}]*\};/gm)].map(([text]) => text).join("\n")
const path = temporaryFiles({
  "list.h": new TextEncoder().encode(structs),
  "list.json": new TextEncoder().encode(
    JSON.stringify({ types: { node: { struct: { id: "i32", name: "char *", next: "node *" } } } })
  ),
  "wrong.h": new TextEncoder().encode("struct node {\n  foo x;\n};\n"),
  "wrong.json": new TextEncoder().encode('{ "types": ')
})
const run = (...args: ReadonlyArray<string>) => memmap(["read", core, ...args])

describe("memmap read", () => {
  for (const file of ["list.h", "list.json"]) {
    it.effect(`lists the structs that gdb saw, by types out of ${file}`, () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* run(head, "struct node", "--layout", path(file), "--list", "next")
        assert.deepStrictEqual([code, err], [0, ""])
        const rows = out.trimEnd().split("\n").slice(1)
        const seen = rows.map((row) => {
          const [, address, id, name] = /^0x0*(\w+) +(\d+) +0x\w+ "(\w+)"/.exec(row) ?? []
          return { address: `0x${address}`, id: Number(id), name }
        })
        assert.deepStrictEqual(
          seen,
          truth.nodes.map(({ address, id, name }) => ({ address, id, name }))
        )
      })
    )
  }

  it.effect("does so without a header, by types and the offset of the pointer", () =>
    Effect.gen(function* () {
      const { code, out } = yield* run(head, "i32,ptr,ptr", "3", "--list", "16")
      assert.strictEqual(code, 0)
      assert.match(out, /^address +i32 +ptr +ptr\n(0x\w+ +10[012]( +0x[0-9a-f]{16}){2}\n){3}$/)
    })
  )

  it.effect("shows one struct with its members", () =>
    Effect.gen(function* () {
      const { out } = yield* run(truth.symbols["numbers"]!, "numbers", "--layout", path("list.h"))
      assert.strictEqual(
        out,
        [
          `struct numbers at ${truth.symbols["numbers"]} {`,
          "  +0  int8_t i8 = -5",
          "  +2  uint16_t u16 = 48879",
          "  +4  int32_t i32 = -123456789",
          "  +8  uint32_t u32 = 3735928559",
          "  +10 int64_t i64 = -9223372036854775807",
          "  +18 uint64_t u64 = 18364758544493064720",
          "  +20 float f32 = 1.5",
          "  +28 double f64 = -2.25",
          "}",
          ""
        ].join("\n")
      )
    })
  )

  it.effect("lays several types as a struct of C has them, or side by side", () =>
    Effect.gen(function* () {
      const at = truth.symbols["numbers"]!
      const row = (...args: ReadonlyArray<string>) =>
        Effect.map(run(at, ...args), ({ out }) => out.split("\n")[1]?.split(/ +/).slice(1))
      assert.deepStrictEqual(yield* row("i8,u16 second"), ["-5", "48879"])
      assert.deepStrictEqual(yield* row("i8,u16 second", "--packed"), ["-5", String(0xef00)])
      assert.deepStrictEqual(yield* row("u8:4,u8:4"), ["11", "15"])
    })
  )

  it.effect("follows lists whose pointers lead into the middle of records", () =>
    Effect.gen(function* () {
      // One record is enough to see that it begins where it was said to.
      const { code, out } = yield* run(head, "i32,ptr,ptr", "1", "--list", "16", "--linked")
      assert.deepStrictEqual([code, out.split("\n").length], [0, 3])
    })
  )

  it.effect("says what is wrong with a type, a member or a file", () =>
    Effect.gen(function* () {
      const err = (...args: ReadonlyArray<string>) =>
        Effect.map(run(head, ...args), ({ code, err }) => `${code}: ${err.split("\n")[0]}`)
      assert.strictEqual(
        yield* err("u32,foo"),
        '2: memmap: TYPE: "foo" is none of u8, i8, u16, i16, u32, i32, u64, i64, f32, f64, ptr, cstr'
      )
      assert.strictEqual(yield* err("u32,cstr"), "2: memmap: cstr has no size of its own, so nothing can follow it")
      assert.strictEqual(yield* err("u32 a,u8 a"), "2: memmap: TYPE: two values have the name a")
      assert.strictEqual(
        yield* err("u32,ptr", "--list", "3"),
        "2: memmap: --list: no member of TYPE begins at offset 3"
      )
      assert.strictEqual(yield* err("u32,ptr", "--list", "next"), "2: memmap: --list: TYPE has no member next")
      assert.include(
        yield* err("node", "--layout", path("wrong.h")),
        'wrong.h: line 2: the type "foo" is not known here'
      )
      assert.match(yield* err("node", "--layout", path("wrong.json")), /wrong\.json: .*JSON/)
      assert.match(yield* err("node", "--layout", path("none.h")), /^2: memmap: .*none\.h/)
    })
  )

  it.effect("ends a list that leads astray with what there is and an error", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run(truth.symbols["banner"]!, "ptr,u8", "--list", "0")
      assert.strictEqual(code, 2)
      assert.strictEqual(out.trimEnd().split("\n").length, 2)
      assert.match(err, /^memmap: nothing is mapped at 0x/)
    })
  )
})
