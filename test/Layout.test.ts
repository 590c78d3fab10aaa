import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema, Stream } from "effect"
import { fastPaths } from "../src/internal/base/fastPaths.ts"
import * as Layout from "../src/Layout.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import * as FailingSource from "../src/testing/FailingSource.ts"
import { targets, typesFor } from "./layout/gcc.ts"
import { at, inPieces, mapOf } from "./layout/maps.ts"
import { fill, layoutsOf } from "./layout/randomTypes.ts"

const task = Layout.struct("task", { pid: Layout.uint32, comm: Layout.cString(16), next: Layout.pointer })

describe("values", () => {
  for (const [name, { model }] of Object.entries(targets)) {
    it.effect(`come back from the bytes that they are written as, however they lie in memory: ${name}`, () =>
      Effect.gen(function* () {
        for (const [i, layout] of layoutsOf(typesFor(name, 99, 60)).entries()) {
          const all = fill(i)
          const value = yield* Layout.read(yield* mapOf(all, model), layout, at)
          const bytes = Layout.encode(layout, value, model)
          const again = yield* mapOf([...bytes, 0], model)
          assert.deepStrictEqual(yield* Layout.read(again, layout, at), value)
          assert.deepStrictEqual(yield* Layout.read(yield* inPieces(all.slice(0, 2048), 7, model), layout, at), value)
          const reader = yield* MemoryMap.reader(again)
          assert.deepStrictEqual(reader.get(layout, at), value)
        }
      })
    )
  }

  it.effect("are the same where no function can be compiled", () =>
    Effect.gen(function* () {
      const [quick, slow] = [layoutsOf(typesFor("LP64", 5, 40)), layoutsOf(typesFor("LP64", 5, 40))]
      for (const [i, layout] of quick.entries()) {
        const map = yield* mapOf(fill(i))
        const value = yield* Layout.read(map, layout, at)
        fastPaths.compiled = false
        const plain = yield* Effect.ensuring(
          Layout.read(map, slow[i]!, at),
          Effect.sync(() => {
            fastPaths.compiled = true
          })
        )
        assert.deepStrictEqual(plain, value)
        assert.deepStrictEqual(Object.keys(plain as object), Object.keys(value as object))
      }
    })
  )

  it.effect("of 64 bits, longs and pointers are bigints under every model, smaller ones numbers", () =>
    Effect.gen(function* () {
      const all = Layout.struct("all", {
        a: Layout.long,
        b: Layout.pointer,
        c: Layout.size_t,
        d: Layout.int64,
        e: Layout.int
      })
      for (const model of [Layout.LP64, Layout.LLP64, Layout.ILP32, Layout.i386]) {
        const value = { a: -2n, b: 3n, c: 4n, d: -5n, e: -6 }
        const bytes = Layout.encode(all, value, model)
        assert.deepStrictEqual(yield* Layout.read(yield* mapOf(bytes, model), all, at), value)
      }
    })
  )

  it.effect("of an enumeration and of flags survive without a name", () =>
    Effect.gen(function* () {
      const state = Layout.enumeration({ IDLE: 0, ALSO: 0, BUSY: -1 }, Layout.int8)
      const map = yield* mapOf([0, 0xff, 7])
      assert.deepStrictEqual(yield* Layout.readArray(map, state, at, 3), ["IDLE", "BUSY", 7])
      const flags = Layout.flags({ A: 1, NONE: 0, BC: 6, B: 2 }, Layout.uint64)
      const bits = yield* mapOf([7, 0, 0, 0, 0, 0, 0, 0x80])
      const value = yield* Layout.read(bits, flags, at)
      assert.deepStrictEqual(value, ["A", "BC", "B", 1n << 63n])
      assert.deepStrictEqual(Layout.encode(flags, value, Layout.LP64), new Uint8Array([7, 0, 0, 0, 0, 0, 0, 0x80]))
    })
  )

  it.effect("of text end at a NUL or with the array, and are UTF-8", () =>
    Effect.gen(function* () {
      const text = Layout.cString(4)
      const map = yield* mapOf([0x61, 0, 0x62, 0x62, 0x61, 0xc3, 0xa4, 0x62, 0xff, 0x62, 0, 0])
      assert.deepStrictEqual(yield* Layout.readArray(map, text, at, 3), ["a", "aäb", "\ufffdb"])
      assert.deepStrictEqual(Layout.encode(text, "aä", Layout.LP64), new Uint8Array([0x61, 0xc3, 0xa4, 0]))
    })
  )

  it.effect("with a byte order of their own do not ask for the map's", () =>
    Effect.gen(function* () {
      const header = Layout.struct("header", {
        port: Layout.endian(Layout.uint16, "big"),
        rest: Layout.endian(Layout.struct("rest", { a: Layout.uint16, b: Layout.bits(Layout.uint8, 4) }), "little")
      })
      const bare = yield* MemoryMap.fromBytes(new Uint8Array([0, 80, 1, 0, 0x5f, 0]), at)
      assert.deepStrictEqual(yield* Layout.read(bare, header, at), { port: 80, rest: { a: 1, b: 15 } })
      const bytes = Layout.encode(header, { port: 80, rest: { a: 1, b: 15 } }, { ...Layout.LP64, endian: "big" })
      assert.deepStrictEqual(bytes, new Uint8Array([0, 80, 1, 0, 0x0f, 0]))
    })
  )

  it.effect("of members at given offsets come from there, in any order", () =>
    Effect.gen(function* () {
      const uart = Layout.struct(
        "uart",
        {
          status: Layout.at(4, Layout.uint8),
          data: Layout.at(0, Layout.uint16),
          high: Layout.at(0, Layout.bits(Layout.uint16, 4), 12)
        },
        { size: 16 }
      )
      const map = yield* mapOf([0x34, 0xa2, 0, 0, 7, ...new Uint8Array(11)])
      assert.deepStrictEqual(yield* Layout.read(map, uart, at), { status: 7, data: 0xa234, high: 0xa })
      assert.strictEqual(Layout.sizeOf(uart), 16)
    })
  )

  it.effect("taken through a schema are what it makes of them, both ways", () =>
    Effect.gen(function* () {
      const entry = Layout.struct("entry", {
        when: Layout.transform(Layout.int64, Schema.BigInt.check(Schema.isGreaterThanOrEqualToBigInt(0n))),
        name: Layout.transform(Layout.cString(4), Schema.Literals(["tea", "nut"]))
      })
      const map = yield* mapOf(Layout.encode(entry, { when: 5n, name: "tea" }, Layout.LP64))
      assert.deepStrictEqual(yield* Layout.read(map, entry, at), { when: 5n, name: "tea" })
      assert.throws(() => Layout.encode(entry, { when: -5n, name: "tea" }, Layout.LP64), /when/)
    })
  )
})

