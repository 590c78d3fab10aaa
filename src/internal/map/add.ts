// Placing bytes in a map and taking them away again.
import * as Effect from "effect/Effect"
import type { AddressRange } from "../../AddressRange.ts"
import * as AddressRange_ from "../../AddressRange.ts"
import type { ByteSource } from "../../ByteSource.ts"
import type { Mapping } from "../../Mapping.ts"
import { InvalidMapping, MappingOverlap, type SourceError } from "../../MemoryMapError.ts"
import { FileMapper } from "../../FileMapper.ts"
import type { AddAllEntry, AddFileOptions, AddOptions } from "../../MemoryMap.ts"
import { Absent, MappingImpl, type MemoryMapImpl, type Piece } from "./map.ts"
import { END } from "../base/numbers.ts"
import { breathe, inTurns, isRest, type Work } from "../base/turns.ts"
import { broughtBy } from "../source/brought.ts"
import { copyExtents } from "../source/copy.ts"
import * as Skyline from "./skyline.ts"
import { ascending } from "../base/sort.ts"
import { Bytes, isSame, slice } from "../source/source.ts"
import * as Tree from "./tree.ts"

type AddError = InvalidMapping | MappingOverlap

/** Why the source cannot lie at the address, if so. */
const misplaced = ({ address, name, source }: AddAllEntry): InvalidMapping | undefined => {
  const refuse = (reason: InvalidMapping["reason"]) =>
    new InvalidMapping({ name: name ?? source.name, reason, address, size: source.size })
  if (address < 0n || address >= END) return refuse("OutsideSpace")
  if (source.size <= 0n) return refuse("Empty")
  return address + source.size > END ? refuse("OutsideSpace") : undefined
}

const mappingFor = (entry: AddAllEntry, order: number): MappingImpl =>
  new MappingImpl(
    entry.name ?? entry.source.name,
    entry.address,
    entry.source,
    entry.permissions,
    entry.overlap === "under" ? -order - 1 : order + 1
  )

const place = (map: MemoryMapImpl, mapping: MappingImpl): MemoryMapImpl =>
  map.with({
    visible: mapping.rank < 0 ? Skyline.under(map.visible, mapping) : Skyline.over(map.visible, mapping),
    mappings: Tree.insert(map.mappings, mapping),
    count: map.count + 1,
    nextOrder: map.nextOrder + 1,
    kernel: map.kernel ?? broughtBy(mapping.source)?.kernel
  })

/** Bytes compared at a time for `overlap: "equal"`. */
const COMPARED = 1 << 20

const overlapError = (
  policy: "reject" | "equal",
  mapping: MappingImpl,
  met: Piece,
  address: bigint,
  cause?: unknown
): MappingOverlap =>
  new MappingOverlap({
    name: mapping.name,
    policy,
    range: mapping.range,
    met: { name: Skyline.layerOf(met).name, range: Skyline.layerOf(met).range },
    address,
    ...(cause === undefined ? {} : { cause })
  })

const bytesOf = (mapping: MappingImpl, address: bigint, length: number): Effect.Effect<Uint8Array, SourceError> =>
  copyExtents([{ source: mapping.source, offset: address - mapping.start, length }], new Uint8Array(length))

/** Index of the first byte that differs, or the length. */
const equalUpTo = (a: Uint8Array, b: Uint8Array): number => {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}

/** Fails at the first address where the bytes of `mapping` and those visible differ or cannot be had. */
const requireEqual = Effect.fnUntraced(function* (map: MemoryMapImpl, mapping: MappingImpl) {
  for (const met of Skyline.within(map.visible, mapping.start, mapping.end)) {
    const other = Skyline.layerOf(met)
    const end = met.end < mapping.end ? met.end : mapping.end
    let address = met.start > mapping.start ? met.start : mapping.start
    if (isSame(mapping.source, address - mapping.start, other.source, address - other.start)) continue
    while (address < end) {
      const length = Number(end - address < COMPARED ? end - address : COMPARED)
      const at = address
      const [ours, theirs] = yield* Effect.all([bytesOf(mapping, at, length), bytesOf(other, at, length)]).pipe(
        Effect.mapError((cause) => overlapError("equal", mapping, met, at, cause))
      )
      const same = equalUpTo(ours, theirs)
      if (same < length) return yield* overlapError("equal", mapping, met, at + BigInt(same))
      address += BigInt(length)
      yield* breathe
    }
  }
})

const addEntry = (map: MemoryMapImpl, entry: AddAllEntry): Effect.Effect<MemoryMapImpl, AddError> => {
  const invalid = misplaced(entry)
  if (invalid !== undefined) return invalid
  const mapping = mappingFor(entry, map.nextOrder)
  if (entry.overlap === "equal") return Effect.map(requireEqual(map, mapping), () => place(map, mapping))
  if (entry.overlap === "reject") {
    for (const met of Skyline.within(map.visible, mapping.start, mapping.end)) {
      return overlapError("reject", mapping, met, met.start > mapping.start ? met.start : mapping.start)
    }
  }
  return Effect.succeed(place(map, mapping))
}

export const add = (
  map: MemoryMapImpl,
  source: ByteSource,
  address: bigint,
  options: AddOptions | undefined
): Effect.Effect<MemoryMapImpl, AddError> => Effect.suspend(() => addEntry(map, { ...options, source, address }))

