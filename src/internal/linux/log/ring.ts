// The log of Linux 5.10 and later (kernel/printk/printk_ringbuffer.c): a ring of descriptors, an array of facts beside it, and
// a ring of bytes with the texts. Descriptors and texts are numbered without end; a number modulo the ring's size is a place.
import * as Effect from "effect/Effect"
import type { SourceError } from "../../../MemoryMapError.ts"
import { hex } from "../../base/numbers.ts"
import { type Kernel, requireMember, requireSymbol, structOf } from "../kernel.ts"
import type { ReadError } from "../memory.ts"
import { callerOf, levelOf, type Log, type LogRecord, MOST_BYTES, textOfRecord } from "./record.ts"

/** A million records, where a kernel with the largest buffer that can be configured has as many descriptors. */
const MOST_BITS = 20

/** Descriptors read at a time. */
const BLOCK = 1024

const WHAT = "the kernel's log"

/** States of a descriptor, in the two highest bits. */
const COMMITTED = 1n
const FINALISED = 2n

/** In place of a text: there is none, because it is empty. Other odd numbers say that it was lost. */
const EMPTY = 3n

interface Ring {
  readonly bits: number
  readonly descriptors: bigint
  readonly infos: bigint
  readonly tail: bigint
  readonly head: bigint
  readonly dataBits: number
  readonly data: bigint
}

const readRing = Effect.fnUntraced(function* (kernel: Kernel) {
  const { memory } = kernel
  const pointer = yield* requireSymbol(kernel, WHAT, "prb")
  const buffer = yield* memory.word(pointer)
  const ringAt = yield* requireMember(kernel, WHAT, "printk_ringbuffer", "desc_ring")
  const dataAt = yield* requireMember(kernel, WHAT, "printk_ringbuffer", "text_data_ring")
  const ring = yield* structOf(kernel, WHAT, "prb_desc_ring", {
    bits: "count_bits",
    descriptors: "descs",
    infos: "infos",
    head: "head_id",
    tail: "tail_id"
  })
  const data = yield* structOf(kernel, WHAT, "prb_data_ring", { bits: "size_bits", data: "data" })
  const r = yield* ring.read(memory, buffer + BigInt(ringAt.offset))
  const d = yield* data.read(memory, buffer + BigInt(dataAt.offset))
  const broken = [...r.missing, ...d.missing][0]
  if (broken !== undefined) return `its head at ${hex(buffer)} cannot be read: ${broken.reason}`
  const found: Ring = {
    bits: r.number("bits")!,
    descriptors: r.get("descriptors")!,
    infos: r.get("infos")!,
    tail: r.get("tail")!,
    head: r.get("head")!,
    dataBits: d.number("bits")!,
    data: d.get("data")!
  }
  if (found.bits < 1 || found.bits > MOST_BITS) return `its head claims 2^${found.bits} descriptors`
  if (found.dataBits < 4 || 2 ** found.dataBits > MOST_BYTES) return `its head claims 2^${found.dataBits} bytes of text`
  return found
})

/** Where the text of a block is; a sentence fragment where it cannot be. */
const placeOf = (ring: Ring, word: number, begin: bigint, next: bigint): { at: bigint; length: number } | string => {
  const size = 1n << BigInt(ring.dataBits)
  const wraps = begin >> BigInt(ring.dataBits) !== (next - 1n) >> BigInt(ring.dataBits)
  const at = wraps ? 0n : begin & (size - 1n)
  const length = wraps ? next & (size - 1n) : next - begin
  if (length < BigInt(word) || length > size - at)
    return `its text lies from ${hex(begin)} to ${hex(next)} of a ring of ${size} bytes`
  return { at: ring.data + at, length: Number(length) }
}

const layoutsOf = Effect.fnUntraced(function* (kernel: Kernel) {
  const descriptor = yield* structOf(kernel, WHAT, "prb_desc", { state: "state_var", text: "text_blk_lpos" })
  const begin = yield* requireMember(kernel, WHAT, "prb_data_blk_lpos", "begin")
  const next = yield* requireMember(kernel, WHAT, "prb_data_blk_lpos", "next")
  const info = yield* structOf(
    kernel,
    WHAT,
    "printk_info",
    { sequence: "seq", time: "ts_nsec", length: "text_len" },
    { caller: "caller_id" }
  )
  const text = descriptor.members.get("text")!.offset
  return {
    descriptorSize: kernel.types.sizeOf("prb_desc") ?? 3 * kernel.memory.words.bytes,
    infoSize: kernel.types.sizeOf("printk_info") ?? INFO,
    state: descriptor.members.get("state")!.offset,
    begin: text + begin.offset,
    next: text + next.offset,
    info
  }
})

