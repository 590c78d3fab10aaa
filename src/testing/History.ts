/**
 * Random histories: what was added to a map and removed again, done to a map and to the oracle alike.
 *
 * Histories play in a window of {@link WINDOW} bytes at one of the {@link edges} of the address space, so that mappings
 * meet, cover and touch each other all the time.
 *
 * **Example** (A law of maps)
 *
 * ```ts
 * import { Arbitrary, Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import { History, NaiveMap } from "effect-memory-map/testing"
 *
 * const histories = Arbitrary.all([History.edge, History.changes])
 * const law = Arbitrary.checkEffect(histories, ([edge, changes]) =>
 *   Effect.map(History.build(edge, changes), ({ map, naive }) => {
 *     return MemoryMap.mappedSize(map) === BigInt(NaiveMap.cells(naive).size)
 *   })
 * )
 * const result = await Effect.runPromise(law)
 * Arbitrary.formatCheckFailure(result) // => undefined
 * ```
 *
 * @since 0.1.0
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Address } from "../AddressRange.ts"
import * as ByteSource from "../ByteSource.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as NaiveMap from "./NaiveMap.ts"

/**
 * Bytes that a history plays in.
 *
 * @category configuration
 * @since 0.1.0
 */
export const WINDOW = 48

/**
 * Where arithmetic on addresses goes wrong if it does: windows at 0, around 2^32, 2^53 and 2^63, and up to 2^64.
 *
 * @category configuration
 * @since 0.1.0
 */
export const edges: ReadonlyArray<Address> = [
  0n,
  (1n << 32n) - 24n,
  (1n << 53n) - 24n,
  (1n << 63n) - 24n,
  (1n << 64n) - BigInt(WINDOW)
]

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Add = Schema.TaggedStruct("add", {
  at: between(0, WINDOW - 1),
  bytes: Schema.Array(between(0, 2)).check(Schema.isMinLength(1), Schema.isMaxLength(16)),
  overlap: Schema.Literals(["over", "under", "reject", "equal"]),
  resident: Schema.Boolean
})
const Remove = Schema.TaggedStruct("remove", { index: between(0, 15) })

/**
 * One step: bytes added `at` an offset in the window, from memory or from a source that has to be asked, or the
 * `index`-th mapping removed, if there is one.
 *
 * @category models
 * @since 0.1.0
 */
export type Change = typeof Add.Type | typeof Remove.Type

/**
 * Lists of changes, 14 at most, three in four of them adds. Few byte values, so that `"equal"` has a chance.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const changes: Arbitrary.Arbitrary<ReadonlyArray<Change>> = Arbitrary.schema(
  Schema.Array(Schema.Union([Add, Add, Add, Remove])).check(Schema.isMaxLength(14))
)

/**
 * One of the {@link edges}.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const edge: Arbitrary.Arbitrary<Address> = Arbitrary.schema(Schema.Literals(edges))

/**
 * An offset in the window.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const offset: Arbitrary.Arbitrary<number> = Arbitrary.schema(between(0, WINDOW - 1))

const source = (bytes: ReadonlyArray<number>, resident: boolean): ByteSource.ByteSource => {
  const data = Uint8Array.from(bytes)
  if (resident) return ByteSource.fromBytes(data)
  return ByteSource.make({
    name: "asked",
    size: BigInt(data.length),
    read: (at, length) => Effect.succeed(data.slice(Number(at), Number(at) + length))
  })
}

/**
 * A map, and what it should be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pair {
  readonly map: MemoryMap.Any
  readonly naive: NaiveMap.NaiveMap
}

/**
 * Before anything has happened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Pair = { map: MemoryMap.empty, naive: NaiveMap.empty }

/**
 * Does one change to both, in the window that starts at `base`. A change that only one of them refuses is a defect.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = Effect.fnUntraced(function* (pair: Pair, base: Address, change: Change): Effect.fn.Return<Pair> {
  if (change._tag === "remove") {
    const mapping = [...MemoryMap.mappings(pair.map)][change.index]
    if (mapping === undefined) return pair
    // Orders count what was added, and the oracle counts the same.
    return { map: MemoryMap.remove(pair.map, mapping), naive: NaiveMap.remove(pair.naive, mapping.order) }
  }
  const { at, overlap, resident } = change
  const bytes = change.bytes.slice(0, WINDOW - at)
  const naive = NaiveMap.add(pair.naive, bytes, base + BigInt(at), overlap)
  const added = yield* Effect.result(MemoryMap.add(pair.map, source(bytes, resident), base + BigInt(at), { overlap }))
  if (added._tag === "Failure") {
    if (naive !== undefined) return yield* Effect.die(new Error(`refused: ${added.failure.message}`))
    return pair
  }
  if (naive === undefined) return yield* Effect.die(new Error("added what the policy forbids"))
  return { map: added.success, naive }
})

/**
 * Does all changes, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const build = Effect.fnUntraced(function* (base: Address, list: ReadonlyArray<Change>): Effect.fn.Return<Pair> {
  let pair = empty
  for (const change of list) pair = yield* apply(pair, base, change)
  return pair
})
