/**
 * Plain synchronous reads of a memory map, for loops that read millions of values.
 *
 * `MemoryMap.reader` brings every source into memory once; afterwards each method is an ordinary call that returns a
 * value or throws. Use the Effect forms of `MemoryMap` everywhere else: they compose, and they need no memory.
 *
 * @since 0.1.0
 */
import type { Address } from "./AddressRange.ts"
import type { Layout, Need, Strongest } from "./Layout.ts"
import type { Endian } from "./MachineModel.ts"

/**
 * The trailing argument of multi-byte reads: required while the map has no byte order.
 *
 * @category models
 * @since 0.1.0
 */
export type EndianArgument<E> = [E] extends ["Endian"]
  ? [options?: { readonly endian?: Endian | undefined }]
  : [options: { readonly endian: Endian }]

/**
 * Reads that return at once.
 *
 * Every method throws `UnmappedAddress` where a hole comes, and `SourceError` `"Closed"` once the bytes of a mapped
 * file may no longer be touched. Words (`getPointer`, `getCLong`) need a map whose word size is set. Values mean what
 * the functions of the same name in `MemoryMap` say.
 *
 * **Example** (Summing a table)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MemoryMap } from "effect-memory-map"
 *
 * const program = Effect.gen(function* () {
 *   const map = yield* MemoryMap.fromBytes(new Uint8Array([1, 0, 2, 0, 3, 0]), 0x1000n)
 *   const reader = yield* MemoryMap.reader(MemoryMap.setEndian(map, "little"))
 *   let sum = 0
 *   for (let i = 0n; i < 3n; i++) sum += reader.getUint16(0x1000n + 2n * i)
 *   return sum
 * })
 * Effect.runSync(program) // => 6
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryReader<out W extends "NoWordSize" | "WordSize", out E extends "NoEndian" | "Endian"> {
  isMapped(address: Address): boolean
  getByte(address: Address): number
  getInt8(address: Address): number
  getUint8(address: Address): number
  getInt16(address: Address, ...options: EndianArgument<E>): number
  getUint16(address: Address, ...options: EndianArgument<E>): number
  getInt32(address: Address, ...options: EndianArgument<E>): number
  getUint32(address: Address, ...options: EndianArgument<E>): number
  getInt64(address: Address, ...options: EndianArgument<E>): bigint
  getUint64(address: Address, ...options: EndianArgument<E>): bigint
  getFloat32(address: Address, ...options: EndianArgument<E>): number
  getFloat64(address: Address, ...options: EndianArgument<E>): number
  getCInt(address: Address, ...options: EndianArgument<E>): number
  getCLong(this: MemoryReader<"WordSize", E>, address: Address, ...options: EndianArgument<E>): bigint
  getPointer(this: MemoryReader<"WordSize", E>, address: Address, ...options: EndianArgument<E>): Address
  /** A copy of the `length` bytes at `address`. */
  getBytes(address: Address, length: number): Uint8Array
  /**
   * The value of a layout, as `Layout.read` gives it. Throws also `LayoutError`, where a schema or a count refuses the bytes.
   */
  get<A, R extends Need>(this: ReaderFor<R>, layout: Layout<A, R>, address: Address): A
  /** Carries the word size state; no property at run time. */
  readonly "~wordSize"?: W
  /** Carries the byte order state; no property at run time. */
  readonly "~endian"?: E
}

/**
 * The readers that know what a layout needs.
 *
 * @category models
 * @since 0.1.0
 */
export type ReaderFor<R extends Need> =
  Strongest<R> extends "Nothing"
    ? MemoryReader<"NoWordSize" | "WordSize", "NoEndian" | "Endian">
    : Strongest<R> extends "Endian"
      ? MemoryReader<"NoWordSize" | "WordSize", "Endian">
      : MemoryReader<"WordSize", "Endian">
