// Blobs of the web: a File that somebody chose in a page, an answer of fetch, node:fs's openAsBlob.
import * as Effect from "effect/Effect"
import type { BlobLike, ByteSource } from "../../ByteSource.ts"
import { SourceError } from "../../MemoryMapError.ts"
import { Custom } from "./source.ts"

export const fromBlob = (blob: BlobLike, name: string | undefined): ByteSource => {
  const called = name ?? (blob.name === undefined || blob.name === "" ? "blob" : blob.name)
  return new Custom(called, BigInt(blob.size), (offset, length) =>
    Effect.map(
      Effect.tryPromise({
        try: () => blob.slice(Number(offset), Number(offset) + length).arrayBuffer(),
        // A file on disk that has changed since it was chosen cannot be read any more: the web forbids it.
        catch: (cause) => new SourceError({ source: called, offset, length, reason: "ReadFailed", cause })
      }),
      (buffer) => new Uint8Array(buffer)
    )
  )
}
