// A persistent B+-tree of ranges, ordered by start address and then by order of adding. Every change copies one path and
// shares the rest, so an old root stays valid for ever.
//
// Keys are start addresses rounded to doubles, in their own array: comparing doubles decides nearly every step of a
// search, and the exact bigints are looked at only when two doubles are equal.

/** What the tree holds: a non-empty range `[start, end)`; `order` tells items with one start apart. */
export interface Item {
  readonly start: bigint
  readonly end: bigint
  readonly order: number
}

/**
 * A leaf has `items`, an inner node `children`; `keys[i]` is the rounded start of the i-th. `maxEnd` is the largest
 * rounded end below, or more: it is not lowered by every change.
 */
export class Node<T extends Item> {
  readonly keys: ReadonlyArray<number>
  readonly items: ReadonlyArray<T>
  readonly children: ReadonlyArray<Node<T>>
  readonly first: T
  readonly maxEnd: number
  constructor(
    keys: ReadonlyArray<number>,
    items: ReadonlyArray<T>,
    children: ReadonlyArray<Node<T>>,
    first: T,
    maxEnd: number
  ) {
    this.keys = keys
    this.items = items
    this.children = children
    this.first = first
    this.maxEnd = maxEnd
  }
}

/** `undefined` is the empty tree. */
export type Tree<T extends Item> = Node<T> | undefined

/** Most entries of a node. Splices merge neighbours that fit in half a node together, which bounds the height. */
const WIDTH = 32

const none: ReadonlyArray<never> = []

const leaf = <T extends Item>(items: ReadonlyArray<T>, keys: ReadonlyArray<number>): Node<T> =>
  new Node(keys, items, none, items[0]!, furthestEnd(items))

const inner = <T extends Item>(children: ReadonlyArray<Node<T>>, keys: ReadonlyArray<number>): Node<T> => {
  let maxEnd = 0
  for (const child of children) maxEnd = Math.max(maxEnd, child.maxEnd)
  return new Node(keys, none, children, children[0]!.first, maxEnd)
}

const furthestEnd = (items: ReadonlyArray<Item>): number => {
  let end = 0
  for (const item of items) end = Math.max(end, Number(item.end))
  return end
}

const startKey = (item: Item): number => Number(item.start)
const firstKey = (node: { readonly keys: ReadonlyArray<number> }): number => node.keys[0]!

/** Cuts entries into nodes of at most WIDTH: evenly, or, when the change was at the far end, full ones first. */
const pack = <E, N>(
  entries: ReadonlyArray<E>,
  keys: ReadonlyArray<number>,
  make: (entries: ReadonlyArray<E>, keys: ReadonlyArray<number>) => N,
  appended: boolean
): Array<N> => {
  if (entries.length === 0) return []
  if (entries.length <= WIDTH) return [make(entries, keys)]
  const step = appended ? WIDTH : Math.ceil(entries.length / Math.ceil(entries.length / WIDTH))
  const nodes: Array<N> = []
  for (let i = 0; i < entries.length; i += step) nodes.push(make(entries.slice(i, i + step), keys.slice(i, i + step)))
  return nodes
}

/** `list` with `middle` in place of what stands at `[start, end)`. */
const replaced = <A>(list: ReadonlyArray<A>, start: number, end: number, middle: ReadonlyArray<A>): Array<A> =>
  list.slice(0, start).concat(middle, list.slice(end))

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
  const visit = (node: Node<T>): void => {
    // Rounding keeps order, so a rounded bound that is strictly too small is truly too small.
    if (node.maxEnd < low) return
    for (let i = 0; i < node.keys.length && node.keys[i]! <= high; i++) {
      if (node.children.length > 0) visit(node.children[i]!)
      else {
        const item = node.items[i]!
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

/** What a splice puts in: items, their keys, and the furthest rounded end among them. */
interface Insertion<T extends Item> {
  readonly items: ReadonlyArray<T>
  readonly keys: ReadonlyArray<number>
  readonly maxEnd: number
}

const nothing: Insertion<never> = { items: none, keys: none, maxEnd: 0 }

/**
 * Puts the insertion in place of all items whose key lies in `[low, high]`; the answer is the nodes that stand in for
 * `node`. Keys are copied, never taken from the items anew: touching every item of a node would miss the cache.
 */
const spliceNode = <T extends Item>(node: Node<T>, low: Key, high: Key, insertion: Insertion<T>): Array<Node<T>> => {
  const isLeaf = node.children.length === 0
  let start = countUpTo(node, low.rounded, low.address, low.order)
  let end = Math.max(start, countUpTo(node, high.rounded, high.address, high.order))
  if (isLeaf) {
    const items = replaced(node.items, start, end, insertion.items)
    const keys = replaced(node.keys, start, end, insertion.keys)
    if (start === end && items.length <= WIDTH) {
      return [new Node(keys, items, none, items[0]!, Math.max(node.maxEnd, insertion.maxEnd))]
    }
    return pack(items, keys, leaf, end === node.items.length && insertion.items.length > 0)
  }
  start = Math.max(0, start - 1)
  end = Math.max(start, end - 1)
  const changed = spliceNode(node.children[start]!, low, high, insertion)
  const first = node.children[start]!
  if (start === end && changed.length === 1 && changed[0]!.keys.length >= first.keys.length) {
    const child = changed[0]!
    const keys = child.keys[0] === node.keys[start] ? node.keys : node.keys.with(start, child.keys[0]!)
    const children = node.children.with(start, child)
    return [new Node(keys, none, children, children[0]!.first, Math.max(node.maxEnd, child.maxEnd))]
  }
  const tail = end > start ? spliceNode(node.children[end]!, low, high, nothing) : none
  const before = Math.max(0, start - 1)
  const after = Math.min(node.children.length, end + 2)
  const settled = settle([
    ...node.children.slice(before, start),
    ...changed,
    ...tail,
    ...node.children.slice(end + 1, after)
  ])
  const children = replaced(node.children, before, after, settled)
  const keys = replaced(node.keys, before, after, settled.map(firstKey))
  return pack(children, keys, inner, end === node.children.length - 1)
}

/** Merges neighbours that fit in half a node together. */
const settle = <T extends Item>(nodes: ReadonlyArray<Node<T>>): Array<Node<T>> => {
  const settled: Array<Node<T>> = []
  for (const node of nodes) {
    const previous = settled.at(-1)
    if (previous === undefined || previous.keys.length + node.keys.length > WIDTH / 2) settled.push(node)
    else {
      const keys = [...previous.keys, ...node.keys]
      settled[settled.length - 1] =
        node.children.length === 0
          ? leaf([...previous.items, ...node.items], keys)
          : inner([...previous.children, ...node.children], keys)
    }
  }
  return settled
}

const grow = <T extends Item>(level: ReadonlyArray<Node<T>>): Tree<T> => {
  let nodes = level
  while (nodes.length > 1) nodes = pack(nodes, nodes.map(firstKey), inner, true)
  return nodes[0]
}

const spliceKeys = <T extends Item>(root: Tree<T>, low: Key, high: Key, items: ReadonlyArray<T>): Tree<T> => {
  if (root === undefined) return fromSorted(items)
  const insertion = { items, keys: items.map(startKey), maxEnd: furthestEnd(items) }
  let tree = grow(spliceNode(root, low, high, insertion))
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

/** Builds a tree of items that are ascending already. */
export const fromSorted = <T extends Item>(items: ReadonlyArray<T>): Tree<T> =>
  grow(pack(items, items.map(startKey), leaf, true))
