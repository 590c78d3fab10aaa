/**
 * VMCOREINFO: what a Linux kernel tells of itself to those who read its dump. Addresses of a few symbols, offsets in a few
 * structures, and how the kernel is laid out: enough for its version and its log, and the way to all the rest.
 *
 * It is text, lines of `KEY=value` (Documentation/admin-guide/kdump/vmcoreinfo.rst in the kernel's sources). Dumps carry it in
 * a note ({@link fromImage}), and in raw memory it is found by looking for it ({@link find}).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Address } from "../AddressRange.ts"
import { find as findInfo } from "../internal/linux/findInfo.ts"
import { Memory } from "../internal/linux/memory.ts"
import { rootOf } from "../internal/linux/space.ts"
import * as internal from "../internal/linux/vmcoreInfo.ts"
import type { MemoryImage } from "../MemoryImage.ts"
import type { Ready } from "../MemoryMap.ts"
import { KernelNotFound, type SourceError } from "../MemoryMapError.ts"
import type { Root } from "../PageTable.ts"

/**
 * What the kernel told. `values` has every line, those of no known meaning too; `release` is the kernel's, as `uname -r` prints
 * it, and `""` when the text does not say it.
 *
 * @category models
 * @since 0.1.0
 */
export interface VmcoreInfo {
  readonly release: string
  readonly values: ReadonlyMap<string, string>
}

/**
 * From the lines that someone has found already, by key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromValues = (values: ReadonlyMap<string, string>): VmcoreInfo => ({
  release: values.get("OSRELEASE") ?? "",
  values
})

/**
 * Reads the text. Lines that are not `KEY=value` are left out; of a key that comes twice, the last line counts.
 *
 * **Example** (A few of its lines)
 *
 * ```ts
 * import { Option } from "effect"
 * import { VmcoreInfo } from "effect-memory-map/linux"
 *
 * const info = VmcoreInfo.parse("OSRELEASE=6.1.0\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=-56623104\n")
 * info.release // => "6.1.0"
 * VmcoreInfo.number(info, "phys_base") // => Option.some(-56623104n)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): VmcoreInfo => fromValues(internal.parse(text))

/**
 * What the notes of a dump say: those of an ELF dump, or the header of a kdump. `None` for other formats and for dumps
 * without the note; then {@link find} may help.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromImage = (image: MemoryImage): Option.Option<VmcoreInfo> => {
  if (image.format === "kdump") return Option.map(Option.fromUndefinedOr(image.vmcoreInfo), fromValues)
  if (image.format !== "elf") return Option.none()
  const note = image.notes.find((note) => note._tag === "VmcoreInfo")
  return note === undefined ? Option.none() : Option.some(fromValues(note.values))
}

/**
 * Looks for the kernel's own copy in physical memory. There are usually several, also of kernels that ran before; the one is
 * taken whose `OSRELEASE` stands in memory where the text itself says that the kernel keeps it.
 *
 * Fails with `KernelNotFound` when there is none. It takes as long as one search through the memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = Effect.fn("VmcoreInfo.find")(function* (
  physical: Ready
): Effect.fn.Return<VmcoreInfo, KernelNotFound | SourceError> {
  const { found, why } = yield* findInfo(Memory.of(physical))
  if (found !== undefined) return fromValues(found.values)
  return yield* new KernelNotFound({ sought: "VMCOREINFO", tried: [{ what: "a search through the memory", why }] })
})

interface Gets<out A> {
  (name: string): (self: VmcoreInfo) => Option.Option<A>
  (self: VmcoreInfo, name: string): Option.Option<A>
}

const get = <A>(read: (values: ReadonlyMap<string, string>, name: string) => A | undefined): Gets<A> =>
  dual(2, (self: VmcoreInfo, name: string) => Option.fromUndefinedOr(read(self.values, name)))

/**
 * The address of a symbol, `SYMBOL(name)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const symbol: Gets<Address> = get(internal.symbol)

/**
 * The offset of a member in bytes, `OFFSET(type.member)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const offset: Gets<number> = get(internal.offset)

/**
 * The size of a type in bytes, `SIZE(type)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const size: Gets<number> = get(internal.size)

/**
 * The number of elements of an array, `LENGTH(name)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const length: Gets<number> = get(internal.length)

/**
 * A number, `NUMBER(name)`, which may be negative.
 *
 * @category getters
 * @since 0.1.0
 */
export const number: Gets<bigint> = get(internal.number)

/**
 * The kernel's page tables: their format, and the physical address of the first. `None` where the text does not say enough,
 * and for machines that are not known.
 *
 * **Example** (A kernel that could have been loaded elsewhere)
 *
 * ```ts
 * import { Option } from "effect"
 * import { VmcoreInfo } from "effect-memory-map/linux"
 *
 * const info = VmcoreInfo.parse(
 *   "SYMBOL(_stext)=ffffffff81000000\nSYMBOL(init_top_pgt)=ffffffff82810000\nNUMBER(phys_base)=-2097152\n"
 * )
 * const shown = Option.map(VmcoreInfo.pageTables(info), ({ format, root }) => [format.name, root])
 * shown // => Option.some(["x86-64", 0x261_0000n])
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const pageTables = (self: VmcoreInfo): Option.Option<Root> => {
  const found = rootOf(self.values)
  return typeof found === "string" ? Option.none() : Option.some({ format: found.format, root: found.address })
}
