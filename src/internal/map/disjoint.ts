// A map of mappings that do not overlap and come in ascending order: nothing has to be sorted or swept, O(n).
import type { ByteSource } from "../../ByteSource.ts"
import type { Permissions } from "../../Mapping.ts"
import type { Work } from "../base/turns.ts"
import { empty, MappingImpl, type MemoryMapImpl } from "./map.ts"
import * as Tree from "./tree.ts"

export class Disjoint {
  private readonly mappings: Array<MappingImpl> = []
  get count(): number {
    return this.mappings.length
  }
  /** The mapping has to lie behind all before it, and in the space. */
  add(name: string, start: bigint, source: ByteSource, permissions: Permissions | undefined): void {
    this.mappings.push(new MappingImpl(name, start, source, permissions, this.mappings.length + 1))
  }
  /** The map, of the machine that `like` is of. */
  *building({ endian, wordSize }: MemoryMapImpl): Work<MemoryMapImpl> {
    const tree = yield* Tree.building(this.mappings)
    const count = this.mappings.length
    return empty.with({ visible: tree, mappings: tree, count, nextOrder: count, endian, wordSize })
  }
}
