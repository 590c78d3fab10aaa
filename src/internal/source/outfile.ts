// Files that commands and snapshots write. A regular file is written beside its place, flushed, and renamed into it, so
// that there is the old file or the new one at any time, whole; devices and pipes are written to.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import { kinds } from "./file.ts"
import * as partial from "./partial.ts"

type Info = FileSystem.File.Info
type Io<A> = Effect.Effect<A, PlatformError.PlatformError>

/** Takes the next bytes of the file. They may be used again when it is done. */
export type Append = (bytes: Uint8Array) => Io<void>

/** The same error, told of the file that was asked for and not of the one beside it. */
const about = (path: string) => (error: PlatformError.PlatformError) => {
  const { reason } = error
  if (reason._tag === "BadArgument") return error
  const { _tag, cause, method, module, syscall } = reason
  const words = reason.description ?? (cause instanceof Error ? cause.message : undefined)
  return PlatformError.systemError({
    _tag,
    module,
    method,
    syscall,
    cause,
    pathOrDescriptor: path,
    // Node's own words have the code in front, and behind them the call and the path.
    description: words?.replace(/^E[A-Z]+: ([^,]*), .*$/s, "$1")
  })
}

const refuse = (_tag: PlatformError.SystemErrorTag, path: string, description: string) =>
  PlatformError.systemError({ _tag, module: "FileSystem", method: "write", pathOrDescriptor: path, description })

interface Place {
  readonly path: string
  readonly info: Info | undefined
}

/** As many links as Linux follows. */
const MOST_LINKS = 40

/** Where a path leads, also when nothing is there yet: links are followed. */
const placeOf = (fs: FileSystem.FileSystem, path: string, links = 0): Io<Place> =>
  Effect.matchEffect(fs.stat(path), {
    onSuccess: (info): Io<Place> =>
      info.type === "File"
        ? Effect.map(fs.realPath(path), (real) => ({ path: real, info }))
        : Effect.succeed({ path, info }),
    onFailure: (error): Io<Place> => {
      if (error.reason._tag !== "NotFound" || links === MOST_LINKS) return Effect.fail(error)
      return Effect.matchEffect(fs.readLink(path), {
        onFailure: () => Effect.succeed({ path, info: undefined }),
        onSuccess: (to) =>
          placeOf(fs, to.startsWith("/") ? to : `${path.slice(0, path.lastIndexOf("/") + 1)}${to}`, links + 1)
      })
    }
  })

/** File systems keep holes in units of this, in bytes. */
const PAGE = 4096

export const isZero = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = bytes.length & ~7
  for (let i = 0; i < words; i += 8) {
    if ((view.getInt32(i, true) | view.getInt32(i + 4, true)) !== 0) return false
  }
  for (let i = words; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

/** The parts of `bytes` to write, as `[from, to)`: pages of zeros are left out. `offset` is where they go in the file. */
const writtenParts = (bytes: Uint8Array, offset: number): ReadonlyArray<readonly [from: number, to: number]> => {
  const parts: Array<readonly [number, number]> = []
  let from = -1
  let at = 0
  while (at < bytes.length) {
    const next = Math.min(bytes.length, at + PAGE - (at === 0 ? offset % PAGE : 0))
    const hole = isZero(bytes.subarray(at, next))
    if (!hole && from < 0) from = at
    if (hole && from >= 0) {
      parts.push([from, at])
      from = -1
    }
    at = next
  }
  if (from >= 0) parts.push([from, bytes.length])
  return parts
}

/** Appends to an empty regular file, leaving holes where there are pages of zeros; `end` sets its size and flushes it. */
const sparse = (file: FileSystem.File) => {
  let size = 0
  const append: Append = (bytes) => {
    const at = size
    size += bytes.length
    if (!Number.isSafeInteger(size)) return refuse("Unknown", "", "a file has 2^53 bytes at most")
    // Not interrupted halfway: the file is closed next, and the system may still be writing to it.
    return Effect.uninterruptible(
      Effect.forEach(
        writtenParts(bytes, at),
        ([from, to]) => Effect.andThen(file.seek(BigInt(at + from), "start"), file.writeAll(bytes.subarray(from, to))),
        { discard: true }
      )
    )
  }
  const end = Effect.suspend(() => Effect.uninterruptible(Effect.andThen(file.truncate(size), file.sync)))
  return { append, end }
}

/** Gives the new file the owner and the mode of the old one. Where the owner cannot be kept, nobody else may read it. */
const keep = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string, old: Info) {
  const fresh = yield* fs.stat(path)
  const [uid, gid] = [Option.getOrUndefined(old.uid), Option.getOrUndefined(old.gid)]
  const isSame = uid === Option.getOrUndefined(fresh.uid) && gid === Option.getOrUndefined(fresh.gid)
  const kept =
    isSame || uid === undefined || gid === undefined
      ? true
      : yield* Effect.match(fs.chown(path, uid, gid), { onFailure: () => false, onSuccess: () => true })
  yield* fs.chmod(path, old.mode & (kept ? 0o7777 : 0o700))
})

