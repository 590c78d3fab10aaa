import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { deflateSync, gunzipSync, zstdCompressSync } from "node:zlib"
import * as Decompressor from "../../src/Decompressor.ts"
import * as Elf from "../../src/image/Elf.ts"
import * as Kdump from "../../src/image/Kdump.ts"
import { FileMapper, MemoryMap } from "../../src/index.ts"
import * as NodeDecompressor from "../../src/node/NodeDecompressor.ts"
import { binary, contents } from "../support/images.ts"
import { type Dump, dump, flatten, type Page } from "../support/kdumpBuilder.ts"
import { countingSource } from "../support/counting.ts"

const fixture = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(new URL(`../fixtures/kdump/${name}.gz`, import.meta.url))))

const page = (seed: number, size = 4096): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i >> 4) + seed)
const deflated = (seed: number, size?: number): Page => ({ bytes: page(seed, size) })
const plain = (seed: number, size?: number): Page => ({ bytes: page(seed, size), stored: { flags: 0 } })
const join = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

const usual: Dump = {
  wordSize: 64,
  endian: "little",
  frames: 100,
  pages: { 3: deflated(1), 4: plain(2), 5: deflated(3), 6: "excluded", 7: "excluded", 9: deflated(4), 99: plain(5) }
}
const usualContents = [
  { start: 0x3000n, bytes: join(page(1), page(2), page(3)) },
  { start: 0x9000n, bytes: page(4) },
  { start: 0x63000n, bytes: page(5) }
]

const open = (bytes: Uint8Array) => Kdump.fromSource(binary(bytes, "vmcore"))

