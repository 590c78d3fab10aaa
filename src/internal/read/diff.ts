// Where two maps differ. Both are walked at once; what is one place of one source in both, or zeros in both, is equal
// without being read, so that two maps of one file differ in no time.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import type { Difference, DiffOptions } from "../../MemoryMap.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { checkCount, checkRange } from "../base/arguments.ts"
import { END } from "../base/numbers.ts"
import { breathe } from "../base/turns.ts"
import type { MemoryMapImpl, Piece } from "../map/map.ts"
import { mappingOf, piecesIn } from "../map/pieces.ts"
import { copyExtents } from "../source/copy.ts"
import { isSame } from "../source/source.ts"

/** Bytes of each map that are compared at a time. */
const BLOCK = 1 << 20

/** Addresses in which neither map changes its piece. */
interface Span {
  readonly start: bigint
  readonly end: bigint
  readonly left: Piece | undefined
  readonly right: Piece | undefined
}

/** The pieces of a map in a range, with the holes between them and behind them. */
class Cursor {
  private readonly pieces: Iterator<Piece>
  private piece: Piece | undefined
  constructor(map: MemoryMapImpl, { end, start }: AddressRange) {
    this.pieces = piecesIn(map, start, end)[Symbol.iterator]()
    this.next()
  }
  private next(): void {
    const { done, value } = this.pieces.next()
    this.piece = done === true ? undefined : value
  }
  /** The piece at `address`, which never goes back, and where that changes. */
  at(address: bigint): { readonly piece: Piece | undefined; readonly until: bigint } {
    while (this.piece !== undefined && this.piece.end <= address) this.next()
    const { piece } = this
    if (piece === undefined) return { piece: undefined, until: END }
    return piece.start > address ? { piece: undefined, until: piece.start } : { piece, until: piece.end }
  }
}

/** Ascending; where neither map has anything there is no span. */
function* spans(left: MemoryMapImpl, right: MemoryMapImpl, range: AddressRange): Generator<Span> {
  const [a, b] = [new Cursor(left, range), new Cursor(right, range)]
  for (let start = range.start < 0n ? 0n : range.start; start < range.end && start < END;) {
    const [one, other] = [a.at(start), b.at(start)]
    const until = one.until < other.until ? one.until : other.until
    const end = until < range.end ? until : range.end
    if (one.piece !== undefined || other.piece !== undefined) {
      yield { start, end, left: one.piece, right: other.piece }
    }
    start = end
  }
}

/** Collects differences, joins those that touch and are of one kind, and holds the last back, for more may join it. */
class Collector {
  done: Array<Difference> = []
  private last: Difference | undefined
  add(kind: Difference["kind"], start: bigint, end: bigint): void {
    const { last } = this
    if (last !== undefined && last.kind === kind && last.range.end >= start) {
      if (end > last.range.end) this.last = { range: { start: last.range.start, end }, kind }
      return
    }
    this.flush()
    this.last = { range: { start, end }, kind }
  }
  /** The last difference, if its bytes are changed, ends at `end` at the latest. */
  clip(end: bigint): void {
    const { last } = this
    if (last?.kind === "changed" && last.range.end > end)
      this.last = { range: { start: last.range.start, end }, kind: "changed" }
  }
  flush(): void {
    if (this.last !== undefined) this.done.push(this.last)
    this.last = undefined
  }
  take(): Array<Difference> {
    const { done } = this
    this.done = []
    return done
  }
}

/** Index of the first byte from `from` on in which the blocks are equal (or differ), or `length`. */
const until = (equal: boolean, a: Uint8Array, b: Uint8Array, from: number, length: number): number => {
  let i = from
  while (i < length && (a[i] === b[i]) !== equal) i++
  return i
}

/** Words of both blocks, which begin at a multiple of 4. */
const words = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.buffer, 0, bytes.length >> 2)

class Comparison {
  /** Addresses that both maps have, without a gap, as far as is known: what is changed is widened inside them. */
  private runStart = 0n
  private runEnd = 0n
  private readonly a = new Uint8Array(BLOCK)
  private readonly b = new Uint8Array(BLOCK)
  private readonly aWords = words(this.a)
  private readonly bWords = words(this.b)
  readonly found = new Collector()
  private readonly align: bigint
  constructor(align: number) {
    this.align = BigInt(align)
  }

