// Where a kernel's types are: between two symbols, somewhere in memory, or in a section of an ELF file.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { implOf } from "../../map/build.ts"
import type { ByteSource } from "../../../ByteSource.ts"
import type { SourceError } from "../../../MemoryMapError.ts"
import { hex } from "../../base/numbers.ts"
import { findAll } from "../../search/drive/search.ts"
import { asciiOf, type Memory, type ReadError, Words } from "../memory.ts"
import { type BtfImpl, Kind, parse } from "./btf.ts"

/** Kernels have 4 to 8 MB of types. */
const MOST_BYTES = 64 << 20
/** Modules bring along far less, and types of their own only. */
const LEAST_KERNEL = 1 << 10
const MOST_PLACES = 4096
const HEADER = 32
/** Of the header, until 7.0 and since 7.1. */
const LENGTHS: ReadonlySet<number> = new Set([24, 32])

/** Types of a kernel have a task_struct. */
const isKernel = (btf: BtfImpl): boolean => btf.named("task_struct", [Kind.struct]).length > 0

const orWhy = <A>(effect: Effect.Effect<A, ReadError>) =>
  Effect.catchTag(effect, "UnmappedAddress", (error) => Effect.succeed(error.message))

/** At an address, as long as its header says. */
export const parseAt = Effect.fnUntraced(function* (
  memory: Memory,
  address: bigint
): Effect.fn.Return<BtfImpl | string, SourceError> {
  const head = yield* orWhy(memory.bytes(address, HEADER))
  if (typeof head === "string") return head
  const { words } = memory
  const [length, typeAt, typeLength, stringAt, stringLength] = [4, 8, 12, 16, 20].map((at) => words.u32(head, at)) as [
    number,
    number,
    number,
    number,
    number
  ]
  const size = length + Math.max(typeAt + typeLength, stringAt + stringLength)
  if (size > MOST_BYTES) return `its header at ${hex(address)} claims ${size} bytes`
  const bytes = yield* orWhy(memory.bytes(address, size))
  return typeof bytes === "string" ? bytes : parse(bytes, words.bytes)
})

/** The first in physical memory that are a kernel's, and complete: pages of a file may lie scattered. */
export const scan = Effect.fnUntraced(function* (memory: Memory) {
  const magic = memory.words.little ? [0x9f, 0xeb, 1, 0] : [0xeb, 0x9f, 1, 0]
  const places = yield* findAll(implOf(memory.map), Uint8Array.from(magic), undefined).pipe(
    Stream.take(MOST_PLACES),
    Stream.runCollect,
    Effect.catchTag("InvalidPattern", Effect.die)
  )
  let broken = 0
  for (const address of places) {
    const head = yield* orWhy(memory.bytes(address, HEADER))
    if (typeof head === "string" || memory.words.u32(head, 12) < LEAST_KERNEL) continue
    if (!LENGTHS.has(memory.words.u32(head, 4))) continue
    const btf = yield* parseAt(memory, address)
    if (typeof btf === "string") broken++
    else if (isKernel(btf)) return { btf, address, why: "" }
  }
  const why = `${places.length} places begin like types; ${broken} of those are not whole, and no other has a task_struct`
  return { btf: undefined, address: undefined, why }
})

/** The section `.BTF` of an ELF file of either word size; the whole file where it is none. */
export const sectionOf = Effect.fnUntraced(function* (
  source: ByteSource
): Effect.fn.Return<{ readonly bytes: Uint8Array; readonly word: 4 | 8 | undefined } | string, SourceError> {
  const head = source.size < 64n ? new Uint8Array(0) : yield* source.read(0n, 64)
  if (asciiOf(head.subarray(0, 4)) !== "\x7fELF") {
    if (source.size > BigInt(MOST_BYTES)) return `${source.size} bytes are more than any types have`
    return { bytes: yield* source.read(0n, Number(source.size)), word: undefined }
  }
  const word = head[4] === 2 ? 8 : 4
  const words = new Words(word, head[5] !== 2)
  const [tableAt, size, count, names] =
    word === 8
      ? [words.u64(head, 40), words.u16(head, 58), words.u16(head, 60), words.u16(head, 62)]
      : [BigInt(words.u32(head, 32)), words.u16(head, 46), words.u16(head, 48), words.u16(head, 50)]
  if (size < (word === 8 ? 64 : 40) || names >= count || tableAt + BigInt(size * count) > source.size) {
    return "the file has no section headers"
  }
  const table = yield* source.read(tableAt, size * count)
  const section = (index: number) => {
    const at = index * size
    return word === 8
      ? { name: words.u32(table, at), offset: words.u64(table, at + 24), size: words.u64(table, at + 32) }
      : {
          name: words.u32(table, at),
          offset: BigInt(words.u32(table, at + 16)),
          size: BigInt(words.u32(table, at + 20))
        }
  }
  const inside = ({ offset, size }: { readonly offset: bigint; readonly size: bigint }): boolean =>
    size <= BigInt(MOST_BYTES) && offset + size <= source.size
  const texts = section(names)
  if (!inside(texts)) return "its section names are not inside of the file"
  const text = yield* source.read(texts.offset, Number(texts.size))
  for (let i = 0; i < count; i++) {
    const found = section(i)
    if (asciiOf(text.subarray(found.name, found.name + 5)) !== ".BTF\0") continue
    if (!inside(found)) return "its section .BTF is not inside of the file"
    return { bytes: yield* source.read(found.offset, Number(found.size)), word }
  }
  return "the file has no section .BTF"
})
