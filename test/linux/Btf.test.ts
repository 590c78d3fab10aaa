import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import { Btf } from "../../src/linux/index.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Guest from "../../src/testing/Guest.ts"

/** BTF by hand: the words of each type, and names. */
const btf = (rows: ReadonlyArray<ReadonlyArray<number>>, names: ReadonlyArray<string>, header = 24): Uint8Array => {
  const types = rows.flat()
  const strings = new TextEncoder().encode(`\0${names.map((name) => `${name}\0`).join("")}`)
  const bytes = new Uint8Array(header + 4 * types.length + strings.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xeb9f, true)
  bytes[2] = 1
  const words = [header, 0, 4 * types.length, 4 * types.length, strings.length]
  words.forEach((word, i) => view.setUint32(4 + 4 * i, word, true))
  types.forEach((word, i) => view.setUint32(header + 4 * i, word >>> 0, true))
  bytes.set(strings, header + 4 * types.length)
  return bytes
}
const kind = (number: number, elements = 0, flag = 0): number => (flag << 31) | (number << 24) | elements

/** 1: int, 2: struct flags { int a:3; int b:5; union { int c; struct flags *d; }; int e[2][3]; } with what that needs. */
const flagsBtf = btf(
  [
    [1, kind(1), 4, (1 << 24) | 32], // 1: int
    [5, kind(4, 4, 1), 40], // 2: struct flags
    [11, 1, 3 << 24, 13, 1, (5 << 24) | 3, 0, 3, 64, 15, 6, 128],
    [0, kind(5, 2), 8, 17, 1, 0, 19, 4, 0], // 3: the union
    [0, kind(2), 2], // 4: struct flags *
    [0, kind(3), 0, 1, 1, 3], // 5: int[3]
    [0, kind(3), 0, 5, 1, 2], // 6: int[2][3]
    [21, kind(8), 2] // 7: typedef flags_t
  ],
  ["int", "flags", "a", "b", "e", "c", "d", "flags_t"]
)

