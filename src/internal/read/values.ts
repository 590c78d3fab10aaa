// The typed reads, all made the same way: decode in place when one resident piece holds the value, else gather it.
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Endian } from "../../MachineModel.ts"
import type { EndianRead, Mapped, Read, WordRead } from "../../MemoryMap.ts"
import type * as decode from "../base/decode.ts"
import { isDataFirst, littleFor, wordSizeOf } from "../map/machine.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { bytes, peek, type ReadError } from "./bytes.ts"

type Options = { readonly endian?: Endian | undefined }

const value = <A>(
  map: MemoryMapImpl,
  operation: string,
  address: bigint,
  length: number,
  little: boolean,
  decode: decode.Decode<A>
): Effect.Effect<A, ReadError> => {
  const found = peek(map, address, length, little, decode)
  if (found !== undefined) return Effect.succeed(found)
  return Effect.map(bytes(map, operation, address, length), (found) => decode(found, 0, little))
}

export const byte = (operation: string, decoder: decode.Decode<number>): Read<number> =>
  dual(2, (self: Mapped, address: bigint) =>
    Effect.suspend(() => value(self as MemoryMapImpl, operation, address, 1, true, decoder))
  )

export const number = <A>(operation: string, length: number, decoder: decode.Decode<A>): EndianRead<A> =>
  dual(isDataFirst, (self: MemoryMapImpl, address: bigint, options?: Options) =>
    Effect.suspend(() => value(self, operation, address, length, littleFor(self, operation, options), decoder))
  )

export const word = (
  operation: string,
  decoder32: decode.Decode<bigint>,
  decoder64: decode.Decode<bigint>
): WordRead<bigint> =>
  dual(isDataFirst, (self: MemoryMapImpl, address: bigint, options?: Options) =>
    Effect.suspend(() => {
      const little = littleFor(self, operation, options)
      return wordSizeOf(self, operation) === 32
        ? value(self, operation, address, 4, little, decoder32)
        : value(self, operation, address, 8, little, decoder64)
    })
  )