describe("Kdump.open", () => {
  for (const wordSize of [32, 64] as const) {
    for (const endian of ["little", "big"] as const) {
      for (const machine of wordSize === 32 ? ["i686", "armv7l"] : ["x86_64"]) {
        it.effect(`reads dumps of ${wordSize} bits, ${endian}-endian, as on ${machine}`, () =>
          Effect.gen(function* () {
            const vmcoreInfo = "OSRELEASE=6.1\nPAGESIZE=4096\nKERNELOFFSET=1d000000\n"
            const image = yield* open(dump({ ...usual, wordSize, endian, machine, vmcoreInfo }))
            assert.deepStrictEqual(yield* contents(image.map), usualContents)
            assert.strictEqual(MemoryMap.getWordSize(image.map), wordSize)
            assert.strictEqual(MemoryMap.getEndian(image.map), endian)
            assert.deepStrictEqual(image.system, {
              name: "Linux",
              node: "node",
              release: "6.1",
              version: "#1 SMP",
              machine
            })
            assert.deepStrictEqual(image.pages, { dumped: 5n, excluded: 2n })
            assert.deepStrictEqual(image.compression, ["zlib"])
            assert.deepStrictEqual(
              [image.pageSize, image.processors, image.dumpLevel, image.physicalBase, image.isComplete],
              [4096, 2, 31, 0x100_0000n, true]
            )
            assert.strictEqual(image.vmcoreInfo?.get("KERNELOFFSET"), "1d000000")
          })
        )
      }
    }
  }

  it.effect(
    "takes the machine's word size where QEMU wrote headers of 64 bits for one of 32, with memory at 4 GiB",
    () =>
      Effect.gen(function* () {
        const image = yield* open(dump({ ...usual, wordSize: 64, machine: "i686" }))
        assert.deepStrictEqual([image.wordSize, MemoryMap.getWordSize(image.map)], [32, 32])
        assert.deepStrictEqual(yield* contents(image.map), usualContents)
      })
  )

  it.effect("knows older versions, larger pages and dumps that ran out of space", () =>
    Effect.gen(function* () {
      for (const version of [0, 1, 2, 3, 4, 5]) {
        const { map } = yield* open(dump({ ...usual, version }))
        assert.deepStrictEqual(yield* contents(map), usualContents)
      }
      const size = 65536
      const large = yield* open(
        dump({ ...usual, blockSize: size, status: 9, pages: { 0: deflated(1, size), 1: plain(2, size) } })
      )
      assert.deepStrictEqual(yield* contents(large.map), [{ start: 0n, bytes: join(page(1, size), page(2, size)) }])
      assert.isFalse(large.isComplete)
    })
  )

  it.effect("makes excluded pages holes that say so", () =>
    Effect.gen(function* () {
      const { map } = yield* open(dump(usual))
      const error = yield* Effect.flip(MemoryMap.getBytes(map, 0x5ff8n, 16))
      assert.strictEqual(error._tag, "UnmappedAddress")
      assert.include(error.message, "hole 0x6000-0x8000: left out of the dump, dump level 31")
    })
  )

  it.effect("reads parts of pages, and across them", () =>
    Effect.gen(function* () {
      const { map } = yield* open(dump(usual))
      const all = usualContents[0]!.bytes
      for (const [from, length] of [
        [0, 1],
        [4095, 1],
        [4095, 2],
        [100, 8000],
        [4096, 4096],
        [12287, 1]
      ] as const) {
        const bytes = yield* MemoryMap.getBytes(map, 0x3000n + BigInt(from), length)
        assert.deepStrictEqual(bytes, all.subarray(from, from + length))
      }
    })
  )

  it.effect("of one part of a split dump, tells which pages are in other files", () =>
    Effect.gen(function* () {
      const image = yield* open(dump({ ...usual, split: [4, 9] }))
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 0x4000n, bytes: join(page(2), page(3)) }])
      const reasons = [...MemoryMap.holes(image.map)].filter(({ reason }) => reason !== undefined)
      assert.deepStrictEqual(
        reasons.map(({ range, reason }) => [range.start, range.end, reason]),
        [
          [0x3000n, 0x4000n, "in another file of this split dump"],
          [0x6000n, 0x8000n, "left out of the dump, dump level 31"],
          [0x9000n, 0xa000n, "in another file of this split dump"],
          [0x63000n, 0x64000n, "in another file of this split dump"]
        ]
      )
    })
  )

  it.effect("reads neither descriptors nor pages", () =>
    Effect.gen(function* () {
      const pages = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i, plain(i)] as const))
      const bytes = dump({ ...usual, frames: 2000, pages })
      const { count, source } = countingSource(bytes)
      const { map } = yield* Kdump.fromSource(source)
      assert.isBelow(count.read, 2500)
      assert.strictEqual(MemoryMap.mappedSize(map), 2000n * 4096n)
      count.read = 0
      yield* MemoryMap.getByte(map, 5n)
      yield* MemoryMap.getByte(map, 6n)
      assert.strictEqual(count.read, 4096 + 2 * 24)
    })
  )

  it.effect("refuses more runs of pages than fit in memory", () =>
    Effect.gen(function* () {
      const bytes = dump({ ...usual, frames: 1 << 24 })
      bytes.fill(0x55, 3 * 4096, 3 * 4096 + (1 << 21))
      assert.include((yield* Effect.flip(open(bytes))).message, "more than the 4194304 runs that are read")
    })
  )

  it.effect("no longer reads once its scope is closed", () =>
    Effect.gen(function* () {
      const { map } = yield* Effect.scoped(Kdump.open("/vmcore"))
      const error = yield* Effect.flip(MemoryMap.getByte(map, 0x3000n))
      assert.isTrue(error._tag === "SourceError" && error.reason === "Closed")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/vmcore": dump(usual) })))
  )
})

describe("Flattened dumps", () => {
  it.effect("are put in order, later pieces over earlier ones", () =>
    Effect.gen(function* () {
      const bytes = dump(usual)
      const image = yield* open(flatten(bytes, 1000, (offsets) => offsets.reverse()))
      assert.deepStrictEqual(yield* contents(image.map), usualContents)
      assert.isTrue(image.isFlattened)
      const spoiled = bytes.slice()
      spoiled.fill(0xee, 0, 500)
      const both = join(flatten(spoiled, 4096).subarray(0, -16), flatten(bytes, 4096).subarray(4096))
      assert.deepStrictEqual(yield* contents((yield* open(both)).map), usualContents)
    })
  )

  it.effect("may have half a million empty pieces", () =>
    Effect.gen(function* () {
      const bytes = flatten(dump(usual), 1 << 20)
      const empty = new Uint8Array(500_000 * 16)
      const image = yield* open(join(bytes.subarray(0, 4096), empty, bytes.subarray(4096)))
      assert.deepStrictEqual(yield* contents(image.map), usualContents)
    })
  )

  it.effect("are refused when damaged or cut", () =>
    Effect.gen(function* () {
      const bytes = flatten(dump(usual), 3000)
      for (let length = 0; length < bytes.length; length += 97) {
        assert.strictEqual((yield* Effect.flip(open(bytes.subarray(0, length))))._tag, "ImageError")
      }
      const far = bytes.slice()
      new DataView(far.buffer).setBigUint64(4096, 1n << 63n)
      assert.include((yield* Effect.flip(open(far))).message, "place 0x8000000000000000 of a piece is not in any file")
      const gap = flatten(dump(usual), 3000, (offsets) => offsets.filter((offset) => offset !== 0))
      assert.include((yield* Effect.flip(open(gap))).message, "no piece of the flattened file holds the byte")
      const other = flatten(new Uint8Array(5000), 5000)
      assert.include((yield* Effect.flip(open(other))).message, "the flattened file holds no kdump")
    })
  )
})

