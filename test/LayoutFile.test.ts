import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { spawnSync } from "node:child_process"
import * as Layout from "../src/Layout.ts"
import * as LayoutFile from "../src/LayoutFile.ts"
import { targets, typesFor } from "./layout/gcc.ts"
import { at, mapOf } from "./layout/maps.ts"
import { headerOf, layoutsOf } from "./layout/randomTypes.ts"
import { temporaryFiles } from "./support/temporary.ts"

const parsed = (text: string) => Result.getOrThrow(LayoutFile.parseHeader(text))
const refusal = (text: string) => {
  const error = Result.getOrThrow(Result.flip(LayoutFile.parseHeader(text)))
  return `${error.line}: ${error.why}`
}

describe("C text", () => {
  for (const [name, { model }] of Object.entries(targets)) {
    it(`gives the layouts that the same types have when put together by hand: ${name}`, () => {
      const records = typesFor(name, 31, 150)
      const types = parsed(headerOf(records))
      for (const [i, layout] of layoutsOf(records).entries()) {
        const read = types.get(`T${i}`)!
        // Names of types are spelled in other ways; offsets, sizes and holes must be the same.
        const numbers = (layout: Layout.Any) => Layout.format(layout, model).match(/\/\*.*?\*\//g)
        assert.deepStrictEqual(numbers(read), numbers(layout))
      }
    })
  }

  it("may be a header as people write it", () => {
    const types = parsed(`
      /* A driver's header. */
      #ifndef DRIVER_H
      #include <stdint.h>
      #define MAX_NAME (16)   // bytes
      #define LONG_MACRO(x) do { \\
        x(); } while (0)
      typedef struct device device_t;
      typedef unsigned int flags_t, *flags_ptr;
      enum state { IDLE, BUSY = 1 << 4, LAST };
      extern int open_device(const char *name, int mode);
      static inline int twice(int x) { return 2 * x; }
      int table[3] = { 1, 2, 3 };
      struct device {
        const char *name, label[MAX_NAME + 2 * 4];
        enum state state;
        flags_t up:1, :3, mode:4;
        int (*open)(struct device *self, int mode);
        void (*handlers[4])(void);
        union { uint32_t word; uint8_t bytes[4]; };
        struct { volatile long x, y; } position;
        __be16 port;
        device_t *next;
        struct other *elsewhere;
        uint16_t count;
        flags_t rest[] __counted_by(count);
      } __attribute__((aligned(32)));
      #pragma pack(push, 1)
      struct wire { uint8_t a; uint32_t b; };
      #pragma pack(pop)
      struct __attribute__((packed)) tight { char a; long b; };
      typedef enum __attribute__((packed)) { RED, GREEN } color;
      #endif
    `)
    const device = types.get("device")!
    assert.strictEqual(types.get("device_t"), device)
    assert.deepStrictEqual(
      ["label", "state", "word", "position.y", "port", "next", "rest"].map((path) => Layout.offsetOf(device, path)),
      [8, 32, 56 + 24, 96, 104, 112, 132]
    )
    assert.deepStrictEqual([Layout.sizeOf(device), Layout.alignOf(device)], [160, 32])
    assert.deepStrictEqual(
      ["wire", "tight", "color"].map((name) => Layout.sizeOf(types.get(name)!)),
      [5, 9, 1]
    )
    assert.strictEqual(String(types.get("flags_ptr")), "Layout(unsigned int *)")
  })

  it("may be one type, with or without a name", () => {
    const type = (text: string) => {
      const { layout, name } = Result.getOrThrow(LayoutFile.parseType(text))
      return [String(layout), name]
    }
    assert.deepStrictEqual(type("u32"), ["Layout(uint32_t)", undefined])
    assert.deepStrictEqual(type("char[16]"), ["Layout(char [16])", undefined])
    assert.deepStrictEqual(type("char name[4][16]"), ["Layout(char [4][16])", "name"])
    assert.deepStrictEqual(type("unsigned long long int *p"), ["Layout(unsigned long long *)", "p"])
    assert.deepStrictEqual(type("struct { u8 a; u32 b; } pair[2]"), ["Layout(struct {...} [2])", "pair"])
  })

  it("that is wrong is refused, with the line", () => {
    assert.strictEqual(refusal("struct a {\n  int x;\n  foo y;\n};"), '3: the type "foo" is not known here')
    assert.strictEqual(refusal("struct a { int x; int x; };"), "1: two members have the name x")
    assert.strictEqual(refusal("struct a { struct b x; };"), "1: x is of struct b, which is not defined before it")
    assert.strictEqual(refusal("struct a { int x[N]; };"), '1: "N" is no number that is known here')
    assert.strictEqual(refusal("struct a { long double x; };"), "1: there is no layout of long double")
    assert.strictEqual(refusal("struct a { int x"), '1: "}" is missing at the end'.replace('"}"', '";"'))
    assert.strictEqual(refusal("struct a @"), '1: "@" is nothing that a declaration has')
    assert.match(refusal("struct a { int x:33; };"), /width in bits must be a whole number from 0 to 32/)
    assert.match(refusal("struct a { char __proto__; };"), /cannot be the name/)
    assert.match(refusal(`struct a { ${"struct {".repeat(1e5)}`), /./)
  })
})

describe("JSON", () => {
  it("may name types before they come, but not put one into itself", () => {
    const types = LayoutFile.fromJson({ types: { a: { struct: { b: "b", next: "a *" } }, b: "u32" } })
    assert.deepStrictEqual(
      Result.map(types, (types) => Layout.sizeOf(types.get("a")!)),
      Result.succeed(16)
    )
    const circle = LayoutFile.fromJson({ types: { a: { struct: { b: "b" } }, b: { union: { a: "struct a" } } } })
    assert.match(Result.getOrThrow(Result.flip(circle)).why, /contains itself/)
  })

  it.effect("says all that a layout can have", () =>
    Effect.gen(function* () {
      const types = Result.getOrThrow(
        LayoutFile.fromJson({
          types: {
            message: {
              struct: {
                port: { type: "u16", endian: "big", at: 2 },
                kind: { type: "kind", at: 0 },
                low: { type: "u8", bits: 4, at: 1 },
                high: { type: "u8", bits: 4, at: 1, bit: 4 },
                _0: { type: { union: { word: "u32", bytes: "u8[4]" } }, anonymous: true },
                flags: { flags: { A: 1, B: 2 }, base: "u8" },
                count: { type: "u8", aligned: 2 },
                list: { type: "u16", count: "count" }
              },
              size: 12
            },
            kind: { enum: { HELLO: 1 }, base: "u8" }
          }
        })
      )
      const bytes = [1, 0x5a, 0, 80, 1, 2, 3, 4, 3, 0, 1, 0, 7, 0]
      const value = yield* Layout.read(yield* mapOf(bytes), types.get("message")!, at)
      assert.deepStrictEqual(value, {
        port: 80,
        kind: "HELLO",
        low: 10,
        high: 5,
        word: 0x04030201,
        bytes: [1, 2, 3, 4],
        flags: ["A", "B"],
        count: 1,
        list: [7]
      })
    })
  )

  it("of another form is refused, with where", () => {
    const why = (json: unknown) => Result.getOrThrow(Result.flip(LayoutFile.fromJson(json))).why
    assert.match(why({}), /types/)
    assert.match(why({ types: { a: { struct: { x: 3 } } } }), /x/)
    assert.match(why({ types: { a: { struct: { x: "nope" } } } }), /"nope" is not known/)
    assert.match(why({ types: { a: { struct: { x: { type: "u8", bit: 1 } } } } }), /bit says nothing without at/)
  })
})

const isf = {
  metadata: { format: "6.2.0" },
  base_types: {
    int: { size: 4, signed: true, kind: "int", endian: "little" },
    char: { size: 1, signed: true, kind: "char", endian: "little" },
    pointer: { size: 8, signed: false, kind: "int", endian: "little" },
    void: { size: 0, signed: false, kind: "void", endian: "little" },
    "long double": { size: 16, signed: true, kind: "float", endian: "little" }
  },
  user_types: {
    node: {
      kind: "struct",
      size: 48,
      fields: {
        next: { offset: 8, type: { kind: "pointer", subtype: { kind: "struct", name: "node" } } },
        id: { offset: 0, type: { kind: "base", name: "int" } },
        name: { offset: 16, type: { kind: "array", count: 8, subtype: { kind: "base", name: "char" } } },
        low: {
          offset: 24,
          type: { kind: "bitfield", bit_length: 4, bit_position: 0, type: { kind: "base", name: "int" } }
        },
        high: {
          offset: 24,
          type: { kind: "bitfield", bit_length: 4, bit_position: 4, type: { kind: "base", name: "int" } }
        },
        unnamed_field_1c: { offset: 28, anonymous: true, type: { kind: "union", name: "unnamed_1" } },
        wide: { offset: 32, type: { kind: "base", name: "long double" } }
      }
    },
    unnamed_1: {
      kind: "union",
      size: 4,
      fields: {
        state: { offset: 0, type: { kind: "enum", name: "state" } },
        raw: { offset: 0, type: { kind: "base", name: "int" } }
      }
    }
  },
  enums: { state: { size: 4, base: "int", constants: { IDLE: 0, BUSY: 1 } } },
  symbols: {}
}

describe("symbol files of volatility3", () => {
  it.effect("give layouts with their offsets and sizes", () =>
    Effect.gen(function* () {
      const types = Result.getOrThrow(LayoutFile.fromIsf(isf))
      const node = types.get("node")!
      assert.strictEqual(Layout.sizeOf(node), 48)
      assert.strictEqual(Layout.offsetOf(node, "state"), 28)
      const bytes = new Uint8Array(48)
      bytes.set([7, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x61, 0x62], 0)
      bytes.set([0x3f, 0, 0, 0, 1], 24)
      const { next, ...value } = (yield* Layout.read(yield* mapOf(bytes), node, at)) as {
        readonly next: Layout.Pointer<unknown>
      }
      assert.strictEqual(next.address, 0x1000n)
      const wide = new Uint8Array(16)
      assert.deepStrictEqual(value, { id: 7, name: "ab", low: -1, high: 3, state: "BUSY", raw: 1, wide })
      const again = yield* Layout.follow(yield* mapOf(bytes), next)
      assert.strictEqual(again._tag, "Some")
    })
  )

  it("of a form that is not known are refused", () => {
    const broken = { ...isf, user_types: { node: { kind: "struct", size: -1, fields: {} } } }
    assert.isTrue(Result.isFailure(LayoutFile.fromIsf(broken)))
    const small = {
      ...isf,
      user_types: {
        node: { kind: "struct", size: 2, fields: { id: { offset: 0, type: { kind: "base", name: "int" } } } }
      }
    }
    assert.match(Result.getOrThrow(Result.flip(LayoutFile.fromIsf(small))).why, /take 4 bytes/)
    assert.isTrue(Result.isSuccess(Schema.decodeUnknownResult(LayoutFile.Isf)(isf)))
  })
})

const header = `
  enum state { IDLE, BUSY };
  struct point { short x; long y; };
  struct task {
    char flag;
    int pid;
    unsigned int ready:1;
    unsigned int mode:5;
    unsigned short level:9;
    char comm[16];
    struct point here, path[2][3];
    struct task *next, **all;
    void *stack;
    enum state state;
    union { int code; char bytes[6]; };
    struct { char a; double b; } pair;
    unsigned char last;
  };
`

describe("types as text", () => {
  const directory = temporaryFiles({ "types.c": new TextEncoder().encode(`${header}struct task task;`) })
  const compiled = spawnSync("gcc", ["-g", "-c", "-o", directory("types.o"), directory("types.c")])
  const pahole = spawnSync("pahole", ["-C", "task", directory("types.o")], { encoding: "utf8" })

  it.skipIf(compiled.status !== 0 || pahole.status !== 0)(
    "are printed as pahole prints them (skipped without pahole)",
    () => {
      const members = (text: string) =>
        text
          .slice(0, text.indexOf("/* size:"))
          // Ours says nothing of cache lines and gives no advice.
          .replaceAll(/\/\* X{3} (\d+ (?:bits?|bytes?) hole), try to pack \*\//g, "/* $1 */")
          .replaceAll(/^.*(?:--- cacheline|X{3} last struct|Bitfield combined).*$\n/gm, "")
          // The compiler's own spelling.
          .replaceAll("short unsigned int", "unsigned short")
          .replaceAll("* *", "**")
          .replaceAll(/\n\s*\n/g, "\n")
          .replaceAll(/[ \t]+/g, " ")
          .trim()
      assert.strictEqual(members(Layout.format(parsed(header).get("task")!)), members(pahole.stdout))
    }
  )
})