export interface Options {
  /** False: what is there already stays, and the write fails with `AlreadyExists`. */
  readonly overwrite?: boolean | undefined
}

/**
 * Writes a file: `write` hands over its bytes in order. When it fails nothing is left of it, and what was there stays. A
 * file that is replaced keeps its mode and owner, and open files and mappings of the old one stay what they are; a new
 * one can be read by its owner only.
 */
export const writeFile = Effect.fnUntraced(function* <E, R>(
  path: string,
  write: (append: Append) => Effect.Effect<void, E, R>,
  { overwrite = true }: Options = {}
): Effect.fn.Return<void, E | PlatformError.PlatformError, R | FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const { info, path: place } = yield* Effect.mapError(placeOf(fs, path), about(path))
  const told = about(path)
  const type = info?.type ?? "File"
  if (type === "Directory" || type === "Socket" || type === "SymbolicLink" || type === "Unknown") {
    return yield* refuse("BadResource", path, `it is ${kinds[type]}, and cannot be written to`)
  }
  const isStream = type === "FIFO" || type === "CharacterDevice"
  if (info !== undefined && !overwrite && !isStream) return yield* refuse("AlreadyExists", path, "it exists already")
  if (type !== "File") {
    // Appending is the way to write without positions, which pipes do not have.
    const file = Effect.mapError(fs.open(place, { flag: "a" }), told)
    const append = (to: FileSystem.File, bytes: Uint8Array) =>
      Effect.uninterruptible(Effect.mapError(to.writeAll(bytes), told))
    return yield* Effect.scoped(Effect.flatMap(file, (to) => write((bytes) => append(to, bytes))))
  }
  const fill = Effect.fnUntraced(function* (beside: string) {
    const file = yield* Effect.mapError(fs.open(beside, { flag: "r+" }), told)
    const { append, end } = sparse(file)
    yield* write((bytes) => Effect.mapError(append(bytes), told))
    yield* Effect.mapError(end, told)
  })
  const settle = (beside: string) =>
    Effect.gen(function* () {
      if (info !== undefined) yield* keep(fs, beside, info)
      if (overwrite) return yield* fs.rename(beside, place)
      // Unlike a rename, a link replaces nothing that has come there meanwhile.
      yield* fs.link(beside, place)
      yield* fs.remove(beside, { force: true })
    }).pipe(Effect.mapError(told))
  yield* Effect.acquireUseRelease(
    Effect.mapError(partial.create(fs, place), told),
    (beside) => Effect.andThen(Effect.scoped(fill(beside)), settle(beside)),
    (beside, exit) => (exit._tag === "Success" ? Effect.void : Effect.ignore(fs.remove(beside, { force: true })))
  )
})
