// The bytes of blocks: in place where one piece in memory holds all of them, copied where several do, and read, one
// stretch ahead, where they are not in memory.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { SourceError } from "../../../MemoryMapError.ts"
import type { Block, Stretch } from "./blocks.ts"
import type { Piece } from "./pieces.ts"

/** A block with its bytes. */
export interface Loaded {
  readonly address: bigint
  readonly bytes: Uint8Array
  readonly starts: number
  /** `bytes.length` when the block was loaded: memory that is taken away has no length any more. */
  readonly length: number
  /** Where the bytes are when they are not a copy. */
  readonly piece: Piece | undefined
}

/** What could be read, and why that is not all. */
interface Outcome<A> {
  readonly value: A
  readonly error: SourceError | undefined
}

/** The memory behind a block may no longer be looked at: its source has closed, or has become shorter. */
export const isLost = ({ bytes, length, piece }: Loaded): boolean =>
  bytes.length !== length || (piece !== undefined && piece.source.resident === undefined)

/**
 * A read that failed, tried in halves: the longest beginning that can be read, to the byte, and what the read of the
 * next byte says. So the size of reads makes no difference to what is found before an error. At most 2 log2(length) + 1
 * reads.
 */
const salvage = Effect.fnUntraced(function* (
  piece: Piece,
  address: bigint,
  length: number,
  error: SourceError
): Effect.fn.Return<Outcome<Uint8Array>> {
  const offset = address - piece.origin
  const bytes = new Uint8Array(error.reason === "Closed" ? 1 : length)
  let why = error
  let good = 0 // bytes that have been read
  let bad = bytes.length // they cannot all be read up to here
  const attempt = (end: number) =>
    Effect.match(piece.source.read(offset + BigInt(good), end - good), {
      onFailure: (failure) => {
        why = failure
        bad = end
      },
      onSuccess: (part) => {
        bytes.set(part, good)
        good = end
      }
    })
  while (bad - good > 1) {
    const hint = Number(why.offset - offset)
    yield* attempt(hint > good && hint < bad ? hint : good + ((bad - good) >> 1))
  }
  const value = bytes.slice(0, good)
  if (bytes.length > 1) yield* attempt(good + 1)
  return { value, error: why }
})

/** Reads bytes of a piece, or as many of them as can be read. */
const readBytes = (piece: Piece, address: bigint, length: number): Effect.Effect<Outcome<Uint8Array>> =>
  Effect.matchEffect(piece.source.read(address - piece.origin, length), {
    onFailure: (error) => salvage(piece, address, length, error),
    onSuccess: (value) => Effect.succeed({ value, error: undefined })
  })

const readStretch = ({ end, piece, start }: Stretch) => readBytes(piece, start, Number(end - start))

/** The stretch of the same size behind this one, in the same piece. */
const behind = ({ end, kind, piece, start }: Stretch): Stretch | undefined => {
  const next = end + (end - start)
  return end < piece.end ? { start: end, end: next < piece.end ? next : piece.end, piece, kind } : undefined
}

/**
 * Reads stretches, each once. From the second one of a piece on, the next one is read while this one is looked at. That
 * read belongs to the scope of the search, not to the fiber that pulls at the moment: the next pull may come from
 * another one.
 */
class ReadAhead {
  private readonly scope: Scope.Scope
  private last: Stretch | undefined = undefined
  private ahead: { readonly stretch: Stretch; readonly fiber: Fiber.Fiber<Outcome<Uint8Array>> } | undefined = undefined
  /** Kept for the next block, which begins in the same stretch or in the one behind; gone with the stretch. */
  private readonly known = new WeakMap<Stretch, Outcome<Uint8Array>>()

  constructor(scope: Scope.Scope) {
    this.scope = scope
  }

  has(stretch: Stretch): Uint8Array | undefined {
    const outcome = this.known.get(stretch)
    return outcome?.error === undefined ? outcome?.value : undefined
  }

  read(stretch: Stretch): Effect.Effect<Outcome<Uint8Array>> {
    return Effect.suspend(() => {
      const known = this.known.get(stretch)
      if (known !== undefined) return Effect.succeed(known)
      const { ahead, last } = this
      this.last = stretch
      this.ahead = undefined
      const isAhead = ahead?.stretch.piece === stretch.piece && ahead.stretch.start === stretch.start
      const bytes = Effect.map(isAhead ? Fiber.join(ahead.fiber) : readStretch(stretch), (outcome) => {
        this.known.set(stretch, outcome)
        return outcome
      })
      const next = last?.piece === stretch.piece ? behind(stretch) : undefined
      if (next === undefined) return bytes
      return Effect.flatMap(Effect.forkIn(readStretch(next), this.scope, { startImmediately: true }), (fiber) => {
        this.ahead = { stretch: next, fiber }
        return bytes
      })
    })
  }
}

