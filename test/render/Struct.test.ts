import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Layout from "../../src/Layout.ts"
import * as LayoutFile from "../../src/LayoutFile.ts"
import * as Line from "../../src/render/Line.ts"
import * as Struct from "../../src/render/Struct.ts"
import { at, mapOf } from "../layout/maps.ts"

const header = `
  enum state { IDLE, BUSY };
  struct point { short x, y; };
  struct task {
    unsigned up:1, mode:3, :28;
    char comm[8];
    struct point path[2];
    struct task *next;
    enum state states[3];
    union { float real; u8 bytes[4]; };
    const char *name;
  };
`

describe("a struct with values", () => {
  it.effect("shows members with offsets, records inside it, and what pointers lead to", () =>
    Effect.gen(function* () {
      const task = Result.getOrThrow(LayoutFile.parseHeader(header)).get("task")!
      const bytes = new Uint8Array(64)
      bytes.set([0x0b, 0, 0, 0, 0x61, 0x1b, 0x62, 0], 0)
      bytes.set([1, 0, 0xff, 0xff, 3, 0, 4, 0, 0, 0x10], 12)
      bytes.set([1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x3f], 32)
      bytes.set([0, 0x20], 48)
      const value = yield* Layout.read(yield* mapOf(bytes), task, at)
      const lines = Struct.lines(task, value, { address: at, texts: new Map([[0x2000n, "init"]]) })
      assert.deepStrictEqual(lines.map(Line.plain), [
        "struct task at 0x1000 {",
        "  +0  unsigned int up:1 = 1",
        "  +0  unsigned int mode:3 = 5",
        '  +4  char comm[8] = "a\\u001bb"',
        "  +c  struct point path[2] = {",
        "  +c    [0] = {",
        "  +c      short x = 1",
        "  +e      short y = -1",
        "        }",
        "  +10   [1] = {",
        "  +10     short x = 3",
        "  +12     short y = 4",
        "        }",
        "      }",
        "  +18 struct task *next = NULL",
        "  +20 enum state states[3] = { BUSY, 9, IDLE }",
        "  +2c float real = 1.5",
        "  +2c uint8_t bytes[4] = { 0, 0, 192, 63 }",
        '  +30 char *name = 0x2000 "init"',
        "}"
      ])
    })
  )

  it("cuts long arrays short, and is one line where that is asked for", () => {
    const many = Layout.array(Layout.uint8, 20)
    const values = Array.from({ length: 20 }, (_, i) => i)
    assert.strictEqual(Struct.text(many, values, { elements: 3 }), "{ 0, 1, 2, ... 17 more }")
    assert.strictEqual(
      Struct.text(Layout.bytes(4), new Uint8Array([1, 2, 3, 255]), { elements: 2 }),
      "01 02 ... 2 more"
    )
    const flags = Layout.flags({ A: 1, B: 2 })
    assert.strictEqual(
      Struct.text(Layout.struct("s", { flags, f: Layout.float64 }), { flags: ["A", 8], f: -0 }),
      "{ flags = A | 8, f = -0 }"
    )
    assert.deepStrictEqual(Struct.lines(Layout.uint16, 7).map(Line.plain), ["uint16_t = 7"])
  })
})
