// Files as they come: a core dump of 10 GiB, a dump that QEMU makes, the program that runs this test.
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { spawnSync } from "node:child_process"
import { openSync, closeSync, ftruncateSync, readFileSync, writeSync } from "node:fs"
import * as Elf from "../../src/image/Elf.ts"
import { FileMapper, MemoryMap } from "../../src/index.ts"
import { NodeFileMapper } from "../../src/node/index.ts"
import { buildElf } from "../support/elfBuilder.ts"
import { has } from "../support/images.ts"
import { temporaryFiles } from "../support/temporary.ts"

const GiB = 1n << 30n
const positional = Layer.provide(FileMapper.layerFileSystem, NodeFileSystem.layer)
const path = temporaryFiles()

/** A sparse file of two segments of 5 GiB, with a few bytes at the end of each. */
const writeLarge = () => {
  const segment = (offset: bigint, virtual: bigint) => ({ offset, virtual, fileSize: 5n * GiB, memorySize: 6n * GiB })
  const file = openSync(path("large.core"), "w")
  const last = 1024n + 10n * GiB
  ftruncateSync(file, Number(last))
  writeSync(
    file,
    buildElf({ segments: [segment(1024n, 0x1000n), segment(1024n + 5n * GiB, 1n << 46n)] }),
    0,
    undefined,
    0
  )
  writeSync(file, "first\0last\0", Number(1024n + 5n * GiB - 6n))
  writeSync(file, "end\0", Number(last - 4n))
  closeSync(file)
  return path("large.core")
}

for (const [name, files] of [
  ["by position", positional],
  ["by NodeFileMapper.layer", NodeFileMapper.layer]
] as const) {
  layer(files)(`a core dump of 10 GiB, read ${name}`, (it) => {
    it.effect("opens, and reads right at its far ends", () =>
      Effect.gen(function* () {
        const { map } = yield* Elf.open(writeLarge())
        assert.strictEqual(MemoryMap.mappedSize(map), 10n * GiB)
        assert.strictEqual(yield* MemoryMap.getString(map, 0x1000n + 5n * GiB - 6n), "first")
        assert.strictEqual(yield* MemoryMap.getString(map, 1n << 46n), "last")
        assert.strictEqual(yield* MemoryMap.getString(map, (1n << 46n) + 5n * GiB - 4n), "end")
        const error = yield* Effect.flip(MemoryMap.getByte(map, (1n << 46n) + 5n * GiB))
        assert.include(error.message, "left out of the dump")
      })
    )
  })
}

const QEMU = "qemu-system-x86_64"
describe.skipIf(!has(QEMU))(`what ${QEMU} dumps (skipped without it)`, () => {
  it.effect("is what it saves of the same memory", () =>
    Effect.gen(function* () {
      const commands = [
        `dump-guest-memory ${path("qemu.elf")}`,
        `pmemsave 0 0x400000 "${path("qemu.raw")}"`,
        "quit",
        ""
      ]
      const { error, status } = spawnSync(
        QEMU,
        ["-m", "4M", "-S", "-display", "none", "-nodefaults", "-monitor", "stdio"],
        { input: commands.join("\n"), timeout: 25_000 }
      )
      assert.deepStrictEqual([error, status], [undefined, 0])
      const image = yield* Elf.open(path("qemu.elf"))
      assert.deepStrictEqual([image.type, image.fileClass, image.machine], ["core", 64, "i386"])
      assert.strictEqual(MemoryMap.getWordSize(image.map), 32)
      const memory = yield* MemoryMap.getBytes(image.map, 0n, 0x400000)
      assert.isTrue(Buffer.from(memory).equals(readFileSync(path("qemu.raw"))))
      // The processor waits at its reset vector, f000:fff0.
      const thread = image.notes.find((note) => note._tag === "ThreadStatus")
      assert.deepInclude(thread?.registers, { eip: 0xfff0n, cs: 0xf000n })
      assert.strictEqual(image.notes.at(-1)?.owner, "QEMU")
      const [mapping] = MemoryMap.mappings(image.map)
      assert.isUndefined(mapping?.permissions)
    }).pipe(Effect.provide(positional))
  )
})

describe.skipIf(process.platform !== "linux")("this program (skipped where programs are no ELF files)", () => {
  it.effect("opens, with code where it starts", () =>
    Effect.gen(function* () {
      const image = yield* Elf.open(process.execPath)
      assert.include(["exec", "dyn"], image.type)
      assert.deepStrictEqual(image.problems, [])
      const [mapping] = [...MemoryMap.mappingsAt(image.map, image.entry)]
      assert.isTrue(mapping?.permissions?.execute)
      assert.strictEqual(mapping?.name, process.execPath)
      assert.lengthOf(yield* MemoryMap.getBytes(image.map, image.entry, 16), 16)
    }).pipe(Effect.provide(positional))
  )
})
