// A small map that many tests look at, and short ways to say what a map looks like.
import { Effect } from "effect"
import * as AddressRange from "../../src/AddressRange.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

export const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
export const filled = (value: number, length: number) => new Uint8Array(length).fill(value)
export const text = (map: MemoryMap.Any, range?: AddressRange.AddressRange) =>
  Array.from(
    MemoryMap.segments(map, { range }),
    (s) => `${s.mapping.name} ${AddressRange.format(s.range)} +${s.offset}`
  )
export const holesOf = (map: MemoryMap.Any, range?: AddressRange.AddressRange) =>
  Array.from(MemoryMap.holes(map, { range }), (hole) => `${AddressRange.format(hole.range)} ${hole.reason ?? "-"}`)
export const namesAt = (map: MemoryMap.Any, at: bigint) => MemoryMap.mappingsAt(map, at).map((mapping) => mapping.name)
export const named = (map: MemoryMap.Any, name: string) =>
  [...MemoryMap.mappings(map)].find((mapping) => mapping.name === name)!

/** `a` at 2-6, and `b` at 8-10. */
export const islands = MemoryMap.fromBytes(bytes(10, 11, 12, 13), 2n, { name: "a" }).pipe(
  Effect.flatMap(MemoryMap.addBytes(bytes(20, 21), 8n, { name: "b" }))
)
