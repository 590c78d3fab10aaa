import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Cluster from "../../src/render/Cluster.ts"

const pages = (addresses: ReadonlyArray<bigint>) =>
  Effect.runSync(
    MemoryMap.addAll(
      MemoryMap.empty,
      addresses.map((address) => ({ source: ByteSource.zeros(0x1000n, { name: "page" }), address }))
    )
  )

describe("clusters", () => {
  it("are cut at the widest holes alone where there are too many, and of holes of equal width at all or none", () => {
    const far = 1n << 30n
    const even = pages(Array.from({ length: 100 }, (_, i) => far * BigInt(i + 1)))
    assert.strictEqual(Cluster.clusters(even, 100).length, 100)
    assert.strictEqual(Cluster.clusters(even, 99).length, 1)
    const map = pages([far, 2n * far, 10n * far, 11n * far, 50n * far])
    assert.deepStrictEqual(
      Cluster.clusters(map, 3).map(({ segments }) => segments.length),
      [2, 2, 1]
    )
    assert.strictEqual(Cluster.clusters(even, 16)[0]?.segments.length, 100)
  })

  it("list mappings that are covered altogether", () => {
    const map = Effect.runSync(
      Effect.flatMap(MemoryMap.fromString("below", 0x1000n), MemoryMap.addString("above", 0x1000n))
    )
    const [only] = Cluster.clusters(map)
    assert.strictEqual(only?.mappings.length, 2)
    assert.strictEqual(only?.segments.length, 1)
  })
})

describe("labels", () => {
  it("are never longer than asked, and equal only where the names are", () => {
    const names = Array.from({ length: 50 }, (_, i) => `/opt/${"x".repeat(30)}-${i}-${"y".repeat(30)}/lib.so`)
    const short = Cluster.labels([...names, "short", names[0]!], 24)
    assert.isAtMost(Math.max(...short.map((label) => label.length)), 24)
    assert.strictEqual(new Set(short).size, 51)
    assert.strictEqual(short.at(-1), short[0])
    assert.strictEqual(short.at(-2), "short")
  })
})
