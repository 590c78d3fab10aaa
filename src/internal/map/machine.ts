// Word size and byte order of a map, and arithmetic in words modulo 2^64, as C does it on unsigned long.
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import { type DataModel, type Endian, ILP32, LP64, wordBytes, type WordSize } from "../../MachineModel.ts"
import type { WordArithmetic } from "../../MemoryMap.ts"
import { type MemoryMapImpl, TypeId } from "./map.ts"

type Options = { readonly endian?: Endian | undefined }

/** The types demand a byte order; code that got round them is told so. */
export const littleFor = (map: MemoryMapImpl, operation: string, options: Options | undefined): boolean => {
  const endian = options?.endian ?? map.endian
  if (endian === undefined) {
    throw new TypeError(`MemoryMap.${operation}: set the byte order first (MemoryMap.setEndian), or pass { endian }`)
  }
  return endian === "little"
}

/** The word size, which the types made sure is there. */
export const wordSizeOf = (map: MemoryMapImpl, operation: string): 32 | 64 => {
  if (map.wordSize === undefined) {
    throw new TypeError(`MemoryMap.${operation}: set the word size first (MemoryMap.setWordSize)`)
  }
  return map.wordSize
}

export const isDataFirst = (args: IArguments): boolean => Predicate.hasProperty(args[0], TypeId)

const arithmetic = (operation: string, f: (address: bigint, word: bigint) => bigint): WordArithmetic =>
  dual(2, (self: MemoryMapImpl, address: bigint): bigint =>
    BigInt.asUintN(64, f(address, BigInt(wordBytes(wordSizeOf(self, operation)))))
  )

export const succLong: WordArithmetic = arithmetic("succLong", (address, word) => address + word)

export const predLong: WordArithmetic = arithmetic("predLong", (address, word) => address - word)

export const align: WordArithmetic = arithmetic("align", (address, word) => (address + word - 1n) & ~(word - 1n))

export const setWordSize = (map: MemoryMapImpl, wordSize: WordSize): MemoryMapImpl => {
  if (map.wordSize !== undefined) {
    throw new TypeError(`MemoryMap.setWordSize: the word size of this map is set already, to ${map.wordSize}`)
  }
  if (wordSize !== 32 && wordSize !== 64) {
    throw new TypeError(`MemoryMap.setWordSize: a word has 32 or 64 bits, not ${String(wordSize)}`)
  }
  return map.with({ wordSize })
}

export const setEndian = (map: MemoryMapImpl, endian: Endian): MemoryMapImpl => {
  if (map.endian !== undefined) {
    throw new TypeError(`MemoryMap.setEndian: the byte order of this map is set already, to "${map.endian}"`)
  }
  if (endian !== "little" && endian !== "big") {
    throw new TypeError(`MemoryMap.setEndian: the byte order is "little" or "big", not ${String(endian)}`)
  }
  return map.with({ endian })
}

export const setDataModel = (map: MemoryMapImpl, dataModel: DataModel): MemoryMapImpl => {
  const { wordSize = dataModel.wordSize } = map
  if (wordSize !== dataModel.wordSize) {
    throw new TypeError(
      `MemoryMap.setDataModel: words of this map have ${wordSize} bits, those of ${dataModel.name} ${dataModel.wordSize}`
    )
  }
  return map.with({ wordSize, dataModel })
}

/** How C types lie in the map: as it was told, else as most machines of its word size have it. */
export const modelOf = ({ dataModel, wordSize }: MemoryMapImpl): DataModel =>
  dataModel ?? (wordSize === 32 ? ILP32 : LP64)
