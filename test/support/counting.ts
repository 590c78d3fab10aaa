import { Effect } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"

/** A source of `bytes` that is never in memory, and counts the bytes that were read of it. */
export const countingSource = (bytes: Uint8Array) => {
  const count = { read: 0 }
  const source = ByteSource.make({
    name: "counting",
    size: BigInt(bytes.length),
    read: (offset, length) =>
      Effect.sync(() => {
        count.read += length
        return bytes.slice(Number(offset), Number(offset) + length)
      })
  })
  return { count, source }
}
