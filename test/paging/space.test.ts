// An address space is a map like any other: what search, strings, snapshots, comparisons and pictures give of it is what
// they give of the same bytes laid out flat.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as Pattern from "../../src/Pattern.ts"
import * as MapPicture from "../../src/render/MapPicture.ts"
import { plain } from "../../src/render/Line.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import * as PageTables from "../../src/testing/PageTables.ts"
import { randomWords } from "../support/random.ts"

const PAGE = 4096
const FRAMES = 48
const AT = 0x100_0000n

/** Virtual pages that lead to physical ones in no order, some twice, some to memory that is not there, with holes between. */
const machine = Effect.fnUntraced(function* (seed: number) {
  const next = randomWords(seed)
  const pick = (limit: number) => (next() >>> 8) % limit
  const bytes = new Uint8Array(
    Uint32Array.from({ length: (FRAMES * PAGE) / 4 }, () => (pick(3) === 0 ? 0 : next())).buffer
  )
  const base = yield* MemoryMap.fromBytes(bytes, 0n, { name: "ram" })
  const pages: Array<PageTables.Page> = []
  for (let page = 0; page < 96; page++) {
    if (pick(4) === 0) continue
    const permissions = { write: pick(2) === 0 }
    pages.push({ virtual: AT + BigInt(page * PAGE), physical: BigInt(pick(FRAMES + 4) * PAGE), permissions })
  }
  const format = PageTable.x86_64()
  const { map, root } = yield* PageTables.build(base, format, pages, { at: 0x10_0000n })
  const physical = MemoryMap.setEndian(MemoryMap.setWordSize(map, 64), "little")
  const { map: space } = yield* AddressSpace.walk(physical, format, root)
  // The words that matches may straddle pages with.
  const flat = new Map<bigint, number>()
  for (const { physical, virtual } of pages) {
    for (let i = 0; i < PAGE; i++) {
      const byte = bytes[Number(physical) + i]
      if (byte !== undefined) flat.set(virtual + BigInt(i), byte)
    }
  }
  let laid: MemoryMap.Any = MemoryMap.setEndian(MemoryMap.setWordSize(MemoryMap.empty, 64), "little")
  for (const { permissions, physical, virtual } of pages) {
    const at = Number(physical)
    if (at >= bytes.length) continue
    const flags = { read: true, write: permissions?.write === true, execute: true }
    laid = yield* MemoryMap.addBytes(laid, bytes.slice(at, at + PAGE), virtual, { name: "ram", permissions: flags })
  }
  return {
    space: yield* MemoryMap.requireMapping(space),
    laid: (yield* MemoryMap.requireMapping(laid)) as typeof space & MemoryMap.Ready,
    flat
  }
})

