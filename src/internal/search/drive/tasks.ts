// The blocks of a search in batches, with what has to be read already read.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type { SourceError } from "../../../MemoryMapError.ts"
import { type Block, blocks, type Piece, type Request, type Sizes, type Skipped } from "./blocks.ts"
import { Reader } from "./reading.ts"

/** Some blocks to be looked at together. */
export interface Task {
  readonly blocks: Array<Block>
  /** Bytes that need not be looked at. */
  readonly skipped: bigint
  /** What went wrong behind these blocks; this is the last task then. */
  error: SourceError | undefined
  /** Offsets found in the only block, ascending; and the first start that is still to be looked at. */
  found: { readonly offsets: ReadonlyArray<number>; readonly next: number } | undefined
}

/** A block of this size makes a task of its own, so that a kernel takes it. */
export const ALONE = 256 << 10

/** Many small blocks make a task, up to so many. */
const MAX_BLOCKS = 1024

/** One run over `pieces`: a pull of tasks, ascending. A read that fails ends it with a task that holds the error. */
export const tasks = (
  pieces: Iterable<Piece>,
  sizes: Sizes,
  scope: Scope.Scope
): Pull.Pull<Arr.NonEmptyReadonlyArray<Task>> => {
  const cutter = blocks(pieces, sizes)
  const reader = new Reader(scope)
  let request: Request | undefined
  let bytes: Uint8Array | undefined
  let error: SourceError | undefined
  let finished = false
  /** A block that comes in the next task. */
  let held: Block | undefined

  /** The next block, unless something has to be read first or all have been given out. */
  const take = (): Block | Skipped | undefined => {
    if (request !== undefined || finished) return undefined
    const next = cutter.next(bytes)
    bytes = undefined
    if (next.done === true) finished = true
    else if (next.value._tag === "Request") request = next.value
    else return next.value
    return undefined
  }

  const gather = (): Task | undefined => {
    const batch: Array<Block> = []
    let skipped = 0n
    let size = 0
    while (size < sizes.block && batch.length < MAX_BLOCKS) {
      const item = held ?? take()
      held = undefined
      if (item === undefined) break
      if (item._tag === "Skipped") skipped += item.size
      else if (item.starts >= ALONE && batch.length > 0) {
        held = item
        break
      } else {
        batch.push(item)
        size += item.starts
        if (item.starts >= ALONE) break
      }
    }
    const last = finished && held === undefined ? error : undefined
    return batch.length === 0 && skipped === 0n && last === undefined
      ? undefined
      : { blocks: batch, skipped, error: last, found: undefined }
  }

  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Task>> = Effect.suspend(() => {
    if (request !== undefined && held === undefined) {
      return Effect.flatMap(reader.read(request), (part) => {
        request = undefined
        bytes = part.bytes
        error = part.error
        return pull
      })
    }
    if (finished && held === undefined) return Cause.done()
    const task = gather()
    return task === undefined ? pull : Effect.succeed([task])
  })
  return pull
}
