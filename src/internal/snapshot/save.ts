// A snapshot into a file: pages of zeros left as holes, and flushed before it takes its place.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Progress } from "../../Snapshot.ts"
import type { ImageError, SourceError } from "../../MemoryMapError.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { replace } from "../source/replace.ts"
import { BLOCK } from "./layout.ts"
import { isHole, pieces, plan } from "./write.ts"

/** File systems keep holes in units of this. */
const PAGE = 4096

export const isZero = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = bytes.length & ~7
  for (let i = 0; i < words; i += 8) {
    if ((view.getInt32(i, true) | view.getInt32(i + 4, true)) !== 0) return false
  }
  for (let i = words; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

/** The parts of `bytes` to write, as `[from, to)`; `offset` is where they go in the file. */
const writtenParts = (bytes: Uint8Array, offset: bigint): ReadonlyArray<readonly [from: number, to: number]> => {
  const parts: Array<readonly [number, number]> = []
  let from = -1
  let at = 0
  while (at < bytes.length) {
    const next = Math.min(bytes.length, at + PAGE - (at === 0 ? Number(offset % BigInt(PAGE)) : 0))
    const hole = isZero(bytes.subarray(at, next))
    if (!hole && from < 0) from = at
    if (hole && from >= 0) {
      parts.push([from, at])
      from = -1
    }
    at = next
  }
  if (from >= 0) parts.push([from, bytes.length])
  return parts
}

const write = (file: FileSystem.File, offset: bigint, bytes: Uint8Array): Effect.Effect<void, PlatformError> => {
  if (isHole(bytes)) return Effect.void
  return Effect.forEach(
    writtenParts(bytes, offset),
    ([from, to]) => Effect.andThen(file.seek(offset + BigInt(from), "start"), file.writeAll(bytes.subarray(from, to))),
    { discard: true }
  )
}

/** Blocks that are used again once they are written: fresh ones would cost more than the copying. */
class Pool {
  private readonly free: Array<ArrayBufferLike> = []
  private readonly ours = new WeakSet<ArrayBufferLike>()

  readonly allocate = (length: number): Uint8Array => {
    if (length < BLOCK) return new Uint8Array(length)
    const buffer = this.free.pop() ?? new ArrayBuffer(BLOCK)
    this.ours.add(buffer)
    return new Uint8Array(buffer)
  }

  release(bytes: Uint8Array): void {
    if (this.ours.has(bytes.buffer)) this.free.push(bytes.buffer)
  }
}

/** Pieces read ahead of the one being written, so that checksums and the disk work side by side. */
const AHEAD = 4

export const save = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  path: string,
  onProgress: ((progress: Progress) => Effect.Effect<void>) | undefined
): Effect.fn.Return<void, ImageError | SourceError | PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const planned = yield* plan(map)
  let written = 0n
  const fill = Effect.fnUntraced(function* (beside: string) {
    const file = yield* fs.open(beside, { flag: "wx" })
    const pool = new Pool()
    yield* pieces(planned, pool.allocate).pipe(
      Stream.buffer({ capacity: AHEAD }),
      Stream.runForEach((bytes) =>
        // Not interrupted halfway: the file is closed next, and the system may still be writing to it.
        Effect.flatMap(Effect.uninterruptible(write(file, written, bytes)), () => {
          pool.release(bytes)
          written += BigInt(bytes.length)
          return onProgress?.({ written, total: planned.size }) ?? Effect.void
        })
      )
    )
    yield* file.truncate(Number(planned.size))
    yield* Effect.uninterruptible(file.sync)
  })
  yield* replace(path, (beside) => Effect.scoped(fill(beside)))
})
