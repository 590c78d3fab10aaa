// Not a sample but every case there is: all maps of a few mappings over 8 bytes, at both ends of the address space. Any
// map of four mappings has at most eight edges, so in how its mappings lie to each other it is one of these.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import { END } from "../../src/internal/base/numbers.ts"
import * as Skyline from "../../src/internal/map/skyline.ts"
import * as Tree from "../../src/internal/map/tree.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

const SIZE = 8
const places = { "at 0": 0n, "below 2^64": END - BigInt(SIZE) }

interface Layer extends Skyline.Layer {
  readonly low: number
  readonly high: number
}

/** Every range over the bytes, as a layer of this order; over or under all before it. */
const layersOf = (base: bigint, order: number, under: boolean): ReadonlyArray<Layer> => {
  const layers: Array<Layer> = []
  for (let low = 0; low < SIZE; low++) {
    for (let high = low + 1; high <= SIZE; high++) {
      const rank = under ? -order - 1 : order + 1
      layers.push({ low, high, start: base + BigInt(low), end: base + BigInt(high), order, rank })
    }
  }
  return layers
}

/** The order of the layer that shows at each byte; HOLE where none does. */
type Cells = Int8Array
const HOLE = -1

const paintOver = (cells: Cells, { high, low, order }: Layer): Cells => cells.slice().fill(order, low, high)

/** What shows of any layers: the highest. */
const paint = (layers: ReadonlyArray<Layer>): Cells => {
  const cells = new Int8Array(SIZE).fill(HOLE)
  for (const layer of layers.toSorted((a, b) => a.rank - b.rank)) cells.fill(layer.order, layer.low, layer.high)
  return cells
}

/** The pieces are what the cells say, in order, and each as long as it can be. */
const agree = (skyline: Skyline.Skyline<Layer>, base: bigint, cells: Cells): boolean => {
  let at = 0
  for (const piece of Tree.from(skyline, 0n)) {
    const [start, end, { order }] = [Number(piece.start - base), Number(piece.end - base), Skyline.layerOf(piece)]
    for (; at < start; at++) if (cells[at] !== HOLE) return false
    if (start < at || end <= start || end > SIZE || cells[end] === order) return false
    for (; at < end; at++) if (cells[at] !== order) return false
  }
  for (; at < SIZE; at++) if (cells[at] !== HOLE) return false
  return true
}

const empty = new Int8Array(SIZE).fill(HOLE)

for (const [where, base] of Object.entries(places)) {
  describe(where, () => {
    it("every map of up to 4 mappings, each over all before it", () => {
      const layers = [0, 1, 2, 3].map((order) => layersOf(base, order, false))
      let maps = 0
      const grow = (skyline: Skyline.Skyline<Layer>, cells: Cells, history: ReadonlyArray<Layer>): void => {
        for (const layer of layers[history.length]!) {
          const next = Skyline.over(skyline, layer)
          const painted = paintOver(cells, layer)
          maps++
          if (!agree(next, base, painted)) assert.fail(JSON.stringify([...history, layer].map((l) => [l.low, l.high])))
          if (history.length < 3) grow(next, painted, [...history, layer])
        }
        // All that grew out of this version have left it as it was.
        if (!agree(skyline, base, cells)) assert.fail(`changed: ${JSON.stringify(history.map((l) => [l.low, l.high]))}`)
      }
      grow(undefined, empty, [])
      assert.strictEqual(maps, 36 + 36 ** 2 + 36 ** 3 + 36 ** 4)
    })

    it("every map of up to 3 mappings, over or under, also in one sweep, and each without each of its mappings", () => {
      const layers = [0, 1, 2].map((order) => [...layersOf(base, order, false), ...layersOf(base, order, true)])
      let maps = 0
      const say = (what: string, history: ReadonlyArray<Layer>) =>
        assert.fail(`${what}: ${JSON.stringify(history.map((l) => [l.low, l.high, l.rank]))}`)
      const grow = (
        skyline: Skyline.Skyline<Layer>,
        mappings: Tree.Tree<Layer>,
        history: ReadonlyArray<Layer>
      ): void => {
        for (const layer of layers[history.length]!) {
          const all = [...history, layer]
          const next = layer.rank < 0 ? Skyline.under(skyline, layer) : Skyline.over(skyline, layer)
          const kept = Tree.insert(mappings, layer)
          maps++
          if (!agree(next, base, paint(all))) say("added", all)
          if (!agree(Skyline.fromLayers(all), base, paint(all))) say("swept", all)
          for (const gone of all) {
            const left = Skyline.without(next, gone, Tree.remove(kept, gone))
            if (!agree(left, base, paint(all.filter((other) => other !== gone)))) say(`without ${gone.order}`, all)
          }
          if (history.length < 2) grow(next, kept, all)
        }
      }
      grow(undefined, undefined, [])
      assert.strictEqual(maps, 72 + 72 ** 2 + 72 ** 3)
    })

    it.effect("every map of up to 2 mappings, looked at and read in every way", () =>
      Effect.gen(function* () {
        const sources = Array.from({ length: 2 }, (_, order) =>
          Array.from({ length: SIZE + 1 }, (_, size) => ByteSource.fromBytes(new Uint8Array(size).fill(order)))
        )
        const grow = Effect.fnUntraced(function* (
          map: MemoryMap.Any,
          history: ReadonlyArray<Layer>
        ): Effect.fn.Return<void, unknown> {
          const order = history.length
          for (const layer of [...layersOf(base, order, false), ...layersOf(base, order, true)]) {
            const overlap = layer.rank < 0 ? "under" : "over"
            const next = yield* MemoryMap.add(map, sources[order]![layer.high - layer.low]!, layer.start, { overlap })
            const all = [...history, layer]
            lookAgrees(next, base, all)
            yield* readsAgree(next, base, paint(all))
            if (order < 1) yield* grow(next, all)
          }
        })
        yield* grow(MemoryMap.empty, [])
      })
    )
  })
}

