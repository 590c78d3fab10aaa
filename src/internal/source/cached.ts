// A cache of blocks in front of a source that is slow to ask: a server, a Blob, an unpacker.
//
// A miss becomes a request. Requests of one turn, of one fiber or of many, are collected by a RequestResolver; those for
// neighbouring blocks become one read of the source, the others are read side by side.
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import type { ByteSource } from "../../ByteSource.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { isClosed, isZeros, TypeId } from "./source.ts"

/** `blockSize` in bytes, `capacity` in blocks. */
export interface Settings {
  readonly blockSize: number
  readonly capacity: number
}

/** Reads of the source that run at the same time: what browsers and servers grant one client. */
const CONCURRENCY = 6

class Block extends Request.Class<{ readonly index: number }, Uint8Array, SourceError> {}

type Entries = Array<Request.Entry<Block>>

class CachedSource implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly size: bigint
  readonly resident = undefined
  private readonly source: ByteSource
  private readonly settings: Settings
  private readonly blocks: Cache.Cache<number, Uint8Array, SourceError>

  constructor(source: ByteSource, settings: Settings, blocks: CachedSource["blocks"]) {
    this.name = source.name
    this.size = source.size
    this.source = source
    this.settings = settings
    this.blocks = blocks
  }

  get isClosed(): boolean {
    return isClosed(this.source)
  }

  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.suspend(() => {
      const { blockSize, capacity } = this.settings
      const straight = this.source.read(offset, length)
      // The source says itself what is wrong with what it cannot give, and that its bytes are gone.
      if (offset < 0n || length <= 0 || offset + BigInt(length) > this.size || this.isClosed) return straight
      const first = Number(offset / BigInt(blockSize))
      const skip = Number(offset % BigInt(blockSize))
      const count = Math.ceil((skip + length) / blockSize)
      // More than is kept would drive out its own beginning.
      if (count > capacity) return straight
      const whole =
        count === 1
          ? Effect.map(Cache.get(this.blocks, first), (block) => block.subarray(skip, skip + length))
          : this.join(first, count, skip, length)
      // A block reaches further than what was asked for. Where it fails, what was asked for is read by itself, so that
      // bytes beyond it do no harm, and an error names the range that was asked for.
      return Effect.matchEffect(whole, { onFailure: () => straight, onSuccess: Effect.succeed })
    })
  }

  private join(first: number, count: number, skip: number, length: number): Effect.Effect<Uint8Array, SourceError> {
    const indices = Array.from({ length: count }, (_, i) => first + i)
    return Effect.map(
      Effect.forEach(indices, (index) => Cache.get(this.blocks, index), { concurrency: "unbounded" }),
      (blocks) => {
        const out = new Uint8Array(length)
        let at = -skip
        for (const block of blocks) {
          out.set(at < 0 ? block.subarray(-at, length - at) : block.subarray(0, length - at), Math.max(0, at))
          at += block.length
        }
        return out
      }
    )
  }
}

/** Blocks that follow each other, of not more than are kept together. */
const neighbours = (entries: Entries, capacity: number): Array<Entries> => {
  const groups: Array<Entries> = []
  for (const entry of entries.toSorted((a, b) => a.request.index - b.request.index)) {
    const group = groups.at(-1)
    const last = group?.at(-1)
    if (last !== undefined && last.request.index + 1 === entry.request.index && group!.length < capacity) {
      group!.push(entry)
    } else groups.push([entry])
  }
  return groups
}

const resolver = (source: ByteSource, { blockSize, capacity }: Settings): RequestResolver.RequestResolver<Block> => {
  const read = (group: Entries) => {
    const start = BigInt(group[0]!.request.index) * BigInt(blockSize)
    const rest = source.size - start
    const wanted = group.length * blockSize
    const length = rest < BigInt(wanted) ? Number(rest) : wanted
    return Effect.map(Effect.exit(source.read(start, length)), (exit) => {
      for (const [i, entry] of group.entries()) {
        // Copied: a part of a larger array would keep all of that in memory for as long as the block is kept.
        entry.completeUnsafe(
          Exit.map(exit, (bytes) => new Uint8Array(bytes.subarray(i * blockSize, (i + 1) * blockSize)))
        )
      }
    })
  }
  return RequestResolver.make<Block>((entries) =>
    Effect.forEach(neighbours(entries, capacity), read, { concurrency: CONCURRENCY, discard: true })
  )
}

const requireCount = (what: string, value: number): void => {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new RangeError(`ByteSource.cached: ${what} must be a whole number from 1 on, not ${value}`)
}

export const cached = (source: ByteSource, settings: Settings): Effect.Effect<ByteSource> =>
  Effect.suspend(() => {
    requireCount("blockSize", settings.blockSize)
    requireCount("capacity", settings.capacity)
    // Nothing is gained where the bytes are at hand, and a volatile source would be kept as it was.
    if (source.volatile === true || source.resident !== undefined || isZeros(source)) return Effect.succeed(source)
    const blocks = resolver(source, settings)
    return Effect.map(
      Cache.makeWith((index: number) => Effect.request(new Block({ index }), blocks), {
        capacity: settings.capacity,
        timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)
      }),
      (cache) => new CachedSource(source, settings, cache)
    )
  })
