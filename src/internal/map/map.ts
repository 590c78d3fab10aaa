// What a MemoryMap is made of. All its states (with word size or without, and so on) are this one class: the type
// parameters of the public interface exist for the compiler only.
import * as Equal from "effect/Equal"
import { format } from "effect/Formatter"
import { identity } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import type { AddressRange } from "../../AddressRange.ts"
import type { ByteSource } from "../../ByteSource.ts"
import type { DataModel, Endian, WordSize } from "../../MachineModel.ts"
import type { Mapping, Permissions } from "../../Mapping.ts"
import type { SearchKernel } from "../../SearchKernel.ts"
import type { MemoryMap, Segment } from "../../MemoryMap.ts"
import { fastPaths } from "../base/fastPaths.ts"
import type { Work } from "../base/turns.ts"
import { FlatMap, type FlatPiece, flatPiece } from "./flat.ts"
import { hex } from "../base/numbers.ts"
import * as Skyline from "./skyline.ts"
import * as Tree from "./tree.ts"

export const MappingTypeId = "~effect-memory-map/Mapping"
export const TypeId = "~effect-memory-map/MemoryMap"

/**
 * `rank` is how high the mapping lies: `order + 1` when it was added over the others, `-order - 1` when under them, so
 * that the one added last lies highest or lowest. The order of adding can be had back from it.
 */
export class MappingImpl extends Inspectable.Class implements Mapping, Skyline.Layer {
  get [MappingTypeId](): typeof MappingTypeId {
    return MappingTypeId
  }
  readonly name: string
  readonly start: bigint
  readonly end: bigint
  readonly source: ByteSource
  readonly permissions: Permissions | undefined
  readonly rank: number
  constructor(name: string, start: bigint, source: ByteSource, permissions: Permissions | undefined, rank: number) {
    super()
    this.name = name
    this.start = start
    this.end = start + source.size
    this.source = source
    this.permissions = permissions
    this.rank = rank
  }
  get range(): AddressRange {
    return { start: this.start, end: this.end }
  }
  get order(): number {
    return Math.abs(this.rank) - 1
  }
  toJSON(): unknown {
    return { _id: "Mapping", name: this.name, start: hex(this.start), end: hex(this.end), order: this.order }
  }
  [Equal.symbol](that: unknown): boolean {
    return this === that
  }
  [Hash.symbol](): number {
    return Hash.random(this)
  }
}

/** A hole with a reason. */
export class Absent implements Skyline.Layer {
  readonly start: bigint
  readonly end: bigint
  readonly reason: string
  readonly rank: number
  constructor(range: AddressRange, reason: string, rank: number) {
    this.start = range.start
    this.end = range.end
    this.reason = reason
    this.rank = rank
  }
  get order(): number {
    return this.rank
  }
}

/** The visible part of a mapping. */
export type Piece = Skyline.Visible<MappingImpl>

interface Fields {
  /** What shows. */
  readonly visible: Skyline.Skyline<MappingImpl>
  /** Every mapping, also those that are covered. */
  readonly mappings: Tree.Tree<MappingImpl>
  readonly count: number
  readonly absent: Skyline.Skyline<Absent>
  /** One more than the highest order given out, by mappings and absences. */
  readonly nextOrder: number
  readonly wordSize: WordSize | undefined
  readonly endian: Endian | undefined
  /** How C types lie here, where more is known than the word size. */
  readonly dataModel: DataModel | undefined
  /** What a source of the map brought for searching it. */
  readonly kernel: SearchKernel | undefined
}

/** The class behind every state of `MemoryMap`. */
export class MemoryMapImpl extends Pipeable.Class implements MemoryMap<never, never, never>, Fields {
  get [TypeId](): MemoryMap<never, never, never>[typeof TypeId] {
    return variance
  }
  readonly visible: Skyline.Skyline<MappingImpl>
  readonly mappings: Tree.Tree<MappingImpl>
  readonly count: number
  readonly absent: Skyline.Skyline<Absent>
  readonly nextOrder: number
  readonly wordSize: WordSize | undefined
  readonly endian: Endian | undefined
  readonly dataModel: DataModel | undefined
  readonly kernel: SearchKernel | undefined
  /** The piece that the last look-up found; a hint, no part of the value. */
  lastHit: Piece | undefined = undefined
  /** Look-ups so far, and the flat arrays that enough of them pay for. */
  private lookups = 0
  private flattened: FlatMap | undefined = undefined
  private flattening: Work<FlatMap> | undefined = undefined
  /** Filled when first asked for. */
  private mapped: bigint | undefined = undefined

