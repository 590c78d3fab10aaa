// What must compile, with which types, and what must not. Never run, so no Effect here needs a fiber.
// @effect-diagnostics floatingEffect:off
import { Effect, type Option, type PlatformError, type Scope, type Stream } from "effect"
import { describe, expectTypeOf, it } from "vitest"
import type { AddressRange } from "../../src/AddressRange.ts"
import type { ByteSource } from "../../src/ByteSource.ts"
import type { FileMapper } from "../../src/FileMapper.ts"
import type { Mapping } from "../../src/Mapping.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import type {
  InvalidMapping,
  InvalidPattern,
  MappingOverlap,
  MapStateError,
  SourceError,
  UnmappedAddress,
  TooLarge
} from "../../src/MemoryMapError.ts"

type Map<W extends "W" | "", E extends "E" | "", M extends "M" | ""> = MemoryMap.MemoryMap<
  W extends "W" ? "WordSize" : "NoWordSize",
  E extends "E" ? "Endian" : "NoEndian",
  M extends "M" ? "HasMapping" : "NoMappings"
>
declare const bare: Map<"", "", "M">
declare const word: Map<"W", "", "M">
declare const endian: Map<"", "E", "M">
declare const ready: Map<"W", "E", "M">
declare const none: Map<"W", "E", "">
declare const any: MemoryMap.Any
declare const mapped: MemoryMap.Mapped
declare const source: ByteSource
declare const range: AddressRange
declare const mapping: Mapping
declare const bytes: Uint8Array

type Read<A> = Effect.Effect<A, UnmappedAddress | SourceError>
type Add = InvalidMapping | MappingOverlap
type Search = SourceError | InvalidPattern

describe("states", () => {
  it("grow as a map is built", () => {
    expectTypeOf(MemoryMap.empty).toEqualTypeOf<Map<"", "", "">>()
    expectTypeOf(MemoryMap.add(MemoryMap.empty, source, 0n)).toEqualTypeOf<Effect.Effect<Map<"", "", "M">, Add>>()
    expectTypeOf(none.pipe(MemoryMap.addBytes(bytes, 0n))).toEqualTypeOf<Effect.Effect<Map<"W", "E", "M">, Add>>()
    expectTypeOf(MemoryMap.addString(word, "x", 0n)).toEqualTypeOf<Effect.Effect<Map<"W", "", "M">, Add>>()
    expectTypeOf(MemoryMap.setWordSize(bare, 32)).toEqualTypeOf<Map<"W", "", "M">>()
    expectTypeOf(bare.pipe(MemoryMap.setEndian("big"), MemoryMap.setWordSize(64))).toEqualTypeOf<Map<"W", "E", "M">>()
    expectTypeOf(MemoryMap.remove(ready, mapping)).toEqualTypeOf<
      MemoryMap.MemoryMap<"WordSize", "Endian", MemoryMap.MappingState>
    >()
    expectTypeOf(MemoryMap.addAbsent(none, range, "why")).toEqualTypeOf<
      Effect.Effect<Map<"W", "E", "">, InvalidMapping>
    >()
  })

  it("a file needs a mapper and a scope, and can be missing", () => {
    expectTypeOf(MemoryMap.fromFile("x", 0n)).toEqualTypeOf<
      Effect.Effect<Map<"", "", "M">, Add | PlatformError.PlatformError, FileMapper | Scope.Scope>
    >()
    expectTypeOf(ready.pipe(MemoryMap.addFile("x", 0n, { offset: 1n }))).toEqualTypeOf<
      Effect.Effect<Map<"W", "E", "M">, Add | PlatformError.PlatformError, FileMapper | Scope.Scope>
    >()
  })

  it("are covariant: more can stand for less, not less for more", () => {
    expectTypeOf(ready).toExtend<MemoryMap.Mapped>()
    expectTypeOf(ready).toExtend<MemoryMap.Ready>()
    expectTypeOf(none).toExtend<MemoryMap.Any>()
    expectTypeOf(bare).not.toExtend<MemoryMap.Ready>()
    expectTypeOf(none).not.toExtend<MemoryMap.Mapped>()
    expectTypeOf(any).not.toExtend<MemoryMap.Mapped>()
  })

  it("are narrowed by the require functions", () => {
    expectTypeOf(MemoryMap.requireWordSize(mapped)).toEqualTypeOf<
      Effect.Effect<MemoryMap.MemoryMap<"WordSize", MemoryMap.EndianState, "HasMapping">, MapStateError>
    >()
    expectTypeOf(
      MemoryMap.requireMapping(any).pipe(
        Effect.flatMap(MemoryMap.requireWordSize),
        Effect.flatMap(MemoryMap.requireEndian)
      )
    ).toEqualTypeOf<Effect.Effect<MemoryMap.Ready, MapStateError>>()
  })
})

