/**
 * Files as {@link ByteSource}s, inside a Scope.
 *
 * Mapping a file reads nothing but its size; its bytes are read when they are asked for. When the Scope closes, the
 * file is closed too, and every read through the source fails with `SourceError` `"Closed"` from then on.
 *
 * | layer | how it reads | choose it |
 * |---|---|---|
 * | `layerFileSystem` | by position, through Effect's `FileSystem` | anywhere; when files may be cut short by others while mapped |
 * | `NodeFileMapper.layer` | mmap(2) where possible, else by position | on Node, for speed |
 * | `layerTest` | from memory, with the faults you ask for | in tests |
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { ByteSource } from "./ByteSource.ts"
import * as internal from "./internal/source/file.ts"
import * as blocks from "./internal/source/fileBlocks.ts"
import { makeTest } from "./internal/source/fileTest.ts"

/**
 * Which part of a file to map, in bytes: from `offset` (default 0), `length` bytes (default: up to the end).
 *
 * @category models
 * @since 0.1.0
 */
export interface MapOptions {
  readonly offset?: bigint | undefined
  readonly length?: bigint | undefined
}

/**
 * Maps files.
 *
 * `map` gives the bytes of the file at `path`, which is also the name of the source, until the Scope closes. `offset`
 * and `length` need not be multiples of anything.
 *
 * A file mapped several times is opened once, as long as its path leads to the same file of the same size and time of
 * change; a file that was replaced in between is opened anew. What others write into a file that stays in place may
 * show in the bytes, or may not.
 *
 * Fails with `PlatformError`: `BadArgument` when `offset` and `length` are not inside the file, `NotFound`,
 * `PermissionDenied`, and `BadResource` for what is not a regular file (directories, pipes, devices) and for files
 * that hide their size (those under /proc).
 *
 * @category services
 * @since 0.1.0
 */
export class FileMapper extends Context.Service<
  FileMapper,
  {
    readonly map: (
      path: string,
      options?: MapOptions
    ) => Effect.Effect<ByteSource, PlatformError.PlatformError, Scope.Scope>
  }
>()("effect-memory-map/FileMapper") {}

/**
 * The file at `path` as a source, by the {@link FileMapper} of the context; see there.
 *
 * **Example** (A part of a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const source = yield* FileMapper.map("/firmware.bin", { offset: 1n })
 *   return [source.name, source.size, yield* source.read(0n, 2)]
 * })
 * const files = FileMapper.layerTest({ "/firmware.bin": new Uint8Array([1, 2, 3]) })
 *
 * Effect.runSync(program.pipe(Effect.scoped, Effect.provide(files))) // => ["/firmware.bin", 2n, new Uint8Array([2, 3])]
 * ```
 *
 * @category resource management
 * @since 0.1.0
 */
export const map = (
  path: string,
  options?: MapOptions
): Effect.Effect<ByteSource, PlatformError.PlatformError, FileMapper | Scope.Scope> =>
  FileMapper.use((mapper) => mapper.map(path, options))

/**
 * How files are read by position: in blocks of `blockSize` bytes, of which the layer keeps those last used, `cacheSize`
 * bytes for all its files together. Reads that do not fit into a block go straight to the file. Looked up when the
 * layer is built; the default is 64 KiB and 32 MiB.
 *
 * @category configuration
 * @since 0.1.0
 */
export const BlockCache: Context.Reference<{ readonly blockSize: number; readonly cacheSize: number }> =
  Context.Reference("effect-memory-map/FileMapper/BlockCache", {
    defaultValue: () => ({ blockSize: 1 << 16, cacheSize: 1 << 25 })
  })

/**
 * Reads files by position through Effect's `FileSystem`: works wherever there is one, at any file size.
 *
 * A read beyond the end of a file that has become shorter fails with `"Truncated"`, and can do no harm; blocks in the
 * cache stay readable. Sources are never resident. Closing waits for the reads that the operating system is carrying
 * out; they too fail with `"Closed"`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFileSystem: Layer.Layer<FileMapper, never, FileSystem.FileSystem> = Layer.effect(
  FileMapper,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const open = yield* blocks.make(fs, yield* BlockCache)
    return yield* internal.make(internal.identify(fs), open)
  })
)

/**
 * A file of {@link layerTest}, and what goes wrong with it. Reads are numbered from 1, for each file and each time the
 * layer is built.
 *
 * - `failRead`: whether the `k`-th read fails with `"ReadFailed"`: `(k) => k === 3` fails once, `(k) => k >= 3` for ever
 * - `failAt`: reads that touch the byte at this offset fail with `"ReadFailed"`
 * - `shrink`: after so many reads the file is only `to` bytes long, and reads beyond fail with `"Truncated"`
 * - `latency`: how long each read takes, by the clock of the context
 * - `resident`: the bytes are in memory and can be had without a read, as those of a mapped file. Each look at
 *   `resident` then counts as a read for `shrink`; the other faults only meet those who call `read`
 *
 * @category models
 * @since 0.1.0
 */
export interface TestFile {
  readonly bytes: Uint8Array
  readonly failRead?: ((k: number) => boolean) | undefined
  readonly failAt?: bigint | undefined
  readonly shrink?: { readonly afterReads: number; readonly to: number } | undefined
  readonly latency?: Duration.Input | undefined
  readonly resident?: boolean | undefined
}

/**
 * Files that exist only in memory, for tests. Each path leads to bytes, to a {@link TestFile} with faults, or to the
 * error that mapping it gives; every other path fails with `NotFound`.
 *
 * **Example** (A read that fails once)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper } from "effect-memory-map"
 *
 * const files = FileMapper.layerTest({
 *   "/flaky": { bytes: new Uint8Array([1, 2, 3]), failRead: (k) => k === 1 }
 * })
 * const program = Effect.gen(function* () {
 *   const source = yield* FileMapper.map("/flaky")
 *   const first = yield* Effect.flip(source.read(0n, 1))
 *   return [first.reason, yield* source.read(0n, 1)]
 * })
 *
 * Effect.runSync(program.pipe(Effect.scoped, Effect.provide(files))) // => ["ReadFailed", new Uint8Array([1])]
 * ```
 *
 * **Example** (A file that shrinks while mapped)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper } from "effect-memory-map"
 *
 * const files = FileMapper.layerTest({
 *   "/log": { bytes: new Uint8Array([1, 2, 3]), shrink: { afterReads: 1, to: 2 } }
 * })
 * const program = Effect.gen(function* () {
 *   const source = yield* FileMapper.map("/log")
 *   const before = yield* source.read(0n, 3)
 *   const after = yield* Effect.flip(source.read(0n, 3))
 *   return [before.length, after.reason]
 * })
 *
 * Effect.runSync(program.pipe(Effect.scoped, Effect.provide(files))) // => [3, "Truncated"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (
  files: Readonly<Record<string, Uint8Array | TestFile | PlatformError.PlatformError>>
): Layer.Layer<FileMapper> => Layer.effect(FileMapper, makeTest(files))
