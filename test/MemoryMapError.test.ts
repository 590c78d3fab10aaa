import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, type Scope, Stream } from "effect"
import * as AddressRange from "../src/AddressRange.ts"
import * as ByteSource from "../src/ByteSource.ts"
import * as FileMapper from "../src/FileMapper.ts"
import * as Lime from "../src/image/Lime.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import * as Errors from "../src/MemoryMapError.ts"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

/** 8 readable bytes, then a hole up to 0x4000, then more. */
const holed = MemoryMap.fromBytes(new Uint8Array(8), 0x1ff8n, { name: "low" }).pipe(
  Effect.flatMap(MemoryMap.addBytes(new Uint8Array(0x1000), 0x4000n, { name: "high" }))
)
const read = <A, E>(f: (map: MemoryMap.Mapped) => Effect.Effect<A, E>) => Effect.flatMap(holed, f)

const files = FileMapper.layerTest({
  "/three.bin": bytes(1, 2, 3),
  "/shrinking.bin": { bytes: new Uint8Array(8), shrink: { afterReads: 0, to: 2 } },
  "/bad.bin": { bytes: new Uint8Array(8), failAt: 4n }
})
const withFiles = <A, E>(effect: Effect.Effect<A, E, FileMapper.FileMapper | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(files))

/** Read first, when the scope of the file is gone. */
const readLate = Effect.scoped(MemoryMap.fromFile("/three.bin", 0n)).pipe(
  Effect.provide(files),
  Effect.flatMap(MemoryMap.getByte(1n))
)

type Provoked = readonly [
  what: string,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  effect: Effect.Effect<unknown, unknown>
]