describe("what must not compile", () => {
  it("a state set twice", () => {
    // @ts-expect-error the word size is set
    MemoryMap.setWordSize(word, 32)
    // @ts-expect-error the byte order is set
    MemoryMap.setEndian(endian, "little")
    // @ts-expect-error it may be set
    MemoryMap.setEndian(mapped, "little")
    // @ts-expect-error in a pipe, too
    bare.pipe(MemoryMap.setWordSize(32), MemoryMap.setWordSize(64))
    // @ts-expect-error words have 32 or 64 bits
    MemoryMap.setWordSize(bare, 16)
    // @ts-expect-error two byte orders
    MemoryMap.setEndian(bare, "middle")
  })

  it("a state asked for before it is set", () => {
    // @ts-expect-error no word size
    MemoryMap.getWordSize(endian)
    // @ts-expect-error no byte order
    MemoryMap.getEndian(word)
    // @ts-expect-error no word size
    MemoryMap.succLong(endian, 0n)
    // @ts-expect-error no word size
    endian.pipe(MemoryMap.align(0n))
  })

  it("an integer before the byte order is set, unless it comes along", () => {
    // @ts-expect-error no byte order
    MemoryMap.getInt16(bare, 0n)
    // @ts-expect-error no byte order
    MemoryMap.getUint32(word, 0n)
    // @ts-expect-error no byte order
    MemoryMap.getFloat64(mapped, 0n)
    // @ts-expect-error no byte order
    MemoryMap.getCInt(bare, 0n)
    // @ts-expect-error in a pipe, too
    bare.pipe(MemoryMap.getInt64(0n))
    // @ts-expect-error no byte order for the pointer
    MemoryMap.getPointer(word, 0n)
    expectTypeOf(MemoryMap.getInt16(bare, 0n, { endian: "big" })).toEqualTypeOf<Read<number>>()
    expectTypeOf(bare.pipe(MemoryMap.getInt64(0n, { endian: "big" }))).toEqualTypeOf<Read<bigint>>()
    expectTypeOf(MemoryMap.getPointer(word, 0n, { endian: "big" })).toEqualTypeOf<Read<bigint>>()
  })

  it("a word before the word size is set", () => {
    // @ts-expect-error no word size
    MemoryMap.getPointer(endian, 0n)
    // @ts-expect-error no word size, and a byte order for this read does not help
    MemoryMap.followPointer(bare, 0n, { endian: "little" })
    // @ts-expect-error no word size
    MemoryMap.getCLong(mapped, 0n)
    // @ts-expect-error in a pipe, too
    endian.pipe(MemoryMap.getPointer(0n))
    // @ts-expect-error no word size to align to
    MemoryMap.findAligned(endian, "x")
    // @ts-expect-error no byte order to look for
    MemoryMap.findAllPointers(word, 0n)
  })

  it("any read of a map without mappings", () => {
    // @ts-expect-error nothing is mapped
    MemoryMap.getByte(none, 0n)
    // @ts-expect-error nothing is mapped
    MemoryMap.getUint32(none, 0n)
    // @ts-expect-error nothing is mapped
    MemoryMap.getPointer(none, 0n)
    // @ts-expect-error nothing is mapped
    MemoryMap.getBytes(none, 0n, 1)
    // @ts-expect-error nothing is mapped
    MemoryMap.getBytesUpTo(none, 0n, 1)
    // @ts-expect-error nothing is mapped
    MemoryMap.getBytesPadded(none, 0n, 1)
    // @ts-expect-error nothing is mapped
    MemoryMap.getSparse(none, range)
    // @ts-expect-error nothing is mapped
    MemoryMap.getString(none, 0n)
    // @ts-expect-error nothing is mapped
    MemoryMap.isString(none, 0n)
    // @ts-expect-error nothing is mapped
    MemoryMap.stream(none)
    // @ts-expect-error nothing is mapped
    MemoryMap.reader(none)
    // @ts-expect-error nothing is mapped
    MemoryMap.find(none, "x")
    // @ts-expect-error something may have been removed
    MemoryMap.getByte(MemoryMap.remove(ready, mapping), 0n)
    // @ts-expect-error in a pipe, too
    none.pipe(MemoryMap.getByte(0n))
  })

  it("numbers where addresses are meant, and other slips", () => {
    // @ts-expect-error addresses are bigint
    MemoryMap.getByte(ready, 0)
    // @ts-expect-error addresses are bigint
    MemoryMap.addBytes(bare, bytes, 0x1000)
    // @ts-expect-error addresses are bigint
    ready.pipe(MemoryMap.getString(0x1000))
    // @ts-expect-error ranges hold bigint
    MemoryMap.segments(ready, { range: { start: 0, end: 1 } })
    // @ts-expect-error lengths are numbers
    MemoryMap.getBytes(ready, 0n, 1n)
    // @ts-expect-error a policy has a name of its own
    MemoryMap.addBytes(bare, bytes, 0n, { overlap: "replace" })
    // @ts-expect-error bytes are no text
    MemoryMap.addString(bare, bytes, 0n)
    // @ts-expect-error there is no such encoding
    MemoryMap.getString(ready, 0n, { encoding: "utf7" })
    // @ts-expect-error a byte has no order
    MemoryMap.getByte(ready, 0n, { endian: "big" })
  })
})

