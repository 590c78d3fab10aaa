// The program of somebody who installed the package. Copied into an empty project, compiled there and run:
// `node consumer.ts koffi` or `node consumer.ts`, with koffi installed or not.
import { Effect, Result } from "effect"
import { MemoryMap } from "effect-memory-map"
import * as AddressRange from "effect-memory-map/AddressRange"
import { NodeFileMapper } from "effect-memory-map/node"
import { deepStrictEqual, strictEqual } from "node:assert/strict"

const [koffi] = process.argv.slice(2)

const read = Effect.gen(function* () {
  const file = yield* MemoryMap.fromFile("package.json", 0x1000n)
  const map = yield* MemoryMap.addString(file, "hello\0", 0x2000n)
  const hole = MemoryMap.getByte(map, 0x3000n).pipe(
    Effect.catchTag("UnmappedAddress", (error) => Effect.succeed(error._tag))
  )
  return [
    yield* MemoryMap.getByte(map, 0x1000n),
    yield* MemoryMap.getString(map, 0x2000n),
    yield* hole,
    AddressRange.size(AddressRange.make(0n, 16n))
  ]
}).pipe(Effect.scoped)

deepStrictEqual(await Effect.runPromise(Effect.provide(read, NodeFileMapper.layer)), [
  "{".charCodeAt(0),
  "hello",
  "UnmappedAddress",
  16n
])

const mapped = await Effect.runPromise(Effect.result(Effect.provide(read, NodeFileMapper.layerMmap)))
strictEqual(Result.isSuccess(mapped) ? "mmap" : mapped.failure._tag, koffi === "koffi" ? "mmap" : "NativeUnavailable")

for (const hidden of ["internal/numbers", "node/NodeFileMapper", "cli/Main", "bin", "index"]) {
  const outcome = await import(`effect-memory-map/${hidden}`).then(
    () => "found",
    (error: NodeJS.ErrnoException) => error.code
  )
  strictEqual(outcome, "ERR_PACKAGE_PATH_NOT_EXPORTED", hidden)
}
