// Values of layouts out of a map: one, many in a row, a stream of them. Each is decoded from the bytes of one read; what lies
// in one resident piece is decoded there.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import { LayoutError, type SourceError, UnmappedAddress } from "../../MemoryMapError.ts"
import { checkCount, checkRange } from "../base/arguments.ts"
import { breathe, inTurns, isRest } from "../base/turns.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { bytes as readBytes, peek } from "../read/bytes.ts"
import { decodeElements, Problem } from "./decode.ts"
import type { AnyLayout } from "./model.ts"
import { typeName } from "./names.ts"
import { pathAt } from "./paths.ts"
import { pathIn, type Prepared, prepare, refused } from "./prepare.ts"

export type LayoutReadError = UnmappedAddress | SourceError | LayoutError

/** The same hole, and the member that it keeps from being read; `start` is where the type, or the array of it, starts. */
export const saying = (error: UnmappedAddress, { layout, model, size }: Prepared, start: bigint, isArray = false) => {
  const offset = Number(error.address - start)
  const index = isArray && size > 0 ? Math.floor(offset / size) : 0
  const found = pathAt(layout, offset - index * size, model)
  const inner = found?.path ?? ""
  const path = isArray ? `[${index}]${inner === "" || inner.startsWith("[") ? "" : "."}${inner}` : inner
  return new UnmappedAddress({ ...error, path: pathIn(layout, path) })
}

const bytesOf = (
  map: MemoryMapImpl,
  prepared: Prepared,
  operation: string,
  address: bigint,
  length: number,
  isArray?: boolean
) =>
  Effect.catchTag(readBytes(map, operation, address, length), "UnmappedAddress", (error) =>
    saying(error, prepared, address, isArray)
  )

const settle = (prepared: Prepared, address: bigint, value: unknown): Effect.Effect<unknown, LayoutError> =>
  value instanceof Problem ? refused(prepared, address, value) : Effect.succeed(value)

/** The value at an address. Where a flexible array says how long it is, its record is read first and then all of it. */
export const readOne = (
  map: MemoryMapImpl,
  prepared: Prepared,
  operation: string,
  address: bigint
): Effect.Effect<unknown, LayoutReadError> => {
  const { decoder, extent, little, size } = prepared
  if (extent === undefined) {
    const found = peek(map, address, size, little, decoder.decode)
    if (found !== undefined) return settle(prepared, address, found)
    return Effect.flatMap(bytesOf(map, prepared, operation, address, size), (bytes) =>
      settle(prepared, address, decoder.decode(bytes, 0, little))
    )
  }
  return Effect.flatMap(bytesOf(map, prepared, operation, address, size), (head) => {
    const length = extent(head, 0, little)
    if (length instanceof Problem) return refused(prepared, address, length)
    const all = length === size ? Effect.succeed(head) : bytesOf(map, prepared, operation, address, length)
    return Effect.flatMap(all, (bytes) => settle(prepared, address, decoder.decode(bytes, 0, little)))
  })
}

export const read = (map: MemoryMapImpl, layout: AnyLayout, address: bigint): Effect.Effect<unknown, LayoutReadError> =>
  Effect.suspend(() => readOne(map, prepare(layout, map, "read"), "read", address))

/** Values that one array may have, and bytes that are read for it: more is better streamed. */
const [MOST, MOST_BYTES] = [2 ** 24, 2 ** 32]

const fixed = (prepared: Prepared, operation: string): Prepared => {
  if (prepared.extent === undefined) return prepared
  throw new TypeError(
    `Layout.${operation}: values of ${typeName(prepared.layout)} are of any length; read them one by one`
  )
}

function* elementsOf({ decoder, little, size }: Prepared, bytes: Uint8Array, at: number, count: number) {
  const values: Array<unknown> = []
  for (let from = 0; from < count; from += STEP) {
    const to = Math.min(from + STEP, count)
    const problem = decodeElements(decoder, size, bytes, at, little, values, from, to)
    if (problem !== undefined) return problem
    yield
  }
  return values
}

/** Values decoded between two looks at the clock. */
const STEP = 256

export const readArray = (
  map: MemoryMapImpl,
  layout: AnyLayout,
  address: bigint,
  count: number
): Effect.Effect<ReadonlyArray<unknown>, LayoutReadError> =>
  Effect.suspend((): Effect.Effect<ReadonlyArray<unknown>, LayoutReadError> => {
    checkCount("Layout.readArray", "the number of values", count)
    const prepared = fixed(prepare(layout, map, "readArray"), "readArray")
    const length = count * prepared.size
    if (count > MOST || length > MOST_BYTES) {
      const why = `${count} values are more than one array should have; use Layout.stream`
      return new LayoutError({ reason: "BadCount", address, path: pathIn(layout, ""), why })
    }
    const values = (bytes: Uint8Array, at: number) =>
      Effect.flatMap(
        inTurns(() => elementsOf(prepared, bytes, at, count)),
        (values) => (values instanceof Problem ? refused(prepared, address, values) : Effect.succeed(values))
      )
    if (length === 0) return values(new Uint8Array(0), 0)
    const inPlace = peek(map, address, length, prepared.little, (bytes, at) => values(bytes, at))
    return (
      inPlace ?? Effect.flatMap(bytesOf(map, prepared, "readArray", address, length, true), (bytes) => values(bytes, 0))
    )
  })

/** Bytes that one pull of a stream reads, and values that it gives, at most. */
const [CHUNK, CHUNK_VALUES] = [2 ** 18, 4096]

type Step = Pull.Pull<Arr.NonEmptyReadonlyArray<unknown>, LayoutReadError>

export const stream = (
  map: MemoryMapImpl,
  layout: AnyLayout,
  range: AddressRange
): Stream.Stream<unknown, LayoutReadError> =>
  Stream.fromPull(
    Effect.sync(() => {
      checkRange("stream", range)
      const prepared = fixed(prepare(layout, map, "stream"), "stream")
      const { size } = prepared
      if (size === 0) throw new TypeError(`Layout.stream: ${typeName(layout)} takes no bytes`)
      const most = BigInt(Math.max(1, Math.min(CHUNK_VALUES, Math.floor(CHUNK / size))))
      let at = range.start
      let failed: LayoutReadError | undefined
      const values = (count: bigint) => {
        const start = at
        at += count * BigInt(size)
        return readArray(map, layout, start, Number(count))
      }
      /** What there is before the hole or the bad value, one by one: the stream fails behind it. */
      const upTo = (start: bigint, count: bigint): Step =>
        Effect.gen(function* () {
          const good: Array<unknown> = []
          for (let i = 0n; i < count && failed === undefined; i++) {
            const one = Effect.match(readOne(map, prepared, "stream", start + i * BigInt(size)), {
              onFailure: (error) => {
                failed = error
              },
              onSuccess: (value) => {
                good.push(value)
              }
            })
            if (isRest(Number(i))) yield* breathe
            yield* one
          }
          return Arr.isArrayNonEmpty(good) ? good : yield* failed ?? Cause.done()
        })
      return Effect.suspend((): Step => {
        if (failed !== undefined) return failed
        const left = (range.end - at) / BigInt(size)
        if (left <= 0n) return Cause.done()
        const count = left < most ? left : most
        const start = at
        return Effect.andThen(
          breathe,
          Effect.matchEffect(values(count), {
            onFailure: (): Step => upTo(start, count),
            onSuccess: (values): Step => Effect.succeed(values as Arr.NonEmptyReadonlyArray<unknown>)
          })
        )
      })
    })
  )
