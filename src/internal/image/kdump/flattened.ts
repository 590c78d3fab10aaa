// The flattened form of a dump, which makedumpfile -F and QEMU write to pipes (makedumpfile, IMPLEMENTATION, "Flattened
// format"): pieces of the file, each with the place where it belongs. All numbers are big-endian.
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import { SourceError } from "../../../MemoryMapError.ts"
import { type ImageReader, MOST_PIECES } from "../headers.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { build, implOf } from "../../map/build.ts"
import { bytes } from "../../read/bytes.ts"
import { Custom, slice } from "../../source/source.ts"

const SIGNATURE = new TextEncoder().encode("makedumpfile\0\0\0\0")
const HEADER = 4096n
const PIECE_HEADER = 16
const END_OF_PIECES = (1n << 64n) - 1n
const LARGEST = 1n << 63n

export const isFlattened = (head: Uint8Array): boolean =>
  Bytes.Equivalence(head.subarray(0, SIGNATURE.length), SIGNATURE)

/**
 * The file that the pieces make up: a map of file offsets, where later pieces win. What no piece holds cannot be read.
 */
export const unflatten = Effect.fnUntraced(function* (reader: ImageReader) {
  const header = yield* reader.header("the flattened header", 0n, 32, "big")
  if (header.u64(16) !== 1n || header.u64(24) !== 1n) {
    return yield* header.refuse(16, `flattened form: type ${header.u64(16)}, version ${header.u64(24)} are not known`)
  }
  const pieces: Array<{ readonly source: ByteSource; readonly address: bigint }> = []
  let offset = HEADER
  let size = 0n
  for (;;) {
    const piece = yield* reader.header("the header of a piece", offset, PIECE_HEADER, "big")
    const address = piece.u64(0)
    const length = piece.u64(8)
    if (address === END_OF_PIECES && length === END_OF_PIECES) break
    offset += BigInt(PIECE_HEADER)
    if (address + length > LARGEST) return yield* piece.refuse(0, `place ${hex(address)} of a piece is not in any file`)
    if (!reader.holds(offset, length)) {
      const left = reader.source.size - offset
      return yield* piece.refuse(
        8,
        `size of a piece is ${bytesText(length)}, the file has ${left} left: it is cut short`
      )
    }
    if (pieces.length === 2 * MOST_PIECES) {
      return yield* piece.refuse(0, `the file has more than the ${2 * MOST_PIECES} pieces that are read`, "TooLarge")
    }
    if (length > 0n) pieces.push({ source: slice(reader.source, offset, length), address })
    if (address + length > size) size = address + length
    offset += length
  }
  if (pieces.length === 0) return yield* reader.refuse(HEADER, "the flattened file has no pieces")
  const map = yield* Effect.mapError(build(pieces), (e) => reader.refuse(0n, e.message))
  const { name } = reader.source
  return new Custom(name, size, (offset, length) =>
    Effect.catchTag(bytes(implOf(map), "unflatten", offset, length), "UnmappedAddress", (error) => {
      const why = `no piece of the flattened file holds the byte that belongs at ${hex(error.address)}`
      return new SourceError({ source: name, offset, length, reason: "ReadFailed", cause: reader.refuse(0n, why) })
    })
  )
})
