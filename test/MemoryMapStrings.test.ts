import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schema } from "effect"
import * as ByteSource from "../src/ByteSource.ts"
import * as FileMapper from "../src/FileMapper.ts"
import { END } from "../src/internal/base/numbers.ts"
import * as MachineModel from "../src/MachineModel.ts"
import * as MemoryMap from "../src/MemoryMap.ts"
import { bytes, filled } from "./support/islands.ts"

const utf8 = (text: string) => new TextEncoder().encode(text)
const utf16 = (text: string, little: boolean) => {
  const view = new DataView(new ArrayBuffer(2 * text.length))
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), little)
  return new Uint8Array(view.buffer)
}
const encoders: Readonly<Record<MachineModel.TextEncoding, (text: string) => Uint8Array>> = {
  ascii: utf8,
  utf8,
  latin1: (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
  utf16le: (text) => utf16(text, true),
  utf16be: (text) => utf16(text, false)
}

/** `data` from `address` on, in mappings of `piece` bytes. */
const pieces = (data: Uint8Array, address: bigint, piece: number) =>
  MemoryMap.addAll(
    MemoryMap.empty,
    Array.from({ length: Math.ceil(data.length / piece) }, (_, i) => ({
      source: ByteSource.fromBytes(data.slice(i * piece, (i + 1) * piece)),
      address: address + BigInt(i * piece)
    }))
  )

const Text = Schema.String.check(Schema.isPattern(/^[^\0]*$/), Schema.isMaxLength(40))
const Encoding = MachineModel.TextEncoding
const small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))

