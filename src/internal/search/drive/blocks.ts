// From pieces to blocks. A block says which addresses are looked at together; it holds no bytes yet (see load.ts). Every
// mapped address is a start in exactly one block, and a block reaches over all bytes that a match from its starts may
// have. So blocks overlap by the longest match less one byte, and what is found in one never depends on another.
import { isZeros } from "../../source/source.ts"
import type { Piece } from "./pieces.ts"

/** A part of a piece whose bytes are had in one way. */
export interface Stretch {
  readonly start: bigint
  readonly end: bigint
  readonly piece: Piece
  /**
   * `"resident"`: in memory, used where it is. `"zeros"`: known without reading. `"read"`: read whole, once, when the
   * first block needs it.
   */
  readonly kind: "resident" | "zeros" | "read"
}

/** Addresses to look at together. */
export interface Block {
  readonly _tag: "Block"
  readonly address: bigint
  /** A match may begin at offsets 0 to `starts`, not included. */
  readonly starts: number
  /** Bytes in the block. Those from `starts` on belong to matches that begin before. */
  readonly length: number
  /** What the bytes are made of: adjacent, ascending. */
  readonly stretches: ReadonlyArray<Stretch>
}

/** Bytes in which no match begins, known without looking at them. */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly size: bigint
}

/** How a search cuts memory into blocks; all in bytes. */
export interface Sizes {
  /** The longest match there may be. */
  readonly reach: number
  /** Starts in one block where bytes are in memory, at most. */
  readonly block: number
  /** Bytes read in one go where they are not, at most; never less than a match may have. */
  readonly read: number
  /**
   * Stretches shorter than this are copied into one block with their neighbours; longer ones are looked at in place.
   * Larger: more bytes are copied. Smaller: more blocks, each with its overhead of about a microsecond.
   */
  readonly gather: number
  /** No match begins and ends in zeros, so that zeros known without reading can be passed over. */
  readonly skipsZeros: boolean
}

/** Cuts pieces that have to be read, and zeros that have to be looked at, so that a stretch fits into memory. */
function* stretchesOf(pieces: Iterable<Piece>, { block, reach, read, skipsZeros }: Sizes): Generator<Stretch> {
  for (const piece of pieces) {
    const { end, source, start } = piece
    const kind = isZeros(source) ? "zeros" : source.resident === undefined ? "read" : "resident"
    if (kind === "resident" || (kind === "zeros" && skipsZeros)) yield { start, end, piece, kind }
    else {
      const step = BigInt(Math.max(kind === "read" ? read : block, reach - 1))
      for (let at = start; at < end; at += step)
        yield { start: at, end: at + step < end ? at + step : end, piece, kind }
    }
  }
}

class Cutter {
  private readonly sizes: Sizes
  private readonly upcoming: Iterator<Stretch>
  /** Bytes by which blocks overlap. */
  private readonly overlap: number
  /** Stretches at least as long as this are looked at in place. */
  private readonly large: number
  /** Adjacent stretches, of which the first holds the next start. */
  private window: Array<Stretch> = []
  /** The stretch behind the window, adjacent to it or not. */
  private next: Stretch | undefined

  constructor(pieces: Iterable<Piece>, sizes: Sizes) {
    this.sizes = sizes
    this.overlap = sizes.reach - 1
    this.large = Math.max(sizes.gather, this.overlap)
    this.upcoming = stretchesOf(pieces, sizes)
    this.advance()
  }

  private advance(): void {
    const { done, value } = this.upcoming.next()
    this.next = done === true ? undefined : value
  }

  /** Takes stretches into the window until it reaches up to `end`; gives where it ends, if there is a hole before. */
  private extend(end: bigint): bigint {
    let last = this.window[this.window.length - 1]!
    while (last.end < end && this.next?.start === last.end) {
      last = this.next
      this.window.push(last)
      this.advance()
    }
    return last.end < end ? last.end : end
  }

  *all(): Generator<Block | Skipped> {
    while (this.next !== undefined) {
      this.window = [this.next]
      let at = this.next.start
      this.advance()
      while (this.window.length > 0) {
        const item = this.cut(at)
        yield item
        at += item._tag === "Skipped" ? item.size : BigInt(item.starts)
        this.extend(at + 1n)
        const first = this.window.findIndex(({ end }) => end > at)
        this.window.splice(0, first < 0 ? this.window.length : first)
      }
    }
  }

  /** The block from `at` on, which is in the first stretch of the window. */
  private cut(at: bigint): Block | Skipped {
    const { overlap, sizes, window } = this
    const first = window[0]!
    const isLast = this.extend(first.end + 1n) === first.end
    const left = first.end - at
    /** Starts whose matches lie in the first stretch. */
    const own = isLast ? left : left - BigInt(overlap)
    if (own > 0n && first.kind === "zeros" && sizes.skipsZeros) return { _tag: "Skipped", size: own }
    if (own > 0n && (isLast || left >= this.large)) {
      const starts = own < sizes.block || first.kind === "read" ? Number(own) : sizes.block
      const length = left < starts + overlap ? Number(left) : starts + overlap
      return { _tag: "Block", address: at, starts, length, stretches: [first] }
    }
    return this.gather(at)
  }

  /** One block of many short stretches, or of the end of a long one and the beginning of the next. */
  private gather(at: bigint): Block {
    const full = at + BigInt(2 * this.large)
    let stop = this.window[0]!.end
    for (let i = 1; stop < full; i++) {
      this.extend(stop + 1n)
      const next = this.window[i]
      if (next === undefined || next.end - next.start > this.large) break
      stop = next.end
    }
    // The zeros behind are about to be passed over: what reaches into them is looked at here, its last byte too.
    const behind = this.extend(stop + 1n) > stop ? this.window.find(({ start }) => start === stop) : undefined
    if (behind?.kind === "zeros" && this.sizes.skipsZeros) {
      const inside = stop + BigInt(this.overlap)
      stop = inside < behind.end ? inside : behind.end
    }
    const end = this.extend(stop + BigInt(this.overlap))
    const within = this.window.findIndex((stretch) => stretch.end >= end) + 1
    return {
      _tag: "Block",
      address: at,
      starts: Number(stop - at),
      length: Number(end - at),
      stretches: this.window.slice(0, within)
    }
  }
}

/** The blocks of `pieces`, which are ascending and disjoint. */
export const blocks = (pieces: Iterable<Piece>, sizes: Sizes): Generator<Block | Skipped> =>
  new Cutter(pieces, sizes).all()
