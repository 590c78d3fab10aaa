// The log of Linux 3.5 to 5.9 (kernel/printk/printk.c): records of any length one after the other in a buffer that is used
// round and round. A record of no length says that the next one is at the start.
import * as Effect from "effect/Effect"
import { type Kernel, requireSymbol, symbolOf } from "../kernel.ts"
import { hex } from "../../base/numbers.ts"
import type { ReadError } from "../memory.ts"
import { callerOf, levelOf, type Log, type LogRecord, MOST_BYTES, textOfRecord } from "./record.ts"

const WHAT = "the kernel's log"

/** `struct printk_log` before any configuration adds to it. */
const HEADER = 16

export const read = Effect.fnUntraced(function* (kernel: Kernel) {
  const { memory } = kernel
  const { words } = memory
  const start = yield* memory.word(yield* requireSymbol(kernel, WHAT, "log_buf"))
  const length = yield* memory.u32(yield* requireSymbol(kernel, WHAT, "log_buf_len"))
  const first = yield* memory.u32(yield* requireSymbol(kernel, WHAT, "log_first_idx"))
  const next = yield* memory.u32(yield* requireSymbol(kernel, WHAT, "log_next_idx"))
  const sequenceAt = symbolOf(kernel, "log_first_seq")
  let sequence = sequenceAt === undefined ? 0n : words.u64(yield* memory.bytes(sequenceAt, 8), 0)
  const type = kernel.types.sizeOf("printk_log") === undefined ? "log" : "printk_log"
  const size = kernel.types.sizeOf(type) ?? HEADER
  const at = (member: string, otherwise: number): number => kernel.types.member(type, member)?.offset ?? otherwise
  const [time, whole, text] = [at("ts_nsec", 0), at("len", 8), at("text_len", 10)]
  const small = at("facility", 14)
  const callerAt = kernel.types.member(type, "caller_id")?.offset ?? (size > HEADER ? HEADER : undefined)
  const records: Array<LogRecord> = []
  const broken = (why: string): Log => ({ records, problems: [why] })
  if (length > MOST_BYTES || size < HEADER || size > 256) return broken(`it claims a buffer of ${length} bytes`)
  if (first >= length || next > length) return broken(`it goes from ${first} to ${next} in a buffer of ${length} bytes`)
  let index = first
  let wrapped = next >= first
  let lost = sequence
  while (index !== next || !wrapped) {
    const where = start + BigInt(index)
    const header = index + size > length ? undefined : yield* orWhy(memory.bytes(where, size))
    if (typeof header === "string") return broken(header)
    const total = header === undefined ? 0 : words.u16(header, whole)
    if (header === undefined || total === 0) {
      if (wrapped) return broken(`the record at ${hex(where)} has no length`)
      wrapped = true
      index = 0
      continue
    }
    const textLength = words.u16(header, text)
    if (total < size + textLength || index + total > length) {
      return broken(`the record at ${hex(where)} claims ${total} bytes with a text of ${textLength}`)
    }
    const bytes = yield* orWhy(memory.bytes(where + BigInt(size), textLength))
    if (typeof bytes === "string") return broken(bytes)
    const caller = callerAt === undefined || callerAt + 4 > size ? undefined : words.u32(header, callerAt)
    records.push({
      sequence: sequence++,
      nanoseconds: words.u64(header, time),
      facility: header[small]!,
      level: levelOf(header[small + 1]!, words.little),
      caller: callerOf(caller),
      text: textOfRecord(bytes),
      bytes: bytes.slice(),
      lost
    })
    lost = 0n
    index += total
    if (wrapped && index > next) return broken(`the record at ${hex(where)} reaches past the end of the log`)
    if (records.length % 1024 === 0) yield* Effect.yieldNow
  }
  return { records, problems: [] } satisfies Log
})

const orWhy = <A>(effect: Effect.Effect<A, ReadError>) =>
  Effect.catchTag(effect, "UnmappedAddress", (error) => Effect.succeed(error.message))
