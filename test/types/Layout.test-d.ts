// What of layouts must compile, with which types, and what must not. Never run.
// @effect-diagnostics floatingEffect:off
import { type Effect, type Option, Schema, type Stream } from "effect"
import { describe, expectTypeOf, it } from "vitest"
import * as Layout from "../../src/Layout.ts"
import type { MemoryMap, Ready } from "../../src/MemoryMap.ts"
import type { LayoutError, SourceError, UnmappedAddress } from "../../src/MemoryMapError.ts"
import type { MemoryReader } from "../../src/MemoryReader.ts"

declare const bare: MemoryMap<"NoWordSize", "NoEndian", "HasMapping">
declare const endian: MemoryMap<"NoWordSize", "Endian", "HasMapping">
declare const empty: MemoryMap<"WordSize", "Endian", "NoMappings">
declare const ready: Ready
declare const bareReader: MemoryReader<"NoWordSize", "NoEndian">
declare const reader: MemoryReader<"WordSize", "Endian">

type Read<A> = Effect.Effect<A, UnmappedAddress | SourceError | LayoutError>

const raw = Layout.struct("raw", { a: Layout.uint8, name: Layout.cString(4) })
const numbers = Layout.struct("numbers", { raw, n: Layout.uint32, list: Layout.array(Layout.int64, 2) })
const task = Layout.struct("task", {
  numbers,
  next: Layout.pointer,
  state: Layout.enumeration({ IDLE: 0, BUSY: 1 }),
  flags: Layout.flags({ A: 1, B: 2 }, Layout.uint64),
  ready: Layout.bits(Layout.bool, 1),
  _0: Layout.bits(Layout.unsignedInt, 3),
  _1: Layout.anonymous(Layout.union("", { value: Layout.int, raw: Layout.bytes(4) })),
  _refcount: Layout.int
})
interface Task {
  readonly numbers: {
    readonly raw: { readonly a: number; readonly name: string }
    readonly n: number
    readonly list: ReadonlyArray<bigint>
  }
  readonly next: bigint
  readonly state: "IDLE" | "BUSY" | number
  readonly flags: ReadonlyArray<"A" | "B" | bigint>
  readonly ready: boolean
  readonly value: number
  readonly raw: Uint8Array
  readonly _refcount: number
}
interface Node {
  readonly id: number
  readonly next: Layout.Pointer<Node>
}
const node: Layout.Layout<Node> = Layout.struct("node", { id: Layout.uint32, next: Layout.pointerTo(() => node) })

describe("values", () => {
  it("have the types of their members", () => {
    expectTypeOf<Layout.Type<typeof task>>().toEqualTypeOf<Task>()
    expectTypeOf<Layout.NeedOf<typeof raw>>().toEqualTypeOf<"Nothing">()
    expectTypeOf<Layout.NeedOf<typeof numbers>>().toEqualTypeOf<"Endian">()
    expectTypeOf<Layout.NeedOf<typeof task>>().toEqualTypeOf<"Words">()
    expectTypeOf(Layout.read(ready, task, 0n)).toEqualTypeOf<Read<Task>>()
    expectTypeOf(ready.pipe(Layout.readArray(node, 0n, 3))).toEqualTypeOf<Read<ReadonlyArray<Node>>>()
    expectTypeOf(reader.get(task, 0n)).toEqualTypeOf<Task>()
  })

  it("of pointers know what they point to", () => {
    type Followed = Read<Option.Option<Node>>
    expectTypeOf(Layout.follow(ready, {} as Layout.Type<typeof node>["next"])).toEqualTypeOf<Followed>()
    expectTypeOf(Layout.list(ready, node, 0n, "next")).toEqualTypeOf<
      Stream.Stream<Node, UnmappedAddress | SourceError | LayoutError>
    >()
    Layout.list(ready, node, 0n, (node) => node.next)
  })

  it("are what a schema makes of them", () => {
    const text = Layout.transform(Layout.uint32, Schema.NumberFromString.pipe(Schema.flip))
    expectTypeOf(text).toEqualTypeOf<Layout.Layout<string, "Endian">>()
    // @ts-expect-error the schema is of texts
    Layout.transform(Layout.uint32, Schema.NumberFromString)
  })

  it("with a byte order of their own need none", () => {
    expectTypeOf(Layout.endian(numbers, "big")).toEqualTypeOf<Layout.Layout<Layout.Type<typeof numbers>, "Nothing">>()
    Layout.read(bare, Layout.endian(numbers, "big"), 0n)
    // @ts-expect-error words still have no size
    Layout.read(bare, Layout.endian(task, "big"), 0n)
  })
})

describe("what must not compile", () => {
  it("a read of a map that lacks what the layout needs", () => {
    Layout.read(bare, raw, 0n)
    Layout.read(endian, numbers, 0n)
    bareReader.get(raw, 0n)
    // @ts-expect-error no byte order
    Layout.read(bare, numbers, 0n)
    // @ts-expect-error no word size
    Layout.read(endian, task, 0n)
    // @ts-expect-error in a pipe, too
    endian.pipe(Layout.read(task, 0n))
    // @ts-expect-error nothing is mapped
    Layout.read(empty, raw, 0n)
    // @ts-expect-error no word size
    Layout.readArray(endian, task, 0n, 2)
    // @ts-expect-error no word size
    Layout.list(endian, task, 0n, "next")
    // @ts-expect-error no word size
    Layout.stream(endian, task, { start: 0n, end: 8n })
    // @ts-expect-error no byte order
    bareReader.get(numbers, 0n)
    // @ts-expect-error the bits of a byte have an order
    Layout.read(bare, Layout.struct("s", { a: Layout.bits(Layout.uint8, 3) }), 0n)
  })

  it("a member that is not there", () => {
    Layout.offsetOf(task, "numbers.list[1]")
    Layout.offsetOf(task, "value")
    // @ts-expect-error no such member
    Layout.offsetOf(task, "numbers.m")
    // @ts-expect-error unnamed bits
    Layout.offsetOf(task, "_0")
    // @ts-expect-error no such member
    Layout.list(ready, node, 0n, "previous")
    // @ts-expect-error no such member
    Layout.list(ready, node, 0n, "next", { member: "links" })
  })

  it("the bytes of a wrong value", () => {
    Layout.encode(raw, { a: 1, name: "x" }, Layout.LP64)
    // @ts-expect-error a text is no number
    Layout.encode(raw, { a: "1", name: "x" }, Layout.LP64)
    // @ts-expect-error a member is missing
    Layout.encode(raw, { a: 1 }, Layout.LP64)
    // @ts-expect-error 64 bits are a bigint
    Layout.encode(Layout.uint64, 1, Layout.LP64)
    // @ts-expect-error no such name
    Layout.encode(Layout.enumeration({ IDLE: 0 }), "BUSY", Layout.LP64)
    // @ts-expect-error a word has 32 or 64 bits
    Layout.encode(Layout.uint8, 1, { ...Layout.LP64, wordSize: 16 })
  })
})
