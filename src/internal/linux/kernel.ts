// A kernel that was found, and how its structures are read.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import type { SymbolTable } from "./kallsyms/table.ts"
import type { Machine } from "./machine.ts"
import type { Memory, ReadError } from "./memory.ts"
import type { Member, Types } from "./types.ts"
import * as info from "./vmcoreInfo.ts"

export interface Kernel {
  readonly machine: Machine
  readonly release: string
  /** The kernel's own address space. */
  readonly memory: Memory
  readonly values: info.Values
  readonly symbols: SymbolTable | undefined
  readonly types: Types
  /** Addresses that are no symbols of this kernel and were found otherwise. */
  readonly variables: ReadonlyMap<string, bigint>
  /** Bytes of a page, as a power of two. */
  readonly pageShift: bigint
}

/** What could not be read, and why. */
export interface Missing {
  readonly field: string
  readonly reason: string
}

/** Lists and trees in a guest's memory have no more elements than this; the kernel's own limit of processes is 2^22. */
export const MOST_ELEMENTS = 1 << 22

export const symbolOf = (kernel: Kernel, name: string): bigint | undefined =>
  info.symbol(kernel.values, name) ?? kernel.symbols?.address(name) ?? kernel.variables.get(name)

/** The address of a symbol without which `structure` cannot be read. */
export const requireSymbol = (
  kernel: Kernel,
  structure: string,
  name: string
): Effect.Effect<bigint, GuestDataError> => {
  const address = symbolOf(kernel, name)
  if (address !== undefined) return Effect.succeed(address)
  const why =
    kernel.symbols === undefined
      ? `it needs the symbol ${name}, and no table of symbols was found`
      : `it needs the symbol ${name}, which this kernel does not have; it may list functions only`
  return Effect.fail(new GuestDataError({ structure, why }))
}

export const requireMember = (
  kernel: Kernel,
  structure: string,
  type: string,
  path: string
): Effect.Effect<Member, GuestDataError> => {
  const member = kernel.types.member(type, path)
  return member === undefined
    ? Effect.fail(new GuestDataError({ structure, why: noMember(kernel, type, [path]) }))
    : Effect.succeed(member)
}

const noMember = (kernel: Kernel, type: string, paths: ReadonlyArray<string>): string =>
  kernel.types.sizeOf(type) === undefined
    ? `it needs the layout of struct ${type}, which nothing found in memory describes; pass { btf }, the kernel's .BTF section`
    : `struct ${type} has no member ${paths.join(" or ")} in this kernel`

/** Members of a structure by names of our own. Of several paths for one, the first that the kernel has is taken. */
export class Struct<N extends string> {
  readonly type: string
  readonly members: ReadonlyMap<N, Member>
  private readonly start: number
  private readonly length: number
  constructor(type: string, members: ReadonlyMap<N, Member>) {
    this.type = type
    this.members = members
    let [start, end] = [Number.MAX_SAFE_INTEGER, 0]
    for (const { offset, size } of members.values()) {
      if (offset < start) start = offset
      if (offset + size > end) end = offset + size
    }
    this.start = Math.min(start, end)
    this.length = end - this.start
  }

  /** All members at once, or those that can be read one by one when a part of the structure is not there. */
  read(memory: Memory, address: bigint): Effect.Effect<Values<N>, SourceError> {
    const { length, members, start } = this
    if (length > LARGEST) return this.readEach(memory, address)
    return memory.bytes(address + BigInt(start), length).pipe(
      Effect.map((bytes) => {
        const values = new Values<N>(memory, address, this)
        for (const [name, { offset, size }] of members) {
          values.bytes.set(name, bytes.subarray(offset - start, offset - start + size))
        }
        return values
      }),
      Effect.catchTag("UnmappedAddress", () => this.readEach(memory, address))
    )
  }

  private readEach(memory: Memory, address: bigint) {
    return Effect.gen({ self: this }, function* () {
      const values = new Values<N>(memory, address, this)
      for (const [name, { offset, size }] of this.members) {
        const bytes = yield* memory.bytes(address + BigInt(offset), Math.min(size, LARGEST)).pipe(
          Effect.catchTag("UnmappedAddress", (error) => {
            values.missing.push({ field: name, reason: error.message })
            return Effect.succeed(undefined)
          })
        )
        if (bytes !== undefined) values.bytes.set(name, bytes)
      }
      return values
    })
  }
}

