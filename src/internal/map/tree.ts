// A persistent B+-tree of ranges (Comer, The Ubiquitous B-Tree, ACM Computing Surveys 11, 1979), ordered by start address
// and then by order of adding. A change copies the nodes on the way from the root to the changed leaf and shares all
// others (path copying; Okasaki, Purely Functional Data Structures, section 2.2), so that an old root stays valid. A
// look-up and a change cost O(log n); a change copies about 2 * WIDTH numbers on each of the 3 to 4 levels that a
// million items need.
//
// Keys are start addresses rounded to doubles, in an array of their own. Comparing two doubles is many times faster than
// comparing two bigints and decides nearly every step of a look-up; only where two doubles are equal, which happens from
// 2^53 on, are the exact bigints compared. Rounding keeps the order, so the doubles never contradict the bigints.
import { atOnce, type Work } from "../base/turns.ts"

/** What the tree holds: a non-empty range `[start, end)`; `order` tells items with one start apart. */
export interface Item {
  readonly start: bigint
  readonly end: bigint
  readonly order: number
}

/**
 * A leaf has `items`, an inner node `children`. `keys[i]` is the rounded start of the i-th, `ends[i]` the largest
 * rounded end in it. Nodes hold these numbers so that neither a search nor a change has to look at the items
 * themselves, each of which would miss the cache.
 */
export class Node<T extends Item> {
  readonly keys: ReadonlyArray<number>
  readonly ends: ReadonlyArray<number>
  readonly items: ReadonlyArray<T>
  readonly children: ReadonlyArray<Node<T>>
  readonly first: T
  constructor(
    keys: ReadonlyArray<number>,
    ends: ReadonlyArray<number>,
    items: ReadonlyArray<T>,
    children: ReadonlyArray<Node<T>>
  ) {
    this.keys = keys
    this.ends = ends
    this.items = items
    this.children = children
    this.first = items.length > 0 ? items[0]! : children[0]!.first
  }
}

/** `undefined` is the empty tree. */
export type Tree<T extends Item> = Node<T> | undefined

/**
 * Most entries of a node. A larger number makes the tree lower and each change copy more; a smaller one the reverse.
 * Splices merge neighbours that fit in half a node together: so the height stays O(log n) when items are removed.
 */
const WIDTH = 32

/** Entries of a node that is built in bulk: fewer than WIDTH, so that items added later seldom cut it in two. */
const ROOMY = 24

const none: ReadonlyArray<never> = []

const largest = (numbers: ReadonlyArray<number>): number => {
  let max = 0
  for (const number of numbers) if (number > max) max = number
  return max
}

/**
 * Like `Array.prototype.map`, which allocates an array of the length first: V8 marks such an array as one that may have
 * holes for ever, and spreading or splicing it is many times slower than with one that was filled by `push`.
 */
const numbers = <A>(list: ReadonlyArray<A>, f: (element: A) => number): Array<number> => {
  const result: Array<number> = []
  for (const element of list) result.push(f(element))
  return result
}

const leaf = <T extends Item>(items: ReadonlyArray<T>): Node<T> =>
  new Node(numbers(items, startKey), numbers(items, endKey), items, none)

const inner = <T extends Item>(children: ReadonlyArray<Node<T>>): Node<T> =>
  new Node(numbers(children, firstKey), numbers(children, lastEnd), none, children)

const startKey = (item: Item): number => Number(item.start)
const endKey = (item: Item): number => Number(item.end)
const firstKey = (node: { readonly keys: ReadonlyArray<number> }): number => node.keys[0]!
const lastEnd = (node: { readonly ends: ReadonlyArray<number> }): number => largest(node.ends)

const slice = <T extends Item>({ children, ends, items, keys }: Node<T>, start: number, end: number): Node<T> =>
  new Node(
    keys.slice(start, end),
    ends.slice(start, end),
    items.length === 0 ? none : items.slice(start, end),
    children.length === 0 ? none : children.slice(start, end)
  )

/** Cuts a node into ones of at most WIDTH: evenly, or, when the change was at the far end, `full` ones first. */
const cut = <T extends Item>(node: Node<T>, appended: boolean, full = WIDTH): Array<Node<T>> => {
  const width = node.keys.length
  if (width <= WIDTH) return [node]
  const step = appended ? full : Math.ceil(width / Math.ceil(width / WIDTH))
  const nodes: Array<Node<T>> = []
  for (let i = 0; i < width; i += step) nodes.push(slice(node, i, i + step))
  return nodes
}

/** `list` with `middle` in place of what stands at `[start, end)`. */
const replaced = <A>(list: ReadonlyArray<A>, start: number, end: number, middle: ReadonlyArray<A>): ReadonlyArray<A> =>
  // toSpliced is by far the fastest, but takes its new elements as arguments, on the stack: not for many.
  middle.length <= WIDTH
    ? list.toSpliced(start, end - start, ...middle)
    : list.slice(0, start).concat(middle, list.slice(end))

