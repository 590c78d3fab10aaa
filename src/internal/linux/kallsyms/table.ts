// Symbols by name and by address.
import * as Inspectable from "effect/Inspectable"

export interface Entry {
  readonly name: string
  readonly address: bigint
  readonly kind: string
  readonly module: string | undefined
}

const LOW = 0xffff_ffffn

/**
 * Parallel arrays in ascending order of addresses: a hundred thousand objects would take ten times the memory. Addresses
 * are kept in two halves, because comparing bigints costs more than all the rest of a look-up.
 */
export class SymbolTable extends Inspectable.Class implements Iterable<Entry> {
  private readonly names: ReadonlyArray<string>
  private readonly kinds: ReadonlyArray<string>
  private readonly modules: ReadonlyArray<string | undefined>
  private readonly high: Uint32Array
  private readonly low: Uint32Array
  private byName: Map<string, number | Array<number>> | undefined = undefined

  constructor(entries: ReadonlyArray<Entry>) {
    super()
    const keys = Float64Array.from(entries, ({ address }) => Number(address))
    const compare = (a: number, b: number): number => {
      if (keys[a] !== keys[b]) return keys[a]! - keys[b]!
      const [first, second] = [entries[a]!.address, entries[b]!.address]
      return first < second ? -1 : first > second ? 1 : a - b
    }
    const order = Uint32Array.from(entries, (_, i) => i)
    for (let i = 1; i < order.length; i++) {
      if (compare(i - 1, i) < 0) continue
      order.sort(compare)
      break
    }
    const sorted = Array.from(order, (index) => entries[index]!)
    this.names = sorted.map(({ name }) => name)
    this.kinds = sorted.map(({ kind }) => kind)
    this.modules = sorted.map(({ module }) => module)
    this.high = Uint32Array.from(sorted, ({ address }) => Number(address >> 32n))
    this.low = Uint32Array.from(sorted, ({ address }) => Number(address & LOW))
  }

  toJSON(): unknown {
    return { _id: "Symbols", size: this.size }
  }
  get size(): number {
    return this.names.length
  }
  at(index: number): Entry {
    return {
      name: this.names[index]!,
      address: (BigInt(this.high[index]!) << 32n) | BigInt(this.low[index]!),
      kind: this.kinds[index]!,
      module: this.modules[index]
    }
  }
  *[Symbol.iterator](): Iterator<Entry> {
    for (let i = 0; i < this.size; i++) yield this.at(i)
  }

  /** All that have the name, by ascending addresses. */
  named(name: string): ReadonlyArray<Entry> {
    if (this.byName === undefined) {
      this.byName = new Map()
      for (let i = 0; i < this.size; i++) {
        const key = this.names[i]!
        const known = this.byName.get(key)
        if (known === undefined) this.byName.set(key, i)
        else if (typeof known === "number") this.byName.set(key, [known, i])
        else known.push(i)
      }
    }
    const found = this.byName.get(name)
    if (found === undefined) return []
    return (typeof found === "number" ? [found] : found).map((index) => this.at(index))
  }

  /** The address of the first that has the name. */
  address(name: string): bigint | undefined {
    return this.named(name)[0]?.address
  }

  /** Index of the last symbol at or before the address, the first of those at one place; -1 when there is none. */
  before(address: bigint): number {
    const [high, low] = [Number(address >> 32n), Number(address & LOW)]
    let from = 0
    let to = this.size
    while (from < to) {
      const middle = (from + to) >>> 1
      const above = this.high[middle]!
      if (above < high || (above === high && this.low[middle]! <= low)) from = middle + 1
      else to = middle
    }
    let index = from - 1
    while (index > 0 && this.high[index - 1] === this.high[index] && this.low[index - 1] === this.low[index]) index--
    return index
  }

  /** The same and more. */
  with(entries: ReadonlyArray<Entry>): SymbolTable {
    return entries.length === 0 ? this : new SymbolTable([...this, ...entries])
  }
}
