// A layout as it lies in one map: its size there, the byte order, its decoder.
import type { DataModel } from "../../MachineModel.ts"
import { LayoutError } from "../../MemoryMapError.ts"
import type { Decode } from "../base/decode.ts"
import { littleFor, modelOf, wordSizeOf } from "../map/machine.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { type Decoder, decoderOf, extentOf, type Problem } from "./decode.ts"
import type { AnyLayout } from "./model.ts"
import { recordName } from "./names.ts"
import { NOTHING, WORDS } from "./needs.ts"
import { elementOf, plain, resolve } from "./paths.ts"
import { shapeOf } from "./shape.ts"

export interface Prepared {
  readonly layout: AnyLayout
  readonly model: DataModel
  readonly little: boolean
  /** In bytes, without a flexible array. */
  readonly size: number
  readonly decoder: Decoder
  /** The bytes of one value, where they are not always `size`. */
  readonly extent: Decode<number | Problem> | undefined
}

/** Types made sure that the map knows what the layout needs; code that got round them is told so. */
export const prepare = (layout: AnyLayout, map: MemoryMapImpl, operation: string): Prepared => {
  if (layout.needs === WORDS) wordSizeOf(map, operation)
  const little = layout.needs === NOTHING || littleFor(map, operation, undefined)
  const model = modelOf(map)
  const { size, tail } = shapeOf(layout, model)
  const extent = tail === undefined ? undefined : extentOf(layout, model)
  return { layout, model, little, size, decoder: decoderOf(layout, model), extent }
}

/** The error for a problem with one value at `address`, or with one of many from there on. */
export const refused = (prepared: Prepared, address: bigint, { cause, path, reason, why }: Problem): LayoutError =>
  new LayoutError({
    reason,
    address: addressOf(prepared, address, path),
    path: pathIn(prepared.layout, path),
    why,
    ...(cause === undefined ? {} : { cause })
  })

const addressOf = ({ layout, model, size }: Prepared, address: bigint, path: string): bigint => {
  const [, index, member] = /^\[(\d+)\]\.?(.*)$/.exec(path) ?? []
  const isOneOfMany = index !== undefined && elementOf(plain(layout).layout) === undefined
  const start = isOneOfMany ? address + BigInt(index) * BigInt(size) : address
  const place = resolve(layout, isOneOfMany ? member! : path, model)
  return typeof place === "string" ? start : start + BigInt(Math.floor(place.bit / 8))
}

/** A member's path behind the name of the type: `task.comm`, `task[3].comm`. */
export const pathIn = (layout: AnyLayout, path: string): string => {
  const name = recordName(layout)
  return path === "" ? name : path.startsWith("[") || name === "" ? name + path : `${name}.${path}`
}
