import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SRecord from "../../src/image/SRecord.ts"
import type { MemoryMap } from "../../src/index.ts"
import { ascii, collect, contents, has, judge, mapOf } from "../support/images.ts"

const wide = [2, 2, 3, 4, 2, 2, 3, 4, 3, 2]

/** A record with the right count and checksum. */
const record = (type: number, address: number, ...data: ReadonlyArray<number>): string => {
  const width = wide[type]!
  const bytes = [width + data.length + 1]
  for (let i = width - 1; i >= 0; i--) bytes.push(Math.floor(address / 256 ** i) % 256)
  bytes.push(...data)
  const sum = bytes.reduce((a, b) => a + b, 0)
  return `S${type}` + [...bytes, ~sum & 0xff].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")
}
const END = record(9, 0)
const open = (...lines: ReadonlyArray<string>) => SRecord.fromSource(ascii(lines.join("\n") + "\n"))
const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)

describe("SRecord.open", () => {
  it.effect("reads all record types", () =>
    Effect.gen(function* () {
      const image = yield* open(
        record(0, 0, 0x48, 0x44, 0x52),
        record(1, 0x10, 1, 2),
        record(2, 0x12_3456, 3),
        record(3, 0xffff_ffff, 4),
        record(5, 3),
        record(6, 3),
        record(7, 0x8000_0010)
      )
      assert.deepStrictEqual(yield* contents(image.map), [
        { start: 0x10n, bytes: u8(1, 2) },
        { start: 0x12_3456n, bytes: u8(3) },
        { start: 0xffff_ffffn, bytes: u8(4) }
      ])
      assert.strictEqual(image.header, "HDR")
      assert.strictEqual(image.start, 0x8000_0010n)
    })
  )

  it.effect("takes a count of all records for the end, as srec_cat writes it", () =>
    Effect.gen(function* () {
      const lines = [record(0, 0), record(1, 0, 1, 2), record(1, 2, 3)]
      const { map } = yield* open(...lines, record(5, 2))
      assert.deepStrictEqual(yield* contents(map), [{ start: 0n, bytes: u8(1, 2, 3) }])
      const error = yield* Effect.flip(open(...lines, record(5, 2), record(1, 3, 4)))
      assert.include(error.message, "line 6: the record that ends the file")
    })
  )

  it.effect("takes CRLF, lower case and no header", () =>
    Effect.gen(function* () {
      const digits = record(1, 0xabc, 0xde).slice(2).toLowerCase()
      const image = yield* SRecord.fromSource(ascii(`S1${digits}\r\n${END}\r\n`))
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 0xabcn, bytes: u8(0xde) }])
      assert.isUndefined(image.header)
    })
  )

  it.effect("lets later records win, or refuses contradictions", () =>
    Effect.gen(function* () {
      const lines = [record(1, 0, 1, 2, 3), record(1, 1, 9), END]
      const { map } = yield* open(...lines)
      assert.deepStrictEqual(yield* contents(map), [{ start: 0n, bytes: u8(1, 9, 3) }])
      const error = yield* Effect.flip(SRecord.fromSource(ascii(lines.join("\n")), { overlap: "equal" }))
      assert.include(error.message, "line 2: the records that start here at 0x1 contradict earlier ones at 0x1")
    })
  )

  it.effect("refuses what are no S-records, and names the line", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [why: string, ...lines: ReadonlyArray<string>]> = [
        ["line 1: a record starts with", "hello"],
        ["line 1: a record starts with", "S"],
        ["line 1: a record starts with", "SA00"],
        ["line 1: record type S4 is reserved", "S4030000FC"],
        ["line 1: a record is pairs of hexadecimal digits", "S10400000"],
        ["line 1: the record says 5 bytes follow, the line holds 4", "S105000001F9"],
        ["line 1: the record says 0 bytes follow", "S1"],
        ["line 1: an S3 record takes 6 bytes or more, this one has 4", "S3030000FC"],
        ["line 2: the checksum is 00, the bytes give FA", record(1, 0, 1), "S10400000100", END],
        ["line 2: it counts 2 data records, the file has 1", record(1, 0, 1), record(5, 2), END],
        ["line 1: an S9 record has no data", record(9, 0, 1)],
        ["line 1: the data reaches past 4 GiB", record(3, 0xffff_ffff, 1, 2), END],
        ["line 2: the record that ends the file", record(1, 0, 1)],
        ["line 3: a record after the one that ends", record(1, 0, 1), END, record(1, 1, 1)],
        ["offset 0x0: it holds no bytes to map", record(0, 0, 1), END]
      ]
      for (const [why, ...lines] of cases) {
        const error = yield* Effect.flip(open(...lines))
        assert.strictEqual(error._tag, "ImageError")
        assert.include(error.message, why)
      }
    })
  )

  it.effect("refuses a file cut at any place", () =>
    Effect.gen(function* () {
      const text = [record(0, 0), record(1, 0, 1, 2), record(2, 7, 3, 4), END].join("\r\n")
      for (let length = 0; length < text.length; length++) {
        const error = yield* Effect.flip(SRecord.fromSource(ascii(text.slice(0, length))))
        assert.strictEqual(error._tag, "ImageError")
      }
    })
  )

  it.effect("reads what is there when it is lenient: behind a table of symbols, behind the end, without an end", () =>
    Effect.gen(function* () {
      // As objcopy -O symbolsrec writes it.
      const lines = ["$$ t.sym", "  x $402000", "$$ ", record(1, 0, 1), END, record(1, 1, 2)]
      const strict = yield* Effect.flip(SRecord.fromSource(ascii(lines.join("\r\n"))))
      assert.include(strict.message, "line 1: a record starts with")
      const image = yield* SRecord.fromSource(ascii(lines.join("\r\n")), { lenient: true })
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 0n, bytes: u8(1) }])
      assert.deepStrictEqual(
        image.passed.map(({ line }) => line),
        [1, 2, 3, 6]
      )
      const endless = yield* SRecord.fromSource(ascii(record(1, 0, 1)), { lenient: true })
      assert.deepStrictEqual(
        endless.passed.map(({ line }) => line),
        [2]
      )
    })
  )

  it.effect("takes a million empty records without running out of stack", () =>
    Effect.gen(function* () {
      const image = yield* SRecord.fromSource(
        ascii(`${record(1, 0)}\n`.repeat(1_000_000) + `${record(1, 5, 5)}\n${END}`)
      )
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 5n, bytes: u8(5) }])
    })
  )
})

