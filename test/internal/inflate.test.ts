import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { deflateSync } from "node:zlib"
import { inflate } from "../../src/internal/source/inflate.ts"
import { randomWords } from "../support/random.ts"

const pages = [1, 2, 3, 4].map((seed) => {
  const next = randomWords(seed)
  return Uint8Array.from({ length: 20_000 }, (_, i) => (i % 7 < seed ? next() >>> 24 : 0))
})

describe("inflate", () => {
  it.effect("unpacks what zlib has packed, at every level", () =>
    Effect.gen(function* () {
      for (const page of [...pages, new Uint8Array(0), new Uint8Array(4096)]) {
        for (let level = 0; level <= 9; level++) {
          assert.deepStrictEqual(yield* inflate(deflateSync(page, { level }), page.length), page)
        }
      }
    })
  )

  it.effect("never takes bytes for right that are not", () =>
    Effect.gen(function* () {
      const packed = new Uint8Array(deflateSync(pages[0]!))
      const size = pages[0]!.length
      for (let bit = 0; bit < packed.length * 8; bit += 37) {
        const changed = packed.with(bit >> 3, packed[bit >> 3]! ^ (1 << (bit & 7)))
        const exit = yield* Effect.exit(inflate(changed, size))
        // The first two bytes say how well it is packed, which changes nothing.
        const isRight = bit < 16 || Exit.isFailure(exit) || exit.value.length !== size
        assert.isTrue(isRight, `bit ${bit}`)
      }
    })
  )

  it.effect("gives another number of bytes where it should be more or fewer, and never much more", () =>
    Effect.gen(function* () {
      const packed = deflateSync(new Uint8Array(1 << 20))
      assert.strictEqual((yield* inflate(packed, 4096)).length, 4097)
      assert.strictEqual((yield* inflate(packed, 1 << 21)).length, 1 << 20)
    })
  )

  it.effect("fails on what is no zlib", () =>
    Effect.gen(function* () {
      for (const bytes of [[], [0], [0x78], [0x78, 0x9c], [0x78, 0x9c, 3], [1, 2, 3, 4, 5, 6, 7, 8]]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(inflate(Uint8Array.from(bytes), 16))), String(bytes))
      }
    })
  )
})