  /** Takes note of a span; true when its bytes have to be compared. */
  begin({ end, left, right, start }: Span): boolean {
    if (left === undefined || right === undefined) {
      this.found.clip(this.runEnd)
      this.found.add(right === undefined ? "removed" : "added", start, end)
      return false
    }
    if (start !== this.runEnd) {
      this.found.clip(this.runEnd)
      this.runStart = start
    }
    this.runEnd = end
    const [a, b] = [mappingOf(left), mappingOf(right)]
    return !isSame(a.source, start - a.start, b.source, start - b.start)
  }

  end(): void {
    this.found.clip(this.runEnd)
    this.found.flush()
  }

  /** Compares `[start, start + length)` of a span that both maps have. */
  readonly compare = (span: Span, start: bigint, length: number): Effect.Effect<void, SourceError> => {
    const read = (piece: Piece, target: Uint8Array) => {
      const { source, start: origin } = mappingOf(piece)
      return copyExtents([{ source, offset: start - origin, length }], target)
    }
    return Effect.map(Effect.andThen(read(span.left!, this.a), read(span.right!, this.b)), () =>
      this.collect(start, length)
    )
  }

  private collect(start: bigint, length: number): void {
    const { a, aWords, align, b, bWords, runStart } = this
    for (let at = 0; at < length;) {
      if ((at & 3) === 0) {
        let word = at >> 2
        while (word < length >> 2 && aWords[word] === bWords[word]) word++
        at = word << 2
      }
      const from = until(false, a, b, at, Math.min(length, (at | 3) + 1))
      if (from < length && a[from] !== b[from]) {
        const to = until(true, a, b, from, length)
        const [low, high] = [start + BigInt(from), start + BigInt(to)]
        const down = low - (low % align)
        const up = high + ((align - (high % align)) % align)
        this.found.add("changed", down > runStart ? down : runStart, up)
        at = to
      } else at = from
    }
  }
}

/** Spans that are gone through between two looks at the clock, when nothing has to be read. */
const SPANS = 1024

type Step = Pull.Pull<Arr.NonEmptyReadonlyArray<Difference>, SourceError>

class Differences {
  private readonly pending: Iterator<Span>
  private readonly comparison: Comparison
  /** What is compared, and from where on. */
  private span: Span | undefined
  private reached = 0n
  private isOver = false
  /** What could not be read. Differences in front of it come first. */
  private failed: SourceError | undefined
  constructor(pending: Iterator<Span>, align: number) {
    this.pending = pending
    this.comparison = new Comparison(align)
  }

  /** One step: many spans that need no reading, or one block of one that does. */
  private readonly step = Effect.suspend((): Effect.Effect<void, SourceError> => {
    for (let i = 0; i < SPANS && this.span === undefined; i++) {
      const { done, value } = this.pending.next()
      if (done === true) {
        this.isOver = true
        this.comparison.end()
        return Effect.void
      }
      if (this.comparison.begin(value)) {
        this.span = value
        this.reached = value.start
      }
    }
    const { reached, span } = this
    if (span === undefined) return Effect.void
    const length = Number(span.end - reached < BLOCK ? span.end - reached : BLOCK)
    this.reached += BigInt(length)
    if (this.reached >= span.end) this.span = undefined
    return this.comparison.compare(span, reached, length)
  })

  readonly pull: Step = Effect.suspend((): Step => {
    if (this.failed !== undefined) return this.failed
    if (this.isOver) return Cause.done()
    const settled = Effect.match(Effect.andThen(breathe, this.step), {
      onFailure: (error) => {
        this.failed = error
        this.comparison.end()
      },
      onSuccess: () => {}
    })
    return Effect.flatMap(settled, (): Step => {
      const done = this.comparison.found.take()
      return Arr.isArrayNonEmpty(done) ? Effect.succeed(done) : this.pull
    })
  })
}

export const diff = (
  left: MemoryMapImpl,
  right: MemoryMapImpl,
  { align = 1, range = { start: 0n, end: END } }: DiffOptions = {}
): Stream.Stream<Difference, SourceError> =>
  Stream.fromPull(
    Effect.sync(() => {
      checkRange("diff", range)
      checkCount("MemoryMap.diff", "the alignment", align, 1)
      return new Differences(spans(left, right, range), align).pull
    })
  )
