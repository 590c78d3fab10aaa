// What a pointer points to.
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { MemoryMapImpl } from "../map/map.ts"
import { layoutOf } from "./model.ts"
import type { PointerImpl } from "./pointer.ts"
import { prepare } from "./prepare.ts"
import { type LayoutReadError, readOne } from "./read.ts"

export const follow = (
  map: MemoryMapImpl,
  { address, target }: PointerImpl,
  options: { readonly mask?: bigint | undefined } = {}
): Effect.Effect<Option.Option<unknown>, LayoutReadError> =>
  Effect.suspend(() => {
    const to = options.mask === undefined ? address : BigInt.asUintN(64, address & options.mask)
    if (to === 0n) return Effect.succeedNone
    return Effect.asSome(readOne(map, prepare(layoutOf(target()), map, "follow"), "follow", to))
  })
