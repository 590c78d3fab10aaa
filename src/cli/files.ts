// Files that commands write.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { Refused } from "./errors.ts"

/** Says before the work, and not after it, that there is no place for its file. */
export const requireDirectory = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = (yield* Path.Path).dirname(path)
  if (!(yield* fs.exists(directory))) {
    return yield* new Refused({ message: `${path} cannot be written: there is no directory ${directory}` })
  }
})
