// Knuth, Morris, Pratt, "Fast pattern matching in strings", SIAM J. Comput. 6 (1977): at most two steps a byte.
import type { NeedleSearcher } from "./hits.ts"

/** `form` maps each byte to the one it is compared as. */
export const kmp = (needle: Uint8Array, form: Uint8Array): NeedleSearcher => {
  const length = needle.length
  // back[k]: how much of the needle still stands when its byte k differs after k bytes that agreed; back[length]: after
  // a match. -1 when not even the byte at hand can begin one.
  const back = new Int32Array(length + 1)
  back[0] = -1
  for (let i = 1, k = 0; i <= length; i++, k++) {
    back[i] = i < length && needle[i] === needle[k] ? back[k]! : k
    while (k >= 0 && i < length && needle[i] !== needle[k]) k = back[k]!
  }
  return (bytes, from, to, out, limit) => {
    const end = to - 1 + length
    let k = 0
    for (let i = from; i < end; i++) {
      const byte = form[bytes[i]!]!
      while (k >= 0 && needle[k] !== byte) k = back[k]!
      k++
      if (k === length) {
        out.push(i + 1 - length)
        if (out.length >= limit) return i + 2 - length
        k = back[length]!
      }
    }
    return to
  }
}
