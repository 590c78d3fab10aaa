import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Bytes from "effect/Bytes"
import * as Uf2 from "../../src/image/Uf2.ts"
import { MemoryMap } from "../../src/index.ts"
import { binary, collect, contents, mapOf } from "../support/images.ts"

interface Block {
  readonly address: number
  readonly data: Uint8Array
  readonly number: number
  readonly total: number
  readonly flags?: number
  readonly family?: number
  readonly length?: number
}

const block = ({ address, data, family, flags, length, number, total }: Block): Uint8Array => {
  const bytes = new Uint8Array(512)
  const view = new DataView(bytes.buffer)
  const fields = [
    0x0a324655,
    0x9e5d5157,
    (flags ?? 0) | (family === undefined ? 0 : 0x2000),
    address,
    length ?? data.length,
    number,
    total,
    family ?? 0
  ]
  fields.forEach((field, i) => view.setUint32(4 * i, field, true))
  bytes.set(data, 32)
  view.setUint32(508, 0x0ab16f30, true)
  return bytes
}

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const open = (blocks: ReadonlyArray<Uint8Array>, options?: Uf2.OpenOptions) =>
  Uf2.fromSource(binary(Bytes.concat(blocks)), options)

describe("Uf2.open", () => {
  it.effect("reads blocks in any order, and keeps the family", () =>
    Effect.gen(function* () {
      const image = yield* open([
        block({ address: 0x2000_0004, data: u8(5), number: 1, total: 3, family: 0xe48bff56 }),
        block({ address: 0x2000_0000, data: u8(1, 2, 3, 4), number: 0, total: 3, family: 0xe48bff56 }),
        block({ address: 0xffff_ffff, data: u8(6), number: 2, total: 3, family: 0xe48bff56 })
      ])
      assert.deepStrictEqual(image.families, [0xe48bff56])
      assert.deepStrictEqual(yield* contents(image.map), [
        { start: 0x2000_0000n, bytes: u8(1, 2, 3, 4, 5) },
        { start: 0xffff_ffffn, bytes: u8(6) }
      ])
    })
  )

  it.effect("maps one family of several, or all that do not contradict each other", () =>
    Effect.gen(function* () {
      const apart = [
        block({ address: 0, data: u8(1), number: 0, total: 1, family: 1 }),
        block({ address: 9, data: u8(2), number: 0, total: 1, family: 2 })
      ]
      assert.deepStrictEqual(yield* contents((yield* open(apart, { family: 2 })).map), [{ start: 9n, bytes: u8(2) }])
      const both = yield* open(apart)
      assert.deepStrictEqual(both.families, [1, 2])
      assert.deepStrictEqual(
        [...MemoryMap.mappings(both.map)].map((mapping) => mapping.name),
        ["test.bin, family 0x1", "test.bin, family 0x2"]
      )
      const clash = [apart[0]!, block({ address: 0, data: u8(2), number: 0, total: 1, family: 2 })]
      const error = yield* Effect.flip(open(clash))
      assert.include(
        error.message,
        "offset 0x200: blocks of several families: the records that start here at 0x0 contradict earlier ones at 0x0; choose a family: 0x1, 0x2"
      )
      const missing = yield* Effect.flip(open(clash, { family: 3 }))
      assert.include(missing.message, "no block is of the family asked for; choose a family: 0x1, 0x2")
      assert.deepStrictEqual(yield* contents((yield* open(clash, { overlap: "over" })).map), [
        { start: 0n, bytes: u8(2) }
      ])
    })
  )

  it.effect("leaves out blocks that are not memory, and does not count the one of errata RP2350-E10", () =>
    Effect.gen(function* () {
      const image = yield* open([
        block({ address: 0x10ff_ff00, data: u8(0xef), number: 0, total: 2, family: 0xe48bff57 }),
        block({ address: 0, data: u8(1), number: 0, total: 3, flags: 1 }),
        block({ address: 0, data: u8(2), number: 1, total: 3, flags: 0x1000 }),
        block({ address: 0, data: u8(3), number: 2, total: 3 })
      ])
      assert.deepStrictEqual(yield* contents(image.map), [
        { start: 0n, bytes: u8(3) },
        { start: 0x10ff_ff00n, bytes: u8(0xef) }
      ])
    })
  )

  it.effect("takes the block that picotool puts first, which says it is to be ignored, for no memory", () =>
    Effect.gen(function* () {
      const ignored = block({
        address: 0x10ff_ff00,
        data: new Uint8Array(256).fill(0xef),
        number: 0,
        total: 2,
        family: 0xe48bff57,
        flags: 0x8000
      })
      const tagged = (...tags: ReadonlyArray<number>) => {
        const bytes = ignored.slice()
        bytes.set(tags, 32 + 256)
        return bytes
      }
      const real = block({ address: 0x1000_0000, data: u8(1), number: 0, total: 1, family: 0xe48bff59 })
      for (const first of [tagged(0x04, 0xe3, 0x57, 0x99), tagged(0x06, 1, 2, 3, 0, 0, 0, 0, 0x04, 0xe3, 0x57, 0x99)]) {
        const image = yield* open([first, real])
        assert.deepStrictEqual(image.families, [0xe48bff59])
        assert.deepStrictEqual(yield* contents(image.map), [{ start: 0x1000_0000n, bytes: u8(1) }])
      }
      // Without the tag, or with the flag alone, it is memory; a tag of no size ends the tags.
      for (const first of [tagged(), tagged(0, 0, 0, 0, 0x04, 0xe3, 0x57, 0x99), tagged(0x04, 0xe3, 0x57, 0x98)]) {
        assert.strictEqual(MemoryMap.mappedSize((yield* open([first, real])).map), 257n)
      }
    })
  )

  it.effect("tells the checksums that blocks announce, once each", () =>
    Effect.gen(function* () {
      const announced = (number: number, data: Uint8Array) => {
        const bytes = block({ address: 0x1000 + number, data, number, total: 2, flags: 0x4000 })
        new DataView(bytes.buffer).setUint32(32 + 452, 0x1000, true)
        new DataView(bytes.buffer).setUint32(32 + 456, 2, true)
        bytes.set(Buffer.from("0cb988d042a7f28dd5fe2b55b3f5ac7a", "hex"), 32 + 460)
        return bytes
      }
      const image = yield* open([announced(0, u8(1)), announced(1, u8(2))])
      assert.deepStrictEqual(image.checksums, [
        { range: { start: 0x1000n, end: 0x1002n }, md5: "0cb988d042a7f28dd5fe2b55b3f5ac7a" }
      ])
      const error = yield* Effect.flip(open([announced(0, new Uint8Array(453)), announced(1, u8())]))
      assert.include(error.message, "453 bytes of data and a checksum, it has room for 452")
    })
  )

  it.effect("refuses damaged files, and names the offset", () =>
    Effect.gen(function* () {
      const good = { address: 0, data: u8(1), number: 0, total: 1 }
      const flipped = (at: number) => {
        const bytes = block(good)
        bytes[at]! ^= 1
        return bytes
      }
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<Uint8Array>]> = [
        ["offset 0x0: it holds no bytes", []],
        ["offset 0x0: not a block", [flipped(0)]],
        ["offset 0x0: not a block", [flipped(4)]],
        ["offset 0x200: not a block", [block({ ...good, total: 2 }), flipped(511)]],
        ["offset 0x0: the block says 477 bytes of data", [block({ ...good, length: 477 })]],
        ["offset 0x0: the block says 4294967295 bytes", [block({ ...good, length: 0xffff_ffff })]],
        ["offset 0x0: the data at 0xffffffff reaches past", [block({ ...good, address: 0xffff_ffff, data: u8(1, 2) })]],
        ["offset 0x0: block 1 of 1", [block({ ...good, number: 1 })]],
        ["offset 0x0: the block says it is one of 4294967295", [block({ ...good, total: 0xffff_ffff })]],
        [
          "offset 0x200: the block says it is one of 3",
          [block({ ...good, total: 2 }), block({ ...good, number: 1, total: 3 })]
        ],
        [
          "offset 0x200: the block says it is one of 2",
          [block({ ...good, total: 2, family: 1 }), block({ ...good, total: 2, family: 2 })]
        ],
        [
          "offset 0x400: 1 of 2 blocks are missing, the first is number 1",
          [block({ ...good, total: 2 }), block({ ...good, total: 2 })]
        ],
        ["offset 0x200: the file ends inside a block, after 511 bytes", [block(good), block(good).subarray(1)]],
        ["offset 0x0: it holds no bytes", [block({ ...good, flags: 1 })]]
      ]
      for (const [why, blocks] of cases) {
        const error = yield* Effect.flip(open(blocks))
        assert.strictEqual(error._tag, "ImageError")
        assert.include(error.message, why)
      }
    })
  )

  it.effect("refuses a file cut at any place", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0xf0n, bytes: new Uint8Array(300) }])
      const bytes = yield* collect(Uf2.write(map))
      for (let length = 0; length < bytes.length; length++) {
        const error = yield* Effect.flip(Uf2.fromSource(binary(bytes.subarray(0, length))))
        assert.strictEqual(error._tag, "ImageError")
      }
    })
  )

  it.effect("takes a hundred thousand empty blocks", () =>
    Effect.gen(function* () {
      const total = 100_001
      const bytes = new Uint8Array(total * 512)
      const one = block({ address: 7, data: u8(), number: 0, total })
      const view = new DataView(bytes.buffer)
      for (let i = 0; i < total; i++) {
        bytes.set(one, i * 512)
        view.setUint32(i * 512 + 20, i, true)
      }
      view.setUint32(16, 1, true)
      const { map } = yield* Uf2.fromSource(binary(bytes))
      assert.deepStrictEqual(yield* contents(map), [{ start: 7n, bytes: u8(0) }])
    })
  )
})

