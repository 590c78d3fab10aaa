// Maps of a few bytes, for layouts to be read from.
import { Effect } from "effect"
import * as Layout from "../../src/Layout.ts"
import type { DataModel } from "../../src/MachineModel.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as FailingSource from "../../src/testing/FailingSource.ts"

export const at = 0x1000n

/** A map with these bytes at 0x1000, of a little-endian 64-bit Unix unless said otherwise. */
export const mapOf = (bytes: ReadonlyArray<number> | Uint8Array, model: DataModel = Layout.LP64) =>
  Effect.map(MemoryMap.fromBytes(Uint8Array.from(bytes), at), (map) =>
    map.pipe(MemoryMap.setDataModel(model), MemoryMap.setEndian(model.endian ?? "little"))
  )

/** The same bytes in mappings of `size` bytes, none of which is in memory. */
export const inPieces = Effect.fnUntraced(function* (bytes: Uint8Array, size: number, model: DataModel) {
  const entries = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => ({
    source: FailingSource.make(bytes.slice(i * size, (i + 1) * size), () => false),
    address: at + BigInt(i * size)
  }))
  const map = yield* MemoryMap.addAll(MemoryMap.empty, entries)
  return map.pipe(MemoryMap.setDataModel(model), MemoryMap.setEndian(model.endian ?? "little"))
})
