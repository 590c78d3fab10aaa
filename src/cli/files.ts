// Files that commands write.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { Refused } from "./errors.ts"
import type { Opened } from "./images.ts"

/** Says before the work, and not after it, that there is no place for its file. */
export const requireDirectory = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = (yield* Path.Path).dirname(path)
  if (!(yield* fs.exists(directory))) {
    return yield* new Refused({ message: `${path} cannot be written: there is no directory ${directory}` })
  }
})

/** What is there keeps what it holds, unless told otherwise. Terminals, pipes and the like hold nothing. */
export const requireFree = Effect.fnUntraced(function* (path: string, force: boolean) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(path))
  if (force || Option.isNone(info) || !["File", "BlockDevice"].includes(info.value.type)) return
  return yield* new Refused({ message: `${path} exists already`, details: [["try", "--force to replace it"]] })
})

/** A picture of an image is never to take its place, under whatever name. */
export const requireOther = Effect.fnUntraced(function* (path: string, images: Opened["images"]) {
  const fs = yield* FileSystem.FileSystem
  const identity = (name: string) =>
    Effect.match(fs.stat(name), {
      onFailure: () => name,
      onSuccess: ({ dev, ino }) => `${dev}:${Option.getOrElse(ino, () => name)}`
    })
  const target = yield* identity(path)
  for (const { file } of images) {
    if ((yield* identity(file)) !== target) continue
    return yield* new Refused({ message: `${path} is the image itself: a picture in its place would destroy it` })
  }
})
