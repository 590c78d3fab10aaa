// The kernel in images that have been opened, by their physical addresses.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { asPc } from "../internal/map/build.ts"
import type { Endian, WordSize } from "../MachineModel.ts"
import type { MemoryImage } from "../MemoryImage.ts"
import type * as Btf from "../linux/Btf.ts"
import * as LinuxKernel from "../linux/LinuxKernel.ts"
import * as VmcoreInfo from "../linux/VmcoreInfo.ts"
import * as MemoryMap from "../MemoryMap.ts"

const wordSizeOf = (map: MemoryMap.Any): Effect.Effect<WordSize | undefined> =>
  Effect.match(MemoryMap.requireWordSize(map), { onFailure: () => undefined, onSuccess: MemoryMap.getWordSize })

const endianOf = (map: MemoryMap.Any): Effect.Effect<Endian | undefined> =>
  Effect.match(MemoryMap.requireEndian(map), { onFailure: () => undefined, onSuccess: MemoryMap.getEndian })

/** What the map says of its machine; `undefined` where it doesn't. */
export const machineOf = (map: MemoryMap.Any) => Effect.all({ wordSize: wordSizeOf(map), endian: endianOf(map) })

// The types allow each to be set on a map that has none; that this one has none is known here only.
export const setMachine = Effect.fnUntraced(function* (
  map: MemoryMap.Mapped,
  wordSize: WordSize | undefined,
  endian: Endian | undefined
) {
  const known = yield* machineOf(map)
  let result = map
  if (known.wordSize === undefined && wordSize !== undefined) {
    result = MemoryMap.setWordSize(
      result as MemoryMap.MemoryMap<"NoWordSize", MemoryMap.EndianState, "HasMapping">,
      wordSize
    )
  }
  if (known.endian === undefined && endian !== undefined) {
    result = MemoryMap.setEndian(
      result as MemoryMap.MemoryMap<MemoryMap.WordSizeState, "NoEndian", "HasMapping">,
      endian
    )
  }
  return result
})

/** Finds the kernel in what the images make together. */
export const kernelOf = Effect.fnUntraced(function* (
  physical: MemoryMap.Mapped,
  images: ReadonlyArray<{ readonly image: MemoryImage }>,
  btf?: Btf.Btf
) {
  const notes = images.map(({ image }) => Option.getOrUndefined(VmcoreInfo.fromImage(image)))
  return yield* LinuxKernel.open(asPc(physical), { vmcoreInfo: notes.find((info) => info !== undefined), btf })
})