const errors: ReadonlyArray<Provoked> = [
  [
    "a read into a hole",
    "getBytes: 0x2000 is not mapped (16 bytes at 0x1ff8, 8 readable; hole 0x2000-0x4000)",
    {
      _tag: "UnmappedAddress",
      operation: "getBytes",
      address: 0x2000n,
      requested: { start: 0x1ff8n, end: 0x2008n },
      available: 8n,
      hole: { start: 0x2000n, end: 0x4000n }
    },
    read(MemoryMap.getBytes(0x1ff8n, 16))
  ],
  [
    "a read of one byte",
    "getByte: 0x0 is not mapped (1 byte at 0x0, 0 readable; hole 0x0-0x1ff8)",
    { _tag: "UnmappedAddress", operation: "getByte", available: 0n },
    read(MemoryMap.getByte(0n))
  ],
  [
    "a value that ends in a hole",
    "getUint32: 0x2000 is not mapped (4 bytes at 0x1ffe, 2 readable; hole 0x2000-0x4000)",
    { operation: "getUint32", available: 2n },
    read(MemoryMap.getUint32(0x1ffen, { endian: "big" }))
  ],
  [
    "a hole with a reason",
    "getByte: 0x3000 is not mapped (1 byte at 0x3000, 0 readable; hole 0x2800-0x4000: left out of the dump)",
    { reason: "left out of the dump" },
    holed.pipe(
      Effect.flatMap(MemoryMap.addAbsent(AddressRange.make(0x2800n, 0x5000n), "left out of the dump")),
      Effect.flatMap(MemoryMap.getByte(0x3000n))
    )
  ],
  [
    "a read past the last address",
    "getBytes: 0x10000000000000000 lies outside the 64-bit address space (4 bytes at 0xfffffffffffffffe, 2 readable)",
    { address: END, available: 2n, hole: { start: END, end: END } },
    MemoryMap.fromBytes(bytes(1, 2), END - 2n).pipe(Effect.flatMap(MemoryMap.getBytes(END - 2n, 4)))
  ],
  [
    "a read before the first address",
    "getByte: -0x1 lies outside the 64-bit address space (1 byte at -0x1, 0 readable)",
    { address: -1n },
    read(MemoryMap.getByte(-1n))
  ],
  [
    "text without end",
    "getString: 0x2000 is not mapped (3 bytes at 0x1ffe, 2 readable; hole 0x2000-0x10000000000000000)",
    { operation: "getString", available: 2n },
    MemoryMap.fromString("ab", 0x1ffen).pipe(Effect.flatMap(MemoryMap.getString(0x1ffen)))
  ],
  [
    "a stream of the whole space",
    "stream: 0x0 is not mapped (16 EiB at 0x0, 0 readable; hole 0x0-0x1ff8)",
    { operation: "stream" },
    read((map) => Stream.runDrain(MemoryMap.stream(map, { range: AddressRange.full, holes: "fail" })))
  ],
  [
    "a source that fails",
    "/bad.bin: cannot read 8 bytes at offset 0x0: the byte at 4 was told to fail",
    { _tag: "SourceError", source: "/bad.bin", offset: 0n, length: 8, reason: "ReadFailed" },
    withFiles(MemoryMap.fromFile("/bad.bin", 0x1000n).pipe(Effect.flatMap(MemoryMap.getBytes(0x1000n, 8))))
  ],
  [
    "a file that has shrunk",
    "/shrinking.bin: cannot read 4 bytes at offset 0x2: the file is shorter than when it was mapped",
    { _tag: "SourceError", offset: 2n, length: 4, reason: "Truncated" },
    withFiles(MemoryMap.fromFile("/shrinking.bin", 0n).pipe(Effect.flatMap(MemoryMap.getBytes(2n, 4))))
  ],
  [
    "a file that is closed",
    "/three.bin: cannot read 1 byte at offset 0x1: its scope is closed; read before the scope ends, or keep it open longer",
    { _tag: "SourceError", reason: "Closed" },
    readLate
  ],
  [
    "a failure without words",
    "odd: cannot read 1 byte at offset 0x0: the read failed",
    { _tag: "SourceError", reason: "ReadFailed" },
    MemoryMap.add(
      MemoryMap.empty,
      ByteSource.make({
        name: "odd",
        size: 1n,
        read: (offset, length) => new Errors.SourceError({ source: "odd", offset, length, reason: "ReadFailed" })
      }),
      0n
    ).pipe(Effect.flatMap(MemoryMap.getByte(0n)))
  ],
  [
    "an empty mapping",
    "cannot map nothing at 0x1000: it has no bytes, and an empty mapping covers nothing",
    { _tag: "InvalidMapping", name: "nothing", reason: "Empty", address: 0x1000n, size: 0n },
    MemoryMap.fromBytes(bytes(), 0x1000n, { name: "nothing" })
  ],
  [
    "an empty text",
    "cannot map string at 0x1000: it has no bytes, and an empty mapping covers nothing",
    { _tag: "InvalidMapping", reason: "Empty" },
    MemoryMap.fromString("", 0x1000n)
  ],
  [
    "a mapping past the last address",
    "cannot map bytes at 0xfffffffffffffffe: its 3 bytes reach past the end of the address space by 1 byte",
    { _tag: "InvalidMapping", reason: "OutsideSpace", address: END - 2n, size: 3n },
    MemoryMap.fromBytes(bytes(1, 2, 3), END - 2n)
  ],
  [
    "a mapping at no address",
    "cannot map bytes at 0x10000000000000000: that is not an address, 0 <= address < 2^64",
    { _tag: "InvalidMapping", reason: "OutsideSpace", address: END },
    MemoryMap.fromBytes(bytes(1), END)
  ],
  [
    "a mapping below 0",
    "cannot map bytes at -0x1: that is not an address, 0 <= address < 2^64",
    { _tag: "InvalidMapping", reason: "OutsideSpace", address: -1n },
    MemoryMap.fromBytes(bytes(1), -1n)
  ],
  [
    "a slice outside its file",
    "cannot map /three.bin at 0x1000: 2 bytes at offset 0x2 are not inside its 3 bytes",
    { _tag: "InvalidMapping", reason: "OutsideFile", offset: 2n, size: 2n, available: 3n },
    withFiles(MemoryMap.fromFile("/three.bin", 0x1000n, { offset: 2n, length: 2n }))
  ],
  [
    "an absent range without bytes",
    "cannot map absent range (excluded) at 0x5: it has no bytes, and an empty mapping covers nothing",
    { _tag: "InvalidMapping", reason: "Empty" },
    MemoryMap.addAbsent(MemoryMap.empty, { start: 5n, end: 5n }, "excluded")
  ],
  [
    "a mapping in the way",
    "new (0x1ffc-0x2004) overlaps low (0x1ff8-0x2000) at 0x1ffc",
    {
      _tag: "MappingOverlap",
      name: "new",
      policy: "reject",
      range: { start: 0x1ffcn, end: 0x2004n },
      met: { name: "low", range: { start: 0x1ff8n, end: 0x2000n } },
      address: 0x1ffcn
    },
    read(MemoryMap.addBytes(new Uint8Array(8), 0x1ffcn, { name: "new", overlap: "reject" }))
  ],
  [
    "bytes that differ",
    "bytes (0x1ffc-0x2000) differs from low (0x1ff8-0x2000) at 0x1ffe",
    { _tag: "MappingOverlap", policy: "equal", address: 0x1ffen },
    read(MemoryMap.addBytes(bytes(0, 0, 1, 0), 0x1ffcn, { overlap: "equal" }))
  ],
  [
    "bytes that cannot be compared",
    "same (0x1000-0x1008) cannot be compared with /bad.bin (0x1000-0x1008) at 0x1000",
    { _tag: "MappingOverlap", policy: "equal" },
    withFiles(
      MemoryMap.fromFile("/bad.bin", 0x1000n).pipe(
        Effect.flatMap(MemoryMap.addBytes(new Uint8Array(8), 0x1000n, { name: "same", overlap: "equal" }))
      )
    )
  ],
  [
    "no word size",
    "the word size of this map is not known: call MemoryMap.setWordSize with 32 or 64",
    { _tag: "MapStateError", missing: "WordSize" },
    MemoryMap.requireWordSize(MemoryMap.empty)
  ],
  [
    "no byte order",
    'the byte order of this map is not known: call MemoryMap.setEndian with "little" or "big"',
    { _tag: "MapStateError", missing: "Endian" },
    MemoryMap.requireEndian(MemoryMap.empty)
  ],
  [
    "no mapping",
    "this map holds no mapping: add bytes or a file first",
    { _tag: "MapStateError", missing: "Mapping" },
    MemoryMap.requireMapping(MemoryMap.empty)
  ]
]

