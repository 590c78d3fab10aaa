// Bytes of several sources put together in one array. What is in memory is copied in turns; what has to be read is read
// in as few requests as there can be, some of them side by side.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { inTurns, type Work } from "../base/turns.ts"
import { isZeros, origin } from "./source.ts"

/** `length` bytes of a source, from `offset` on; without a source, bytes of the target that stay as they are. */
export interface Extent {
  readonly source: ByteSource | undefined
  readonly offset: bigint
  readonly length: number
}

/** A request to a source, for bytes that go to index `to` of the target. */
interface Request {
  readonly source: ByteSource
  readonly offset: bigint
  readonly to: number
  length: number
}

/** Bytes of one request at most. Larger ones would hold twice the memory for longer, and win nothing. */
const LARGEST = 4 << 20

/** Requests under way at once, for one array. */
const SIDE_BY_SIDE = 8

/** Bytes copied between two looks at the clock, and what an extent costs besides its bytes. */
const STEP = 1 << 20
const EXTENT = 256

/** Adds to the requests. What follows the last one, in its source and in the target, becomes part of it. */
const request = (requests: Array<Request>, source: ByteSource, offset: bigint, to: number, length: number): void => {
  const place = origin(source, offset)
  let done = 0
  const last = requests.at(-1)
  if (
    last !== undefined &&
    last.source === place.source &&
    last.to + last.length === to &&
    last.offset + BigInt(last.length) === place.offset
  ) {
    done = Math.min(length, LARGEST - last.length)
    last.length += done
  }
  for (; done < length; done += LARGEST) {
    const size = Math.min(LARGEST, length - done)
    requests.push({ source: place.source, offset: place.offset + BigInt(done), to: to + done, length: size })
  }
}

/** Copies what is in memory, and lists the rest. */
function* copyResident(extents: Iterable<Extent>, target: Uint8Array, at: number): Work<Array<Request>> {
  const requests: Array<Request> = []
  let to = at
  let work = 0
  for (const { length, offset, source } of extents) {
    work += EXTENT
    for (let done = 0; source !== undefined && done < length;) {
      if (work >= STEP) {
        yield
        work = 0
      }
      const size = Math.min(STEP, length - done)
      // Asked for anew after each rest: a file may have closed meanwhile.
      const resident = source.resident
      const from = Number(offset) + done
      if (resident !== undefined) target.set(resident.subarray(from, from + size), to + done)
      else if (isZeros(source)) target.fill(0, to + done, to + done + size)
      else {
        request(requests, source, offset + BigInt(done), to + done, length - done)
        break
      }
      done += size
      work += size
    }
    to += length
  }
  return requests
}

/** Of several requests that fail, the one for the lowest index is told. */
const readAll = (requests: ReadonlyArray<Request>, target: Uint8Array): Effect.Effect<void, SourceError> =>
  Effect.suspend(() => {
    let failed: { readonly index: number; readonly error: SourceError } | undefined
    const isVain = (index: number): boolean => failed !== undefined && failed.index < index
    const read = ({ length, offset, source, to }: Request, index: number) =>
      Effect.suspend(() =>
        isVain(index)
          ? Effect.void
          : Effect.match(source.read(offset, length), {
              onFailure: (error) => {
                if (!isVain(index)) failed = { index, error }
              },
              onSuccess: (bytes) => target.set(bytes, to)
            })
      )
    return Effect.flatMap(
      Effect.forEach(requests, read, { concurrency: SIDE_BY_SIDE, discard: true }),
      () => failed?.error ?? Effect.void
    )
  })

/**
 * Writes the extents one after the other into `target`, from index `at` on. Every byte of an extent is written, zeros
 * too, so the target may hold anything.
 */
export const copyExtents = (
  extents: Iterable<Extent>,
  target: Uint8Array,
  at = 0
): Effect.Effect<Uint8Array, SourceError> =>
  Effect.flatMap(
    inTurns(() => copyResident(extents, target, at)),
    (requests) => {
      const only = requests[0]
      if (only === undefined) return Effect.succeed(target)
      if (requests.length > 1) return Effect.as(readAll(requests, target), target)
      return Effect.map(only.source.read(only.offset, only.length), (bytes) => {
        target.set(bytes, only.to)
        return target
      })
    }
  )