describe("what cannot be read", () => {
  it.effect("says which member is not mapped, and where", () =>
    Effect.gen(function* () {
      const map = yield* mapOf(new Uint8Array(8))
      const error = yield* Effect.flip(Layout.read(map, task, at))
      assert.strictEqual(error._tag, "UnmappedAddress")
      if (error._tag !== "UnmappedAddress") return
      assert.strictEqual(error.path, "task.comm")
      assert.strictEqual(error.address, 0x1008n)
      const many = yield* Effect.flip(Layout.readArray(map, Layout.struct("p", { x: Layout.uint16 }), at, 5))
      assert.strictEqual(many._tag === "UnmappedAddress" && many.path, "p[4].x")
      const reader = yield* MemoryMap.reader(map)
      assert.throws(() => reader.get(task, at), /task\.comm at 0x1008/)
    })
  )

  it.effect("says which member a schema refuses, and where", () =>
    Effect.gen(function* () {
      const Low = Schema.Number.check(Schema.isLessThan(10))
      const pair = Layout.struct("pair", { a: Layout.uint8, b: Layout.array(Layout.transform(Layout.uint8, Low), 2) })
      const map = yield* mapOf([1, 2, 3, 1, 2, 30])
      const error = yield* Effect.flip(Layout.readArray(map, pair, at, 2))
      assert.strictEqual(error._tag, "LayoutError")
      if (error._tag !== "LayoutError") return
      assert.deepStrictEqual([error.reason, error.path, error.address], ["Refused", "pair[1].b[1]", 0x1005n])
      let path: string | undefined
      const got = yield* Layout.stream(map, pair, { start: at, end: at + 6n }).pipe(
        Stream.catch((error) =>
          Stream.drain(
            Stream.sync(() => {
              path = error._tag === "LayoutError" ? error.path : error._tag
            })
          )
        ),
        Stream.runCollect
      )
      assert.deepStrictEqual([got, path], [[{ a: 1, b: [2, 3] }], "pair.b[1]"])
    })
  )

  it.effect("believes no count that no array has", () =>
    Effect.gen(function* () {
      const message = Layout.struct("message", {
        count: Layout.int,
        data: Layout.flexibleArray(Layout.uint64, "count")
      })
      for (const count of [-1, 0x7fff_ffff]) {
        const bytes = new Uint8Array(new Int32Array([count, 0]).buffer)
        const error = yield* Effect.flip(Layout.read(yield* mapOf(bytes), message, at))
        assert.strictEqual(error._tag === "LayoutError" && error.reason, "BadCount")
        assert.strictEqual(error._tag === "LayoutError" && error.path, "message.data")
      }
      const short = yield* Effect.flip(
        Layout.read(yield* mapOf([2, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(12)]), message, at)
      )
      assert.strictEqual(short._tag === "UnmappedAddress" && short.path, "message.data[1]")
    })
  )

  it.effect("is an error of the source, not a value", () =>
    Effect.gen(function* () {
      const bare = yield* MemoryMap.add(
        MemoryMap.empty,
        FailingSource.make(new Uint8Array(64), (k) => k === 2),
        at
      )
      const map = bare.pipe(MemoryMap.setDataModel(Layout.LP64), MemoryMap.setEndian("little"))
      yield* Layout.read(map, task, at)
      assert.strictEqual((yield* Effect.flip(Layout.read(map, task, at)))._tag, "SourceError")
    })
  )
})

