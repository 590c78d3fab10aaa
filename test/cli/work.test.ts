import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Output } from "../../src/cli/output.ts"
import { parts } from "../../src/cli/parts.ts"
import * as Progress from "../../src/cli/progress.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { SourceError } from "../../src/MemoryMapError.ts"
import * as Hexdump from "../../src/render/Hexdump.ts"
import * as Line from "../../src/render/Line.ts"

/** A source whose page 2 cannot be read. */
const torn = ByteSource.make({
  name: "torn",
  size: 0x4000n,
  read: (offset, length) =>
    offset < 0x3000n && offset + BigInt(length) > 0x2000n
      ? new SourceError({ source: "torn", offset, length, reason: "ReadFailed", cause: new Error("I/O error") })
      : Effect.succeed(new Uint8Array(length).fill(0x11))
})

describe("parts", () => {
  it.effect("loses no more than the pages that cannot be read", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.add(MemoryMap.empty, torn, 0x1_0000n)
      const found = yield* Stream.runCollect(parts(map, { start: 0xfff0n, end: 0x1_4010n }))
      const lines = Hexdump.lines(found).map((line) => Line.plain(line).trimEnd())
      const row = (address: string, cell: string, text: string) => {
        const eight = Array.from({ length: 8 }, () => cell).join(" ")
        return `${address}  ${eight}  ${eight}  |${text.repeat(16)}|`
      }
      assert.deepStrictEqual(lines.slice(0, 5), [
        row("0x0000fff0", "--", " "),
        row("0x00010000", "11", "."),
        "*           511 more rows like this",
        row("0x00012000", "??", " "),
        "*           unreadable, 4 KiB, to 0x00013000: torn: cannot read 4096 bytes at offset 0x2000: I/O error"
      ])
      assert.deepStrictEqual(lines.slice(5), [
        row("0x00013000", "11", "."),
        "*           255 more rows like this",
        row("0x00014000", "--", " ")
      ])
    })
  )
})

describe("the progress bar", () => {
  const bar = Effect.fnUntraced(function* (animated: boolean) {
    const shown: Array<string> = []
    const output = Output.of({
      json: false,
      colored: false,
      width: undefined,
      animated,
      print: () => Effect.void,
      lines: () => Effect.void,
      bytes: () => Effect.void,
      note: () => Effect.void,
      error: () => Effect.void,
      status: (text) => Effect.sync(() => void shown.push(text))
    })
    const progress = yield* Effect.provideService(Progress.make("searching"), Output, output)
    return { progress, shown }
  })

  it.effect("waits half a second, then moves ten times a second", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { progress, shown } = yield* Scope.provide(bar(true), scope)
      for (let time = 0; time < 1000; time += 10) {
        yield* progress.update(BigInt(time) << 20n, 2000n << 20n)
        yield* TestClock.adjust("10 millis")
      }
      assert.strictEqual(shown.length, 5)
      assert.strictEqual(shown[0], "searching [######..................] 25%  500 MiB of 1.9 GiB, 1000 MiB/s, 2 s left")
      yield* Scope.close(scope, Exit.interrupt())
      assert.strictEqual(shown.at(-1), "")
    })
  )

  it.effect("is not drawn where nobody sees it", () =>
    Effect.gen(function* () {
      const { progress, shown } = yield* bar(false)
      yield* TestClock.adjust("1 minute")
      yield* progress.update(1n, 2n)
      assert.deepStrictEqual(shown, [])
    })
  )

  it("has nothing to say of the time left at the start, and copes with nothing to do", () => {
    assert.strictEqual(Progress.barText("x", 0n, 100n, 0), `x [${".".repeat(24)}] 0%  0 B of 100 B, 0 B/s`)
    assert.match(Progress.barText("x", 0n, 0n, 5), /100%/)
    assert.match(Progress.barText("x", 50n, 100n, 90_000), /1 min 30 s left$/)
  })
})