describe("results and errors", () => {
  it("of typed reads", () => {
    expectTypeOf(MemoryMap.getByte(bare, 0n)).toEqualTypeOf<Read<number>>()
    expectTypeOf(bare.pipe(MemoryMap.getInt8(0n))).toEqualTypeOf<Read<number>>()
    expectTypeOf(MemoryMap.getInt16(endian, 0n)).toEqualTypeOf<Read<number>>()
    expectTypeOf(endian.pipe(MemoryMap.getUint32(0n))).toEqualTypeOf<Read<number>>()
    expectTypeOf(MemoryMap.getUint64(endian, 0n)).toEqualTypeOf<Read<bigint>>()
    expectTypeOf(MemoryMap.getFloat32(endian, 0n)).toEqualTypeOf<Read<number>>()
    expectTypeOf(MemoryMap.getCInt(endian, 0n)).toEqualTypeOf<Read<number>>()
    expectTypeOf(MemoryMap.getCLong(ready, 0n)).toEqualTypeOf<Read<bigint>>()
    expectTypeOf(ready.pipe(MemoryMap.followPointer(0n))).toEqualTypeOf<Read<bigint>>()
    expectTypeOf(MemoryMap.succLong(word, 0n)).toEqualTypeOf<bigint>()
  })

  it("of bytes, strings and streams", () => {
    expectTypeOf(MemoryMap.getBytes(bare, 0n, 1)).toEqualTypeOf<Read<Uint8Array>>()
    expectTypeOf(bare.pipe(MemoryMap.getBytesPadded(0n, 1, 0xff))).toEqualTypeOf<Read<Uint8Array>>()
    expectTypeOf(bare.pipe(MemoryMap.getSparse(range))).toEqualTypeOf<
      Effect.Effect<ReadonlyArray<MemoryMap.SparsePart>, MemoryMap.ReadError | TooLarge>
    >()
    expectTypeOf(bare.pipe(MemoryMap.getString(0n, { encoding: "latin1" }))).toEqualTypeOf<
      Effect.Effect<string, MemoryMap.ReadError | TooLarge>
    >()
    expectTypeOf(MemoryMap.isString(bare, 0n)).toEqualTypeOf<Effect.Effect<boolean, SourceError>>()
    expectTypeOf(bare.pipe(MemoryMap.stream())).toEqualTypeOf<
      Stream.Stream<MemoryMap.AddressedBytes, UnmappedAddress | SourceError>
    >()
  })

  it("of searches", () => {
    expectTypeOf(MemoryMap.find(bare, "x")).toEqualTypeOf<Effect.Effect<Option.Option<bigint>, Search>>()
    expectTypeOf(bare.pipe(MemoryMap.findAll(bytes))).toEqualTypeOf<Stream.Stream<bigint, Search>>()
    expectTypeOf(ready.pipe(MemoryMap.findAllPointers(0n))).toEqualTypeOf<Stream.Stream<bigint, Search>>()
  })

  it("of looking, in any state", () => {
    expectTypeOf(MemoryMap.segments(any)).toEqualTypeOf<Iterable<MemoryMap.Segment>>()
    expectTypeOf(none.pipe(MemoryMap.segments)).toEqualTypeOf<Iterable<MemoryMap.Segment>>()
    expectTypeOf(none.pipe(MemoryMap.holes({ range }))).toEqualTypeOf<Iterable<MemoryMap.Hole>>()
    expectTypeOf(MemoryMap.coverage(any, { range })).toEqualTypeOf<MemoryMap.Coverage>()
    expectTypeOf(any.pipe(MemoryMap.mappingAt(0n))).toEqualTypeOf<Option.Option<Mapping>>()
    expectTypeOf(any.pipe(MemoryMap.origin(0n))).toEqualTypeOf<
      Option.Option<{ readonly mapping: Mapping; readonly offset: bigint }>
    >()
    expectTypeOf([...any]).toEqualTypeOf<Array<MemoryMap.Segment>>()
  })

  it("of readers, which know what their map knew", () => {
    const program = Effect.gen(function* () {
      const [plain, some, full] = [
        yield* MemoryMap.reader(bare),
        yield* MemoryMap.reader(endian),
        yield* MemoryMap.reader(ready)
      ]
      expectTypeOf(plain.getByte(0n)).toEqualTypeOf<number>()
      expectTypeOf(plain.getInt64(0n, { endian: "big" })).toEqualTypeOf<bigint>()
      // @ts-expect-error no byte order
      plain.getInt64(0n)
      expectTypeOf(some.getInt32(0n)).toEqualTypeOf<number>()
      // @ts-expect-error no word size
      some.getPointer(0n)
      expectTypeOf(full.getPointer(0n)).toEqualTypeOf<bigint>()
      // @ts-expect-error addresses are bigint
      full.getByte(0)
    })
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<void, SourceError | TooLarge>>()
  })
})