describe("getString", () => {
  it.effect.prop(
    "reads what was written, in any encoding, across any mappings, up to the last byte of the space",
    [Text, Encoding, small, Schema.Boolean],
    ([any, encoding, piece, atTheEnd]) =>
      Effect.gen(function* () {
        const letters = Array.from(any.toWellFormed(), (letter) =>
          letter > (encoding === "ascii" ? "\u007f" : "\u00ff") ? "?" : letter
        )
        const text = encoding === "latin1" || encoding === "ascii" ? letters.join("") : any.toWellFormed()
        const nul = encoding.startsWith("utf16") ? bytes(0, 0) : bytes(0)
        const data = Uint8Array.from([...encoders[encoding](text), ...nul])
        const address = atTheEnd ? END - BigInt(data.length) : 3n
        const map = yield* pieces(data, address, piece)
        assert.strictEqual(yield* MemoryMap.getString(map, address, { encoding }), text)
        assert.strictEqual(yield* map.pipe(MemoryMap.getString(address, { encoding })), text)
        // Without the NUL there is no text, unless a length says where it ends.
        const length = data.length - nul.length
        if (length === 0) return
        const open = yield* pieces(data.slice(0, length), 0n, piece)
        const error = yield* Effect.flip(MemoryMap.getString(open, 0n, { encoding }))
        assert.deepStrictEqual(error._tag === "UnmappedAddress" && [error.address, error.available], [
          BigInt(length),
          BigInt(length)
        ])
        assert.strictEqual(yield* MemoryMap.getString(open, 0n, { encoding, maxLength: length }), text)
      }),
    { arbitrary: { runs: 400, seed: 7 } }
  )

  it.effect("ends UTF-16 at a NUL of two bytes, on a boundary of two", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(bytes(0x41, 0x00, 0x00, 0x41, 0x42, 0x00, 0x00, 0x00), 0n)
      assert.strictEqual(yield* MemoryMap.getString(map, 0n, { encoding: "utf16le" }), "A\u4100B")
      assert.strictEqual(yield* MemoryMap.getString(map, 0n), "A")
      const cut = yield* MemoryMap.fromBytes(bytes(0x41, 0x00, 0x00), 0n)
      const error = yield* Effect.flip(MemoryMap.getString(cut, 0n, { encoding: "utf16le" }))
      assert.strictEqual(error._tag === "UnmappedAddress" && error.address, 3n)
    })
  )

  it.effect("maxLength counts bytes and cuts no character in two", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("aé€\u{1F600}b\0", 0n)
      const texts: Array<string> = []
      for (let maxLength = 0; maxLength <= 13; maxLength++) {
        texts.push(yield* MemoryMap.getString(map, 0n, { maxLength }))
      }
      const [all, smile] = ["aé€\u{1F600}b", "aé€\u{1F600}"]
      assert.deepStrictEqual(texts, ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", smile, all, all, all])
      const wide = yield* MemoryMap.fromBytes(utf16("A\u{1F600}", true), 0n)
      const wides: Array<string> = []
      for (let maxLength = 0; maxLength <= 6; maxLength++) {
        wides.push(yield* MemoryMap.getString(wide, 0n, { maxLength, encoding: "utf16le" }))
      }
      assert.deepStrictEqual(wides, ["", "", "A", "A", "A", "A", "A\u{1F600}"])
    })
  )

  it.effect("bytes that are no text become U+FFFD, a byte order mark stays, Latin-1 is not windows-1252", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(bytes(0xef, 0xbb, 0xbf, 0xff, 0x41, 0xc3, 0), 0n)
      assert.strictEqual(yield* MemoryMap.getString(map, 0n), "\ufeff\ufffdA\ufffd")
      assert.strictEqual(yield* MemoryMap.getString(map, 0n, { encoding: "ascii" }), "\ufffd".repeat(4) + "A\ufffd")
      assert.strictEqual(yield* MemoryMap.getString(map, 0n, { encoding: "latin1" }), "\u00ef\u00bb\u00bf\u00ffA\u00c3")
      const all = yield* MemoryMap.fromBytes(
        Uint8Array.from({ length: 256 }, (_, i) => (i + 1) % 256),
        0n
      )
      const text = yield* MemoryMap.getString(all, 0n, { encoding: "latin1" })
      assert.strictEqual(text, String.fromCharCode(...Array.from({ length: 255 }, (_, i) => i + 1)))
      const lone = yield* MemoryMap.fromBytes(bytes(0x00, 0xd8, 0x41, 0x00, 0, 0), 0n)
      assert.strictEqual(yield* MemoryMap.getString(lone, 0n, { encoding: "utf16le" }), "\ufffdA")
    })
  )

  it.effect("of several MiB is given as a whole", () =>
    Effect.gen(function* () {
      const text = "αβγδ".repeat(500_000)
      const map = yield* pieces(utf8(`${text}\0`), 1n, 1_000_003)
      assert.isTrue((yield* MemoryMap.getString(map, 1n)) === text)
      const latin = yield* MemoryMap.fromBytes(filled(0xe9, 3_000_000), 0n).pipe(
        Effect.flatMap(MemoryMap.addBytes(bytes(0), 3_000_000n))
      )
      assert.isTrue((yield* MemoryMap.getString(latin, 0n, { encoding: "latin1" })) === "é".repeat(3_000_000))
    })
  )

  it.effect("without end is refused before memory is full", () =>
    Effect.gen(function* () {
      const page = filled(0x41, 1 << 20)
      const endless = ByteSource.make({
        name: "endless",
        size: 1n << 62n,
        read: (_, length) => Effect.succeed(page.subarray(0, length))
      })
      const map = yield* MemoryMap.add(MemoryMap.empty, endless, 0n)
      const error = yield* Effect.flip(MemoryMap.getString(map, 0x10n))
      assert.strictEqual(error._tag, "TooLarge")
      assert.match(error.message, /getString: 511.9 MiB from 0x10 on are more than the limit/)
    })
  )

  for (const maxLength of [-1, 0.5, Number.NaN]) {
    it.effect(`a maxLength of ${maxLength} is a defect`, () =>
      Effect.gen(function* () {
        const map = yield* MemoryMap.fromString("x\0", 0n)
        const exit = yield* Effect.exit(MemoryMap.getString(map, 0n, { maxLength }))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      })
    )
  }
})

