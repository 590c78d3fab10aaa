// A real core dump, and gdb's word on what is in it. test/fixtures/README.md says how both were made.
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type * as Elf from "../../src/image/Elf.ts"
import { AddressRange, ByteSource, FileMapper, MemoryImage, MemoryMap } from "../../src/index.ts"

interface Truth {
  readonly pid: number
  readonly symbols: Readonly<Record<string, string>>
  readonly nodes: ReadonlyArray<{ readonly address: string; readonly id: number; readonly name: string }>
  readonly table: ReadonlyArray<string>
  readonly banner: string
  readonly utf8: string
  readonly numbers: Readonly<Record<string, { readonly address: string; readonly value: string }>>
  readonly pointers: Readonly<Record<"guarded" | "sparse" | "edge", string>>
  readonly registers: Readonly<Record<string, string>>
  readonly auxv: ReadonlyArray<{ readonly type: number; readonly value: string; readonly text: string }>
  readonly files: ReadonlyArray<{
    readonly start: string
    readonly end: string
    readonly offset: string
    readonly path: string
  }>
  readonly loads: ReadonlyArray<{ readonly start: string; readonly end: string; readonly offset: string }>
  readonly bytes: ReadonlyArray<{ readonly address: string; readonly hex: string }>
}

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const truth: Truth = JSON.parse(readFileSync(fixture("list.json"), "utf8"))
const symbol = (name: string) => BigInt(truth.symbols[name]!)
const pointer = (name: keyof Truth["pointers"]) => BigInt(truth.pointers[name])

const opened = MemoryImage.open(fixture("list.core"), { format: "elf" })
const mapped = Effect.map(opened, ({ map }) => map)

const find = <Tag extends Elf.ElfNote["_tag"]>(image: Elf.ElfImage, tag: Tag) =>
  image.notes.filter((note): note is Extract<Elf.ElfNote, { readonly _tag: Tag }> => note._tag === tag)

layer(Layer.provide(FileMapper.layerFileSystem, NodeFileSystem.layer))("list.core, as gdb reads it", (it) => {
  it.effect("the list, walked from its head", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      const nodes: Array<Truth["nodes"][number]> = []
      let node = yield* MemoryMap.followPointer(map, symbol("head"))
      while (node !== 0n) {
        const name = yield* MemoryMap.followPointer(map, node + 8n)
        nodes.push({
          address: AddressRange.formatAddress(node),
          id: yield* MemoryMap.getCInt(map, node),
          name: yield* MemoryMap.getString(map, name)
        })
        assert.isTrue(yield* MemoryMap.isCIdentifier(map, name))
        node = yield* MemoryMap.followPointer(map, node + 16n)
      }
      assert.deepStrictEqual(nodes, truth.nodes)
      assert.strictEqual(nodes.length, 12)
    })
  )

  it.effect("holds the table of pointers, each leading to its text", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      const table: Array<string> = []
      for (let at = symbol("table"); table.length < truth.table.length; at = MemoryMap.succLong(map, at)) {
        table.push(AddressRange.formatAddress(yield* MemoryMap.getPointer(map, at)))
      }
      assert.deepStrictEqual(table, truth.table)
    })
  )

  it.effect("strings", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      assert.strictEqual(yield* MemoryMap.getString(map, symbol("banner")), truth.banner)
      assert.strictEqual(yield* MemoryMap.getString(map, symbol("utf8")), truth.utf8)
      assert.isTrue(yield* MemoryMap.isString(map, symbol("banner")))
      assert.isFalse(yield* MemoryMap.isString(map, symbol("utf8")))
    })
  )

  it.effect("holds numbers of every type as gdb reads them", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      const at = (name: string) => BigInt(truth.numbers[name]!.address)
      const read: Readonly<Record<string, number | bigint>> = {
        i8: yield* MemoryMap.getInt8(map, at("i8")),
        u16: yield* MemoryMap.getUint16(map, at("u16")),
        i32: yield* MemoryMap.getInt32(map, at("i32")),
        u32: yield* MemoryMap.getUint32(map, at("u32")),
        i64: yield* MemoryMap.getInt64(map, at("i64")),
        u64: yield* MemoryMap.getUint64(map, at("u64")),
        f32: yield* MemoryMap.getFloat32(map, at("f32")),
        f64: yield* MemoryMap.getFloat64(map, at("f64"))
      }
      assert.deepStrictEqual(
        Object.entries(read).map(([name, value]) => [name, String(value)]),
        Object.entries(truth.numbers).map(([name, { value }]) => [name, value])
      )
    })
  )

  it.effect("bytes of global data, the stack and an mmap", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      for (const { address, hex } of truth.bytes) {
        const bytes = yield* MemoryMap.getBytes(map, BigInt(address), hex.length / 2)
        assert.strictEqual(Buffer.from(bytes).toString("hex"), hex)
      }
      assert.isAbove(truth.bytes.length, 3)
    })
  )

  it.effect("segments, and where in the file their bytes are", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      assert.deepStrictEqual(
        [...MemoryMap.segments(map)].map(({ mapping, offset, range }) => ({
          range,
          offset: ByteSource.origin(mapping.source, offset).offset
        })),
        truth.loads.map(({ end, offset, start }) => ({
          range: { start: BigInt(start), end: BigInt(end) },
          offset: BigInt(offset)
        }))
      )
    })
  )

  it.effect("the guard page is a hole, and text that ends before it has no end", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      const guard = pointer("guarded") + 0x1000n
      assert.strictEqual(yield* MemoryMap.getByte(map, guard - 0x1000n), 0x11)
      assert.strictEqual(yield* MemoryMap.getByte(map, guard + 0x1000n), 0x22)
      assert.isFalse(MemoryMap.isMapped(map, guard))
      const error = yield* Effect.flip(MemoryMap.getString(map, pointer("edge")))
      assert.strictEqual(error._tag, "UnmappedAddress")
      if (error._tag !== "UnmappedAddress") return
      assert.deepStrictEqual(
        [error.address, error.available, error.hole],
        [guard, 4n, { start: guard, end: guard + 0x1000n }]
      )
    })
  )

  it.effect("pages never touched read as zeros", () =>
    Effect.gen(function* () {
      const map = yield* mapped
      const sparse = pointer("sparse")
      assert.strictEqual(yield* MemoryMap.getString(map, sparse), "first")
      assert.strictEqual(yield* MemoryMap.getString(map, sparse + 0x3000n), "fourth")
      assert.strictEqual(yield* MemoryMap.getString(map, sparse + 0x7ffbn), "last")
      assert.deepStrictEqual(yield* MemoryMap.getBytes(map, sparse + 0x1000n, 0x2000), new Uint8Array(0x2000))
    })
  )
})