/**
 * `node` with its i-th child changed. Where the first start and the largest end of the child stay what they were, which
 * is the common case, the arrays of keys and ends are shared with the old node.
 */
const withChild = <T extends Item>(node: Node<T>, i: number, child: Node<T>): Node<T> => {
  const key = child.keys[0]!
  const end = lastEnd(child)
  return new Node(
    node.keys[i] === key ? node.keys : node.keys.with(i, key),
    node.ends[i] === end ? node.ends : node.ends.with(i, end),
    none,
    node.children.with(i, child)
  )
}

/** `node` with the entries of `middle` in place of those at `[start, end)`; `undefined` when nothing is left. */
const spliced = <T extends Item>(
  node: Node<T>,
  start: number,
  end: number,
  middle: Node<T> | undefined
): Node<T> | undefined => {
  if (middle === undefined) {
    if (start === 0 && end === node.keys.length) return undefined
    return start === end
      ? node
      : new Node(
          node.keys.toSpliced(start, end - start),
          node.ends.toSpliced(start, end - start),
          node.items.length === 0 ? none : node.items.toSpliced(start, end - start),
          node.children.length === 0 ? none : node.children.toSpliced(start, end - start)
        )
  }
  return new Node(
    replaced(node.keys, start, end, middle.keys),
    replaced(node.ends, start, end, middle.ends),
    node.items.length === 0 ? none : replaced(node.items, start, end, middle.items),
    node.children.length === 0 ? none : replaced(node.children, start, end, middle.children)
  )
}

/** How many entries of `node` have a key up to and including (`address`, `order`). */
const countUpTo = <T extends Item>(node: Node<T>, key: number, address: bigint, order: number): number => {
  const { children, items, keys } = node
  const isLeaf = children.length === 0
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    const probe = keys[middle]!
    let after = probe > key
    if (probe === key) {
      const item = isLeaf ? items[middle]! : children[middle]!.first
      after = item.start > address || (item.start === address && item.order > order)
    }
    if (after) high = middle
    else low = middle + 1
  }
  return low
}

/** The last item that starts at or before `address`. */
export const floor = <T extends Item>(root: Tree<T>, address: bigint): T | undefined => {
  if (root === undefined) return undefined
  const key = Number(address)
  let node = root
  for (;;) {
    const index = countUpTo(node, key, address, Infinity) - 1
    if (index < 0) return undefined
    if (node.children.length === 0) return node.items[index]
    node = node.children[index]!
  }
}

/** Whether this very item is in the tree. */
export const has = <T extends Item>(root: Tree<T>, item: T): boolean => {
  const key = Number(item.start)
  let node = root
  while (node !== undefined) {
    const index = countUpTo(node, key, item.start, item.order) - 1
    if (node.children.length === 0) return node.items[index] === item
    node = node.children[index]
  }
  return false
}

/** The first item that starts at or after `address`. */
export const ceiling = <T extends Item>(root: Tree<T>, address: bigint): T | undefined => {
  const { done, value } = from(root, address).next()
  return done === true ? undefined : value
}

/** The item that starts last. */
export const last = <T extends Item>(root: Tree<T>): T | undefined => {
  let node = root
  while (node !== undefined && node.children.length > 0) node = node.children.at(-1)
  return node?.items.at(-1)
}

/** Every item that starts at or after `address`, ascending. */
export function* from<T extends Item>(root: Tree<T>, address: bigint): Generator<T> {
  if (root === undefined) return
  const key = Number(address)
  for (const node of leavesFrom(root, key, address)) {
    const items = node.items
    for (let i = countUpTo(node, key, address, -Infinity); i < items.length; i++) yield items[i]!
  }
}

function* leavesFrom<T extends Item>(node: Node<T>, key: number, address: bigint): Generator<Node<T>> {
  if (node.children.length === 0) return yield node
  const start = Math.max(0, countUpTo(node, key, address, -Infinity) - 1)
  for (let i = start; i < node.children.length; i++) yield* leavesFrom(node.children[i]!, key, address)
}

/** Every item that shares a byte with `[start, end)`, ascending by start; right for items that overlap each other too. */
export const overlapping = <T extends Item>(root: Tree<T>, start: bigint, end: bigint): Array<T> => {
  const found: Array<T> = []
  const low = Number(start)
  const high = Number(end)
  const visit = ({ children, ends, items, keys }: Node<T>): void => {
    for (let i = 0; i < keys.length && keys[i]! <= high; i++) {
      // Rounding keeps order, so a rounded bound that is strictly too small is truly too small.
      if (ends[i]! < low) continue
      if (children.length > 0) visit(children[i]!)
      else {
        const item = items[i]!
        if (item.start < end && item.end > start) found.push(item)
      }
    }
  }
  if (root !== undefined) visit(root)
  return found
}

