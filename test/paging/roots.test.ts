// Roots without a symbol: what Linux on x86-64 makes of its first tables, and pages that only look like it.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as FailingSource from "../../src/testing/FailingSource.ts"

const SIZE = 0x20_0000
const NX = 1n << 63n
const IN_USE = 0x60n

const machine = (levels: 4 | 5, roots: ReadonlyArray<number>) => {
  const bytes = new Uint8Array(SIZE)
  const view = new DataView(bytes.buffer)
  const set = (table: number, index: number, value: bigint) => view.setBigUint64(table + 8 * index, value, true)
  // The kernel's code, 2 MiB from 0xffffffff81000000 on.
  set(0x2000, 510, 0x3003n)
  set(0x3000, 8, 0x83n)
  set(0x4000, 0, 0x2003n)
  const last = levels === 4 ? 0x2003n : 0x5003n
  if (levels === 5) {
    set(0x5000, 511, 0x2003n)
    set(0x5000, 300, 0x4003n)
  }
  for (const [i, root] of roots.entries()) {
    set(root, 511, last | (i % 2 === 0 ? IN_USE : 0n))
    set(root, 273, 0x4003n | NX)
    set(root, i, 0x6067n)
  }
  return { bytes, set }
}

const found = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const roots = yield* AddressSpace.findRoots(yield* MemoryMap.fromBytes(bytes, 0n, { name: "ram" }))
  return roots.map(({ format, root, why }) => [Number(root), format.name, why] as const)
})

describe("findRoots", () => {
  it.effect("finds the roots that share a kernel, whatever the processor noted of use, the largest group first", () =>
    Effect.gen(function* () {
      const { bytes, set } = machine(4, [0x1_0000, 0x1_2000, 0x1_4000])
      // Page-table isolation: behind each the copy for the program, with little of the kernel.
      for (const copy of [0x1_1000, 0x1_3000]) set(copy, 511, 0x2003n)
      const shared = "a kernel in its upper half of 2 entries, the same as of 2 more"
      const copied = (of: string) =>
        `a kernel in its upper half of 1 entries, the same as of 1 more; what the process at ${of} sees of it (page-table isolation)`
      assert.deepStrictEqual(yield* found(bytes), [
        [0x1_0000, "x86-64", shared],
        [0x1_2000, "x86-64", shared],
        [0x1_4000, "x86-64", shared],
        [0x1_1000, "x86-64", copied("0x10000")],
        [0x1_3000, "x86-64", copied("0x12000")]
      ])
    })
  )

  it.effect("tells five levels from four, and takes no table of a second level for a root", () =>
    Effect.gen(function* () {
      const { bytes } = machine(5, [0x1_0000, 0x1_2000])
      const roots = yield* found(bytes)
      assert.deepStrictEqual(
        roots.map(([root, name]) => [root, name]),
        [
          [0x1_0000, "x86-64-la57"],
          [0x1_2000, "x86-64-la57"]
        ]
      )
    })
  )

  it.effect("finds none in pages that only look like roots", () =>
    Effect.gen(function* () {
      const { bytes, set } = machine(4, [])
      set(0x1_0000, 511, 0x2003n | NX)
      set(0x1_1000, 511, 0x2083n)
      set(0x1_2000, 511, 0x4000_0003n)
      set(0x1_3000, 511, 0x2002n)
      set(0x1_4000, 511, 0x2003n)
      set(0x1_4000, 300, 0x4000_0003n)
      set(0x1_5000, 511, 0x6003n) // tables of nothing
      bytes.fill(0xff, 0x1_6000, 0x1_8000)
      assert.deepStrictEqual(yield* found(bytes), [])
      assert.deepStrictEqual(yield* AddressSpace.findRoots(MemoryMap.empty), [])
    })
  )

  it.effect("gives what walk takes", () =>
    Effect.gen(function* () {
      const { bytes } = machine(4, [0x1_0000])
      const physical = yield* MemoryMap.fromBytes(bytes, 0n)
      const [first] = yield* AddressSpace.findRoots(physical)
      const { map } = yield* AddressSpace.walk(physical, first!.format, first!.root)
      assert.isTrue(MemoryMap.isMapped(map, 0xffff_ffff_8100_0000n))
    })
  )

  it.effect("fails where memory cannot be read", () =>
    Effect.gen(function* () {
      const broken = FailingSource.make(new Uint8Array(0x2000), () => true)
      const error = yield* Effect.flip(AddressSpace.findRoots(yield* MemoryMap.add(MemoryMap.empty, broken, 0n)))
      assert.strictEqual(error._tag, "SourceError")
    })
  )
})

