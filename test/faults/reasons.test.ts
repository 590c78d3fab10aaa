// Errors of images say their reason to programs, and the message is made of it.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as Kdump from "../../src/image/Kdump.ts"
import * as Raw from "../../src/image/Raw.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { ImageError } from "../../src/MemoryMapError.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { buildElf } from "../support/elfBuilder.ts"
import { dump } from "../support/kdumpBuilder.ts"

const source = (bytes: Uint8Array) => ByteSource.fromBytes(bytes, { name: "file" })
const open = (bytes: Uint8Array) => Effect.flip(MemoryImage.fromSource(source(bytes)))
const elf = buildElf({ segments: [{ virtual: 0x1000n, bytes: new Uint8Array(64).fill(1) }] })
const page = { bytes: new Uint8Array(4096).fill(1), stored: { flags: 0x2 } }

const cases: ReadonlyArray<readonly [reason: ImageError["reason"], Effect.Effect<unknown, unknown>, message: RegExp]> =
  [
    ["Unknown", open(new Uint8Array(64)), /^file: unknown: its content/],
    ["CutShort", open(elf.subarray(0, elf.length - 8)), /^file: elf, offset 0x\w+: .*missing; open it with truncated/],
    ["CutShort", open(elf.subarray(0, 40)), /^file: elf, offset 0x0: .*the file ends at 0x28/],
    ["Malformed", open(elf.with(4, 9)), /^file: elf, offset 0x4: /],
    [
      "Unsupported",
      Effect.flip(
        Kdump.fromSource(source(dump({ wordSize: 64, endian: "little", frames: 8, pages: { 3: page }, status: 2 })))
      ),
      /no decompressor for it is provided/
    ],
    ["TooLarge", Effect.flip(Snapshot.fromStream(Stream.make(elf), { limit: 10 })), /more than the 10 bytes allowed/],
    [
      "Unwritable",
      Effect.flatMap(
        MemoryMap.addAll(MemoryMap.empty, [
          { source: source(elf), address: 0n },
          { source: source(elf), address: 0x1000n }
        ]),
        (map) => Effect.flip(Stream.runDrain(Raw.write(map)))
      ),
      /^the map cannot be written as raw: 0x\w+-0x1000 is a hole/
    ]
  ]

describe("an image error", () => {
  for (const [reason, effect, message] of cases) {
    it.effect(`is "${reason}": ${message.source}`, () =>
      Effect.gen(function* () {
        const error = yield* effect
        assert.instanceOf(error, ImageError)
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, message)
        const again = Schema.decodeUnknownSync(Schema.toCodecJson(ImageError))(
          Schema.encodeUnknownSync(Schema.toCodecJson(ImageError))(error)
        )
        assert.deepStrictEqual([again.reason, again.message], [reason, error.message])
      })
    )
  }
})
