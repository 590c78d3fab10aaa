import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as IntelHex from "../../src/image/IntelHex.ts"
import { ByteSource, MemoryMap } from "../../src/index.ts"
import { ascii, collect, contents, has, judge, mapOf } from "../support/images.ts"

/** A record with the right checksum. */
const record = (type: number, offset: number, ...data: ReadonlyArray<number>): string => {
  const bytes = [data.length, offset >> 8, offset & 0xff, type, ...data]
  const sum = bytes.reduce((a, b) => a + b, 0)
  return ":" + [...bytes, -sum & 0xff].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")
}
const END = ":00000001FF"
const open = (...lines: ReadonlyArray<string>) => IntelHex.fromSource(ascii(lines.join("\n") + "\n"))
const bytesOf = (...lines: ReadonlyArray<string>) => Effect.flatMap(open(...lines), ({ map }) => contents(map))
const refused = (...lines: ReadonlyArray<string>) => Effect.flip(open(...lines))
const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)

describe("IntelHex.open", () => {
  it.effect("reads the records of the specification", () =>
    Effect.gen(function* () {
      const image = yield* open(
        record(0, 0x0010, 1, 2),
        record(4, 0, 0xff, 0xff),
        record(0, 0xfffe, 3, 4),
        record(5, 0, 0x12, 0x34, 0x56, 0x78),
        END
      )
      assert.deepStrictEqual(yield* contents(image.map), [
        { start: 0x10n, bytes: u8(1, 2) },
        { start: 0xffff_fffen, bytes: u8(3, 4) }
      ])
      assert.deepStrictEqual(image.start, { _tag: "Linear", eip: 0x12345678 })
    })
  )

  it.effect("adds segments times 16, and wraps inside a segment", () =>
    Effect.gen(function* () {
      const runs = yield* bytesOf(record(2, 0, 0x12, 0x34), record(0, 0xffff, 1, 2), END)
      assert.deepStrictEqual(runs, [
        { start: 0x12340n, bytes: u8(2) },
        { start: 0x2233fn, bytes: u8(1) }
      ])
    })
  )

  it.effect("wraps linear addresses at 4 GiB alone", () =>
    Effect.gen(function* () {
      const runs = yield* bytesOf(record(0, 0xffff, 1, 2), record(4, 0, 0xff, 0xff), record(0, 0xffff, 3, 4), END)
      assert.deepStrictEqual(runs, [
        { start: 0n, bytes: u8(4) },
        { start: 0xffffn, bytes: u8(1, 2) },
        { start: 0xffff_ffffn, bytes: u8(3) }
      ])
    })
  )

  it.effect("keeps CS:IP, the start address of real mode", () =>
    Effect.gen(function* () {
      const image = yield* open(record(3, 0, 0x12, 0x34, 0x56, 0x78), record(0, 0, 9), END)
      assert.deepStrictEqual(image.start, { _tag: "Segmented", cs: 0x1234, ip: 0x5678 })
    })
  )

  it.effect("takes CRLF, lower case, blank lines, a Ctrl-Z at the end, and no newline at the end", () =>
    Effect.gen(function* () {
      const text = `\r\n${record(0, 0xabc, 0xde, 0xad).toLowerCase()}\r\n\r\n${END}\r\n\x1a`
      const image = yield* IntelHex.fromSource(ascii(text))
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 0xabcn, bytes: u8(0xde, 0xad) }])
      yield* IntelHex.fromSource(ascii(`${record(0, 0, 1)}\n${END}`))
    })
  )

  it.effect("joins records that follow one another into one mapping", () =>
    Effect.gen(function* () {
      const { map } = yield* open(
        record(0, 0xffff, 1),
        record(4, 0, 0, 1),
        record(0, 0, 2),
        record(0, 1),
        record(0, 1, 3),
        END
      )
      assert.strictEqual([...MemoryMap.mappings(map)].length, 1)
      assert.deepStrictEqual(yield* contents(map), [{ start: 0xffffn, bytes: u8(1, 2, 3) }])
    })
  )

  it.effect("lets later records win, or refuses contradictions", () =>
    Effect.gen(function* () {
      const lines = [record(0, 0, 1, 2, 3), record(0, 1, 9), END]
      assert.deepStrictEqual(yield* bytesOf(...lines), [{ start: 0n, bytes: u8(1, 9, 3) }])
      const error = yield* Effect.flip(IntelHex.fromSource(ascii(lines.join("\n")), { overlap: "equal" }))
      assert.strictEqual(
        error.message,
        "test.txt: ihex, line 2: the records that start here at 0x1 contradict earlier ones at 0x1"
      )
      const thrice = [record(0, 0, 1), record(0, 0, 1), record(0, 0, 2), record(0, 0, 3), END].join("\n")
      const third = yield* Effect.flip(IntelHex.fromSource(ascii(thrice), { overlap: "equal" }))
      assert.include(third.message, "line 3:")
      const repeated = [record(0, 0, 1, 2, 3), record(0, 1, 2), END].join("\n")
      yield* IntelHex.fromSource(ascii(repeated), { overlap: "equal" })
      yield* Effect.flip(IntelHex.fromSource(ascii(repeated), { overlap: "reject" }))
    })
  )

  it.effect("refuses what is no Intel HEX, and names the line", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [why: string, ...lines: ReadonlyArray<string>]> = [
        ["line 1: a record starts with", "hello", END],
        ["line 2: the checksum is 00, the bytes give F7", record(0, 0, 1), ":010002000600", END],
        ["line 1: the record says 2 bytes of data, the line holds 1", ":0200000001FD", END],
        ["line 1: a record takes 5 bytes or more, this one has 4", ":00000000", END],
        ["line 1: a record is pairs of hexadecimal digits", ":0000000G00", END],
        ["line 1: a record is pairs of hexadecimal digits", ":000", END],
        ["line 1: record type 06 does not exist", record(6, 0), END],
        ["line 1: an extended linear address record has 2 bytes of data, this one 1", record(4, 0, 1), END],
        ["line 2: the end-of-file record", record(0, 0, 1)],
        ["line 3: a record after the end-of-file record", record(0, 0, 1), END, record(0, 1, 1), END],
        ["line 3: a record starts with", record(0, 0, 1), END, "junk"],
        ["offset 0x0: it holds no bytes to map", END]
      ]
      for (const [why, ...lines] of cases) {
        const error = yield* refused(...lines)
        assert.strictEqual(error._tag, "ImageError")
        assert.include(error.message, why)
      }
    })
  )

  it.effect("refuses a file cut at any place", () =>
    Effect.gen(function* () {
      const text = [record(0, 0, 1, 2), record(4, 0, 0, 1), record(0, 2, 3, 4), END].join("\r\n")
      for (let length = 0; length < text.length; length++) {
        const error = yield* Effect.flip(IntelHex.fromSource(ascii(text.slice(0, length))))
        assert.strictEqual(error._tag, "ImageError")
      }
    })
  )

  it.effect("reads what is there when it is lenient, and lists every line that it passed over", () =>
    Effect.gen(function* () {
      const padding = "\0".repeat(3_000_000)
      const lines = ["; a comment", record(0, 0, 1), END, record(0, 1, 2), "\xff\xff", padding, "", "# end"]
      const strict = yield* refused(...lines)
      assert.strictEqual(strict.message.split("; ")[1], "open it with lenient: true to read what is there")
      const image = yield* IntelHex.fromSource(ascii(lines.join("\n")), { lenient: true })
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 0n, bytes: u8(1) }])
      assert.deepStrictEqual(
        image.passed.map(({ line }) => line),
        [1, 4, 5, 6, 8]
      )
      assert.include(image.passed[1]?.why, "after the end-of-file record")
      const endless = yield* IntelHex.fromSource(ascii(record(0, 0, 1)), { lenient: true })
      assert.deepStrictEqual(endless.passed, [
        { line: 2, why: "the end-of-file record (:00000001FF) is missing: the file is cut short" }
      ])
      const whole = yield* IntelHex.fromSource(ascii([record(0, 0, 1), END].join("\n")), { lenient: true })
      assert.deepStrictEqual(whole.passed, [])
    })
  )

  it.effect("refuses damaged records when it is lenient too, and texts of nothing but other lines", () =>
    Effect.gen(function* () {
      const open = (...lines: ReadonlyArray<string>) =>
        Effect.flip(IntelHex.fromSource(ascii(lines.join("\n")), { lenient: true }))
      assert.include((yield* open(record(0, 0, 1), ":010002000600", END)).message, "line 2: the checksum")
      assert.include((yield* open("a", "b")).message, "it holds no bytes")
      assert.include((yield* open(...Array.from({ length: 70_000 }, () => "x"))).message, "line 65537")
    })
  )

  it.effect("refuses an endless line without reading on", () =>
    Effect.gen(function* () {
      const error = yield* refused(":".padEnd(5_000_000, "0"))
      assert.include(error.message, "line 1: the line is longer than 1024 bytes")
    })
  )

  it.effect("reads lines across the borders of its blocks", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      for (let i = 0; i < 60_000; i++) {
        if (i % 4096 === 0) lines.push(record(4, 0, 0, i / 4096))
        lines.push(record(0, (i * 16) & 0xffff, ...Array.from({ length: 16 }, (_, k) => (i + k) & 0xff)))
      }
      const { map } = yield* open(...lines, END)
      assert.strictEqual(MemoryMap.mappedSize(map), 960_000n)
      assert.strictEqual([...MemoryMap.mappings(map)].length, 1)
      for (const i of [0, 23_830, 23_831, 47_661, 59_999]) {
        assert.strictEqual(yield* MemoryMap.getByte(map, BigInt(i * 16)), i & 0xff)
      }
    })
  )

  it.effect("takes a million empty records without running out of stack", () =>
    Effect.gen(function* () {
      const text = `${record(0, 0)}\n`.repeat(1_000_000) + `${record(0, 5, 5)}\n${END}\n`
      const image = yield* IntelHex.fromSource(ascii(text))
      assert.deepStrictEqual(yield* contents(image.map), [{ start: 5n, bytes: u8(5) }])
    })
  )

  it.effect("takes memory for what it reads, not for the size of the file", () =>
    Effect.gen(function* () {
      const text = new TextEncoder().encode(`${record(0, 0, 1)}\n`)
      const source = ByteSource.make({
        name: "sparse.hex",
        size: 1n << 33n,
        read: (offset, length) =>
          Effect.sync(() => {
            const bytes = new Uint8Array(length)
            if (offset === 0n) bytes.set(text)
            return bytes
          })
      })
      const before = process.memoryUsage().arrayBuffers
      const error = yield* Effect.flip(IntelHex.fromSource(source))
      assert.include(error.message, "line 2: the line is longer than 1024 bytes")
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 1 << 30)
    })
  )

  it.effect("refuses more pieces than fit in memory, and names the line", () =>
    Effect.gen(function* () {
      const text = `${record(0, 0, 1)}\n${record(0, 2, 1)}\n`.repeat((1 << 20) + 1) + END
      const error = yield* Effect.flip(IntelHex.fromSource(ascii(text)))
      assert.include(error.message, "line 2097153: its bytes are in more than 2097152 pieces")
    })
  )
})