describe("streams and arrays", () => {
  it.effect("give what readers give, value by value, up to the hole", () =>
    Effect.gen(function* () {
      const bytes = fill(3)
      const map = yield* mapOf(bytes)
      const pair = Layout.struct("pair", { a: Layout.uint8, b: Layout.uint16 })
      const all = yield* Layout.readArray(map, pair, at, 2048)
      const reader = yield* MemoryMap.reader(map)
      assert.deepStrictEqual(
        all,
        Array.from({ length: 2048 }, (_, i) => reader.get(pair, at + BigInt(4 * i)))
      )
      const streamed = Layout.stream(map, pair, { start: at, end: at + 0x3000n })
      let error: unknown
      const got = yield* Stream.runCollect(
        Stream.catch(streamed, (cause) =>
          Stream.drain(
            Stream.sync(() => {
              error = cause
            })
          )
        )
      )
      assert.deepStrictEqual(got, all)
      assert.include(error as object, { _tag: "UnmappedAddress", address: at + 0x2000n, path: "pair.a" })
      assert.deepStrictEqual(
        yield* Stream.runCollect(Layout.stream(map, pair, { start: at, end: at + 7n })),
        all.slice(0, 1)
      )
      assert.deepStrictEqual(yield* Layout.readArray(map, pair, at, 0), [])
    })
  )
})

