// Many bytes at once: up to a hole, padded, sparse, streamed.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import type { AddressedBytes, HolePolicy, SparsePart } from "../../MemoryMap.ts"
import { type SourceError, TooLarge } from "../../MemoryMapError.ts"
import * as inspect from "../map/inspect.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { END } from "../base/numbers.ts"
import { checkCount, checkLength, checkLimit, checkRange } from "../base/arguments.ts"
import { allocate, bytes, extent, LARGEST, partsOf, type ReadError, unmapped } from "./bytes.ts"
import { breathe } from "../base/turns.ts"
import { copyExtents, type Extent } from "../source/copy.ts"
import { mappingOf, piecesIn } from "../map/pieces.ts"

export const getBytesUpTo = (
  map: MemoryMapImpl,
  address: bigint,
  length: number
): Effect.Effect<Uint8Array, ReadError> =>
  Effect.suspend((): Effect.Effect<Uint8Array, ReadError> => {
    checkLength("getBytesUpTo", length)
    if (length === 0) return Effect.succeed(new Uint8Array(0))
    const { parts, reached } = partsOf(map, address, length)
    if (reached === address) return unmapped(map, "getBytesUpTo", address, extent(address, length))
    return copyExtents(parts, allocate("getBytesUpTo", Number(reached - address)))
  })

/**
 * The first value in `[start, end)` that lies outside the address space; `undefined` when all of it is inside. Outside
 * there are neither bytes nor holes, so nothing can be padded or left out there.
 */
const outside = (start: bigint, end: bigint): bigint | undefined =>
  start >= end ? undefined : start < 0n || start > END ? start : end > END ? END : undefined

export const getBytesPadded = (
  map: MemoryMapImpl,
  address: bigint,
  length: number,
  fill = 0
): Effect.Effect<Uint8Array, ReadError> =>
  Effect.suspend((): Effect.Effect<Uint8Array, ReadError> => {
    checkLength("getBytesPadded", length)
    checkCount("MemoryMap.getBytesPadded", "the fill", fill, 0, 255)
    const end = address + BigInt(length)
    const nowhere = outside(address, end)
    if (nowhere !== undefined) return unmapped(map, "getBytesPadded", nowhere, { start: address, end })
    return copyExtents(paddedExtents(map, address, end), allocate("getBytesPadded", length).fill(fill))
  })

/** The mapped extents of the range and, between them, extents without a source, whose bytes are left as they are. */
function* paddedExtents(map: MemoryMapImpl, start: bigint, end: bigint): Generator<Extent> {
  let reached = start
  for (const piece of piecesIn(map, start, end)) {
    const { source, start: origin } = mappingOf(piece)
    if (piece.start > reached) {
      yield { source: undefined, offset: 0n, length: Number(piece.start - reached) }
      reached = piece.start
    }
    const stop = piece.end < end ? piece.end : end
    yield { source, offset: reached - origin, length: Number(stop - reached) }
    reached = stop
  }
}

/** What a sparse read gives at most unless told otherwise, in bytes. */
const LIMIT = 2 ** 30

export const getSparse = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  range: AddressRange,
  limit = LIMIT
): Effect.fn.Return<ReadonlyArray<SparsePart>, ReadError | TooLarge> {
  checkRange("getSparse", range)
  const nowhere = outside(range.start, range.end)
  if (nowhere !== undefined) return yield* unmapped(map, "getSparse", nowhere, range)
  checkLimit("getSparse", limit, LARGEST)
  const size = inspect.coverage(map, range).mapped
  if (size > limit) {
    return yield* new TooLarge({ operation: "getSparse", address: range.start, size, limit: BigInt(limit) })
  }
  const holes = Array.from(inspect.holes(map, range), (hole): SparsePart => ({ _tag: "Hole", ...hole }))
  const runs: Array<SparsePart> = []
  for (const run of inspect.runs(map, range)) {
    const found = yield* bytes(map, "getSparse", run.start, Number(run.end - run.start))
    runs.push({ _tag: "Run", start: run.start, bytes: found })
  }
  return [...holes, ...runs].sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1))
})

const startOf = (part: SparsePart): bigint => (part._tag === "Run" ? part.start : part.range.start)

