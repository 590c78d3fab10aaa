// Many bytes at once: up to a hole, padded, sparse, streamed.
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../AddressRange.ts"
import type { AddressedBytes, HolePolicy, SparsePart } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"
import * as inspect from "./inspect.ts"
import type { MemoryMapImpl } from "./map.ts"
import { END } from "./numbers.ts"
import { allocate, bytes, checkLength, copyParts, type Part, partsOf, type ReadError, unmapped } from "./read.ts"
import * as Skyline from "./skyline.ts"

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
    return copyParts(parts, allocate("getBytesUpTo", Number(reached - address)))
  })

export const getBytesPadded = (
  map: MemoryMapImpl,
  address: bigint,
  length: number,
  fill: number
): Effect.Effect<Uint8Array, ReadError> =>
  Effect.suspend((): Effect.Effect<Uint8Array, ReadError> => {
    checkLength("getBytesPadded", length)
    const end = address + BigInt(length)
    if (length > 0 && (address < 0n || end > END)) {
      // Past the end of the space there is nothing that could be padded.
      const outside = address < 0n || address > END ? address : END
      return unmapped(map, "getBytesPadded", outside, { address, length })
    }
    const padded = allocate("getBytesPadded", length).fill(fill)
    const runs = [...inspect.runs(map, { start: address, end })]
    return Effect.as(
      Effect.forEach(
        runs,
        (run) => {
          const { parts } = partsOf(map, run.start, Number(run.end - run.start))
          return copyParts(parts, padded, Number(run.start - address))
        },
        { discard: true }
      ),
      padded
    )
  })

export const getSparse = (
  map: MemoryMapImpl,
  range: AddressRange
): Effect.Effect<ReadonlyArray<SparsePart>, ReadError> =>
  Effect.suspend(() => {
    const holes = Array.from(inspect.holes(map, range), (hole): Effect.Effect<SparsePart> =>
      Effect.succeed({ _tag: "Hole", ...hole })
    )
    const starts = Array.from(inspect.holes(map, range), (hole) => hole.range.start)
    const parts: Array<Effect.Effect<SparsePart, ReadError>> = []
    let next = 0
    for (const { end, start } of inspect.runs(map, range)) {
      while (next < holes.length && starts[next]! < start) parts.push(holes[next++]!)
      parts.push(
        Effect.map(bytes(map, "getSparse", start, Number(end - start)), (bytes) => ({ _tag: "Run", start, bytes }))
      )
    }
    return Effect.all([...parts, ...holes.slice(next)])
  })

/** Bytes of one element of a stream at most, and of one pull. */
const CHUNK = 1 << 20

/** Elements of one pull at most. */
const ELEMENTS = 1024

/** Bytes after which a stream lets others have the event loop. */
const TURN = 4 << 20

/** Adjacent bytes that become one element; holes shown as zeros have no parts. */
interface Job {
  readonly address: bigint
  readonly parts: Array<Part>
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
  for (const piece of Skyline.within(map.visible, at, end)) {
    if (piece.start > reached && !skipHole(piece.start)) return result(reached)
    if (room === 0 || jobs.length >= ELEMENTS) return result(undefined)
    const mapping = Skyline.layerOf(piece)
    const length = take((piece.end < end ? piece.end : end) - reached)
    const part = { mapping, offset: reached - mapping.start, length }
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

/** Reads jobs in order; when one fails after others succeeded, those come first and the failure next time. */
const readJobs = (jobs: ReadonlyArray<Job>): Effect.Effect<Array<AddressedBytes>, SourceError> => {
  const done: Array<AddressedBytes> = []
  const all = Effect.forEach(
    jobs,
    ({ address, length, parts }) =>
      Effect.map(copyParts(parts, new Uint8Array(length)), (bytes) => done.push({ address, bytes })),
    { discard: true }
  )
  return Effect.matchEffect(all, {
    onSuccess: () => Effect.succeed(done),
    onFailure: (error) => (done.length > 0 ? Effect.succeed(done) : Effect.fail(error))
  })
}

export const stream = (
  map: MemoryMapImpl,
  range: AddressRange,
  policy: HolePolicy
): Stream.Stream<AddressedBytes, ReadError> =>
  Stream.fromPull(
    Effect.sync(() => {
      let at = range.start
      let sinceTurn = 0
      type Step = Pull.Pull<Arr.NonEmptyReadonlyArray<AddressedBytes>, ReadError>
      return Effect.suspend((): Step => {
        if (at >= range.end) return Cause.done()
        const { hole, jobs, reached } = plan(map, at, range.end, policy)
        if (jobs.length === 0) {
          at = reached
          if (hole === undefined) return Cause.done()
          const length = Number(range.end - range.start)
          return unmapped(map, "stream", hole, { address: range.start, length })
        }
        return Effect.flatMap(readJobs(jobs), (done) => {
          const last = done.at(-1)!
          at = done.length === jobs.length ? reached : last.address + BigInt(last.bytes.length)
          sinceTurn += CHUNK
          const elements = done as unknown as Arr.NonEmptyReadonlyArray<AddressedBytes>
          if (sinceTurn < TURN) return Effect.succeed(elements)
          sinceTurn = 0
          return Effect.as(Effect.yieldNow, elements)
        })
      })
    })
  )
