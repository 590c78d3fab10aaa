import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { Symbols, VmcoreInfo } from "../../src/linux/index.ts"
import * as Guest from "../../src/testing/Guest.ts"

const some = [
  { name: "cpu", address: 0n, kind: "A", module: undefined },
  { name: "f", address: 0xffffffff81000000n, kind: "T", module: undefined },
  { name: "alias_of_f", address: 0xffffffff81000000n, kind: "T", module: undefined },
  { name: "twice", address: 0xffffffff81000100n, kind: "t", module: undefined },
  { name: "twice", address: 0xffffffff81000200n, kind: "t", module: undefined },
  { name: "in_module", address: 0xffffffffc0000010n, kind: "t", module: "loop" }
]

describe("Symbols", () => {
  for (const era of Guest.allEras) {
    it.effect(`all symbols of a guest of ${era} are found, through VMCOREINFO and without`, () =>
      Effect.gen(function* () {
        const guest = yield* Guest.make({ era })
        const lines = (symbols: Iterable<{ readonly name: string; readonly address: bigint; readonly kind: string }>) =>
          Array.from(symbols, ({ address, kind, name }) => `${address.toString(16)} ${kind} ${name}`)
        const vmcoreInfo = VmcoreInfo.parse(guest.vmcoreInfo)
        assert.deepStrictEqual(lines(yield* Symbols.find(guest.physical, { vmcoreInfo })), lines(guest.symbols))
        if (era === "7.0") {
          assert.include((yield* Effect.flip(Symbols.find(guest.physical))).message, "its addresses are relative")
        } else assert.deepStrictEqual(lines(yield* Symbols.find(guest.physical)), lines(guest.symbols))
      })
    )
  }

  it.effect("memory whose table of tokens is spoilt has no symbols, and the error says what was tried", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "5.15" })
      const digits = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0x30 + i / 2 : 0))
      const at = guest.bytes.findIndex((_, i) => digits.every((digit, j) => guest.bytes[i + j] === digit))
      guest.bytes[at + 41] = 0x41 // two tokens become one
      const error = yield* Effect.flip(Symbols.find(guest.physical, { vmcoreInfo: VmcoreInfo.parse(guest.vmcoreInfo) }))
      assert.strictEqual(error._tag, "KernelNotFound")
      assert.include(error.message, "VMCOREINFO does not name its tables")
      assert.include(error.message, "0 of 1 places look like a table of tokens")
    })
  )

  it("the nearest symbol is the last one before, the first of those at one place", () => {
    const symbols = Symbols.make(some.toReversed())
    const nearest = (address: bigint) =>
      Option.getOrUndefined(
        Option.map(Symbols.nearest(symbols, address), ({ offset, symbol }) => [symbol.name, offset] as const)
      )
    assert.deepStrictEqual(nearest(0xffffffff81000000n), ["alias_of_f", 0n])
    assert.deepStrictEqual(nearest(0xffffffff810000ffn), ["alias_of_f", 0xffn])
    assert.deepStrictEqual(nearest(0xffffffff81000200n), ["twice", 0n])
    assert.deepStrictEqual(nearest(0n), ["cpu", 0n])
    assert.isUndefined(nearest(0xffffffff80ffffffn))
    assert.isUndefined(nearest((1n << 64n) - 1n))
  })

  it("names are found by all who bear them", () => {
    const symbols = Symbols.make(some)
    assert.deepStrictEqual(Symbols.address(symbols, "f"), Option.some(0xffffffff81000000n))
    assert.deepStrictEqual(Symbols.address(symbols, "g"), Option.none())
    assert.deepStrictEqual(Symbols.lookup(symbols, "twice"), [some[3]!, some[4]!])
  })

  it("addresses are printed as the kernel prints them, and read again", () => {
    const symbols = Symbols.make(some)
    assert.strictEqual(Symbols.format(symbols, 0xffffffff81000210n), "twice+0x10")
    assert.strictEqual(Symbols.format(symbols, 0xffffffffc0000010n), "in_module [loop]")
    assert.strictEqual(Symbols.format(symbols, 0x8000000000000000n), "0x8000000000000000")
    assert.deepStrictEqual(Symbols.parse(symbols, "f+16"), Result.succeed(0xffffffff81000010n))
    assert.deepStrictEqual(Symbols.parse(symbols, "in_module-0x10"), Result.succeed(0xffffffffc0000000n))
    assert.deepStrictEqual(Symbols.parse(symbols, "cpu-1"), Result.succeed((1n << 64n) - 1n))
    assert.deepStrictEqual(Symbols.parse(symbols, "0x40"), Result.succeed(0x40n))
    assert.deepStrictEqual(Symbols.parse(symbols, "g"), Result.fail('the kernel has no symbol "g"'))
    assert.deepStrictEqual(
      Symbols.parse(symbols, "twice"),
      Result.fail('"twice" names 2 symbols, at 0xffffffff81000100, 0xffffffff81000200: use one of the addresses')
    )
    assert.isTrue(Result.isFailure(Symbols.parse(symbols, "f+")))
  })
})
