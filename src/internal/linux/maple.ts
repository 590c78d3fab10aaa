// Trees of ranges since 6.1 (lib/maple_tree.c): a process keeps its areas in one. A pointer to a node has the node's kind in its
// low bits; a node has up to 15 pivots, the last index of each of its up to 16 slots.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { type Kernel, MOST_ELEMENTS } from "./kernel.ts"

const DEEPEST = 31
const MOST_PROBLEMS = 8

/** Kinds of nodes: leaf and inner nodes of ranges, and inner nodes that also say how large the gaps below are. */
const LEAF = 1
const RANGE = 2
const GAPS = 3

/** XA_ZERO_ENTRY: a place that is taken and has nothing in it. */
const RESERVED = 0x406n

export interface Ranged {
  readonly first: bigint
  readonly last: bigint
  readonly value: bigint
}

interface Form {
  readonly pivots: { readonly offset: number; readonly count: number }
  readonly slots: { readonly offset: number; readonly count: number }
  readonly size: number
}

const formOf = (kernel: Kernel, type: string): Form | undefined => {
  const [pivots, slots] = [kernel.types.member(type, "pivot"), kernel.types.member(type, "slot")]
  const word = kernel.memory.words.bytes
  if (pivots === undefined || slots === undefined) return undefined
  return {
    pivots: { offset: pivots.offset, count: pivots.size / word },
    slots: { offset: slots.offset, count: slots.size / word },
    size: Math.max(pivots.offset + pivots.size, slots.offset + slots.size)
  }
}

/** All ranges that have a value, ascending. `root` is where the tree's root entry stands. */
export const mapleEntries = Effect.fnUntraced(function* (
  kernel: Kernel,
  structure: string,
  root: bigint
): Effect.fn.Return<
  { readonly elements: ReadonlyArray<Ranged>; readonly problems: ReadonlyArray<GuestDataError> },
  SourceError
> {
  const { memory } = kernel
  const { words } = memory
  const forms = { [LEAF]: formOf(kernel, "maple_range_64"), [GAPS]: formOf(kernel, "maple_arange_64") }
  const elements: Array<Ranged> = []
  const problems: Array<GuestDataError> = []
  const problem = (address: bigint, why: string) => {
    if (problems.length < MOST_PROBLEMS) problems.push(new GuestDataError({ structure, address, why }))
    return undefined
  }
  const seen = new Set<bigint>()
  const readNode = Effect.fnUntraced(function* (entry: bigint, depth: number) {
    const node = entry & ~0xffn
    const kind = Number((entry >> 3n) & 0xfn)
    const form = kind === GAPS ? forms[GAPS] : kind === LEAF || kind === RANGE ? forms[LEAF] : undefined
    if (form === undefined) return problem(node, `a node of the kind ${kind} is not known`)
    if (depth > DEEPEST) return problem(node, `it is more than ${DEEPEST} levels deep`)
    if (seen.has(node)) return problem(node, `its node at ${hex(node)} is in it twice`)
    if (seen.size >= MOST_ELEMENTS / 16) return problem(node, "it has more nodes than are read")
    seen.add(node)
    const bytes = yield* Effect.catchTag(memory.bytes(node, form.size), "UnmappedAddress", (error) =>
      Effect.sync(() => problem(node, error.message))
    )
    return bytes === undefined ? undefined : { bytes, form, leaf: kind === LEAF }
  })
  const visit = (entry: bigint, low: bigint, high: bigint, depth: number): Effect.Effect<void, SourceError> =>
    Effect.gen(function* () {
      const node = yield* readNode(entry, depth)
      if (node === undefined) return
      const { bytes, form, leaf } = node
      let first = low
      for (let i = 0; i < form.slots.count; i++) {
        const pivot = i < form.pivots.count ? words.word(bytes, form.pivots.offset + i * words.bytes) : 0n
        // No pivot but the first is 0: from there on the slot reaches to the node's own end, and what follows is no slot.
        const ends = i >= form.pivots.count || (pivot === 0n && i > 0) || pivot >= high
        const last = ends ? high : pivot
        const value = words.word(bytes, form.slots.offset + i * words.bytes)
        if (last < first) return problem(entry & ~0xffn, `its pivots go down, from ${hex(first)} to ${hex(last)}`)
        if (value !== 0n) {
          if (!leaf) yield* visit(value, first, last, depth + 1)
          else if (value !== RESERVED) elements.push({ first, last, value })
        }
        if (ends) return
        first = last + 1n
      }
      yield* Effect.yieldNow
    })
  const entry = yield* Effect.catchTag(memory.word(root), "UnmappedAddress", (error) =>
    Effect.sync(() => problem(root, error.message))
  )
  // One value alone, for index 0, stands in the root itself.
  if (entry !== undefined && (entry & 3n) === 2n && entry > 4096n) {
    yield* visit(entry, 0n, BigInt.asUintN(8 * words.bytes, -1n), 0)
  }
  return { elements, problems }
})
