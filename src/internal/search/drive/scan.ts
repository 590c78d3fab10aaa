// The loop of every search: takes tasks, has the blocks looked at slice by slice, and gives out hits in chunks. Between
// slices it lets the event loop and interruption in.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { SourceError } from "../../../MemoryMapError.ts"
import type { Finder } from "../../../SearchKernel.ts"
import { pinned } from "../../source/pin.ts"
import type { Block, Piece, Sizes } from "./blocks.ts"
import { readPart } from "./reading.ts"
import { ALONE, type Task, tasks } from "./tasks.ts"

/** A kernel at work on one needle of `length` bytes. */
export interface Native {
  readonly find: Finder
  readonly concurrency: number
  readonly length: number
}

/** What looks at blocks, and makes something of what it sees. Blocks come in order. */
export interface Looker<A> {
  /** Bytes to give to one call, so that it takes a few milliseconds at most. */
  readonly step: number
  /** Looks at the starts `from` to `to` of a block; `next` is the first one left over. */
  readonly look: (block: Block, from: number, to: number) => { readonly found: ReadonlyArray<A>; readonly next: number }
  /** What is made of the offsets that a kernel has found. */
  readonly known: (block: Block, offsets: ReadonlyArray<number>) => ReadonlyArray<A>
  /** No more blocks will come: what has been held back? */
  readonly end: () => ReadonlyArray<A>
}

export interface Plan<A> {
  readonly pieces: Iterable<Piece>
  readonly sizes: Sizes
  readonly looker: Looker<A>
  /** Looks at large blocks first. */
  readonly native: Native | undefined
  /** Told how many bytes have been dealt with. */
  readonly progress: ((searched: bigint) => Effect.Effect<void>) | undefined
}

/** What a kernel finds in one go, at most. */
const CHUNK = 4096

/** What a block costs besides its bytes, and what something found costs, in bytes. */
const BLOCK = 256
const FOUND = 64

/** Bytes between two reports of progress. */
const REPORT = 4n << 20n

/** The memory behind the block may no longer be looked at: its source has closed, or has become shorter. */
const isLost = ({ bytes, length, piece }: Block): boolean =>
  bytes.length !== length || (piece !== undefined && piece.source.resident === undefined)

/** Has a kernel look at the task, if it is one large block; smaller ones are not worth its trouble. What the kernel leaves over is left to the scan. */
const withNative =
  ({ find, length }: Native) =>
  (task: Task): Effect.Effect<Task> => {
    const block = task.blocks[0]
    if (task.blocks.length !== 1 || block === undefined || block.starts < ALONE) return Effect.succeed(task)
    const memory = () => (isLost(block) ? undefined : block.bytes)
    return Effect.map(
      pinned(memory, (bytes) => find(bytes.subarray(0, block.starts + length - 1), CHUNK)),
      (offsets) => {
        if (offsets === undefined) return task
        const next = offsets.length < CHUNK ? block.starts : offsets[offsets.length - 1]! + 1
        task.found = { offsets, next }
        return task
      }
    )
  }

class Scan<A> {
  private readonly plan: Plan<A>
  private readonly upstream: Pull.Pull<Arr.NonEmptyReadonlyArray<Task>>
  private waiting: Array<Task> = []
  private task: Task | undefined = undefined
  private index = 0
  private from = 0
  /** Work done since the event loop was let in, in bytes. */
  private work = 0
  private searched = 0n
  private reported = 0n

  constructor(plan: Plan<A>, upstream: Pull.Pull<Arr.NonEmptyReadonlyArray<Task>>) {
    this.plan = plan
    this.upstream = upstream
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> = Effect.suspend(() => this.go())

  private go(): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    const { looker } = this.plan
    for (;;) {
      if (this.work >= looker.step) {
        this.work = 0
        return Effect.andThen(Effect.yieldNow, this.pull)
      }
      const task = this.task ?? this.take()
      if (task === undefined) return this.more()
      const block = task.blocks[this.index]
      if (block === undefined) return this.finish(task)
      const { found } = task
      if (this.from >= block.starts) {
        this.searched += BigInt(block.starts)
        this.work += BLOCK
        this.index++
        this.from = 0
      } else if (found !== undefined && this.from < found.next) {
        this.from = found.next
        const made = looker.known(block, found.offsets)
        if (isFilled(made)) return this.give(made)
      } else if (isLost(block)) return this.recover(task, block)
      else {
        const { found, next } = looker.look(block, this.from, Math.min(block.starts, this.from + looker.step))
        this.work += next - this.from
        this.from = next
        if (isFilled(found)) return this.give(found)
      }
    }
  }

  private give(found: Arr.NonEmptyReadonlyArray<A>): Effect.Effect<Arr.NonEmptyReadonlyArray<A>> {
    this.work += FOUND * found.length
    return Effect.succeed(found)
  }

  private take(): Task | undefined {
    this.task = this.waiting.shift()
    this.index = 0
    this.from = 0
    return this.task
  }

  private more(): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    return Effect.flatMap(this.upstream, (tasks) => {
      this.waiting = [...tasks]
      return this.pull
    })
  }

  private finish(task: Task): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    if (task.error !== undefined) {
      const rest = this.plan.looker.end()
      if (isFilled(rest)) return Effect.succeed(rest)
    }
    this.task = undefined
    this.searched += task.skipped
    const next = task.error ?? this.pull
    const { progress } = this.plan
    if (progress === undefined || (task.error === undefined && this.searched - this.reported < REPORT)) return next
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), next)
  }

  /** Reads what can no longer be looked at in place: either that works, or it says why, behind what could be read. */
  private recover(task: Task, block: Block): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    const { address, length, piece } = block
    if (piece === undefined) return Effect.die(new Error("bytes that were copied are gone"))
    return Effect.flatMap(readPart({ _tag: "Request", piece, address, length }), ({ bytes, error }) => {
      const starts = Math.min(block.starts, bytes.length)
      const read = { ...block, bytes, length: bytes.length, starts, piece: undefined }
      if (error === undefined) task.blocks[this.index] = read
      else {
        task.blocks.splice(this.index, task.blocks.length, read)
        task.error = error
      }
      return this.pull
    })
  }

  /** At the end of a search that nobody cut short. */
  readonly done: Pull.Pull<Arr.NonEmptyReadonlyArray<A>> = Effect.suspend(() => {
    const { looker, progress } = this.plan
    const rest = looker.end()
    if (isFilled(rest)) return Effect.succeed(rest)
    if (progress === undefined || this.searched === this.reported) return Cause.done()
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), Cause.done())
  })
}

const isFilled = <A>(found: ReadonlyArray<A>): found is Arr.NonEmptyReadonlyArray<A> => found.length > 0

/** Everything that the plan finds, ascending. */
export const scan = <A>(plan: Plan<A>): Stream.Stream<A, SourceError> => {
  const { native } = plan
  const all = Stream.scoped(Stream.fromPull(Effect.map(Effect.scope, (scope) => tasks(plan.pieces, plan.sizes, scope))))
  const looked =
    native === undefined ? all : Stream.mapEffect(all, withNative(native), { concurrency: native.concurrency })
  return Stream.transformPull(looked, (upstream) =>
    Effect.sync(() => {
      const run = new Scan(plan, upstream)
      return Pull.catchDone(run.pull, () => run.done)
    })
  )
}
