// The line that every search runs along: pieces -> blocks -> searchers -> hits. A kernel, where there is one, looks at
// large blocks first; the searcher looks at everything that is left, slice by slice; between slices the event loop and
// interruption are let in.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { SourceError } from "../../../MemoryMapError.ts"
import type { Finder } from "../../../SearchKernel.ts"
import { pinned } from "../../source/pin.ts"
import { ALONE, type Batch, batches } from "./batches.ts"
import type { Sizes } from "./blocks.ts"
import { isLost, type Loaded, reload } from "./load.ts"
import type { Piece } from "./pieces.ts"

/** A kernel prepared for one needle of `length` bytes. */
export interface PreparedKernel {
  readonly find: Finder
  readonly concurrency: number
  readonly length: number
}

/** Searches blocks, and makes hits of what it finds. Blocks come in order. */
export interface BlockSearcher<A> {
  /** Bytes to give to one call, so that it takes a few milliseconds at most. */
  readonly step: number
  /** Looks at the starts `from` to `to` of a block; `next` is the first one left over. */
  readonly search: (
    block: Loaded,
    from: number,
    to: number
  ) => { readonly hits: ReadonlyArray<A>; readonly next: number }
  /** The hits for offsets in a block that a kernel has found. */
  readonly hitsAt: (block: Loaded, offsets: ReadonlyArray<number>) => ReadonlyArray<A>
  /** Hits held back until it was clear that no block follows. */
  readonly end: () => ReadonlyArray<A>
}

export interface Plan<A> {
  readonly pieces: Iterable<Piece>
  readonly sizes: Sizes
  readonly searcher: BlockSearcher<A>
  /** Looks at large blocks first. */
  readonly kernel: PreparedKernel | undefined
  /** Told how many bytes have been dealt with. */
  readonly progress: ((searched: bigint) => Effect.Effect<void>) | undefined
}

/** A batch after a kernel had the first look. */
interface Seen {
  readonly batch: Batch
  /** Offsets in the only block at which the needle stands, ascending. */
  readonly offsets: ReadonlyArray<number>
  /** The first start of that block that the kernel has left over; 0: it has not looked. */
  readonly next: number
}

/** Offsets that a kernel is asked for in one go. More take memory; what is left over is searched without the kernel. */
const KERNEL_LIMIT = 4096

// Work is counted in bytes searched, to decide when the event loop is let in: what a block costs besides its bytes, and
// what a hit costs.
const WORK_PER_BLOCK = 256
const WORK_PER_HIT = 64

/** Bytes between two reports of progress. */
const REPORT = 4n << 20n

const unseen = (batch: Batch): Seen => ({ batch, offsets: [], next: 0 })

/** Has a kernel look at a batch, if it is one large block; smaller ones are not worth its trouble. */
const byKernel =
  ({ find, length }: PreparedKernel) =>
  (batch: Batch): Effect.Effect<Seen> => {
    const block = batch.blocks[0]
    if (batch.blocks.length !== 1 || block === undefined || block.starts < ALONE) return Effect.succeed(unseen(batch))
    const memory = () => (isLost(block) ? undefined : block.bytes)
    return Effect.map(
      pinned(memory, (bytes) => find(bytes.subarray(0, block.starts + length - 1), KERNEL_LIMIT)),
      (offsets): Seen => {
        if (offsets === undefined) return unseen(batch)
        const next = offsets.length < KERNEL_LIMIT ? block.starts : offsets[offsets.length - 1]! + 1
        return { batch, offsets, next }
      }
    )
  }

type Hits<A> = Arr.NonEmptyReadonlyArray<A>

/** From batches to hits: holds the place in the batch at hand. */
class Scan<A> {
  private readonly plan: Plan<A>
  private readonly upstream: Pull.Pull<Arr.NonEmptyReadonlyArray<Seen>>
  private waiting: Array<Seen> = []
  private seen: Seen | undefined = undefined
  /** Of the batch at hand; shorter when memory turns out to be gone. */
  private blocks: ReadonlyArray<Loaded> = []
  private error: SourceError | undefined = undefined
  private index = 0
  private from = 0
  /** Work done since the event loop was let in, in bytes. */
  private work = 0
  private searched = 0n
  private reported = 0n

