// Images by location: in files, on the web, and in memory for tests.
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ByteSource from "../../ByteSource.ts"
import * as FileMapper from "../../FileMapper.ts"
import type { Images } from "../../fleet/Images.ts"
import * as web from "./web.ts"

export class ImageUnavailable extends Schema.TaggedError<ImageUnavailable>("effect-memory-map/ImageUnavailable")(
  "ImageUnavailable",
  { location: Schema.String, why: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }
) {
  override get message(): string {
    return `${this.location}: ${this.why}`
  }
}

/** Bytes at the start of an image that go into its identity. */
const HEAD = 1 << 16

/** An image that is open, and when it was last changed, in milliseconds since 1970, where the place tells. */
export interface OpenImage {
  readonly source: ByteSource.ByteSource
  readonly modified: number | undefined
}

type Service = Images["Service"]
type List = Service["list"]
type Open = (location: string) => Effect.Effect<OpenImage, ImageUnavailable, Scope.Scope>

const unavailable = (location: string) => (cause: { readonly message: string; readonly reason?: unknown }) => {
  const missing = Predicate.isTagged(cause.reason, "NotFound")
  return new ImageUnavailable({ location, why: missing ? "there is no such file" : cause.message, cause })
}

/** The service for one way of listing and opening. */
const serviceOf = (list: List, open: Open): Effect.Effect<Service, never, Digest.Digest> =>
  Effect.map(Digest.Digest, (digest) => ({
    list,
    identify: (location) =>
      Effect.gen(function* () {
        const { modified, source } = yield* open(location)
        const { size } = source
        const head = yield* Effect.mapError(source.read(0n, Number(size < HEAD ? size : HEAD)), unavailable(location))
        const text = [size, modified ?? "", yield* digest.digestHex(Digest.sha256, head), location].join(":")
        const id = (yield* digest.digestHex(Digest.sha256, new TextEncoder().encode(text))).slice(0, 32)
        return { id, location, size, modified }
      }).pipe(Effect.scoped),
    open: (location) => Effect.map(open(location), ({ source }) => source)
  }))

const pathOf = (location: string): string =>
  /^file:/i.test(location) ? decodeURIComponent(new URL(location).pathname) : location

/**
 * The regular files at a path or below it. What is neither file nor directory is left out, and so is a directory met before
 * (links may lead round in circles). What cannot be looked into is listed itself, so that opening it tells why.
 */
const filesBelow = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string) {
  const met = new Set<string>()
  const below = (path: string): Effect.Effect<ReadonlyArray<string>, PlatformError> =>
    Effect.gen(function* () {
      const { type } = yield* fs.stat(path)
      if (type !== "Directory") return type === "File" ? [path] : []
      const real = yield* fs.realPath(path)
      if (met.has(real)) return []
      met.add(real)
      const names = yield* fs.readDirectory(path)
      const lists = yield* Effect.forEach(names.toSorted(), (name) => {
        const entry = `${path.replace(/\/+$/, "")}/${name}`
        return Effect.orElseSucceed(below(entry), () => [entry])
      })
      return lists.flat()
    })
  return yield* below(path)
})

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const mapper = yield* FileMapper.FileMapper
  const client = yield* Effect.serviceOption(HttpClient.HttpClient)

  const openFile: Open = (location) =>
    Effect.gen(function* () {
      const info = yield* fs.stat(pathOf(location))
      const source = yield* mapper.map(pathOf(location))
      return { source, modified: Option.getOrUndefined(Option.map(info.mtime, (time) => time.getTime())) }
    }).pipe(Effect.mapError(unavailable(location)))

  const openWeb: Open = (location) =>
    Option.match(client, {
      onNone: () =>
        new ImageUnavailable({ location, why: "reading from the web needs an HttpClient in the environment" }),
      onSome: (client) => Effect.mapError(web.open(client, location), unavailable(location))
    })

  const isWeb = (location: string): boolean => /^https?:/i.test(location)
  return yield* serviceOf(
    (location) =>
      isWeb(location)
        ? Effect.succeed([location])
        : Effect.mapError(filesBelow(fs, pathOf(location)), unavailable(location)),
    (location) => (isWeb(location) ? openWeb(location) : openFile(location))
  )
})

export const makeTest = (files: Readonly<Record<string, Uint8Array>>) => {
  const missing = (location: string) => new ImageUnavailable({ location, why: "there is no such image" })
  return serviceOf(
    (location) => {
      if (Object.hasOwn(files, location)) return Effect.succeed([location])
      const below = Object.keys(files).filter((name) => name.startsWith(`${location.replace(/\/+$/, "")}/`))
      return below.length === 0 ? missing(location) : Effect.succeed(below.toSorted())
    },
    (location) =>
      Object.hasOwn(files, location)
        ? Effect.succeed({ source: ByteSource.fromBytes(files[location]!, { name: location }), modified: undefined })
        : missing(location)
  )
}
