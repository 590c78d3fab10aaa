// A small machine, dumped as QEMU does: physical memory with page tables in it, and the registers of two processors.
import { Effect } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import * as PageTables from "../../src/testing/PageTables.ts"
import { buildElf, noteSegment } from "./elfBuilder.ts"

const SIZE = 0x80_000

/** QEMUCPUState. */
const state = (cr0: bigint, cr3: bigint, cr4: bigint): Uint8Array => {
  const bytes = new Uint8Array(440)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1, true)
  view.setUint32(4, 440, true)
  for (let i = 0; i < 18; i++) view.setBigUint64(8 + 8 * i, 0x1000n + BigInt(i), true)
  view.setBigUint64(392, cr0, true)
  view.setBigUint64(408, 0x5555n, true)
  view.setBigUint64(416, cr3, true)
  view.setBigUint64(424, cr4, true)
  return bytes
}

export const PAGING = 0x8005_0033n
export const LONG = 0x6f0n

export const notesOf = (root: bigint, cr4 = LONG) =>
  noteSegment([
    { owner: "QEMU", type: 0, description: state(PAGING, root | 7n, cr4) },
    { owner: "QEMU", type: 0, description: state(0x11n, 0n, 0n) }
  ])

export const pages: ReadonlyArray<PageTables.Page> = [
  { virtual: 0x40_0000n, physical: 0x3000n, permissions: { write: false } },
  { virtual: 0x40_1000n, physical: 0x1000n, permissions: { execute: false } },
  { virtual: 0x40_2000n, physical: 0x9_0000_0000n },
  { virtual: 0xffff_8000_0000_0000n, physical: 0x2000n, permissions: { user: false } }
]

/** Physical memory: a text that begins in one page and ends in another, which are neighbours in virtual addresses only. */
export const memory = Effect.gen(function* () {
  const bytes = new Uint8Array(SIZE)
  const text = new TextEncoder().encode("the strings of one process")
  bytes.set(text.subarray(0, 10), 0x4000 - 10)
  bytes.set(text.subarray(10), 0x1000)
  bytes.set(new TextEncoder().encode("of the kernel"), 0x2000)
  const base = yield* MemoryMap.fromBytes(bytes, 0n, { name: "ram" })
  return yield* PageTables.build(base, PageTable.x86_64(), pages, { at: 0x1_0000n })
})

/** The same as an ELF core. */
export const machineElf = Effect.gen(function* () {
  const { map, root } = yield* memory
  const bytes = yield* MemoryMap.getBytes(map as MemoryMap.Mapped, 0n, SIZE)
  const elf = buildElf({ type: 4, machine: 62, segments: [notesOf(root), { bytes, physical: 0n, virtual: 0n }] })
  return { bytes, elf, root }
})
