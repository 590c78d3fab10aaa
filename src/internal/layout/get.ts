// A value of a layout without Effect: through the synchronous reader.
import { UnmappedAddress } from "../../MemoryMapError.ts"
import type { BytesAccess } from "../read/reader.ts"
import { Problem } from "./decode.ts"
import type { AnyLayout } from "./model.ts"
import { type Prepared, prepare, refused } from "./prepare.ts"
import { saying } from "./read.ts"

const copied = (access: BytesAccess, prepared: Prepared, address: bigint, length: number): Uint8Array => {
  const bytes = access.copied("get", address, length)
  if (bytes instanceof UnmappedAddress) throw saying(bytes, prepared, address)
  return bytes
}

const valueAt = (access: BytesAccess, prepared: Prepared, address: bigint): unknown => {
  const { decoder, extent, little, size } = prepared
  if (extent !== undefined) {
    const length = extent(copied(access, prepared, address, size), 0, little)
    return length instanceof Problem ? length : decoder.decode(copied(access, prepared, address, length), 0, little)
  }
  const at = size === 0 ? -1 : access.locate(address, size)
  return at >= 0
    ? decoder.decode(access.bytes, at, little)
    : decoder.decode(copied(access, prepared, address, size), 0, little)
}

/** Throws what a read as an Effect fails with. */
export const get = (layout: AnyLayout, access: BytesAccess, address: bigint): unknown => {
  let prepared = access.known.get(layout) as Prepared | undefined
  if (prepared === undefined) {
    prepared = prepare(layout, access.map, "get")
    access.known.set(layout, prepared)
  }
  const value = valueAt(access, prepared, address)
  if (value instanceof Problem) throw refused(prepared, address, value)
  return value
}