describe("IntelHex.recognise", () => {
  it.effect("looks at the first line and no further", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* IntelHex.recognise(ascii(`\r\n${record(0, 0, 1)}\r\n`)))
      assert.isTrue(yield* IntelHex.recognise(ascii(record(4, 0, 0, 0))))
      assert.isTrue(yield* IntelHex.recognise(ascii(":0000000001")))
      for (const text of ["", "\n", ":", ":zz", "S00600004844521B", ":0100000001"]) {
        assert.isFalse(yield* IntelHex.recognise(ascii(text)))
      }
    })
  )
})

describe("IntelHex.write", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

  it.effect("ends records at multiples of their length and at 64 KiB", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0xfffdn, bytes: u8(1, 2, 3, 4, 5) }])
      const lines = text(yield* collect(IntelHex.write(map, { recordLength: 2, newline: "\r\n" }))).split("\r\n")
      assert.deepStrictEqual(lines, [
        record(0, 0xfffd, 1),
        record(0, 0xfffe, 2, 3),
        record(4, 0, 0, 1),
        record(0, 0, 4, 5),
        END,
        ""
      ])
    })
  )

  it.effect("writes start addresses of both kinds", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      for (const start of [
        { _tag: "Linear", eip: 0xffff_ffff },
        { _tag: "Segmented", cs: 0xffff, ip: 0x10 }
      ] as const) {
        const image = yield* Effect.flatMap(collect(IntelHex.write(map, { start })), (bytes) =>
          IntelHex.fromSource(ascii(text(bytes)))
        )
        assert.deepStrictEqual(image.start, start)
      }
    })
  )

  it.effect("refuses addresses beyond 32 bits and senseless options", () =>
    Effect.gen(function* () {
      const high = yield* mapOf([{ address: 0xffff_ffffn, bytes: u8(1, 2) }])
      const low = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      const why = (map: MemoryMap.Mapped, options?: IntelHex.WriteOptions) =>
        Effect.map(Effect.flip(collect(IntelHex.write(map, options))), (error) => error.message)
      assert.include(yield* why(high), "bytes are mapped up to 0x100000000")
      assert.include(yield* why(low, { recordLength: 0 }), "1 to 255 bytes, not 0")
      assert.include(yield* why(low, { recordLength: 256 }), "1 to 255 bytes, not 256")
      assert.include(yield* why(low, { start: { _tag: "Linear", eip: -1 } }), "start address -1")
    })
  )
})

