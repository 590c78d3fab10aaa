// Trees deep enough to split and merge at every level, against plain arrays.
import { assert, describe, it } from "@effect/vitest"
import * as Skyline from "../../src/internal/map/skyline.ts"
import * as Tree from "../../src/internal/map/tree.ts"
import { randomWords } from "../support/random.ts"

/** Whole numbers below a limit, the same on every run. */
const generator = (seed: number) => {
  const next = randomWords(seed)
  return (below: number): number => Math.floor((next() / 2 ** 32) * below)
}

const layer = (start: bigint, length: number, rank: number): Skyline.Layer => ({
  start,
  end: start + BigInt(length),
  order: Math.abs(rank),
  rank
})

/** Keys in order, node by node; all leaves at one depth; no node too full or empty. */
const assertSound = <T extends Tree.Item>(root: Tree.Tree<T>): void => {
  const depths = new Set<number>()
  const visit = (node: Tree.Node<T>, depth: number): void => {
    const width = node.keys.length
    assert.isTrue(width >= 1 && width <= 32)
    assert.strictEqual(node.items.length + node.children.length, width)
    if (node.children.length === 0) {
      depths.add(depth)
      node.items.forEach((item, i) => {
        assert.strictEqual(node.keys[i], Number(item.start))
        assert.strictEqual(node.ends[i], Number(item.end))
      })
      assert.strictEqual(node.first, node.items[0])
    } else {
      node.children.forEach((child, i) => {
        assert.strictEqual(node.keys[i], child.keys[0])
        assert.strictEqual(node.ends[i], Math.max(...child.ends))
        visit(child, depth + 1)
      })
      assert.strictEqual(node.first, node.children[0]!.first)
    }
  }
  if (root !== undefined) visit(root, 0)
  assert.isTrue(depths.size <= 1)
}

const bases = [0n, (1n << 53n) - 2000n, (1n << 63n) + 12345n, (1n << 64n) - 4096n]
const SPACE = 4096

for (const base of bases) {
  describe(`at 0x${base.toString(16)}`, () => {
    it("a history of over, under and without is what painting cells gives", () => {
      const random = generator(7)
      let skyline: Skyline.Skyline<Skyline.Layer>
      let all: Tree.Tree<Skyline.Layer>
      const layers: Array<Skyline.Layer> = []
      const paint = (): Array<Skyline.Layer | undefined> => {
        const cells = Array<Skyline.Layer | undefined>(SPACE).fill(undefined)
        for (const one of layers.toSorted((a, b) => a.rank - b.rank)) {
          cells.fill(one, Number(one.start - base), Number(one.end - base))
        }
        return cells
      }
      for (let step = 1; step <= 3000; step++) {
        const choice = random(10)
        if (choice < 7 || layers.length === 0) {
          const length = 1 + random(random(8) === 0 ? 600 : 3)
          const start = random(SPACE - length + 1)
          const added = layer(base + BigInt(start), length, choice < 5 ? step : -step)
          skyline = choice < 5 ? Skyline.over(skyline, added) : Skyline.under(skyline, added)
          all = Tree.insert(all, added)
          layers.push(added)
        } else {
          const [gone] = layers.splice(random(layers.length), 1)
          all = Tree.remove(all, gone!)
          skyline = Skyline.without(skyline, gone!, all)
        }
        if (step % 100 !== 0) continue
        assertSound(skyline)
        assertSound(all)
        const cells = paint()
        let reached = base
        let previous: Skyline.Visible<Skyline.Layer> | undefined
        for (const piece of Tree.from(skyline, 0n)) {
          assert.isTrue(piece.start >= reached)
          assert.isFalse(previous?.end === piece.start && Skyline.layerOf(previous) === Skyline.layerOf(piece))
          reached = piece.end
          previous = piece
        }
        cells.forEach((cell, i) => {
          const found = Skyline.at(skyline, base + BigInt(i))
          assert.strictEqual(found === undefined ? undefined : Skyline.layerOf(found), cell)
        })
        assert.deepStrictEqual([...Tree.from(Skyline.fromLayers(layers), 0n)], [...Tree.from(skyline, 0n)])
        for (let i = 0; i < 20; i++) {
          const start = base + BigInt(random(SPACE))
          const end = start + BigInt(random(200))
          assert.sameMembers(
            Tree.overlapping(all, start, end),
            layers.filter((one) => one.start < end && one.end > start)
          )
        }
      }
    })
  })
}

describe("a tree of one start", () => {
  it("holds any number of items with one start, and gives each back", () => {
    let tree: Tree.Tree<Skyline.Layer>
    const items = Array.from({ length: 2000 }, (_, i) => layer(5n, 1 + (i % 7), i + 1))
    for (const item of items) tree = Tree.insert(tree, item)
    assertSound(tree)
    assert.deepStrictEqual([...Tree.from(tree, 0n)], items)
    items.forEach((item, i) => {
      if (i % 3 > 0) tree = Tree.remove(tree, item)
    })
    assertSound(tree)
    assert.deepStrictEqual(
      [...Tree.from(tree, 0n)],
      items.filter((_, i) => i % 3 === 0)
    )
  })
})

describe("old versions", () => {
  it("stay as they were when a new map is made", () => {
    const random = generator(3)
    const versions: Array<[Skyline.Skyline<Skyline.Layer>, ReadonlyArray<unknown>]> = []
    let skyline: Skyline.Skyline<Skyline.Layer>
    for (let i = 1; i <= 500; i++) {
      skyline = Skyline.over(skyline, layer(BigInt(random(1000)), 1 + random(20), i))
      versions.push([skyline, [...Tree.from(skyline, 0n)]])
    }
    for (const [version, items] of versions) assert.deepStrictEqual([...Tree.from(version, 0n)], items)
  })
})