describe("SRecord.recognise", () => {
  it.effect("looks at the first line and no further", () =>
    Effect.gen(function* () {
      for (const text of [record(0, 0, 1), `\n${record(3, 0, 1)}\r\n`, "S9030000FD"])
        assert.isTrue(yield* SRecord.recognise(ascii(text)))
      for (const text of ["", "S", "S1", "Some text", ":00000001FF", "S4030000FC", "S9040000FC", "S?030000FC"]) {
        assert.isFalse(yield* SRecord.recognise(ascii(text)))
      }
    })
  )
})

describe("SRecord.write", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const written = (map: MemoryMap.Mapped, options?: SRecord.WriteOptions) =>
    Effect.map(collect(SRecord.write(map, options)), text)

  it.effect("uses the narrowest addresses, and counts", () =>
    Effect.gen(function* () {
      const at = (address: bigint) => mapOf([{ address, bytes: u8(1, 2) }])
      const lines = (text: string) => text.trim().split("\n")
      const ends = (type: number, address: number, end: string) => [
        record(0, 0),
        record(type, address, 1, 2),
        record(5, 1),
        end
      ]
      assert.deepStrictEqual(lines(yield* written(yield* at(0xfffen))), ends(1, 0xfffe, record(9, 0)))
      assert.deepStrictEqual(lines(yield* written(yield* at(0x1_0000n))), ends(2, 0x1_0000, record(8, 0)))
      assert.deepStrictEqual(lines(yield* written(yield* at(0x100_0000n))), ends(3, 0x100_0000, record(7, 0)))
      const start = 0x1234_5678n
      assert.deepStrictEqual(lines(yield* written(yield* at(0n), { start })), ends(3, 0, record(7, 0x1234_5678)))
    })
  )

  it.effect("keeps the header and the start address", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      const image = yield* SRecord.fromSource(ascii(yield* written(map, { header: "caf\xe9", start: 0xffffn })))
      assert.strictEqual(image.header, "caf\xe9")
      assert.strictEqual(image.start, 0xffffn)
    })
  )

  it.effect("refuses what cannot be written", () =>
    Effect.gen(function* () {
      const low = yield* mapOf([{ address: 0n, bytes: new Uint8Array(0x1_0001) }])
      const high = yield* mapOf([{ address: 0x1_0000_0000n, bytes: u8(1) }])
      const why = (map: MemoryMap.Mapped, options?: SRecord.WriteOptions) =>
        Effect.map(Effect.flip(written(map, options)), (error) => error.message)
      assert.include(yield* why(high), "0x100000000")
      assert.include(yield* why(low, { addressBits: 16 }), "0x10000 is no 16-bit address")
      assert.include(yield* why(low, { start: -1n }), "-1 is no 24-bit address")
      assert.include(yield* why(low, { recordLength: 251 }), "1 to 250 bytes, not 251")
      assert.include(yield* why(low, { header: "\u20ac" }), "Latin-1")
    })
  )
})

const placed = [
  { address: 0xfff0n, bytes: Uint8Array.from({ length: 100 }, (_, i) => i) },
  { address: 0x8000_0001n, bytes: u8(1, 2, 3) },
  { address: 0xffff_ff00n, bytes: Uint8Array.from({ length: 256 }, (_, i) => 255 - i) }
]

describe("SRecord and the tools of others", () => {
  const roundTrip = Effect.fnUntraced(function* (tool: string, args: ReadonlyArray<string>) {
    const map = yield* mapOf(placed)
    const ours = yield* collect(SRecord.write(map, { recordLength: 32 }))
    const { read } = yield* judge(tool, args, { "in.srec": ours })
    const back = yield* SRecord.fromSource(ascii(new TextDecoder().decode(read("out.srec"))))
    assert.deepStrictEqual(yield* contents(back.map), yield* contents(map))
  })

  it.effect.skipIf(!has("srec_cat"))(
    "srec_cat reads what we write, and we what it writes (skipped without srec_cat)",
    () => roundTrip("srec_cat", ["in.srec", "-motorola", "-o", "out.srec", "-motorola"])
  )
  it.effect.skipIf(!has("objcopy"))(
    "objcopy reads what we write, and we what it writes (skipped without objcopy)",
    () => roundTrip("objcopy", ["-I", "srec", "-O", "srec", "in.srec", "out.srec"])
  )
  it.effect.skipIf(!has("srec_info"))("srec_info sees our ranges (skipped without srec_info)", () =>
    Effect.gen(function* () {
      const ours = yield* collect(SRecord.write(yield* mapOf(placed)))
      const { stdout } = yield* judge("srec_info", ["in.srec", "-motorola"], { "in.srec": ours })
      for (const range of [/FFF0 - 0*10053/, /80000001 - 80000003/, /FFFFFF00 - FFFFFFFF/]) assert.match(stdout, range)
    })
  )
})