const placed = [
  { address: 0xfff0n, bytes: Uint8Array.from({ length: 100 }, (_, i) => i) },
  { address: 0x8000_0001n, bytes: u8(1, 2, 3) },
  { address: 0xffff_ff00n, bytes: Uint8Array.from({ length: 256 }, (_, i) => 255 - i) }
]

describe("IntelHex and the tools of others", () => {
  it.effect.skipIf(!has("srec_cat"))(
    "srec_cat reads what we write, and we what it writes (skipped without srec_cat)",
    () =>
      Effect.gen(function* () {
        const map = yield* mapOf(placed)
        const ours = yield* collect(IntelHex.write(map))
        const { read } = yield* judge("srec_cat", ["in.hex", "-intel", "-o", "out.hex", "-intel"], { "in.hex": ours })
        const back = yield* IntelHex.fromSource(ascii(new TextDecoder().decode(read("out.hex"))))
        assert.deepStrictEqual(yield* contents(back.map), yield* contents(map))
      })
  )

  it.effect.skipIf(!has("srec_info"))("srec_info sees our ranges (skipped without srec_info)", () =>
    Effect.gen(function* () {
      const ours = yield* collect(IntelHex.write(yield* mapOf(placed)))
      const { stdout } = yield* judge("srec_info", ["in.hex", "-intel"], { "in.hex": ours })
      for (const range of [/FFF0 - 0*10053/, /80000001 - 80000003/, /FFFFFF00 - FFFFFFFF/]) assert.match(stdout, range)
    })
  )

  it.effect.skipIf(!has("objcopy"))(
    "objcopy reads what we write, and we what it writes (skipped without objcopy)",
    () =>
      Effect.gen(function* () {
        const map = yield* mapOf(placed)
        const ours = yield* collect(IntelHex.write(map))
        const { read } = yield* judge("objcopy", ["-I", "ihex", "-O", "ihex", "in.hex", "out.hex"], { "in.hex": ours })
        const back = yield* IntelHex.fromSource(ascii(new TextDecoder().decode(read("out.hex"))))
        assert.deepStrictEqual(yield* contents(back.map), yield* contents(map))
      })
  )
})
