// Files that take the place of others whole: written beside it first, then renamed into it.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import * as Random from "effect/Random"
import { kinds } from "./file.ts"

/** `write` is given the path to write to; when it fails, nothing is left of it, and what was at `path` stays. */
export const replace = Effect.fnUntraced(function* <E, R>(
  path: string,
  write: (beside: string) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, E | PlatformError.PlatformError, R | FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const place = yield* placeOf(fs, path)
  const suffix = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
  const beside = `${place}.${suffix.toString(36)}.partial`
  yield* Effect.andThen(write(beside), fs.rename(beside, place)).pipe(
    Effect.onError(() => Effect.ignore(fs.remove(beside, { force: true })))
  )
})

/** Links are followed. Renaming would replace a device or a pipe by a file, where writing to it was meant. */
const placeOf = (fs: FileSystem.FileSystem, path: string): Effect.Effect<string, PlatformError.PlatformError> =>
  Effect.matchEffect(fs.stat(path), {
    onFailure: (error) => (error.reason._tag === "NotFound" ? Effect.succeed(path) : error),
    onSuccess: ({ type }) =>
      type === "File"
        ? fs.realPath(path)
        : PlatformError.systemError({
            _tag: "BadResource",
            module: "FileSystem",
            method: "rename",
            pathOrDescriptor: path,
            description: `it is ${kinds[type]}; only regular files are replaced`
          })
  })
