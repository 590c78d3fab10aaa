import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { ByteSource, FileMapper, MemoryImage, MemoryMap } from "../src/index.ts"
import * as Snapshot from "../src/Snapshot.ts"
import * as Xxh32 from "../src/internal/base/xxh32.ts"
import { binary, collect, contents, has, judge, mapOf, type Placed, placements } from "./support/images.ts"
import { countingSource } from "./support/counting.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const edges = [0n, 0x1000n, 0x1_0000_0000n, 1n << 53n, 1n << 63n, 1n << 64n]

/** All that a snapshot keeps of a map, as plain data. */
const facts = Effect.fnUntraced(function* (map: MemoryMap.Mapped) {
  return {
    wordSize: yield* Effect.option(Effect.map(MemoryMap.requireWordSize(map), MemoryMap.getWordSize)),
    endian: yield* Effect.option(Effect.map(MemoryMap.requireEndian(map), MemoryMap.getEndian)),
    segments: [...MemoryMap.segments(map)].map(({ mapping, range }) => ({
      range,
      name: mapping.name,
      permissions: mapping.permissions
    })),
    absent: [...MemoryMap.holes(map)].filter(({ reason }) => reason !== undefined),
    contents: yield* contents(map)
  }
})

interface Drawn {
  readonly placed: ReadonlyArray<Placed>
  readonly wordSize: 32 | 64 | undefined
  readonly endian: "little" | "big" | undefined
  readonly permissions: number
  readonly absent: bigint
}

/** A map with names, permissions, absent ranges, and some or no word size and byte order. */
const build = Effect.fnUntraced(function* ({ absent, endian, permissions, placed, wordSize }: Drawn) {
  const entries = placed.map(({ address, bytes }, i) => ({
    source: ByteSource.fromBytes(bytes),
    address,
    name: ["", "stack", "heap \u{1f9e0}", "lib\0c"][i % 4]!,
    ...(permissions % 9 === 8
      ? {}
      : { permissions: { read: i % 2 === 0, write: permissions % 2 === 0, execute: permissions % 3 === 0 } })
  }))
  let map: MemoryMap.Mapped = yield* MemoryMap.addAll(MemoryMap.empty, entries)
  map = yield* MemoryMap.addAbsent(map, { start: absent, end: absent + 5000n }, "swapped out")
  map = yield* MemoryMap.addAbsent(map, { start: absent + 9000n, end: 1n << 64n }, "not dumped")
  const bare = map as MemoryMap.MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
  const sized = wordSize === undefined ? bare : MemoryMap.setWordSize(bare, wordSize)
  return endian === undefined
    ? sized
    : MemoryMap.setEndian(sized as MemoryMap.MemoryMap<"WordSize", "NoEndian", "HasMapping">, endian)
})

const drawn: Arbitrary.Arbitrary<Drawn> = Arbitrary.all({
  placed: placements(edges, 1n << 64n),
  wordSize: Arbitrary.schema(Schema.UndefinedOr(Schema.Literals([32, 64]))),
  endian: Arbitrary.schema(Schema.UndefinedOr(Schema.Literals(["little", "big"]))),
  permissions: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))),
  absent: Arbitrary.schema(Schema.Literals([0n, 0x1200n, 1n << 60n]))
})

const reopen = (bytes: Uint8Array) => Snapshot.fromStream(Stream.succeed(bytes), { limit: bytes.length })

const hasher = await Effect.runPromise(Xxh32.hasher)
const xxh32 = (bytes: Uint8Array) => Xxh32.xxh32(hasher, bytes)

