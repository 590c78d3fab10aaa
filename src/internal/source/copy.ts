// Bytes of several sources put together in one array.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { isZeros } from "./source.ts"

/** `length` bytes of a source, from `offset` on. */
export interface Extent {
  readonly source: ByteSource
  readonly offset: bigint
  readonly length: number
}

/** Copies the extents one after the other into `target`, from index `at` on. */
export const copyExtents = (
  parts: ReadonlyArray<Extent>,
  target: Uint8Array,
  at = 0
): Effect.Effect<Uint8Array, SourceError> => {
  let index = at
  const pending: Array<Effect.Effect<void, SourceError>> = []
  for (const { length, offset, source } of parts) {
    const resident = source.resident
    const to = index
    index += length
    if (resident !== undefined) target.set(resident.subarray(Number(offset), Number(offset) + length), to)
    else if (!isZeros(source)) {
      pending.push(Effect.map(source.read(offset, length), (bytes) => target.set(bytes, to)))
    }
  }
  return pending.length === 0 ? Effect.succeed(target) : Effect.as(Effect.all(pending, { discard: true }), target)
}
