import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Elf from "../../src/image/Elf.ts"
import { MemoryMap, type MemoryMapError } from "../../src/index.ts"
import { buildElf, type ElfSpec, noteSegment, patched, type SegmentSpec } from "../support/elfBuilder.ts"
import { binary, contents } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const open = (bytes: Uint8Array, options?: Elf.OpenOptions) => Elf.fromSource(binary(bytes, "test.elf"), options)
const openSpec = (spec: ElfSpec, options?: Elf.OpenOptions) => open(buildElf(spec), options)
const holes = (map: MemoryMap.Mapped) => [...MemoryMap.holes(map)].filter((hole) => hole.reason !== undefined)
const core = (...segments: ReadonlyArray<SegmentSpec>): ElfSpec => ({ segments })
const refusal = Effect.fnUntraced(function* (bytes: Uint8Array, options?: Elf.OpenOptions) {
  const error = yield* Effect.flip(open(bytes, options))
  assert.strictEqual(error._tag, "ImageError")
  return error as MemoryMapError.ImageError
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

  it.effect("physical addresses that nobody wrote down", () =>
    Effect.gen(function* () {
      const file = buildElf(core({ virtual: 0x1000n, bytes: u8(1) }, { virtual: 0x2000n, bytes: u8(2) }))
      const error = yield* refusal(file, { addresses: "physical" })
      const why = "every p_paddr is 0 or all ones: this file does not record physical addresses"
      assert.deepStrictEqual([error.why, error.offset], [why, 64n])
      const none = buildElf(core({ physical: (1n << 64n) - 1n, bytes: u8(1) }))
      assert.strictEqual((yield* refusal(none, { addresses: "physical" })).why, why)
      const one = yield* openSpec(core({ virtual: 0x1000n, bytes: u8(1) }), { addresses: "physical" })
      assert.deepStrictEqual(yield* contents(one.map), [{ start: 0n, bytes: u8(1) }])
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
