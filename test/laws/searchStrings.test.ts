// Texts in memory against the slow way, and against strings(1) where that is installed.
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import * as ByteSource from "../../src/ByteSource.ts"
import { BlockSizes } from "../../src/internal/search/drive/sizes.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { noise } from "../suites/searchKernelSuite.ts"
import { build, layouts } from "../support/searches.ts"
import { temporaryFiles } from "../support/temporary.ts"

type Encoding = NonNullable<MemoryMap.StringsOptions["encoding"]>

const isPrintable = (code: number, encoding: Encoding): boolean =>
  code === 9 || (code >= 0x20 && code <= 0x7e) || (encoding === "latin1" && code >= 0xa0 && code <= 0xff)

/** From each address on, as many characters as there are; then on behind them. */
const naive = (cells: ReadonlyMap<bigint, { readonly byte: number }>, encoding: Encoding, minLength: number) => {
  const width = encoding === "utf16le" || encoding === "utf16be" ? 2 : 1
  const codeAt = (at: bigint): number => {
    const bytes = Array.from({ length: width }, (_, i) => cells.get(at + BigInt(i))?.byte)
    if (bytes.includes(undefined)) return -1
    const [first = 0, second = 0] = encoding === "utf16be" ? bytes.toReversed() : bytes
    return first + 256 * second
  }
  const found: Array<MemoryMap.AddressedText> = []
  let behind = 0n
  for (const start of [...cells.keys()].sort((a, b) => (a < b ? -1 : 1))) {
    if (start < behind) continue
    let text = ""
    let at = start
    for (let code = codeAt(at); code >= 0 && isPrintable(code, encoding); code = codeAt(at)) {
      text += String.fromCharCode(code)
      at += BigInt(width)
    }
    if (text !== "") behind = at
    if (text.length >= minLength) found.push({ address: start, text })
  }
  return found
}

const options = Arbitrary.schema(
  Schema.Struct({
    encoding: Schema.Literals(["ascii", "latin1", "utf16le", "utf16be"]),
    minLength: Schema.Literals([1, 2, 4])
  })
)

const path = temporaryFiles()
const strings1 = spawnSync("strings", ["--version"]).status === 0

describe("strings", () => {
  it.effect.prop(
    "are what the slow way finds, in any map",
    [layouts, options],
    ([layout, { encoding, minLength }]) =>
      Effect.gen(function* () {
        const laid = layout.laid.map(({ at, bytes, kind }) => ({ kind, bytes, start: layout.origin + BigInt(at) }))
        const { cells, map } = yield* build(laid, layout)
        const found = yield* Stream.runCollect(MemoryMap.strings(map, { encoding, minLength })).pipe(
          Effect.provideService(BlockSizes, layout)
        )
        assert.deepStrictEqual(found, naive(cells, encoding, minLength))
      }),
    { arbitrary: { runs: 1000, seed: 6 } }
  )

  it.effect("lie in the range asked for, and straddle mappings", () =>
    Effect.gen(function* () {
      const low = yield* MemoryMap.fromString("\u0001some te", 0x1000n)
      const map = yield* MemoryMap.addString(low, "xt\n/lib", 0x1008n)
      const found = (range?: { readonly start: bigint; readonly end: bigint }) =>
        Stream.runCollect(MemoryMap.strings(map, { range }))
      assert.deepStrictEqual(yield* found(), [
        { address: 0x1001n, text: "some text" },
        { address: 0x100bn, text: "/lib" }
      ])
      assert.deepStrictEqual(yield* found({ start: 0x1003n, end: 0x1009n }), [{ address: 0x1003n, text: "me tex" }])
    })
  )

  it.effect("of more than 64 Ki characters come in parts", () =>
    Effect.gen(function* () {
      const source = ByteSource.fromBytesUnsafe(new Uint8Array(150_000).fill(0x61))
      const map = yield* MemoryMap.add(MemoryMap.empty, source, 7n)
      const found = yield* Stream.runCollect(MemoryMap.strings(map))
      assert.deepStrictEqual(
        found.map(({ address, text }) => [address, text.length]),
        [
          [7n, 65_536],
          [65_543n, 65_536],
          [131_079n, 18_928]
        ]
      )
    })
  )

  it.effect.skipIf(!strings1)("are those of strings(1)", () =>
    Effect.gen(function* () {
      // skipped where binutils are not installed
      const bytes = noise(200_000, [0, 0, 9, 0x20, 0x41, 0x7e, 0x7f, 0x80, 0xe9], 12)
      writeFileSync(path("noise"), bytes)
      const map = yield* MemoryMap.fromBytes(bytes, 0n)
      for (const [encoding, letter] of [
        ["ascii", "s"],
        ["utf16le", "l"],
        ["utf16be", "b"]
      ] as const) {
        const { stdout } = spawnSync("strings", ["-a", "-t", "d", "-n", "3", "-e", letter, path("noise")])
        const theirs = stdout
          .toString("latin1")
          .trimEnd()
          .split("\n")
          .map((line) => line.replace(/^ *(\d+) /, "$1:"))
        const ours = yield* Stream.runCollect(MemoryMap.strings(map, { encoding, minLength: 3 }))
        assert.deepStrictEqual(
          ours.map(({ address, text }) => `${address}:${text}`.trimEnd()),
          theirs.map((line) => line.trimEnd())
        )
      }
    })
  )
})
