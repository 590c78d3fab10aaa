// Numbers out of bytes. Up to 32 bits they are put together by shifts; 64-bit integers and floats are copied into one
// scratch DataView and read from there, because making a DataView for each read costs more than the read itself.
export type Decode<A> = (bytes: Uint8Array, at: number, little: boolean) => A

const scratch = new DataView(new ArrayBuffer(8))

const load = (bytes: Uint8Array, at: number, length: number): void => {
  for (let i = 0; i < length; i++) scratch.setUint8(i, bytes[at + i]!)
}

export const uint8: Decode<number> = (bytes, at) => bytes[at]!

export const int8: Decode<number> = (bytes, at) => (bytes[at]! << 24) >> 24

export const uint16: Decode<number> = (bytes, at, little) =>
  little ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!

export const int16: Decode<number> = (bytes, at, little) => (uint16(bytes, at, little) << 16) >> 16

export const int32: Decode<number> = (bytes, at, little) =>
  little
    ? bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    : (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

export const uint32: Decode<number> = (bytes, at, little) => int32(bytes, at, little) >>> 0

export const uint64: Decode<bigint> = (bytes, at, little) => {
  load(bytes, at, 8)
  return scratch.getBigUint64(0, little)
}

export const int64: Decode<bigint> = (bytes, at, little) => {
  load(bytes, at, 8)
  return scratch.getBigInt64(0, little)
}

export const float32: Decode<number> = (bytes, at, little) => {
  load(bytes, at, 4)
  return scratch.getFloat32(0, little)
}

export const float64: Decode<number> = (bytes, at, little) => {
  load(bytes, at, 8)
  return scratch.getFloat64(0, little)
}

/** 32 bits as bigint, for words of 32-bit machines. */
export const long32: Decode<bigint> = (bytes, at, little) => BigInt(int32(bytes, at, little))

export const pointer32: Decode<bigint> = (bytes, at, little) => BigInt(uint32(bytes, at, little))
