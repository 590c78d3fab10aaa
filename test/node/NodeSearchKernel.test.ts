import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import * as NFS from "node:fs"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { Libc } from "../../src/node/libc.ts"
import * as NodeFileMapper from "../../src/node/NodeFileMapper.ts"
import * as NodeSearchKernel from "../../src/node/NodeSearchKernel.ts"
import { SearchKernel, typescript } from "../../src/SearchKernel.ts"
import { searchKernelSuite } from "../suites/searchKernelSuite.ts"
import { temporaryFiles } from "../support/temporary.ts"

const isWindows = process.platform === "win32"
const path = temporaryFiles()
const text = new TextEncoder().encode("needle in memory")

const withoutLibc = Layer.provide(Layer.succeed(Libc, Effect.fail({ why: "the test took it away" })))

searchKernelSuite("the kernel for Node", NodeSearchKernel.layer)

describe("NodeSearchKernel", () => {
  it.effect("is the C library's memmem, or the default kernel where that cannot be had", () =>
    Effect.gen(function* () {
      const name = Effect.map(SearchKernel, (kernel) => kernel.name)
      assert.strictEqual(yield* Effect.provide(name, NodeSearchKernel.layer), isWindows ? "typescript" : "memmem")
      const kernel = yield* Effect.provide(SearchKernel, withoutLibc(NodeSearchKernel.layer))
      assert.strictEqual(kernel, typescript)
    })
  )
})

describe("very many searches at once", () => {
  it.live("all find what they look for", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(12 << 20)
      const places = [7, (5 << 20) + 3, (12 << 20) - text.length]
      for (const at of places) bytes.set(text, at)
      const map = yield* MemoryMap.fromBytes(bytes, 0n)
      const searches = Array.from({ length: 120 }, () => Stream.runCollect(MemoryMap.findAll(map, text)))
      const found = yield* Effect.all(searches, { concurrency: "unbounded" })
      for (const one of found) assert.deepStrictEqual(one, places.map(BigInt))
    }).pipe(Effect.provide(NodeSearchKernel.layer))
  )
})

const byPosition = Layer.provide(FileMapper.layerFileSystem, NodeFileSystem.layer)

const layers = {
  "mmap, memmem": Layer.merge(NodeFileMapper.layer, NodeSearchKernel.layer),
  "mmap, typescript": NodeFileMapper.layer,
  "positional reads, memmem": Layer.merge(byPosition, NodeSearchKernel.layer),
  "positional reads, typescript": byPosition
}

for (const [name, layer] of Object.entries(layers)) {
  describe(`a search in a file, ${name}`, () => {
    const provided = Effect.provide(layer)

    it.live("finds a needle at 5 GiB of a file of 6", () =>
      Effect.gen(function* () {
        const file = path(`sparse of ${name}`)
        const fd = NFS.openSync(file, "w")
        NFS.ftruncateSync(fd, 6 * 2 ** 30)
        NFS.writeSync(fd, text, 0, text.length, 5 * 2 ** 30 - 7)
        NFS.closeSync(fd)
        const map = yield* MemoryMap.fromFile(file, 0x1000n)
        const address = 0x1000n + 5n * (1n << 30n) - 7n
        const range = { start: address - (20n << 20n), end: address + (20n << 20n) }
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, text, { range })), [address])
        const pointers = MemoryMap.findAll(map, text.slice(7, 15), { range, alignment: 8 })
        assert.deepStrictEqual(yield* Stream.runCollect(pointers), [address + 7n])
      }).pipe(Effect.scoped, provided)
    )

    it.live("whose scope closes meanwhile fails with Closed, and nothing crashes", () =>
      Effect.gen(function* () {
        const file = path(`closing of ${name}`)
        NFS.writeFileSync(file, new Uint8Array(64 << 20).fill(0x20))
        let closed = 0
        for (let round = 0; round < 20; round++) {
          const scope = yield* Scope.make()
          const map = yield* Scope.provide(MemoryMap.fromFile(file, 0n), scope)
          const search = yield* Effect.forkChild(Effect.result(Stream.runCollect(MemoryMap.findAll(map, text))))
          for (let turn = 0; turn < round; turn++) yield* Effect.yieldNow
          yield* Scope.close(scope, Exit.void)
          const result = yield* Fiber.join(search)
          // When it was quicker than the closing, it has seen everything.
          if (result._tag === "Success") assert.deepStrictEqual(result.success, [])
          else {
            assert.strictEqual(result.failure._tag === "SourceError" && result.failure.reason, "Closed")
            closed++
          }
        }
        assert.isAbove(closed, 4)
      }).pipe(provided)
    )

    it.live("that is cut short meanwhile gives what is left, then Truncated", () =>
      Effect.gen(function* () {
        const file = path(`shrinking of ${name}`)
        const bytes = new Uint8Array(72 << 20)
        for (let at = 0; at < bytes.length; at += 1 << 20) bytes.set(text, at + 100)
        NFS.writeFileSync(file, bytes)
        const map = yield* MemoryMap.fromFile(file, 0n)
        const found: Array<bigint> = []
        const error = yield* MemoryMap.findAll(map, text).pipe(
          Stream.runForEach((address) =>
            Effect.sync(() => {
              found.push(address)
              if (found.length === 1) NFS.truncateSync(file, 40 << 20) // behind all that is being looked at
            })
          ),
          Effect.flip
        )
        assert.strictEqual(error._tag === "SourceError" && error.reason, "Truncated")
        assert.strictEqual(error._tag === "SourceError" && error.offset, 40n << 20n)
        assert.deepStrictEqual(
          found.filter((address) => address < 40n << 20n),
          Array.from({ length: 40 }, (_, i) => BigInt(i << 20) + 100n)
        )
      }).pipe(Effect.scoped, provided)
    )
  })
}

describe("files read by position", () => {
  it.live("are searched by the kernel as well", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(9 << 20)
      const places = [5, (4 << 20) - 8, (8 << 20) - 1, (9 << 20) - text.length]
      for (const at of places) bytes.set(text, at)
      NFS.writeFileSync(path("positions"), bytes)
      const withoutMmap = Layer.merge(withoutLibc(NodeFileMapper.layer), NodeSearchKernel.layer)
      const search = Effect.gen(function* () {
        const source = yield* FileMapper.map(path("positions"))
        assert.isUndefined(source.resident)
        const map = yield* MemoryMap.add(MemoryMap.empty, source, 0n)
        return yield* Stream.runCollect(MemoryMap.findAll(map, text))
      })
      const found = yield* search.pipe(Effect.scoped, Effect.provide(withoutMmap))
      assert.deepStrictEqual(found, places.map(BigInt))
    })
  )
})
