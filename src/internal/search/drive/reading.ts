// Reads for a search: one block ahead, and as far as they go.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { SourceError } from "../../../MemoryMapError.ts"
import type { Request } from "./blocks.ts"

/** What could be read, and why that is not all. */
interface Part {
  readonly bytes: Uint8Array
  readonly error: SourceError | undefined
}

/**
 * A read that failed, in parts: the longest beginning that can be read, to the byte, and what the read of the next byte
 * says. So what was asked for in one go makes no difference to what is found before the error.
 */
const salvage = Effect.fnUntraced(function* (
  { address, length, piece }: Request,
  error: SourceError
): Effect.fn.Return<Part> {
  const offset = address - piece.origin
  const parts = new Uint8Array(error.reason === "Closed" ? 1 : length)
  let why = error
  let good = 0 // bytes that have been read
  let bad = parts.length // they cannot all be read up to here
  const attempt = (end: number) =>
    Effect.match(piece.source.read(offset + BigInt(good), end - good), {
      onFailure: (failure) => {
        why = failure
        bad = end
      },
      onSuccess: (bytes) => {
        parts.set(bytes, good)
        good = end
      }
    })
  while (bad - good > 1) {
    const hint = Number(why.offset - offset)
    yield* attempt(hint > good && hint < bad ? hint : good + ((bad - good) >> 1))
  }
  const bytes = parts.slice(0, good)
  if (parts.length > 1) yield* attempt(good + 1)
  return { bytes, error: why }
})

/** Reads what is asked for, or as much of it as can be read. */
export const readPart = (request: Request): Effect.Effect<Part> =>
  Effect.matchEffect(request.piece.source.read(request.address - request.piece.origin, request.length), {
    onFailure: (error) => salvage(request, error),
    onSuccess: (bytes) => Effect.succeed({ bytes, error: undefined })
  })

/** The block of the same size behind this one, in the same piece. */
const behind = ({ address, length, piece }: Request): Request | undefined => {
  const next = address + BigInt(length)
  const left = piece.end - next
  if (left <= 0n) return undefined
  return { _tag: "Request", piece, address: next, length: left < BigInt(length) ? Number(left) : length }
}

/**
 * Reads what is asked for; once a piece is read block by block, the next one while this one is being looked at. That
 * belongs to the scope of the search, not to the fiber that pulls at the moment: the next pull may be another one's.
 */
export class Reader {
  private readonly scope: Scope.Scope
  private last: Request | undefined = undefined
  private ahead: { readonly request: Request; readonly fiber: Fiber.Fiber<Part> } | undefined = undefined

  constructor(scope: Scope.Scope) {
    this.scope = scope
  }

  read(request: Request): Effect.Effect<Part> {
    return Effect.suspend(() => {
      const { ahead, last } = this
      this.last = request
      this.ahead = undefined
      const isAhead =
        ahead?.request.piece === request.piece &&
        ahead.request.address === request.address &&
        ahead.request.length === request.length
      const part = isAhead ? Fiber.join(ahead.fiber) : readPart(request)
      const next = last?.piece === request.piece ? behind(request) : undefined
      if (next === undefined) return part
      return Effect.flatMap(Effect.forkIn(readPart(next), this.scope, { startImmediately: true }), (fiber) => {
        this.ahead = { request: next, fiber }
        return part
      })
    })
  }
}
