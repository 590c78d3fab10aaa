// Sources that fail: at the k-th read, once or for ever, with the wrong number of bytes, by throwing, by never ending. A
// read then fails with what the source said, or gives the right value; nothing else.
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Equal, Exit, Fiber, Stream } from "effect"
import * as AddressRange from "../../src/AddressRange.ts"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { SourceError, type TooLarge } from "../../src/MemoryMapError.ts"
import { allReads, effectRead } from "../support/values.ts"

const BASE = 0x1000n
const data = new TextEncoder().encode("an_identifier_that_spans_many_mappings\0and more bytes behind")
const SIZE = data.length

type Answer = (offset: bigint, length: number) => Effect.Effect<Uint8Array, SourceError>
const right: Answer = (offset, length) => Effect.sync(() => data.slice(Number(offset), Number(offset) + length))
const failure = (offset: bigint, length: number) =>
  new SourceError({ source: "faulty", offset, length, reason: "ReadFailed", cause: new Error("told to fail") })

/**
 * `data` from BASE on, cut in slices of 7 bytes of one source that is asked for them, one slice in memory, and the last one
 * again behind a hole.
 */
const mapOf = (read: Answer) => {
  const source = ByteSource.make({ name: "faulty", size: BigInt(SIZE), read })
  const entries: Array<MemoryMap.AddAllEntry> = []
  for (let at = 0; at < SIZE; at += 7) {
    const length = Math.min(7, SIZE - at)
    const part = ByteSource.slice(source, BigInt(at), BigInt(length))
    const resident = ByteSource.fromBytes(data.slice(at, at + length))
    entries.push({
      source: part._tag === "Some" && at !== 14 ? part.value : resident,
      address: BASE + BigInt(at)
    })
  }
  entries.push({ ...entries.at(-1)!, address: BASE + 0x100n })
  return MemoryMap.addAll(MemoryMap.empty, entries).pipe(
    Effect.map((map) => map.pipe(MemoryMap.setEndian("little"), MemoryMap.setWordSize(64)))
  )
}

type Failure = TooLarge | MemoryMap.ReadError | MemoryMap.AddError | MemoryMap.SearchError
type Read = (map: MemoryMap.Ready) => Effect.Effect<unknown, Failure>

const sameBytes: Read = (map) =>
  Effect.map(MemoryMap.addBytes(map, data, BASE, { overlap: "equal" }), (added) => MemoryMap.mappedSize(added))
const plainly: Read = (map) =>
  Effect.map(MemoryMap.reader(map), (reader) => [reader.getBytes(BASE, SIZE), reader.getInt64(BASE + 10n)])
const range = AddressRange.make(BASE - 2n, BASE + 0x110n)

/** Each typed read at 3 bytes, across two slices where it takes more than 4. */
const typed = Object.fromEntries(
  allReads(64).map((read): [string, Read] => [read.name, (map) => effectRead(read)(map, BASE + 3n)])
)
const reads: Readonly<Record<string, Read>> = {
  ...typed,
  getBytes: MemoryMap.getBytes(BASE, SIZE),
  getBytesUpTo: MemoryMap.getBytesUpTo(BASE + 1n, 1000),
  getBytesPadded: MemoryMap.getBytesPadded(BASE - 3n, 0x120, 0xee),
  getSparse: MemoryMap.getSparse(range),
  "stream, skip": (map) => Stream.runCollect(MemoryMap.stream(map)),
  "stream, zero": (map) => Stream.runCollect(MemoryMap.stream(map, { range, holes: "zero" })),
  "stream, fail": (map) =>
    Stream.runCollect(MemoryMap.stream(map, { range: { start: BASE, end: BASE + 9n }, holes: "fail" })),
  getString: MemoryMap.getString(BASE),
  "getString, latin1": MemoryMap.getString(BASE, { encoding: "latin1", maxLength: 30 }),
  isString: MemoryMap.isString(BASE),
  isCIdentifier: MemoryMap.isCIdentifier(BASE),
  reader: plainly,
  find: MemoryMap.find("behind"),
  findAll: (map) => Stream.runCollect(MemoryMap.findAll(map, "an")),
  findAllPointers: (map) => Stream.runCollect(MemoryMap.findAllPointers(map, 1n)),
  'overlap: "equal"': sameBytes
}

/** They ask again for less, because what fails may lie behind the end of the text. */
const asksAgain = /String|CIdentifier/

