// What ELF files come to, whatever their segments: against a dictionary from address to byte.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as Elf from "../../src/image/Elf.ts"
import { MemoryMap } from "../../src/index.ts"
import { buildElf, type SegmentSpec } from "../support/elfBuilder.ts"
import { binary, contents, has, judge } from "../support/images.ts"

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const oneOf = <const A extends ReadonlyArray<string | number | boolean | bigint>>(...values: A) =>
  Arbitrary.schema(Schema.Literals(values))

const segment = (top: bigint, bases: ReadonlyArray<bigint>) =>
  Arbitrary.map(
    Arbitrary.all({
      base: oneOf(...bases),
      distance: int(-40, 40),
      length: int(0, 40),
      tail: int(0, 40),
      first: int(0, 255),
      type: oneOf(0, 1, 1, 1, 1, 6),
      shared: oneOf(true, false, false)
    }),
    ({ base, distance, first, length, shared, tail, type }): SegmentSpec => {
      const size = BigInt(length + tail)
      const wanted = base + BigInt(distance)
      const virtual = wanted < 0n ? 0n : wanted > top - size ? top - size : wanted
      const bytes = Uint8Array.from({ length }, (_, i) => (first + i) & 0xff)
      const place = shared ? { offset: BigInt(first % 16), fileSize: BigInt(length) } : { bytes }
      return { type, virtual, memorySize: size, ...place }
    }
  )

const files = Arbitrary.flatMap(
  Arbitrary.all({
    fileClass: oneOf(32, 64),
    endian: oneOf("little", "big"),
    type: oneOf(2, 3, 4),
    headersLast: oneOf(true, false),
    extended: oneOf(true, false),
    padding: int(0, 20)
  }),
  (spec) => {
    const top = 1n << BigInt(spec.fileClass)
    const bases = spec.fileClass === 32 ? [0n, 1n << 31n, top] : [0n, 1n << 32n, 1n << 53n, 1n << 63n, top]
    return Arbitrary.map(Arbitrary.array(segment(top, bases), { minLength: 1, maxLength: 6 }), (segments) => ({
      ...spec,
      // So that something is always mapped, and bytes to share are always there.
      segments: [{ virtual: 0x500n, bytes: new Uint8Array(40).fill(0xee) }, ...segments]
    }))
  }
)

/** The oracle: bytes in order, later over earlier, then zeros behind them if they count. */
const expected = (file: Uint8Array, image: Elf.ElfImage, zero: boolean) => {
  const bytes = new Map<bigint, number>()
  for (const { fileSize, memorySize, offset, virtualAddress } of image.segments) {
    const end = zero ? memorySize : fileSize
    for (let i = 0n; i < end; i++) bytes.set(virtualAddress + i, i < fileSize ? file[Number(offset + i)]! : 0)
  }
  return bytes
}

describe("every ELF file", () => {
  it.effect.prop(
    "becomes a map of exactly its segments",
    [files],
    ([spec]) =>
      Effect.gen(function* () {
        const file = buildElf(spec)
        const image = yield* Elf.fromSource(binary(file))
        const loads = spec.segments.filter(
          (segment: SegmentSpec) => (segment.type ?? 1) === 1 && segment.memorySize !== 0n
        )
        assert.deepStrictEqual(
          image.segments.map(({ memorySize, virtualAddress }) => [virtualAddress, memorySize]),
          loads.map((segment: SegmentSpec) => [segment.virtual, segment.memorySize ?? 40n])
        )
        const bytes = new Map<bigint, number>()
        for (const run of yield* contents(image.map)) {
          run.bytes.forEach((byte, i) => bytes.set(run.start + BigInt(i), byte))
        }
        const oracle = expected(file, image, spec.type !== 4)
        assert.strictEqual(bytes.size, oracle.size)
        for (const [address, byte] of oracle) assert.strictEqual(bytes.get(address), byte)
        const inTail = (address: bigint) =>
          image.segments.some(
            ({ fileSize, memorySize, virtualAddress }) =>
              virtualAddress + fileSize <= address && address < virtualAddress + memorySize
          )
        for (const { range, reason } of MemoryMap.holes(image.map)) {
          const why = reason === undefined ? [false, false] : [true, true]
          assert.deepStrictEqual([inTail(range.start), inTail(range.end - 1n)], why)
        }
      }),
    { arbitrary: { runs: 400 } }
  )
})

describe.skipIf(!has("readelf"))("readelf (skipped without it) agrees", () => {
  const sample = (fileClass: 32 | 64, endian: "little" | "big", extended: boolean) =>
    buildElf({
      fileClass,
      endian,
      extended,
      headersLast: true,
      machine: 20,
      segments: [
        { virtual: 0x1000n, physical: 0x9000n, flags: 5, bytes: new Uint8Array(7), memorySize: 0x123n },
        { type: 4, flags: 4, bytes: new Uint8Array(12) },
        { virtual: 0x8000_0000n, flags: 6, bytes: new Uint8Array(3) }
      ]
    })
  const rows = (stdout: string) =>
    [...stdout.matchAll(/^\s+LOAD\s+(\S+) (\S+) (\S+) (\S+) (\S+) (...)/gm)].map(([, ...fields]) => fields)

  for (const fileClass of [32, 64] as const) {
    for (const endian of ["little", "big"] as const) {
      for (const extended of [false, true]) {
        it.effect(`ELF${fileClass}, ${endian} endian${extended ? ", PN_XNUM" : ""}`, () =>
          Effect.gen(function* () {
            const file = sample(fileClass, endian, extended)
            const { stdout } = yield* judge("readelf", ["-lW", "sample.core"], { "sample.core": file })
            const { segments } = yield* Elf.fromSource(binary(file))
            assert.deepStrictEqual(
              rows(stdout).map(([offset, virtual, physical, fileSize, memorySize, flags]) => [
                ...[offset, virtual, physical, fileSize, memorySize].map((field) => BigInt(field ?? "")),
                flags
              ]),
              segments.map(({ permissions: p, ...segment }) => [
                segment.offset,
                segment.virtualAddress,
                segment.physicalAddress,
                segment.fileSize,
                segment.memorySize,
                `${p.read ? "R" : " "}${p.write ? "W" : " "}${p.execute ? "E" : " "}`
              ])
            )
            assert.strictEqual(segments.length, 2)
          })
        )
      }
    }
  }
})
