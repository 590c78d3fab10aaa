// One suite over all formats with a writer: what was written reads as it was, whatever the cut of the map.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Stream } from "effect"
import { type ByteSource, MemoryMap, type MemoryMapError } from "../../src/index.ts"
import * as IntelHex from "../../src/image/IntelHex.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as Raw from "../../src/image/Raw.ts"
import * as SRecord from "../../src/image/SRecord.ts"
import * as Uf2 from "../../src/image/Uf2.ts"
import { binary, collect, contents, mapOf, placements } from "../support/images.ts"

type Failure = MemoryMapError.ImageError | MemoryMapError.SourceError

interface Format {
  readonly name: string
  readonly write: (map: MemoryMap.Mapped) => Stream.Stream<Uint8Array, Failure>
  readonly open: (source: ByteSource.ByteSource) => Effect.Effect<{ readonly map: MemoryMap.Mapped }, Failure>
  readonly recognise: (source: ByteSource.ByteSource) => Effect.Effect<boolean, MemoryMapError.SourceError>
  /** Every byte is covered by a checksum, so that no flipped bit goes unseen. */
  readonly checked: boolean
  readonly near: ReadonlyArray<bigint>
  readonly top: bigint
}

const edges32 = [0n, 0x1_0000n, 0x100_0000n, 0x8000_0000n, 0x1_0000_0000n]
const edges64 = [...edges32, 1n << 53n, 1n << 63n, 1n << 64n]

const intelHex = {
  open: (source: ByteSource.ByteSource) => IntelHex.fromSource(source),
  recognise: IntelHex.recognise,
  checked: true,
  near: edges32,
  top: 1n << 32n
}
const sRecord = {
  write: (map: MemoryMap.Mapped) => SRecord.write(map),
  open: (source: ByteSource.ByteSource) => SRecord.fromSource(source),
  recognise: SRecord.recognise,
  checked: false // the type of a record is outside its checksum: S1 can become S3
}

const formats: ReadonlyArray<Format> = [
  { ...intelHex, name: "Intel HEX", write: (map) => IntelHex.write(map) },
  { ...intelHex, name: "Intel HEX, 21 bytes a record", write: (map) => IntelHex.write(map, { recordLength: 21 }) },
  { ...sRecord, name: "S-record", near: edges32, top: 1n << 32n },
  { ...sRecord, name: "S-record, 16 bits", near: [0n, 0x8000n], top: 1n << 16n },
  {
    name: "UF2",
    write: (map) => Uf2.write(map),
    open: (source) => Uf2.fromSource(source),
    recognise: Uf2.recognise,
    checked: false,
    near: edges32,
    top: 1n << 32n
  },
  {
    name: "LiME",
    write: Lime.write,
    open: Lime.fromSource,
    recognise: Lime.recognise,
    checked: false,
    near: edges64,
    top: 1n << 64n
  }
]

describe.each(formats)("$name", ({ checked, near, open, recognise, top, write }) => {
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
        const flat = yield* mapOf((yield* contents(map)).map(({ bytes, start }) => ({ address: start, bytes })))
        assert.deepStrictEqual(yield* collect(write(flat)), yield* collect(write(map)))
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
