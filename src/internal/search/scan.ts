// The loop of every search: takes tasks, has the blocks looked at slice by slice, and gives out hits in chunks. Between
// slices it lets the event loop and interruption in.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { SourceError } from "../../MemoryMapError.ts"
import type { Finder } from "../../SearchKernel.ts"
import { pin } from "../pin.ts"
import type { Block, Piece, Sizes } from "./blocks.ts"
import { Hits, type Matcher } from "./hits.ts"
import { type Task, tasks } from "./tasks.ts"

/** A kernel at work on one needle of `length` bytes. */
export interface Native {
  readonly find: Finder
  readonly concurrency: number
  readonly length: number
}

export interface Plan<A> {
  readonly pieces: Iterable<Piece>
  readonly sizes: Sizes
  readonly matcher: Matcher
  readonly alignment: number
  /** What is made of the hits in a block at `address`; it may be nothing. */
  readonly collect: (hits: Hits, address: bigint) => ReadonlyArray<A>
  readonly wantLengths: boolean
  /** Looks at large blocks in place of the matcher. */
  readonly native: Native | undefined
  /** Told how many bytes have been dealt with. */
  readonly progress: ((searched: bigint) => Effect.Effect<void>) | undefined
}

/** Hits for one chunk, at most. */
const CHUNK = 4096

/** Blocks smaller than this are not worth a kernel's trouble. */
const NATIVE = 256 << 10

/** What a block costs besides its bytes, and a hit, in bytes. */
const BLOCK = 256
const HIT = 64

/** Bytes between two reports of progress. */
const REPORT = 4n << 20n

/** The memory behind the block may no longer be looked at: its source has closed, or has become shorter. */
const isLost = ({ bytes, length, piece }: Block): boolean =>
  bytes.length !== length || (piece !== undefined && piece.source.resident === undefined)

/** Has a kernel look at the task, if it is one large block in place. What the kernel leaves over is left to the scan. */
const withNative =
  ({ find, length }: Native) =>
  (task: Task): Effect.Effect<Task> =>
    Effect.suspend(() => {
      const block = task.blocks[0]
      if (task.blocks.length !== 1 || block === undefined || block.starts < NATIVE || isLost(block)) {
        return Effect.succeed(task)
      }
      const held = pin(block.bytes)
      if (held === undefined) return Effect.succeed(task)
      return find(block.bytes.subarray(0, block.starts + length - 1), CHUNK).pipe(
        Effect.map((offsets) => {
          const next = offsets.length < CHUNK ? block.starts : offsets[offsets.length - 1]! + 1
          task.found = { offsets, next }
          return task
        }),
        Effect.ensuring(Effect.sync(held.release)),
        Effect.uninterruptible
      )
    })

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
    const { matcher } = this.plan
    for (;;) {
      if (this.work >= matcher.step) {
        this.work = 0
        return Effect.andThen(Effect.yieldNow, this.pull)
      }
      const task = this.task ?? this.take()
      if (task === undefined) return this.more()
      const block = task.blocks[this.index]
      if (block === undefined) return this.finish(task)
      if (task.found !== undefined && this.from < task.found.next) {
        const found = this.known(task.found, block)
        if (isFilled(found)) return Effect.succeed(found)
        continue
      }
      if (this.from >= block.starts) {
        this.searched += BigInt(block.starts)
        this.work += BLOCK
        this.index++
        this.from = 0
        continue
      }
      if (isLost(block)) return this.recover(task, block)
      const found = this.look(block)
      if (isFilled(found)) return Effect.succeed(found)
    }
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

  /** One slice of a block. */
  private look(block: Block): ReadonlyArray<A> {
    const { alignment, collect, matcher, wantLengths } = this.plan
    const hits = new Hits(CHUNK, wantLengths)
    const phase = alignment === 1 ? 0 : Number(block.address % BigInt(alignment))
    const to = Math.min(block.starts, this.from + matcher.step)
    const next = matcher.scan(block.bytes, this.from, to, phase, hits)
    this.work += next - this.from + HIT * hits.offsets.length
    this.from = next
    return hits.offsets.length === 0 ? [] : collect(hits, block.address)
  }

  /** What a kernel has found. */
  private known({ next, offsets }: NonNullable<Task["found"]>, block: Block): ReadonlyArray<A> {
    const { alignment, collect, native } = this.plan
    this.from = next
    this.work += HIT * offsets.length
    if (offsets.length === 0) return []
    const phase = Number(block.address % BigInt(alignment))
    const hits = new Hits(Infinity, false)
    for (const offset of offsets) if ((phase + offset) % alignment === 0) hits.push(offset, 0, native!.length)
    return collect(hits, block.address)
  }

  private finish(task: Task): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    this.task = undefined
    this.searched += task.skipped
    const next = task.error ?? this.pull
    const { progress } = this.plan
    if (progress === undefined || (task.error === undefined && this.searched - this.reported < REPORT)) return next
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), next)
  }

  /** Reads what can no longer be looked at in place: either that works, or it fails with the reason. */
  private recover(task: Task, block: Block): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, SourceError> {
    const { address, length, piece } = block
    if (piece === undefined) return Effect.die("bytes that were copied are gone")
    return Effect.flatMap(piece.source.read(address - piece.origin, length), (bytes) => {
      task.blocks[this.index] = { ...block, bytes, piece: undefined }
      return this.pull
    })
  }

  /** At the end of a search that nobody cut short. */
  readonly done = Effect.suspend(() => {
    const { progress } = this.plan
    if (progress === undefined || this.searched === this.reported) return Cause.done()
    this.reported = this.searched
    return Effect.andThen(progress(this.searched), Cause.done())
  })
}

const isFilled = <A>(found: ReadonlyArray<A>): found is Arr.NonEmptyReadonlyArray<A> => found.length > 0

/** Everything that the plan finds, ascending. */
export const scan = <A>(plan: Plan<A>): Stream.Stream<A, SourceError> => {
  const { native } = plan
  const all = Stream.fromPull(Effect.sync(() => tasks(plan.pieces, plan.sizes)))
  const looked =
    native === undefined ? all : Stream.mapEffect(all, withNative(native), { concurrency: native.concurrency })
  return Stream.transformPull(looked, (upstream) =>
    Effect.sync(() => {
      const run = new Scan(plan, upstream)
      return Pull.catchDone(run.pull, () => run.done)
    })
  )
}
