// Address spaces of guests that `npm run guests` boots in QEMU, held against what QEMU's own monitor said of them.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Option } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as AddressSpace from "../../src/AddressSpace.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import { processors } from "../../src/cli/spaces.ts"
import { LinuxKernel } from "../../src/linux/index.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import * as PageTable from "../../src/PageTable.ts"
import { guests } from "./machines.ts"
import { type Asked, tlbLines } from "./monitor.ts"
import { cache } from "./packages.ts"

vi.setConfig({ testTimeout: 240_000 })

const provide = Effect.provide(NodeMemoryMap.layer)

const opened = Effect.fnUntraced(function* (file: string) {
  const image = yield* MemoryImage.open(file, { addresses: "physical" })
  const roots = processors(image).map((registers) => Option.getOrThrow(PageTable.fromRegisters(registers)))
  return { image, physical: image.map, roots }
})

/** Where a byte of a space lies in physical memory: both show the same place of the file. */
const placeOf = (map: MemoryMap.Any, address: bigint): bigint | undefined => {
  const found = Option.getOrUndefined(MemoryMap.origin(map, address))
  return found === undefined ? undefined : ByteSource.origin(found.mapping.source, found.offset).offset
}

const reasonAt = (map: MemoryMap.Any, address: bigint): string =>
  [...MemoryMap.holes(map, { range: { start: address, end: address + 1n } })][0]?.reason ?? ""

const MISSING = /^mapped to physical (0x[0-9a-f]+), which is not in the image/

const fileOf = (name: string) => (of: string) => join(cache, name, of)
const isBooted = (name: string) => process.env["GUESTS"] !== undefined && existsSync(fileOf(name)("monitor/asked.json"))

// There, the monitor lists no pages, and dumps say nothing of the registers that lead to tables.
for (const { name } of guests.filter(({ machine }) => machine === "aarch64")) {
  const file = fileOf(name)
  it.effect.skipIf(!isBooted(name))(
    `the kernel's address space of a booted guest of AArch64, ${name}, has what gva2gpa says (without npm run guests)`,
    () =>
      Effect.gen(function* () {
        const { map, physical } = yield* Effect.flatMap(
          MemoryImage.open(file("guest.elf"), { addresses: "physical" }),
          (image) => LinuxKernel.fromImage(image)
        )
        const { translations } = JSON.parse(readFileSync(file("monitor/asked.json"), "utf8")) as Asked
        assert.isAbove(translations.filter(([, physical]) => physical !== null).length, 50)
        assert.isAbove(translations.filter(([, physical]) => physical === null).length, 50)
        for (const [address, expected] of translations) {
          const at = placeOf(map, BigInt(address))
          assert.strictEqual(at, expected === null ? undefined : placeOf(physical, BigInt(expected)), address)
        }
      }).pipe(provide)
  )
}