describe("Btf", () => {
  it.effect("members are found by path: bit fields, anonymous members, arrays, through pointers and typedefs", () =>
    Effect.gen(function* () {
      const types = yield* Btf.parse(flagsBtf)
      const member = (path: string, type = "flags") => Option.getOrUndefined(Btf.member(types, type, path))
      assert.strictEqual(types.size, 7)
      assert.deepStrictEqual(Btf.sizeOf(types, "flags"), Option.some(40))
      assert.deepStrictEqual(Btf.sizeOf(types, "struct flags"), Option.some(40))
      assert.deepStrictEqual(Btf.sizeOf(types, "flags_t"), Option.some(40))
      assert.deepStrictEqual(Btf.sizeOf(types, "int"), Option.none())
      assert.deepStrictEqual(
        Btf.fields(types, "flags").map(({ offset, path }) => `${path} ${offset}`),
        ["a 0", "b 0", "c 8", "d 8", "e 16"]
      )
      assert.deepStrictEqual(member("b"), {
        offset: 0,
        size: 4,
        bits: { offset: 3, size: 5 },
        type: "int",
        through: []
      })
      assert.deepStrictEqual(member("c"), { offset: 8, size: 4, bits: undefined, type: "int", through: [] })
      assert.deepStrictEqual(member("d", "flags_t"), {
        offset: 8,
        size: 8,
        bits: undefined,
        type: "struct flags *",
        through: []
      })
      assert.deepStrictEqual(member("e[1][2]"), { offset: 36, size: 4, bits: undefined, type: "int", through: [] })
      assert.deepStrictEqual(member("d.d.e"), {
        offset: 16,
        size: 24,
        bits: undefined,
        type: "int [2][3]",
        through: [8, 8]
      })
      for (const path of ["", "x", "a.b", "c[0]", "e[", "e..a", "e[99999999999]"])
        assert.isUndefined(member(path), path)
      assert.isUndefined(member("a", "nothing"))
    })
  )

  it.effect("structures are printed as pahole prints them", () =>
    Effect.gen(function* () {
      const types = yield* Btf.parse(flagsBtf)
      const text = Option.getOrThrow(Btf.format(types, "flags"))
      assert.deepStrictEqual(text.split("\n"), [
        "struct flags {",
        "\tint                        a:3;                  /*     0: 0  4 */",
        "\tint                        b:5;                  /*     0: 3  4 */",
        "",
        "\t/* 7 bytes hole */",
        "",
        "\tunion {",
        "\t\tint                c;                    /*     8     4 */",
        "\t\tstruct flags *     d;                    /*     8     8 */",
        "\t};                                               /*     8     8 */",
        "\tint                        e[2][3];              /*    16    24 */",
        "",
        "\t/* size: 40, members: 4 */",
        "};"
      ])
    })
  )

  it.effect("values of a structure are printed by their types", () =>
    Effect.gen(function* () {
      const types = yield* Btf.parse(flagsBtf)
      const bytes = new Uint8Array(40)
      const view = new DataView(bytes.buffer)
      view.setUint32(0, 0b11111_101, true)
      view.setBigUint64(8, 0xffff888000001000n, true)
      for (let i = 0; i < 6; i++) view.setInt32(16 + 4 * i, i - 2, true)
      const bare = yield* MemoryMap.fromBytes(bytes, 0x1000n)
      const map = MemoryMap.setEndian(MemoryMap.setWordSize(bare, 64), "little")
      const values = yield* Btf.values(types, "flags", map, 0x1000n)
      assert.deepStrictEqual(Object.fromEntries(values), {
        a: "-3",
        b: "-1",
        c: "4096",
        d: "0xffff888000001000",
        e: "{{-2, -1, 0}, {1, 2, 3}}"
      })
      const text = Option.getOrThrow(Btf.format(types, "flags", values))
      assert.include(text, "b:5 = -1;")
      assert.include(text, "d = 0xffff888000001000;")
      assert.strictEqual((yield* Effect.flip(Btf.values(types, "flags", map, 0x1001n)))._tag, "UnmappedAddress")
      assert.strictEqual((yield* Effect.flip(Btf.values(types, "flag", map, 0x1000n)))._tag, "GuestDataError")
    })
  )

  it.effect("pointers are as long as the machine's words", () =>
    Effect.gen(function* () {
      const types = yield* Btf.parse(flagsBtf, { wordSize: 32 })
      assert.strictEqual(Option.getOrThrow(Btf.member(types, "flags", "d")).size, 4)
    })
  )

  it.effect("types of a module go on where those of the kernel end", () =>
    Effect.gen(function* () {
      const base = yield* Btf.parse(flagsBtf)
      const strings = 1 + "int\0flags\0a\0b\0e\0c\0d\0flags_t\0".length
      // struct own { struct flags *flags; } whose names are one of its own, and one of the kernel's.
      const own = btf([[strings + 1, kind(4, 1), 8, 5, 4, 0]], ["own"])
      const types = yield* Btf.parse(own, { base })
      assert.strictEqual(types.size, 8)
      assert.deepStrictEqual(Option.getOrThrow(Btf.member(types, "own", "flags.c")).through, [0])
      assert.deepStrictEqual(Btf.sizeOf(types, "flags"), Option.some(40))
      assert.deepStrictEqual(Btf.sizeOf(base, "own"), Option.none())
    })
  )

  it.effect("kinds that are not known are passed over where the header of 7.1 says how long they are", () =>
    Effect.gen(function* () {
      const words = [1, kind(1), 4, (1 << 24) | 32, 0, kind(25, 2), 0, 7, 7, 7, 5, kind(4, 0), 16]
      const plain = btf([words], ["int", "empty"])
      const refused = yield* Effect.flip(Btf.parse(plain))
      assert.strictEqual(refused.message, "BTF: type 2 at byte 40 is of the unknown kind 25")
      const long = btf([words], ["int", "empty"], 32)
      const layout = new Uint8Array(2 * 26)
      layout.set([4, 4], 2 * 25)
      const whole = Uint8Array.from([...long, ...layout])
      const view = new DataView(whole.buffer)
      view.setUint32(24, long.length - 32, true)
      view.setUint32(28, layout.length, true)
      assert.deepStrictEqual(Btf.sizeOf(yield* Btf.parse(whole), "empty"), Option.some(16))
    })
  )

  const wrong: ReadonlyArray<readonly [what: string, bytes: Uint8Array, why: string]> = [
    ["nothing", new Uint8Array(0), "0 bytes are too few for a header"],
    ["another file", new Uint8Array(64), "it does not begin with the magic number of BTF, 0xeb9f"],
    ["a header longer than the file", btf([], [], 24).with(4, 200), "its header claims 200 bytes"],
    [
      "types that are cut short",
      btf([[1, kind(4, 5), 8, 0, 0, 0]], ["x"]),
      "type 1, of kind 4 with 5 elements, is cut short at byte 24"
    ],
    ["a name beyond the names", btf([[99, kind(4, 0), 8]], ["x"]), "the name of type 1 is outside of the strings"],
    ["names without an end", btf([[1, kind(4, 0), 8]], ["x"]).with(38, 65), "its strings do not end in a NUL"]
  ]
  for (const [what, bytes, why] of wrong) {
    it.effect(`${what} is refused`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(Btf.parse(bytes))).why, why)
      })
    )
  }

  it.effect("types that refer to themselves in circles end, and have no size", () =>
    Effect.gen(function* () {
      const loop = btf(
        [
          [1, kind(8), 1], // a typedef of itself
          [0, kind(3), 0, 2, 2, 2], // an array of itself
          [3, kind(4, 2), 8, 5, 1, 0, 0, 3, 0], // a structure in itself, anonymous
          [0, kind(2), 4] // a pointer to itself
        ],
        ["t", "s", "m"]
      )
      const types = yield* Btf.parse(loop)
      assert.deepStrictEqual(Btf.sizeOf(types, "t"), Option.none())
      assert.deepStrictEqual(Btf.member(types, "s", "nothing"), Option.none())
      assert.strictEqual(Option.getOrThrow(Btf.member(types, "s", "m")).size, 0)
      assert.isAbove(Option.getOrThrow(Btf.format(types, "s")).length, 100)
    })
  )

  it.effect("are found in a guest's memory, and in the section of an ELF file", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "5.15" })
      const types = yield* Btf.find(guest.physical)
      const given = yield* Btf.fromSource(ByteSource.fromBytes(guest.btf, { name: "vmlinux.btf" }))
      assert.strictEqual(types.size, given.size)
      assert.deepStrictEqual(Btf.member(types, "task_struct", "comm"), Btf.member(given, "task_struct", "comm"))
      const elf = new Uint8Array(64)
      elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
      const none = yield* Effect.flip(Btf.fromSource(ByteSource.fromBytes(elf, { name: "vmlinux" })))
      assert.strictEqual(none.message, "BTF: vmlinux: the file has no section headers")
    })
  )
})
