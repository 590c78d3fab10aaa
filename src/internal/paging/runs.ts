// What a walk has found: runs of pages, ascending, in flat arrays. A run that follows the last one in virtual and in
// physical addresses, with the same permissions, becomes part of it; so does one of the same page once more, which makes of
// a table whose entries all lead to one page a single run, and of a table of such tables too.
import { LEAF, NO_ACCESS, SWAPPED } from "./format.ts"

/** Kinds of runs besides those of entries. */
export const NO_TABLE = 7
export const UNWALKED = 8

/** A run of `pages` from `page` on. */
export interface Run {
  readonly page: number
  readonly pages: number
  /** Of pages: the first frame. Of swapped ones, the first offset. Of a missing table, its frame. */
  readonly frame: number
  /** Pages after which frames begin again at the first; a run that goes on through memory has `unit === pages`. */
  readonly unit: number
  readonly kind: number
  readonly allows: number
  readonly area: number
}

/** Numbers of a run. */
const WIDTH = 4

/** Whether frames count up along a run of this kind, stay the same, or mean nothing. */
const counts = (kind: number): boolean => kind === LEAF || kind === NO_ACCESS || kind === SWAPPED

export class Runs {
  length = 0
  private numbers: Float64Array
  private tags: Uint16Array
  /** Runs in front of this one stay as they are: a table that is walked has them as they were when it began. */
  barrier = 0
  /** Pages at which no run may go on: the middle of a split space. */
  readonly middle: number
  /** `room`: how many runs there is place for before more is made. */
  constructor(middle: number, room = 1024) {
    this.middle = middle
    this.numbers = new Float64Array(WIDTH * room)
    this.tags = new Uint16Array(room)
  }

  private grow(): void {
    const numbers = new Float64Array(this.numbers.length * 2)
    numbers.set(this.numbers)
    const tags = new Uint16Array(this.tags.length * 2)
    tags.set(this.tags)
    this.numbers = numbers
    this.tags = tags
  }

  at(index: number): Run {
    const at = index * WIDTH
    const tag = this.tags[index]!
    return {
      page: this.numbers[at]!,
      pages: this.numbers[at + 1]!,
      frame: this.numbers[at + 2]!,
      unit: this.numbers[at + 3]!,
      kind: tag & 15,
      allows: (tag >> 4) & 31,
      area: (tag >> 9) - 1
    }
  }

  /** Adds a run that lies behind all others; `tag` is made by {@link tagOf}. */
  push(page: number, pages: number, frame: number, unit: number, tag: number): void {
    const { numbers, tags } = this
    const last = this.length - 1
    if (last >= this.barrier && tags[last] === tag && page !== this.middle) {
      const at = last * WIDTH
      const before = numbers[at + 1]!
      if (numbers[at]! + before === page) {
        const lastUnit = numbers[at + 3]!
        const kind = tag & 15
        const isLine = lastUnit === before && unit === pages
        if (!counts(kind) ? numbers[at + 2] === frame : isLine && numbers[at + 2]! + before === frame) {
          numbers[at + 1] = before + pages
          numbers[at + 3] = before + pages
          return
        }
        // The same page again, or the same pages.
        if (kind !== SWAPPED && unit === lastUnit && numbers[at + 2] === frame) {
          numbers[at + 1] = before + pages
          return
        }
      }
    }
    if (this.length === this.tags.length) this.grow()
    const at = this.length * WIDTH
    this.numbers[at] = page
    this.numbers[at + 1] = pages
    this.numbers[at + 2] = frame
    this.numbers[at + 3] = unit
    this.tags[this.length++] = tag
  }

  values(index: number): readonly [page: number, pages: number, frame: number, unit: number, tag: number] {
    const [page, pages, frame, unit] = this.numbers.subarray(index * WIDTH, index * WIDTH + WIDTH)
    return [page!, pages!, frame!, unit!, this.tags[index]!]
  }

  /** Adds a run of `from`, `by` pages further up. */
  take(from: Runs, index: number, by: number): void {
    const at = index * WIDTH
    const { numbers } = from
    this.push(numbers[at]! + by, numbers[at + 1]!, numbers[at + 2]!, numbers[at + 3]!, from.tags[index]!)
  }

  /** Takes the last run away and adds it again, now that it may become part of the one before. */
  settle(): void {
    this.push(...this.values(--this.length))
  }
}

export const tagOf = (kind: number, allows: number, area = -1): number => kind | (allows << 4) | ((area + 1) << 9)
