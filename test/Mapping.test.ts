import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, HashSet } from "effect"
import { inspect } from "node:util"
import * as ByteSource from "../src/ByteSource.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as Mapping from "../src/Mapping.ts"
import * as MemoryMap from "../src/MemoryMap.ts"

const rx = { read: true, write: false, execute: true }

it.effect("a mapping says what was added, covered or not", () =>
  Effect.gen(function* () {
    const source = ByteSource.zeros(16n, { name: "bss" })
    const map = yield* MemoryMap.add(MemoryMap.empty, source, END - 16n, { permissions: rx }).pipe(
      Effect.flatMap(MemoryMap.addBytes(new Uint8Array(8), END - 8n, { name: "patch" })),
      Effect.flatMap(MemoryMap.addString("s", 0n, { overlap: "under" }))
    )
    const [bss, patch, string] = [...MemoryMap.mappings(map)]
    assert.deepStrictEqual(
      [bss?.name, bss?.range, bss?.source, bss?.permissions, bss?.order],
      ["bss", { start: END - 16n, end: END }, source, rx, 0]
    )
    assert.deepStrictEqual([patch?.name, patch?.permissions, patch?.order], ["patch", undefined, 1])
    assert.deepStrictEqual([string?.name, string?.range, string?.order], ["string", { start: 0n, end: 1n }, 2])
    assert.isTrue(Mapping.isMapping(bss))
    assert.isFalse(Mapping.isMapping({ ...bss }) || Mapping.isMapping(undefined) || Mapping.isMapping(source))
  })
)

it.effect("mappings are compared by identity: the same bytes twice are two", () =>
  Effect.gen(function* () {
    const source = ByteSource.zeros(16n)
    const map = yield* MemoryMap.addAll(MemoryMap.empty, [
      { source, address: 0n },
      { source, address: 0n }
    ])
    const [one, two] = [...MemoryMap.mappings(map)]
    assert.isFalse(Equal.equals(one, two))
    assert.isTrue(Equal.equals(one, [...MemoryMap.mappings(map)][0]))
    const set = HashSet.make(one, two, one)
    assert.strictEqual(HashSet.size(set), 2)
    assert.isTrue(HashSet.has(set, two))
  })
)

it.effect("a mapping prints its range in hex, and not its bytes", () =>
  Effect.gen(function* () {
    const map = yield* MemoryMap.fromBytes(new Uint8Array(4096), 0x1000n, { name: "page" })
    const [page] = [...MemoryMap.mappings(map)]
    const json = { _id: "Mapping", name: "page", start: "0x1000", end: "0x2000", order: 0 }
    assert.deepStrictEqual(JSON.parse(JSON.stringify(page)), json)
    assert.include(inspect(page), "0x2000")
  })
)

describe("formatPermissions", () => {
  const some = (read: boolean, write: boolean, execute: boolean) => ({ read, write, execute })
  for (const [permissions, text] of [
    [some(true, true, true), "rwx"],
    [some(true, false, true), "r-x"],
    [some(true, true, false), "rw-"],
    [some(false, false, false), "---"],
    [undefined, "???"]
  ] as const) {
    it(text, () => assert.strictEqual(Mapping.formatPermissions(permissions), text))
  }
})
