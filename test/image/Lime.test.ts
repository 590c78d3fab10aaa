import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Bytes from "effect/Bytes"
import * as Lime from "../../src/image/Lime.ts"
import { FileMapper, MemoryMap } from "../../src/index.ts"
import { binary, collect, contents, mapOf } from "../support/images.ts"
import { countingSource } from "../support/counting.ts"

const header = (start: bigint, last: bigint, version = 1, magic = 0x4c694d45): Uint8Array => {
  const view = new DataView(new ArrayBuffer(32))
  view.setUint32(0, magic, true)
  view.setUint32(4, version, true)
  view.setBigUint64(8, start, true)
  view.setBigUint64(16, last, true)
  return new Uint8Array(view.buffer)
}
const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const open = (...parts: ReadonlyArray<Uint8Array>) => Lime.fromSource(binary(Bytes.concat(parts)))

describe("Lime.open", () => {
  it.effect("takes the end of a range as its last address, up to the last byte of the space", () =>
    Effect.gen(function* () {
      const { map } = yield* open(
        header(0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn),
        u8(9),
        header(0x1003n, 0x1005n),
        u8(1, 2, 3)
      )
      assert.deepStrictEqual(yield* contents(map), [
        { start: 0x1003n, bytes: u8(1, 2, 3) },
        { start: 0xffff_ffff_ffff_ffffn, bytes: u8(9) }
      ])
    })
  )

  it.effect("reads headers alone, and nothing of the data", () =>
    Effect.gen(function* () {
      const bytes = Bytes.concat([header(0n, 999n), new Uint8Array(1000), header(5000n, 5999n), new Uint8Array(1000)])
      const { count, source } = countingSource(bytes)
      const { map } = yield* Lime.fromSource(source)
      assert.strictEqual(count.read, 64)
      assert.strictEqual(yield* MemoryMap.getByte(map, 5999n), 0)
    })
  )

  it.effect("opens a file by its path", () =>
    Effect.gen(function* () {
      const { format, map } = yield* Lime.open("/ram.lime")
      assert.strictEqual(format, "lime")
      assert.deepStrictEqual(
        [...MemoryMap.mappings(map)].map((mapping) => mapping.name),
        ["/ram.lime"]
      )
    }).pipe(Effect.provide(FileMapper.layerTest({ "/ram.lime": Bytes.concat([header(0n, 0n), u8(1)]) })))
  )

  it.effect("refuses damaged files, and names the offset", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<Uint8Array>]> = [
        ["offset 0x0: the header of a range takes 32 bytes", []],
        ["offset 0x0: magic number is 0x1, not 0x4c694d45", [header(0n, 0n, 1, 1), u8(1)]],
        ["offset 0x0: magic number of AVML's compressed format", [header(0n, 0n, 2, 0x4c4d5641), u8(1)]],
        ["offset 0x4: version is 2, only 1 is known", [header(0n, 0n, 2), u8(1)]],
        ["offset 0x10: range 0x5 to 0x4 ends before it starts", [header(5n, 4n)]],
        [
          "offset 0x10: range takes 18446744073709551616 bytes, the file has 1 left",
          [header(0n, 0xffff_ffff_ffff_ffffn), u8(1)]
        ],
        ["offset 0x31: range takes 2 bytes, the file has 1 left", [header(0n, 0n), u8(1), header(9n, 10n), u8(1)]],
        ["offset 0x21: the header of a range takes 32 bytes", [header(0n, 0n), u8(1, 2)]]
      ]
      for (const [why, parts] of cases) {
        const error = yield* Effect.flip(open(...parts))
        assert.strictEqual(error._tag, "ImageError")
        assert.include(error.message, why)
      }
    })
  )

  it.effect("refuses a file cut inside a range or header", () =>
    Effect.gen(function* () {
      const bytes = Bytes.concat([header(0n, 3n), u8(1, 2, 3, 4), header(9n, 10n), u8(1, 2)])
      for (let length = 0; length < bytes.length; length++) {
        const cut = Lime.fromSource(binary(bytes.subarray(0, length)))
        if (length === 36) yield* cut
        else assert.strictEqual((yield* Effect.flip(cut))._tag, "ImageError")
      }
    })
  )

  it.effect("takes a hundred thousand ranges of one byte", () =>
    Effect.gen(function* () {
      const parts: Array<Uint8Array> = []
      for (let i = 0; i < 100_000; i++) parts.push(header(BigInt(2 * i), BigInt(2 * i)), u8(i))
      const { map } = yield* Lime.fromSource(binary(Bytes.concat(parts)))
      assert.strictEqual(MemoryMap.mappedSize(map), 100_000n)
    })
  )
})

describe("Lime.recognise", () => {
  it.effect("looks at the magic number and no further", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* Lime.recognise(binary(header(0n, 0n, 9))))
      assert.isFalse(yield* Lime.recognise(binary(header(0n, 0n, 1, 1))))
      assert.isFalse(yield* Lime.recognise(binary(u8(0x45, 0x4d, 0x69))))
    })
  )
})

describe("Lime.write", () => {
  it.effect("writes one range for each run", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([
        { address: 0x10n, bytes: u8(1) },
        { address: 0x11n, bytes: u8(2) },
        { address: 0xffff_ffff_ffff_ffffn, bytes: u8(3) }
      ])
      const expected = Bytes.concat([
        header(0x10n, 0x11n),
        u8(1, 2),
        header(0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn),
        u8(3)
      ])
      assert.deepStrictEqual(yield* collect(Lime.write(map)), expected)
    })
  )
})
