// Random operations on a map, and on the oracle beside it: reads, fills, streams, searches and snapshots must agree.
import { Effect, Stream } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { apply, type Change, edges, empty, WINDOW } from "../../src/testing/History.ts"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"
import * as Bytes from "effect/Bytes"
import { Broken, type Counts, type Dice, dice } from "./dice.ts"

const change = ({ below, pick }: Dice): Change =>
  below(4) === 0
    ? { _tag: "remove", index: below(8) }
    : {
        _tag: "add",
        at: below(WINDOW),
        bytes: Array.from({ length: 1 + below(16) }, () => below(3)),
        overlap: pick(["over", "over", "under", "reject", "equal"] as const),
        resident: below(2) === 0
      }

/** Does `rounds` operations, a look at everything after each few. */
export const operations = Effect.fnUntraced(function* (seed: number, rounds: number) {
  const chance = dice(seed)
  let [changed, looked, snapshots] = [0, 0, 0]
  let base = chance.pick(edges)
  let pair = empty
  for (let round = 0; round < rounds; round++) {
    if (round % 20 === 0) {
      base = chance.pick(edges)
      pair = empty
    }
    pair = yield* apply(pair, base, change(chance))
    changed++
    const cells = NaiveMap.cells(pair.naive)
    if (cells.size === 0) continue
    const map = pair.map as MemoryMap.Mapped
    const check = (what: string, fits: boolean) => {
      if (!fits) throw new Broken("operations", seed, round, what)
      looked++
    }
    const at = base + BigInt(chance.below(WINDOW))
    const room = Number((1n << 64n) - at)
    const length = Math.min(chance.below(WINDOW), room)
    const there = Uint8Array.from(NaiveMap.read(pair.naive, at, length))
    const exact = yield* Effect.option(MemoryMap.getBytes(map, at, length))
    check(
      "getBytes",
      there.length < length ? exact._tag === "None" : exact._tag === "Some" && Bytes.Equivalence(exact.value, there)
    )
    const fill = chance.below(256)
    const padded = Uint8Array.from({ length }, (_, i) => cells.get(at + BigInt(i))?.byte ?? fill)
    check("getBytesPadded", Bytes.Equivalence(yield* MemoryMap.getBytesPadded(map, at, length, fill), padded))
    const range = { start: at, end: at + BigInt(length) }
    const streamed = yield* Stream.runCollect(MemoryMap.stream(map, { range, holes: "zero" }))
    const zeroed = Uint8Array.from({ length }, (_, i) => cells.get(at + BigInt(i))?.byte ?? 0)
    check("stream", Bytes.Equivalence(Bytes.concat(streamed.map(({ bytes }) => bytes)), zeroed))
    const needle = chance.bytes(1 + chance.below(3), 3)
    const found = yield* Stream.runCollect(MemoryMap.findAll(map, needle))
    check("findAll", found.join() === NaiveMap.findAll(pair.naive, [...needle]).join())
    if (chance.below(20) === 0) {
      const file = Bytes.concat(yield* Stream.runCollect(Snapshot.toStream(map)))
      const again = yield* Snapshot.fromStream(Stream.succeed(file), { limit: file.length })
      const window = { start: base, end: base + BigInt(WINDOW) }
      const [before, after] = yield* Effect.all([MemoryMap.getSparse(map, window), MemoryMap.getSparse(again, window)])
      const text = (parts: ReadonlyArray<MemoryMap.SparsePart>) =>
        parts
          .map((part) => (part._tag === "Run" ? `${part.start}:${part.bytes.join()}` : `${part.range.end}`))
          .join(";")
      check("a snapshot", text(before) === text(after))
      snapshots++
    }
  }
  return { operations: changed, comparisons: looked, snapshots } satisfies Counts
})
