// Random sequences of changes, applied to a map and to the oracle alike.
import { Arbitrary, Effect, Schema } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NaiveMap from "../../src/testing/NaiveMap.ts"

/** Where arithmetic on addresses goes wrong if it does: the windows of WINDOW bytes that tests play in. */
export const WINDOW = 48
export const origins: ReadonlyArray<bigint> = [
  0n,
  (1n << 32n) - 24n,
  (1n << 53n) - 24n,
  (1n << 63n) - 24n,
  (1n << 64n) - BigInt(WINDOW)
]

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Add = Schema.Struct({
  _tag: Schema.Literal("add"),
  at: between(0, WINDOW - 1),
  bytes: Schema.Array(between(0, 2)).check(Schema.isMinLength(1), Schema.isMaxLength(16)),
  overlap: Schema.Literals(["over", "under", "reject", "equal"]),
  /** Some sources are in memory, some have to be asked. */
  resident: Schema.Boolean
})
const Remove = Schema.Struct({ _tag: Schema.Literal("remove"), index: between(0, 15) })

export const Change = Schema.Union([Add, Add, Add, Remove])
export type Change = typeof Change.Type

export const changes = Arbitrary.schema(Schema.Array(Change).check(Schema.isMaxLength(14)))
export const origin = Arbitrary.schema(Schema.Literals(origins))
export const offset = Arbitrary.schema(between(0, WINDOW - 1))

const source = (bytes: ReadonlyArray<number>, resident: boolean): ByteSource.ByteSource => {
  const data = Uint8Array.from(bytes)
  if (resident) return ByteSource.fromBytes(data)
  return ByteSource.make({
    name: "asked",
    size: BigInt(data.length),
    read: (at, length) => Effect.succeed(data.slice(Number(at), Number(at) + length))
  })
}

export interface Pair {
  readonly map: MemoryMap.Any
  readonly naive: NaiveMap.NaiveMap
}

export const emptyPair: Pair = { map: MemoryMap.empty, naive: NaiveMap.empty }

/** Applies one change to both; a change that the oracle refuses must be refused by the map too, and the other way. */
export const apply = Effect.fnUntraced(function* (pair: Pair, base: bigint, change: Change) {
  if (change._tag === "remove") {
    const mapping = [...MemoryMap.mappings(pair.map)][change.index]
    if (mapping === undefined) return pair
    // Orders count what was added, and the oracle counts the same.
    return { map: MemoryMap.remove(pair.map, mapping), naive: NaiveMap.remove(pair.naive, mapping.order) }
  }
  const at = base + BigInt(change.at)
  const bytes = change.bytes.slice(0, WINDOW - change.at)
  const naive = NaiveMap.add(pair.naive, bytes, at, change.overlap)
  const added = yield* Effect.result(
    MemoryMap.add(pair.map, source(bytes, change.resident), at, { overlap: change.overlap })
  )
  if (added._tag === "Failure") {
    if (naive !== undefined) return yield* Effect.die(new Error(`refused: ${added.failure.message}`))
    return pair
  }
  if (naive === undefined) return yield* Effect.die(new Error("added what the policy forbids"))
  return { map: added.success, naive }
})

/** Applies changes in order. */
export const build = Effect.fnUntraced(function* (base: bigint, list: ReadonlyArray<Change>) {
  let pair = emptyPair
  for (const change of list) pair = yield* apply(pair, base, change)
  return pair
})
