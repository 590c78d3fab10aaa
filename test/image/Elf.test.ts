import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Elf from "../../src/image/Elf.ts"
import { ByteSource, FileMapper, MemoryImage, MemoryMap, type MemoryMapError } from "../../src/index.ts"
import { buildElf, ehdr, type ElfSpec, noteSegment, patched, phdr, type SegmentSpec } from "../support/elfBuilder.ts"
import { binary, contents } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const open = (bytes: Uint8Array, options?: Elf.OpenOptions) => Elf.fromSource(binary(bytes, "test.elf"), options)
const openSpec = (spec: ElfSpec, options?: Elf.OpenOptions) => open(buildElf(spec), options)
const core = (...segments: ReadonlyArray<SegmentSpec>): ElfSpec => ({ segments })
const refusal = Effect.fnUntraced(function* (bytes: Uint8Array, options?: Elf.OpenOptions) {
  const error = yield* Effect.flip(open(bytes, options))
  assert.strictEqual(error._tag, "ImageError")
  return error as MemoryMapError.ImageError
})
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

  it.effect("not at physical addresses that nobody wrote down", () =>
    Effect.gen(function* () {
      const file = buildElf(core({ virtual: 0x1000n, bytes: u8(1) }, { virtual: 0x2000n, bytes: u8(2) }))
      const error = yield* refusal(file, { addresses: "physical" })
      assert.strictEqual(error.why, "every p_paddr is 0: this file does not record physical addresses")
      const one = yield* openSpec(core({ virtual: 0x1000n, bytes: u8(1) }), { addresses: "physical" })
      assert.deepStrictEqual(yield* contents(one.map), [{ start: 0n, bytes: u8(1) }])
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
      for (const kind of kinds) {
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

  it.effect("ignoring those that load nothing", () =>
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

  it.effect("reading headers only", () =>
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

describe("Elf.open refuses", () => {
  const good = buildElf(core({ virtual: 0x1000n, bytes: u8(1, 2, 3, 4) }))
  const good32 = buildElf({ fileClass: 32, segments: [{ virtual: 0x1000n, bytes: u8(1, 2, 3, 4) }] })
  const many = buildElf({ extended: true, segments: [{ virtual: 0x1000n, bytes: u8(1, 2, 3, 4) }] })
  const top = (1n << 64n) - 1n
  const cases: ReadonlyArray<readonly [name: string, file: Uint8Array, offset: number, why: string]> = [
    ["an empty file", u8(), 0, "e_ident takes 16 bytes from here, the file ends at 0x0"],
    ["another file", new Uint8Array(99), 0, "e_ident does not start with 0x7f, E, L, F: not an ELF file"],
    ["a class that does not exist", patched(good, 4, 1, 3), 4, "EI_CLASS 3 is neither 1 (32 bits) nor 2 (64 bits)"],
    ["a byte order that does not exist", patched(good, 5, 1, 0), 5, "EI_DATA 0 is neither 1 (little endian) nor"],
    ["another version", patched(good, 6, 1, 2), 6, "EI_VERSION 2 is not 1"],
    ["half a header", good.slice(0, 63), 0, "the ELF header takes 64 bytes from here, the file ends at 0x3f"],
    ["an object file", patched(good, 16, 2, 1), 16, "e_type is ET_REL: an object file has no addresses before it is"],
    ["no type", patched(good, 16, 2, 0), 16, "e_type 0 is neither a core (4), a program (2) nor a shared object (3)"],
    ["no program headers", patched(good, 56, 2, 0), 56, "e_phnum is 0: without program headers nothing is mapped"],
    ["more program headers than fit", patched(good, 56, 2, 3), 32, "e_phoff 0x40: 3 program headers of 56 bytes"],
    ["program headers outside the file", patched(good, 32, 8, 117), 32, "e_phoff 0x75: 1 program headers of 56 bytes"],
    ["program headers beyond 2^64", patched(good, 32, 8, top), 32, "e_phoff 0xffffffffffffffff: 1 program headers"],
    ["entries of another size", patched(good, 54, 2, 32), 54, "e_phentsize is 32, a program header takes 56 bytes"],
    ["PN_XNUM without sections", patched(good, 56, 2, 0xffff), 56, "e_phnum is PN_XNUM, the count is in section"],
    ["PN_XNUM, section outside", patched(many, 40, 8, 150), 150, "section header 0, which e_shoff points to and"],
    ["PN_XNUM and a count of 0", patched(many, 120 + 44, 4, 0), 164, "sh_info of section header 0 is 0: without"],
    ["a table too large to read", patched(many, 164, 4, 0xffff_ffff), 164, "says 4294967295 program headers, the most"],
    ["a count that lies", patched(many, 164, 4, 0x10_0000), 32, "1048576 program headers of 56 bytes do not fit"],
    ["p_filesz above p_memsz", patched(good, 64 + 40, 8, 3), 96, "program header 0: p_filesz 0x4 is more than p_memsz"],
    ["bytes beyond 2^64", patched(good, 64 + 8, 8, top), 72, "p_offset 0xffffffffffffffff plus p_filesz 0x4 is more"],
    ["memory beyond 2^64", patched(good, 64 + 16, 8, top - 2n), 80, "p_vaddr 0xfffffffffffffffd plus p_memsz 0x4 is 1"],
    ["memory beyond 2^32", patched(good32, 52 + 8, 4, top - 1n), 60, "plus p_memsz 0x4 is 2 bytes more than 2^32"],
    [
      "a segment cut short",
      good.slice(0, -1),
      64,
      "program header 0: the file is cut short, 1 byte of p_filesz 0x4 at"
    ],
    [
      "a segment outside the file",
      patched(good, 72, 8, 1n << 60n),
      64,
      "the file is cut short, 4 bytes of p_filesz 0x4"
    ],
    ["a file of nothing but notes", buildElf(core(noteSegment([]))), 64, "no program header loads anything"],
    ["a dump that left out all", buildElf(core({ memorySize: 9n })), 64, "none of the 1 segments has bytes in the file"]
  ]
  for (const [name, file, offset, why] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const error = yield* refusal(file)
        assert.include(error.why, why)
        assert.deepStrictEqual([error.path, error.format, error.offset], ["test.elf", "elf", BigInt(offset)])
      })
    )
  }

  it.effect("a physical address that does not fit, only when it is asked for", () =>
    Effect.gen(function* () {
      const file = buildElf(core({ virtual: 0n, physical: (1n << 64n) - 2n, bytes: u8(1, 2, 3) }))
      yield* open(file)
      const error = yield* refusal(file, { addresses: "physical" })
      assert.include(error.why, "p_paddr 0xfffffffffffffffe plus p_memsz 0x3 is 1 byte more than 2^64")
      assert.strictEqual(error.offset, 88n)
    })
  )

  it.effect("every byte that is missing of a core cut short, or, when asked to, maps those that are there", () =>
    Effect.gen(function* () {
      const file = buildElf(
        core({ virtual: 0x1000n, bytes: u8(1, 2, 3, 4), memorySize: 6n }, { virtual: 0x2000n, bytes: u8(5, 6) })
      )
      const { map } = yield* open(file.slice(0, -3), { truncated: "absent" })
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x1000n, bytes: u8(1, 2, 3) }])
      assert.deepStrictEqual(holes(map), [
        { range: { start: 0x1003n, end: 0x1004n }, reason: "cut off: the file ends before these bytes" },
        { range: { start: 0x1004n, end: 0x1006n }, reason: "left out of the dump" },
        { range: { start: 0x2000n, end: 0x2002n }, reason: "cut off: the file ends before these bytes" }
      ])
      const nothing = yield* refusal(file.slice(0, -6), { truncated: "absent" })
      assert.include(nothing.why, "none of the 2 segments has bytes in the file")
    })
  )
})

