// Random tables of any format, with every kind of malformed entry, and whether a walk through them and translations of single
// addresses give what the judge says: nothing missing, nothing extra, permissions equal.
import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as Mapping from "../../src/Mapping.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import { type Naive, type NaivePage, naivePages, naives } from "./naivePaging.ts"
import { randomWords } from "./random.ts"

const TABLES = 6n

interface Machine {
  readonly memory: Uint8Array
  readonly tableBytes: bigint
}

/** A few tables one behind the other from address 0 on, each with a few entries that are likely to mean something. */
const machineOf = (naive: Naive, name: string, next: () => number): Machine => {
  const pick = (limit: number): number => Math.floor(next() * limit)
  const bits = (count: number): bigint => {
    let value = 0n
    for (let i = 0; i < count; i++) value = (value << 1n) | BigInt(pick(2))
    return value
  }
  const granule = BigInt(naive.shifts.at(-1)!)
  const tableBytes = 1n << granule
  const memory = new Uint8Array(Number(TABLES * tableBytes))
  const view = new DataView(memory.buffer)
  const wide = naive.entryBytes === 8
  const family = name.slice(0, 5)
  const entry = (): bigint => {
    // Mostly in memory, sometimes behind it.
    const address = BigInt(pick(Number(TABLES) + 2)) << granule
    const kind = pick(10)
    if (kind === 0) return bits(64)
    if (kind === 1) return (1n << 64n) - 1n
    const flags = bits(family === "riscv" ? 10 : 12)
    const high = kind < 4 ? bits(12) << 52n : 0n
    const shifted = family === "riscv" ? address >> 2n : address
    if (kind < 7) return shifted | (family === "aarch" ? 3n : family === "riscv" ? 1n : flags & 0xf7fn) | 1n | high
    // 16 pages together, of Svnapot.
    if (kind === 8 && name !== "riscv-sv32" && family === "riscv") return (1n << 63n) | (8n << 10n) | flags | 3n
    // An address that is inverted, as x86 has it.
    if (kind === 7) return ((shifted | high) ^ 0xf_ffff_ffff_f000n) | (flags & ~1n)
    return shifted | flags | high
  }
  for (let table = 0n; table < TABLES; table++) {
    for (let i = 0; i < 5; i++) {
      const index = pick(Number(tableBytes) / naive.entryBytes)
      const at = Number(table * tableBytes) + index * naive.entryBytes
      if (wide) view.setBigUint64(at, entry(), true)
      else view.setUint32(at, Number(entry() & 0xffff_ffffn), true)
    }
    // The root may have few entries: of PAE, 4.
    const first = Number(table * tableBytes) + pick(2) * naive.entryBytes
    if (wide) view.setBigUint64(first, entry(), true)
    else view.setUint32(first, Number(entry() & 0xffff_ffffn), true)
  }
  return { memory, tableBytes }
}

const reader =
  ({ memory }: Machine) =>
  (address: bigint, bytes: 4 | 8): bigint | undefined => {
    if (address + BigInt(bytes) > BigInt(memory.length)) return undefined
    const view = new DataView(memory.buffer)
    return bytes === 8 ? view.getBigUint64(Number(address), true) : BigInt(view.getUint32(Number(address), true))
  }

const reasonAt = (map: MemoryMap.Any, address: bigint): string | undefined =>
  [...MemoryMap.holes(map, { range: { start: address, end: address + 1n } })][0]?.reason

const wanted: Record<NaivePage["kind"], RegExp> = {
  leaf: /mapped to physical 0x[0-9a-f]+, which is not in the image/,
  none: /mapped to physical 0x[0-9a-f]+, which is not in the image/,
  swap: /^swapped out/,
  special: /^not in memory/,
  invalid: /invalid/,
  noTable: /^the page table at 0x[0-9a-f]+ is not in the image/
}

const failures = {
  swap: "SwappedOut",
  special: "SwappedOut",
  invalid: "InvalidEntry",
  noTable: "TableNotInImage"
} as const