/** No structure of a kernel is larger; types in a guest's memory may say so. */
const LARGEST = 1 << 16

/** What was read of a structure. */
export class Values<N extends string> {
  readonly address: bigint
  readonly bytes = new Map<N, Uint8Array>()
  readonly missing: Array<Missing> = []
  private readonly memory: Memory
  private readonly struct: Struct<N>
  constructor(memory: Memory, address: bigint, struct: Struct<N>) {
    this.memory = memory
    this.address = address
    this.struct = struct
  }
  /** An unsigned number; of a member that is longer than a number, its first word. */
  get(name: N): bigint | undefined {
    const bytes = this.bytes.get(name)
    if (bytes === undefined || bytes.length === 0) return undefined
    const { words } = this.memory
    return words.unsigned(bytes, 0, bytes.length > 8 ? words.bytes : bytes.length)
  }
  number(name: N): number | undefined {
    const value = this.get(name)
    return value === undefined ? undefined : Number(value)
  }
  /** The address of a member. */
  at(name: N): bigint | undefined {
    const member = this.struct.members.get(name)
    return member === undefined ? undefined : this.memory.wrap(this.address + BigInt(member.offset))
  }
}

/** Members that all must be there, by one of their paths, and those that may be. */
export const structOf = <N extends string, O extends string = never>(
  kernel: Kernel,
  structure: string,
  type: string,
  required: Readonly<Record<N, string | ReadonlyArray<string>>>,
  optional?: Readonly<Record<O, string | ReadonlyArray<string>>>
): Effect.Effect<Struct<N | O>, GuestDataError> =>
  Effect.suspend(() => {
    const members = new Map<N | O, Member>()
    const find = (paths: string | ReadonlyArray<string>): Member | undefined => {
      for (const path of typeof paths === "string" ? [paths] : paths) {
        const member = kernel.types.member(type, path)
        // Types of a hostile guest have members of no bytes, or of no whole number of them.
        if (member !== undefined && member.size > 0 && Number.isSafeInteger(member.offset + member.size)) return member
      }
      return undefined
    }
    for (const [name, paths] of Object.entries(required) as Array<[N, string | ReadonlyArray<string>]>) {
      const member = find(paths)
      if (member === undefined) {
        const why = noMember(kernel, type, typeof paths === "string" ? [paths] : paths)
        return Effect.fail(new GuestDataError({ structure, why }))
      }
      members.set(name, member)
    }
    for (const [name, paths] of Object.entries(optional ?? {}) as Array<[O, string | ReadonlyArray<string>]>) {
      const member = find(paths)
      if (member !== undefined) members.set(name, member)
    }
    return Effect.succeed(new Struct(type, members))
  })

/** The elements of a circular list of list_heads, and why it ended before it came round, if it did. */
export const listFrom = Effect.fnUntraced(function* (
  kernel: Kernel,
  structure: string,
  head: bigint,
  nodeOffset: number,
  most: number = MOST_ELEMENTS
): Effect.fn.Return<
  { readonly elements: ReadonlyArray<bigint>; readonly stopped: GuestDataError | undefined },
  SourceError
> {
  const { memory } = kernel
  const elements: Array<bigint> = []
  const seen = new Set<bigint>()
  const stop = (address: bigint, why: string) => ({
    elements,
    stopped: new GuestDataError({ structure, address, why: `${why}, after ${elements.length} elements` })
  })
  let at = head
  for (;;) {
    const next: bigint | ReadError = yield* Effect.catchTag(memory.word(at), "UnmappedAddress", Effect.succeed)
    if (typeof next !== "bigint") return stop(at, next.message)
    if (next === head) return { elements, stopped: undefined }
    if (next === 0n) return stop(at, "the list has a null pointer in place of its next element")
    if (seen.has(next)) return stop(next, "the list leads back to this element and not to its head")
    if (elements.length >= most) return stop(next, `the list is longer than the ${most} elements that are read`)
    seen.add(next)
    elements.push(memory.wrap(next - BigInt(nodeOffset)))
    at = next
    if (elements.length % 1024 === 0) yield* Effect.yieldNow
  }
})
