// What the file layers have in common: which files may be mapped, who shares an open one, and which part is asked for.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import type { ByteSource } from "../../ByteSource.ts"
import type { MapOptions } from "../../FileMapper.ts"
import { bytesText, hex } from "../base/numbers.ts"
import { bring, provided } from "./brought.ts"
import { slice } from "./source.ts"

type Opened = Effect.Effect<ByteSource, PlatformError.PlatformError, Scope.Scope>

/** What a file system says about a path: mapped again while it still says the same, the open file is shared. */
export type Identify = (path: string) => Effect.Effect<string, PlatformError.PlatformError>

export type Open = (path: string) => Opened

export type MapFile = (path: string, options?: MapOptions) => Opened

/** What `effect` acquires lives as long as the surrounding scope when it succeeds, and is released at once when not. */
export const releaseOnFailure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
      restore(Scope.provide(effect, scope)).pipe(
        Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void))
      )
    )
  )

const part = (path: string, source: ByteSource, options: MapOptions | undefined) => {
  const offset = options?.offset ?? 0n
  const length = options?.length ?? source.size - offset
  if (offset === 0n && length === source.size) return Effect.succeed(source)
  if (offset >= 0n && length >= 0n && offset + length <= source.size) {
    return Effect.succeed(slice(source, offset, length))
  }
  const asked = options?.length === undefined ? "" : `${bytesText(length)} at `
  return PlatformError.badArgument({
    module: "FileMapper",
    method: "map",
    description: `${path}: there is no ${asked}offset ${hex(offset)} in a file of ${bytesText(source.size)}`
  })
}

/**
 * A mapper that opens each file once however often it is mapped, and closes it with the last of its users. Its sources
 * carry what was provided where the mapper was made.
 */
export const make = (identify: Identify, open: Open): Effect.Effect<{ readonly map: MapFile }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const brought = yield* provided
    const files = yield* RcMap.make({
      lookup: (key: { readonly path: string; readonly identity: string }) =>
        Effect.map(open(key.path), (source) => bring(source, brought))
    })
    const shared = (path: string, identity: string): Opened =>
      files.state._tag === "Closed"
        ? refuse(path, "the layer of this FileMapper has been closed")
        : RcMap.get(files, { path, identity })
    return {
      map: (path, options) =>
        Effect.flatMap(identify(path), (identity) =>
          releaseOnFailure(Effect.flatMap(shared(path, identity), (source) => part(path, source, options)))
        )
    }
  })

export const refuse = (path: string, description: string): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: "BadResource",
    module: "FileMapper",
    method: "map",
    pathOrDescriptor: path,
    description
  })

/** What else than a file a path can lead to, in words. */
export const kinds: Readonly<Record<Exclude<FileSystem.File.Type, "File">, string>> = {
  Directory: "a directory",
  SymbolicLink: "a symbolic link",
  BlockDevice: "a block device",
  CharacterDevice: "a character device",
  FIFO: "a pipe",
  Socket: "a socket",
  Unknown: "of an unknown kind"
}

/** Only a regular file has a size that can be relied on and bytes that can be read in any order, without side effects. */
export const requireRegular = (
  path: string,
  info: FileSystem.File.Info
): Effect.Effect<FileSystem.File.Info, PlatformError.PlatformError> =>
  info.type === "File"
    ? Effect.succeed(info)
    : refuse(path, `it is ${kinds[info.type]}; only regular files can be mapped`)

const identityOf = (info: FileSystem.File.Info): string =>
  [
    info.dev,
    Option.getOrElse(info.ino, () => ""),
    info.size,
    Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.getTime() })
  ].join(":")

/** Looks before anything is opened: opening a pipe waits for its writer, and opening a device may do anything. */
export const identify =
  (fs: FileSystem.FileSystem): Identify =>
  (path) =>
    fs.stat(path).pipe(
      Effect.flatMap((info) => requireRegular(path, info)),
      Effect.tap((info) => (info.size === 0n ? requireEmpty(fs, path) : Effect.void)),
      Effect.map(identityOf)
    )

/** Files that make their content up when read, as under /proc, claim to be empty: do not believe it. */
const requireEmpty = (fs: FileSystem.FileSystem, path: string) => {
  const hidden = () =>
    refuse(path, "its bytes are not counted in its size, as with files under /proc; copy it, map the copy")
  return fs.open(path, { flag: "r" }).pipe(
    Effect.flatMap((file) =>
      Effect.matchEffect(file.readAlloc(1, { position: 0n }), {
        onFailure: hidden,
        onSuccess: (byte) => (Option.isNone(byte) ? Effect.void : hidden())
      })
    ),
    Effect.scoped
  )
}