/** A place between items: a start address, exact and rounded, and an order among equal starts. */
interface Key {
  readonly rounded: number
  readonly address: bigint
  readonly order: number
}

/**
 * Puts the entries of `insertion`, a leaf of any width, in place of all items whose key lies in `[low, high]`; the
 * answer is the nodes that stand in for `node`.
 */
const spliceNode = <T extends Item>(
  node: Node<T>,
  low: Key,
  high: Key,
  insertion: Node<T> | undefined
): ReadonlyArray<Node<T>> => {
  const isLeaf = node.children.length === 0
  const width = node.keys.length
  let start = countUpTo(node, low.rounded, low.address, low.order)
  let end = Math.max(start, countUpTo(node, high.rounded, high.address, high.order))
  if (isLeaf) {
    const changed = spliced(node, start, end, insertion)
    return changed === undefined ? none : cut(changed, end === width && insertion !== undefined)
  }
  start = Math.max(0, start - 1)
  end = Math.max(start, end - 1)
  const first = node.children[start]!
  const head = spliceNode(first, low, high, insertion)
  // Neighbours are looked at only when a child became small: they are seldom in the processor's cache.
  const isSettled = start === end && head.length > 0 && head.every((one) => isAmple(one, first))
  if (isSettled && head.length === 1) return [withChild(node, start, head[0]!)]
  if (isSettled) return cut(spliced(node, start, start + 1, inner(head))!, end === width - 1)
  const tail = end > start ? spliceNode(node.children[end]!, low, high, undefined) : none
  const before = Math.max(0, start - 1)
  const after = Math.min(width, end + 2)
  const settled = settle([
    ...node.children.slice(before, start),
    ...head,
    ...tail,
    ...node.children.slice(end + 1, after)
  ])
  const changed = spliced(node, before, after, settled.length === 0 ? undefined : inner(settled))
  return changed === undefined ? none : cut(changed, end === width - 1)
}

const isAmple = <T extends Item>(node: Node<T>, before: Node<T>): boolean =>
  node.keys.length >= Math.min(WIDTH / 2, before.keys.length)

/** Merges neighbours that fit in half a node together. */
const settle = <T extends Item>(nodes: ReadonlyArray<Node<T>>): Array<Node<T>> => {
  const settled: Array<Node<T>> = []
  for (const node of nodes) {
    const previous = settled.at(-1)
    const width = previous?.keys.length ?? 0
    if (previous === undefined || width + node.keys.length > WIDTH / 2) settled.push(node)
    else settled[settled.length - 1] = spliced(previous, width, width, node)!
  }
  return settled
}

const grow = <T extends Item>(level: ReadonlyArray<Node<T>>): Tree<T> => {
  let nodes = level
  while (nodes.length > 1) nodes = cut(inner(nodes), true, ROOMY)
  return nodes[0]
}

const spliceKeys = <T extends Item>(root: Tree<T>, low: Key, high: Key, items: ReadonlyArray<T>): Tree<T> => {
  if (root === undefined) return fromSorted(items)
  let tree = grow(spliceNode(root, low, high, items.length === 0 ? undefined : leaf(items)))
  while (tree !== undefined && tree.children.length === 1) tree = tree.children[0]
  return tree
}

/** Puts `items`, ascending, in place of all that start in `[low, high]`; they must start there themselves. */
export const splice = <T extends Item>(root: Tree<T>, low: bigint, high: bigint, items: ReadonlyArray<T>): Tree<T> =>
  spliceKeys(
    root,
    { rounded: Number(low), address: low, order: -Infinity },
    { rounded: Number(high), address: high, order: Infinity },
    items
  )

/** Adds one item, leaving all others, also ones with the same start. */
export const insert = <T extends Item>(root: Tree<T>, item: T): Tree<T> => {
  const key: Key = { rounded: Number(item.start), address: item.start, order: item.order }
  return spliceKeys(root, key, key, [item])
}

/** Takes the item with this start and order away. */
export const remove = <T extends Item>(root: Tree<T>, item: T): Tree<T> => {
  const rounded = Number(item.start)
  const low: Key = { rounded, address: item.start, order: item.order - 0.5 }
  return spliceKeys(root, low, { rounded, address: item.start, order: item.order }, none)
}

/** Leaves built between two rests. */
const LEAVES = 32

/** Builds a tree of items that are ascending already. */
export function* building<T extends Item>(items: ReadonlyArray<T>): Work<Tree<T>> {
  if (items.length === 0) return undefined
  if (items.length <= WIDTH) return leaf(items)
  const leaves: Array<Node<T>> = []
  for (let i = 0; i < items.length; i += ROOMY) {
    leaves.push(leaf(items.slice(i, i + ROOMY)))
    if (leaves.length % LEAVES === 0) yield
  }
  return grow(leaves)
}

export const fromSorted = <T extends Item>(items: ReadonlyArray<T>): Tree<T> => atOnce(building(items))
