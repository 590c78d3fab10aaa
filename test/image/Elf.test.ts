import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Elf from "../../src/image/Elf.ts"
import { ByteSource, MemoryMap } from "../../src/index.ts"
import { buildElf, ehdr, type ElfSpec, noteSegment, phdr, type SegmentSpec } from "../support/elfBuilder.ts"
import { binary, contents } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const open = (bytes: Uint8Array, options?: Elf.OpenOptions) => Elf.fromSource(binary(bytes, "test.elf"), options)
const openSpec = (spec: ElfSpec, options?: Elf.OpenOptions) => open(buildElf(spec), options)
const core = (...segments: ReadonlyArray<SegmentSpec>): ElfSpec => ({ segments })
const holes = (map: MemoryMap.Mapped) => [...MemoryMap.holes(map)].filter((hole) => hole.reason !== undefined)
const names = (map: MemoryMap.Mapped) => [...MemoryMap.mappings(map)].map((mapping) => mapping.name)

const kinds = ([32, 64] as const).flatMap((fileClass) =>
  (["little", "big"] as const).map((endian) => ({ fileClass, endian }))
)

describe("Elf.open reads what the identification says", () => {
  for (const kind of kinds) {
    it.effect(`ELF${kind.fileClass}, ${kind.endian} endian`, () =>
      Effect.gen(function* () {
        const image = yield* openSpec({
          ...kind,
          machine: 243,
          entry: 0x1234n,
          segments: [{ virtual: 0x1000n, flags: 5, bytes: u8(1, 2, 3, 4, 5, 6, 7, 8) }]
        })
        assert.strictEqual(MemoryMap.getWordSize(image.map), kind.fileClass)
        assert.strictEqual(MemoryMap.getEndian(image.map), kind.endian)
        assert.deepStrictEqual(
          [image.format, image.type, image.fileClass, image.machine, image.machineCode, image.entry],
          ["elf", "core", kind.fileClass, "riscv", 243, 0x1234n]
        )
        const word = { "32little": 0x04030201n, "32big": 0x01020304n, "64little": 0x0807060504030201n }
        const expected = { ...word, "64big": 0x0102030405060708n }[`${kind.fileClass}${kind.endian}` as const]
        assert.strictEqual(yield* MemoryMap.getPointer(image.map, 0x1000n), expected)
        const [mapping] = MemoryMap.mappings(image.map)
        assert.deepStrictEqual(mapping?.permissions, { read: true, write: false, execute: true })
        assert.deepStrictEqual(image.segments, [
          {
            index: 0,
            offset: BigInt(ehdr[kind.fileClass].size + phdr[kind.fileClass].size),
            fileSize: 8n,
            memorySize: 8n,
            virtualAddress: 0x1000n,
            physicalAddress: 0n,
            permissions: { read: true, write: false, execute: true }
          }
        ])
      })
    )
  }

  it.effect("the machine decides the word size of an ELF64 dump of a 32-bit machine", () =>
    Effect.gen(function* () {
      const i386 = yield* openSpec({ machine: 3, segments: [{ virtual: 0xc000_0000n, bytes: u8(1, 2, 3, 4) }] })
      assert.deepStrictEqual([i386.fileClass, i386.machine, MemoryMap.getWordSize(i386.map)], [64, "i386", 32])
      const x32 = yield* openSpec({ machine: 62, fileClass: 32, segments: [{ bytes: u8(1, 2, 3, 4) }] })
      assert.deepStrictEqual([x32.fileClass, x32.machine, MemoryMap.getWordSize(x32.map)], [32, "x86-64", 32])
      const unknown = yield* openSpec({ machine: 0x9999, segments: [{ bytes: u8(1) }] })
      assert.deepStrictEqual([unknown.machine, MemoryMap.getWordSize(unknown.map)], ["machine 39321", 64])
    })
  )
})