describe("an address space", () => {
  for (const seed of [1, 2, 3]) {
    it.effect(`is read, searched, compared and saved as the same bytes laid out flat, ${seed}`, () =>
      Effect.gen(function* () {
        const { flat, laid, space } = yield* machine(seed)
        assert.strictEqual(MemoryMap.mappedSize(space), BigInt(flat.size))
        const same = yield* Stream.runCollect(MemoryMap.diff(space, laid))
        assert.deepStrictEqual(same, [])
        assert.deepStrictEqual(Array.from(MemoryMap.runs(space)), Array.from(MemoryMap.runs(laid)))
        assert.deepStrictEqual(
          yield* Stream.runCollect(MemoryMap.strings(space, { minLength: 3 })),
          yield* Stream.runCollect(MemoryMap.strings(laid, { minLength: 3 }))
        )
        // Words at the ends of pages, and half of them in the next page.
        const needles: Array<Pattern.Pattern> = []
        for (const [address] of flat) {
          if (address % BigInt(PAGE) !== BigInt(PAGE - 4)) continue
          const word = Array.from({ length: 8 }, (_, i) => flat.get(address + BigInt(i)))
          if (word.every((byte) => byte !== undefined)) needles.push(Pattern.bytes(Uint8Array.from(word)))
        }
        assert.isAbove(needles.length, 20)
        for (const needle of needles) {
          const [found, expected] = [
            yield* Stream.runCollect(MemoryMap.findAll(space, needle)),
            yield* Stream.runCollect(MemoryMap.findAll(laid, needle))
          ]
          assert.isAtLeast(found.length, 1)
          assert.deepStrictEqual(found, expected)
        }
      })
    )
  }

  it.effect("is saved and opened again with its bytes, permissions and reasons", () =>
    Effect.gen(function* () {
      const { laid, space } = yield* machine(4)
      const map = yield* Snapshot.fromStream(Snapshot.toStream(space), { limit: 1 << 22 })
      assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.diff(map, laid)), [])
      const shown = (of: MemoryMap.Any) =>
        Array.from(MemoryMap.segments(of), ({ mapping, range }) => [range, mapping.permissions])
      assert.deepStrictEqual(shown(map), shown(space))
      const reasons = (of: MemoryMap.Any) =>
        Array.from(MemoryMap.holes(of), ({ range, reason }) => [range, reason] as const).filter(
          ([, reason]) => reason !== undefined
        )
      assert.isAbove(reasons(space).length, 0)
      assert.deepStrictEqual(reasons(map), reasons(space))
    })
  )

  it.effect("is drawn in the same lines of the same scale, but for the reasons of its holes", () =>
    Effect.gen(function* () {
      const { laid, space } = yield* machine(5)
      const scale = (map: MemoryMap.Any) => plain(Array.from(MapPicture.lines(map))[1]!).replace(/\d+ mappings/, "")
      assert.strictEqual(scale(space), scale(laid))
      assert.match(Array.from(MapPicture.lines(space), plain).join("\n"), /mapped to physical/)
    })
  )

  it.effect("holds slices of memory that is mapped, not copies", () =>
    Effect.gen(function* () {
      const { space } = yield* machine(6)
      for (const { source } of MemoryMap.mappings(space)) assert.isDefined(source.resident)
      const buffers = new Set(Array.from(MemoryMap.mappings(space), ({ source }) => source.resident?.buffer))
      assert.strictEqual(buffers.size, 1)
    })
  )
})

describe("a walk of a part", () => {
  it.effect("is the part of a walk of all, wherever it is cut", () =>
    Effect.gen(function* () {
      const next = randomWords(9)
      const pick = (limit: number) => BigInt((next() >>> 8) % limit)
      const format = PageTable.x86_64()
      const ram = yield* MemoryMap.fromBytes(new Uint8Array(Uint32Array.from({ length: 1 << 20 }, next).buffer), 0n, {
        name: "ram"
      })
      const pages: Array<PageTables.Page> = []
      for (const base of [0x1000_0000n, 0xffff_8000_0000_0000n]) {
        for (let i = 0n; i < 24n; i++) pages.push({ virtual: base + i * 0x1000n, physical: pick(1100) * 0x1000n })
        pages.push({ virtual: base + 0x20_0000n, physical: 0x20_0000n, size: 0x20_0000n })
        pages.push({ virtual: base + 0x60_0000n, physical: 0x8000_0000n, size: 0x20_0000n })
      }
      const { map, root } = yield* PageTables.build(ram, format, pages)
      const whole = yield* AddressSpace.walk(map, format, root)
      const edges = [0x1000_0000n, 0x1020_0000n, 0x1060_0000n, 0xffff_8000_0000_0000n, 0xffff_8000_0020_0000n]
      const near = () => edges[Number(pick(edges.length))]! + pick(0x4_0000) - 0x1_0000n
      for (let round = 0; round < 60; round++) {
        const [a, b] = [near(), near()]
        const range = a < b ? { start: a, end: b } : { start: b, end: a }
        const part = yield* AddressSpace.walk(map, format, root, { range })
        const expected = MemoryMap.crop(whole.map, range)
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.diff(part.map, expected)), [])
        const told = (of: MemoryMap.Any) => Array.from(MemoryMap.holes(of, { range }))
        assert.deepStrictEqual(told(part.map), told(expected))
        assert.strictEqual(MemoryMap.mappedSize(part.map), MemoryMap.mappedSize(expected))
      }
      const none = yield* AddressSpace.walk(map, format, root, { range: { start: 1n << 60n, end: 1n << 61n } })
      assert.deepStrictEqual([none.leaves, MemoryMap.mappedSize(none.map)], [0, 0n])
    })
  )
})

