import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FileMapper, MemoryImage, MemoryMap, Snapshot } from "../src/index.ts"
import { buildElf } from "./support/elfBuilder.ts"
import { binary, collect, contents } from "./support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const names = (map: MemoryMap.Mapped) => [...MemoryMap.mappings(map)].map((mapping) => mapping.name)

describe("MemoryImage.open", () => {
  const files = FileMapper.layerTest({
    "/core": buildElf({ segments: [{ virtual: 0x1000n, bytes: u8(1, 2, 3) }] }),
    "/hex": new TextEncoder().encode(":020010000102EB\n:00000001FF\n"),
    "/object": buildElf({ type: 1, segments: [{ virtual: 0x1000n, bytes: u8(1) }] }),
    "/bytes": u8(1, 2, 3),
    "/empty": u8()
  })

  it.effect("recognises the format by what is in the file", () =>
    Effect.gen(function* () {
      const elf = yield* MemoryImage.open("/core")
      assert.deepStrictEqual([elf.format, names(elf.map)], ["elf", ["/core"]])
      const hex = yield* MemoryImage.open("/hex")
      assert.strictEqual(hex.format, "ihex")
    }).pipe(Effect.provide(files))
  )

  it.effect("tells a snapshot from any other ELF file", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("saved", 0x1000n, { name: "text" })
      const bytes = yield* collect(Snapshot.toStream(map))
      const image = yield* MemoryImage.fromSource(binary(bytes))
      assert.deepStrictEqual([image.format, names(image.map)], ["snapshot", ["text"]])
      const plain = yield* MemoryImage.fromSource(binary(bytes), { format: "elf" })
      assert.strictEqual(yield* MemoryMap.getString(plain.map, 0x1000n, { maxLength: 5 }), "saved")
    })
  )

  it.effect("takes raw bytes when told to", () =>
    Effect.gen(function* () {
      const forced = yield* MemoryImage.open("/core", { format: "raw" })
      assert.deepStrictEqual(yield* MemoryMap.getBytes(forced.map, 1n, 3), u8(0x45, 0x4c, 0x46))
      const placed = yield* MemoryImage.open("/bytes", { address: 0x10n })
      assert.deepStrictEqual(
        [placed.format, yield* contents(placed.map)],
        ["raw", [{ start: 0x10n, bytes: u8(1, 2, 3) }]]
      )
    }).pipe(Effect.provide(files))
  )

  it.effect("refuses what it does not know, and a format that is not there", () =>
    Effect.gen(function* () {
      for (const path of ["/bytes", "/empty"]) {
        const unknown = yield* Effect.flip(MemoryImage.open(path))
        assert.include(unknown.message, `${path}: unknown: its content is of no known format`)
      }
      const forced = yield* Effect.flip(MemoryImage.open("/hex", { format: "elf" }))
      assert.strictEqual(
        forced.message,
        "/hex: elf, offset 0x0: e_ident does not start with 0x7f, E, L, F: not an ELF file"
      )
      const object = yield* Effect.flip(MemoryImage.open("/object"))
      assert.include(object.message, "/object: elf, offset 0x10: e_type is ET_REL")
      const missing = yield* Effect.flip(MemoryImage.open("/missing"))
      assert.strictEqual(missing._tag, "PlatformError")
    }).pipe(Effect.provide(files))
  )

  it.effect("passes options on to the format", () =>
    Effect.gen(function* () {
      const { map } = yield* MemoryImage.open("/core", { addresses: "physical" })
      assert.strictEqual(yield* MemoryMap.getByte(map, 0n), 1)
    }).pipe(Effect.provide(files))
  )

  it.effect("lets go of the file with the scope", () =>
    Effect.gen(function* () {
      const image = yield* Effect.scoped(MemoryImage.open("/core"))
      const error = yield* Effect.flip(MemoryMap.getByte(image.map, 0x1000n))
      assert.strictEqual(error._tag === "SourceError" && error.reason, "Closed")
    }).pipe(Effect.provide(files))
  )
})
