/**
 * What must hold of a map and of the oracle built in the same way.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { formatAddress } from "../AddressRange.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as NaiveMap from "./NaiveMap.ts"

/**
 * Where the map and the oracle differ, a sentence for each address; none when they agree. They agree when the same
 * addresses are mapped, with the same bytes, by mappings that were added as the same in order. Reads all of the map.
 *
 * **Example** (A map that lacks a byte)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import { Laws, NaiveMap } from "effect-memory-map/testing"
 *
 * const naive = NaiveMap.add(NaiveMap.empty, [1, 2], 0x10n)!
 * const program = Effect.gen(function* () {
 *   const same = yield* MemoryMap.fromBytes(new Uint8Array([1, 2]), 0x10n)
 *   const short = yield* MemoryMap.fromBytes(new Uint8Array([1]), 0x10n)
 *   return [yield* Laws.disagreements(same, naive), yield* Laws.disagreements(short, naive)]
 * })
 * await Effect.runPromise(program) // => [[], ["0x11: 2 of mapping 0 expected, nothing is mapped"]]
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const disagreements = Effect.fnUntraced(function* (
  map: MemoryMap.Any,
  naive: NaiveMap.NaiveMap
): Effect.fn.Return<ReadonlyArray<string>, MemoryMap.ReadError> {
  const missing = new Map(NaiveMap.cells(naive))
  const found: Array<string> = []
  const compare = (address: bigint, byte: number): void => {
    const cell = missing.get(address)
    missing.delete(address)
    const order = Option.match(MemoryMap.mappingAt(map, address), { onNone: () => -1, onSome: (m) => m.order })
    if (cell?.byte === byte && cell.order === order) return
    const wanted = cell === undefined ? "a hole" : `${cell.byte} of mapping ${cell.order}`
    found.push(`${formatAddress(address)}: ${wanted} expected, ${byte} of mapping ${order} found`)
  }
  const mapped = yield* Effect.option(MemoryMap.requireMapping(map))
  if (Option.isSome(mapped)) {
    yield* Stream.runForEach(MemoryMap.stream(mapped.value), ({ address, bytes }) =>
      Effect.sync(() => bytes.forEach((byte, i) => compare(address + BigInt(i), byte)))
    )
  }
  for (const [address, { byte, order }] of missing) {
    found.push(`${formatAddress(address)}: ${byte} of mapping ${order} expected, nothing is mapped`)
  }
  return found
})