export const addString = (
  map: MemoryMapImpl,
  text: string,
  address: bigint,
  options: AddOptions | undefined
): Effect.Effect<MemoryMapImpl, AddError> =>
  add(map, new Bytes("string", new TextEncoder().encode(text)), address, options)

export const addFile = (map: MemoryMapImpl, path: string, address: bigint, options: AddFileOptions = {}) =>
  Effect.flatMap(
    FileMapper.use((mapper) => mapper.map(path)),
    (file): Effect.Effect<MemoryMapImpl, AddError> => {
      const { length, offset = 0n } = options
      const size = length ?? (offset < file.size ? file.size - offset : 0n)
      if (offset < 0n || size < 0n || offset + size > file.size || (size === 0n && offset > 0n)) {
        return new InvalidMapping({ name: path, reason: "OutsideFile", address, size, offset, available: file.size })
      }
      return add(map, slice(file, offset, size), address, options)
    }
  )

/**
 * Entries are added one by one, each in O(log n), while there are fewer than one for SWEEP_SHARE mappings of the map;
 * from there on one sweep over all mappings, O((n + m) log (n + m)) but cheap a mapping, is faster.
 */
const SWEEP_SHARE = 16

export const addAll = (map: MemoryMapImpl, entries: Iterable<AddAllEntry>): Effect.Effect<MemoryMapImpl, AddError> =>
  Effect.flatMap(
    inTurns(() => gather(entries)),
    ({ invalid, isChecked, list }) => {
      if (isChecked || list.length * SWEEP_SHARE < map.count) return oneByOne(map, list)
      return invalid ?? inTurns(() => sweep(map, list))
    }
  )

/** The entries, the first of them that has no place, and whether any is to be compared with what is there. */
function* gather(entries: Iterable<AddAllEntry>) {
  const list: Array<AddAllEntry> = []
  let invalid: InvalidMapping | undefined
  let isChecked = false
  for (const entry of entries) {
    if (isRest(list.length)) yield
    list.push(entry)
    invalid ??= misplaced(entry)
    isChecked ||= entry.overlap === "reject" || entry.overlap === "equal"
  }
  return { list, invalid, isChecked }
}

const oneByOne = Effect.fnUntraced(function* (map: MemoryMapImpl, entries: ReadonlyArray<AddAllEntry>) {
  let result = map
  for (const entry of entries) {
    yield* breathe
    result = yield* addEntry(result, entry)
  }
  return result
})

function* sweep(map: MemoryMapImpl, entries: ReadonlyArray<AddAllEntry>): Work<MemoryMapImpl> {
  const numbered: Array<{ readonly entry: AddAllEntry; readonly order: number }> = []
  let kernel = map.kernel
  for (const entry of entries) {
    kernel ??= broughtBy(entry.source)?.kernel
    if (isRest(numbered.length)) yield
    numbered.push({ entry, order: map.nextOrder + numbered.length })
  }
  const all: Array<MappingImpl> = []
  for (const mapping of Tree.from(map.mappings, 0n)) {
    if (isRest(all.length)) yield
    all.push(mapping)
  }
  // The mappings are created in ascending order, so that walks through the map, which go that way, read memory in order.
  for (const { entry, order } of yield* ascending(numbered, byAddress)) {
    if (isRest(all.length)) yield
    all.push(mappingFor(entry, order))
  }
  const layers = yield* ascending(all, (layer) => layer.start)
  return map.with({
    visible: yield* Skyline.building(layers),
    mappings: yield* Tree.building(layers),
    count: layers.length,
    nextOrder: map.nextOrder + entries.length,
    kernel
  })
}

const byAddress = ({ entry }: { readonly entry: AddAllEntry }): bigint => entry.address

export const addAbsent = (
  map: MemoryMapImpl,
  range: AddressRange,
  reason: string
): Effect.Effect<MemoryMapImpl, InvalidMapping> =>
  Effect.suspend(() => {
    if (!AddressRange_.isValid(range) || AddressRange_.isEmpty(range)) {
      const size = range.end - range.start
      const why = AddressRange_.isValid(range) || size <= 0n ? "Empty" : "OutsideSpace"
      return new InvalidMapping({ name: `absent range (${reason})`, reason: why, address: range.start, size })
    }
    return Effect.succeed(
      map.with({
        absent: Skyline.over(map.absent, new Absent(joined(map.absent, range, reason), reason, map.nextOrder)),
        nextOrder: map.nextOrder + 1
      })
    )
  })

/** The range together with the absences that touch it and have the same reason, so that a hole is as long as it can be. */
const joined = (absent: Skyline.Skyline<Absent>, { end, start }: AddressRange, reason: string): AddressRange => {
  const same = (piece: Skyline.Visible<Absent> | undefined) =>
    piece !== undefined && Skyline.layerOf(piece).reason === reason ? piece : undefined
  const before = same(Skyline.at(absent, start - 1n))
  const after = same(Skyline.at(absent, end))
  return { start: before?.start ?? start, end: after?.end ?? end }
}

/** A mapping of another map, or one removed before, changes nothing. */
export const remove = (map: MemoryMapImpl, mapping: Mapping): MemoryMapImpl => {
  const layer = mapping as MappingImpl
  if (!Tree.has(map.mappings, layer)) return map
  const rest = Tree.remove(map.mappings, layer)
  return map.with({ visible: Skyline.without(map.visible, layer, rest), mappings: rest, count: map.count - 1 })
}
