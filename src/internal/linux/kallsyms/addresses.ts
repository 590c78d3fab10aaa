// The addresses of kallsyms, which each era of Linux wrote in another way (kernel/kallsyms.c, kallsyms_sym_address).
import type { Words } from "../memory.ts"

/** How addresses are written. */
export type Encoding =
  /** Words, until 4.5, and later where the kernel was built so. */
  | "absolute"
  /** Unsigned distances from a base, 4.6 and later. */
  | "relative"
  /** The same but with the values of per-processor variables: from 0 up themselves, below 0 distances. x86-64, 4.6 to 6.15. */
  | "relative-percpu"
  /** Signed distances from where they stand, 7.0 and later. */
  | "place"

export const decodeAddresses = (
  encoding: Encoding,
  bytes: Uint8Array,
  count: number,
  base: bigint,
  words: Words
): BigUint64Array => {
  const addresses = new BigUint64Array(count)
  for (let i = 0; i < count; i++) {
    switch (encoding) {
      case "absolute":
        addresses[i] = words.word(bytes, i * words.bytes)
        break
      case "relative":
        addresses[i] = base + BigInt(words.u32(bytes, 4 * i))
        break
      case "relative-percpu": {
        const offset = BigInt(words.i32(bytes, 4 * i))
        addresses[i] = offset >= 0n ? offset : base - 1n - offset
        break
      }
      case "place":
        addresses[i] = base + BigInt(4 * i) + BigInt(words.i32(bytes, 4 * i))
        break
    }
  }
  return addresses
}

/** Whether these can be addresses: kallsyms is sorted by them, and names are of a kernel, which lies high. */
export const areAscending = (addresses: BigUint64Array): boolean => {
  for (let i = 1; i < addresses.length; i++) if (addresses[i]! < addresses[i - 1]!) return false
  return true
}
