/**
 * Address spaces: page tables make one map of another.
 *
 * The memory of a machine is a map of physical addresses. Its page tables say which virtual addresses lead where; walking
 * them gives a map of virtual addresses, made of slices of the sources of the first. It is a map like any other: read,
 * searched, compared and saved by what there is for maps.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type { Address, AddressRange } from "./AddressRange.ts"
import type { MemoryMapImpl } from "./internal/map/map.ts"
import { isDataFirst } from "./internal/map/machine.ts"
import * as roots_ from "./internal/paging/roots.ts"
import * as translate_ from "./internal/paging/translate.ts"
import * as walk_ from "./internal/paging/walk.ts"
import type { Permissions } from "./Mapping.ts"
import type { Any, EndianState, MappingState, MemoryMap, ReadError, WordSizeState } from "./MemoryMap.ts"
import type { SourceError, UntranslatedAddress } from "./MemoryMapError.ts"
import { type PageTable, type Root, x86_64 } from "./PageTable.ts"

/**
 * Options of {@link walk}: the addresses of `range` only (default: all), and how much may be read and made. `tables` counts
 * page tables (default: 2^20, enough for 2 TiB in pages of 4 KiB), `runs` the ranges of the space that differ in where they
 * lead or in what is allowed there (default: 2^21, which takes about 1 GiB).
 *
 * @category models
 * @since 0.1.0
 */
export interface WalkOptions {
  readonly range?: AddressRange | undefined
  readonly budget?: { readonly tables?: number | undefined; readonly runs?: number | undefined } | undefined
}

/**
 * Where a walk was cut, and which bound was reached there. From `address` on the map has holes that say so.
 *
 * @category models
 * @since 0.1.0
 */
export interface Truncation {
  readonly address: Address
  readonly reason: "tables" | "runs"
}

/**
 * What the tables make of physical memory.
 *
 * `map` has the virtual addresses: mappings are slices of those of physical memory, named alike, with the permissions of
 * the tables. Holes in it say why, but for addresses that the tables do not map: pages that were swapped out, pages that
 * are mapped to physical addresses that the image does not hold, tables that it does not hold, invalid entries. `tables` is
 * the number of tables that were read, `leaves` that of the entries that map a page, counted as often as tables lead
 * there. `truncated` says where the walk was cut, if it was.
 *
 * @category models
 * @since 0.1.0
 */
export interface Walked<out W extends WordSizeState = WordSizeState, out E extends EndianState = EndianState> {
  readonly map: MemoryMap<W, E, MappingState>
  readonly tables: number
  readonly leaves: number
  readonly truncated: Option.Option<Truncation>
}

/**
 * An entry on the way to a page: the physical address that it lies at, and its value. `level` counts down to 1, the last
 * table.
 *
 * @category models
 * @since 0.1.0
 */
export interface TranslatedEntry {
  readonly level: number
  readonly address: Address
  readonly value: bigint
}

