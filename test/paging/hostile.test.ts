// Tables that nobody would make on purpose, and those that somebody would: time and memory stay bounded, whatever they span,
// and what a walk gives is right all the same.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import { type Naive, naiveAt, naives } from "../support/naivePaging.ts"
import { randomWords } from "../support/random.ts"

const formatOf = (name: string) => Option.getOrThrow(PageTable.fromName(name))
const fromBytes = (bytes: Uint8Array) => MemoryMap.fromBytes(bytes, 0n, { name: "ram" })

const reader =
  (memory: Uint8Array) =>
  (address: bigint, bytes: 4 | 8): bigint | undefined => {
    if (address + BigInt(bytes) > BigInt(memory.length)) return undefined
    const view = new DataView(memory.buffer)
    return bytes === 8 ? view.getBigUint64(Number(address), true) : BigInt(view.getUint32(Number(address), true))
  }

/** Tables read and ranges made, at most, in every test here. */
const budget = { tables: 2000, runs: 20_000 }

/** The addresses that the walk's map has and those that following one by one gives are the same, as are the bytes there. */
const agreesAt = Effect.fnUntraced(function* (
  naive: Naive,
  memory: Uint8Array,
  { map, truncated }: AddressSpace.Walked,
  root: bigint,
  places: Iterable<bigint>
) {
  const cut = Option.match(truncated, { onNone: () => 1n << 64n, onSome: ({ address }) => address })
  let leaves = 0
  for (const place of places) {
    const address = naive.addressOf(place)
    if (address >= cut) {
      const bytes = yield* Effect.result(MemoryMap.getBytes(map as MemoryMap.Mapped, address, 1))
      if (bytes._tag === "Failure") continue
    }
    const said = naiveAt(naive, root, place, reader(memory))
    const isMemory = said?.kind === "leaf" || said?.kind === "none"
    const mapping = Option.getOrUndefined(MemoryMap.mappingAt(map, address))
    assert.strictEqual(mapping !== undefined, isMemory && said.physical < BigInt(memory.length), `at ${address}`)
    if (mapping === undefined) continue
    leaves++
    assert.deepStrictEqual(
      yield* MemoryMap.getByte(map as MemoryMap.Mapped, address),
      memory[Number(said!.physical)],
      `at ${address}`
    )
    const { execute, read, write } = mapping.permissions!
    const shown = `${read ? "r" : ""}${write ? "w" : ""}${execute ? "x" : ""}`
    assert.strictEqual(shown, said!.permissions.replace("u", ""))
  }
  return leaves
})

const placesOf = (naive: Naive, next: () => number, count: number): ReadonlyArray<bigint> => {
  const width = BigInt(naive.shifts[0]! + naive.bits[0]!)
  return Array.from({ length: count }, () => {
    const word = (BigInt(next()) << 32n) | BigInt(next())
    return word & ((1n << width) - 1n)
  })
}

/** An entry that leads to a table, and in the last level to a page. */
const linkTo = (name: string, address: bigint): bigint =>
  name.startsWith("riscv") ? (address >> 2n) | 1n : address | (name.startsWith("aarch64") ? 0x403n : 7n)

const write = (memory: Uint8Array, at: number, value: bigint, entryBytes: 4 | 8): void => {
  const view = new DataView(memory.buffer)
  if (entryBytes === 8) view.setBigUint64(at, value, true)
  else view.setUint32(at, Number(value & 0xffff_ffffn), true)
}

