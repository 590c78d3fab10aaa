// zlib (RFC 1950) by fflate, which runs everywhere: half the time of a DecompressionStream, which is set up anew for each
// page. fflate does not look at the checksum; that is done here.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { unzlibSync } from "fflate"

/** The largest prime below 2^16. */
const MODULUS = 65_521

/** Bytes that can be added up before the sums need their remainder: they stay below 2^32 (RFC 1950, section 9). */
const RUN = 5552

const adler32 = (bytes: Uint8Array): number => {
  let a = 1
  let b = 0
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + RUN)
    for (; at < end; at++) {
      a += bytes[at]!
      b += a
    }
    a %= MODULUS
    b %= MODULUS
  }
  return b * 0x1_0000 + a
}

/** One byte more than there should be has room, so that more shows; the last four bytes are the checksum. */
const unpack = (bytes: Uint8Array, size: number): Uint8Array => {
  const unpacked = unzlibSync(bytes, { out: new Uint8Array(size + 1) })
  const sum = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 4)
  if (unpacked.length === size && adler32(unpacked) !== sum) throw new Error("the checksum does not match")
  return unpacked
}

/** Unpacks to `size` bytes, or another number if it is not that many. Fails on what is no zlib, or damaged. */
export const inflate = (bytes: Uint8Array, size: number): Effect.Effect<Uint8Array, unknown> =>
  Effect.suspend(() => Effect.fromResult(Result.try(() => unpack(bytes, size))))
