/**
 * Sources that fail on purpose, to see what a program makes of it.
 *
 * Whoever maps files has `FileMapper.layerTest` for the same; this is for what is added as a source.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ByteSource from "../ByteSource.ts"
import { SourceError } from "../MemoryMapError.ts"

/**
 * A source of `bytes` whose `k`-th read, counted from 1, fails with `SourceError` `"ReadFailed"` where `fails(k)` is
 * true: `(k) => k === 3` fails once, `(k) => k >= 3` for ever. It is never resident, so that all reads are counted.
 *
 * **Example** (The second read fails)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 * import { FailingSource } from "effect-memory-map/testing"
 *
 * const program = Effect.gen(function* () {
 *   const source = FailingSource.make(new Uint8Array([1, 2, 3]), (k) => k === 2)
 *   const map = yield* MemoryMap.add(MemoryMap.empty, source, 0x1000n)
 *   const first = yield* MemoryMap.getByte(map, 0x1000n)
 *   const second = yield* Effect.flip(MemoryMap.getByte(map, 0x1001n))
 *   return [first, second._tag, yield* MemoryMap.getByte(map, 0x1001n)]
 * })
 * Effect.runSync(program) // => [1, "SourceError", 2]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  bytes: Uint8Array,
  fails: (k: number) => boolean,
  options?: { readonly name?: string | undefined }
): ByteSource.ByteSource => {
  const name = options?.name ?? "failing"
  const data = new Uint8Array(bytes)
  let reads = 0
  return ByteSource.make({
    name,
    size: BigInt(data.length),
    read: (offset, length) =>
      Effect.suspend(() => {
        reads++
        if (!fails(reads)) return Effect.succeed(data.slice(Number(offset), Number(offset) + length))
        const cause = new Error(`read ${reads} was told to fail`)
        return new SourceError({ source: name, offset, length, reason: "ReadFailed", cause })
      })
  })
}
