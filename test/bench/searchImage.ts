// The bytes that the searches are measured on: one file that is an ELF core of one segment, so that debuggers open it
// too. Half is zero pages; the rest is text, tables of pointers, and noise, with a few needles at known places.
import * as NFS from "node:fs"

export const HEADER = 4096
export const BASE = 0x10_0000_0000n
const PAGE = 4096
const CHUNK = 1 << 20

/** Numbers without pattern, the same in each run. */
export const numbers = (seed: number) => {
  let state = seed
  return (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state ^ (state >>> 15)) >>> 0
  }
}

const words =
  "the kernel maps a page of memory at this address and returns an error when the process has no right to read it; " +
  "struct task list head next prev name flags value return int char void static const unsigned long size offset\n"

const header = (size: bigint): Uint8Array => {
  const bytes = new Uint8Array(HEADER)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  view.setUint16(16, 4, true) // ET_CORE
  view.setUint16(18, 62, true) // EM_X86_64
  view.setUint32(20, 1, true)
  view.setBigUint64(32, 64n, true)
  view.setUint16(52, 64, true)
  view.setUint16(54, 56, true)
  view.setUint16(56, 1, true)
  view.setUint32(64, 1, true) // PT_LOAD
  view.setUint32(68, 6, true)
  view.setBigUint64(72, BigInt(HEADER), true)
  view.setBigUint64(80, BASE, true)
  view.setBigUint64(96, size, true)
  view.setBigUint64(104, size, true)
  view.setBigUint64(112, 4096n, true)
  return bytes
}

/** Writes the file; `needles` are placed every `every` bytes, in turn. */
export const writeImage = (path: string, size: number, needles: ReadonlyArray<Uint8Array>, every: number): void => {
  const next = numbers(7)
  const text = new TextEncoder().encode(words)
  const fd = NFS.openSync(path, "w")
  NFS.writeSync(fd, header(BigInt(size)))
  for (let at = 0, placed = 0; at < size; at += CHUNK) {
    const chunk = new Uint8Array(CHUNK)
    const view = new DataView(chunk.buffer)
    for (let page = 0; page < CHUNK; page += PAGE) {
      const kind = next() % 20
      if (kind < 10) continue
      if (kind < 14) {
        for (let i = 0; i < PAGE;) {
          const from = next() % (text.length - 8)
          const part = text.subarray(from, from + 8 + (next() % 40)).subarray(0, PAGE - i)
          chunk.set(part, page + i)
          i += part.length
        }
      } else if (kind < 17) {
        for (let i = 0; i < PAGE; i += 8) {
          if (next() % 2 === 0) view.setBigUint64(page + i, 0x7f12_0000_0000n + BigInt(next()), true)
        }
      } else for (let i = 0; i < PAGE; i += 4) view.setUint32(page + i, next(), true)
    }
    for (; placed * every < at + CHUNK; placed++) {
      const needle = needles[placed % needles.length]!
      const offset = placed * every - at + 64
      if (offset >= 0 && offset + needle.length <= CHUNK) chunk.set(needle, offset)
    }
    NFS.writeSync(fd, chunk)
  }
  NFS.closeSync(fd)
}