const loaded = ({ address, starts }: Block, bytes: Uint8Array, piece: Piece | undefined): Loaded => ({
  address,
  bytes,
  starts,
  length: bytes.length,
  piece
})

/** What is left of a block before a failure; all of that are starts, for no block follows. */
const cutShort = ({ address }: { readonly address: bigint }, bytes: Uint8Array): Loaded => ({
  address,
  bytes,
  starts: bytes.length,
  length: bytes.length,
  piece: undefined
})

/** Reads anew a block whose memory has been taken away: either that works, or it says why. */
export const reload = (block: Loaded, piece: Piece): Effect.Effect<Outcome<Loaded>> =>
  Effect.map(readBytes(piece, block.address, block.length), ({ error, value }) => ({
    value: error === undefined ? { ...block, bytes: value, piece: undefined } : cutShort(block, value),
    error
  }))

export class Loader {
  private readonly reads: ReadAhead
  private zeros = new Uint8Array(0)

  constructor(scope: Scope.Scope) {
    this.reads = new ReadAhead(scope)
  }

  /** Bytes that need not be waited for. */
  private now(stretch: Stretch, start: bigint, length: number): Uint8Array | undefined {
    const { kind, piece } = stretch
    if (kind === "zeros") {
      if (this.zeros.length < length) this.zeros = new Uint8Array(length)
      return this.zeros.subarray(0, length)
    }
    const bytes = kind === "read" ? this.reads.has(stretch) : piece.source.resident
    const offset = Number(start - (kind === "read" ? stretch.start : piece.origin))
    return bytes?.subarray(offset, offset + length)
  }

  /** The block, unless something has to be read for it. */
  inMemory(block: Block): Loaded | undefined {
    const { address, length, stretches } = block
    const only = stretches.length === 1 ? stretches[0]! : undefined
    if (only !== undefined) {
      const bytes = this.now(only, address, length)
      return bytes && loaded(block, bytes, only.kind === "resident" ? only.piece : undefined)
    }
    const copy = roomFor(block)
    let filled = 0
    for (const stretch of stretches) {
      const part = this.now(stretch, address + BigInt(filled), lengthIn(stretch, block, filled))
      if (part === undefined) return undefined
      copy.set(part, filled)
      filled += part.length
    }
    return loaded(block, copy, undefined)
  }

  /** The block, or what of it can be read. */
  readonly load = Effect.fnUntraced(
    function* (this: Loader, block: Block): Effect.fn.Return<Outcome<Loaded>> {
      const { address, stretches } = block
      const copy = stretches.length === 1 ? undefined : roomFor(block)
      let filled = 0
      for (const stretch of stretches) {
        const start = address + BigInt(filled)
        const length = lengthIn(stretch, block, filled)
        const part = this.now(stretch, start, length)
        const outcome =
          part !== undefined
            ? { value: part, error: undefined }
            : stretch.kind === "read"
              ? yield* Effect.map(this.reads.read(stretch), ({ error, value }) => {
                  const offset = Number(start - stretch.start)
                  const own = value.subarray(offset, offset + length)
                  return { value: own, error: own.length < length ? error : undefined }
                })
              : yield* readBytes(stretch.piece, start, length)
        const { error, value } = outcome
        if (copy === undefined) {
          return { value: error === undefined ? loaded(block, value, undefined) : cutShort(block, value), error }
        }
        copy.set(value, filled)
        filled += value.length
        if (error !== undefined) return { value: cutShort(block, copy.subarray(0, filled)), error }
      }
      return { value: loaded(block, copy!, undefined), error: undefined }
    }.bind(this)
  )
}

/** An array in which words lie as they do in memory, so that typed arrays can look at words of 8 bytes. */
const roomFor = ({ address, length }: Block): Uint8Array => {
  const skew = Number(address & 7n)
  return new Uint8Array(skew + length).subarray(skew)
}

/** Bytes of a block that lie in one of its stretches, of which the first `filled` lie before. */
const lengthIn = ({ end }: Stretch, { address, length }: Block, filled: number): number => {
  const until = end - address
  return (until < length ? Number(until) : length) - filled
}
