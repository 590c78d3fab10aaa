// VMCOREINFO in raw physical memory, where nobody says where it lies.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { implOf } from "../map/build.ts"
import type { SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { findAll } from "../search/drive/search.ts"
import { toPhysical } from "./machine.ts"
import { asciiOf, type Memory, textOf } from "./memory.ts"
import { MOST, offset, parse, symbol, UTS_FIELD, type Values } from "./vmcoreInfo.ts"

export interface Found {
  readonly values: Values
  /** The physical address of the text. */
  readonly address: bigint
}

const KEY = new TextEncoder().encode("OSRELEASE=")
const PAGE = 4096n
/** Of an ELF note: three words, and the name padded to 12 bytes. */
const HEADER = 24

/** The length that the header of the note in front of the text gives, in either byte order. */
const lengthByNote = (header: Uint8Array): number | undefined => {
  if (asciiOf(header.subarray(12)) !== "VMCOREINFO\0\0") return undefined
  for (const little of [true, false]) {
    const [name, length, type] = [0, 4, 8].map((at) => {
      const b = (i: number): number => header[at + (little ? 3 - i : i)]!
      return ((b(0) << 24) | (b(1) << 16) | (b(2) << 8) | b(3)) >>> 0
    })
    if (name === 11 && type === 0 && length! > KEY.length && length! <= MOST) return length
  }
  return undefined
}

/** Text that may be VMCOREINFO: behind the header of its note, or at the start of a page. */
const candidate = Effect.fnUntraced(function* (memory: Memory, address: bigint) {
  const bytes = (at: bigint, length: number) =>
    Effect.catchTag(memory.upTo(at, length), "UnmappedAddress", () => Effect.succeed(new Uint8Array(0)))
  const header = address >= BigInt(HEADER) ? yield* bytes(address - BigInt(HEADER), HEADER) : new Uint8Array(0)
  const length = header.length === HEADER ? lengthByNote(header) : undefined
  if (length === undefined && address % PAGE !== 0n) return undefined
  const text = textOf(yield* bytes(address, length ?? Number(PAGE)))
  // A format string has its conversions in place of values.
  return /^OSRELEASE=[^%\s]+\n/.test(text) && text.includes("\nSYMBOL(init_uts_ns)=") ? parse(text) : undefined
})

/** Whether the kernel that the text speaks of is the one in memory: its release, where the text says that it stands. */
const confirms = Effect.fnUntraced(function* (memory: Memory, values: Values) {
  const uts = symbol(values, "init_uts_ns")
  const physical = uts === undefined ? undefined : toPhysical(values, uts)
  const release = values.get("OSRELEASE")
  if (physical === undefined || release === undefined) return false
  const at = physical + BigInt((offset(values, "uts_namespace.name") ?? 0) + 2 * UTS_FIELD)
  const found = yield* Effect.catchTag(memory.text(at, UTS_FIELD), "UnmappedAddress", () => Effect.succeed(""))
  return found === release
})

/**
 * Looks for the kernel's own copy in physical memory, where several lie, some of kernels that ran before. The first that
 * the memory confirms is taken; `why` says of the others what was wrong with them.
 */
export const find = Effect.fnUntraced(function* (
  memory: Memory
): Effect.fn.Return<{ readonly found: Found | undefined; readonly why: string }, SourceError> {
  const places = yield* findAll(implOf(memory.map), KEY, undefined).pipe(
    Stream.take(MOST_PLACES),
    Stream.runCollect,
    Effect.catchTag("InvalidPattern", Effect.die)
  )
  const unconfirmed: Array<bigint> = []
  for (const address of places) {
    const values = yield* candidate(memory, address)
    if (values === undefined) continue
    if (yield* confirms(memory, values)) return { found: { values, address }, why: "" }
    unconfirmed.push(address)
  }
  const texts = unconfirmed.map((address) => hex(address)).join(", ")
  const why =
    unconfirmed.length === 0
      ? `"OSRELEASE=" occurs ${places.length} times in memory, never as VMCOREINFO`
      : `the texts at ${texts} name a kernel that is not in memory where they say, or a machine that is not known`
  return { found: undefined, why }
})

/** A guest whose memory is full of that word is no reason to look at all of them. */
const MOST_PLACES = 4096
