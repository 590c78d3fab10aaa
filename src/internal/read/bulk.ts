// Many bytes at once: up to a hole, padded, sparse, streamed.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import type { AddressedBytes, HolePolicy, SparsePart } from "../../MemoryMap.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import * as inspect from "../map/inspect.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { END } from "../base/numbers.ts"
import { allocate, bytes, checkLength, partsOf, type ReadError, unmapped } from "./bytes.ts"
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
    if (reached === address) return unmapped(map, "getBytesUpTo", address, { address, length })
    return copyExtents(parts, allocate("getBytesUpTo", Number(reached - address)))
  })

/** The first address of `[start, end)` that is none. There is nothing that could be padded, left out or be a hole. */
const outside = (start: bigint, end: bigint): bigint | undefined =>
  start >= end ? undefined : start < 0n || start > END ? start : end > END ? END : undefined

export const getBytesPadded = (
  map: MemoryMapImpl,
  address: bigint,
  length: number,
  fill: number
): Effect.Effect<Uint8Array, ReadError> =>
  Effect.suspend((): Effect.Effect<Uint8Array, ReadError> => {
    checkLength("getBytesPadded", length)
    const end = address + BigInt(length)
    const nowhere = outside(address, end)
    if (nowhere !== undefined) return unmapped(map, "getBytesPadded", nowhere, { address, length })
    const padded = allocate("getBytesPadded", length).fill(fill)
    const runs = [...inspect.runs(map, { start: address, end })]
    return Effect.as(
      Effect.forEach(
        runs,
        (run) => {
          const { parts } = partsOf(map, run.start, Number(run.end - run.start))
          return copyExtents(parts, padded, Number(run.start - address))
        },
        { discard: true }
      ),
      padded
    )
  })

export const getSparse = Effect.fnUntraced(function* (
  map: MemoryMapImpl,
  range: AddressRange
): Effect.fn.Return<ReadonlyArray<SparsePart>, ReadError> {
  const { end, start } = range
  const nowhere = outside(start, end)
  if (nowhere !== undefined) {
    return yield* unmapped(map, "getSparse", nowhere, { address: start, length: Number(end - start) })
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
const CHUNK = 1 << 20

/** Elements of one pull at most. */
const ELEMENTS = 1024

/** Bytes after which a stream lets others have the event loop. */
const TURN = 4 << 20

/** Adjacent bytes that become one element; holes shown as zeros have no parts. */
interface Job {
  readonly address: bigint
  readonly parts: Array<Extent>
  length: number
}

/** What one pull reads: jobs from `at` on, and the hole that stopped it, if one did. */
const plan = (map: MemoryMapImpl, at: bigint, end: bigint, policy: HolePolicy) => {
  const jobs: Array<Job> = []
  let reached = at
  let room = CHUNK
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

/** Reads jobs in order, up to one that fails. */
const readJobs = Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>) {
  const done: Array<AddressedBytes> = []
  for (const { address, length, parts } of jobs) {
    const bytes = yield* Effect.result(copyExtents(parts, new Uint8Array(length)))
    if (bytes._tag === "Failure") return { done, error: bytes.failure }
    done.push({ address, bytes: bytes.success })
  }
  return { done, error: undefined }
})

export const stream = (
  map: MemoryMapImpl,
  range: AddressRange,
  policy: HolePolicy
): Stream.Stream<AddressedBytes, ReadError> =>
  Stream.fromPull(
    Effect.sync(() => {
      let at = range.start
      let sinceTurn = 0
      /** What failed after other elements of its pull had been read: they come first. */
      let failed: SourceError | undefined
      type Step = Pull.Pull<Arr.NonEmptyReadonlyArray<AddressedBytes>, ReadError>
      const stop = (hole: bigint): Step =>
        unmapped(map, "stream", hole, { address: range.start, length: Number(range.end - range.start) })
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
          sinceTurn += CHUNK
          if (sinceTurn < TURN) return Effect.succeed(done)
          sinceTurn = 0
          return Effect.as(Effect.yieldNow, done)
        })
      })
    })
  )