/** Bytes of `struct printk_info`, where nothing says so. */
const INFO = 88

const readRecords = Effect.fnUntraced(function* (kernel: Kernel, ring: Ring) {
  const { memory } = kernel
  const { words } = memory
  const word = words.bytes
  const { begin, descriptorSize, info, infoSize, next, state } = yield* layoutsOf(kernel)
  const ids = (1n << BigInt(8 * word - 2)) - 1n
  const slots = 1n << BigInt(ring.bits)
  const records: Array<LogRecord> = []
  const problems: Array<string> = []
  const problem = (what: string): undefined => {
    if (problems.length < MOST_PROBLEMS) problems.push(what)
    return undefined
  }

  const readText = Effect.fnUntraced(function* (id: bigint, from: bigint, to: bigint, length: number) {
    if ((from & 1n) === 1n && (to & 1n) === 1n) return from === EMPTY ? new Uint8Array(0) : undefined
    const place = placeOf(ring, word, from, to)
    if (typeof place === "string") return problem(`record ${id}: ${place}`)
    const bytes = yield* orNone(memory.bytes(place.at, Math.min(place.length, word + length)), problem)
    if (bytes === undefined) return undefined
    if ((words.word(bytes, 0) & ids) !== id) return problem(`record ${id}: its text is another record's`)
    return bytes.slice(word)
  })

  const readOne = Effect.fnUntraced(function* (id: bigint, bytes: Uint8Array) {
    const variable = words.word(bytes, state)
    if ((variable & ids) !== id) return undefined
    const flags = variable >> BigInt(8 * word - 2)
    if (flags !== COMMITTED && flags !== FINALISED) return undefined
    const values = yield* info.read(memory, ring.infos + BigInt(infoSize) * (id & (slots - 1n)))
    if (values.missing[0] !== undefined) return problem(`record ${id}: ${values.missing[0].reason}`)
    // The facility and the level stand right behind the length of the text; they have no names in VMCOREINFO.
    const small = yield* orNone(memory.bytes(values.at("length")! + 2n, 2), problem)
    const from = words.word(bytes, begin)
    const to = words.word(bytes, next)
    const content = yield* readText(id, from, to, values.number("length")!)
    if (small === undefined || content === undefined) return undefined
    const sequence = values.get("sequence")!
    return {
      sequence,
      nanoseconds: values.get("time")!,
      facility: small[0]!,
      level: levelOf(small[1]!, words.little),
      caller: callerOf(values.number("caller")),
      text: textOfRecord(content),
      bytes: content
    }
  })

  let count = ((ring.head - ring.tail) & ids) + 1n
  if (count > slots) {
    problem(`it claims ${count} records in a ring of ${slots}`)
    count = slots
  }
  const first = (ring.head - count + 1n) & ids
  let expected: bigint | undefined
  for (let i = 0n; i < count;) {
    const slot = (first + i) & (slots - 1n)
    const left = [count - i, slots - slot, BigInt(BLOCK)].reduce((a, b) => (a < b ? a : b))
    const address = ring.descriptors + slot * BigInt(descriptorSize)
    const block = yield* orNone(memory.bytes(address, Number(left) * descriptorSize), problem)
    for (let j = 0; block !== undefined && j < Number(left); j++) {
      const id = (first + i + BigInt(j)) & ids
      const record = yield* readOne(id, block.subarray(j * descriptorSize, (j + 1) * descriptorSize))
      if (record === undefined) continue
      const lost = expected === undefined || record.sequence < expected ? 0n : record.sequence - expected
      records.push({ ...record, lost: expected === undefined ? record.sequence : lost })
      expected = record.sequence + 1n
    }
    i += left
    yield* Effect.yieldNow
  }
  return { records, problems } satisfies Log
})

/** So many are told; a damaged log has them by the thousand. */
const MOST_PROBLEMS = 8

const orNone = <A>(
  effect: Effect.Effect<A, ReadError>,
  problem: (what: string) => undefined
): Effect.Effect<A | undefined, SourceError> =>
  Effect.catchTag(effect, "UnmappedAddress", (error) => Effect.sync(() => problem(error.message)))

/** The records from the oldest to the newest. */
export const read = Effect.fnUntraced(function* (kernel: Kernel) {
  const ring = yield* readRing(kernel)
  if (typeof ring === "string") return { records: [], problems: [ring] } satisfies Log
  return yield* readRecords(kernel, ring)
})
