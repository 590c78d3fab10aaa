// Pointers and lists: what memory leads to, and where it leads astray.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as Layout from "../../src/Layout.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { at, inPieces, mapOf } from "./maps.ts"

describe("pointers", () => {
  interface Node {
    readonly value: bigint
    readonly next: Layout.Pointer<Node>
  }
  const node: Layout.Layout<Node> = Layout.struct("node", {
    value: Layout.uint64,
    next: Layout.pointerTo(() => node)
  })

  it.effect("to null, to a hole and to something are told apart, tags taken off", () =>
    Effect.gen(function* () {
      const words = BigUint64Array.of(1n, 0x1010n, 2n, 0x1001n, 3n, 0n, 4n, 0x9000n)
      const map = yield* mapOf(new Uint8Array(words.buffer))
      const [first, tagged, last, astray] = yield* Layout.readArray(map, node, at, 4)
      assert.strictEqual(Option.getOrThrow(yield* Layout.follow(map, first!.next)).next.address, 0x1001n)
      const back = yield* Layout.follow(map, tagged!.next, { mask: ~7n })
      assert.strictEqual(Option.getOrThrow(back).next.address, 0x1010n)
      assert.deepStrictEqual(yield* Layout.follow(map, last!.next), Option.none())
      const error = yield* Effect.flip(map.pipe(Layout.follow(astray!.next)))
      assert.strictEqual(error._tag === "UnmappedAddress" && error.path, "node.value")
      const made = Layout.makePointer(at, () => Layout.uint64)
      assert.deepStrictEqual(yield* Layout.follow(map, made), Option.some(1n))
    })
  )
})

describe("lists", () => {
  const item = Layout.struct("item", {
    id: Layout.uint32,
    link: Layout.struct("link", { next: Layout.pointer, previous: Layout.pointer })
  })

  /** Items at 0x1000, 0x1018 and so on, with these pointers. */
  const listOf = (...next: ReadonlyArray<bigint>) =>
    mapOf(next.flatMap((next, id) => [...Layout.encode(item, { id, link: { next, previous: 0n } }, Layout.LP64)]))

  const ids = <E>(items: Stream.Stream<Layout.Type<typeof item>, E>) =>
    Stream.runCollect(
      items.pipe(
        Stream.map(({ id }) => id as number | string),
        Stream.catch((error) => Stream.make(error as never))
      )
    )

  it.effect("end at null, at their head, at a limit and at a given address", () =>
    Effect.gen(function* () {
      const straight = yield* listOf(0x1018n, 0x1030n, 0n)
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, at, "link.next")), [0, 1, 2])
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, at, ({ link }) => link.next)), [0, 1, 2])
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, at, "link.next", { limit: 2 })), [0, 1])
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, at, "link.next", { limit: 0 })), [])
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, at, "link.next", { end: 0x1030n })), [0, 1])
      assert.deepStrictEqual(yield* ids(Layout.list(straight, item, 0n, "link.next")), [])
      const round = yield* listOf(0x1018n, 0x1030n, at)
      assert.deepStrictEqual(yield* ids(round.pipe(Layout.list(item, at, "link.next"))), [0, 1, 2])
    })
  )

  it.effect("through a member of the next record begin before it", () =>
    Effect.gen(function* () {
      const map = yield* listOf(0x1020n, 0x1038n, 0xf00n)
      const found = Layout.list(map, item, 0x1008n, "link.next", { member: "link", end: 0xf00n })
      assert.deepStrictEqual(yield* ids(found), [0, 1, 2])
      assert.deepStrictEqual(
        yield* ids(Layout.list(map, item, 0x1009n, "link.next", { member: "link", end: 0xf00n, mask: ~7n })),
        [0, 1, 2]
      )
    })
  )

  for (const resident of [true, false]) {
    it.effect(
      `that close elsewhere or lead astray give what they have, and say where: ${resident ? "in memory" : "in files"}`,
      () =>
        Effect.gen(function* () {
          const make = resident
            ? listOf
            : (...next: ReadonlyArray<bigint>) =>
                Effect.flatMap(listOf(...next), (map) =>
                  Effect.flatMap(MemoryMap.getBytes(map, at, next.length * 24), (bytes) =>
                    inPieces(bytes, 5, Layout.LP64)
                  )
                )
          const circle = yield* make(0x1018n, 0x1030n, 0x1018n)
          const [a, b, c, cycle] = yield* ids(Layout.list(circle, item, at, "link.next"))
          assert.deepStrictEqual([a, b, c], [0, 1, 2])
          assert.include(cycle as unknown as object, { _tag: "LayoutError", reason: "Cycle", address: 0x1018n })
          const astray = yield* make(0x1018n, 0x8000n)
          const [, , hole] = yield* ids(Layout.list(astray, item, at, "link.next"))
          assert.include(hole as unknown as object, { _tag: "UnmappedAddress", address: 0x8000n, path: "item.id" })
        })
    )
  }

  it.effect("without an end are too long", () =>
    Effect.gen(function* () {
      const counter = Layout.struct("counter", { low: Layout.uint8 })
      const zeros = yield* mapOf(new Uint8Array(2 ** 20 + 8))
      let next = at
      const error = yield* Effect.flip(Stream.runDrain(Layout.list(zeros, counter, at, () => ++next)))
      assert.strictEqual(error._tag === "LayoutError" && error.reason, "TooLong")
    })
  )
})