describe("Snapshot.toStream and fromStream", () => {
  it.effect.prop("keep all of a map, and equal maps give equal bytes", [drawn], ([drawn]) =>
    Effect.gen(function* () {
      const map = yield* build(drawn)
      const bytes = yield* collect(Snapshot.toStream(map))
      const again = yield* reopen(bytes)
      assert.deepStrictEqual(yield* facts(again), yield* facts(map))
      assert.deepStrictEqual(yield* collect(Snapshot.toStream(again)), bytes)
    })
  )

  it.effect("keep segments of many blocks, zeros among them", () =>
    Effect.gen(function* () {
      const size = (5 << 20) + 12_345
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31) >> 7)
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: ByteSource.fromBytes(bytes), address: 0x7f00_0000_0123n },
        { source: ByteSource.zeros(3n << 20n), address: 0x1000n }
      ])
      const saved = yield* collect(Snapshot.toStream(map))
      const again = yield* reopen(saved)
      assert.deepStrictEqual(yield* contents(again), yield* contents(map))
      // Segments of a page or more can be mapped: file offset and address agree modulo 4096.
      const view = new DataView(saved.buffer)
      for (const header of [64 + 56, 64 + 2 * 56]) {
        assert.strictEqual(view.getBigUint64(header + 8, true) % 4096n, view.getBigUint64(header + 16, true) % 4096n)
      }
    })
  )

  it.effect("stop at the limit, and say so", () =>
    Effect.gen(function* () {
      let pulled = 0
      const endless = Stream.map(Stream.forever(Stream.succeed(new Uint8Array(1000))), (bytes) => {
        pulled++
        return bytes
      })
      const error = yield* Effect.flip(Snapshot.fromStream(endless, { limit: 10_000 }))
      assert.include(error.message, "the stream has more than the 10000 bytes allowed")
      assert.isAtMost(pulled, 11)
    })
  )

  it.effect("pass on the failure of a source", () =>
    Effect.gen(function* () {
      const source = yield* FileMapper.map("/bad")
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
      const error = yield* Effect.flip(collect(Snapshot.toStream(map)))
      assert.strictEqual(error._tag, "SourceError")
    }).pipe(Effect.provide(FileMapper.layerTest({ "/bad": { bytes: u8(1, 2), failRead: () => true } })))
  )

  it.effect("hold 70000 segments, more than a header can count", () =>
    Effect.gen(function* () {
      const map = yield* mapOf(
        Array.from({ length: 70_000 }, (_, i) => ({ address: BigInt(i) * 3n, bytes: u8(i, i >> 8) }))
      )
      const bytes = yield* collect(Snapshot.toStream(map))
      const again = yield* reopen(bytes)
      assert.strictEqual(MemoryMap.mappedSize(again), 140_000n)
      assert.strictEqual(yield* MemoryMap.getUint16(again, 3n * 69_999n, { endian: "little" }), 69_999 & 0xffff)
      if (!has("readelf")) return
      const { stdout } = yield* judge("readelf", ["-h", "in.snap"], { "in.snap": bytes })
      assert.match(stdout, /Number of program headers: +65535 \(70001\)/)
    })
  )
})

const small = Effect.gen(function* () {
  const map = yield* mapOf([
    { address: 0x1000n, bytes: u8(1, 2, 3) },
    { address: 0x2003n, bytes: u8(0, 0, 0, 0, 5) }
  ])
  return yield* MemoryMap.addAbsent(map, { start: 0n, end: 9n }, "excluded")
})

/** Opened and checked to the last byte. */
const verified = (bytes: Uint8Array) => Effect.result(reopen(bytes))