for (const [name, read] of Object.entries(reads)) {
  describe(name, () => {
    const healthy = Effect.flatMap(mapOf(right), read)

    for (const lasting of [false, true]) {
      it.effect(`the k-th read fails ${lasting ? "for ever" : "once"}`, () =>
        Effect.gen(function* () {
          const expected = yield* healthy
          for (let k = 1; ; k++) {
            let asked = 0
            const faulty: Answer = (offset, length) =>
              Effect.suspend(() => {
                asked++
                return asked === k || (lasting && asked > k) ? failure(offset, length) : right(offset, length)
              })
            const map = yield* mapOf(faulty)
            assert.strictEqual(asked, 0, "making a map reads nothing")
            const exit = yield* Effect.exit(read(map))
            assert.isBelow(asked, 200)
            if (Exit.isSuccess(exit)) {
              assert.isTrue(Equal.equals(exit.value, expected), `wrong value at ${k}`)
              assert.isTrue(asked < k || (!lasting && asksAgain.test(name)), `failure ${k} of ${asked} got lost`)
              if (asked < k) break
            } else {
              const error = Cause.findErrorOption(exit.cause)
              assert.strictEqual(error._tag, "Some", String(exit.cause))
              if (error._tag === "Some") assert.include(causes(error.value), "told to fail")
            }
          }
        })
      )
    }

    for (const by of [-1, 1]) {
      it.effect(`a source that gives ${by > 0 ? "more" : "less"} than it was asked for is an error`, () =>
        Effect.gen(function* () {
          const odd: Answer = (_, length) => Effect.sync(() => new Uint8Array(length + by).fill(0x61))
          const error = yield* Effect.flip(Effect.flatMap(mapOf(odd), read))
          assert.match(causes(error), /its read function gave \d+ bytes?/)
        })
      )
    }

    it.effect("a source that throws is a defect, and no value", () =>
      Effect.gen(function* () {
        const throwing: Answer = () => {
          throw new Error("thrown by the source")
        }
        const exit = yield* Effect.exit(Effect.flatMap(mapOf(throwing), read))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "thrown by the source")
      })
    )

    it.effect("a source that never ends can be interrupted", () =>
      Effect.gen(function* () {
        let [asked, released] = [0, 0]
        const endless: Answer = () =>
          Effect.onInterrupt(
            Effect.andThen(
              Effect.sync(() => asked++),
              Effect.never
            ),
            () => Effect.sync(() => released++)
          )
        const fiber = yield* Effect.forkChild(Effect.flatMap(mapOf(endless), read))
        for (let i = 0; i < 100; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
        assert.strictEqual(released, asked, "each read that was begun was interrupted")
        assert.isTrue(asked >= 1 && asked <= 8, `${asked} reads side by side`)
      })
    )

    it.effect("a slow source changes no value", () =>
      Effect.gen(function* () {
        const slow: Answer = (offset, length) =>
          Effect.andThen(Effect.andThen(Effect.yieldNow, Effect.yieldNow), right(offset, length))
        assert.isTrue(Equal.equals(yield* Effect.flatMap(mapOf(slow), read), yield* healthy))
      })
    )
  })
}

/** The message of an error and of all that caused it. */
const causes = (error: unknown): string =>
  error instanceof Error ? `${error.message}; ${causes(error.cause)}` : String(error)

describe("a stream", () => {
  it.effect("gives what comes before the failure first, and never the rest", () =>
    Effect.gen(function* () {
      const healthy = yield* Effect.flatMap(mapOf(right), (map) => Stream.runCollect(MemoryMap.stream(map)))
      for (let k = 1; ; k++) {
        let asked = 0
        const once: Answer = (offset, length) => (++asked === k ? failure(offset, length) : right(offset, length))
        const seen: Array<MemoryMap.AddressedBytes> = []
        const map = yield* mapOf((offset, length) => Effect.suspend(() => once(offset, length)))
        const result = yield* Effect.result(
          Stream.runForEach(MemoryMap.stream(map), (part) => Effect.sync(() => seen.push(part)))
        )
        assert.deepStrictEqual(seen, healthy.slice(0, seen.length))
        if (result._tag === "Success") {
          assert.strictEqual(seen.length, healthy.length)
          assert.isBelow(asked, k)
          break
        }
        assert.isBelow(seen.length, healthy.length)
      }
    })
  )
})

describe("a file that fails in some place", () => {
  it.effect("fails the reads that touch it, and no others", () =>
    Effect.gen(function* () {
      for (let bad = 0; bad < SIZE; bad++) {
        const partly: Answer = (offset, length) =>
          Number(offset) <= bad && bad < Number(offset) + length ? failure(offset, length) : right(offset, length)
        const map = yield* mapOf((offset, length) => Effect.suspend(() => partly(offset, length)))
        for (const [at, length] of [
          [bad, 1],
          [bad + 1, SIZE - bad - 1],
          [0, bad],
          [0, SIZE]
        ] as const) {
          const result = yield* Effect.result(MemoryMap.getBytes(map, BASE + BigInt(at), length))
          // The slice from 14 to 21 is in memory.
          const touches = at <= bad && bad < at + length && !(bad >= 14 && bad < 21)
          assert.strictEqual(result._tag, touches ? "Failure" : "Success", `${bad}: ${length} at ${at}`)
          if (result._tag === "Success") assert.deepStrictEqual(result.success, data.slice(at, at + length))
        }
      }
    })
  )
})