for (const { machine, name } of guests.filter(({ machine }) => machine !== "aarch64")) {
  const file = fileOf(name)
  describe.skipIf(!isBooted(name))(`the address space of a booted guest, ${name} (without npm run guests)`, () => {
    const text = (of: string) => readFileSync(file(`monitor/${of}`), "utf8")
    const asked = (): Asked => JSON.parse(text("asked.json"))

    it.effect("has the pages of info tlb, each of them at its place with its permissions, and no others", () =>
      Effect.gen(function* () {
        const { physical, roots } = yield* opened(file("guest.elf"))
        const { format, root } = roots[0]!
        const { leaves, map, truncated } = yield* AddressSpace.walk(physical, format, root)
        assert.isTrue(Option.isNone(truncated))
        const lines = tlbLines(text("tlb"))
        assert.isAbove(lines.length, 4000)
        assert.strictEqual(leaves, lines.length)
        for (const { flags, physical: to, virtual } of lines) {
          const there = yield* AddressSpace.translate(physical, format, root, virtual)
          assert.strictEqual(there.physical, to)
          assert.strictEqual(there.accessed, flags.includes("A"))
          assert.strictEqual(there.dirty, flags.includes("D"))
          // The monitor shows what the last entry says; levels above can only take away.
          const { execute, user, write } = there.permissions
          assert.isTrue(!execute || !flags.includes("X"))
          assert.isTrue(!write || flags.includes("W"))
          assert.isTrue(!user || flags.includes("U"))
          const at = placeOf(map, virtual)
          if (at !== undefined) assert.strictEqual(at, placeOf(physical, to))
          else if (MemoryMap.isMapped(physical, to)) assert.fail(`${virtual} is mapped to ${to}`)
          else assert.match(reasonAt(map, virtual), MISSING)
        }
      }).pipe(provide)
    )

    it.effect("has the ranges of info mem, writable where they are", () =>
      Effect.gen(function* () {
        const ranges = Array.from(
          text("mem").matchAll(/^([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ ([u-])([r-])([w-])/gm),
          ([, start, end, , , write]) => ({
            start: BigInt(`0x${start}`),
            end: BigInt(`0x${end}`),
            write: write === "w"
          })
        )
        // The monitor knows no five levels there.
        if (ranges.length === 0) return assert.isTrue(name.includes("la57"))
        const { physical, roots } = yield* opened(file("guest.elf"))
        const { map } = yield* AddressSpace.walk(physical, roots[0]!.format, roots[0]!.root)
        let size = MemoryMap.mappedSize(map)
        for (const { range, reason } of MemoryMap.holes(map)) {
          if (MISSING.test(reason ?? "")) size += range.end - range.start
        }
        assert.strictEqual(
          ranges.reduce((sum, { end, start }) => sum + end - start, 0n),
          size
        )
        for (const { end, start, write } of ranges) {
          for (const { mapping } of MemoryMap.segments(MemoryMap.crop(map, { start, end }))) {
            assert.strictEqual(mapping.permissions?.write, write, `at ${start}`)
          }
        }
      }).pipe(provide)
    )

    it.effect("translates hundreds of addresses as gva2gpa does, out of an ELF core and a kdump", () =>
      Effect.gen(function* () {
        const { translations } = asked()
        assert.isAbove(translations.length, 300)
        for (const dump of ["guest.elf", "guest.kdump"]) {
          const { physical, roots } = yield* opened(file(dump))
          const { format, root } = roots[0]!
          for (const [address, expected] of translations) {
            const found = yield* Effect.option(AddressSpace.translate(physical, format, root, BigInt(address)))
            const to = Option.getOrUndefined(Option.map(found, ({ physical }) => physical))
            assert.strictEqual(to, expected === null ? undefined : BigInt(expected), `${address} in ${dump}`)
          }
        }
      }).pipe(provide)
    )

    it.effect("reads across pages that are no neighbours as the monitor's x does", () =>
      Effect.gen(function* () {
        const { reads } = asked()
        assert.isAbove(reads.length, 10)
        const { physical, roots } = yield* opened(file("guest.elf"))
        const { map } = yield* AddressSpace.walk(physical, roots[0]!.format, roots[0]!.root)
        const space = yield* MemoryMap.requireMapping(map)
        for (const [address, bytes] of reads) {
          const read = yield* MemoryMap.getBytes(space, BigInt(address), bytes.length / 2)
          assert.strictEqual(Buffer.from(read).toString("hex"), bytes, address)
        }
      }).pipe(provide)
    )

    if (machine === "x86-64")
      it.effect("is among those that findRoots finds, as are those of all processors", () =>
        Effect.gen(function* () {
          const { physical, roots } = yield* opened(file("guest.elf"))
          const found = yield* AddressSpace.findRoots(physical)
          for (const { format, root } of roots) {
            const same = found.find((one) => one.root === root)
            assert.strictEqual(same?.format.name, format.name)
          }
        }).pipe(provide)
      )

    // A minute for each guest: two are enough.
    if (["6.1-cloud", "6.12-la57"].includes(name))
      it.effect("takes any page of memory as a root, and ends", () =>
        Effect.gen(function* () {
          const { physical, roots } = yield* opened(file("guest.elf"))
          const { format } = roots[0]!
          let walks = 0
          for (const { range } of MemoryMap.segments(physical)) {
            for (let root = range.start; root + 4096n <= range.end; root += 4096n) {
              const { leaves, tables, truncated } = yield* AddressSpace.walk(physical, format, root, {
                budget: { tables: 100, runs: 1000 }
              })
              walks++
              assert.isAtMost(tables, 100)
              assert.isTrue(leaves === 0 || tables > 0)
              if (Option.isSome(truncated)) assert.include(["tables", "runs"], truncated.value.reason)
            }
          }
          assert.isAbove(walks, 60_000)
        }).pipe(provide)
      )
  })
}
