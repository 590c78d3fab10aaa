// How large the blocks of a search are. A service, so that tests can make them tiny.
import * as Context from "effect/Context"

export interface BlockSizes {
  /** Bytes of one block, where they are looked at in place. */
  readonly block: number
  /** Segments smaller than this are copied together when they are adjacent. */
  readonly gather: number
}

export const BlockSizes: Context.Reference<BlockSizes> = Context.Reference("effect-memory-map/internal/BlockSizes", {
  defaultValue: () => ({ block: 4 << 20, gather: 32 << 10 })
})
