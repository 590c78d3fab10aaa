/**
 * Where the bytes behind a mapping come from: memory, a file, or anything that can be read by position.
 *
 * A source has a fixed size and is read by offset. When all its bytes are in memory it is *resident*, and readers
 * take them from there without an Effect in between. One that is slow to ask, a server or a {@link fromBlob | Blob}, is
 * put behind {@link cached}.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { checkSize } from "./internal/base/arguments.ts"
import * as blob_ from "./internal/source/blob.ts"
import * as cached_ from "./internal/source/cached.ts"
import * as internal from "./internal/source/source.ts"
import type { SourceError } from "./MemoryMapError.ts"

/**
 * The bytes behind a mapping.
 *
 * `size` is in bytes and never changes. `resident` is the whole content when it may be touched right now, else
 * `undefined`: ask for it anew before each use and do not keep it, for a file's bytes go away with its Scope. `read`
 * gives exactly `length` bytes from `offset` on, or fails with `"Truncated"` when they are not all inside; the array may
 * be shared and is to be treated as read-only.
 *
 * `volatile` is true for memory that changes while it is read, as that of a running process: no answer of such a source
 * is kept for a later read.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByteSource {
  readonly [internal.TypeId]: typeof internal.TypeId
  readonly name: string
  readonly size: bigint
  readonly resident: Uint8Array | undefined
  readonly volatile?: boolean | undefined
  readonly read: (offset: bigint, length: number) => Effect.Effect<Uint8Array, SourceError>
}

/**
 * True for byte sources, made here or by a `FileMapper`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isByteSource = (u: unknown): u is ByteSource => Predicate.hasProperty(u, internal.TypeId)

/**
 * A source of bytes in memory. The bytes are copied, so later writes to the array do not reach the source.
 *
 * **Example** (Bytes in memory)
 *
 * ```ts
 * import { ByteSource } from "effect-memory-map"
 *
 * const source = ByteSource.fromBytes(new Uint8Array([1, 2, 3]), { name: "three" })
 * source.size // => 3n
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array, options?: { readonly name?: string | undefined }): ByteSource =>
  fromBytesUnsafe(new Uint8Array(bytes), options)

/**
 * Like {@link fromBytes}, without the copy: the array must not be written to, resized or transferred afterwards.
 *
 * @category unsafe
 * @since 0.1.0
 */
export const fromBytesUnsafe = (bytes: Uint8Array, options?: { readonly name?: string | undefined }): ByteSource =>
  new internal.Bytes(options?.name ?? "bytes", bytes)

/**
 * A source of `size` zero bytes that takes no memory, however large.
 *
 * @category constructors
 * @since 0.1.0
 */
export const zeros = (size: bigint, options?: { readonly name?: string | undefined }): ByteSource => {
  checkSize("ByteSource.zeros", size)
  return new internal.Zeros(options?.name ?? "zeros", size)
}

