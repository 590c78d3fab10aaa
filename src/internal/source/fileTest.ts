// Files that exist only in a test, and fail as they are told to.
import * as Effect from "effect/Effect"
import * as PlatformError from "effect/PlatformError"
import type { ByteSource } from "../../ByteSource.ts"
import type { TestFile } from "../../FileMapper.ts"
import { SourceError } from "../../MemoryMapError.ts"
import { make, type Open } from "./file.ts"
import { TypeId } from "./source.ts"

/** One file of the layer. Reads are counted here, so that mapping it anew does not begin the count again. */
class State {
  readonly file: TestFile
  reads = 0
  constructor(file: TestFile) {
    this.file = file
  }
  /** Counts a read and answers with the size that it meets. */
  next(): number {
    this.reads++
    const { bytes, shrink } = this.file
    return shrink !== undefined && this.reads > shrink.afterReads ? Math.min(bytes.length, shrink.to) : bytes.length
  }
}

class TestSource implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly size: bigint
  private readonly state: State
  isClosed = false

  constructor(name: string, state: State) {
    this.name = name
    this.size = BigInt(state.file.bytes.length)
    this.state = state
  }

  get resident(): Uint8Array | undefined {
    const { bytes, resident } = this.state.file
    if (resident !== true || this.isClosed) return undefined
    return this.state.next() === bytes.length ? bytes : undefined
  }

  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.suspend(() => {
      if (this.isClosed) return this.error(offset, length, "Closed")
      const size = this.state.next()
      const number = this.state.reads
      const { latency } = this.state.file
      const outcome = Effect.suspend(() => this.outcome(offset, length, size, number))
      return latency === undefined ? outcome : Effect.andThen(Effect.sleep(latency), outcome)
    })
  }

  private outcome(offset: bigint, length: number, size: number, number: number) {
    const { bytes, failAt, failRead } = this.state.file
    const end = offset + BigInt(length)
    if (this.isClosed) return this.error(offset, length, "Closed")
    if (failRead?.(number) === true) {
      return this.error(offset, length, "ReadFailed", new Error(`read ${number} was told to fail`))
    }
    if (failAt !== undefined && offset <= failAt && failAt < end) {
      return this.error(offset, length, "ReadFailed", new Error(`the byte at ${failAt} was told to fail`))
    }
    return offset < 0n || end > BigInt(size)
      ? this.error(offset, length, "Truncated")
      : Effect.succeed(bytes.slice(Number(offset), Number(end)))
  }

  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.isClosed = true
  })

  private error(offset: bigint, length: number, reason: SourceError["reason"], cause?: unknown): SourceError {
    return new SourceError({ source: this.name, offset, length, reason, ...(cause === undefined ? {} : { cause }) })
  }
}

const notFound = (path: string) =>
  PlatformError.systemError({ _tag: "NotFound", module: "FileMapper", method: "map", pathOrDescriptor: path })

export const makeTest = (files: Readonly<Record<string, Uint8Array | TestFile | PlatformError.PlatformError>>) =>
  Effect.suspend(() => {
    const states = new Map<string, State | PlatformError.PlatformError>()
    for (const [path, file] of Object.entries(files)) {
      const fails = PlatformError.isPlatformError(file)
      states.set(path, fails ? file : new State(file instanceof Uint8Array ? { bytes: file } : file))
    }
    const open: Open = (path) => {
      const state = states.get(path) ?? notFound(path)
      if (PlatformError.isPlatformError(state)) return state
      return Effect.acquireRelease(
        Effect.sync(() => new TestSource(path, state)),
        (source) => source.close
      )
    }
    return make(Effect.succeed, open)
  })