  constructor(plan: Plan<A>, upstream: Pull.Pull<Arr.NonEmptyReadonlyArray<Seen>>) {
    this.plan = plan
    this.upstream = upstream
  }

  readonly pull: Pull.Pull<Hits<A>, SourceError> = Effect.suspend(() => this.go())

  private go(): Pull.Pull<Hits<A>, SourceError> {
    const { searcher } = this.plan
    for (;;) {
      if (this.work >= searcher.step) {
        this.work = 0
        return Effect.andThen(Effect.yieldNow, this.pull)
      }
      const seen = this.seen ?? this.take()
      if (seen === undefined) return this.more()
      const block = this.blocks[this.index]
      if (block === undefined) return this.finish(seen)
      if (this.from >= block.starts) {
        this.searched += BigInt(block.starts)
        this.work += WORK_PER_BLOCK
        this.index++
        this.from = 0
      } else if (this.from < seen.next) {
        this.from = seen.next
        const hits = searcher.hitsAt(block, seen.offsets)
        if (isFilled(hits)) return this.give(hits)
      } else if (isLost(block)) return this.recover(block)
      else {
        const { hits, next } = searcher.search(block, this.from, Math.min(block.starts, this.from + searcher.step))
        this.work += next - this.from
        this.from = next
        if (isFilled(hits)) return this.give(hits)
      }
    }
  }

  private give(hits: Hits<A>): Effect.Effect<Hits<A>> {
    this.work += WORK_PER_HIT * hits.length
    return Effect.succeed(hits)
  }

  private take(): Seen | undefined {
    const seen = this.waiting.shift()
    this.seen = seen
    this.blocks = seen?.batch.blocks ?? []
    this.error = seen?.batch.error
    this.index = 0
    this.from = 0
    return seen
  }

  private more(): Pull.Pull<Hits<A>, SourceError> {
    return Effect.flatMap(this.upstream, (seen) => {
      this.waiting = [...seen]
      return this.pull
    })
  }

  private finish({ batch }: Seen): Pull.Pull<Hits<A>, SourceError> {
    const { error } = this
    const { progress, searcher } = this.plan
    if (error !== undefined) {
      const rest = searcher.end()
      if (isFilled(rest)) return Effect.succeed(rest)
    }
    this.seen = undefined
    this.searched += batch.skipped
    const next = error ?? this.pull
    if (progress === undefined || (error === undefined && this.searched - this.reported < REPORT)) return next
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), next)
  }

  /** Reads what can no longer be looked at in place; what cannot be read ends the search. */
  private recover(block: Loaded): Pull.Pull<Hits<A>, SourceError> {
    if (block.piece === undefined) return Effect.die(new Error("bytes that were copied are gone"))
    return Effect.flatMap(reload(block, block.piece), ({ error, value }) => {
      const before = this.blocks.slice(0, this.index)
      this.blocks = error === undefined ? this.blocks.with(this.index, value) : [...before, value]
      this.error = error ?? this.error
      return this.pull
    })
  }

  /** At the end of a search that nobody cut short. */
  readonly done: Pull.Pull<Hits<A>> = Effect.suspend(() => {
    const { progress, searcher } = this.plan
    const rest = searcher.end()
    if (isFilled(rest)) return Effect.succeed(rest)
    if (progress === undefined || this.searched === this.reported) return Cause.done()
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), Cause.done())
  })
}

const isFilled = <A>(hits: ReadonlyArray<A>): hits is Hits<A> => hits.length > 0

/** Everything that the plan finds, ascending. */
export const scan = <A>(plan: Plan<A>): Stream.Stream<A, SourceError> => {
  const { kernel, pieces, sizes } = plan
  const loaded = Stream.scoped(Stream.fromPull(Effect.map(Effect.scope, (scope) => batches(pieces, sizes, scope))))
  const seen =
    kernel === undefined
      ? Stream.map(loaded, unseen)
      : Stream.mapEffect(loaded, byKernel(kernel), { concurrency: kernel.concurrency })
  return Stream.transformPull(seen, (upstream) =>
    Effect.sync(() => {
      const run = new Scan(plan, upstream)
      return Pull.catchDone(run.pull, () => run.done)
    })
  )
}
