import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Line from "../../src/render/Line.ts"
import * as MapPicture from "../../src/render/MapPicture.ts"
import * as MapTable from "../../src/render/MapTable.ts"
import * as Svg from "../../src/render/Svg.ts"

const END = 1n << 64n
const screen = (lines: Iterable<Line.Line>) => Array.from(lines, (line) => Line.plain(line).trimEnd())
const file = (name: string, size: bigint) => ByteSource.zeros(size, { name })

/** Firmware with a patch over it, a hole that says why, and something at the very top. */
const example = MemoryMap.add(MemoryMap.empty, file("/images/app.hex", 0x1000n), 0x800_0000n, {
  permissions: { read: true, write: false, execute: true }
}).pipe(
  Effect.flatMap(MemoryMap.add(file("patch.bin", 0x400n), 0x800_0400n)),
  Effect.flatMap(MemoryMap.add(file("data", 0x200n), 0x800_1800n, { name: "[heap]" })),
  Effect.flatMap(MemoryMap.addAbsent({ start: 0x800_1400n, end: 0x800_1800n }, "left out")),
  Effect.flatMap(MemoryMap.add(file("top", 0x100n), END - 0x100n)),
  Effect.runSync
)

/** `files` files of three parts with permissions of their own, each part `apart` bytes behind the one before. */
const manyFiles = (files: number, parts: number, apart: bigint) =>
  MemoryMap.addAll(
    MemoryMap.empty,
    Array.from({ length: files * parts }, (_, i) => ({
      source: file(`/usr/lib/modules/very/long/name-${Math.floor(i / parts)}.so`, 0x800n),
      address: 0x1000n + apart * BigInt(i),
      permissions: { read: true, write: i % 3 === 2, execute: i % 3 === 1 }
    }))
  )

/** How many visible pieces the bars of a picture stand for. */
const drawn = (svg: string): number =>
  Array.from(svg.matchAll(/class="(?:run|read|write|other)"><title>(?:(\d+) parts, )?/g), ([, parts]) =>
    Number(parts ?? 1)
  ).reduce((sum, count) => sum + count, 0)
const heightOf = (svg: string): number => Number(/ height="(\d+)" role/.exec(svg)?.[1])

describe("MapTable", () => {
  it("lists segments, what they cover, and the holes between them", () => {
    assert.deepStrictEqual(screen(MapTable.lines(example)), [
      "start               end                       size  perm  origin",
      "0x0000000008000000  0x0000000008000400       1 KiB  r-x   app.hex+0x0",
      "0x0000000008000400  0x0000000008000800       1 KiB  ???   patch.bin+0x0, over /images/app.hex",
      "0x0000000008000800  0x0000000008001000       2 KiB  r-x   app.hex+0x800",
      "~                                            1 KiB        hole",
      "0x0000000008001400  0x0000000008001800       1 KiB        hole: left out",
      "0x0000000008001800  0x0000000008001a00       512 B  ???   [heap] (data+0x0)",
      "~                                         15.9 EiB        hole",
      "0xffffffffffffff00  2^64                     256 B  ???   top+0x0"
    ])
  })

  it("is empty for an empty map", () => {
    assert.deepStrictEqual(screen(MapTable.lines(MemoryMap.empty)), [])
  })

  it.effect(
    "of very many segments has one row for those that are alike, and says how many, how large and how far apart",
    () =>
      Effect.gen(function* () {
        const source = file("/dumps/ram", 1n << 30n)
        const rights = (write: boolean) => ({ read: true, write, execute: false })
        const piece = (address: bigint, offset: bigint, length: bigint, write = false): MemoryMap.AddAllEntry => ({
          source: Option.getOrThrow(ByteSource.slice(source, offset, length)),
          address,
          permissions: rights(write)
        })
        const many = Array.from({ length: 2000 }, (_, i) => BigInt(i))
        const map = yield* MemoryMap.addAll(MemoryMap.empty, [
          // One page over and over, with holes between; others in no order, without; some of two sizes; a few.
          ...many.map((i) => piece(0x1000_0000n + i * 0x1_0000n, 0x5000n, 0x1000n)),
          ...many.map((i) => piece(0x3000_0000n + i * 0x1000n, ((i * 7n) % 2000n) << 12n, 0x1000n, true)),
          ...many
            .slice(0, 40)
            .map((i) => piece(0x5000_0000n + i * 0x4000n, i << 14n, i % 2n === 0n ? 0x1000n : 0x2000n)),
          ...many.slice(0, 3).map((i) => piece(0x7000_0000n + i * 0x4000n, i << 14n, 0x1000n))
        ])
        const told = yield* MemoryMap.addAbsent(map, { start: 0x5002_1000n, end: 0x5002_4000n }, "swapped out")
        const lines = screen(MapTable.lines(told))
        assert.deepStrictEqual(lines.slice(1, 6), [
          "0x10000000  0x17cf1000     7.8 MiB  r--   ram, 2000 pieces of 4 KiB, one every 64 KiB",
          "~                          387 MiB        hole",
          "0x30000000  0x307d0000     7.8 MiB  rw-   ram, 2000 pieces of 4 KiB",
          "~                        504.1 MiB        hole",
          // Nine in front of a hole that says why, which is not folded away.
          "0x50000000  0x50001000       4 KiB  r--   ram+0x0"
        ])
        assert.deepStrictEqual(lines.slice(21, 26), [
          "0x50020000  0x50021000       4 KiB  r--   ram+0x20000",
          "0x50021000  0x50024000      12 KiB        hole: swapped out",
          "0x50024000  0x5009e000     188 KiB  r--   ram, 31 pieces, one every 16 KiB",
          "~                        511.3 MiB        hole",
          "0x70000000  0x70001000       4 KiB  r--   ram+0x0"
        ])
        assert.lengthOf(lines, 30)
      })
  )
})