const lookAgrees = (map: MemoryMap.Mapped, base: bigint, layers: ReadonlyArray<Layer>): void => {
  const cells = paint(layers)
  const mapped = cells.filter((cell) => cell !== HOLE).length
  assert.strictEqual(MemoryMap.mappedSize(map), BigInt(mapped))
  const range = { start: base, end: base + BigInt(SIZE) }
  assert.deepStrictEqual(MemoryMap.coverage(map, { range }), { mapped: BigInt(mapped), holes: BigInt(SIZE - mapped) })
  const seen = new Int8Array(SIZE).fill(HOLE)
  for (const run of MemoryMap.runs(map, { range })) seen.fill(1, Number(run.start - base), Number(run.end - base))
  for (const { range: hole } of MemoryMap.holes(map, { range })) {
    const bytes = seen.subarray(Number(hole.start - base), Number(hole.end - base))
    assert.isTrue(bytes.every((cell) => cell === HOLE))
    bytes.fill(0)
  }
  assert.deepStrictEqual(
    seen,
    cells.map((cell) => (cell === HOLE ? 0 : 1))
  )
  for (let at = 0; at < SIZE; at++) {
    const address = base + BigInt(at)
    const stack = layers.filter((layer) => layer.low <= at && at < layer.high).sort((a, b) => b.rank - a.rank)
    assert.deepStrictEqual(
      MemoryMap.mappingsAt(map, address).map((mapping) => mapping.order),
      stack.map((layer) => layer.order)
    )
    const origin = Option.getOrUndefined(MemoryMap.origin(map, address))
    assert.strictEqual(origin?.mapping.order ?? HOLE, cells[at])
    assert.strictEqual(origin?.offset, stack[0] === undefined ? undefined : address - stack[0].start)
  }
}

/** Every read of one byte to all, from every byte on. */
const readsAgree = Effect.fnUntraced(function* (map: MemoryMap.Mapped, base: bigint, cells: Cells) {
  for (let at = 0; at < SIZE; at++) {
    const hole = cells.indexOf(HOLE, at)
    const end = hole === -1 ? SIZE : hole
    for (let length = 1; at + length <= SIZE; length++) {
      const read = yield* Effect.result(MemoryMap.getBytes(map, base + BigInt(at), length))
      const right =
        read._tag === "Success"
          ? at + length <= end && read.success.every((byte, i) => byte === cells[at + i])
          : at + length > end && read.failure._tag === "UnmappedAddress" && read.failure.address === base + BigInt(end)
      assert.isTrue(right, `${length} bytes at ${at} of ${cells.join()}`)
    }
  }
})
