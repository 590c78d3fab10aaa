// Images on the web, read by ranges (RFC 9110, section 14) in blocks that are kept.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Option from "effect/Option"
import * as Headers from "effect/http/Headers"
import * as ByteSource from "../../ByteSource.ts"
import { SourceError } from "../../MemoryMapError.ts"
import type { OpenImage } from "./images.ts"

/** Bytes of one request, and how many such blocks are kept of one image: 64 MiB. */
const BLOCK = 1 << 20
const BLOCKS = 64

interface Refused {
  readonly message: string
}

const header = (headers: Headers.Headers, name: string): string | undefined =>
  Option.getOrUndefined(Headers.get(headers, name))

/**
 * The size is in the head of the answer. A server that does not say that it serves ranges is refused: it would send the
 * whole image for each block. Each range is asked for on the condition that the image is still the same (If-Match).
 */
export const open = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  location: string
): Effect.fn.Return<OpenImage, HttpClientError.HttpClientError | Refused> {
  const { headers, status } = yield* client.head(location)
  if (status < 200 || status > 299) return yield* Effect.fail({ message: `the server answers with status ${status}` })
  const length = header(headers, "content-length")
  if (length === undefined || !/^\d+$/.test(length)) {
    return yield* Effect.fail({ message: "the server does not say how large it is (Content-Length)" })
  }
  if (header(headers, "accept-ranges") !== "bytes") {
    return yield* Effect.fail({
      message: "the server does not offer ranges of bytes (Accept-Ranges); download it first"
    })
  }
  const etag = header(headers, "etag")
  const condition: Record<string, string> = etag === undefined || etag.startsWith("W/") ? {} : { "if-match": etag }
  const read = (offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> => {
    const failed = (cause: unknown) =>
      new SourceError({ source: location, offset, length, reason: "ReadFailed", cause })
    return client
      .get(location, { headers: { ...condition, range: `bytes=${offset}-${offset + BigInt(length) - 1n}` } })
      .pipe(
        Effect.flatMap((answer) =>
          answer.status === 206
            ? Effect.map(answer.arrayBuffer, (bytes) => new Uint8Array(bytes))
            : Effect.fail({ message: `the server answers with status ${answer.status} to a request for a range` })
        ),
        Effect.mapError(failed)
      )
  }
  const modified = DateTime.make(header(headers, "last-modified") ?? "")
  return {
    source: yield* ByteSource.cached(ByteSource.make({ name: location, size: BigInt(length), read }), {
      blockSize: BLOCK,
      capacity: BLOCKS
    }),
    modified: Option.getOrUndefined(Option.map(modified, DateTime.toEpochMillis))
  }
})