describe("MemoryImage.open", () => {
  const files = FileMapper.layerTest({
    "/core": buildElf(core({ virtual: 0x1000n, bytes: u8(1, 2, 3) })),
    "/hex": new TextEncoder().encode(":020010000102EB\n:00000001FF\n"),
    "/object": buildElf({ type: 1, segments: [{ virtual: 0x1000n, bytes: u8(1) }] }),
    "/bytes": u8(1, 2, 3),
    "/empty": u8()
  })

  it.effect("recognises the format by content", () =>
    Effect.gen(function* () {
      const elf = yield* MemoryImage.open("/core")
      assert.deepStrictEqual([elf.format, names(elf.map)], ["elf", ["/core"]])
      const hex = yield* MemoryImage.open("/hex")
      assert.strictEqual(hex.format, "ihex")
    }).pipe(Effect.provide(files))
  )

  it.effect("takes raw bytes when told to", () =>
    Effect.gen(function* () {
      const forced = yield* MemoryImage.open("/core", { format: "raw" })
      assert.deepStrictEqual(yield* MemoryMap.getBytes(forced.map, 1n, 3), u8(0x45, 0x4c, 0x46))
      const placed = yield* MemoryImage.open("/bytes", { address: 0x10n })
      assert.deepStrictEqual(
        [placed.format, yield* contents(placed.map)],
        ["raw", [{ start: 0x10n, bytes: u8(1, 2, 3) }]]
      )
    }).pipe(Effect.provide(files))
  )

  it.effect("refuses what it does not know, and a format that is not there", () =>
    Effect.gen(function* () {
      for (const path of ["/bytes", "/empty"]) {
        const unknown = yield* Effect.flip(MemoryImage.open(path))
        assert.include(unknown.message, `${path}: unknown, offset 0x0: its content is of no known format`)
      }
      const forced = yield* Effect.flip(MemoryImage.open("/hex", { format: "elf" }))
      assert.strictEqual(
        forced.message,
        "/hex: elf, offset 0x0: e_ident does not start with 0x7f, E, L, F: not an ELF file"
      )
      const object = yield* Effect.flip(MemoryImage.open("/object"))
      assert.include(object.message, "/object: elf, offset 0x10: e_type is ET_REL")
      const missing = yield* Effect.flip(MemoryImage.open("/missing"))
      assert.strictEqual(missing._tag, "PlatformError")
    }).pipe(Effect.provide(files))
  )

  it.effect("passes options on to the format", () =>
    Effect.gen(function* () {
      const { map } = yield* MemoryImage.open("/core", { addresses: "physical" })
      assert.strictEqual(yield* MemoryMap.getByte(map, 0n), 1)
    }).pipe(Effect.provide(files))
  )

  it.effect("lets go of the file with the scope", () =>
    Effect.gen(function* () {
      const image = yield* Effect.scoped(MemoryImage.open("/core"))
      const error = yield* Effect.flip(MemoryMap.getByte(image.map, 0x1000n))
      assert.strictEqual(error._tag === "SourceError" && error.reason, "Closed")
    }).pipe(Effect.provide(files))
  )
})
