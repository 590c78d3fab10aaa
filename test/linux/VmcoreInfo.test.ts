import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Guest from "../../src/testing/Guest.ts"
import { VmcoreInfo } from "../../src/linux/index.ts"

const encoder = new TextEncoder()

describe("VmcoreInfo", () => {
  it("reads addresses in hexadecimal, numbers in decimal, and keeps what it does not know", () => {
    const info = VmcoreInfo.parse(
      "OSRELEASE=6.1.0\nSYMBOL(a)=ffffffff81000000\nOFFSET(b.c)=16\nSIZE(b)=32\nLENGTH(d)=4096\n" +
        "NUMBER(phys_base)=-56623104\nNUMBER(mask)=0x10\nNEW_IN_9(x)=y=z\nno line\n=nothing"
    )
    assert.strictEqual(info.release, "6.1.0")
    assert.deepStrictEqual(VmcoreInfo.symbol(info, "a"), Option.some(0xffffffff81000000n))
    assert.deepStrictEqual(VmcoreInfo.offset(info, "b.c"), Option.some(16))
    assert.deepStrictEqual(VmcoreInfo.size(info, "b"), Option.some(32))
    assert.deepStrictEqual(VmcoreInfo.length(info, "d"), Option.some(4096))
    assert.deepStrictEqual(VmcoreInfo.number(info, "phys_base"), Option.some(-56623104n))
    assert.deepStrictEqual(VmcoreInfo.number(info, "mask"), Option.some(16n))
    assert.strictEqual(info.values.get("NEW_IN_9(x)"), "y=z")
    assert.strictEqual(info.values.size, 8)
  })

  it("has nothing where a value is none", () => {
    const info = VmcoreInfo.parse("SYMBOL(a)=none\nOFFSET(b)=-1\nSIZE(c)=99999999999\nNUMBER(d)=1e3\nSYMBOL(e)=\n")
    assert.strictEqual(info.release, "")
    assert.deepStrictEqual(VmcoreInfo.symbol(info, "a"), Option.none())
    assert.deepStrictEqual(VmcoreInfo.offset(info, "b"), Option.none())
    assert.deepStrictEqual(VmcoreInfo.size(info, "c"), Option.none())
    assert.deepStrictEqual(VmcoreInfo.number(info, "d"), Option.none())
    assert.deepStrictEqual(VmcoreInfo.symbol(info, "e"), Option.none())
  })

  for (const era of Guest.allEras) {
    it.effect(`is found in the raw memory of a guest of ${era}`, () =>
      Effect.gen(function* () {
        const guest = yield* Guest.make({ era })
        const info = yield* VmcoreInfo.find(guest.physical)
        assert.strictEqual(info.release, guest.release)
        assert.deepStrictEqual(info.values, VmcoreInfo.parse(guest.vmcoreInfo).values)
      })
    )
  }

  it.effect("of several copies, the one is taken that the memory confirms", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.1" })
      // As a user program reads it, and as a kernel leaves it that another one replaced by kexec.
      const stale = guest.vmcoreInfo.replace("OSRELEASE=6.1.0", "OSRELEASE=5.9.9")
      const format = "OSRELEASE=%s\nBUILD-ID=%s\nSYMBOL(init_uts_ns)=%lx\n"
      let map: MemoryMap.Mapped = guest.physical
      map = yield* MemoryMap.addBytes(map, encoder.encode(stale), 0x1000n)
      map = yield* MemoryMap.addBytes(map, encoder.encode(format), 0x4000n)
      const found = yield* VmcoreInfo.find(map as MemoryMap.Ready)
      assert.strictEqual(found.release, "6.1.0-guest")
    })
  )

  it.effect("memory without it is refused, with what was seen there", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.1" })
      guest.bytes.fill(0, Number(guest.vmcoreInfoAt - guest.base), Number(guest.vmcoreInfoAt - guest.base) + 10)
      const none = yield* Effect.flip(VmcoreInfo.find(guest.physical))
      assert.strictEqual(none._tag, "KernelNotFound")
      assert.include(none.message, '"OSRELEASE=" occurs 0 times')
      const map = yield* MemoryMap.addBytes(
        guest.physical,
        encoder.encode(guest.vmcoreInfo.replace("6.1.0", "6.1.1")),
        0x1000n
      )
      assert.include(
        (yield* Effect.flip(VmcoreInfo.find(map))).message,
        "the texts at 0x1000 name a kernel that is not"
      )
    })
  )
})