describe("permissions", () => {
  const format = PageTable.x86_64()
  /** Four tables by hand, with one page of a program and one of the kernel. */
  const byHand = Effect.fnUntraced(function* (top: bigint, middle: bigint, last: bigint) {
    const memory = new Uint8Array(0x6000)
    const view = new DataView(memory.buffer)
    const set = (at: number, value: bigint) => view.setBigUint64(at, value, true)
    for (const index of [0, 511]) {
      set(0x0000 + 8 * index, 0x1000n | top)
      set(0x1000 + 8 * index, 0x2000n | middle)
      set(0x2000 + 8 * index, 0x3000n | 7n)
      set(0x3000 + 8 * index, last)
    }
    const physical = yield* MemoryMap.fromBytes(memory, 0n)
    const { map } = yield* AddressSpace.walk(physical, format, 0n)
    return { physical, map }
  })
  const at = (map: MemoryMap.Any, address: bigint) => Option.getOrThrow(MemoryMap.mappingAt(map, address)).permissions
  const LOW = 0n
  const HIGH = (1n << 64n) - 0x1000n
  const NX = 1n << 63n

  it.effect("of a level are taken away from all below", () =>
    Effect.gen(function* () {
      const { map } = yield* byHand(7n, 5n | NX, 0x5007n)
      const denied = { read: true, write: false, execute: false }
      assert.deepStrictEqual([at(map, LOW), at(map, HIGH)], [denied, denied])
    })
  )

  it.effect(
    "to run a program are not those that a kernel's own copy of the tables gives, with page-table isolation",
    () =>
      Effect.gen(function* () {
        const { map, physical } = yield* byHand(7n | NX, 7n, 0x5007n)
        const all = { read: true, write: true, execute: true }
        assert.deepStrictEqual(at(map, LOW), all)
        assert.deepStrictEqual(at(map, HIGH), { ...all, execute: false })
        const low = yield* AddressSpace.translate(physical, format, 0n, LOW)
        assert.deepStrictEqual(low.permissions, { ...all, user: true })
      })
  )

  it.effect("are none where a program may touch nothing; in the kernel's half such an entry maps nothing", () =>
    Effect.gen(function* () {
      // Present is clear, bit 8 is set, the address is inverted.
      const inverted = 0x5000n ^ 0xf_ffff_ffff_f000n
      const { map, physical } = yield* byHand(7n, 7n, inverted | 0x100n)
      assert.deepStrictEqual(at(map, LOW), { read: false, write: false, execute: false })
      assert.isFalse(MemoryMap.isMapped(map, HIGH))
      assert.strictEqual((yield* AddressSpace.translate(physical, format, 0n, LOW + 9n)).physical, 0x5009n)
    })
  )

  it.effect("do not change with what the processor notes of use, which translate tells", () =>
    Effect.gen(function* () {
      const format = PageTable.riscv("sv39")
      const pages = [0n, 1n, 2n].map((i) => ({ virtual: 0x1000n + i * 0x1000n, physical: 0x8000n + i * 0x1000n }))
      const ram = yield* MemoryMap.fromBytes(new Uint8Array(0x1_0000), 0n)
      const { map, root } = yield* PageTables.build(ram, format, pages, { at: 0x10_0000n })
      const { entries } = yield* AddressSpace.translate(map, format, root, 0x2000n)
      const last = entries.at(-1)!
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigUint64(0, last.value & ~0xc0n, true)
      const unused = yield* MemoryMap.addBytes(map, bytes, last.address)
      const { map: space } = yield* AddressSpace.walk(unused, format, root)
      assert.lengthOf([...MemoryMap.segments(space)], 1)
      const noted = yield* Effect.forEach([0x1000n, 0x2000n], (address) =>
        AddressSpace.translate(unused, format, root, address)
      )
      assert.deepStrictEqual(
        noted.map(({ accessed, dirty }) => [accessed, dirty]),
        [
          [true, true],
          [false, false]
        ]
      )
    })
  )

  it.effect("and addresses come without the bit that says that memory is encrypted", () =>
    Effect.gen(function* () {
      const encrypted = PageTable.x86_64({ encryptionBit: 47 })
      const { physical } = yield* byHand(7n | (1n << 47n), 7n | (1n << 47n), 0x5007n | (1n << 47n))
      const { map } = yield* AddressSpace.walk(physical, encrypted, 0n)
      assert.strictEqual(MemoryMap.mappedSize(map), 0x1_0000n)
      assert.strictEqual((yield* AddressSpace.translate(physical, encrypted, 0n, 5n)).physical, 0x5005n)
    })
  )
})