describe("Uf2.recognise", () => {
  it.effect("looks at the magic numbers and no further", () =>
    Effect.gen(function* () {
      const bytes = block({ address: 0, data: u8(), number: 0, total: 1 })
      assert.isTrue(yield* Uf2.recognise(binary(bytes)))
      assert.isFalse(yield* Uf2.recognise(binary(bytes.subarray(1))))
      assert.isFalse(yield* Uf2.recognise(binary(new Uint8Array(512))))
    })
  )
})

describe("Uf2.write", () => {
  it.effect("writes whole pages at multiples of 256, whole sectors, or nothing but what is mapped", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([
        { address: 0x1fen, bytes: u8(1, 2, 3) },
        { address: 0x210n, bytes: u8(4) },
        { address: 0x400n, bytes: new Uint8Array(256).fill(5) },
        { address: 0x3020n, bytes: u8(6) }
      ])
      const exact = yield* collect(Uf2.write(map, { family: 7, align: 1 }))
      assert.deepStrictEqual(
        exact.subarray(0, 512),
        block({ address: 0x1fe, data: u8(1, 2), number: 0, total: 5, family: 7 })
      )
      assert.strictEqual(exact.length, 5 * 512)
      assert.deepStrictEqual(yield* contents((yield* Uf2.fromSource(binary(exact))).map), yield* contents(map))

      const pages = yield* collect(Uf2.write(map))
      const page = new Uint8Array(256).fill(0xff)
      page.set([3], 0)
      page.set([4], 0x10)
      assert.deepStrictEqual(pages.subarray(512, 1024), block({ address: 0x200, data: page, number: 1, total: 4 }))
      assert.strictEqual(pages.length, 4 * 512)
      assert.strictEqual(Uf2.filledSize(map), 4n * 256n - 261n)

      const sectors = yield* collect(Uf2.write(map, { align: 4096, fill: 0 }))
      assert.strictEqual(sectors.length, 32 * 512)
      assert.strictEqual(Uf2.filledSize(map, { align: 4096 }), 2n * 4096n - 261n)
      const back = (yield* Uf2.fromSource(binary(sectors))).map
      assert.deepStrictEqual(
        (yield* contents(back)).map(({ bytes, start }) => [start, bytes.length]),
        [
          [0n, 4096],
          [0x3000n, 4096]
        ]
      )
      assert.deepStrictEqual(
        yield* MemoryMap.getBytesPadded(map, { start: 0n, end: 0x1000n }, 0),
        yield* MemoryMap.getBytes(back, 0n, 0x1000)
      )
    })
  )

  it.effect("refuses what cannot be written", () =>
    Effect.gen(function* () {
      const low = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      const high = yield* mapOf([{ address: 0x1_0000_0000n, bytes: u8(1) }])
      const why = (map: MemoryMap.Mapped, options?: Uf2.WriteOptions) =>
        Effect.map(Effect.flip(collect(Uf2.write(map, options))), (error) => error.message)
      assert.include(yield* why(high), "0x100000000")
      assert.include(yield* why(low, { family: 2 ** 32 }), "no family id")
      assert.include(yield* why(low, { fill: 256 }), "256 is no byte")
      for (const align of [0, 2, 255, 300, -256, 256.5, NaN]) {
        assert.include(yield* why(low, { align }), `${align} is no multiple of 256 bytes`)
      }
    })
  )
})
