// What a map held is given back with it: nothing in the package remembers bytes of maps that are gone.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as V8 from "node:v8"
import * as VM from "node:vm"
import * as MemoryMap from "../../src/MemoryMap.ts"

V8.setFlagsFromString("--expose-gc")
const collect = VM.runInNewContext("gc") as () => void

/** Uses bytes in a map of its own and tells whether they are still there. */
const used = (use: (map: MemoryMap.Ready) => Effect.Effect<unknown, unknown>) =>
  Effect.map(
    Effect.gen(function* () {
      const bytes = new Uint8Array(1 << 20).fill(1)
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [])
      const mapped = yield* MemoryMap.addBytesUnsafe(map, bytes, 0n)
      yield* use(mapped.pipe(MemoryMap.setEndian("little"), MemoryMap.setWordSize(64)))
      return new WeakRef(bytes)
    }),
    (ref) => () => ref.deref() !== undefined
  )

describe("the bytes of a map that nobody has any more", () => {
  const uses: Readonly<Record<string, (map: MemoryMap.Ready) => Effect.Effect<unknown, unknown>>> = {
    getByte: MemoryMap.getByte(5n),
    "getUint64, often": (map) => Effect.forEach(Array(100), () => MemoryMap.getUint64(map, 8n)),
    getBytes: MemoryMap.getBytes(0n, 1000),
    reader: (map) => Effect.map(MemoryMap.reader(map), (reader) => reader.getInt16(3n)),
    find: MemoryMap.find("not there")
  }
  for (const [name, use] of Object.entries(uses)) {
    it.effect(`are free after ${name}`, () =>
      Effect.gen(function* () {
        const isHeld = yield* used(use)
        for (let i = 0; i < 5 && isHeld(); i++) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          collect()
        }
        assert.isFalse(isHeld())
      })
    )
  }
})
