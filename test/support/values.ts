// Every typed read, by name: how many bytes it takes, and what DataView makes of them.
import type { Effect } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type { MemoryReader } from "../../src/MemoryReader.ts"

export type Value = number | bigint
type Read = (
  map: MemoryMap.Ready,
  address: bigint,
  options?: { readonly endian: "little" | "big" }
) => Effect.Effect<Value, MemoryMap.ReadError>

export interface TypedRead {
  readonly name: keyof MemoryReader<"WordSize", "Endian">
  readonly size: number
  readonly expected: (view: DataView, little: boolean) => Value
}

export const bytesReads: ReadonlyArray<TypedRead> = [
  { name: "getByte", size: 1, expected: (view) => view.getUint8(0) },
  { name: "getUint8", size: 1, expected: (view) => view.getUint8(0) },
  { name: "getInt8", size: 1, expected: (view) => view.getInt8(0) }
]

export const endianReads: ReadonlyArray<TypedRead> = [
  { name: "getInt16", size: 2, expected: (view, little) => view.getInt16(0, little) },
  { name: "getUint16", size: 2, expected: (view, little) => view.getUint16(0, little) },
  { name: "getInt32", size: 4, expected: (view, little) => view.getInt32(0, little) },
  { name: "getUint32", size: 4, expected: (view, little) => view.getUint32(0, little) },
  { name: "getInt64", size: 8, expected: (view, little) => view.getBigInt64(0, little) },
  { name: "getUint64", size: 8, expected: (view, little) => view.getBigUint64(0, little) },
  { name: "getFloat32", size: 4, expected: (view, little) => view.getFloat32(0, little) },
  { name: "getFloat64", size: 8, expected: (view, little) => view.getFloat64(0, little) },
  { name: "getCInt", size: 4, expected: (view, little) => view.getInt32(0, little) }
]

export const wordReads = (wordSize: 32 | 64): ReadonlyArray<TypedRead> =>
  wordSize === 32
    ? [
        { name: "getCLong", size: 4, expected: (view, little) => BigInt(view.getInt32(0, little)) },
        { name: "getPointer", size: 4, expected: (view, little) => BigInt(view.getUint32(0, little)) }
      ]
    : [
        { name: "getCLong", size: 8, expected: (view, little) => view.getBigInt64(0, little) },
        { name: "getPointer", size: 8, expected: (view, little) => view.getBigUint64(0, little) }
      ]

export const allReads = (wordSize: 32 | 64) => [...bytesReads, ...endianReads, ...wordReads(wordSize)]

/** The function of MemoryMap with this name. */
export const effectRead = ({ name }: TypedRead): Read => (MemoryMap as unknown as Record<string, Read>)[name]!

type ReadLast = (
  address: bigint,
  ...options: ReadonlyArray<{ readonly endian: "little" | "big" }>
) => (map: MemoryMap.Ready) => ReturnType<Read>

/** The same, data last. */
export const effectReadLast =
  ({ name, size }: TypedRead): Read =>
  (map, address, options) => {
    const read = (MemoryMap as unknown as Record<string, ReadLast>)[name]!
    return (options === undefined || size === 1 ? read(address) : read(address, options))(map)
  }

/** The method of a reader with this name. */
export const readerRead = (
  reader: MemoryReader<"WordSize", "Endian">,
  { name }: TypedRead,
  address: bigint,
  options?: { readonly endian: "little" | "big" }
): Value =>
  (reader as unknown as Record<string, (address: bigint, options?: { readonly endian: "little" | "big" }) => Value>)[
    name
  ]!(address, options)