describe("a table that many entries lead to", () => {
  it.effect("is read once and laid everywhere, with the permissions of each way", () =>
    Effect.gen(function* () {
      // KASAN's shadow: all of a quarter of the space is one page of zeros, through three tables.
      const memory = new Uint8Array(0x6000)
      const view = new DataView(memory.buffer)
      const all = (table: number, value: bigint) => {
        for (let i = 0; i < 512; i++) view.setBigUint64(table + 8 * i, value, true)
      }
      for (let i = 256; i < 384; i++) view.setBigUint64(8 * i, 0x1000n | (i === 300 ? 1n : 3n), true)
      all(0x1000, 0x2003n)
      all(0x2000, 0x3003n)
      all(0x3000, 0x5003n)
      const format = PageTable.x86_64()
      const { leaves, map, tables } = yield* AddressSpace.walk(yield* MemoryMap.fromBytes(memory, 0n), format, 0n)
      // Writable and not.
      assert.strictEqual(tables, 1 + 2 * 3)
      assert.strictEqual(leaves, 128 * 2 ** 27)
      assert.deepStrictEqual(
        Array.from(MemoryMap.segments(map), ({ mapping, range }) => [
          range.end - range.start,
          mapping.permissions?.write
        ]),
        [
          [44n << 39n, true],
          [1n << 39n, false],
          [83n << 39n, true]
        ]
      )
    })
  )

  it.effect("and one page over and over is one mapping, whose bytes are those of the page", () =>
    Effect.gen(function* () {
      const format = PageTable.x86_64()
      const bytes = new Uint8Array(Uint32Array.from({ length: 1024 }, randomWords(2)).buffer)
      const ram = yield* MemoryMap.fromBytes(bytes, 0x3000n)
      const pages = Array.from({ length: 200 }, (_, i) => ({ virtual: BigInt(i) << 12n, physical: 0x3000n }))
      const { map, root } = yield* PageTables.build(ram, format, pages)
      const space = yield* AddressSpace.walk(map, format, root)
      assert.lengthOf([...MemoryMap.mappings(space.map)], 1)
      const mapped = yield* MemoryMap.requireMapping(space.map)
      const read = yield* MemoryMap.getBytes(mapped, 0xff0n, 3 * 4096)
      for (let i = 0; i < read.length; i++) if (read[i] !== bytes[(0xff0 + i) % 4096]) assert.fail(`byte ${i}`)
      const found = yield* Stream.runCollect(MemoryMap.findAll(mapped, Pattern.bytes(bytes.slice(10, 30))))
      assert.strictEqual(found.length, 200)
    })
  )
})
