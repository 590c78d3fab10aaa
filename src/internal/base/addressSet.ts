// A set of addresses: a hash table with open addressing and linear probing (Knuth, The Art of Computer Programming, 6.4), of two
// 32-bit halves each. A Set of bigints takes three times as long and holds at most 2^24.
const word = new BigUint64Array(1)
const halves = new Uint32Array(word.buffer)

/** Slots at first, a power of two. */
const FIRST = 64

export class AddressSet {
  /** Pairs of halves; both zero: free. Address 0 is counted apart. */
  private table = new Uint32Array(2 * FIRST)
  private hasZero = false
  size = 0

  /** Adds the address; false if it was there. It must be below 2^64. */
  add(address: bigint): boolean {
    word[0] = address
    const [low, high] = [halves[0]!, halves[1]!]
    if (low === 0 && high === 0) {
      if (this.hasZero) return false
      this.hasZero = true
      this.size++
      return true
    }
    if (!this.put(low, high)) return false
    this.size++
    // At most half of the slots are taken, so that probing stays short.
    if (4 * this.size > this.table.length) this.grow()
    return true
  }

  private put(low: number, high: number): boolean {
    const { table } = this
    const mask = table.length - 2
    // The low bits of addresses of records are alike; multiplying by an odd number near 2^32 / phi spreads them.
    const hash = Math.imul(low ^ Math.imul(high, 0x85eb_ca6b), 0x9e37_79b1)
    let slot = ((hash ^ (hash >>> 15)) << 1) & mask
    for (;;) {
      const [taken, above] = [table[slot]!, table[slot + 1]!]
      if (taken === low && above === high) return false
      if (taken === 0 && above === 0) {
        table[slot] = low
        table[slot + 1] = high
        return true
      }
      slot = (slot + 2) & mask
    }
  }

  private grow(): void {
    const old = this.table
    this.table = new Uint32Array(2 * old.length)
    for (let i = 0; i < old.length; i += 2) {
      const [low, high] = [old[i]!, old[i + 1]!]
      if (low !== 0 || high !== 0) this.put(low, high)
    }
  }
}
