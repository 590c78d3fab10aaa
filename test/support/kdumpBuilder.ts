// Small kdump files of every layout, built field by field from the description in makedumpfile's IMPLEMENTATION.
import { deflateSync } from "node:zlib"

export interface Page {
  readonly bytes: Uint8Array
  /** Flags of the descriptor; the bytes are stored as they are. Default: deflated. */
  readonly stored?: { readonly flags: number } | undefined
}

export interface Dump {
  readonly wordSize: 32 | 64
  readonly endian: "little" | "big"
  readonly version?: number
  readonly machine?: string
  readonly status?: number
  readonly blockSize?: number
  readonly frames: number
  /** By frame number: bytes of a page, or "excluded". Others are no memory. */
  readonly pages: Readonly<Record<number, Page | "excluded">>
  readonly dumpLevel?: number
  readonly vmcoreInfo?: string
  readonly split?: readonly [start: number, end: number]
}

/** Writes fields one after the other, aligned as a C compiler does. */
class Struct {
  readonly bytes: Uint8Array
  at: number
  private readonly view: DataView
  private readonly little: boolean
  constructor(bytes: Uint8Array, at: number, little: boolean) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.at = at
    this.little = little
  }
  align(size: number): void {
    this.at += -this.at & (size - 1)
  }
  u32(value: number): void {
    this.align(4)
    this.view.setUint32(this.at, value, this.little)
    this.at += 4
  }
  u64(value: bigint, align = 8): void {
    this.align(align)
    this.view.setBigUint64(this.at, value, this.little)
    this.at += 8
  }
}

export const dump = (options: Dump): Uint8Array => {
  const { endian, frames, pages, split, status = 1, version = 6, vmcoreInfo = "", wordSize } = options
  const { blockSize = 4096, machine = wordSize === 64 ? "x86_64" : "i686" } = options
  const little = endian === "little"
  const bitmapBlocks = Math.ceil(frames / 8 / blockSize)
  const subBlocks = 1 + Math.ceil((vmcoreInfo.length + 256) / blockSize)
  const dumped = Object.entries(pages).filter(
    ([frame, page]) =>
      page !== "excluded" && (split === undefined || (Number(frame) >= split[0] && Number(frame) < split[1]))
  ) as Array<[string, Page]>
  const table = (1 + subBlocks + 2 * bitmapBlocks) * blockSize
  const packed = dumped.map(([, { bytes, stored }]) =>
    stored === undefined ? deflateSync(bytes, { level: 9 }) : bytes
  )
  const size = table + 24 * dumped.length + packed.reduce((sum, bytes) => sum + bytes.length, 0)
  const bytes = new Uint8Array(size)
  const latin1 = (text: string, at: number) =>
    bytes.set(
      Array.from(text, (char) => char.charCodeAt(0)),
      at
    )

  latin1("KDUMP   ", 0)
  const header = new Struct(bytes, 8, little)
  header.u32(version)
  ;["Linux", "node", "6.1", "#1 SMP", machine, "(none)"].forEach((text, i) => latin1(text, 12 + 65 * i))
  header.at = 12 + 6 * 65
  header.align(wordSize / 8)
  header.at += (2 * wordSize) / 8
  const fields = [status, blockSize, subBlocks, 2 * bitmapBlocks, frames, 0, 0, 0, 0, 2]
  for (const field of fields) header.u32(field)

  const sub = new Struct(bytes, blockSize, little)
  const long = (value: bigint) => (wordSize === 64 ? sub.u64(value) : sub.u32(Number(value)))
  const wide = (value: bigint) => sub.u64(value, wordSize === 64 || machine.startsWith("arm") ? 8 : 4)
  const infoAt = blockSize + 256
  long(0x100_0000n)
  sub.u32(options.dumpLevel ?? 31)
  sub.u32(split === undefined ? 0 : 1)
  long(BigInt(split?.[0] ?? 0))
  long(BigInt(split?.[1] ?? 0))
  wide(BigInt(infoAt))
  long(BigInt(vmcoreInfo.length))
  wide(0n)
  long(0n)
  wide(0n)
  long(0n)
  wide(BigInt(split?.[0] ?? 0))
  wide(BigInt(split?.[1] ?? 0))
  wide(BigInt(frames))
  latin1(vmcoreInfo, infoAt)

  const bitmap = (1 + subBlocks) * blockSize
  const half = bitmapBlocks * blockSize
  for (const [frame, page] of Object.entries(pages)) {
    const [index, bit] = [Number(frame) >> 3, 1 << (Number(frame) & 7)]
    bytes[bitmap + index]! |= bit
    if (page !== "excluded") bytes[bitmap + half + index]! |= bit
  }
  const descriptors = new Struct(bytes, table, little)
  let place = table + 24 * dumped.length
  dumped.forEach(([, { stored }], i) => {
    descriptors.u64(BigInt(place))
    descriptors.u32(packed[i]!.length)
    descriptors.u32(stored === undefined ? 1 : stored.flags)
    descriptors.u64(0n)
    bytes.set(packed[i]!, place)
    place += packed[i]!.length
  })
  return bytes
}

/** The flattened form of a file, in pieces of `step` bytes, in the order given by `order`. */
export const flatten = (
  bytes: Uint8Array,
  step: number,
  order: (offsets: Array<number>) => Array<number> = (offsets) => offsets
): Uint8Array => {
  const offsets = order(Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => i * step))
  const out = new Uint8Array(4096 + offsets.length * 16 + bytes.length + 16)
  const view = new DataView(out.buffer)
  out.set(new TextEncoder().encode("makedumpfile"))
  view.setBigUint64(16, 1n)
  view.setBigUint64(24, 1n)
  let at = 4096
  for (const offset of offsets) {
    const piece = bytes.subarray(offset, offset + step)
    view.setBigUint64(at, BigInt(offset))
    view.setBigUint64(at + 8, BigInt(piece.length))
    out.set(piece, at + 16)
    at += 16 + piece.length
  }
  view.setBigInt64(at, -1n)
  view.setBigInt64(at + 8, -1n)
  return out
}