describe("MapPicture", () => {
  it("draws clusters to scale and folds what is between them", () => {
    const lines = screen(MapPicture.lines(example))
    const dots = (n: number) => ".".repeat(n)
    assert.deepStrictEqual(lines, [
      "~ 128 MiB hole",
      "0x8000000 .. 0x8001a00  6.5 KiB, 3 mappings, a column is 128 B",
      `  r-x       4 KiB  ${"#".repeat(8)}${"-".repeat(8)}${"#".repeat(16)}${dots(20)}              /images/app.hex`,
      `  ???       1 KiB  ${dots(8)}${"#".repeat(8)}${dots(36)}              patch.bin`,
      `  ???       512 B  ${dots(48)}####              [heap]`,
      `            1 KiB  ${dots(40)}${"x".repeat(8)}${dots(4)}              left out`,
      "~ 15.9 EiB hole",
      "0xffffffffffffff00 .. 2^64  256 B, 1 mapping, a column is 4 B",
      `  ???       256 B  ${"#".repeat(64)}  top`
    ])
  })

  it.effect("marks columns that are only partly filled, and stays short for many mappings", () =>
    Effect.gen(function* () {
      const entries = Array.from({ length: 1000 }, (_, i) => ({
        source: file(`page ${i}`, 0x800n),
        address: 0x1000n * BigInt(i)
      }))
      const map = yield* MemoryMap.addAll(MemoryMap.empty, entries)
      const lines = screen(MapPicture.lines(map))
      assert.strictEqual(lines.length, 1 + 40 + 1)
      assert.match(lines.at(-2) ?? "", /^ {2}\?\?\? +1.8 MiB {2}\.*\++ +961 mappings of 961 other names$/)
      assert.match(lines[0] ?? "", /1000 mappings/)
    })
  )

  it("fits the width of a terminal, and says where the permissions of a file differ", () => {
    const map = Effect.runSync(manyFiles(50, 3, 0x1000n))
    const lines = screen(MapPicture.lines(map, { width: 80 }))
    assert.isAtMost(Math.max(...lines.slice(1, -1).map((line) => line.length)), 80)
    assert.match(lines[2] ?? "", /^ {2}mix +6 KiB {2}[.+]+ +\/usr\/.*…\S+-0\.so \(3\)$/)
  })

  it("has nothing to draw of an empty map", () => {
    assert.deepStrictEqual(screen(MapPicture.lines(MemoryMap.empty)), [])
  })
})

describe("Svg", () => {
  it("draws each visible segment, and nothing that a name could smuggle in", () => {
    const svg = Effect.runSync(
      Effect.map(MemoryMap.add(example, file("<script>&\u0001\ud800", 1n), 0n), (map) =>
        Svg.render(map, { title: 'a "map"' })
      )
    )
    assert.match(svg, /^<svg [^>]*aria-label="a &quot;map&quot;">/)
    assert.include(svg, "&lt;script&gt;&amp;\\x01\\ud800")
    assert.notInclude(svg, "<script>")
    assert.strictEqual(svg.match(/class="run"><title>/g)?.length, 2)
    assert.strictEqual(svg.match(/class="covered"><title>/g)?.length, 1)
    assert.strictEqual(svg.match(/class="absent"><title>/g)?.length, 1)
    assert.notMatch(svg, /NaN|undefined/)
  })

  it("draws to scale at the far end of the space", () => {
    const map = Effect.runSync(MemoryMap.add(MemoryMap.empty, file("a", 1n << 63n), 1n << 63n))
    const track = /class="track"/.test(Svg.render(map))
      ? Svg.render(map).match(/width="(\d+)"[^>]*class="track"/)?.[1]
      : ""
    assert.include(Svg.render(map), `width="${track}" height="14" class="other"`)
  })

  it("draws everything mapped, in a picture of bounded size, however many segments, names and holes there are", () => {
    for (const apart of [0x1000n, 1n << 30n]) {
      for (const parts of [1, 3, 5000]) {
        const svg = Svg.render(Effect.runSync(manyFiles(5000 / parts, parts, apart)))
        assert.strictEqual(drawn(svg), 5000)
        assert.isBelow(heightOf(svg), 2500)
        assert.isBelow(svg.length, 1_500_000)
      }
    }
  })

  it("shares a lane between the parts of a file, and sums them", () => {
    const svg = Svg.render(Effect.runSync(manyFiles(3, 3, 0x1000n)))
    assert.strictEqual(svg.match(/class="track"/g)?.length, 3)
    assert.strictEqual(svg.match(/>6 KiB</g)?.length, 3)
    assert.deepStrictEqual(
      svg.match(/>[^<]*name-\d.so</g),
      [0, 1, 2].map((i) => `>/usr/lib/modules/very/long/name-${i}.so<`)
    )
  })

  it("gives a picture of an empty map too", () => {
    assert.include(Svg.render(MemoryMap.empty), "16 EiB hole")
  })
})
