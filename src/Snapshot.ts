/**
 * Maps saved to a file and opened again.
 *
 * A snapshot holds every visible byte of a map, its holes with their reasons, names, permissions, and word size and byte
 * order, set or unset. It is a valid ELF64 core file, so gdb, readelf, objdump and drgn open it too. Opening reads
 * headers alone, and checks them; `verify` checks every byte. Equal maps give equal files. The format is described in
 * docs/reference/snapshot-format.md, for other implementations.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import { dual } from "effect/Function"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ByteSource } from "./ByteSource.ts"
import * as FileMapper from "./FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError, WriteError } from "./ImageFormat.ts"
import type { MemoryMapImpl } from "./internal/map/map.ts"
import { FORMAT } from "./internal/snapshot/layout.ts"
import * as read from "./internal/snapshot/read.ts"
import { save as save_ } from "./internal/snapshot/save.ts"
import { pieces, plan } from "./internal/snapshot/write.ts"
import { Bytes as Resident } from "./internal/source/source.ts"
import { isDataFirst } from "./internal/map/machine.ts"
import type { Mapped } from "./MemoryMap.ts"
import { ImageError, type SourceError } from "./MemoryMapError.ts"

/**
 * How far saving has come: bytes of the file written, zeros that were skipped included, and its size.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly written: bigint
  readonly total: bigint
}

/**
 * Options of {@link save}. `onProgress` runs after each piece. `overwrite: false` (default: true) fails with
 * `PlatformError` `"AlreadyExists"` rather than replace a file. `limit` is the most bytes of data, zeros included: maps of
 * more fail with `ImageError` `"TooLarge"` before anything is written (default: 2^44, 16 TiB; at most 2^48).
 *
 * @category models
 * @since 0.1.0
 */
export interface SaveOptions {
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
  readonly overwrite?: boolean | undefined
  readonly limit?: number | undefined
}

/**
 * Saves a map to a file.
 *
 * The file is written beside `path`, under a name that ends in `.partial`, flushed to disk, and renamed into place:
 * whenever the process dies, a file that was there before is whole, and no half file is under the name. A failure or
 * interruption removes the partial file; a process that is killed outright leaves it behind, and on Linux the next save
 * to the same path removes it. Pages of zeros take no space on file systems that know holes.
 *
 * A file that is replaced keeps its mode and owner; where the owner cannot be kept, the new file can be read by the one
 * who saves only, as a file can that was not there before. Links are followed, also where they lead to nothing yet. A map
 * opened from `path` may be saved to `path`. Devices and pipes are written to, directories refused.
 *
 * Fails with `SourceError` when bytes cannot be read, `PlatformError` when they cannot be written, and `ImageError`
 * when the map has more segments (2^24) or bytes than a snapshot can hold.
 *
 * **Example** (Saved and opened again)
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect, FileSystem } from "effect"
 * import { MemoryMap, Snapshot } from "effect-memory-map"
 * import { NodeMemoryMap } from "effect-memory-map/node"
 *
 * const program = Effect.gen(function*() {
 *   const fs = yield* FileSystem.FileSystem
 *   const path = `${yield* fs.makeTempDirectoryScoped()}/hello.snap`
 *   const map = yield* MemoryMap.fromString("hello", 0xffff_8000_0000_0000n)
 *   yield* Snapshot.save(map, path)
 *   const again = yield* Snapshot.open(path)
 *   return yield* MemoryMap.getBytes(again, 0xffff_8000_0000_0001n, 2)
 * })
 * const layers = Effect.provide([NodeMemoryMap.layer, NodeServices.layer])
 * await Effect.runPromise(program.pipe(Effect.scoped, layers)) // => new Uint8Array([0x65, 0x6c])
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const save: {
  (
    path: string,
    options?: SaveOptions
  ): (self: Mapped) => Effect.Effect<void, ImageError | SourceError | PlatformError, FileSystem>
  (
    self: Mapped,
    path: string,
    options?: SaveOptions
  ): Effect.Effect<void, ImageError | SourceError | PlatformError, FileSystem>
} = dual(isDataFirst, (self: MemoryMapImpl, path: string, options?: SaveOptions) =>
  Effect.withSpan(save_(self, path, options), "Snapshot.save", { attributes: { path, bytes: self.mappedSize } })
)

/**
 * `limit` is that of {@link SaveOptions}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToStreamOptions {
  readonly limit?: number | undefined
}

/**
 * The bytes that {@link save} would write, in pieces of 1 MiB at most, in order; zeros are not left out. The arrays are
 * to be treated as read-only. `limit` is that of {@link SaveOptions}.
 *
 * @category serialization
 * @since 0.1.0
 */
