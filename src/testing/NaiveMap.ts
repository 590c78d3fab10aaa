/**
 * The oracle: a memory map as a dictionary from address to byte. Slow, small, and obviously right.
 *
 * Test code that reads memory against it, or use it to state what your own maps should hold.
 *
 * @since 0.1.0
 */
import type { Address } from "../AddressRange.ts"
import type { OverlapPolicy } from "../MemoryMap.ts"

/**
 * Bytes at an address. `order` counts what was added, as in `Mapping`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layer {
  readonly order: number
  readonly start: Address
  readonly bytes: ReadonlyArray<number>
}

/**
 * A naive map: its layers from bottom to top.
 *
 * @category models
 * @since 0.1.0
 */
export interface NaiveMap {
  readonly layers: ReadonlyArray<Layer>
  readonly added: number
}

/**
 * A mapped byte, and the layer it comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cell {
  readonly byte: number
  readonly order: number
}

/**
 * The map without layers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: NaiveMap = { layers: [], added: 0 }

/**
 * Everything mapped: from the bottom up, each layer writes its bytes over what is there.
 *
 * **Example** (The later layer wins)
 *
 * ```ts
 * import { NaiveMap } from "effect-memory-map/testing"
 *
 * const map = NaiveMap.add(NaiveMap.add(NaiveMap.empty, [1, 1], 0n)!, [2], 1n)!
 * NaiveMap.cells(map).get(1n) // => { byte: 2, order: 1 }
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const cells = (self: NaiveMap): ReadonlyMap<Address, Cell> => {
  const all = new Map<Address, Cell>()
  for (const { bytes, order, start } of self.layers) {
    bytes.forEach((byte, i) => all.set(start + BigInt(i), { byte, order }))
  }
  return all
}

/**
 * Adds bytes, on top or at the bottom; `undefined` when the policy is not met.
 *
 * @category constructors
 * @since 0.1.0
 */
export const add = (
  self: NaiveMap,
  bytes: ReadonlyArray<number>,
  start: Address,
  overlap: OverlapPolicy = "over"
): NaiveMap | undefined => {
  const there = cells(self)
  const met = bytes.flatMap((byte, i) => {
    const cell = there.get(start + BigInt(i))
    return cell === undefined ? [] : [cell.byte === byte]
  })
  if (overlap === "reject" && met.length > 0) return undefined
  if (overlap === "equal" && met.includes(false)) return undefined
  const layer = { order: self.added, start, bytes }
  return {
    layers: overlap === "under" ? [layer, ...self.layers] : [...self.layers, layer],
    added: self.added + 1
  }
}

/**
 * Takes the layer with this order away.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remove = (self: NaiveMap, order: number): NaiveMap => ({
  ...self,
  layers: self.layers.filter((layer) => layer.order !== order)
})

/**
 * The bytes from `start` up to the first hole, `length` at most.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (self: NaiveMap, start: Address, length: number): Array<number> => {
  const there = cells(self)
  const bytes: Array<number> = []
  for (let at = start; bytes.length < length; at++) {
    const cell = there.get(at)
    if (cell === undefined) break
    bytes.push(cell.byte)
  }
  return bytes
}

/**
 * Every address at which `needle` stands, ascending, overlapping ones included.
 *
 * @category searching
 * @since 0.1.0
 */
export const findAll = (self: NaiveMap, needle: ReadonlyArray<number>): Array<Address> => {
  const there = cells(self)
  return [...there.keys()]
    .filter((start) => needle.every((byte, i) => there.get(start + BigInt(i))?.byte === byte))
    .sort((a, b) => (a < b ? -1 : 1))
}
