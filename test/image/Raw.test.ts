import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Raw from "../../src/image/Raw.ts"
import { ByteSource, FileMapper, MemoryMap } from "../../src/index.ts"
import { binary, collect, contents, mapOf } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)

describe("Raw.open", () => {
  it.effect("places the file at the address asked for", () =>
    Effect.gen(function* () {
      const { map } = yield* Raw.open("/rom.bin", { address: 0xffff_ffff_ffff_fffen })
      assert.deepStrictEqual(yield* contents(map), [{ start: 0xffff_ffff_ffff_fffen, bytes: u8(1, 2) }])
      const low = yield* Raw.open("/rom.bin")
      assert.strictEqual(yield* MemoryMap.getByte(low.map, 1n), 2)
    }).pipe(Effect.provide(FileMapper.layerTest({ "/rom.bin": u8(1, 2) })))
  )

  it.effect("refuses an empty file and one that does not fit", () =>
    Effect.gen(function* () {
      const empty = yield* Effect.flip(Raw.fromSource(binary(u8())))
      assert.include(empty.message, "test.bin: raw")
      const high = yield* Effect.flip(Raw.fromSource(binary(u8(1, 2)), { address: 0xffff_ffff_ffff_ffffn }))
      assert.include(high.message, "reach past the end of the address space")
      assert.isFalse(yield* Raw.recognise(binary(u8())))
      assert.isTrue(yield* Raw.recognise(binary(u8(0))))
    })
  )
})

describe("Raw.write", () => {
  const map = mapOf([
    { address: 0x10n, bytes: u8(1, 2) },
    { address: 0x14n, bytes: u8(3) }
  ])

  it.effect("refuses holes, with their reason", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(collect(Raw.write(yield* map)))
      assert.include(error.message, "0x12-0x14 is a hole; give a byte")
      const known = yield* MemoryMap.addAbsent(yield* map, { start: 0x12n, end: 0x14n }, "not dumped")
      const why = yield* Effect.flip(collect(Raw.write(known)))
      assert.include(why.message, "0x12-0x14 is a hole (not dumped)")
      assert.deepStrictEqual(yield* collect(Raw.write(yield* map, { range: { start: 0x11n, end: 0x12n } })), u8(2))
    })
  )

  it.effect("fills holes, before, between and after", () =>
    Effect.gen(function* () {
      const range = { start: 0xfn, end: 0x16n }
      assert.deepStrictEqual(
        yield* collect(Raw.write(yield* map, { range, fill: 0xee })),
        u8(0xee, 1, 2, 0xee, 0xee, 3, 0xee)
      )
      const large = yield* mapOf([
        { address: 0n, bytes: u8(1) },
        { address: 3_000_000n, bytes: u8(2) }
      ])
      const bytes = yield* collect(Raw.write(large, { fill: 7 }))
      assert.strictEqual(bytes.length, 3_000_001)
      assert.deepStrictEqual([bytes[0], bytes[1], bytes[2_999_999], bytes[3_000_000]], [1, 7, 7, 2])
    })
  )

  it.effect("refuses an empty range and senseless fills", () =>
    Effect.gen(function* () {
      const empty = yield* Effect.flip(collect(Raw.write(yield* map, { range: { start: 5n, end: 5n } })))
      assert.include(empty.message, "no bytes to write")
      const fill = yield* Effect.flip(collect(Raw.write(yield* map, { fill: -1 })))
      assert.include(fill.message, "-1 is no byte")
    })
  )

  it.effect("passes on the failure of a source", () =>
    Effect.gen(function* () {
      const source = yield* Effect.flatMap(FileMapper.map("/bad"), (source) =>
        MemoryMap.add(MemoryMap.empty, source, 0n)
      )
      const error = yield* Effect.flip(collect(Raw.write(source)))
      assert.strictEqual(error._tag, "SourceError")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/bad": { bytes: u8(1, 2), failRead: () => true } })))
  )

  it.effect("writes zeros that take no memory", () =>
    Effect.gen(function* () {
      const zeros = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(3_000_000n), 0n)
      assert.strictEqual((yield* collect(Raw.write(zeros))).length, 3_000_000)
    })
  )
})
