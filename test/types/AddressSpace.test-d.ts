// What must compile, with which types, and what must not. Never run, so no Effect here needs a fiber.
// @effect-diagnostics floatingEffect:off
import { type Effect, type Option, pipe } from "effect"
import { describe, expectTypeOf, it } from "vitest"
import * as AddressSpace from "../../src/AddressSpace.ts"
import type * as MemoryMap from "../../src/MemoryMap.ts"
import type { SourceError, UnmappedAddress, UntranslatedAddress } from "../../src/MemoryMapError.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as PageTables from "../../src/testing/PageTables.ts"

type Sized = MemoryMap.MemoryMap<"WordSize", "NoEndian", "HasMapping">
declare const physical: Sized
declare const format: PageTable.PageTable

describe("AddressSpace.walk", () => {
  it("keeps what is known of the machine, and forgets that something is mapped", () => {
    type Walked = Effect.Effect<AddressSpace.Walked<"WordSize", "NoEndian">, UnmappedAddress | SourceError>
    expectTypeOf(AddressSpace.walk(physical, format, 0n)).toEqualTypeOf<Walked>()
    expectTypeOf(pipe(physical, AddressSpace.walk(format, 0n, { budget: { tables: 1 } }))).toEqualTypeOf<Walked>()
    expectTypeOf<AddressSpace.Walked<"WordSize", "NoEndian">["map"]>().toEqualTypeOf<
      MemoryMap.MemoryMap<"WordSize", "NoEndian", MemoryMap.MappingState>
    >()
    expectTypeOf<AddressSpace.Walked["truncated"]>().toEqualTypeOf<Option.Option<AddressSpace.Truncation>>()
  })

  it("takes a format, not its name, and addresses as bigints", () => {
    // @ts-expect-error a name
    AddressSpace.walk(physical, "x86-64", 0n)
    // @ts-expect-error a number
    AddressSpace.walk(physical, format, 0)
    // @ts-expect-error leaves are no part of the budget
    AddressSpace.walk(physical, format, 0n, { budget: { leaves: 1 } })
  })
})

describe("AddressSpace.translate", () => {
  it("fails with what led nowhere, or could not be read", () => {
    type Translated = Effect.Effect<AddressSpace.Translation, UntranslatedAddress | SourceError>
    expectTypeOf(AddressSpace.translate(physical, format, 0n, 1n)).toEqualTypeOf<Translated>()
    expectTypeOf(pipe(physical, AddressSpace.translate(format, 0n, 1n))).toEqualTypeOf<Translated>()
  })
})

describe("PageTable", () => {
  it("takes levels, granules and modes that exist", () => {
    expectTypeOf(PageTable.x86_64({ levels: 5 })).toEqualTypeOf<PageTable.PageTable>()
    // @ts-expect-error three levels
    PageTable.x86_64({ levels: 3 })
    // @ts-expect-error a granule in bytes
    PageTable.aarch64({ granule: 4096, addressBits: 48 })
    // @ts-expect-error no such mode
    PageTable.riscv("sv64")
    expectTypeOf(PageTable.fromName("i386")).toEqualTypeOf<Option.Option<PageTable.PageTable>>()
  })

  it("of registers may be none", () => {
    expectTypeOf(PageTable.fromRegisters({ cr0: 0n, cr3: 0n, cr4: 0n })).toEqualTypeOf<Option.Option<PageTable.Root>>()
    expectTypeOf(PageTable.fromSatp(0n, 32)).toEqualTypeOf<Option.Option<PageTable.Root>>()
    // @ts-expect-error CR4 is missing
    PageTable.fromRegisters({ cr0: 0n, cr3: 0n })
  })
})

describe("PageTables.build", () => {
  it("keeps what is known of the machine", () => {
    expectTypeOf(PageTables.build(physical, format, [])).toEqualTypeOf<
      Effect.Effect<PageTables.Built<"WordSize", "NoEndian">, MemoryMap.AddError>
    >()
  })
})
