/**
 * One mapping of a memory map: bytes of a source, placed at an address.
 *
 * Mappings are made by `MemoryMap.add` and its relatives and handed out by everything that inspects a map. They are
 * immutable and compared by identity: the same bytes added twice are two mappings.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type { AddressRange } from "./AddressRange.ts"
import type { ByteSource } from "./ByteSource.ts"
import { MappingTypeId } from "./internal/map/map.ts"

/**
 * What the machine allowed at these addresses. A note for people and tables; the library reads everything mapped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Permissions {
  readonly read: boolean
  readonly write: boolean
  readonly execute: boolean
}

/**
 * A mapping.
 *
 * `range` holds the addresses it was given, half open, whether or not later mappings cover some; the byte at address
 * `a` is the one at offset `a - range.start` of `source`. `order` is higher the later the mapping was added,
 * and no two in a map have the same. `permissions` is `undefined` when nobody said.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mapping {
  readonly [MappingTypeId]: typeof MappingTypeId
  readonly name: string
  readonly range: AddressRange
  readonly source: ByteSource
  readonly permissions: Permissions | undefined
  readonly order: number
}

/**
 * True for mappings.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMapping = (u: unknown): u is Mapping => Predicate.hasProperty(u, MappingTypeId)

/**
 * Writes permissions as `ls` and `/proc/PID/maps` do, `"rwx"` with `-` for what is missing; `"???"` when nobody said.
 *
 * **Example** (A code segment)
 *
 * ```ts
 * import { Mapping } from "effect-memory-map"
 *
 * Mapping.formatPermissions({ read: true, write: false, execute: true }) // => "r-x"
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const formatPermissions = (permissions: Permissions | undefined): string => {
  if (permissions === undefined) return "???"
  const { execute, read, write } = permissions
  return `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}`
}
