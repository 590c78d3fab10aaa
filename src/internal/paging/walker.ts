// The walk through all tables below a root, for every format: depth first, so that addresses ascend. A table that has been
// walked is laid once more where it is met again, without a look at its entries: tables that many share (the shadow of a
// sanitizer: 2^32 pages through one table), tables that name themselves and forged ones cost what they hold, not what they
// span. No recursion, and no step without a bound: levels only go down, tables and runs are counted.
import {
  ALL,
  Entry,
  FRAME,
  type Format,
  INVALID,
  LEAF,
  NOTHING,
  pagesOf,
  spaceOf,
  TABLE,
  userPagesOf
} from "./format.ts"
import { NO_TABLE, Runs, tagOf, UNWALKED } from "./runs.ts"

export interface Budget {
  /** Tables that are read. */
  readonly tables: number
  /** Ranges that the space is made of. */
  readonly runs: number
}

/** What a table turned out to hold: its runs stand in the list of all, or, one alone, here. */
interface Known {
  readonly page: number
  readonly leaves: number
  readonly first: number
  readonly count: number
  readonly only: readonly [page: number, pages: number, frame: number, unit: number, tag: number] | undefined
}

interface Table {
  readonly entries: DataView
  readonly bytes: Uint8Array
  /** Address of the table, and its number for `known`; 0 where it is not to be kept. */
  address: bigint
  key: number
  page: number
  allows: number
  index: number
  end: number
  /** Where its runs begin, and the barrier and the leaves before it. */
  first: number
  barrier: number
  leaves: number
}

/** Entries that are looked at between two looks at the clock. */
const ENTRIES = 1 << 14

export class Walker {
  readonly runs: Runs
  tables = 0
  leaves = 0
  /** Where the walk was cut, and by which of the bounds. */
  cut: { readonly page: number; readonly by: keyof Budget } | undefined
  private readonly format: Format
  private readonly budget: Budget
  /** The pages to walk. */
  private readonly from: number
  private readonly to: number
  private readonly known = new Map<number, Known>()
  private readonly stack: Array<Table>
  private depth = 0
  private readonly entry = new Entry()
  /** Pages that an entry of each level leads to, and those that programs use. */
  private readonly pages: ReadonlyArray<number>
  private readonly userPages: number

  constructor(format: Format, root: bigint, from: number, to: number, budget: Budget) {
    this.format = format
    this.budget = budget
    this.from = from
    this.to = to
    this.pages = format.levels.map(pagesOf)
    this.userPages = userPagesOf(format)
    this.runs = new Runs(format.half === "split" ? spaceOf(format) / 2 : -1)
    this.stack = format.levels.map(({ bits }) => {
      const bytes = new Uint8Array(format.entryBytes << bits)
      const zero = { address: 0n, key: 0, page: 0, allows: ALL, index: 0, end: 0, first: 0, barrier: 0, leaves: 0 }
      return { ...zero, bytes, entries: new DataView(bytes.buffer) }
    })
    this.open(0, root, 0, 0, ALL)
  }

  /** The table whose bytes are wanted, as many as `bytes` has room for. */
  get wanted(): { readonly address: bigint; readonly bytes: Uint8Array } {
    const { address, bytes } = this.stack[this.depth]!
    return { address, bytes }
  }

  private open(depth: number, address: bigint, key: number, page: number, allows: number): void {
    const table = this.stack[depth]!
    const each = this.pages[depth]!
    const width = 2 ** this.format.levels[depth]!.bits
    this.depth = depth
    table.address = address
    table.key = key
    table.page = page
    table.allows = allows
    table.index = Math.max(0, Math.floor((this.from - page) / each))
    table.end = Math.min(width, Math.ceil((this.to - page) / each))
    table.first = this.runs.length
    table.barrier = this.runs.barrier
    table.leaves = this.leaves
    this.runs.barrier = table.first
    this.tables++
  }

  /** The wanted table is not in the image. The root has to be. */
  miss(): void {
    const { address, barrier, page } = this.stack[this.depth]!
    const pages = this.pages[this.depth - 1]!
    this.runs.barrier = barrier
    this.tables--
    this.depth--
    this.runs.push(page, pages, Number(address / FRAME), pages, tagOf(NO_TABLE, 0))
  }

  /** Goes on; true when another table is wanted, false when the walk is over, `undefined` after a while. */
  go(): boolean | undefined {
    const { entry, format } = this
    const wide = format.entryBytes === 8
    for (let left = ENTRIES; left > 0; left--) {
      const { depth } = this
      const table = this.stack[depth]!
      if (table.index >= table.end) {
        this.close(table)
        if (this.depth < 0) return false
        continue
      }
      const index = table.index++
      const low = table.entries.getUint32(index * format.entryBytes, true)
      const high = wide ? table.entries.getUint32(index * 8 + 4, true) : 0
      if (low === 0 && high === 0) continue
      const each = this.pages[depth]!
      const page = table.page + index * each
      const user = page < this.userPages
      format.decode(entry, low, high, depth, index, user)
      const { frame, kind } = entry
      if (kind === NOTHING) continue
      if (this.runs.length >= this.budget.runs) return this.stop(page, "runs")
      if (kind === TABLE) {
        const next = this.enter(frame, page, page + each, table.allows & entry.allows, user)
        if (next !== undefined) return next
      } else this.add(page, each, kind, frame, table.allows & entry.allows)
    }
    return undefined
  }

  private add(page: number, pages: number, kind: number, frame: number, allows: number): void {
    const isLeaf = kind === LEAF
    if (isLeaf) this.leaves++
    const shown = isLeaf ? this.format.effective(allows) : 0
    this.runs.push(page, pages, kind === INVALID ? 0 : frame, pages, tagOf(kind, shown, this.entry.area))
  }

  /** Lays a table that is known, or opens it: then its bytes are wanted. False when there is no room for it. */
  private enter(frame: number, page: number, end: number, allows: number, user: boolean): boolean | undefined {
    const depth = this.depth + 1
    const isWhole = page >= this.from && end <= this.to
    const key = isWhole ? ((frame * 8 + depth) * 32 + allows) * 2 + (user ? 1 : 0) : 0
    const known = this.known.get(key)
    if (isWhole && known !== undefined) {
      if (this.runs.length + known.count > this.budget.runs) return this.stop(page, "runs")
      this.lay(known, page - known.page)
      return undefined
    }
    if (this.tables >= this.budget.tables) return this.stop(page, "tables")
    this.open(depth, BigInt(frame) * FRAME, key, page, allows)
    return true
  }

  private lay({ count, first, leaves, only }: Known, by: number): void {
    this.leaves += leaves
    if (only !== undefined) {
      const [page, pages, frame, unit, tag] = only
      this.runs.push(page + by, pages, frame, unit, tag)
    } else for (let i = 0; i < count; i++) this.runs.take(this.runs, first + i, by)
  }

  private close({ barrier, first, key, leaves, page }: Table): void {
    const count = this.runs.length - first
    this.runs.barrier = barrier
    const only = count === 1 ? this.runs.values(first) : undefined
    if (key !== 0) this.known.set(key, { page, leaves: this.leaves - leaves, first, count, only })
    if (count === 1) this.runs.settle()
    this.depth--
  }

  private stop(page: number, by: keyof Budget): false {
    this.cut = { page, by }
    this.runs.barrier = this.runs.length
    if (page < this.to) this.runs.push(page, this.to - page, 0, this.to - page, tagOf(UNWALKED, 0))
    return false
  }
}