export const toStream: {
  (options?: ToStreamOptions): (self: Mapped) => Stream.Stream<Uint8Array, WriteError>
  (self: Mapped, options?: ToStreamOptions): Stream.Stream<Uint8Array, WriteError>
} = dual(isDataFirst, (self: MemoryMapImpl, options?: ToStreamOptions) =>
  Stream.unwrap(Effect.map(plan("Snapshot.toStream", self, options?.limit), (plan) => pieces(plan)))
)

/**
 * Opens a snapshot. Time and memory follow the number of segments: data is read when it is asked for. Each segment of
 * the map that was saved is a mapping of the map that is opened.
 *
 * Fails with `ImageError` when the file is no snapshot, is of a newer version, is cut short, or when anything but the
 * data is damaged. For the data, see {@link verify}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string): Effect.Effect<Mapped, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.withSpan(Effect.flatMap(FileMapper.map(path), read.open), "Snapshot.open", { attributes: { path } })

/**
 * Opens the snapshot in a source; see {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource: (source: ByteSource) => Effect.Effect<Mapped, DecodeError> = read.open

/**
 * Reads a whole snapshot into memory and checks every byte. Fails with `ImageError` when it has more than `limit`
 * bytes, or is not whole and sound.
 *
 * **Example** (Through a stream and back)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap, Snapshot } from "effect-memory-map"
 *
 * const program = Effect.gen(function*() {
 *   const map = yield* MemoryMap.fromString("hello", 0x1000n)
 *   const again = yield* Snapshot.fromStream(Snapshot.toStream(map), { limit: 1 << 20 })
 *   return MemoryMap.bounds(again)
 * })
 * Effect.runSync(program) // => Effect.runSync(Effect.map(MemoryMap.fromString("hello", 0x1000n), MemoryMap.bounds))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream: {
  (options: {
    readonly limit: number
  }): <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Effect.Effect<Mapped, E | ImageError | SourceError, R>
  <E, R>(
    stream: Stream.Stream<Uint8Array, E, R>,
    options: { readonly limit: number }
  ): Effect.Effect<Mapped, E | ImageError | SourceError, R>
} = dual(
  2,
  Effect.fnUntraced(function* <E, R>(stream: Stream.Stream<Uint8Array, E, R>, { limit }: { readonly limit: number }) {
    const parts: Array<Uint8Array> = []
    let length = 0
    yield* Stream.runForEach(stream, (bytes): Effect.Effect<void, ImageError> => {
      length += bytes.length
      parts.push(bytes)
      if (length <= limit) return Effect.void
      const why = `the stream has more than the ${limit} bytes allowed`
      return new ImageError({ path: "stream", format: FORMAT, reason: "TooLarge", offset: BigInt(limit), why })
    })
    const source = new Resident("stream", Bytes.concat(parts))
    yield* read.verify(source, () => Effect.void)
    return yield* read.open(source)
  })
)

/**
 * Checks every byte of a snapshot against its checksums, and gives the number of segments and of bytes of data.
 *
 * Fails with `ImageError` that names the file offset and, for data, the addresses of the first block (1 MiB at most)
 * that is damaged.
 *
 * @category constructors
 * @since 0.1.0
 */
export const verify = (
  path: string,
  options?: {
    readonly onProgress?:
      | ((progress: { readonly checked: bigint; readonly total: bigint }) => Effect.Effect<void>)
      | undefined
  }
): Effect.Effect<
  { readonly segments: number; readonly bytes: bigint },
  ImageError | SourceError | PlatformError,
  FileMapper.FileMapper
> =>
  Effect.flatMap(FileMapper.map(path), (source) =>
    read.verify(source, (checked) => options?.onProgress?.({ checked, total: source.size }) ?? Effect.void)
  ).pipe(Effect.scoped, Effect.withSpan("Snapshot.verify", { attributes: { path } }))

/**
 * True when the source begins as a snapshot does, of any version.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = read.recognise

/**
 * A snapshot as an image, as `MemoryImage` opens it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SnapshotImage {
  readonly format: "snapshot"
  readonly map: Mapped
}

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<SnapshotImage, unknown, ToStreamOptions> = {
  name: "snapshot",
  recognise,
  fromSource: (source) => Effect.map(fromSource(source), (map): SnapshotImage => ({ format: "snapshot", map })),
  write: toStream
}
