// Loaded blocks in batches: a large one alone, small ones together, so that what a batch costs is shared among them.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type { SourceError } from "../../../MemoryMapError.ts"
import { type Block, blocks, type Sizes } from "./blocks.ts"
import { type Loaded, Loader } from "./load.ts"
import type { Piece } from "./pieces.ts"

/** Blocks to be looked at one after the other. */
export interface Batch {
  readonly blocks: ReadonlyArray<Loaded>
  /** Bytes before the end of this batch that need not be looked at. */
  readonly skipped: bigint
  /** What went wrong behind these blocks; this is the last batch then. */
  readonly error: SourceError | undefined
}

/** A block with so many starts makes a batch of its own, which is worth a kernel's trouble. */
export const ALONE = 256 << 10

/** Small blocks in one batch, at most. */
const MAX_BLOCKS = 1024

/** The blocks of `pieces`, loaded, ascending. A read that fails ends them with a batch that has the error. */
export const batches = (
  pieces: Iterable<Piece>,
  sizes: Sizes,
  scope: Scope.Scope
): Pull.Pull<Arr.NonEmptyReadonlyArray<Batch>> => {
  const cutter = blocks(pieces, sizes)
  const loader = new Loader(scope)
  /** Cut already, for the next batch: it is large, or has to be read. */
  let held: Block | undefined
  /** Bytes passed over since the last batch. */
  let skipped = 0n
  let failed = false

  const batchOf = (blocks: ReadonlyArray<Loaded>, error?: SourceError): Arr.NonEmptyReadonlyArray<Batch> => {
    const batch = { blocks, skipped, error }
    skipped = 0n
    return [batch]
  }

  /** The block stays held until its bytes are there: a pull that is interrupted is done anew by the next one. */
  const reading = (block: Block) =>
    Effect.map(loader.load(block), ({ error, value }) => {
      held = undefined
      failed = error !== undefined
      return batchOf([value], error)
    })

  return Effect.suspend(() => {
    const batch: Array<Loaded> = []
    let starts = 0
    while (!failed && starts < sizes.block && batch.length < MAX_BLOCKS) {
      const item = held ?? cutter.next().value
      held = undefined
      if (item === undefined) break
      if (item._tag === "Skipped") {
        skipped += item.size
        continue
      }
      const isLarge = item.starts >= ALONE
      const block = isLarge && batch.length > 0 ? undefined : loader.inMemory(item)
      if (block === undefined) {
        held = item
        if (batch.length === 0) return reading(item)
        break
      }
      batch.push(block)
      starts += block.starts
      if (isLarge) break
    }
    return batch.length === 0 && skipped === 0n ? Cause.done() : Effect.succeed(batchOf(batch))
  })
}