  constructor(fields: Fields) {
    super()
    this.visible = fields.visible
    this.mappings = fields.mappings
    this.count = fields.count
    this.absent = fields.absent
    this.nextOrder = fields.nextOrder
    this.wordSize = fields.wordSize
    this.endian = fields.endian
    this.dataModel = fields.dataModel
    this.kernel = fields.kernel
  }

  with(change: Partial<Fields>): MemoryMapImpl {
    return new MemoryMapImpl({ ...(this as Fields), ...change })
  }

  /** The piece that shows at `address`, which may be any bigint. */
  at(address: bigint): Piece | undefined {
    const hint = this.lastHit
    if (hint !== undefined && fastPaths.lastHit && address >= hint.start && address < hint.end) return hint
    const found = Skyline.at(this.visible, address)
    if (found !== undefined) this.lastHit = found
    return found
  }

  /**
   * The flat index of the map, built once it has answered as many look-ups as it has mappings. Building it costs about
   * one look-up a mapping: at worst, all look-ups together cost twice what they would without it, and from then on each
   * is far cheaper. Each look-up builds a part of it, so that none of them holds the event loop.
   */
  get flat(): FlatMap | undefined {
    if (this.flattened === undefined && fastPaths.flat && ++this.lookups > this.count) {
      this.flattening ??= FlatMap.building(flatPieces(this.visible))
      const step = this.flattening.next()
      if (step.done === true) {
        this.flattened = step.value
        this.flattening = undefined
      }
    }
    return fastPaths.flat ? this.flattened : undefined
  }

  get mappedSize(): bigint {
    if (this.mapped === undefined) {
      let size = 0n
      for (const piece of Tree.from(this.visible, 0n)) size += piece.end - piece.start
      this.mapped = size
    }
    return this.mapped
  }

  *[Symbol.iterator](): Iterator<Segment> {
    for (const piece of Tree.from(this.visible, 0n)) yield segmentOf(piece, piece.start, piece.end)
  }

  toJSON(): unknown {
    const shown: Array<string> = []
    for (const piece of Tree.from(this.visible, 0n)) {
      if (shown.length === SHOWN) {
        shown.push("...")
        break
      }
      shown.push(`${hex(piece.start)}-${hex(piece.end)} ${Skyline.layerOf(piece).name}`)
    }
    return {
      _id: "MemoryMap",
      wordSize: this.wordSize ?? "unset",
      endian: this.endian ?? "unset",
      mappings: this.count,
      segments: shown
    }
  }
  override toString(): string {
    return format(this.toJSON())
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
  [Equal.symbol](that: unknown): boolean {
    return this === that
  }
  [Hash.symbol](): number {
    return Hash.random(this)
  }
}

function* flatPieces(visible: Skyline.Skyline<MappingImpl>): Generator<FlatPiece> {
  for (const piece of Tree.from(visible, 0n)) {
    const { source, start } = Skyline.layerOf(piece)
    yield flatPiece(piece.start, piece.end, source, piece.start - start)
  }
}

const variance: MemoryMap<never, never, never>[typeof TypeId] = { _W: identity, _E: identity, _M: identity }

/** A printed map lists this many segments at most. */
const SHOWN = 16

export const empty = new MemoryMapImpl({
  visible: undefined,
  mappings: undefined,
  count: 0,
  absent: undefined,
  nextOrder: 0,
  wordSize: undefined,
  endian: undefined,
  dataModel: undefined,
  kernel: undefined
})

/** The part `[start, end)` of a piece, as users see it. */
export const segmentOf = (piece: Piece, start: bigint, end: bigint): Segment => {
  const mapping = Skyline.layerOf(piece)
  return { range: { start, end }, mapping, offset: start - mapping.start }
}
