import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Hexdump from "../../src/render/Hexdump.ts"
import * as Line from "../../src/render/Line.ts"

const END = 1n << 64n
const run = (start: bigint, bytes: ArrayLike<number>): Hexdump.Part => ({
  _tag: "Run",
  start,
  bytes: Uint8Array.from(bytes)
})
const hole = (start: bigint, end: bigint, reason?: string): Hexdump.Part => ({
  _tag: "Hole",
  range: { start, end },
  reason
})
const text = (bytes: string) => new TextEncoder().encode(bytes)
const screen = (parts: ReadonlyArray<Hexdump.Part>, options?: Hexdump.Options) =>
  Hexdump.lines(parts, options).map((line) => Line.plain(line).trimEnd())

describe("Hexdump", () => {
  it("shows bytes, holes, absent and unreadable bytes apart", () => {
    const parts = [
      run(0x1004n, text("ab\0\n")),
      hole(0x1008n, 0x100an),
      hole(0x100an, 0x100cn, "left out of the dump"),
      { _tag: "Unreadable", range: { start: 0x100cn, end: 0x100en }, reason: "gone" } as const,
      run(0x100en, [0x7f, 0xff])
    ]
    assert.deepStrictEqual(screen(parts), [
      "0x00001000              61 62 00 0a  -- -- xx xx ?? ?? 7f ff  |    ab..      ..|"
    ])
  })

  it("counts equal rows, and shows a single one", () => {
    assert.deepStrictEqual(screen([run(0n, new Uint8Array(16 * 5)), run(80n, text("end"))]), [
      "0x00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|",
      "*           4 more rows like this",
      "0x00000050  65 6e 64                                          |end             |"
    ])
    assert.strictEqual(screen([run(0n, new Uint8Array(32))]).length, 2)
    assert.strictEqual(screen([run(0n, new Uint8Array(160))], { squeeze: false }).length, 10)
  })

  it("folds a hole of any size, up to the last byte of the space", () => {
    assert.deepStrictEqual(
      screen([run(0x10n, text("x")), hole(0x11n, END - 1n), run(END - 1n, text("y"))], { digits: 16 }),
      [
        "0x0000000000000010  78 -- -- -- -- -- -- --  -- -- -- -- -- -- -- --  |x               |",
        "0x0000000000000020  -- -- -- -- -- -- -- --  -- -- -- -- -- -- -- --  |                |",
        "*                   hole, 15.9 EiB, to 0xffffffffffffffff",
        "0xfffffffffffffff0  -- -- -- -- -- -- -- --  -- -- -- -- -- -- -- 79  |               y|"
      ]
    )
    assert.deepStrictEqual(screen([hole(END - 64n, END, "no such page")]), [
      "0xffffffffffffffc0  -- -- -- -- -- -- -- --  -- -- -- -- -- -- -- --  |                |".replaceAll("--", "xx"),
      "*                   hole, 64 B, to the end of the address space: no such page"
    ])
  })

  it("keeps holes with different reasons apart", () => {
    const rows = screen([hole(0n, 64n, "left out"), hole(64n, 128n, "no access")])
    assert.deepStrictEqual(
      rows.filter((row) => row.startsWith("*")),
      ["*           hole, 64 B, to 0x00000040: left out", "*           hole, 64 B, to 0x00000080: no access"]
    )
  })

  it("never shows a row as equal to one on the other side of a gap that was not asked for", () => {
    assert.deepStrictEqual(
      screen([run(0n, new Uint8Array(32)), run(0x100n, new Uint8Array(16))]).map((row) => row.slice(0, 10)),
      ["0x00000000", "0x00000010", "0x00000100"]
    )
  })

  it("gives bytes the five looks of hexyl, and matches their own", () => {
    const [line] = Hexdump.lines([run(0n, [0, 0x41, 0x20, 1, 0x80, 0x41])], { highlight: [{ start: 5n, end: 6n }] })
    const cells = line?.filter(({ text }) => /^[0-9a-f]{2}$/.test(text)).map(({ style, text }) => `${text} ${style}`)
    assert.deepStrictEqual(cells, [
      "00 byteZero",
      "41 bytePrintable",
      "20 byteSpace",
      "01 byteControl",
      "80 byteHigh",
      "41 match"
    ])
  })

  it("lists a part of any size", () => {
    assert.strictEqual(
      Hexdump.lines([run(0n, new Uint8Array(1 << 22))], { squeeze: false, styled: false }).length,
      1 << 18
    )
  })

  it("has the same text without styles", () => {
    const parts = [
      run(
        3n,
        Uint8Array.from({ length: 300 }, (_, i) => i)
      ),
      hole(303n, 400n, "why"),
      run(400n, [1])
    ]
    assert.deepStrictEqual(screen(parts, { styled: false }), screen(parts))
    assert.isBelow(Hexdump.lines(parts, { styled: false })[1]?.length ?? 99, 6)
  })

  it.effect("streams what it lists, however the parts are cut", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from({ length: 100 }, (_, i) => i >> 5)
      const whole = Hexdump.lines([run(3n, bytes), hole(103n, 300n)])
      const cut = [run(3n, bytes.subarray(0, 50)), run(53n, bytes.subarray(50)), hole(103n, 300n)]
      assert.deepStrictEqual(yield* Stream.runCollect(Hexdump.stream(Stream.fromIterable(cut))), whole)
      assert.deepStrictEqual(yield* Stream.runCollect(Hexdump.stream(Stream.empty)), [])
    })
  )

  const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  it.prop(
    "says every byte once, in its place",
    [
      Arbitrary.schema(Schema.Array(byte).check(Schema.isMinLength(1), Schema.isMaxLength(80))),
      Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })))
    ],
    ([bytes, start]) => {
      const read = new Map<number, number>()
      for (const row of screen([run(BigInt(start), bytes)], { squeeze: false })) {
        const at = Number(row.slice(0, 10))
        const cells = `${row.slice(12, 35)} ${row.slice(37, 60)}`
        for (let i = 0; i < 16; i++) {
          const cell = cells.slice(3 * i, 3 * i + 2).trim()
          if (cell !== "") read.set(at + i, Number.parseInt(cell, 16))
        }
      }
      assert.deepStrictEqual(
        [...read],
        bytes.map((byte, i) => [start + i, byte])
      )
    }
  )

  it.effect("takes what a map gives", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("tail", END - 4n)
      const parts = yield* MemoryMap.getSparse(map, { start: END - 6n, end: END })
      assert.deepStrictEqual(screen(parts), [
        "0xfffffffffffffff0                                 -- -- 74 61 69 6c  |            tail|"
      ])
    })
  )
})

describe("Line", () => {
  it("lets no control character through", () => {
    const line = [Line.span("\u001b[2J\u009b\r\n\t", "address"), Line.span("\u202eabc")]
    assert.strictEqual(Line.plain(line), "\\x1b[2J\\x9b\\x0d\\x0a\\x09\\u202eabc")
    assert.strictEqual(Line.ansi(line), "\u001b[2m\\x1b[2J\\x9b\\x0d\\x0a\\x09\u001b[0m\\u202eabc")
  })
})
