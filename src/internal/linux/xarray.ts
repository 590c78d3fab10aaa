// Trees by number (lib/xarray.c, and lib/radix-tree.c before): nodes of 64 slots, whose entries are values, or nodes where
// their two lowest bits are 10.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { type Kernel, MOST_ELEMENTS } from "./kernel.ts"
import { hex } from "../base/numbers.ts"

/** Levels of a tree with 64-bit numbers, six bits each. */
const DEEPEST = 11
const MOST_PROBLEMS = 8

/** Every value in the tree whose root entry stands at `root`, by ascending numbers. */
export const xarrayEntries = Effect.fnUntraced(function* (
  kernel: Kernel,
  structure: string,
  root: bigint
): Effect.fn.Return<
  { readonly elements: ReadonlyArray<bigint>; readonly problems: ReadonlyArray<GuestDataError> },
  SourceError
> {
  const { memory } = kernel
  const slots = kernel.types.member("xa_node", "slots") ?? kernel.types.member("radix_tree_node", "slots")
  const elements: Array<bigint> = []
  const problems: Array<GuestDataError> = []
  const problem = (address: bigint, why: string) => {
    if (problems.length < MOST_PROBLEMS) problems.push(new GuestDataError({ structure, address, why }))
    return undefined
  }
  if (slots === undefined)
    return { elements, problems: [new GuestDataError({ structure, why: "its nodes' layout is not known" })] }
  const word = memory.words.bytes
  // Radix trees before 4.20 marked nodes by 01.
  const mark = kernel.types.sizeOf("xa_node") === undefined ? 1n : 2n
  const seen = new Set<bigint>()
  const visit = (entry: bigint, from: bigint, depth: number): Effect.Effect<void, SourceError> =>
    Effect.gen(function* () {
      if (entry === 0n) return
      if ((entry & 3n) === 0n) {
        elements.push(entry)
        return
      }
      // Other marks are values that are no pointers, and entries that are about to change.
      if ((entry & 3n) !== mark || entry <= 4096n) return
      const node = entry - mark
      if (depth === DEEPEST) return problem(from, `it is more than ${DEEPEST} levels deep`)
      if (seen.has(node)) return problem(from, `its node at ${hex(node)} is in it twice`)
      if (seen.size >= MOST_ELEMENTS / 16 || elements.length >= MOST_ELEMENTS)
        return problem(from, "it has more entries than are read")
      seen.add(node)
      const bytes = yield* Effect.catchTag(
        memory.bytes(node + BigInt(slots.offset), slots.size),
        "UnmappedAddress",
        (error) => Effect.sync(() => problem(node, error.message))
      )
      if (bytes === undefined) return
      for (let at = 0; at + word <= bytes.length; at += word)
        yield* visit(memory.words.word(bytes, at), node, depth + 1)
      yield* Effect.yieldNow
    })
  const entry = yield* Effect.catchTag(memory.word(root), "UnmappedAddress", (error) =>
    Effect.sync(() => problem(root, error.message))
  )
  if (entry !== undefined) yield* visit(entry, root, 0)
  return { elements, problems }
})
