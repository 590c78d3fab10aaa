// What the searchers fill in and agree on.

/** Matches found so far, ascending by offset. `which` is the number of the leaf that matched. */
export class Hits {
  readonly offsets: Array<number> = []
  readonly which: Array<number> = []
  readonly lengths: Array<number> = []
  readonly limit: number
  /** When false, lengths that take time to find may be left 0. */
  readonly wantLengths: boolean
  constructor(limit: number, wantLengths: boolean) {
    this.limit = limit
    this.wantLengths = wantLengths
  }
  get full(): boolean {
    return this.offsets.length >= this.limit
  }
  push(offset: number, which: number, length: number): void {
    this.offsets.push(offset)
    this.which.push(which)
    this.lengths.push(length)
  }
}

/**
 * A way to find one needle: looks at the starts `from` to `to` (not included) and gives the first start that is not
 * decided, `to` when all are. Stops early when `out` holds `limit` offsets, or when the way turns out to be a bad one
 * for these bytes. Every match lies inside `bytes`: the caller sees to it that `to` is at most the last start that
 * leaves room for the needle, plus one.
 */
export type NeedleSearcher = (bytes: Uint8Array, from: number, to: number, out: Array<number>, limit: number) => number

/** Something that can be looked for in a block. */
export interface Searcher {
  /** Bytes a match has at most, so that blocks overlap by one less. */
  readonly reach: number
  /** Bytes to give to one call, so that it takes a few milliseconds at most. */
  readonly step: number
  /**
   * Looks at the starts `from` to `to`, for matches inside `bytes`. Gives the first start not decided: less than `to` when
   * there is much to find, but always more than `from`. `phase` is the address of `bytes[0]`, modulo the alignment.
   */
  readonly search: (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits) => number
}