layer(Layer.provide(FileMapper.layerFileSystem, NodeFileSystem.layer))(
  "the notes of list.core, as gdb reads them",
  (it) => {
    it.effect("has the facts that readelf prints", () =>
      Effect.gen(function* () {
        const image = yield* opened
        assert.deepStrictEqual(
          [image.format, image.type, image.fileClass, image.machine, image.machineCode, image.problems],
          ["elf", "core", 64, "x86-64", 62, []]
        )
        assert.strictEqual(MemoryMap.getWordSize(image.map), 64)
        assert.strictEqual(MemoryMap.getEndian(image.map), "little")
      })
    )

    it.effect("tells the thread and its registers as gdb does", () =>
      Effect.gen(function* () {
        const [thread, ...others] = find(yield* opened, "ThreadStatus")
        assert.deepStrictEqual(others, [])
        assert.strictEqual(thread?.thread, truth.pid)
        for (const [name, value] of Object.entries(truth.registers)) {
          assert.strictEqual(thread?.registers[name], BigInt(value), name)
        }
        assert.strictEqual(Object.keys(thread?.registers ?? {}).length, 27)
      })
    )

    it.effect("the process", () =>
      Effect.gen(function* () {
        const [process] = find(yield* opened, "ProcessInfo")
        assert.deepInclude(process, { process: truth.pid, name: "list", arguments: "/tmp/list-fixture/list" })
      })
    )

    it.effect("the auxiliary vector, whose pointers lead into the map", () =>
      Effect.gen(function* () {
        const image = yield* opened
        const [vector] = find(image, "AuxiliaryVector")
        assert.deepStrictEqual(
          vector?.entries.map(({ type, value }) => ({ type: Number(type), value: AddressRange.formatAddress(value) })),
          truth.auxv.slice(0, -1).map(({ type, value }) => ({ type, value })),
          "all but AT_NULL"
        )
        const name = vector?.entries.find((entry) => entry.name === "AT_EXECFN")
        const expected = truth.auxv.find(({ type }) => type === 31)?.text
        assert.strictEqual(yield* MemoryMap.getString(image.map, name?.value ?? 0n), expected)
      })
    )

    it.effect("the files that were mapped, which name the mappings", () =>
      Effect.gen(function* () {
        const image = yield* opened
        const [files] = find(image, "FileMappings")
        const expected = truth.files.map(({ end, offset, path, start }) => ({
          range: { start: BigInt(start), end: BigInt(end) },
          offset: BigInt(offset),
          path
        }))
        assert.deepStrictEqual(files?.files, expected)
        const names = new Map([...MemoryMap.mappings(image.map)].map(({ name, range }) => [range.start, name]))
        for (const { path, range } of expected) {
          if (names.has(range.start)) assert.strictEqual(names.get(range.start), path)
        }
        const rsp = BigInt(truth.registers["rsp"]!)
        const named = (address: bigint) => Option.getOrUndefined(MemoryMap.mappingAt(image.map, address))?.name
        assert.strictEqual(named(rsp), "[stack]")
        assert.strictEqual(named(BigInt(truth.auxv[0]!.value)), "[vdso]")
        assert.strictEqual(named(0xffffffffff600000n), "[vsyscall]")
        assert.strictEqual(named(symbol("head")), "/tmp/list-fixture/list")
        assert.strictEqual(named(BigInt(truth.nodes[0]!.address)), fixture("list.core"))
      })
    )

    it.effect("what is not decoded can be read", () =>
      Effect.gen(function* () {
        const image = yield* opened
        const description = find(image, "Other").find((note) => note.owner === "GDB")?.description
        assert.isDefined(description)
        if (description === undefined) return
        const text = new TextDecoder().decode(yield* description.read(0n, Number(description.size)))
        assert.match(text, /^<\?xml version="1\.0"\?>\n<!DOCTYPE target[^]*<\/target>\n\0$/)
      })
    )
  }
)

describe("the fixture", () => {
  it("is small enough to be kept in the repository", () =>
    assert.isBelow(readFileSync(fixture("list.core")).length, 300_000))
})