describe("Compressions", () => {
  const zstd = dump({
    ...usual,
    status: 0x20,
    pages: { 1: { bytes: zstdCompressSync(page(1)), stored: { flags: 0x20 } } }
  })

  it.effect("zstd is read through Node, and refused without a decompressor", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open(zstd))
      assert.include(error.message, "pages are compressed with zstd, and no decompressor for it is provided")
      const { map } = yield* Effect.provide(open(zstd), NodeDecompressor.layer)
      assert.deepStrictEqual(yield* contents(map), [{ start: 0x1000n, bytes: page(1) }])
    })
  )

  it.effect("zlib is read through Node as through the platform", () =>
    Effect.gen(function* () {
      const { map } = yield* Effect.provide(open(dump(usual)), NodeDecompressor.layer)
      assert.deepStrictEqual(yield* contents(map), usualContents)
    })
  )

  it.effect("lzo and snappy are named, and can be provided", () =>
    Effect.gen(function* () {
      for (const [flags, name] of [
        [2, "lzo"],
        [4, "snappy"]
      ] as const) {
        const bytes = dump({ ...usual, status: flags, pages: { 1: { bytes: Uint8Array.of(7), stored: { flags } } } })
        assert.include((yield* Effect.flip(open(bytes))).message, `compressed with ${name}`)
        const image = yield* Effect.provideService(open(bytes), Decompressor.Decompressor, {
          [name]: (bytes: Uint8Array, size: number) => Effect.succeed(new Uint8Array(size).fill(bytes[0]!))
        })
        assert.strictEqual(yield* MemoryMap.getByte(image.map, 0x1fffn), 7)
      }
    })
  )

  it.effect("a damaged page fails the reads that need it, and no others", () =>
    Effect.gen(function* () {
      const bad = (bytes: Uint8Array, flags: number): Page => ({ bytes, stored: { flags } })
      const cases: ReadonlyArray<readonly [why: string, page: Page]> = [
        ["a page is no zlib data", bad(page(1), 1)],
        ["a page is no zlib data", bad(deflateSync(page(1)).subarray(0, 20), 1)],
        ["a page unpacks to 100 bytes, not 4096", bad(deflateSync(page(1, 100)), 1)],
        ["size of a plain page is 100, a page has 4096", bad(page(1, 100), 0)],
        ["size of a page is 5000, more than 4096", bad(page(1, 5000), 1)],
        ["flags 3 of a page name several compressions", bad(page(1), 3)],
        ["pages are compressed with snappy", bad(page(1), 4)]
      ]
      for (const layer of [undefined, NodeDecompressor.layer]) {
        for (const [why, page] of cases) {
          const opened = open(dump({ ...usual, pages: { 0: deflated(1), 1: page } }))
          const { map } = yield* layer === undefined ? opened : Effect.provide(opened, layer)
          assert.strictEqual(yield* MemoryMap.getByte(map, 0n), 1)
          const error = yield* Effect.flip(MemoryMap.getByte(map, 0x1000n))
          assert.isTrue(error._tag === "SourceError" && error.reason === "ReadFailed")
          assert.include(error.message, why)
        }
      }
    })
  )

  it.effect("a page that unpacks without end is given up", () =>
    Effect.gen(function* () {
      const bomb = deflateSync(new Uint8Array(3_000_000))
      const { map } = yield* open(dump({ ...usual, pages: { 0: { bytes: bomb, stored: { flags: 1 } } } }))
      const error = yield* Effect.flip(MemoryMap.getByte(map, 0n))
      assert.match(error.message, /a page unpacks to \d+ bytes, not 4096/)
    })
  )
})

