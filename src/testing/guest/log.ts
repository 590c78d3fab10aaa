// The kernel's log, in both kinds of buffers. Both are small here, so that old records are overwritten as they are on a machine
// that has been up for long.
import type { Builder } from "./builder.ts"

export interface LogLine {
  readonly level: number
  readonly facility: number
  readonly nanoseconds: bigint
  readonly text: string
}

export interface KeptLine extends LogLine {
  readonly sequence: bigint
}

const encoder = new TextEncoder()
const WORD_MASK = (1n << 64n) - 1n

const RING_BITS = 6n
const DATA_BITS = 12n

interface Block {
  readonly line: KeptLine
  readonly begin: bigint
  readonly next: bigint
}

/** 5.10 and later. Numbers of records and places of texts run over their end early on, as they may on a real machine. */
const ring = (b: Builder, lines: ReadonlyArray<LogLine>): ReadonlyArray<KeptLine> => {
  const [slots, size] = [1n << RING_BITS, 1n << DATA_BITS]
  const ids = (1n << 62n) - 1n
  const firstId = ids - 2n
  const data = b.arena.allocate(Number(size), 16)
  const descriptorSize = b.types.sizeOf("prb_desc")
  const infoSize = b.types.sizeOf("printk_info")
  const descriptors = b.arena.allocate(Number(slots) * descriptorSize, 16)
  const infos = b.arena.allocate(Number(slots) * infoSize, 16)
  let kept: Array<Block> = []
  let at = (1n << 64n) - size
  lines.forEach((line, i) => {
    const bytes = encoder.encode(line.text)
    const length = (8n + BigInt(bytes.length) + 7n) & ~7n
    const id = (firstId + BigInt(i)) & ids
    const slot = id & (slots - 1n)
    const empty = bytes.length === 0
    const wraps = at >> DATA_BITS !== (at + length - 1n) >> DATA_BITS
    const next = empty ? at : wraps ? ((at >> DATA_BITS) + 1n) * size + length : at + length
    kept = kept.filter((old) => next - old.begin <= size || old.begin === old.next)
    if (kept.length === Number(slots)) kept.shift()
    if (!empty) {
      const place = data + (wraps ? 0n : at & (size - 1n))
      b.arena.number(place, 8, id)
      b.arena.put(place + 8n, bytes)
    }
    const descriptor = descriptors + slot * BigInt(descriptorSize)
    b.set(descriptor, "prb_desc", {
      "state_var.counter": (2n << 62n) | id,
      "text_blk_lpos.begin": empty ? 3n : at & WORD_MASK,
      "text_blk_lpos.next": empty ? 3n : next & WORD_MASK
    })
    const info = infos + slot * BigInt(infoSize)
    b.set(info, "printk_info", {
      seq: i,
      ts_nsec: line.nanoseconds,
      text_len: bytes.length,
      facility: line.facility,
      flags: line.level << 5,
      caller_id: 0x8000_0000 + (i % 2)
    })
    kept.push({ line: { ...line, sequence: BigInt(i) }, begin: at, next })
    at = next
  })
  const first = kept[0]?.line.sequence ?? 0n
  const buffer = b.make("printk_ringbuffer")
  b.set(buffer, "printk_ringbuffer", {
    "desc_ring.count_bits": RING_BITS,
    "desc_ring.descs": b.direct(descriptors),
    "desc_ring.infos": b.direct(infos),
    "desc_ring.head_id.counter": (firstId + BigInt(lines.length - 1)) & ids,
    "desc_ring.tail_id.counter": (firstId + first) & ids,
    "text_data_ring.size_bits": DATA_BITS,
    "text_data_ring.data": b.direct(data),
    "text_data_ring.head_lpos.counter": at & WORD_MASK
  })
  const pointer = b.arena.allocate(8)
  b.arena.number(pointer, 8, b.direct(buffer))
  b.symbol("prb", pointer)
  return kept.map(({ line }) => line)
}

const BUFFER = 4096

/** 3.5 to 5.9. */
const buffer = (b: Builder, lines: ReadonlyArray<LogLine>): ReadonlyArray<KeptLine> => {
  const header = b.types.sizeOf("printk_log")
  const data = b.arena.allocate(BUFFER, 16)
  let kept: Array<{ readonly line: KeptLine; readonly at: number; readonly length: number }> = []
  let at = 0
  lines.forEach((line, i) => {
    const bytes = encoder.encode(line.text)
    const length = (header + bytes.length + 7) & ~7
    // What a record is laid over is lost; room for the empty header that says "go on at the start" is always left.
    const overwrite = (from: number, to: number) => {
      const last = kept.findLastIndex((old) => old.at < to && from < old.at + old.length)
      kept = kept.slice(last + 1)
    }
    if (at + length + header > BUFFER) {
      overwrite(at, BUFFER)
      b.arena.put(data + BigInt(at), new Uint8Array(Math.min(header, BUFFER - at)))
      at = 0
    }
    overwrite(at, at + length + header)
    const record = data + BigInt(at)
    b.arena.put(record, new Uint8Array(length))
    b.set(record, "printk_log", {
      ts_nsec: line.nanoseconds,
      len: length,
      text_len: bytes.length,
      facility: line.facility,
      flags: line.level << 5,
      caller_id: 0x8000_0000 + (i % 2)
    })
    b.arena.put(record + BigInt(header), bytes)
    kept.push({ line: { ...line, sequence: BigInt(i) }, at, length })
    at += length
  })
  const variable = (name: string, size: number, value: bigint | number) => {
    const place = b.arena.allocate(8)
    b.arena.number(place, size, value)
    b.symbol(name, place)
  }
  variable("log_buf", 8, b.direct(data))
  variable("log_buf_len", 4, BUFFER)
  variable("log_first_idx", 4, kept[0]?.at ?? 0)
  variable("log_next_idx", 4, at)
  variable("log_first_seq", 8, kept[0]?.line.sequence ?? 0n)
  return kept.map(({ line }) => line)
}

/** Writes the lines, and says which are still there. */
export const writeLog = (b: Builder, lines: ReadonlyArray<LogLine>): ReadonlyArray<KeptLine> =>
  b.era.log === "ring" ? ring(b, lines) : buffer(b, lines)
