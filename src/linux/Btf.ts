/**
 * BTF: the types of a Linux kernel, as the kernel itself carries them in memory since 5.2. Sizes of structures, offsets of
 * members, declarations in C.
 *
 * Parsing finds where each type begins and reads none: of a hundred thousand types, a program asks for a dozen. After
 * Documentation/bpf/btf.rst and include/uapi/linux/btf.h in the kernel's sources, with the longer header of 7.1 and the larger
 * structures of 7.2, and types of modules that are split off the kernel's.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Address } from "../AddressRange.ts"
import type { ByteSource } from "../ByteSource.ts"
import { type BtfImpl, parse as parseBtf } from "../internal/linux/btf/btf.ts"
import { formatRecord, typeText } from "../internal/linux/btf/declare.ts"
import { scan, sectionOf } from "../internal/linux/btf/find.ts"
import { recordNamed, resolve } from "../internal/linux/btf/path.ts"
import { leavesOf, valuesOf } from "../internal/linux/btf/values.ts"
import { Memory } from "../internal/linux/memory.ts"
import type { WordSize } from "../MachineModel.ts"
import type { Ready } from "../MemoryMap.ts"
import { GuestDataError, KernelNotFound, type SourceError, type UnmappedAddress } from "../MemoryMapError.ts"

/**
 * Types of a kernel or module. `size` counts them, those of a base too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Btf {
  readonly size: number
}

/**
 * How to read types. `wordSize` is that of the machine, which BTF does not say: 64 without it. `base` are the kernel's own
 * types, on which those of a module build.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly wordSize?: WordSize | undefined
  readonly base?: Btf | undefined
}

/**
 * A member of a structure. `offset` and `size` are in bytes; a bit field has the `offset` of the unit of its type, the offset
 * of its first bit in it, and its size in bits. `type` is its type in C.
 *
 * Where the path went through pointers, `through` has the offsets at which those stand, each counted from what the one before
 * points to, and `offset` counts from what the last one points to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly offset: number
  readonly size: number
  readonly bits: { readonly offset: number; readonly size: number } | undefined
  readonly type: string
  readonly through: ReadonlyArray<number>
}

// There is one class behind the interface.
const impl = (self: Btf): BtfImpl => self as BtfImpl

const refuse = (why: string) => new GuestDataError({ structure: "BTF", why })

/**
 * Reads the contents of a `.BTF` section, or of a file in /sys/kernel/btf. Fails with `GuestDataError` that names the first
 * thing that does not fit; the bytes must not be written to afterwards.
 *
 * **Example** (A structure of two members)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { Btf } from "effect-memory-map/linux"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make()
 *   const types = yield* Btf.parse(guest.btf)
 *   return [Btf.sizeOf(types, "list_head"), Btf.member(types, "task_struct", "tasks.prev")]
 * })
 * const [size, tasks] = Effect.runSync(program)
 * size // => Option.some(16)
 * tasks // => Option.some({ offset: 752, size: 8, bits: undefined, type: "struct list_head *", through: [] })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (bytes: Uint8Array, options?: Options): Effect.Effect<Btf, GuestDataError> =>
  Effect.suspend(() => {
    const base = options?.base === undefined ? undefined : impl(options.base)
    const parsed = parseBtf(bytes, options?.wordSize === 32 ? 4 : 8, base)
    return typeof parsed === "string" ? Effect.fail(refuse(parsed)) : Effect.succeed<Btf>(parsed)
  })

/**
 * Reads a file: the section `.BTF` of an ELF file, a vmlinux or a module, or a file that is nothing but BTF.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = Effect.fnUntraced(function* (
  source: ByteSource,
  options?: Options
): Effect.fn.Return<Btf, GuestDataError | SourceError> {
  const section = yield* sectionOf(source)
  if (typeof section === "string") return yield* refuse(`${source.name}: ${section}`)
  const wordSize = options?.wordSize ?? (section.word === 4 ? 32 : 64)
  return yield* parse(section.bytes, { ...options, wordSize })
})

/**
 * Looks for a kernel's types in physical memory. Copies that are not whole are passed over; types without a task_struct are
 * a module's.
 *
 * Fails with `KernelNotFound` when there are none. It takes as long as one search through the memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = Effect.fn("Btf.find")(function* (
  physical: Ready
): Effect.fn.Return<Btf, KernelNotFound | SourceError> {
  const { btf, why } = yield* scan(Memory.of(physical))
  if (btf !== undefined) return btf
  return yield* new KernelNotFound({ sought: "BTF", tried: [{ what: "a search through the memory", why }] })
})

/**
 * Bytes of a structure or union, by its name or that of a typedef; `None` where there is none of that name.
 *
 * @category getters
 * @since 0.1.0
 */