describe("isString and isCIdentifier", () => {
  const cases: ReadonlyArray<readonly [text: string, isString: boolean, isCIdentifier: boolean]> = [
    ["\0", true, false],
    ["a\0", true, true],
    ["_\0", true, true],
    ["Az_09\0", true, true],
    ["9a\0", true, false],
    ["a-b\0", true, false],
    ["a b\0", true, false],
    ["\u0001\u007f\0", true, false],
    ["a\u0080\0", false, false],
    ["é\0", false, false],
    ["abc", false, false],
    ["", false, false]
  ]
  for (const [text, isString, isCIdentifier] of cases) {
    it.effect(JSON.stringify(text), () =>
      Effect.gen(function* () {
        for (const piece of [1, 3, 100]) {
          const map = yield* pieces(utf8(text), 5n, piece)
          assert.strictEqual(yield* MemoryMap.isString(map, 5n), isString)
          assert.strictEqual(yield* map.pipe(MemoryMap.isString(5n)), isString)
          assert.strictEqual(yield* MemoryMap.isCIdentifier(map, 5n), isCIdentifier)
          assert.strictEqual(yield* map.pipe(MemoryMap.isCIdentifier(5n)), isCIdentifier)
        }
      })
    )
  }

  it.effect("every byte is as its class says, at the start and behind it", () =>
    Effect.gen(function* () {
      for (let byte = 1; byte < 256; byte++) {
        const [alone, behind] = [String.fromCharCode(byte), `a${String.fromCharCode(byte)}`]
        for (const [offset, text] of [
          [0n, behind],
          [1n, alone]
        ] as const) {
          const map = yield* MemoryMap.fromBytes(bytes(0x61, byte, 0), 0n)
          assert.strictEqual(yield* MemoryMap.isString(map, offset), byte < 128, `isString ${byte}`)
          assert.strictEqual(yield* MemoryMap.isCIdentifier(map, offset), /^[A-Za-z_][A-Za-z0-9_]*$/.test(text), text)
        }
      }
    })
  )

  it.effect("long ones, past every chunk", () =>
    Effect.gen(function* () {
      for (const length of [127, 128, 129, 383, 384, 385, 3_000_000]) {
        const map = yield* MemoryMap.fromBytes(filled(0x61, length), 0n).pipe(
          Effect.flatMap(MemoryMap.addBytes(bytes(0), BigInt(length)))
        )
        assert.isTrue(yield* MemoryMap.isCIdentifier(map, 0n))
        const digit = yield* MemoryMap.addBytes(map, bytes(0x2d), BigInt(length) - 1n)
        assert.isFalse(yield* MemoryMap.isCIdentifier(digit, 0n))
        assert.isTrue(yield* MemoryMap.isString(digit, 0n))
      }
    })
  )
})

describe("sources that fail", () => {
  it.effect("matter only when they fail before the end of the text", () =>
    Effect.gen(function* () {
      const data = utf8("name\0rest of the block")
      for (const encoding of ["utf8", "utf16le"] as const) {
        const text = encoding === "utf8" ? data : utf16("name\0rest", true)
        const end = encoding === "utf8" ? 4 : 8
        for (let failAt = 0; failAt < text.length; failAt++) {
          const files = FileMapper.layerTest({ "/f": { bytes: text, failAt: BigInt(failAt) } })
          const result = yield* Effect.scoped(
            Effect.flatMap(MemoryMap.fromFile("/f", 0n), (map) =>
              Effect.all([
                Effect.result(MemoryMap.getString(map, 0n, { encoding })),
                Effect.result(MemoryMap.isString(map, 0n))
              ])
            )
          ).pipe(Effect.provide(files))
          const [read, is] = result
          const behind = failAt >= end + (encoding === "utf8" ? 1 : 2)
          assert.strictEqual(read._tag, behind ? "Success" : "Failure", `${encoding} ${failAt}`)
          if (read._tag === "Success") assert.strictEqual(read.success, "name")
          else assert.strictEqual(read.failure._tag, "SourceError")
          if (encoding === "utf8") assert.strictEqual(is._tag, behind ? "Success" : "Failure")
        }
      }
    })
  )
})

it.effect("a walk through much memory can be interrupted", () =>
  Effect.gen(function* () {
    const page = filled(0x41, 1 << 20)
    const endless = ByteSource.make({
      name: "endless",
      size: 1n << 62n,
      read: (_, length) => Effect.succeed(page.subarray(0, length))
    })
    const map = yield* MemoryMap.add(MemoryMap.empty, endless, 0n)
    const fiber = yield* Effect.forkChild(MemoryMap.isString(map, 0n), { startImmediately: true })
    for (let i = 0; i < 10; i++) yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
    const exit = yield* Fiber.await(fiber)
    assert.isTrue(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
  })
)