describe("A damaged snapshot", () => {
  it.effect("is refused, whichever bit is flipped", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(Snapshot.toStream(yield* small))
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const result = yield* verified(flipped)
        assert.isTrue(result._tag === "Failure" && result.failure._tag === "ImageError", `bit ${bit}`)
      }
    })
  )

  it.effect("is refused, wherever it is cut or continued", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(Snapshot.toStream(yield* small))
      for (let length = 0; length < bytes.length; length++) {
        const error = yield* Effect.flip(Snapshot.fromSource(binary(bytes.subarray(0, length))))
        assert.strictEqual(error._tag, "ImageError")
      }
      const longer = new Uint8Array(bytes.length + 1)
      longer.set(bytes)
      assert.include((yield* Effect.flip(Snapshot.fromSource(binary(longer)))).message, "the file should end at")
    })
  )

  it.effect("is never taken for a core file without checksums", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(Snapshot.toStream(yield* small))
      const formatOf = (damaged: Uint8Array) =>
        Effect.match(MemoryImage.fromSource(binary(damaged)), {
          onSuccess: ({ format }) => format,
          onFailure: (error) => (assert.strictEqual(error._tag, "ImageError"), "refused")
        })
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        assert.notStrictEqual(yield* formatOf(flipped), "elf", `bit ${bit}`)
      }
      for (let length = 0; length < bytes.length; length++) {
        assert.strictEqual(yield* formatOf(bytes.subarray(0, length)), "refused", `cut to ${length}`)
      }
    })
  )

  it.effect.prop(
    "is refused after any change of some bytes",
    [drawn, Arbitrary.array(Arbitrary.schema(Schema.Int), { minLength: 1, maxLength: 6 })],
    ([drawn, changes]) =>
      Effect.gen(function* () {
        const bytes = yield* collect(Snapshot.toStream(yield* build(drawn)))
        const changed = bytes.slice()
        changes.forEach((change, i) => {
          changed[Math.abs(change * 7919 + i) % bytes.length] = change >> 8
        })
        if (changed.every((byte, i) => byte === bytes[i])) return
        const result = yield* verified(changed)
        assert.isTrue(result._tag === "Failure" && result.failure._tag === "ImageError")
      }),
    { arbitrary: { runs: 1000 } }
  )

  it.effect("is refused when its checksums are right and its contents make no sense", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(Snapshot.toStream(yield* small))
      const view = new DataView(bytes.buffer)
      const note = Number(view.getBigUint64(64 + 8, true))
      const mapAt = note + 32 + 16
      const mapSize = view.getUint32(mapAt + 4, true)
      const forged = (at: number, value: bigint, size: 4 | 8) => {
        const changed = bytes.slice()
        const view = new DataView(changed.buffer)
        if (size === 4) view.setUint32(at, Number(value), true)
        else view.setBigUint64(at, value, true)
        view.setUint32(note + 32 + 4, xxh32(changed.subarray(0, 64 + 3 * 56)), true)
        view.setUint32(note + 32 + 8, xxh32(changed.subarray(mapAt + 32, mapAt + 32 + mapSize)), true)
        return Effect.map(Effect.flip(Snapshot.fromSource(binary(changed))), (error) => error.message)
      }
      const load = 64 + 56
      assert.include(yield* forged(load + 8, 0n, 8), "contradict")
      assert.include(yield* forged(load + 8, 1n << 63n, 8), "contradict")
      assert.include(yield* forged(load + 32, 0n, 8), "is empty, out of order")
      assert.include(yield* forged(load + 32, 1n << 62n, 8), "out of order")
      assert.include(yield* forged(load + 16, 0x3000n, 8), "out of order")
      assert.include(yield* forged(load + 56 + 32, (1n << 64n) - 1n, 8), "out of the address space")
      assert.include(yield* forged(load + 4, 7n, 4), "contradict")
      assert.include(yield* forged(20, 2n, 4), "contradict")
      const description = mapAt + 32
      assert.include(yield* forged(description, 3n, 4), "unknown word size")
      assert.include(yield* forged(description + 4, 2n, 4), "contradict")
      assert.include(yield* forged(description + 8, 0xffff_ffffn, 4), "counts more than it holds")
      assert.include(yield* forged(description + 12, 0xffff_ffffn, 4), "counts more than it holds")
      assert.include(yield* forged(description + 16, 0xffff_ffffn, 4), "counts more than it holds")
      assert.include(yield* forged(description + 20, 99n, 8), "the absent range at 0x63 is none")
      assert.include(yield* forged(description + 36, 9n, 4), "the absent range at 0x0 is none")
      assert.include(yield* forged(description + 40, 9n, 4), "segment 0 has a name that is not there")
      assert.include(yield* forged(description + 48, 9999n, 4), "a text of the description reaches past its end")
    })
  )

  it.effect("of a newer version says so", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(Snapshot.toStream(yield* small))
      const note = Number(new DataView(bytes.buffer).getBigUint64(64 + 8, true))
      bytes[note + 32] = 2
      const error = yield* Effect.flip(Snapshot.fromSource(binary(bytes)))
      assert.include(error.message, "version 2 is not known here, only 1")
      assert.isTrue(yield* Snapshot.recognise(binary(bytes)))
    })
  )

  it.effect("opens when only data is damaged, and verify names the place", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0x2000_0000n, bytes: new Uint8Array(3 << 20).fill(1) }])
      const bytes = yield* collect(Snapshot.toStream(map))
      bytes[Number(new DataView(bytes.buffer).getBigUint64(64 + 56 + 8, true)) + (1 << 20) + 77] = 2
      yield* Snapshot.fromSource(binary(bytes))
      const files = FileMapper.layerTest({ "/map.snap": bytes })
      const heard: Array<bigint> = []
      const onProgress = ({ checked }: { readonly checked: bigint }) => Effect.sync(() => heard.push(checked))
      const error = yield* Effect.flip(Effect.provide(Snapshot.verify("/map.snap", { onProgress }), files))
      assert.deepStrictEqual(heard, [0x1000n + (1n << 20n)])
      assert.include(error.message, "the bytes at 0x20100000-0x20200000 (m0) do not match their checksum")
    })
  )
})

