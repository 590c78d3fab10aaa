/**
 * Layers for `FileMapper` on Node: files in memory through mmap(2).
 *
 * A mapped file costs address space and no memory of its own: its pages are the operating system's cache of the file.
 * Its source is resident, so that reads and searches look at the file's bytes where they are. They are read-only:
 * writing into them ends the process.
 *
 * The native calls are made by koffi, an optional dependency that is loaded when one of these layers is built.
 *
 * **Files that shrink.** Touching a mapped page behind the end of its file ends the process (SIGBUS), as does a disk
 * that cannot read the page. The size of the file is therefore looked up before its bytes are handed out, once in each
 * turn of the event loop; once it has shrunk they are not, and reads beyond its end fail with `"Truncated"`. The
 * source's own `read` goes through the file and is never in danger. What cannot be caught is another process that cuts
 * the file short while its bytes are being looked at, in the turn in which they were handed out or by a native search:
 * that ends the process, and during a search it is the likely outcome of a cut (docs/reliability.md has figures). Map
 * files that nobody truncates, and use `FileMapper.layerFileSystem`, which is immune, for the others. Files that only
 * grow, or are replaced by others of the same name, are no danger.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as FileMapper from "../FileMapper.ts"
import * as file from "../internal/source/file.ts"
import * as blocks from "../internal/source/fileBlocks.ts"
import type { NativeUnavailable } from "../MemoryMapError.ts"
import * as mmap from "./mmap.ts"

/**
 * Files in memory through mmap(2), and nothing else: fails with `NativeUnavailable` on Windows, in 32-bit processes, and
 * where koffi cannot be loaded. A file that cannot be mapped, such as some of those under /proc and /sys, fails with the
 * `PlatformError` of mmap(2).
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMmap: Layer.Layer<FileMapper.FileMapper, NativeUnavailable> = Layer.effect(
  FileMapper.FileMapper,
  Effect.gen(function* () {
    const open = yield* mmap.make
    return yield* file.make(file.identify(yield* FileSystem.FileSystem), open)
  })
).pipe(Layer.provide(NodeFileSystem.layer))

/**
 * Files in memory through mmap(2) where that is possible, read by position as with `FileMapper.layerFileSystem` where
 * not: without koffi, on Windows, and for single files that cannot be mapped.
 *
 * **Example** (Reading a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper } from "effect-memory-map"
 * import { NodeFileMapper } from "effect-memory-map/node"
 *
 * const program = Effect.gen(function* () {
 *   const source = yield* FileMapper.map("package.json")
 *   return yield* source.read(0n, 1)
 * })
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeFileMapper.layer))) // => new Uint8Array([0x7b])
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FileMapper.FileMapper> = Layer.effect(
  FileMapper.FileMapper,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const byPosition = yield* blocks.make(fs, yield* FileMapper.BlockCache)
    const open = yield* Effect.match(mmap.make, {
      onFailure: () => byPosition,
      onSuccess:
        (inMemory): file.Open =>
        (path) =>
          Effect.catchIf(file.releaseOnFailure(inMemory(path)), mmap.isNotMappable, () => byPosition(path))
    })
    return yield* file.make(file.identify(fs), open)
  })
).pipe(Layer.provide(NodeFileSystem.layer))