/**
 * Where a virtual address leads. `pageSize` is in bytes, `entries` go from the root down. `permissions` are those of all
 * levels together; `user` says whether programs may use the page. `accessed` and `dirty` are what the processor has noted;
 * `dirty` is `undefined` where it notes nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Translation {
  readonly physical: Address
  readonly pageSize: bigint
  readonly permissions: Permissions & { readonly user: boolean }
  readonly accessed: boolean
  readonly dirty: boolean | undefined
  readonly entries: ReadonlyArray<TranslatedEntry>
}

/**
 * A table that looks like the root of an address space, what it looks like, and why it does, in words.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoundRoot extends Root {
  readonly why: string
}

/**
 * Walks all tables from `root`, the physical address of the first one, and gives the address space that they make.
 *
 * **Details**
 *
 * Pages that are there and not to be touched (PROT_NONE) are mapped without permissions. Tables that are met more than once
 * are walked once and laid as often as they are met; a page that is mapped over and over becomes one mapping. What forged
 * or circular tables would blow up to stays within `budget`; what was cut is told in `truncated`.
 *
 * Fails with `UnmappedAddress` when the root itself is not in physical memory, with `SourceError` when a table cannot be
 * read. Takes about 0.1 s for 10^5 separate pages.
 *
 * **Example** (A page of a synthetic machine)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressSpace, MemoryMap, PageTable } from "effect-memory-map"
 * import { PageTables } from "effect-memory-map/testing"
 *
 * const format = PageTable.x86_64()
 * const program = Effect.gen(function* () {
 *   const memory = yield* MemoryMap.fromString("hello from a page", 0x5000n)
 *   const { map, root } = yield* PageTables.build(memory, format, [{ virtual: 0x7fff_0000_0000n, physical: 0x5000n }])
 *   const space = yield* AddressSpace.walk(map, format, root, { range: { start: 0n, end: 1n << 47n } })
 *   const mapped = yield* MemoryMap.requireMapping(space.map)
 *   return yield* MemoryMap.getBytesUpTo(mapped, 0x7fff_0000_0000n, 5)
 * })
 * await Effect.runPromise(program) // => new TextEncoder().encode("hello")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const walk: {
  (
    format: PageTable,
    root: Address,
    options?: WalkOptions
  ): <W extends WordSizeState, E extends EndianState>(
    physical: MemoryMap<W, E, MappingState>
  ) => Effect.Effect<Walked<W, E>, ReadError>
  <W extends WordSizeState, E extends EndianState>(
    physical: MemoryMap<W, E, MappingState>,
    format: PageTable,
    root: Address,
    options?: WalkOptions
  ): Effect.Effect<Walked<W, E>, ReadError>
} = dual(isDataFirst, (physical: MemoryMapImpl, { format }: PageTable, root: Address, options?: WalkOptions) =>
  walk_.walk(physical, format, root, options)
)

/**
 * Follows one virtual address through the tables. Fails with `UntranslatedAddress`, which has the entries up to there, when
 * it leads nowhere. Whether there are bytes at the physical address is for the physical map to say.
 *
 * **Example** (Entry by entry)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressSpace, MemoryMap, PageTable } from "effect-memory-map"
 * import { PageTables } from "effect-memory-map/testing"
 *
 * const format = PageTable.riscv("sv39")
 * const program = Effect.gen(function* () {
 *   const { map, root } = yield* PageTables.build(MemoryMap.empty, format, [{ virtual: 0x1000n, physical: 0x5000n }])
 *   const { entries, physical } = yield* AddressSpace.translate(map, format, root, 0x1234n)
 *   return [physical, entries.map(({ level }) => level)]
 * })
 * await Effect.runPromise(program) // => [0x5234n, [3, 2, 1]]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const translate: {
  (
    format: PageTable,
    root: Address,
    address: Address
  ): (physical: Any) => Effect.Effect<Translation, UntranslatedAddress | SourceError>
  (
    physical: Any,
    format: PageTable,
    root: Address,
    address: Address
  ): Effect.Effect<Translation, UntranslatedAddress | SourceError>
} = dual(4, (physical: MemoryMapImpl, { format }: PageTable, root: Address, address: Address) =>
  translate_.translate(physical, format, root, address)
)

/**
 * Looks for the roots of address spaces of an x86-64 Linux in physical memory, without any symbol: pages whose last entry
 * leads to the code of a kernel and whose upper halves make sense. Those that share their upper half with most others come
 * first. All of memory is read once.
 *
 * **Details**
 *
 * The roots of processes share the kernel's half, so that a kernel and its processes are told by their number; with
 * page-table isolation each process has a second root with little of the kernel. Roots of processes that have ended may be
 * among them. 4096 at most are told.
 *
 * **Example** (The roots of a synthetic guest)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { AddressSpace } from "effect-memory-map"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make({ era: "6.1" })
 *   const roots = yield* AddressSpace.findRoots(guest.physical)
 *   const kernel = roots.find(({ root }) => root === guest.root)
 *   return kernel?.format.name
 * })
 * await Effect.runPromise(program) // => "x86-64"
 * ```
 *
 * @category searching
 * @since 0.1.0
 */
export const findRoots = (physical: Any): Effect.Effect<ReadonlyArray<FoundRoot>, SourceError> =>
  Effect.map(roots_.findRoots(physical as MemoryMapImpl, { four: four.format, five: five.format }), (found) =>
    found.map(({ isFive, root, why }) => ({ format: isFive ? five : four, root, why }))
  )

const four = x86_64({ levels: 4 })
const five = x86_64({ levels: 5 })