describe("a table all of whose entries lead to itself", () => {
  for (const name of PageTable.names) {
    it.effect(`maps all of a space of ${name}, or none of it, at the cost of one table for each level`, () =>
      Effect.gen(function* () {
        const naive = naives[name]!
        const granule = 1 << naive.shifts.at(-1)!
        const memory = new Uint8Array(granule)
        for (let at = 0; at < granule; at += naive.entryBytes) write(memory, at, linkTo(name, 0n), naive.entryBytes)
        const walked = yield* AddressSpace.walk(yield* fromBytes(memory), formatOf(name), 0n, { budget })
        assert.isTrue(Option.isNone(walked.truncated))
        assert.isAtMost(walked.tables, naive.shifts.length * 2)
        // RISC-V: an entry that leads to a table is none of a page.
        const pages = name.startsWith("riscv") ? 0 : 2 ** (naive.shifts[0]! + naive.bits[0]! - naive.shifts.at(-1)!)
        assert.strictEqual(walked.leaves, pages)
        assert.strictEqual(MemoryMap.mappedSize(walked.map), BigInt(pages) * BigInt(granule))
        const next = randomWords(7)
        const leaves = yield* agreesAt(naive, memory, walked, 0n, placesOf(naive, next, 50))
        assert.strictEqual(leaves, pages === 0 ? 0 : 50)
      })
    )
  }
})

describe("a table one of whose entries leads to itself", () => {
  for (const name of ["x86-64", "x86-64-la57", "i386-pae", "aarch64-4k-48", "riscv-sv48"]) {
    it.effect(`has its tables as pages too, in ${name}`, () =>
      Effect.gen(function* () {
        const naive = naives[name]!
        const { bits, entryBytes, shifts } = naive
        // One table for each level, each leading to the next by entry 1, and to the root by the last, as Windows does it.
        const memory = new Uint8Array(4096 * (shifts.length + 1))
        for (const depth of shifts.keys()) {
          write(memory, depth * 4096 + entryBytes, linkTo(name, BigInt(depth + 1) * 4096n), entryBytes)
          write(memory, depth * 4096 + entryBytes * (2 ** bits[depth]! - 1), linkTo(name, 0n), entryBytes)
        }
        const walked = yield* AddressSpace.walk(yield* fromBytes(memory), formatOf(name), 0n, { budget })
        assert.isTrue(Option.isNone(walked.truncated))
        assert.isAtMost(walked.tables, shifts.length ** 2)
        const near = [1n, 0n, (1n << BigInt(bits[1]!)) - 1n]
        const places: Array<bigint> = []
        const visit = (depth: number, place: bigint): void => {
          if (depth === shifts.length) places.push(place)
          else
            for (const i of near) visit(depth + 1, place | ((i % 2n ** BigInt(bits[depth]!)) << BigInt(shifts[depth]!)))
        }
        visit(0, 0n)
        const leaves = yield* agreesAt(naive, memory, walked, 0n, places)
        assert.isTrue(name.startsWith("riscv") ? leaves === 0 : leaves > shifts.length)
      })
    )
  }
})