describe("layouts", () => {
  it("say where their members lie", () => {
    const line = Layout.struct("line", {
      kind: Layout.bits(Layout.uint16, 3),
      _0: Layout.anonymous(Layout.union("", { at: Layout.array(task, 2), raw: Layout.bytes(96) }))
    })
    assert.strictEqual(Layout.offsetOf(line, "at[1].next"), 8 + 32 + 24)
    assert.strictEqual(line.pipe(Layout.offsetOf("at[1].next", Layout.i386)), 4 + 24 + 20)
    assert.deepStrictEqual(
      Layout.memberAt(line, 50),
      Option.some({ path: "at[1].comm", offset: 44, size: 16, bits: undefined })
    )
    assert.deepStrictEqual(
      Layout.memberAt(line, 0),
      Option.some({ path: "kind", offset: 0, size: 1, bits: { offset: 0, size: 3 } })
    )
    assert.deepStrictEqual(Layout.memberAt(line, 1), Option.none())
    assert.deepStrictEqual(Layout.memberAt(line, 104), Option.none())
    assert.deepStrictEqual(
      [Layout.sizeOf(line), Layout.alignOf(line), line.pipe(Layout.sizeOf(Layout.i386))],
      [104, 8, 100]
    )
  })

  it("that make no sense are mistakes of the program", () => {
    const { flexibleArray, struct, uint8 } = Layout
    assert.throws(() => struct("s", { 1: uint8 }), /cannot be the name/)
    assert.throws(() => struct("s", { ["__proto__"]: uint8 }), /cannot be the name/)
    assert.throws(() => struct("s", { a: uint8, _0: Layout.anonymous(struct("", { a: uint8 })) }), /two members/)
    assert.throws(() => struct("s", { data: flexibleArray(uint8, "count") }), /no member before/)
    assert.throws(() => struct("s", { n: Layout.float32, data: flexibleArray(uint8, "n") }), /no integer/)
    assert.throws(() => Layout.sizeOf(struct("s", { n: uint8, data: flexibleArray(uint8, "n"), last: uint8 })), /last/)
    assert.throws(() => struct("s", { a: Layout.bits(uint8, 0) }), /no name/)
    assert.throws(() => Layout.bits(uint8, 9), /from 0 to 8/)
    assert.throws(() => Layout.bits(Layout.float32, 3), /integer/)
    assert.throws(() => Layout.array(uint8, -1), /whole number/)
    assert.throws(() => Layout.array(Layout.bits(uint8, 1), 2), /members of structs/)
    assert.throws(() => Layout.aligned(uint8, 3), /power of two/)
    assert.throws(() => struct("s", { a: uint8 }, { packed: 3 }), /power of two/)
    assert.throws(() => Layout.sizeOf(struct("s", { a: Layout.uint32 }, { size: 2 })), /take 4 bytes/)
    assert.throws(() => Layout.enumeration({ A: 1n << 40n }), /does not fit/)
    assert.throws(() => Layout.offsetOf(task, "name" as never), /no member name/)
  })

  it("refuse values that do not fit, by the name of the member", () => {
    const refused = (value: object, why: RegExp) =>
      assert.throws(() => Layout.encode(task, value as never, Layout.LP64), why)
    refused({ pid: -1, comm: "a", next: 0n }, /pid: -1 does not fit into 32 bits/)
    refused({ pid: 1.5, comm: "a", next: 0n }, /pid: 1.5 is no whole number/)
    refused({ pid: 1, comm: "a".repeat(17), next: 0n }, /comm: .* takes 17 bytes, there are 16/)
    refused({ pid: 1, comm: "a\0b", next: 0n }, /comm: .* NUL/)
    refused({ pid: 1, comm: "a" }, /next: it is missing/)
    const message = Layout.struct("message", { n: Layout.uint8, data: Layout.flexibleArray(Layout.uint8, "n") })
    assert.throws(
      () => Layout.encode(message, { n: 2, data: [1] }, Layout.LP64),
      /n: it says 2 elements, and there are 1/
    )
    assert.deepStrictEqual(Layout.encode(message, { n: 2, data: [8, 9] }, Layout.LP64), new Uint8Array([2, 8, 9]))
  })

  it("leave out members of a union that are not given, and write the rest", () => {
    const word = Layout.union("word", { value: Layout.uint32, bytes: Layout.bytes(4) })
    assert.deepStrictEqual(
      Layout.encode(word, { value: 0x01020304 } as never, Layout.LP64),
      new Uint8Array([4, 3, 2, 1])
    )
  })

  it.effect("patch an image in its own byte order and data model", () =>
    Effect.gen(function* () {
      const map = yield* mapOf(new Uint8Array(32), { ...Layout.ILP32, endian: "big" })
      const value = { pid: 7, comm: "patched", next: 0x1000n }
      const patched = yield* MemoryMap.addBytes(map, Layout.encode(task, value, MemoryMap.getDataModel(map)), at)
      assert.deepStrictEqual(yield* Layout.read(patched, task, at), value)
      assert.throws(() => MemoryMap.setDataModel(map, Layout.LP64), /words of this map have 32 bits/)
    })
  )

  it("are printed as C prints their type", () => {
    assert.strictEqual(String(task), "Layout(struct task)")
    assert.strictEqual(
      String(
        Layout.array(
          Layout.pointerTo(() => task),
          3
        )
      ),
      "Layout(struct task * [3])"
    )
    assert.strictEqual(String(Layout.pointerTo(() => Layout.cString(8))), "Layout(char (*)[8])")
  })
})
