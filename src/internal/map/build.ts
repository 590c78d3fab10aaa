// Maps made from what a file says: the way in for formats and snapshots, which know nothing of the public front.
import * as Effect from "effect/Effect"
import type { DataModel, Endian, WordSize } from "../../MachineModel.ts"
import type { AddAllEntry, Any, Mapped, MemoryMap, Ready } from "../../MemoryMap.ts"
import type { InvalidMapping, MappingOverlap } from "../../MemoryMapError.ts"
import { type Absence, addAbsences } from "./absences.ts"
import { addAll } from "./add.ts"
import { setDataModel, setEndian, setWordSize } from "./machine.ts"
import { empty, type MemoryMapImpl } from "./map.ts"

/** A map of which neither word size nor byte order is known. */
export type Bare = MemoryMap<"NoWordSize", "NoEndian", "HasMapping">

/** The class behind the types of a map; the way back needs no cast, for it is a map of every type. */
export const implOf = (map: Any): MemoryMapImpl => map as unknown as MemoryMapImpl

/** The map of at least one entry, the later on top unless they say otherwise, and holes whose reason is known. */
export const build = (
  entries: Iterable<AddAllEntry>,
  absences: ReadonlyArray<Absence> = []
): Effect.Effect<Bare, InvalidMapping | MappingOverlap> =>
  Effect.flatMap(addAll(empty, entries), (map) => addAbsences(map, absences))

/** The map with the word size and byte order that its file names, and the data model of the machine if it names that. */
export const withMachine = (
  map: Bare,
  { endian, wordSize }: { readonly wordSize: WordSize; readonly endian: Endian },
  dataModel?: DataModel
): Ready => {
  const sized = setEndian(setWordSize(implOf(map), wordSize), endian)
  return dataModel === undefined ? sized : setDataModel(sized, dataModel)
}

/** The same for files that may name one, both or neither. */
export const withModel = (
  map: Bare,
  { endian, wordSize }: { readonly wordSize: WordSize | undefined; readonly endian: Endian | undefined }
): Mapped => {
  const sized = wordSize === undefined ? implOf(map) : setWordSize(implOf(map), wordSize)
  return endian === undefined ? sized : setEndian(sized, endian)
}

/** What formats that say nothing of their machine hold is the memory of PCs, nearly always. */
export const asPc = (map: Mapped): Ready => {
  const { endian, wordSize } = implOf(map)
  const sized = wordSize === undefined ? setWordSize(implOf(map), 64) : implOf(map)
  return endian === undefined ? setEndian(sized, "little") : sized
}