describe("formats", () => {
  it("of AArch64 have long physical addresses wherever virtual ones have more than 48 bits", () => {
    const names = ([4, 16, 64] as const).map((granule) => PageTable.aarch64({ granule, addressBits: 52 }).name)
    assert.deepStrictEqual(names, ["aarch64-4k-52-lpa2", "aarch64-16k-52-lpa2", "aarch64-64k-52"])
  })

  it("that no processor has are refused", () => {
    const refused: ReadonlyArray<readonly [() => PageTable.PageTable, RegExp]> = [
      [() => PageTable.aarch64({ granule: 4, addressBits: 24 }), /from 25 to 52, not 24/],
      [() => PageTable.aarch64({ granule: 16, addressBits: 53 }), /from 28 to 52, not 53/],
      [() => PageTable.aarch64({ granule: 8 as 4, addressBits: 48 }), /4, 16 or 64 KiB, not 8/],
      [() => PageTable.x86_64({ levels: 3 as 4 }), /from 4 to 5, not 3/],
      [() => PageTable.x86_64({ encryptionBit: 52 }), /from 12 to 51, not 52/],
      [() => PageTable.riscv("sv64" as "sv39"), /not sv64/]
    ]
    for (const [make, says] of refused) assert.throws(make, says)
    assert.isTrue(Option.isNone(PageTable.fromName("vax")))
  })

  it("find no way through roots and addresses that lie outside the space", () => {
    const physical = Effect.runSync(MemoryMap.fromBytes(new Uint8Array(0x2000), 0n))
    const format = PageTable.x86_64()
    for (const root of [-1n, 1n << 64n, (1n << 64n) - 8n, 0x1ff0n]) {
      const error = Effect.runSync(Effect.flip(AddressSpace.walk(physical, format, root)))
      assert.strictEqual(error._tag, "UnmappedAddress")
    }
    for (const address of [-1n, 1n << 64n, 1n << 47n]) {
      const error = Effect.runSync(Effect.flip(AddressSpace.translate(physical, format, 0n, address)))
      assert.match(error.message, /no address of x86-64/)
    }
    const range = { start: 2n, end: 1n }
    assert.throws(
      () => Effect.runSync(AddressSpace.walk(physical, format, 0n, { range })),
      /^AddressSpace.walk: 0x2..0x1/
    )
  })
})