/**
 * A source that reads through a function of yours: a remote target, a compressed file, a generator.
 *
 * `read` is called with offsets and lengths inside `[0, size)` only, for neighbouring mappings in one call, up to eight
 * calls under way at once. Its answer must not change afterwards; one of
 * another length than asked becomes `SourceError` `"Truncated"`. An exception thrown becomes a defect, so fail with
 * `SourceError` instead.
 *
 * **Example** (Bytes that are computed)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource } from "effect-memory-map"
 *
 * const counter = ByteSource.make({
 *   name: "counter",
 *   size: 256n,
 *   read: (offset, length) => Effect.succeed(Uint8Array.from({ length }, (_, i) => Number(offset) + i))
 * })
 * Effect.runSync(counter.read(16n, 2)) // => new Uint8Array([16, 17])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly name: string
  readonly size: bigint
  readonly volatile?: boolean | undefined
  readonly read: (offset: bigint, length: number) => Effect.Effect<Uint8Array, SourceError>
}): ByteSource => {
  checkSize("ByteSource.make", options.size)
  return new internal.Custom(options.name, options.size, options.read, options.volatile)
}

/**
 * What {@link fromBlob} needs of a Blob. The `File` and `Blob` of browsers, Node and other runtimes have it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BlobLike {
  readonly size: number
  readonly name?: string
  readonly slice: (start: number, end: number) => { readonly arrayBuffer: () => Promise<ArrayBuffer> }
}

/**
 * A source that reads a `Blob` of the web: a `File` that somebody chose in a page, the body of an answer, or what
 * `openAsBlob` of `node:fs` gives.
 *
 * Each read asks the Blob for its part and no more. The source is named as the `File` is, or `"blob"`. A read fails with
 * `SourceError` `"ReadFailed"` when the browser refuses it, as it does for a file that was changed after it had been
 * chosen. Put {@link cached} in front for many small reads.
 *
 * **Example** (A file of a page)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource, MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const file = new File(["firmware 1.2"], "app.bin")
 *   const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.fromBlob(file), 0x1000n)
 *   return new TextDecoder().decode(yield* MemoryMap.getBytes(map, 0x1009n, 3))
 * })
 *
 * await Effect.runPromise(program) // => "1.2"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBlob = (blob: BlobLike, options?: { readonly name?: string | undefined }): ByteSource =>
  blob_.fromBlob(blob, options?.name)

/**
 * The `length` bytes of `self` from `offset` on, sharing the bytes; `None` when they are not all inside `self`.
 *
 * **Example** (A part of a source)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { ByteSource } from "effect-memory-map"
 *
 * const source = ByteSource.fromBytes(new Uint8Array([1, 2, 3, 4]))
 * const part = Option.getOrThrow(ByteSource.slice(source, 1n, 2n))
 * Effect.runSync(part.read(0n, 2)) // => new Uint8Array([2, 3])
 * ByteSource.slice(source, 3n, 2n) // => Option.none()
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const slice: {
  (offset: bigint, length: bigint): (self: ByteSource) => Option.Option<ByteSource>
  (self: ByteSource, offset: bigint, length: bigint): Option.Option<ByteSource>
} = dual(3, (self: ByteSource, offset: bigint, length: bigint): Option.Option<ByteSource> =>
  offset < 0n || length < 0n || offset + length > self.size
    ? Option.none()
    : Option.some(internal.slice(self, offset, length))
)

/**
 * The source that really holds the byte at `offset` of `self`, and its offset there: slices are looked through.
 *
 * @category getters
 * @since 0.1.0
 */
export const origin: {
  (offset: bigint): (self: ByteSource) => { readonly source: ByteSource; readonly offset: bigint }
  (self: ByteSource, offset: bigint): { readonly source: ByteSource; readonly offset: bigint }
} = dual(2, internal.origin)

/**
 * The same bytes under another name, which mappings take over. Errors of reading name the source that really holds the
 * bytes, as {@link origin} does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withName: {
  (name: string): (self: ByteSource) => ByteSource
  (self: ByteSource, name: string): ByteSource
} = dual(2, (self: ByteSource, name: string): ByteSource => internal.slice(self, 0n, self.size, name))

/**
 * The same bytes, read in blocks of which those last used are kept in memory.
 *
 * For a source that is slow to ask. `blockSize` is in bytes, 64 KiB by default; `capacity` is how many blocks are kept,
 * 64 by default, so that at most `blockSize * capacity` bytes stay in memory. Blocks that are missing and follow each
 * other are read together, also when several fibers ask at the same time; a read of more than `capacity` blocks goes to
 * the source itself. A failed read is not kept: the next one asks again. Where a block cannot be read as a whole, only
 * what was asked for is read.
 *
 * Sources that gain nothing come back as they are: bytes in memory, zeros, and those that are `volatile`, whose answers
 * must not be kept. Reads of a file whose Scope has ended fail with `"Closed"`, also for blocks that were read before.
 *
 * A `blockSize` or `capacity` that is no whole number from 1 on is a defect, a `RangeError`.
 *
 * **Example** (Two reads, one request)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ByteSource } from "effect-memory-map"
 *
 * const requests: Array<string> = []
 * const remote = ByteSource.make({
 *   name: "remote",
 *   size: 10_000n,
 *   read: (offset, length) =>
 *     Effect.sync(() => {
 *       requests.push(`${length} bytes at ${offset}`)
 *       return new Uint8Array(length)
 *     })
 * })
 * const program = Effect.gen(function* () {
 *   const source = yield* ByteSource.cached(remote, { blockSize: 4096 })
 *   yield* source.read(100n, 5000)
 *   yield* source.read(300n, 8)
 *   return requests
 * })
 *
 * await Effect.runPromise(program) // => ["8192 bytes at 0"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const cached = (
  source: ByteSource,
  options?: { readonly blockSize?: number | undefined; readonly capacity?: number | undefined }
): Effect.Effect<ByteSource> =>
  cached_.cached(source, { blockSize: options?.blockSize ?? 1 << 16, capacity: options?.capacity ?? 64 })
