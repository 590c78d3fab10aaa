// One suite over all formats with a writer: what was written reads as it was, whatever the cut of the map.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Stream } from "effect"
import { type ByteSource, FileMapper, MemoryImage, MemoryMap, type MemoryMapError, Snapshot } from "../../src/index.ts"
import * as IntelHex from "../../src/image/IntelHex.ts"
import * as Kdump from "../../src/image/Kdump.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as Raw from "../../src/image/Raw.ts"
import * as SRecord from "../../src/image/SRecord.ts"
import * as Uf2 from "../../src/image/Uf2.ts"
import { binary, collect, contents, mapOf, placements } from "../support/images.ts"
import { type Dump, dump, flatten } from "../support/kdumpBuilder.ts"

const sample: Dump = {
  wordSize: 64,
  endian: "little",
  frames: 20,
  pages: { 2: { bytes: new Uint8Array(4096).fill(7) }, 9: { bytes: new Uint8Array(4096).fill(8) } }
}

type Failure = MemoryMapError.ImageError | MemoryMapError.SourceError

interface Format {
  readonly name: string
  readonly format: MemoryImage.Format
  readonly write: (map: MemoryMap.Mapped) => Stream.Stream<Uint8Array, Failure>
  readonly open: (source: ByteSource.ByteSource) => Effect.Effect<{ readonly map: MemoryMap.Mapped }, Failure>
  readonly recognise: (source: ByteSource.ByteSource) => Effect.Effect<boolean, MemoryMapError.SourceError>
  /** Every byte is covered by a checksum, so that no flipped bit goes unseen. */
  readonly checked: boolean
  /** How a map is cut into mappings leaves no trace in the file. */
  readonly flat: boolean
  readonly near: ReadonlyArray<bigint>
  readonly top: bigint
}

const edges32 = [0n, 0x1_0000n, 0x100_0000n, 0x8000_0000n, 0x1_0000_0000n]
const edges64 = [...edges32, 1n << 53n, 1n << 63n, 1n << 64n]

const intelHex = {
  format: "ihex",
  open: (source: ByteSource.ByteSource) => IntelHex.fromSource(source),
  recognise: IntelHex.recognise,
  checked: true,
  flat: true,
  near: edges32,
  top: 1n << 32n
} as const
const sRecord = {
  format: "srec",
  write: (map: MemoryMap.Mapped) => SRecord.write(map),
  open: (source: ByteSource.ByteSource) => SRecord.fromSource(source),
  recognise: SRecord.recognise,
  checked: false, // the type of a record is outside its checksum: S1 can become S3
  flat: true
} as const

const formats: ReadonlyArray<Format> = [
  { ...intelHex, name: "Intel HEX", write: (map) => IntelHex.write(map) },
  { ...intelHex, name: "Intel HEX, 21 bytes a record", write: (map) => IntelHex.write(map, { recordLength: 21 }) },
  { ...sRecord, name: "S-record", near: edges32, top: 1n << 32n },
  { ...sRecord, name: "S-record, 16 bits", near: [0n, 0x8000n], top: 1n << 16n },
  {
    name: "UF2",
    format: "uf2",
    write: (map) => Uf2.write(map, { align: 1 }),
    open: (source) => Uf2.fromSource(source),
    recognise: Uf2.recognise,
    checked: false,
    flat: true,
    near: edges32,
    top: 1n << 32n
  },
  {
    name: "LiME",
    format: "lime",
    write: Lime.write,
    open: Lime.fromSource,
    recognise: Lime.recognise,
    checked: false,
    flat: true,
    near: edges64,
    top: 1n << 64n
  },
  {
    name: "snapshot",
    format: "snapshot",
    write: Snapshot.toStream,
    open: (source) => Effect.map(Snapshot.fromSource(source), (map) => ({ map })),
    recognise: Snapshot.recognise,
    checked: false, // opening does not look at data; Snapshot.verify does
    flat: false,
    near: edges64,
    top: 1n << 64n
  }
]

