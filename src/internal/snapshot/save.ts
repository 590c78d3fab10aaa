// A snapshot into a file.
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { SaveOptions } from "../../Snapshot.ts"
import type { ImageError, SourceError } from "../../MemoryMapError.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { type Append, writeFile } from "../source/outfile.ts"
import { BLOCK } from "./layout.ts"
import { pieces, plan } from "./write.ts"

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
  options: SaveOptions = {}
): Effect.fn.Return<void, ImageError | SourceError | PlatformError, FileSystem> {
  const { limit, onProgress, overwrite } = options
  const planned = yield* plan("Snapshot.save", map, limit)
  const pool = new Pool()
  let written = 0n
  const write = (append: Append) =>
    pieces(planned, pool.allocate).pipe(
      Stream.buffer({ capacity: AHEAD }),
      Stream.runForEach((bytes) =>
        Effect.flatMap(append(bytes), () => {
          pool.release(bytes)
          written += BigInt(bytes.length)
          return onProgress?.({ written, total: planned.size }) ?? Effect.void
        })
      )
    )
  yield* writeFile(path, write, { overwrite })
})