describe("VmcoreInfo.pageTables", () => {
  const of = (...lines: ReadonlyArray<string>) =>
    Option.getOrUndefined(
      Option.map(
        VmcoreInfo.pageTables(VmcoreInfo.parse(lines.join("\n"))),
        ({ format, root }) => [format.name, root] as const
      )
    )
  const x86 = ["SYMBOL(_stext)=ffffffff81000000", "SYMBOL(init_top_pgt)=ffffffff82810000"]
  const arm = ["SYMBOL(swapper_pg_dir)=ffff800081a10000", "NUMBER(kimage_voffset)=0xffff800040000000"]

  it("says format and root, for each machine that is known", () => {
    assert.deepStrictEqual(of(...x86, "NUMBER(phys_base)=4096"), ["x86-64", 0x281_1000n])
    assert.deepStrictEqual(of(...x86, "NUMBER(phys_base)=0", "NUMBER(pgtable_l5_enabled)=1"), [
      "x86-64-la57",
      0x281_0000n
    ])
    assert.deepStrictEqual(of(...arm, "NUMBER(VA_BITS)=48"), ["aarch64-4k-48", 0x41a1_0000n])
    assert.deepStrictEqual(of(...arm, "NUMBER(TCR_EL1_T1SZ)=0x11", "PAGESIZE=16384"), ["aarch64-16k-47", 0x41a1_0000n])
    // Built for 52 bits, on a processor that has 48.
    assert.deepStrictEqual(of(...arm, "NUMBER(VA_BITS)=52", "NUMBER(TCR_EL1_T1SZ)=0x10", "PAGESIZE=65536"), [
      "aarch64-64k-52",
      0x41a1_0000n
    ])
    assert.deepStrictEqual(of(...arm, "NUMBER(VA_BITS)=52", "NUMBER(TCR_EL1_T1SZ)=0x10"), [
      "aarch64-4k-48",
      0x41a1_0000n
    ])
    assert.deepStrictEqual(of("SYMBOL(_stext)=c1000000", "SYMBOL(swapper_pg_dir)=c1c70000", "CONFIG_X86_PAE=y"), [
      "i386-pae",
      0x1c7_0000n
    ])
    assert.deepStrictEqual(
      of(
        "SYMBOL(swapper_pg_dir)=ffffffff81800000",
        "NUMBER(va_kernel_pa_offset)=0xffffffff00000000",
        "NUMBER(VA_BITS)=57"
      ),
      ["riscv-sv57", 0x8180_0000n]
    )
    assert.isUndefined(of(...x86))
    assert.isUndefined(of("SYMBOL(_stext)=ffffffff81000000", "NUMBER(phys_base)=0"))
  })

  it.effect("knows the bit that says encrypted, which is no part of an address", () =>
    Effect.gen(function* () {
      const text = [...x86, "NUMBER(phys_base)=0", "NUMBER(sme_mask)=140737488355328"].join("\n")
      const { format, root } = Option.getOrThrow(VmcoreInfo.pageTables(VmcoreInfo.parse(text)))
      const entry = new Uint8Array(8)
      new DataView(entry.buffer).setBigUint64(0, (1n << 47n) | root | 0x67n, true)
      // The root leads to itself at every level.
      const physical = yield* MemoryMap.fromBytes(entry, root)
      assert.strictEqual((yield* AddressSpace.translate(physical, format, root, 0x123n)).physical, root + 0x123n)
    })
  )
})