/** The bytes, the permissions or the reason of one page. */
const pageAgrees = Effect.fnUntraced(function* (map: MemoryMap.Any, { memory }: Machine, page: NaivePage) {
  const { kind, permissions, physical, size, virtual } = page
  const isMemory = kind === "leaf" || kind === "none"
  const end = BigInt(memory.length)
  for (const offset of [0n, size - 8n, size / 2n]) {
    const at = physical + offset
    if (!isMemory || at >= end) {
      assert.match(reasonAt(map, virtual + offset) ?? "", wanted[kind])
      assert.isFalse(MemoryMap.isMapped(map, virtual + offset))
    } else {
      const bytes = yield* MemoryMap.getBytes(map as MemoryMap.Mapped, virtual + offset, 8)
      assert.deepStrictEqual(bytes, memory.slice(Number(at), Number(at) + 8))
      const mapping = Option.getOrThrow(MemoryMap.mappingAt(map, virtual + offset))
      const shown = ["r", "w", "x"].map((one) => (permissions.includes(one) ? one : "-")).join("")
      assert.strictEqual(Mapping.formatPermissions(mapping.permissions), shown)
    }
  }
  if (kind === "swap" && page.area !== undefined) {
    // One that follows another may be told of as part of it.
    assert.match(reasonAt(map, virtual) ?? "", new RegExp(`area ${page.area} `))
  }
})

const translates = Effect.fnUntraced(function* (
  physical: MemoryMap.Any,
  format: PageTable.PageTable,
  root: bigint,
  page: NaivePage
) {
  const { kind, permissions, size, virtual } = page
  const offset = size / 2n + 5n
  const found = yield* Effect.result(AddressSpace.translate(physical, format, root, virtual + offset))
  if (found._tag === "Success") {
    const { permissions: p } = found.success
    assert.isTrue(kind === "leaf" || kind === "none")
    assert.strictEqual(found.success.physical, page.physical + offset)
    assert.strictEqual(found.success.pageSize, size)
    const shown = `${p.read ? "r" : ""}${p.write ? "w" : ""}${p.execute ? "x" : ""}${p.user && kind === "leaf" ? "u" : ""}`
    assert.strictEqual(shown, permissions)
  } else {
    assert.strictEqual(found.failure._tag, "UntranslatedAddress")
    const { reason } = found.failure as Extract<typeof found.failure, { _tag: "UntranslatedAddress" }>
    assert.strictEqual(reason, failures[kind as keyof typeof failures])
  }
})

/** Bytes of memory that a page shows. */
const shownOf = ({ memory }: Machine, { kind, physical, size }: NaivePage): bigint => {
  const end = BigInt(memory.length)
  if ((kind !== "leaf" && kind !== "none") || physical >= end) return 0n
  return physical + size < end ? size : end - physical
}

/** Fails where they differ; the kinds of pages that there were otherwise. */
export const agrees = Effect.fnUntraced(function* (name: string, seed: number) {
  const naive = naives[name]!
  const words = randomWords(seed)
  const next = () => words() / 2 ** 32
  const machine = machineOf(naive, name, next)
  const format = Option.getOrThrow(PageTable.fromName(name))
  const source = ByteSource.make({
    name: "asked",
    size: BigInt(machine.memory.length),
    read: (offset, length) => Effect.succeed(machine.memory.slice(Number(offset), Number(offset) + length))
  })
  const resident = ByteSource.fromBytes(machine.memory)
  const physical = yield* MemoryMap.add(MemoryMap.empty, seed % 2 === 0 ? resident : source, 0n)
  const pages = naivePages(naive, 0n, reader(machine))
  const { leaves, map, truncated } = yield* AddressSpace.walk(physical, format, 0n)
  assert.isTrue(Option.isNone(truncated))
  assert.strictEqual(leaves, pages.filter(({ kind }) => kind === "leaf").length)
  const size = pages.reduce((sum, page) => sum + shownOf(machine, page), 0n)
  assert.strictEqual(MemoryMap.mappedSize(map), size, "nothing extra")
  for (const page of pages) {
    yield* pageAgrees(map, machine, page)
    yield* translates(physical, format, 0n, page)
  }
  return pages.map(({ kind }) => kind)
})
