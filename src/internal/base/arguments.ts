// What is asked of arguments, in one place. The rule: what only the program decides (a length, an alignment, a limit, a
// range that ends before it starts) and no sensible program means is a programming error, and thrown, which inside an
// Effect is a defect. What data may decide is answered by an error of its own type, or by nothing found: any address, also
// one past the end of the space, a place in a file, what is mapped there.
import type { AddressRange } from "../../AddressRange.ts"
import { hex } from "./numbers.ts"

/** Throws unless `value` is a whole number of `least` to `most`. `what` says what it is, as in "the length". */
export const checkCount = (
  operation: string,
  what: string,
  value: number,
  least = 0,
  most = Number.MAX_SAFE_INTEGER
): void => {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  const bounds = most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`
  throw new RangeError(`${operation}: ${what} must be a whole number${bounds}, not ${value}`)
}

/** A length in bytes. */
export const checkLength = (operation: string, length: number): void =>
  checkCount(`MemoryMap.${operation}`, "the length in bytes", length)

/** A limit in bytes, up to what can be had at all. */
export const checkLimit = (operation: string, limit: number, most: number): void =>
  checkCount(`MemoryMap.${operation}`, "the limit in bytes", limit, 0, most)

/** Throws unless `start <= end`; they may lie outside the address space, where nothing is. */
export const checkRange = (operation: string, range: AddressRange, module = "MemoryMap"): void => {
  const { end, start } = range
  if (typeof start === "bigint" && typeof end === "bigint" && start <= end) return
  const show = (bound: unknown) => (typeof bound === "bigint" ? hex(bound) : String(bound))
  throw new RangeError(
    `${module}.${operation}: ${show(start)}..${show(end)} is not a range: start <= end must hold, both bigints`
  )
}

/** Throws unless `size` is a bigint, 0 or more. */
export const checkSize = (operation: string, size: bigint): void => {
  if (typeof size === "bigint" && size >= 0n) return
  throw new RangeError(`${operation}: the size must be a bigint, 0n or more, not ${String(size)}`)
}
