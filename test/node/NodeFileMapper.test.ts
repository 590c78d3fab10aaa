import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import * as NFS from "node:fs"
import * as FileMapper from "../../src/FileMapper.ts"
import { pin } from "../../src/internal/source/pin.ts"
import { Libc } from "../../src/node/libc.ts"
import * as NodeFileMapper from "../../src/node/NodeFileMapper.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { descriptors, diskFilesSuite } from "../suites/diskFilesSuite.ts"
import { files, fileMapperSuite } from "../suites/fileMapperSuite.ts"

const path = temporaryFiles(files)

const withoutLibc = Layer.provide(Layer.succeed(Libc, Effect.fail({ why: "the test took it away" })))
const isWindows = process.platform === "win32"

for (const [name, layer, resident] of [
  ["layer", NodeFileMapper.layer, !isWindows],
  ["layer without koffi", withoutLibc(NodeFileMapper.layer), false]
] as const) {
  fileMapperSuite(name, { layer, path, missing: path("missing"), resident })
  diskFilesSuite(name, layer)
}

describe.skipIf(isWindows)("where there is mmap, unlike on Windows", () => {
  fileMapperSuite("layerMmap", { layer: NodeFileMapper.layerMmap, path, missing: path("missing"), resident: true })
  diskFilesSuite("layerMmap", NodeFileMapper.layerMmap)
})

describe("layerMmap without koffi", () => {
  it.effect("fails with NativeUnavailable where koffi is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(withoutLibc(NodeFileMapper.layerMmap)))
      assert.strictEqual(error._tag, "NativeUnavailable")
      assert.include(error.message, "koffi")
    })
  )
})

describe.skipIf(isWindows)("a file in memory (where there is mmap)", () => {
  const open = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const source = yield* Scope.provide(FileMapper.map(path("content")), scope)
    return { source, bytes: source.resident!, close: Scope.close(scope, Exit.void) }
  })

  it.effect("leaves those who kept its bytes with an empty array", () =>
    Effect.gen(function* () {
      const { bytes, close } = yield* open
      const part = bytes.subarray(10, 20)
      assert.strictEqual(part.length, 10)
      yield* close
      assert.deepStrictEqual([bytes.length, part.length, part[0]], [0, 0, undefined])
      assert.isUndefined(pin(part))
    }).pipe(Effect.provide(NodeFileMapper.layerMmap))
  )

  it.effect("gives the address of its bytes when pinned, and none for ordinary memory", () =>
    Effect.gen(function* () {
      const { bytes, close } = yield* open
      const [whole, part] = [pin(bytes)!, pin(bytes.subarray(10))!]
      assert.strictEqual(part.address! - whole.address!, 10n)
      whole.release()
      part.release()
      yield* close
      assert.isUndefined(pin(new Uint8Array(4))!.address)
    }).pipe(Effect.provide(NodeFileMapper.layerMmap))
  )

  it.effect("closes when the native calls that pinned its bytes have returned, and refuses new ones meanwhile", () =>
    Effect.gen(function* () {
      const { bytes, close, source } = yield* open
      const memmem = (yield* yield* Libc).func("void *memmem(const void *h, size_t hl, const void *n, size_t nl)")
      const found: Array<bigint> = []
      const needle = files.content.subarray(131_064, 131_080)
      const there = BigInt(Buffer.from(files.content).indexOf(needle))
      const held = Array.from({ length: 8 }, () => pin(bytes)!)
      for (const { address, release } of held) {
        memmem.async(address, bytes.length, needle, needle.length, (_: unknown, at: bigint) => {
          found.push(at - address!)
          release()
        })
      }
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      assert.isUndefined(source.resident)
      assert.isUndefined(pin(bytes))
      assert.strictEqual(bytes.length, files.content.length)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(
        found,
        held.map(() => there)
      )
      assert.strictEqual(bytes.length, 0)
    }).pipe(Effect.provide(NodeFileMapper.layerMmap))
  )

  it.effect("is not handed out once its file has shrunk, and is again when the file has its size back", () =>
    Effect.gen(function* () {
      const file = path("wobbly")
      NFS.writeFileSync(file, new Uint8Array(10_000))
      const source = yield* FileMapper.map(file)
      const handedOut = () => source.resident?.length
      assert.strictEqual(handedOut(), 10_000)
      NFS.truncateSync(file, 0) // in the same turn: only reading through the file notices
      assert.strictEqual((yield* Effect.flip(source.read(0n, 10_000))).reason, "Truncated")
      NFS.truncateSync(file, 9999) // within the last page: touching it would be safe, and show made-up zeros
      yield* Effect.yieldNow
      assert.isUndefined(handedOut())
      NFS.truncateSync(file, 10_000)
      assert.strictEqual(handedOut(), 10_000)
    }).pipe(Effect.provide(NodeFileMapper.layerMmap))
  )

  // The files of sysfs are regular files of 4096 bytes that mmap(2) refuses.
  const odd = "/sys/kernel/mm/transparent_hugepage/enabled"
  it.effect.runIf(NFS.existsSync(odd))("is read by position where it cannot be mapped, and refused by layerMmap", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(FileMapper.map(odd).pipe(Effect.provide(NodeFileMapper.layerMmap)))
      assert.include(error.message, "mmap: ENODEV")
      const first = yield* Effect.gen(function* () {
        const before = descriptors()
        const source = yield* FileMapper.map(odd)
        assert.isUndefined(source.resident)
        assert.strictEqual(descriptors(), before + 1) // that of the attempt is closed
        return yield* source.read(0n, 6)
      }).pipe(Effect.provide(NodeFileMapper.layer))
      assert.deepStrictEqual(first, new Uint8Array(NFS.readFileSync(odd).subarray(0, 6)))
    })
  )
})
