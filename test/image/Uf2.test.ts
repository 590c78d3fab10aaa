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
      assert.include(error.message, "offset 0x200: the records that start here at 0x0 contradict earlier ones")
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
  it.effect("looks at the magic numbers", () =>
    Effect.gen(function* () {
      const bytes = block({ address: 0, data: u8(), number: 0, total: 1 })
      assert.isTrue(yield* Uf2.recognise(binary(bytes)))
      assert.isFalse(yield* Uf2.recognise(binary(bytes.subarray(1))))
      assert.isFalse(yield* Uf2.recognise(binary(new Uint8Array(512))))
    })
  )
})

describe("Uf2.write", () => {
  it.effect("writes one block for each page, and can fill pages", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([
        { address: 0x1fen, bytes: u8(1, 2, 3) },
        { address: 0x210n, bytes: u8(4) },
        { address: 0x400n, bytes: new Uint8Array(256).fill(5) }
      ])
      const plain = yield* collect(Uf2.write(map, { family: 7 }))
      assert.deepStrictEqual(
        plain.subarray(0, 512),
        block({ address: 0x1fe, data: u8(1, 2), number: 0, total: 4, family: 7 })
      )
      assert.strictEqual(plain.length, 4 * 512)
      assert.deepStrictEqual(yield* contents((yield* Uf2.fromSource(binary(plain))).map), yield* contents(map))
      const filled = yield* collect(Uf2.write(map, { fill: 0xff }))
      const page = new Uint8Array(256).fill(0xff)
      page.set([3], 0)
      page.set([4], 0x10)
      assert.deepStrictEqual(filled.subarray(512, 1024), block({ address: 0x200, data: page, number: 1, total: 3 }))
      assert.strictEqual(filled.length, 3 * 512)
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
    })
  )
})
