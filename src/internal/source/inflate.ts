// zlib through the platform's DecompressionStream, which browsers, Node and other runtimes have.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Stream from "effect/Stream"

export const inflate = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  size: number
): Effect.fn.Return<Uint8Array, unknown> {
  const parts: Array<Uint8Array> = []
  let length = 0
  const inflated = Stream.fromReadableStream({
    // Blob wants memory of its own, not shared.
    evaluate: () => new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream("deflate")),
    onError: identity
  })
  yield* Stream.runForEachWhile(inflated, (part) => {
    parts.push(part)
    length += part.length
    return Effect.succeed(length <= size)
  })
  return Bytes.concat(parts)
})