describe.each(formats)("$name", ({ checked, flat, near, open, recognise, top, write }) => {
  it.effect.prop("open(write(map)) reads as map", [placements(near, top)], ([placed]) =>
    Effect.gen(function* () {
      const map = yield* mapOf(placed)
      const source = binary(yield* collect(write(map)))
      assert.isTrue(yield* recognise(source))
      const back = yield* open(source)
      assert.deepStrictEqual(yield* contents(back.map), yield* contents(map))
    })
  )

  it.effect.prop(
    "equal bytes give equal files, however many mappings they are in",
    [placements(near, top)],
    ([placed]) =>
      Effect.gen(function* () {
        const map = yield* mapOf(placed)
        if (!flat) return
        const whole = yield* mapOf((yield* contents(map)).map(({ bytes, start }) => ({ address: start, bytes })))
        assert.deepStrictEqual(yield* collect(write(whole)), yield* collect(write(map)))
      })
  )

  it.effect.prop(
    "a cut file or a flipped bit gives an ImageError, or what was written",
    [placements(near.slice(0, 2), top)],
    ([placed]) =>
      Effect.gen(function* () {
        const map = yield* mapOf(placed.slice(0, 2))
        const written = yield* contents(map)
        const bytes = yield* collect(write(map))
        for (let i = 0; i < bytes.length; i += 1 + Math.floor(bytes.length / 50)) {
          const flipped = bytes.slice()
          flipped[i]! ^= 1 << (i % 8)
          for (const hostile of [flipped, bytes.subarray(0, i)]) {
            const read = Effect.flatMap(open(binary(hostile)), ({ map }) => contents(map))
            const result = yield* Effect.result(read)
            if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "ImageError")
            else if (checked) assert.deepStrictEqual(result.success, written)
          }
        }
      }),
    { arbitrary: { runs: 20 } }
  )
})

const placed = [
  { address: 0x1000n, bytes: new Uint8Array(3000).fill(1) },
  { address: 0x2000n, bytes: new Uint8Array(10).fill(2) }
]

const samples = [
  ...formats.map(({ format, name, open, write }) => ({
    name,
    format,
    open,
    bytes: Effect.flatMap(mapOf(placed), (map) => collect(write(map)))
  })),
  ...[dump(sample), flatten(dump(sample), 5000)].map((bytes, i) => ({
    name: ["kdump", "flattened kdump"][i]!,
    format: "kdump" as const,
    open: Kdump.fromSource as Format["open"],
    bytes: Effect.succeed(bytes)
  }))
]

describe("MemoryImage.recognise", () => {
  for (const { bytes, format, name } of samples) {
    it.effect(`${name}: takes it for what it is, and for nothing else`, () =>
      Effect.gen(function* () {
        const source = binary(yield* bytes)
        assert.strictEqual(yield* MemoryImage.recognise(source), format)
        const image = yield* MemoryImage.fromSource(source)
        assert.strictEqual(image.format, format)
      })
    )
  }
})

describe("A file that cannot be read", () => {
  for (const { bytes, name, open } of samples) {
    it.effect(`${name}: fails with a SourceError at whichever read, and reads as before when there is none`, () =>
      Effect.gen(function* () {
        const file = yield* bytes
        const expected = yield* Effect.flatMap(open(binary(file)), ({ map }) => contents(map))
        for (let k = 1; ; k++) {
          const files = FileMapper.layerTest({ "/file": { bytes: file, failRead: (read) => read === k } })
          const read = Effect.flatMap(FileMapper.map("/file"), open).pipe(
            Effect.flatMap(({ map }) => contents(map)),
            Effect.scoped,
            Effect.provide(files, { local: true }),
            Effect.result
          )
          const result = yield* read
          if (result._tag === "Success") {
            assert.deepStrictEqual(result.success, expected)
            assert.isAbove(k, 1)
            return
          }
          assert.strictEqual(result.failure._tag, "SourceError")
        }
      })
    )
  }
})

describe("Raw", () => {
  it.effect.prop("a run written and placed again reads as it was", [placements(edges64, 1n << 64n)], ([placed]) =>
    Effect.gen(function* () {
      const map = yield* mapOf(placed)
      for (const run of MemoryMap.runs(map)) {
        const source = binary(yield* collect(Raw.write(map, { range: run })))
        const back = yield* Raw.fromSource(source, { address: run.start })
        const bytes = yield* MemoryMap.getBytes(map, run.start, Number(run.end - run.start))
        assert.deepStrictEqual(yield* contents(back.map), [{ start: run.start, bytes }])
      }
    })
  )
})