describe("Snapshot.open", () => {
  it.effect("reads headers and notes alone", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, ByteSource.zeros(64n << 20n), 0x1000n)
      const bytes = yield* collect(Snapshot.toStream(map))
      const { count, source } = countingSource(bytes)
      assert.strictEqual(MemoryMap.mappedSize(yield* Snapshot.fromSource(source)), 64n << 20n)
      assert.isBelow(count.read, 1000)
    })
  )

  it.effect("refuses what is no snapshot", () =>
    Effect.gen(function* () {
      const others = [u8(), new TextEncoder().encode("\x7fELF, or so it says".padEnd(500)), new Uint8Array(200)]
      for (const bytes of others) {
        assert.include((yield* Effect.flip(Snapshot.fromSource(binary(bytes)))).message, "this is no snapshot")
        assert.isFalse(yield* Snapshot.recognise(binary(bytes)))
      }
    })
  )
})

describe("Snapshots and the tools of others", () => {
  const map = Effect.gen(function* () {
    const placed = yield* mapOf([
      { address: 0xffff_ffff_8000_0000n, bytes: Uint8Array.from({ length: 8192 }, (_, i) => i) },
      { address: 0x1001n, bytes: u8(1, 2, 3) }
    ])
    return yield* collect(Snapshot.toStream(placed))
  })

  it.effect.skipIf(!has("gdb"))("gdb reads the bytes (skipped without gdb)", () =>
    Effect.gen(function* () {
      const args = ["-nx", "-batch", "-core", "in.snap", "-ex", "x/4xb 0xffffffff80000010", "-ex", "x/3xb 0x1001"]
      const { stdout } = yield* judge("gdb", args, { "in.snap": yield* map })
      assert.match(stdout, /0xffffffff80000010:\s+0x10\s+0x11\s+0x12\s+0x13/)
      assert.match(stdout, /0x1001:\s+0x01\s+0x02\s+0x03/)
    })
  )

  it.effect.skipIf(!has("readelf"))("readelf sees the segments and the notes (skipped without readelf)", () =>
    Effect.gen(function* () {
      const { stdout } = yield* judge("readelf", ["-W", "-h", "-l", "-n", "in.snap"], { "in.snap": yield* map })
      assert.include(stdout, "CORE (Core file)")
      assert.match(stdout, /LOAD +0x\w+ 0xffffffff80000000 0xffffffff80000000 0x0*2000 0x0*2000 R +0x1000/)
      assert.strictEqual(stdout.split("effect-memory-map").length, 4)
      assert.notMatch(stdout, /[Ww]arning|[Ee]rror/)
    })
  )

  it.effect.skipIf(!has("objdump"))("objdump reads the bytes (skipped without objdump)", () =>
    Effect.gen(function* () {
      const { stdout } = yield* judge("objdump", ["-s", "in.snap"], { "in.snap": yield* map })
      assert.match(stdout, /1001 010203/)
    })
  )

  it.effect.skipIf(!has("xxhsum"))("xxhsum agrees on the checksum (skipped without xxhsum)", () =>
    Effect.gen(function* () {
      for (const length of [0, 1, 4, 15, 16, 17, 1000]) {
        const bytes = Uint8Array.from({ length }, (_, i) => i * 37)
        const { stdout } = yield* judge("xxhsum", ["-H0", "in.bin"], { "in.bin": bytes })
        assert.strictEqual(Number.parseInt(stdout, 16), xxh32(bytes))
      }
    })
  )

  it("the checksum is XXH32, by its published values", () => {
    const text = (text: string) => xxh32(new TextEncoder().encode(text))
    assert.deepStrictEqual([text(""), text("a"), text("abc")], [0x02cc5d05, 0x550d7456, 0x32d153ff])
    assert.strictEqual(text("Nobody inspects the spammish repetition"), 0xe2293b2f)
  })
})
