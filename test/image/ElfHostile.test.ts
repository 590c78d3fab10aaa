// ELF files that lie: every header byte changed, the file cut at every byte, every read failing once and for ever.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Elf from "../../src/image/Elf.ts"
import { ByteSource, MemoryMap, MemoryMapError } from "../../src/index.ts"
import { buildElf, type ElfSpec, noteSegment, words } from "../support/elfBuilder.ts"
import { binary } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)

/** Reads PT_LOAD segments without a check of anything: what a file that was accepted must come to. */
const naive = (file: Uint8Array): Map<bigint, number> => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const little = view.getUint8(5) === 1
  const wide = view.getUint8(4) === 2
  const u16 = (at: number) => view.getUint16(at, little)
  const u32 = (at: number) => view.getUint32(at, little)
  const word = (at: number) => (wide ? view.getBigUint64(at, little) : BigInt(u32(at)))
  const table = Number(word(wide ? 32 : 28))
  const phnum = u16(wide ? 56 : 44)
  const count = phnum === 0xffff ? u32(Number(word(wide ? 40 : 32)) + (wide ? 44 : 28)) : phnum
  const bytes = new Map<bigint, number>()
  for (let i = 0; i < count; i++) {
    const at = table + i * (wide ? 56 : 32)
    if (u32(at) !== 1) continue
    const offset = word(at + (wide ? 8 : 4))
    const address = word(at + (wide ? 16 : 8))
    const size = word(at + (wide ? 32 : 16))
    for (let k = 0n; k < size && offset + k < file.length; k++) bytes.set(address + k, file[Number(offset + k)]!)
  }
  return bytes
}

/** What the map holds, byte for byte. */
const mapped = Effect.fnUntraced(function* (map: MemoryMap.Mapped) {
  const bytes = new Map<bigint, number>()
  for (const { range } of MemoryMap.segments(map)) {
    const part = yield* MemoryMap.getBytes(map, range.start, Number(range.end - range.start))
    part.forEach((byte, i) => bytes.set(range.start + BigInt(i), byte))
  }
  return bytes
})

const sorted = (bytes: Map<bigint, number>) => [...bytes].sort(([a], [b]) => (a < b ? -1 : 1))

/** Opens; what is accepted must be right, what is refused must be an ImageError at a place in the file. */
const judge = Effect.fnUntraced(function* (file: Uint8Array, what: string) {
  const opened = yield* Effect.result(Elf.fromSource(binary(file, "hostile"), { tail: "absent", truncated: "absent" }))
  if (Result.isFailure(opened)) {
    assert.instanceOf(opened.failure, MemoryMapError.ImageError, what)
    assert.isNotEmpty(opened.failure.message)
    return false
  }
  assert.deepStrictEqual(sorted(yield* mapped(opened.success.map)), sorted(naive(file)), what)
  return true
})

const kinds: ReadonlyArray<Pick<ElfSpec, "fileClass" | "endian" | "headersLast" | "extended">> = [
  { fileClass: 64, endian: "little" },
  { fileClass: 64, endian: "big", headersLast: true },
  { fileClass: 32, endian: "little", extended: true },
  { fileClass: 32, endian: "big", headersLast: true, extended: true }
]
const build = (kind: (typeof kinds)[number]): Uint8Array => {
  const size = kind.fileClass === 32 ? 4 : 8
  const { endian = "little" } = kind
  const paths = [...new TextEncoder().encode("/a\0")]
  return buildElf({
    ...kind,
    segments: [
      noteSegment(
        [
          { owner: "CORE", type: 6, description: words(size, [9, 1, 0, 0], endian) },
          {
            owner: "CORE",
            type: 0x46494c45,
            description: u8(...words(size, [1, 1, 0x1000, 0x2000, 0], endian), ...paths)
          },
          { owner: "VMCOREINFO", type: 0, description: new TextEncoder().encode("A=B\n") }
        ],
        { endian }
      ),
      { virtual: 0x1000n, bytes: u8(1, 2, 3, 4, 5, 6), memorySize: 0x1000n },
      { virtual: 0x1004n, bytes: u8(7, 8, 9, 10) },
      { virtual: 0xffff_f000n, bytes: u8(11, 12, 13), memorySize: 0x1000n }
    ]
  })
}
const title = (kind: (typeof kinds)[number]) =>
  `ELF${kind.fileClass}, ${kind.endian} endian${kind.headersLast === true ? ", headers last" : ""}${
    kind.extended === true ? ", PN_XNUM" : ""
  }`

describe("a file that lies", () => {
  for (const kind of kinds) {
    it.effect(`${title(kind)}: every byte changed in turn`, () =>
      Effect.gen(function* () {
        const file = build(kind)
        let accepted = 0
        let refused = 0
        for (let at = 0; at < file.length; at++) {
          for (const change of [(byte: number) => byte ^ 1, (byte: number) => byte ^ 0x80, () => 0, () => 0xff]) {
            const changed = new Uint8Array(file)
            changed[at] = change(file[at]!)
            if (yield* judge(changed, `byte ${at} is ${changed[at]}`)) accepted++
            else refused++
          }
        }
        assert.isAbove(accepted, file.length)
        assert.isAbove(refused, 50)
      })
    )

    it.effect(`${title(kind)}: cut at every byte`, () =>
      Effect.gen(function* () {
        const file = build(kind)
        for (let length = 0; length < file.length; length++) {
          const cut = file.slice(0, length)
          const accepted = yield* judge(cut, `${length} bytes`)
          if (kind.headersLast === true) assert.isFalse(accepted)
          const strict = yield* Effect.flip(Elf.fromSource(binary(cut)))
          assert.strictEqual(strict._tag, "ImageError", "by default")
        }
        assert.isTrue(yield* judge(file, "whole"))
      })
    )

    it.effect(`${title(kind)}: the k-th read fails, once and for ever`, () =>
      Effect.gen(function* () {
        const file = build(kind)
        for (const forEver of [false, true]) {
          let reads = 0
          let failAt = 0
          const source = ByteSource.make({
            name: "failing",
            size: BigInt(file.length),
            read: (offset, length) =>
              Effect.suspend(() => {
                reads++
                return reads === failAt || (forEver && reads > failAt)
                  ? new MemoryMapError.SourceError({ source: "failing", offset, length, reason: "ReadFailed" })
                  : Effect.succeed(file.slice(Number(offset), Number(offset) + length))
              })
          })
          for (failAt = 1; ; failAt++) {
            reads = 0
            const opened = yield* Effect.result(Elf.fromSource(source))
            if (Result.isSuccess(opened)) break
            assert.strictEqual(opened.failure._tag, "SourceError")
          }
          assert.isAbove(failAt, 10)
          assert.strictEqual(reads, failAt - 1)
        }
      })
    )
  }
})