const classes = {
  UnmappedAddress: Errors.UnmappedAddress,
  SourceError: Errors.SourceError,
  InvalidMapping: Errors.InvalidMapping,
  MappingOverlap: Errors.MappingOverlap,
  InvalidPattern: Errors.InvalidPattern,
  MapStateError: Errors.MapStateError,
  ImageError: Errors.ImageError,
  NativeUnavailable: Errors.NativeUnavailable
}
type Any = InstanceType<(typeof classes)[keyof typeof classes]>

/** The error as another process gets it. */
const abroad = (error: Any): Any => {
  const codec: Schema.Codec<Any, unknown> = Schema.toCodecJson(classes[error._tag] as never)
  return Schema.decodeUnknownSync(codec)(JSON.parse(JSON.stringify(Schema.encodeSync(codec)(error))))
}

describe("every error, provoked", () => {
  for (const [what, message, fields, effect] of errors) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = (yield* Effect.flip(effect)) as Any
        assert.strictEqual(error.message, message)
        for (const [name, value] of Object.entries(fields)) assert.deepStrictEqual(error[name as never], value, name)
        const copy = abroad(error)
        assert.strictEqual(copy.constructor, error.constructor)
        assert.strictEqual(copy.message, message)
        for (const [name, value] of Object.entries(fields)) assert.deepStrictEqual(copy[name as never], value, name)
      })
    )
  }

  it.effect("of a pattern without bytes says what is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read((map) => MemoryMap.find(map, "")))
      assert.instanceOf(error, Errors.InvalidPattern)
      assert.match(error.message, /empty.* \(at position 0\)$/)
      assert.strictEqual(abroad(error as Any).message, error.message)
    })
  )

  it.effect("a file that is no image", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(withFiles(Lime.open("/three.bin")))
      assert.instanceOf(error, Errors.ImageError)
      assert.match(error.message, /^\/three\.bin: lime, offset 0x0: /)
      assert.strictEqual(abroad(error as Any).message, error.message)
    })
  )
})

describe("what errors are made of", () => {
  it("ImageError says the line of a text, the offset of anything else", () => {
    const at = { path: "/x.hex", format: "ihex", offset: 0x2bn, why: "the checksum is 0x1f, the line adds up to 0x20" }
    assert.strictEqual(
      new Errors.ImageError({ ...at, line: 3 }).message,
      "/x.hex: ihex, line 3: the checksum is 0x1f, the line adds up to 0x20"
    )
    assert.strictEqual(
      new Errors.ImageError(at).message,
      "/x.hex: ihex, offset 0x2b: the checksum is 0x1f, the line adds up to 0x20"
    )
  })

  it("NativeUnavailable says what to do instead", () => {
    const error = new Errors.NativeUnavailable({
      feature: "mmap",
      why: "koffi is not installed",
      cause: new Error("no such module")
    })
    assert.strictEqual(
      error.message,
      "mmap(2) is not available: koffi is not installed. Install koffi, or use NodeFileMapper.layer, which falls back to positional reads"
    )
    assert.strictEqual((abroad(error) as Errors.NativeUnavailable & { cause: Error }).cause.message, "no such module")
  })

  it("a cause crosses as an error with its message", () => {
    const error = new Errors.SourceError({
      source: "disk",
      offset: 0n,
      length: 1,
      reason: "ReadFailed",
      cause: new Error("EIO: i/o error")
    })
    assert.strictEqual(error.message, "disk: cannot read 1 byte at offset 0x0: EIO: i/o error")
    assert.strictEqual(abroad(error).message, error.message)
  })

  it("a message never throws, whatever numbers a user gives", () => {
    for (const length of [Number.NaN, Infinity, -1, 1.5, 2 ** 70]) {
      const error = new Errors.SourceError({ source: "x", offset: -1n, length, reason: "Closed" })
      assert.match(error.message, /^x: cannot read .* at offset -0x1: /)
    }
  })

  it.effect("errors are Effects that fail with themselves", () =>
    Effect.gen(function* () {
      const error = new Errors.MapStateError({ missing: "Endian" })
      assert.strictEqual(yield* Effect.flip(error), error)
      const caught = Effect.catchTag(error, "MapStateError", ({ missing }) => Effect.succeed(missing))
      assert.strictEqual(yield* caught, "Endian")
    })
  )
})