describe("Elf.open places segments", () => {
  it.effect("between p_filesz and p_memsz a core has a hole that says why", () =>
    Effect.gen(function* () {
      const { map } = yield* openSpec(core({ virtual: 0x1000n, bytes: u8(1, 2), memorySize: 0x1000n }))
      const error = yield* Effect.flip(MemoryMap.getBytes(map, 0x1000n, 3))
      assert.strictEqual(
        error.message,
        "getBytes: 0x1002 is not mapped (3 bytes at 0x1000, 2 readable; hole 0x1002-0x2000: left out of the dump)"
      )
    })
  )

  it.effect("and a program has zeros; the option decides otherwise", () =>
    Effect.gen(function* () {
      const segment = { virtual: 0x1000n, bytes: u8(1, 2), memorySize: 4n }
      for (const type of [2, 3, 4]) {
        const zero = type === 4 ? ({ tail: "zero" } as const) : undefined
        const { map } = yield* openSpec({ type, segments: [segment] }, zero)
        assert.deepStrictEqual(yield* contents(map), [{ start: 0x1000n, bytes: u8(1, 2, 0, 0) }])
        assert.deepStrictEqual(names(map), ["test.elf", "zeros"])
        const absent = yield* openSpec({ type, segments: [segment] }, { tail: "absent" })
        assert.deepStrictEqual(holes(absent.map), [
          { range: { start: 0x1002n, end: 0x1004n }, reason: "left out of the dump" }
        ])
      }
    })
  )

  it.effect("a program has no zeros where it is loaded: they would hide what lies there", () =>
    Effect.gen(function* () {
      const segments = [
        { virtual: 0x2000_0000n, physical: 0x800_0000n, bytes: u8(1), memorySize: 9n },
        { virtual: 0x800_0001n, physical: 0x800_0001n, bytes: u8(2, 3) }
      ]
      const { map } = yield* openSpec({ type: 2, segments: segments.toReversed() }, { addresses: "physical" })
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x800_0000n, bytes: u8(1, 2, 3) }])
      assert.deepStrictEqual(holes(map), [])
      const asked = yield* openSpec({ type: 2, segments }, { addresses: "physical", tail: "zero" })
      assert.strictEqual(MemoryMap.mappedSize(asked.map), 9n)
    })
  )

  it.effect("with more bytes in the file than in memory it maps those in the file, and notes it", () =>
    Effect.gen(function* () {
      const { map, problems } = yield* openSpec(core({ virtual: 0x1000n, bytes: u8(1, 2), memorySize: 1n }))
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x1000n, bytes: u8(1, 2) }])
      assert.deepStrictEqual(problems, ["program header 0: p_filesz 0x2 is more than p_memsz 0x1"])
    })
  )

  it.effect("at physical addresses when asked, leaving out segments that have none", () =>
    Effect.gen(function* () {
      for (const fileClass of [32, 64] as const) {
        const spec: ElfSpec = {
          fileClass,
          segments: [
            { virtual: 0xc000_0000n, physical: 0x100_0000n, bytes: u8(1), memorySize: 2n },
            { virtual: 0xd000_0000n, physical: (1n << BigInt(fileClass)) - 1n, bytes: u8(2, 2) },
            { virtual: 0xc000_0002n, physical: 0n, bytes: u8(3) }
          ]
        }
        const physical = yield* openSpec(spec, { addresses: "physical" })
        assert.deepStrictEqual(yield* contents(physical.map), [
          { start: 0n, bytes: u8(3) },
          { start: 0x100_0000n, bytes: u8(1) }
        ])
        assert.deepStrictEqual(holes(physical.map)[0]?.range, { start: 0x100_0001n, end: 0x100_0002n })
        const virtual = yield* openSpec(spec, { addresses: "virtual" })
        assert.strictEqual((yield* contents(virtual.map)).length, 3)
      }
    })
  )

  it.effect("with program headers behind section headers and everything else, as QEMU writes them", () =>
    Effect.gen(function* () {
      for (const extended of [false, true]) {
        const { map } = yield* openSpec({
          headersLast: true,
          extended,
          padding: 4096,
          segments: [
            noteSegment([]),
            { physical: 0x0n, virtual: 0x0n, flags: 0, bytes: u8(1, 2, 3) },
            { physical: 0x1_0000_0000n, virtual: 0x1_0000_0000n, flags: 0, bytes: u8(4) }
          ]
        })
        assert.deepStrictEqual(yield* contents(map), [
          { start: 0n, bytes: u8(1, 2, 3) },
          { start: 0x1_0000_0000n, bytes: u8(4) }
        ])
        const [mapping] = MemoryMap.mappings(map)
        assert.isUndefined(mapping?.permissions, "no flags at all: nobody said")
      }
    })
  )

  it.effect("in any order, off any border, sharing bytes of the file, some without permissions", () =>
    Effect.gen(function* () {
      const bytes = u8(10, 11, 12, 13, 14, 15, 16, 17)
      const spec: ElfSpec = {
        padding: 13,
        segments: [
          { virtual: 0x9001n, bytes },
          { virtual: 0x11n, offset: 0n, fileSize: 4n, flags: 0 },
          { virtual: 0x5003n, offset: BigInt(64 + 3 * 56 + 13 + 2), fileSize: 3n }
        ]
      }
      const { map } = yield* openSpec(spec)
      assert.deepStrictEqual(yield* contents(map), [
        { start: 0x11n, bytes: u8(0x7f, 0x45, 0x4c, 0x46) },
        { start: 0x5003n, bytes: u8(12, 13, 14) },
        { start: 0x9001n, bytes }
      ])
      const permissions = Option.getOrThrow(MemoryMap.mappingAt(map, 0x11n)).permissions
      assert.deepStrictEqual(permissions, { read: false, write: false, execute: false })
    })
  )

  it.effect("the later over the earlier where they overlap", () =>
    Effect.gen(function* () {
      const { map } = yield* openSpec({
        type: 2,
        segments: [
          { virtual: 0x1000n, bytes: u8(1, 1, 1, 1), memorySize: 8n },
          { virtual: 0x1002n, bytes: u8(2, 2, 2, 2) }
        ]
      })
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x1000n, bytes: u8(1, 1, 2, 2, 2, 2, 0, 0) }])
    })
  )

  it.effect("at [vsyscall] and up to the last byte of the space", () =>
    Effect.gen(function* () {
      const { map } = yield* openSpec(
        core(
          { virtual: 0xffff_ffff_ff60_0000n, bytes: new Uint8Array(0x1000).fill(0xcc), flags: 5 },
          { virtual: (1n << 64n) - 2n, bytes: u8(1, 2) }
        )
      )
      assert.deepStrictEqual(names(map), ["[vsyscall]", "test.elf"])
      assert.strictEqual(yield* MemoryMap.getByte(map, 0xffff_ffff_ffff_ffffn), 2)
      assert.deepStrictEqual(Option.getOrUndefined(MemoryMap.bounds(map)), {
        start: 0xffff_ffff_ff60_0000n,
        end: 1n << 64n
      })
      const top32 = yield* openSpec({ fileClass: 32, segments: [{ virtual: 0xffff_fffen, bytes: u8(1, 2) }] })
      assert.strictEqual(yield* MemoryMap.getByte(top32.map, 0xffff_ffffn), 2)
    })
  )

  it.effect("of several GiB of holes, in no more memory than the bytes that are there", () =>
    Effect.gen(function* () {
      const { map } = yield* openSpec(
        core({ virtual: 0x1_0000n, bytes: u8(1), memorySize: 7n << 30n }, { virtual: 1n << 40n, memorySize: 1n << 46n })
      )
      assert.strictEqual(MemoryMap.mappedSize(map), 1n)
      assert.deepStrictEqual(
        holes(map).map(({ range }) => range),
        [
          { start: 0x1_0001n, end: 0x1_0000n + (7n << 30n) },
          { start: 1n << 40n, end: (1n << 40n) + (1n << 46n) }
        ]
      )
      const zeros = yield* openSpec({ type: 2, segments: [{ virtual: 0n, memorySize: 1n << 46n }] })
      assert.strictEqual(MemoryMap.mappedSize(zeros.map), 1n << 46n)
      assert.strictEqual(yield* MemoryMap.getByte(zeros.map, 1n << 45n), 0)
    })
  )

  it.effect("70 000 of them, counted in section header 0, with hardly any bytes", () =>
    Effect.gen(function* () {
      const segments = Array.from({ length: 70_000 }, (_, i): SegmentSpec => {
        const present = i % 1000 === 999
        return {
          virtual: BigInt(i) * 0x2000n,
          memorySize: 0x1000n,
          bytes: present ? u8(i & 0xff, i >> 8) : u8()
        }
      })
      for (const kind of [kinds[0], kinds[3]]) {
        const image = yield* openSpec({ ...kind, segments })
        assert.strictEqual(image.segments.length, 70_000)
        assert.strictEqual(MemoryMap.mappedSize(image.map), 140n)
        const last = 69_999n * 0x2000n
        assert.deepStrictEqual(yield* MemoryMap.getBytes(image.map, last, 2), u8(0x6f, 0x11))
        const error = yield* Effect.flip(MemoryMap.getByte(image.map, last - 0x2000n))
        assert.include(error.message, "left out of the dump")
      }
    })
  )

  it.effect("ignoring headers of segments that load nothing", () =>
    Effect.gen(function* () {
      const { map, segments } = yield* openSpec(
        core(
          { type: 0, virtual: 0x1000n, bytes: u8(1) },
          { type: 2, virtual: 0x1000n, bytes: u8(2), memorySize: 0n },
          { type: 0x6474e551, fileSize: 99n, offset: 1n << 60n },
          { virtual: 0x4000n },
          { virtual: 0x3000n, bytes: u8(3) }
        )
      )
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x3000n, bytes: u8(3) }])
      assert.deepStrictEqual(
        segments.map(({ index }) => index),
        [4]
      )
    })
  )

  it.effect("reading headers and nothing of the data", () =>
    Effect.gen(function* () {
      const read: Array<readonly [bigint, number]> = []
      const bytes = buildElf(
        core(
          noteSegment([{ owner: "CORE", type: 99, description: new Uint8Array(5000) }]),
          { virtual: 0x1000n, bytes: new Uint8Array(100_000) },
          { virtual: 0x80000n, bytes: new Uint8Array(100_000) }
        )
      )
      const source = ByteSource.make({
        name: "counting",
        size: BigInt(bytes.length),
        read: (offset, length) =>
          Effect.sync(() => {
            read.push([offset, length])
            return bytes.slice(Number(offset), Number(offset) + length)
          })
      })
      yield* Elf.fromSource(source)
      const table = 64 + 3 * 56
      assert.deepStrictEqual(read, [
        [0n, 16],
        [0n, 64],
        [64n, table - 64],
        [BigInt(table), 12],
        [BigInt(table + 12), 5]
      ])
    })
  )
})