describe("memory full of", () => {
  const TABLES = 48
  const fill: Readonly<Record<string, (naive: Naive, name: string, seed: number) => Uint8Array>> = {
    ones: () => new Uint8Array(65536 * 2).fill(0xff),
    "random bytes": (_naive, _name, seed) => {
      const next = randomWords(seed)
      return new Uint8Array(Uint32Array.from({ length: 65536 }, next).buffer)
    },
    "entries that lead anywhere in it": (naive, name, seed) => {
      const next = randomWords(seed)
      const granule = 1 << naive.shifts.at(-1)!
      const memory = new Uint8Array(granule * Math.min(TABLES, 2 ** 20 / granule))
      const count = memory.length / granule
      for (let at = 0; at < memory.length; at += naive.entryBytes) {
        const where = BigInt((next() >>> 8) % (count + 1)) * BigInt(granule)
        const flags = name.startsWith("riscv") ? BigInt((next() >>> 12) & 0xee) : BigInt((next() >>> 12) & 0x62)
        write(memory, at, linkTo(name, where) | flags, naive.entryBytes)
      }
      return memory
    }
  }
  for (const [what, make] of Object.entries(fill)) {
    it.effect(`${what} ends within the budget, and is what one address after the other gives, in every format`, () =>
      Effect.gen(function* () {
        let leaves = 0
        for (const [i, name] of PageTable.names.entries()) {
          const naive = naives[name]!
          const memory = make(naive, name, i + 1)
          const walked = yield* AddressSpace.walk(yield* fromBytes(memory), formatOf(name), 0n, { budget })
          assert.isAtMost(walked.tables, budget.tables)
          assert.isAtMost([...MemoryMap.mappings(walked.map)].length, 2 * budget.runs)
          leaves += yield* agreesAt(naive, memory, walked, 0n, placesOf(naive, randomWords(i), 60))
        }
        assert.isTrue(what.startsWith("ones") || leaves > 0 || what === "random bytes")
      })
    )
  }

  it.effect("random bytes has no page that cannot be taken as a root", () =>
    Effect.gen(function* () {
      const next = randomWords(3)
      const PAGES = 256
      const words = Uint32Array.from({ length: PAGES * 1024 }, next)
      // Every second page has entries that lead into memory.
      for (let i = 0; i < words.length; i += 2) {
        if ((i >> 10) % 2 === 1) {
          words[i] = (((next() >>> 8) % PAGES) << 12) | 0x67
          words[i + 1] = next() & 0x8000_0000
        }
      }
      const physical = yield* fromBytes(new Uint8Array(words.buffer))
      const formats = [PageTable.x86_64(), PageTable.x86_64({ levels: 5 }), PageTable.i386({ pae: true })]
      for (let page = 0; page < PAGES; page++) {
        const format = formats[page % formats.length]!
        const { map, tables } = yield* AddressSpace.walk(physical, format, BigInt(page) * 4096n, {
          budget: { tables: 50, runs: 500 }
        })
        assert.isAtMost(tables, 50)
        assert.isAtMost(Array.from(MemoryMap.mappings(map)).length, 2 * 500)
      }
    })
  )
})

describe("what is cut", () => {
  const forged = Effect.gen(function* () {
    // Tables that each lead to all others, pages of all kinds between them.
    const next = randomWords(11)
    const words = Uint32Array.from({ length: 64 * 1024 }, (_, i) =>
      i % 2 === 0 ? (((next() >>> 8) % 64) << 12) | 0x67 : 0
    )
    return new Uint8Array(words.buffer)
  })

  it.effect("is told, with where and by which bound, and is a hole that says so", () =>
    Effect.gen(function* () {
      const memory = yield* forged
      const physical = yield* fromBytes(memory)
      for (const [by, limit] of [
        ["tables", { tables: 20 }],
        ["runs", { runs: 3000 }]
      ] as const) {
        const walked = yield* AddressSpace.walk(physical, PageTable.x86_64(), 0n, { budget: limit })
        const { address, reason } = Option.getOrThrow(walked.truncated)
        assert.strictEqual(reason, by)
        const [hole] = MemoryMap.holes(walked.map, { range: { start: address, end: address + 1n } })
        assert.match(hole?.reason ?? "", by === "tables" ? /budget of 20 page tables/ : /budget of 3000 ranges/)
        const last = MemoryMap.holes(walked.map, { range: { start: (1n << 64n) - 1n, end: 1n << 64n } })
        assert.match([...last][0]?.reason ?? "", /^not walked/)
        // What lies below is whole.
        const places = placesOf(naives["x86-64"]!, randomWords(5), 400)
          .map((place) => place % (address & ((1n << 48n) - 1n)))
          .filter((place) => place < 1n << 47n)
        const below = { ...walked, truncated: Option.none() }
        assert.isAbove(yield* agreesAt(naives["x86-64"]!, memory, below, 0n, places), 10)
      }
    })
  )

  it("takes a budget of at least one, and says so otherwise", () => {
    for (const budget of [{ tables: 0 }, { runs: 0 }, { tables: Number.NaN }, { runs: 1.5 }]) {
      assert.throws(
        () => Effect.runSync(AddressSpace.walk(MemoryMap.empty, PageTable.x86_64(), 0n, { budget })),
        /budget/
      )
    }
  })
})
