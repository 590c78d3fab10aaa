// What is visible of layers laid over each other, as the skyline is what is visible of houses: a tree of disjoint pieces.
// A layer of higher rank covers one of lower rank. A layer that shows in one piece from end to end stands in the tree
// itself, without a Piece around it: a map whose mappings never overlap takes no memory for pieces.
//
// Adding or removing one layer replaces the pieces that it touches, k of them, in O(k + log n). Many layers at once are
// swept from left to right with a heap, in O(n log n) (the skyline problem; de Berg et al., Computational Geometry, 3rd
// edition, section 2.1, for sweeping in general).
import { END } from "../base/numbers.ts"
import { ascending } from "../base/sort.ts"
import { atOnce, isRest, type Work } from "../base/turns.ts"
import { type Item, from, floor, overlapping, splice, type Tree, building as buildTree } from "./tree.ts"

/** Something with a place and a height. `order` says when it was added and differs from layer to layer. */
export interface Layer extends Item {
  readonly rank: number
}

/** The part `[start, end)` of a layer that is partly covered. */
export class Piece<L extends Layer> implements Item {
  readonly start: bigint
  readonly end: bigint
  readonly layer: L
  constructor(layer: L, start: bigint, end: bigint) {
    this.layer = layer
    this.start = start
    this.end = end
  }
  get order(): number {
    return this.layer.order
  }
}

export type Visible<L extends Layer> = L | Piece<L>

export type Skyline<L extends Layer> = Tree<Visible<L>>

// By what it has and not by class: maps of another copy of this package are read here, too.
export const layerOf = <L extends Layer>(item: Visible<L>): L => (item as Partial<Piece<L>>).layer ?? (item as L)

const part = <L extends Layer>(layer: L, start: bigint, end: bigint): Visible<L> =>
  start === layer.start && end === layer.end ? layer : new Piece(layer, start, end)

/** The piece that shows at `address`. */
export const at = <L extends Layer>(skyline: Skyline<L>, address: bigint): Visible<L> | undefined => {
  const item = floor(skyline, address)
  return item !== undefined && address < item.end ? item : undefined
}

/** The pieces that share a byte with `[start, end)`, ascending and whole; lazy. */
export function* within<L extends Layer>(skyline: Skyline<L>, start: bigint, end: bigint): Generator<Visible<L>> {
  if (start >= end) return
  const first = floor(skyline, start)
  for (const item of from(skyline, first === undefined ? start : first.start)) {
    if (item.start >= end) return
    if (item.end > start) yield item
  }
}

/** Lays `layer` over all that is there. */
export const over = <L extends Layer>(skyline: Skyline<L>, layer: L): Skyline<L> => {
  const before = floor(skyline, layer.start)
  const after = floor(skyline, layer.end - 1n)
  const items: Array<Visible<L>> = [layer]
  let low = layer.start
  if (before !== undefined && before.start < layer.start && before.end > layer.start) {
    items.unshift(part(layerOf(before), before.start, layer.start))
    low = before.start
  }
  if (after !== undefined && after.end > layer.end) items.push(part(layerOf(after), layer.end, after.end))
  return splice(skyline, low, layer.end - 1n, items)
}

/** Slips `layer` under all that is there: it shows in the holes only. */
export const under = <L extends Layer>(skyline: Skyline<L>, layer: L): Skyline<L> => {
  const items: Array<Visible<L>> = []
  let reached = layer.start
  for (const item of within(skyline, layer.start, layer.end)) {
    if (item.start > reached) items.push(part(layer, reached, item.start))
    items.push(item)
    reached = item.end
  }
  if (reached < layer.end) items.push(part(layer, reached, layer.end))
  return items.length === 0 ? skyline : splice(skyline, items[0]!.start, layer.end - 1n, items)
}

/** Takes `layer` away; where it showed, the highest of the `rest` (a tree of all the other layers) shows. */
export const without = <L extends Layer>(skyline: Skyline<L>, layer: L, rest: Tree<L>): Skyline<L> => {
  // The range is widened by one byte on both sides: a layer that showed beside the removed one and now shows in its
  // place too must become one piece again.
  const low = layer.start === 0n ? 0n : layer.start - 1n
  const items: Array<Visible<L>> = []
  const push = (next: Visible<L>): void => {
    const previous = items.at(-1)
    if (previous !== undefined && previous.end === next.start && layerOf(previous) === layerOf(next)) {
      items[items.length - 1] = part(layerOf(next), previous.start, next.end)
    } else items.push(next)
  }
  for (const item of within(skyline, low, layer.end + 1n)) {
    if (layerOf(item) !== layer) push(item)
    else {
      const shown: Array<Visible<L>> = []
      atOnce(sweep(overlapping(rest, item.start, item.end), item.start, item.end, shown))
      for (const piece of shown) push(piece)
    }
  }
  const first = floor(skyline, low)
  const start = first !== undefined && first.end > low ? first.start : low
  return splice(skyline, start, layer.end, items)
}

/** Builds the skyline of any number of layers, in one sweep. */
export function* building<L extends Layer>(layers: ReadonlyArray<L>): Work<Skyline<L>> {
  const shown: Array<Visible<L>> = []
  yield* sweep(yield* ascending(layers, byStart), 0n, END, shown)
  return yield* buildTree(shown)
}

export const fromLayers = <L extends Layer>(layers: ReadonlyArray<L>): Skyline<L> => atOnce(building(layers))

const byStart = (layer: Layer): bigint => layer.start

/**
 * One pass from left to right over layers, ascending by start, keeping those that reach the current address in a heap with
 * the highest rank on top. Adds what shows to `out`, ascending, each piece as long as it can be, clipped to `[low, high)`.
 */
function* sweep<L extends Layer>(
  waiting: ReadonlyArray<L>,
  low: bigint,
  high: bigint,
  out: Array<Visible<L>>
): Work<void> {
  const heap: Array<L> = []
  let next = 0
  let steps = 0
  let reached = low
  let shown: L | undefined
  let shownFrom = low
  while (reached < high) {
    while (next < waiting.length && waiting[next]!.start <= reached) {
      raise(heap, waiting[next++]!)
      if (isRest(steps++)) yield
    }
    while (heap.length > 0 && heap[0]!.end <= reached) {
      drop(heap)
      if (isRest(steps++)) yield
    }
    const top = heap[0]
    if (top !== shown) {
      if (shown !== undefined) out.push(part(shown, shownFrom, reached))
      shown = top
      shownFrom = reached
    }
    const following = waiting[next]?.start
    if (top === undefined && following === undefined) return
    const stop = top === undefined || (following !== undefined && following < top.end) ? following! : top.end
    reached = stop < high ? stop : high
  }
  if (shown !== undefined) out.push(part(shown, shownFrom, high))
}

const raise = <L extends Layer>(heap: Array<L>, layer: L): void => {
  let index = heap.push(layer) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (heap[parent]!.rank >= layer.rank) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = layer
}

const drop = <L extends Layer>(heap: Array<L>): void => {
  const layer = heap.pop()!
  if (heap.length === 0) return
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1]!.rank > heap[child]!.rank) child++
    if (heap[child]!.rank <= layer.rank) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = layer
}
