// Says where two snapshots differ.
//
//     node compare-snapshots.ts BEFORE AFTER
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { AddressRange, MemoryMap, Snapshot } from "effect-memory-map"
import { NodeMemoryMap } from "effect-memory-map/node"

type Difference = { readonly kind: "added" | "removed" | "changed"; readonly range: AddressRange.AddressRange }

/** The ranges of different bytes in a block that both maps have. */
const changes = function* (start: bigint, a: Uint8Array, b: Uint8Array): Generator<Difference> {
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue
    const from = i
    while (i < a.length && a[i] !== b[i]) i++
    yield { kind: "changed", range: AddressRange.make(start + BigInt(from), start + BigInt(i)) }
  }
}

/** What became of one run of `before`: parts that are holes now, and bytes that are others now. */
const inRun = (before: MemoryMap.Mapped, after: MemoryMap.Mapped, run: AddressRange.AddressRange) => {
  const removed = Stream.fromIterable(MemoryMap.holes(after, { range: run })).pipe(
    Stream.map(({ range }): Difference => ({ kind: "removed", range }))
  )
  const changed = Stream.fromIterable(MemoryMap.runs(after, { range: run })).pipe(
    Stream.flatMap((common) => MemoryMap.stream(before, { range: common })),
    Stream.mapEffect(({ address, bytes }) =>
      Effect.map(MemoryMap.getBytes(after, address, bytes.length), (others) => changes(address, bytes, others))
    ),
    Stream.flatMap(Stream.fromIterable)
  )
  return Stream.concat(removed, changed)
}

const differences = (before: MemoryMap.Mapped, after: MemoryMap.Mapped) =>
  Stream.fromIterable(MemoryMap.runs(before)).pipe(
    Stream.flatMap((run) => inRun(before, after, run)),
    Stream.concat(
      Stream.fromIterable(MemoryMap.runs(after)).pipe(
        Stream.flatMap((run) => Stream.fromIterable(MemoryMap.holes(before, { range: run }))),
        Stream.map(({ range }): Difference => ({ kind: "added", range }))
      )
    )
  )

const program = Effect.gen(function* () {
  const [before = "", after = ""] = process.argv.slice(2)
  const maps = yield* Effect.all([Snapshot.open(before), Snapshot.open(after)])
  yield* differences(...maps).pipe(
    Stream.runForEach(({ kind, range }) => Console.log(`${kind} ${AddressRange.format(range)}`))
  )
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeMemoryMap.layer)))
