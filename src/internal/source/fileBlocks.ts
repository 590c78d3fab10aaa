// Files read by position. Small reads come from blocks in a cache of bounded size, which all files of a layer share;
// large ones go straight to the file.
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Hash from "effect/Hash"
import type { ByteSource } from "../../ByteSource.ts"
import { SourceError } from "../../MemoryMapError.ts"
import { type Open, requireRegular } from "./file.ts"
import { Gate } from "./pin.ts"
import { TypeId } from "./source.ts"

export interface Settings {
  readonly blockSize: number
  readonly cacheSize: number
}

/** The most that one call reads: bounds how long closing has to wait, and stays below what one system call can do. */
const PIECE = 1 << 24

class Block implements Equal.Equal {
  readonly file: FileSource
  readonly index: number
  constructor(file: FileSource, index: number) {
    this.file = file
    this.index = index
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof Block && that.file === this.file && that.index === this.index
  }
  [Hash.symbol](): number {
    return Hash.number(this.index)
  }
}

type Blocks = Cache.Cache<Block, Uint8Array, SourceError>

class FileSource implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly size: bigint
  readonly resident = undefined
  private readonly file: FileSystem.File
  private readonly blockSize: number
  private readonly blocks: Blocks
  private readonly gate = new Gate()

  constructor(name: string, size: bigint, file: FileSystem.File, blockSize: number, blocks: Blocks) {
    this.name = name
    this.size = size
    this.file = file
    this.blockSize = blockSize
    this.blocks = blocks
  }

  get isClosed(): boolean {
    return this.gate.closed
  }

  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.suspend(() => {
      if (this.gate.closed) return this.error(offset, length, "Closed")
      if (offset < 0n || offset + BigInt(length) > this.size) return this.error(offset, length, "Truncated")
      const block = BigInt(this.blockSize)
      const index = Number(offset / block)
      const start = Number(offset % block)
      return start + length <= this.blockSize
        ? this.readCached(offset, length, index, start)
        : this.readStraight(offset, length)
    })
  }

  /** The block is shared with other readers: what went wrong is told in terms of this one's range. */
  private readCached(offset: bigint, length: number, index: number, start: number) {
    return Effect.matchEffect(Cache.get(this.blocks, new Block(this, index)), {
      onFailure: (error) => this.error(offset, length, error.reason, error.cause),
      onSuccess: (block) => {
        if (this.gate.closed) return this.error(offset, length, "Closed")
        if (start + length > block.length) return this.error(offset, length, "Truncated")
        return Effect.succeed(block.subarray(start, start + length))
      }
    })
  }

  /** Shorter than a block at the end of the file, and where the file has become shorter. */
  readBlock(index: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.suspend(() => {
      const bytes = new Uint8Array(this.blockLength(index))
      return Effect.map(this.readInto(bytes, BigInt(index) * BigInt(this.blockSize)), (count) =>
        bytes.subarray(0, count)
      )
    })
  }

  blockLength(index: number): number {
    const left = this.size - BigInt(index) * BigInt(this.blockSize)
    return left < this.blockSize ? Number(left) : this.blockSize
  }

  private readStraight(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.flatMap(
      Effect.try({
        try: () => new Uint8Array(length),
        catch: (cause) => this.error(offset, length, "ReadFailed", cause)
      }),
      (bytes) =>
        Effect.flatMap(this.readInto(bytes, offset), (count) =>
          count < length ? this.error(offset, length, "Truncated") : Effect.succeed(bytes)
        )
    )
  }

  /** Reads from `offset` on and answers with how many bytes there were, fewer only at the end of the file. */
  private readInto(bytes: Uint8Array, offset: bigint, done = 0): Effect.Effect<number, SourceError> {
    const rest = bytes.subarray(done, done + PIECE)
    if (rest.length === 0) return Effect.succeed(done)
    return Effect.matchEffect(this.inside(this.file.read(rest, { position: offset + BigInt(done) })), {
      onFailure: (cause) => this.error(offset, bytes.length, cause === undefined ? "Closed" : "ReadFailed", cause),
      onSuccess: (count) => {
        if (this.gate.closed) return this.error(offset, bytes.length, "Closed")
        return count === 0 ? Effect.succeed(done) : this.readInto(bytes, offset, done + count)
      }
    })
  }

  /**
   * Uninterruptible: a read that the operating system has taken goes on after its fiber is gone, and its descriptor
   * must not be closed, and perhaps given to another file, before it is done. Fails with `undefined` when closed.
   */
  private inside<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | undefined> {
    return Effect.uninterruptible(
      Effect.suspend(() =>
        this.gate.enter()
          ? Effect.ensuring(
              effect,
              Effect.sync(() => this.gate.leave())
            )
          : Effect.fail(undefined)
      )
    )
  }

  /** The reads under way are waited for; they fail as those after them do. */
  readonly close: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.gate.close,
      Effect.flatMap(Cache.keys(this.blocks), (keys) =>
        Effect.forEach(
          Array.from(keys).filter((block) => block.file === this),
          (block) => Cache.invalidate(this.blocks, block),
          { discard: true }
        )
      )
    )
  )

  private error(offset: bigint, length: number, reason: SourceError["reason"], cause?: unknown): SourceError {
    return new SourceError({ source: this.name, offset, length, reason, ...(cause === undefined ? {} : { cause }) })
  }
}

/** Opens files for reading by position. One cache for all of them, so that the limit holds for all together. */
export const make = (fs: FileSystem.FileSystem, settings: Settings): Effect.Effect<Open> => {
  const blockSize = Math.max(1, Math.floor(settings.blockSize))
  return Effect.map(
    Cache.makeWith((block: Block) => block.file.readBlock(block.index), {
      capacity: Math.max(1, Math.floor(settings.cacheSize / blockSize)),
      timeToLive: (exit, block) =>
        Exit.isSuccess(exit) && exit.value.length === block.file.blockLength(block.index)
          ? Duration.infinity
          : Duration.zero
    }),
    (blocks) =>
      Effect.fnUntraced(function* (path: string) {
        const file = yield* fs.open(path, { flag: "r" })
        const info = yield* Effect.flatMap(file.stat, (info) => requireRegular(path, info))
        return yield* Effect.acquireRelease(
          Effect.sync(() => new FileSource(path, info.size, file, blockSize, blocks)),
          (source) => source.close
        )
      })
  )
}