describe("A damaged dump", () => {
  it.effect("gives each page as its own descriptor says, whatever was read before", () =>
    Effect.gen(function* () {
      const bytes = dump(usual)
      const descriptors = new DataView(bytes.buffer, 5 * 4096)
      const first = descriptors.getBigUint64(0, true)
      descriptors.setBigUint64(24, first, true)
      descriptors.setBigUint64(48, first, true)
      descriptors.setUint32(48 + 8, descriptors.getUint32(8, true), true)
      const { map } = yield* open(bytes)
      for (const _ of [1, 2]) {
        assert.deepStrictEqual(yield* MemoryMap.getBytes(map, 0x3000n, 4096), page(1))
        assert.deepStrictEqual(
          yield* MemoryMap.getBytes(map, 0x4000n, 4096),
          bytes.slice(Number(first), Number(first) + 4096)
        )
        assert.deepStrictEqual(yield* MemoryMap.getBytes(map, 0x5000n, 4096), page(1))
      }
    })
  )

  it.effect("is refused, wherever its headers are cut", () =>
    Effect.gen(function* () {
      const bytes = dump(usual)
      const descriptors = 5 * 4096
      for (let length = 0; length < descriptors + 5 * 24; length += length < 600 ? 1 : 61) {
        assert.strictEqual((yield* Effect.flip(open(bytes.subarray(0, length))))._tag, "ImageError")
      }
      const error = yield* Effect.flip(open(bytes.subarray(0, descriptors + 50)))
      assert.include(error.message, "descriptors of 5 pages should follow, the file has room for 2: it is cut short")
      const { map } = yield* open(bytes.subarray(0, descriptors + 5 * 24))
      assert.include((yield* Effect.flip(MemoryMap.getByte(map, 0x3000n))).message, "the file ends at")
    })
  )

  it.effect("with any byte of its headers changed gives bytes, or an error", () =>
    Effect.gen(function* () {
      const bytes = dump(usual)
      for (let at = 0; at < 4096 + 110; at += at === 470 ? 4096 - 470 : 1) {
        for (const value of [0, 1, 0x7f, 0xff]) {
          const changed = bytes.slice()
          changed[at] = value
          const read = Effect.flatMap(open(changed), ({ map }) => MemoryMap.getBytesUpTo(map, 0x3000n, 16))
          const result = yield* Effect.result(read)
          if (result._tag === "Failure") {
            assert.include(["ImageError", "SourceError", "UnmappedAddress"], result.failure._tag)
          }
        }
      }
    })
  )

  it.effect("of a newer version says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open(dump({ ...usual, version: 7 })))
      assert.include(error.message, "version is 7, the newest known is 6")
    })
  )

  it.effect("without a single page is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open(dump({ ...usual, pages: { 1: "excluded" } })))
      assert.include(error.message, "the dump holds no pages")
    })
  )
})

describe("Kdump.recognise", () => {
  it.effect("looks at the signature and no further", () =>
    Effect.gen(function* () {
      const bytes = dump(usual)
      for (const yes of [bytes, flatten(bytes, 9999)]) assert.isTrue(yield* Kdump.recognise(binary(yes)))
      for (const no of [bytes.subarray(1), bytes.subarray(0, 7), new Uint8Array(0)]) {
        assert.isFalse(yield* Kdump.recognise(binary(no)))
      }
    })
  )
})

describe("Dumps by QEMU", () => {
  it.effect("read as the ELF core of the same memory, flattened and put in order by makedumpfile", () =>
    Effect.gen(function* () {
      const core = yield* Elf.fromSource(binary(fixture("qemu-core.elf")), { addresses: "physical" })
      const expected = yield* contents(core.map)
      for (const [name, isFlattened] of [
        ["qemu.kdump", false],
        ["qemu-flattened.kdump", true]
      ] as const) {
        const image = yield* open(fixture(name))
        assert.strictEqual(image.isFlattened, isFlattened)
        assert.strictEqual(image.system.machine, "x86_64")
        assert.deepStrictEqual(yield* contents(image.map), expected)
        assert.strictEqual(yield* MemoryMap.getString(image.map, 0x12340n), "memory of a machine that never ran")
      }
    }).pipe(Effect.provide(NodeDecompressor.layer))
  )
})
