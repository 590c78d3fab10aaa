// Roots of page tables in physical memory, without a symbol: what Linux on x86-64 makes of the upper half of a first table.
// The last entry leads to the kernel's code, so it is there, is no large page, may be executed, and lies in memory; and all
// others are tables in memory too. Roots of one kernel have one upper half.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { stream } from "../read/bulk.ts"
import { type Format, FRAME } from "./format.ts"
import { walk } from "./walk.ts"

const PAGE = Number(FRAME)
const HALF = PAGE / 2
const LAST = PAGE - 8

const PRESENT = 0x1
const LARGE = 0x80
const NO_EXECUTE = 0x8000_0000

/** Candidates that are looked at more closely, at most. */
const MOST = 4096

/** Where Linux puts the code of the kernel. */
const KERNEL = { start: 0xffff_ffff_8000_0000n, end: 0xffff_ffff_c000_0000n }

interface Candidate {
  readonly root: bigint
  /** The upper half, as a number that hardly another has. */
  readonly half: number
  readonly entries: number
  /** The table that the last entry leads to. */
  readonly last: bigint
}

export interface Found {
  readonly root: bigint
  readonly isFive: boolean
  readonly why: string
}

/** What the page at `root` is if it is a candidate. */
const candidate = (physical: MemoryMapImpl, view: DataView, at: number, root: bigint): Candidate | undefined => {
  const target = (entry: number): bigint => view.getBigUint64(at + entry, true) & 0xf_ffff_ffff_f000n
  const leads = (entry: number): boolean => {
    const low = view.getUint32(at + entry, true)
    return (low & PRESENT) !== 0 && (low & LARGE) === 0 && physical.at(target(entry)) !== undefined
  }
  if ((view.getUint32(at + LAST + 4, true) & NO_EXECUTE) !== 0 || !leads(LAST)) return undefined
  let entries = 0
  let [half, other] = [0, 0]
  for (let entry = HALF; entry < PAGE; entry += 8) {
    const [low, high] = [view.getUint32(at + entry, true), view.getUint32(at + entry + 4, true)]
    if (low !== 0 || high !== 0) {
      if (!leads(entry)) return undefined
      entries++
    }
    // The processor notes in an entry that it was used; otherwise the halves are the same.
    half = (Math.imul(half ^ (low & ~0x60), 0x9e37_79b1) + high) >>> 0
    other = (Math.imul(other ^ high, 0x85eb_ca6b) + (low & ~0x60)) >>> 0
  }
  return { root, half: half * 2 ** 20 + (other >>> 12), entries, last: target(LAST) }
}

const candidates = (physical: MemoryMapImpl): Effect.Effect<ReadonlyArray<Candidate>, SourceError> => {
  const found: Array<Candidate> = []
  const look = (address: bigint, bytes: Uint8Array): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const first = Number((FRAME - (address % FRAME)) % FRAME)
    for (let at = first; at + PAGE <= bytes.length && found.length < MOST; at += PAGE) {
      if ((view.getUint8(at + LAST) & PRESENT) === 0) continue
      const one = candidate(physical, view, at, address + BigInt(at))
      if (one !== undefined) found.push(one)
    }
  }
  const all = stream(physical, { start: 0n, end: 1n << 52n }, "skip")
  return Stream.runForEach(all, ({ address, bytes }) => Effect.sync(() => look(address, bytes))).pipe(
    Effect.catchTag("UnmappedAddress", Effect.die),
    Effect.as(found)
  )
}

/** Whether the tables map code where the kernel has it. Tables of a kernel's code are few. */
const mapsKernel = Effect.fnUntraced(function* (physical: MemoryMapImpl, format: Format, root: bigint) {
  const { map } = yield* walk(physical, format, root, { range: KERNEL, budget: { tables: 16, runs: 4096 } })
  for (const { mapping } of map) if (mapping.permissions?.execute === true) return true
  return false
})

const kindOf = Effect.fnUntraced(function* (
  physical: MemoryMapImpl,
  { root }: Candidate,
  { five, four }: { readonly four: Format; readonly five: Format }
) {
  const test = (format: Format) =>
    Effect.catchTag(mapsKernel(physical, format, root), "UnmappedAddress", () => Effect.succeed(false))
  if (yield* test(four)) return "four"
  return (yield* test(five)) ? "five" : undefined
})

export const findRoots = Effect.fn("AddressSpace.findRoots")(function* (
  physical: MemoryMapImpl,
  formats: { readonly four: Format; readonly five: Format }
) {
  const groups = new Map<number, Array<Candidate>>()
  const all = yield* candidates(physical)
  const known = new Set(all.map(({ root }) => root))
  for (const one of all) {
    const group = groups.get(one.half)
    if (group === undefined) groups.set(one.half, [one])
    else group.push(one)
  }
  const found: Array<Found> = []
  const below = new Set<bigint>()
  for (const group of [...groups.values()].sort((a, b) => b.length - a.length)) {
    // All of a group have the same kernel.
    const [first] = group
    // The table behind the last entry of a root of five levels looks like a root of four.
    if (first === undefined || below.has(first.root)) continue
    const kind = yield* kindOf(physical, first, formats)
    if (kind === undefined) continue
    if (kind === "five") below.add(first.last)
    for (const { entries, root } of group) {
      const shared = group.length === 1 ? "" : `, the same as of ${group.length - 1} more`
      const isCopy = root % (2n * FRAME) !== 0n && known.has(root - FRAME)
      const copy = isCopy ? `; what the process at ${hex(root - FRAME)} sees of it (page-table isolation)` : ""
      found.push({
        root,
        isFive: kind === "five",
        why: `a kernel in its upper half of ${entries} entries${shared}${copy}`
      })
    }
  }
  return found
})