export const sizeOf: {
  (type: string): (self: Btf) => Option.Option<number>
  (self: Btf, type: string): Option.Option<number>
} = dual(2, (self: Btf, type: string) =>
  Option.map(Option.fromUndefinedOr(recordNamed(impl(self), type)), (id) => impl(self).sizeOf(id))
)

/**
 * A member of a structure or union by its path: `comm`, `tasks.next`, `rlim[3].rlim_cur`, `mm.pgd` through the pointer `mm`.
 * Members of anonymous members are the structure's own. `None` where the path leads nowhere.
 *
 * @category getters
 * @since 0.1.0
 */
export const member: {
  (type: string, path: string): (self: Btf) => Option.Option<Member>
  (self: Btf, type: string, path: string): Option.Option<Member>
} = dual(3, (self: Btf, type: string, path: string): Option.Option<Member> => {
  const btf = impl(self)
  const id = recordNamed(btf, type)
  const place = id === undefined ? "" : resolve(btf, id, path)
  if (typeof place === "string") return Option.none()
  const { bits, offset, size, through } = place
  return Option.some({ offset, size, bits, type: typeText(btf, place.type), through })
})

/**
 * A member of a structure, with its path in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field extends Member {
  readonly path: string
}

/**
 * The members of a structure or union, in order, those of anonymous members among them; none where there is no such type.
 *
 * @category getters
 * @since 0.1.0
 */
export const fields: {
  (type: string): (self: Btf) => ReadonlyArray<Field>
  (self: Btf, type: string): ReadonlyArray<Field>
} = dual(2, (self: Btf, type: string) => {
  const btf = impl(self)
  const id = recordNamed(btf, type)
  return id === undefined
    ? []
    : leavesOf(btf, id).map((leaf) => ({ ...leaf, type: typeText(btf, leaf.type), through: [] }))
})

/**
 * The values of the members of a structure that lies at an address, by their paths, as a debugger prints them: numbers in
 * decimal, pointers in hexadecimal, arrays of `char` as text, enumerations by name. For programs, read single members with
 * `MemoryMap` at the offsets that {@link member} gives.
 *
 * Fails with `GuestDataError` when there is no such type, and with `UnmappedAddress` when not all of it is mapped.
 *
 * @category reading
 * @since 0.1.0
 */
export const values: {
  (type: string, map: Ready, address: Address): (self: Btf) => Effect.Effect<Values, ValuesError>
  (self: Btf, type: string, map: Ready, address: Address): Effect.Effect<Values, ValuesError>
} = dual(4, (self: Btf, type: string, map: Ready, address: Address): Effect.Effect<Values, ValuesError> => {
  const btf = impl(self)
  const id = recordNamed(btf, type)
  if (id === undefined) return Effect.fail(refuse(`it has no structure or union of the name "${type}"`))
  const size = btf.sizeOf(id)
  if (size > LARGEST) return Effect.fail(refuse(`${type} has ${size} bytes, more than any structure of a kernel`))
  const memory = Memory.of(map)
  return Effect.map(memory.bytes(address, size), (bytes) => valuesOf(btf, id, bytes, memory.words.little))
})

/** Bytes of the largest structures: those per processor. */
const LARGEST = 1 << 20

/**
 * Values as text, by the paths of members.
 *
 * @category models
 * @since 0.1.0
 */
export type Values = ReadonlyMap<string, string>

type ValuesError = GuestDataError | SourceError | UnmappedAddress

/**
 * A structure or union as C text, with offsets, sizes and holes, as pahole prints it; with the {@link values} of its members
 * behind their names, if they are given.
 *
 * **Example** (A structure as C)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { Btf } from "effect-memory-map/linux"
 * import { Guest } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const guest = yield* Guest.make()
 *   return Option.getOrThrow(Btf.format(yield* Btf.parse(guest.btf), "list_head"))
 * })
 * const text = Effect.runSync(program)
 * text.split("\n")[0] // => "struct list_head {"
 * text.split("\n")[1]?.trim() // => "struct list_head *         next;                 /\u002a     0     8 *\u002f"
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const format: {
  (type: string, values?: Values): (self: Btf) => Option.Option<string>
  (self: Btf, type: string, values?: Values): Option.Option<string>
} = dual(
  (args) => typeof args[0] !== "string",
  (self: Btf, type: string, values?: Values) =>
    Option.map(Option.fromUndefinedOr(recordNamed(impl(self), type)), (id) => formatRecord(impl(self), id, values))
)
