// Files in memory through mmap(2), read-only.
import * as Effect from "effect/Effect"
import * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as NFS from "node:fs"
import { getSystemErrorName } from "node:util"
import type { ByteSource } from "../ByteSource.ts"
import { type Open, refuse } from "../internal/source/file.ts"
import { Gate, manage } from "../internal/source/pin.ts"
import { TypeId } from "../internal/source/source.ts"
import { NativeUnavailable, SourceError } from "../MemoryMapError.ts"
import { Libc } from "./libc.ts"

const PROT_READ = 1
const MAP_PRIVATE = 2
const MAP_FAILED = (1n << 64n) - 1n

// A number for the current turn of the event loop. The immediate must be a referenced one: only then does the loop not
// sleep before running it, so that nothing that arrives later is taken for the same turn.
let turn = 0
let armed = false
const endTurn = () => {
  turn++
  armed = false
}
const thisTurn = (): number => {
  if (!armed) {
    armed = true
    setImmediate(endTurn)
  }
  return turn
}

/** The most that one call of Node reads is a byte less than 2 GiB. */
const PIECE = 1 << 30

const readFile = (fd: number, offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const count = NFS.readSync(fd, bytes, done, Math.min(length - done, PIECE), offset + done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

/**
 * A mapped file. Touching a page that lies behind the end of its file kills the process (SIGBUS), so the size is looked
 * up before the bytes are handed out, once a turn of the event loop: a hot loop pays for a comparison only. What is
 * left is a file that another process cuts short within the same turn.
 */
class MappedFile implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly size: bigint
  private readonly fd: number
  private readonly gate = new Gate()
  private readonly bytes: Uint8Array
  private open = true
  private checked = -1

  constructor(name: string, fd: number, bytes: Uint8Array, address: bigint) {
    this.name = name
    this.size = BigInt(bytes.length)
    this.fd = fd
    this.bytes = bytes
    manage(bytes.buffer, this.gate, address)
  }

  get resident(): Uint8Array | undefined {
    return this.open && (this.checked === turn || this.check()) ? this.bytes : undefined
  }

  /** Through the file and not through memory: a file cut short, or a bad disk, gives an error here and not a signal. */
  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.suspend(() => {
      if (!this.open) return this.error(offset, length, "Closed")
      if (offset < 0n || offset + BigInt(length) > this.size) return this.error(offset, length, "Truncated")
      const bytes = Result.try(() => readFile(this.fd, Number(offset), length))
      if (Result.isFailure(bytes)) return this.error(offset, length, "ReadFailed", bytes.failure)
      return bytes.success.length < length ? this.error(offset, length, "Truncated") : Effect.succeed(bytes.success)
    })
  }

  /** From now on nothing is handed out; done when the native calls that pinned the bytes have returned. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.open = false
    return this.gate.close
  })

  private check(): boolean {
    const size = Result.try(() => NFS.fstatSync(this.fd).size)
    if (Result.isFailure(size) || size.success < this.bytes.length) return false
    this.checked = thisTurn()
    return true
  }

  private error(offset: bigint, length: number, reason: SourceError["reason"], cause?: unknown): SourceError {
    return new SourceError({ source: this.name, offset, length, reason, ...(cause === undefined ? {} : { cause }) })
  }
}

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource",
  EBUSY: "Busy"
}

const systemError = (path: string, syscall: string, code: string, cause?: unknown) =>
  PlatformError.systemError({
    _tag: tags[code] ?? "Unknown",
    module: "FileMapper",
    method: "map",
    pathOrDescriptor: path,
    description: `${syscall}: ${code}`,
    syscall,
    cause
  })

const openFile = Effect.effectify(
  NFS.open,
  (error, [path]) => systemError(String(path), "open", error.code ?? "Unknown", error),
  (cause) => PlatformError.badArgument({ module: "FileMapper", method: "map", description: String(cause), cause })
)

const statFile = (path: string, fd: number) =>
  Effect.callback<NFS.Stats, PlatformError.PlatformError>((resume) =>
    NFS.fstat(fd, (error, stats) =>
      resume(error === null ? Effect.succeed(stats) : systemError(path, "fstat", error.code ?? "Unknown", error))
    )
  )

const closeFile = (fd: number) => Effect.callback<void>((resume) => NFS.close(fd, () => resume(Effect.void)))

// Without waiting for the writer of what has become a pipe since it was looked at, or taking over a terminal.
const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = NFS.constants
const READ = O_RDONLY | O_NONBLOCK | O_NOCTTY

/** The error of {@link make}'s `open` when the file is good, but cannot be mapped: a reader by position may do. */
export const isNotMappable = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag !== "BadArgument" && error.reason.syscall === "mmap"

interface Mapped {
  readonly address: bigint
  readonly bytes: Uint8Array<ArrayBuffer>
}

const prepare = Effect.gen(function* () {
  const libc = yield* Effect.mapError(yield* Libc, (none) => new NativeUnavailable({ feature: "mmap", ...none }))
  const { mmap, munmap } = yield* Effect.try({
    try: () => ({
      mmap: libc.func("void *mmap(void *addr, size_t length, int prot, int flags, int fd, intptr_t offset)"),
      munmap: libc.func("int munmap(void *addr, size_t length)")
    }),
    catch: (cause) => new NativeUnavailable({ feature: "mmap", why: "the C library does not have it", cause })
  })
  const mapBytes = (path: string, fd: number, size: number): Effect.Effect<Mapped, PlatformError.PlatformError> =>
    Effect.suspend(() => {
      if (size === 0) return Effect.succeed({ address: 0n, bytes: new Uint8Array(0) }) // mmap refuses it
      const address = mmap(null, size, PROT_READ, MAP_PRIVATE, fd, 0) as bigint
      if (address === MAP_FAILED) return systemError(path, "mmap", getSystemErrorName(-libc.errno()))
      return Effect.try({
        try: () => ({ address, bytes: new Uint8Array(libc.view(address, size)) }),
        catch: (cause) => {
          munmap(address, size)
          return systemError(path, "mmap", "no buffer can be laid over the mapping", cause)
        }
      })
    })
  // Detached first: whoever kept an array over the mapping finds it empty, where a look at it would be a crash.
  const unmapBytes = ({ address, bytes }: Mapped): Effect.Effect<void> =>
    Effect.sync(() => {
      const size = bytes.length
      bytes.buffer.transfer(0)
      if (size > 0) munmap(address, size)
    })
  return { mapBytes, unmapBytes }
})

/** Opens files by mapping them. */
export const make: Effect.Effect<Open, NativeUnavailable> = Effect.map(prepare, ({ mapBytes, unmapBytes }) =>
  Effect.fnUntraced(function* (path: string) {
    const fd = yield* Effect.acquireRelease(openFile(path, READ), closeFile)
    const stats = yield* statFile(path, fd)
    if (!stats.isFile()) return yield* refuse(path, "it has just been replaced by something that is not a file")
    const mapped = yield* Effect.acquireRelease(mapBytes(path, fd, stats.size), unmapBytes)
    return yield* Effect.acquireRelease(
      Effect.sync(() => new MappedFile(path, fd, mapped.bytes, mapped.address)),
      (source) => source.close
    )
  })
)