/** Bytes of one element of a stream at most, and of one pull. */
const BYTES_AT_ONCE = 1 << 20

/** Elements of one pull at most: a map of tiny segments would otherwise plan a million reads before the first is done. */
const ELEMENTS = 1024

/** Adjacent bytes that become one element of the stream. A hole shown as zeros is a job without parts. */
interface Job {
  readonly address: bigint
  readonly parts: Array<Extent>
  length: number
}

/** What one pull reads: jobs from `at` on, and the hole that stopped it, if one did. */
const plan = (map: MemoryMapImpl, at: bigint, end: bigint, policy: HolePolicy) => {
  const jobs: Array<Job> = []
  let reached = at
  let room = BYTES_AT_ONCE
  const take = (length: bigint): number => Number(length < room ? length : room)
  const result = (hole: bigint | undefined) => ({ jobs, reached, hole })
  const skipHole = (stop: bigint): boolean => {
    if (policy === "skip") reached = stop
    if (policy !== "zero") return policy === "skip"
    const length = take(stop - reached)
    jobs.push({ address: reached, parts: [], length })
    reached += BigInt(length)
    room -= length
    return true
  }
  for (const piece of piecesIn(map, at, end)) {
    if (piece.start > reached && !skipHole(piece.start)) return result(reached)
    if (room === 0 || jobs.length >= ELEMENTS) return result(undefined)
    const { source, start } = mappingOf(piece)
    const length = take((piece.end < end ? piece.end : end) - reached)
    const part = { source, offset: reached - start, length }
    const previous = jobs.at(-1)
    const joins = previous !== undefined && previous.parts.length > 0
    if (joins && previous.address + BigInt(previous.length) === reached) {
      previous.parts.push(part)
      previous.length += length
    } else jobs.push({ address: reached, parts: [part], length })
    reached += BigInt(length)
    room -= length
    if (room === 0) return result(undefined)
  }
  if (reached < end && !skipHole(end)) return result(reached)
  return result(undefined)
}

/** Reads of a source that are under way at once. More would help a source far away, and queue up on a disk. */
const SIDE_BY_SIDE = 8

/** Reads jobs, some of them side by side, and gives what there is in front of the first that fails. */
const readJobs = (jobs: ReadonlyArray<Job>) =>
  Effect.suspend(() => {
    let good = jobs.length
    let error: SourceError | undefined
    const done: Array<AddressedBytes> = []
    const read = ({ address, length, parts }: Job, index: number) =>
      Effect.suspend(() =>
        index >= good
          ? Effect.void
          : Effect.match(copyExtents(parts, new Uint8Array(length)), {
              onFailure: (failure) => {
                if (index >= good) return
                good = index
                error = failure
              },
              onSuccess: (bytes) => {
                done[index] = { address, bytes }
              }
            })
      )
    return Effect.map(Effect.forEach(jobs, read, { concurrency: SIDE_BY_SIDE, discard: true }), () => ({
      done: done.slice(0, good),
      error
    }))
  })

export const stream = (
  map: MemoryMapImpl,
  range: AddressRange,
  policy: HolePolicy
): Stream.Stream<AddressedBytes, ReadError> =>
  Stream.fromPull(
    Effect.sync(() => {
      let at = range.start
      /** What failed after other elements of its pull had been read: they come first. */
      let failed: SourceError | undefined
      type Step = Pull.Pull<Arr.NonEmptyReadonlyArray<AddressedBytes>, ReadError>
      const stop = (hole: bigint): Step => unmapped(map, "stream", hole, range)
      checkRange("stream", range)
      const nowhere = outside(range.start, range.end)
      return Effect.suspend((): Step => {
        if (nowhere !== undefined) return stop(nowhere)
        if (failed !== undefined) return failed
        if (at >= range.end) return Cause.done()
        const { hole, jobs, reached } = plan(map, at, range.end, policy)
        at = reached
        if (jobs.length === 0) return hole === undefined ? Cause.done() : stop(hole)
        return Effect.flatMap(readJobs(jobs), ({ done, error }): Step => {
          if (!Arr.isArrayNonEmpty(done)) return error ?? Cause.done()
          failed = error
          return Effect.as(breathe, done)
        })
      })
    })
  )
