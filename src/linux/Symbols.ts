/**
 * The symbols of a Linux kernel: names of functions and variables, and their addresses, from the table that the kernel carries
 * in its own memory (kallsyms).
 *
 * The table is found through VMCOREINFO, which names its parts since Linux 6.0, or by looking for its token table in physical
 * memory; and its addresses are read in the ways of 4.x to 7.x (kernel/kallsyms.c, scripts/kallsyms.c). A kernel built
 * without KALLSYMS_ALL lists functions only.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Address } from "../AddressRange.ts"
import { hex, parseNumber } from "../internal/base/numbers.ts"
import { find as findTable } from "../internal/linux/kallsyms/find.ts"
import { SymbolTable } from "../internal/linux/kallsyms/table.ts"
import { Memory } from "../internal/linux/memory.ts"
import type { Ready } from "../MemoryMap.ts"
import { KernelNotFound, type SourceError, type UnmappedAddress } from "../MemoryMapError.ts"
import type { VmcoreInfo } from "./VmcoreInfo.ts"

/**
 * A name of an address. `kind` is the letter that nm prints: `T` for functions, `D`, `B` and `R` for variables, small ones for
 * what is private to a file. `module` is the kernel module that it belongs to, `undefined` for the kernel itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface KernelSymbol {
  readonly name: string
  readonly address: Address
  readonly kind: string
  readonly module: string | undefined
}

/**
 * All symbols of a kernel, in ascending order of addresses.
 *
 * @category models
 * @since 0.1.0
 */
export interface Symbols extends Iterable<KernelSymbol> {
  readonly size: number
}

// There is one class behind the interface.
const table = (self: Symbols): SymbolTable => self as SymbolTable

/**
 * Symbols that are known already, in any order: out of a System.map, or of another tool.
 *
 * **Example** (Names and addresses)
 *
 * ```ts
 * import { Option } from "effect"
 * import { Symbols } from "effect-memory-map/linux"
 *
 * const symbols = Symbols.make([
 *   { name: "schedule", address: 0xffffffff81000000n, kind: "T", module: undefined },
 *   { name: "init_task", address: 0xffffffff82000000n, kind: "D", module: undefined }
 * ])
 * Symbols.format(symbols, 0xffffffff81000010n) // => "schedule+0x10"
 * Symbols.address(symbols, "init_task") // => Option.some(0xffffffff82000000n)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (symbols: Iterable<KernelSymbol>): Symbols => new SymbolTable(Array.from(symbols))

/**
 * Finds the table in physical memory. What VMCOREINFO says is used where it says it, and confirms what was found.
 *
 * Fails with `KernelNotFound`, which tells why each way led nowhere.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = Effect.fn("Symbols.find")(function* (
  physical: Ready,
  options?: { readonly vmcoreInfo?: VmcoreInfo | undefined }
): Effect.fn.Return<Symbols, KernelNotFound | SourceError | UnmappedAddress> {
  const found = yield* findTable(Memory.of(physical), options?.vmcoreInfo?.values)
  const fail = (why: string) => new KernelNotFound({ sought: "a table of symbols", tried: [{ what: "kallsyms", why }] })
  if (typeof found === "string") return yield* fail(found)
  if (found.physical) return yield* fail("its addresses are relative; VMCOREINFO would tell to what")
  return found.table
})

/**
 * Every symbol of that name, by ascending addresses: names that are private to a file may come several times.
 *
 * @category getters
 * @since 0.1.0
 */
export const lookup: {
  (name: string): (self: Symbols) => ReadonlyArray<KernelSymbol>
  (self: Symbols, name: string): ReadonlyArray<KernelSymbol>
} = dual(2, (self: Symbols, name: string) => table(self).named(name))

/**
 * The address of the first symbol of that name.
 *
 * @category getters
 * @since 0.1.0
 */
export const address: {
  (name: string): (self: Symbols) => Option.Option<Address>
  (self: Symbols, name: string): Option.Option<Address>
} = dual(2, (self: Symbols, name: string) => Option.fromUndefinedOr(table(self).address(name)))

/** Farther than this behind the last symbol, an address is of something else. */
const REACH = 1n << 24n

/**
 * The symbol at an address, or the last one before it and how many bytes the address lies behind. Of several at one place it
 * is the first. `None` before all symbols, and more than 16 MiB behind the nearest.
 *
 * A look-up takes less than a microsecond.
 *
 * @category getters
 * @since 0.1.0
 */
export const nearest: {
  (address: Address): (self: Symbols) => Option.Option<{ readonly symbol: KernelSymbol; readonly offset: bigint }>
  (self: Symbols, address: Address): Option.Option<{ readonly symbol: KernelSymbol; readonly offset: bigint }>
} = dual(2, (self: Symbols, address: Address) => {
  const index = table(self).before(address)
  if (index < 0) return Option.none()
  const symbol = table(self).at(index)
  const offset = address - symbol.address
  return offset < REACH ? Option.some({ symbol, offset }) : Option.none()
})

/**
 * An address for people, as the kernel prints it: `schedule+0x10`, with the module in brackets behind it; `0x1234` where no
 * symbol is near.
 *
 * @category rendering
 * @since 0.1.0
 */
export const format: {
  (address: Address): (self: Symbols) => string
  (self: Symbols, address: Address): string
} = dual(2, (self: Symbols, address: Address) =>
  Option.match(nearest(self, address), {
    onNone: () => hex(address),
    onSome: ({ offset, symbol }) =>
      `${symbol.name}${offset === 0n ? "" : `+${hex(offset)}`}${symbol.module === undefined ? "" : ` [${symbol.module}]`}`
  })
)

/**
 * The address that a text names: a number, a symbol, or a symbol and a distance, `init_task+9536`, `_end-0x10`. Fails with a
 * sentence that says what is wrong; a name that several symbols share is refused unless all have one address.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse: {
  (text: string): (self: Symbols) => Result.Result<Address, string>
  (self: Symbols, text: string): Result.Result<Address, string>
} = dual(2, (self: Symbols, text: string): Result.Result<Address, string> => {
  const [, name = "", sign = "+", distance = "0"] = /^([A-Za-z_.$][\w.$]*)(?:([+-])(\w+))?$/.exec(text.trim()) ?? []
  if (name === "") return parseNumber(text)
  const offset = parseNumber(distance)
  if (Result.isFailure(offset)) return offset
  const places = new Set(lookup(self, name).map((symbol) => symbol.address))
  const [place] = places
  if (place === undefined) return Result.fail(`the kernel has no symbol "${name}"`)
  if (places.size > 1) {
    const all = Array.from(places, hex)
    return Result.fail(
      `"${name}" names ${all.length} symbols, at ${all.slice(0, 8).join(", ")}: use one of the addresses`
    )
  }
  return Result.succeed(BigInt.asUintN(64, sign === "+" ? place + offset.success : place - offset.success))
})