describe("registers", () => {
  it("say which format a processor uses, and where its first table is", () => {
    const cases: ReadonlyArray<readonly [PageTable.Registers, readonly [string, bigint] | undefined]> = [
      [{ cr0: 0x11n, cr3: 0x1000n, cr4: 0x20n }, undefined],
      [{ cr0: 0x8000_0011n, cr3: 0x1234_5018n, cr4: 0x10n }, ["i386", 0x1234_5000n]],
      [{ cr0: 0x8000_0011n, cr3: 0x1234_5078n, cr4: 0x20n, efer: 0n }, ["i386-pae", 0x1234_5060n]],
      [{ cr0: 0x8000_0011n, cr3: 0x7_1234_5fffn, cr4: 0x20n, efer: 0x500n }, ["x86-64", 0x7_1234_5000n]],
      // LAM in bits 61 and 62.
      [{ cr0: 0x8000_0011n, cr3: (3n << 61n) | 0x5000n, cr4: 0x1020n }, ["x86-64-la57", 0x5000n]]
    ]
    for (const [registers, expected] of cases) {
      const root = Option.getOrUndefined(PageTable.fromRegisters(registers))
      assert.deepStrictEqual(root && ([root.format.name, root.root] as const), expected)
    }
  })

  const shown = (root: Option.Option<PageTable.Root>) =>
    Option.getOrUndefined(Option.map(root, ({ format, root }) => [format.name, root] as const))

  it("of RISC-V say it too, with 64 bits and with 32", () => {
    const root = 0x8_0123n
    for (const [mode, name] of [
      [8n, "sv39"],
      [9n, "sv48"],
      [10n, "sv57"]
    ] as const) {
      const satp = (mode << 60n) | (0xffffn << 44n) | root
      assert.deepStrictEqual(shown(PageTable.fromSatp(satp)), [`riscv-${name}`, root << 12n])
    }
    for (const mode of [0n, 1n, 7n, 11n, 15n]) assert.isUndefined(shown(PageTable.fromSatp((mode << 60n) | root)))
    assert.deepStrictEqual(shown(PageTable.fromSatp(0xffc0_0000n | 0x3f_ffffn, 32)), ["riscv-sv32", 0x3_ffff_f000n])
    assert.isUndefined(shown(PageTable.fromSatp(root, 32)))
  })

  it("of AArch64 say it for each half, with the granules that TCR has in two orders", () => {
    const tcr = (size0: number, size1: number, tg0: bigint, tg1: bigint, more = 0n) =>
      BigInt(64 - size0) | (BigInt(64 - size1) << 16n) | (tg0 << 14n) | (tg1 << 30n) | more
    const of = (tcr: bigint, ttbr0 = 0x4000_0000n, ttbr1 = 0x5000_0000n) => {
      const { lower, upper } = PageTable.fromArmRegisters({ tcr, ttbr0, ttbr1 })
      return [shown(lower), shown(upper)]
    }
    assert.deepStrictEqual(of(tcr(48, 39, 0n, 2n)), [
      ["aarch64-4k-48-lower", 0x4000_0000n],
      ["aarch64-4k-39", 0x5000_0000n]
    ])
    assert.deepStrictEqual(of(tcr(47, 36, 2n, 1n)), [
      ["aarch64-16k-47-lower", 0x4000_0000n],
      ["aarch64-16k-36", 0x5000_0000n]
    ])
    // Identifiers of address spaces and CnP are no part of the root; 52 bits have their top in bits 5:2.
    assert.deepStrictEqual(
      of(tcr(42, 52, 1n, 3n, 6n << 32n), (0xffffn << 48n) | 0x4000_0000n, 0x5000_0001n | (9n << 2n)),
      [
        ["aarch64-64k-42-lower", 0x4000_0000n],
        ["aarch64-64k-52", 0x9_0000_5000_0000n]
      ]
    )
    assert.deepStrictEqual(of(tcr(52, 52, 0n, 1n, 1n << 59n)), [
      ["aarch64-4k-52-lpa2-lower", 0x4000_0000n],
      ["aarch64-16k-52-lpa2", 0x5000_0000n]
    ])
    // The root of a few entries may lie at any multiple of their size.
    assert.deepStrictEqual(of(tcr(42, 48, 1n, 3n), 0x4000_1e01n)[0], ["aarch64-64k-42-lower", 0x4000_1e00n])
    // Turned off; granules and sizes that do not exist.
    assert.deepStrictEqual(of(tcr(48, 48, 0n, 2n, (1n << 7n) | (1n << 23n))), [undefined, undefined])
    assert.deepStrictEqual(of(tcr(48, 48, 3n, 0n)), [undefined, undefined])
    assert.deepStrictEqual(of(tcr(52, 20, 0n, 2n)), [undefined, undefined])
  })
})
