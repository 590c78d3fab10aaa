import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as PageTables from "../../src/testing/PageTables.ts"

/** The lowest address, and sizes of pages, of each format. */
const spaces = PageTable.names.map((name) => {
  const format = Option.getOrThrow(PageTable.fromName(name))
  const isUpper = name.startsWith("aarch64") && !name.endsWith("-lower")
  const granule = name.includes("-16k-") ? 1n << 14n : name.includes("-64k-") ? 1n << 16n : 1n << 12n
  return { name, format, granule, base: isUpper ? (1n << 64n) - (1n << BigInt(format.addressBits)) : 0n }
})

describe("PageTables.build", () => {
  for (const { base, format, granule, name } of spaces) {
    it.effect(`makes tables of ${name} that lead where they are told to, with the permissions they are told`, () =>
      Effect.gen(function* () {
        const pages: ReadonlyArray<PageTables.Page> = [
          { virtual: base, physical: 3n * granule, permissions: { write: false, user: false } },
          { virtual: base + granule, physical: 2n * granule, permissions: { execute: false } },
          // Far beyond what is in memory; two levels of i386 hold 32 bits, Sv32 34.
          { virtual: base + (1n << 30n), physical: (1n << (name === "i386" ? 31n : 33n)) + granule }
        ]
        const { map, root } = yield* PageTables.build(MemoryMap.empty, format, pages)
        for (const { permissions, physical, virtual } of pages) {
          const there = yield* AddressSpace.translate(map, format, root, virtual + 5n)
          assert.deepStrictEqual([there.physical, there.pageSize], [physical + 5n, granule])
          assert.deepStrictEqual(there.permissions, {
            read: true,
            write: permissions?.write ?? true,
            // Two levels of i386 cannot forbid to run a page.
            execute: name === "i386" || (permissions?.execute ?? true),
            user: permissions?.user ?? true
          })
          assert.lengthOf(there.entries, format.levels)
        }
        const { leaves, tables } = yield* AddressSpace.walk(map, format, root)
        assert.strictEqual(leaves, 3)
        assert.isAtMost(tables, 2 * format.levels - 1)
      })
    )
  }

  it.effect("makes large pages, also of the longest addresses that a format has", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [name: string, size: bigint, physical: bigint]> = [
        ["x86-64", 1n << 30n, 0xf_ffff_c000_0000n],
        ["i386", 1n << 22n, 0xff_ffc0_0000n],
        ["i386-pae", 1n << 21n, 0xf_ffff_ffe0_0000n],
        ["aarch64-4k-52-lpa2-lower", 1n << 39n, 0xf_ff80_0000_0000n],
        ["aarch64-16k-52-lpa2-lower", 1n << 36n, 0xf_fff0_0000_0000n],
        ["aarch64-64k-52-lower", 1n << 42n, 0xf_fc00_0000_0000n],
        ["riscv-sv57", 1n << 48n, 0x7f_0000_0000_0000n],
        ["riscv-sv32", 1n << 22n, 0x3_ffc0_0000n]
      ]
      for (const [name, size, physical] of cases) {
        const format = Option.getOrThrow(PageTable.fromName(name))
        const { map, root } = yield* PageTables.build(MemoryMap.empty, format, [{ virtual: 0n, physical, size }])
        const there = yield* AddressSpace.translate(map, format, root, size - 1n)
        assert.deepStrictEqual([there.physical, there.pageSize], [physical + size - 1n, size], name)
      }
    })
  )

  it.effect("puts its tables behind memory, or where it is told to", () =>
    Effect.gen(function* () {
      const format = PageTable.x86_64()
      const ram = yield* MemoryMap.fromBytes(new Uint8Array(0x1_2345), 0x100n)
      const pages = [{ virtual: 0x1000n, physical: 0x1000n }]
      assert.strictEqual((yield* PageTables.build(ram, format, pages)).root, 0x2_0000n)
      assert.strictEqual((yield* PageTables.build(ram, format, pages, { at: 0x8_0000n })).root, 0x8_0000n)
      const none = yield* PageTables.build(MemoryMap.empty, format, [])
      assert.deepStrictEqual((yield* AddressSpace.walk(none.map, format, none.root)).leaves, 0)
    })
  )

  it("refuses pages that the format cannot map", () => {
    const refused: ReadonlyArray<readonly [PageTables.Page, RegExp]> = [
      [{ virtual: 1n << 47n, physical: 0n }, /no address of x86-64/],
      [{ virtual: 0n, physical: 0n, size: 0x2000n }, /no pages of 8192 bytes/],
      [{ virtual: 0x1001n, physical: 0n }, /not a multiple of 4096/],
      [{ virtual: 0x1000n, physical: 1n }, /not a multiple of 4096/]
    ]
    for (const [page, says] of refused) {
      assert.throws(() => Effect.runSync(PageTables.build(MemoryMap.empty, PageTable.x86_64(), [page])), says)
    }
  })
})
