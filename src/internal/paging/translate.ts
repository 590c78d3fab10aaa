// One address through the tables, entry by entry.
import * as Effect from "effect/Effect"
import type { Translation, TranslatedEntry } from "../../AddressSpace.ts"
import { UntranslatedAddress } from "../../MemoryMapError.ts"
import * as decode from "../base/decode.ts"
import { hex } from "../base/numbers.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { bytes } from "../read/bytes.ts"
import {
  ALL,
  Entry,
  EXECUTE,
  type Format,
  FRAME,
  FRAME_BITS,
  INVALID,
  isUser,
  LEAF,
  NO_ACCESS,
  placeOf,
  READ,
  SPECIAL,
  SWAPPED,
  TABLE,
  USER,
  WRITE
} from "./format.ts"

const refusal = (entry: Entry): Pick<UntranslatedAddress, "reason" | "why"> => {
  switch (entry.kind) {
    case SWAPPED:
      return {
        reason: "SwappedOut",
        why: entry.area < 0 ? "swapped out" : `swapped out, to area ${entry.area}, page ${hex(BigInt(entry.frame))}`
      }
    case SPECIAL:
      return { reason: "SwappedOut", why: "the entry is for a page that moves, for memory of a device, or a marker" }
    case INVALID:
      return { reason: "InvalidEntry", why: "the entry of the page table is invalid" }
    default:
      return { reason: "NotMapped", why: "the page tables map nothing there" }
  }
}

export const translate = Effect.fn("AddressSpace.translate")(function* (
  physical: MemoryMapImpl,
  format: Format,
  root: bigint,
  address: bigint
) {
  const entries: Array<TranslatedEntry> = []
  const fail = (reason: UntranslatedAddress["reason"], why: string) =>
    new UntranslatedAddress({ address, entries, reason, why })
  const place = placeOf(format, address)
  if (place === undefined) return yield* fail("NotMapped", `no address of ${format.name}`)
  const user = isUser(format, Number(place >> BigInt(FRAME_BITS)))
  const { entryBytes, levels } = format
  const entry = new Entry()
  let table = root
  let allows = ALL
  for (const [depth, { bits, shift }] of levels.entries()) {
    const index = Number((place >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n))
    const at = table + BigInt(index * entryBytes)
    const word = yield* Effect.catchTag(bytes(physical, "translate", at, entryBytes), "UnmappedAddress", ({ reason }) =>
      fail(
        "TableNotInImage",
        `the page table at ${hex(table)} is not in the image${reason === undefined ? "" : `: ${reason}`}`
      )
    )
    const low = decode.uint32(word, 0, true)
    const high = entryBytes === 8 ? decode.uint32(word, 4, true) : 0
    entries.push({ level: levels.length - depth, address: at, value: (BigInt(high) << 32n) | BigInt(low) })
    format.decode(entry, low, high, depth, index, user)
    if (entry.kind === TABLE) {
      allows &= entry.allows
      table = BigInt(entry.frame) * FRAME
      continue
    }
    if (entry.kind !== LEAF && entry.kind !== NO_ACCESS) {
      const { reason, why } = refusal(entry)
      return yield* fail(reason, why)
    }
    const isLeaf = entry.kind === LEAF
    const shown = isLeaf ? format.effective(allows & entry.allows) : 0
    return {
      physical: BigInt(entry.frame) * FRAME + (place & ((1n << BigInt(shift)) - 1n)),
      pageSize: 1n << BigInt(shift),
      permissions: {
        read: (shown & READ) !== 0,
        write: (shown & WRITE) !== 0,
        execute: (shown & EXECUTE) !== 0,
        user: isLeaf ? (shown & USER) !== 0 : user
      },
      accessed: (low & format.accessed) !== 0,
      dirty: format.dirty === 0 ? undefined : (low & format.dirty) !== 0,
      entries
    } satisfies Translation
  }
  return yield* fail("InvalidEntry", "the entry of the page table is invalid")
})
