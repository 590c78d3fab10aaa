// Mistakes in the program are defects that say so; what data may hold is an error of its type, or an empty answer.
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Stream } from "effect"
import * as ByteSource from "../../src/ByteSource.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"

const END = 1n << 64n
const make = Effect.map(MemoryMap.fromString("some text\0", 0x10n), (map) =>
  map.pipe(MemoryMap.setWordSize(64), MemoryMap.setEndian("little"))
)

type Use = (map: MemoryMap.Ready) => Effect.Effect<unknown, unknown>

/** What an Effect or a plain function throws. */
const defectOf = Effect.fnUntraced(function* (use: Use) {
  const map = yield* make
  const exit = yield* Effect.exit(Effect.suspend(() => use(map)))
  assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause), `not a defect: ${String(exit)}`)
  return Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
})

const all = <A, E>(stream: Stream.Stream<A, E>) => Stream.runCollect(stream)
const counts = [-1, 0.5, NaN, Infinity, 2 ** 53]
const backwards = { start: 9n, end: 4n }

const mistakes: Readonly<Record<string, ReadonlyArray<Use>>> = {
  "a length": counts.flatMap((length): ReadonlyArray<Use> => [
    MemoryMap.getBytes(0x10n, length),
    MemoryMap.getBytesUpTo(0x10n, length),
    MemoryMap.getBytesPadded(0x10n, length),
    ...(length === Infinity ? [] : [MemoryMap.getString(0x10n, { maxLength: length })])
  ]),
  "a fill": [-1, 256, 1.5, NaN].map((fill) => MemoryMap.getBytesPadded(0x10n, 4, fill)),
  "an alignment": [-3, -8, 0, 0.5, NaN, Infinity, 2 ** 50].flatMap((alignment): ReadonlyArray<Use> => [
    MemoryMap.find("text", { alignment }),
    MemoryMap.findAligned("text", { alignment }),
    (map) => all(MemoryMap.findAll(map, "text", { alignment })),
    (map) => all(MemoryMap.findAllPointers(map, 1n, { alignment })),
    (map) => all(MemoryMap.findMatches(map, "text", { alignment }))
  ]),
  "a least length of texts": [0, -1, 1.5, NaN, 2 ** 17].map(
    (minLength): Use =>
      (map) =>
        all(MemoryMap.strings(map, { minLength }))
  ),
  "a range": [
    MemoryMap.getBytes(backwards),
    MemoryMap.getBytesPadded(backwards),
    MemoryMap.getSparse(backwards),
    MemoryMap.find("text", { range: backwards }),
    (map) => all(MemoryMap.findAll(map, "text", { range: backwards })),
    (map) => all(MemoryMap.strings(map, { range: backwards })),
    (map) => all(MemoryMap.stream(map, { range: backwards })),
    (map) => Effect.sync(() => [...MemoryMap.segments(map, { range: backwards })]),
    (map) => Effect.sync(() => [...MemoryMap.holes(map, { range: backwards })]),
    (map) => Effect.sync(() => [...MemoryMap.runs(map, { range: backwards })]),
    (map) => Effect.sync(() => MemoryMap.coverage(map, { range: backwards }))
  ],
  "a size": [-1n, 5 as never].flatMap((size): ReadonlyArray<Use> => [
    () => Effect.sync(() => ByteSource.zeros(size)),
    () => Effect.sync(() => ByteSource.make({ name: "none", size, read: () => Effect.succeed(new Uint8Array(0)) }))
  ])
}

describe("a mistake of the program", () => {
  for (const [what, uses] of Object.entries(mistakes)) {
    it.effect(`in ${what} is a defect that says so`, () =>
      Effect.gen(function* () {
        for (const use of uses) {
          const defect = yield* defectOf(use)
          assert.instanceOf(defect, RangeError)
          assert.match(defect.message, /must (be|hold)/)
        }
      })
    )
  }

  it.effect("that types would have stopped is a defect, too: words of a map without word size", () =>
    Effect.gen(function* () {
      const bare = (yield* MemoryMap.fromString("some text", 0n)) as unknown as MemoryMap.Ready
      for (const use of [
        MemoryMap.findAligned(bare, "text"),
        all(MemoryMap.findAllAligned(bare, "text")),
        all(MemoryMap.findAllPointers(bare, 1n)),
        MemoryMap.getPointer(bare, 0n)
      ]) {
        assert.match(String(yield* defectOf(() => use)), /TypeError: .* first/)
      }
    })
  )
})

describe("what data may say", () => {
  it.effect("is no mistake: any address can be asked for, and nothing is found outside of the space", () =>
    Effect.gen(function* () {
      const map = yield* make
      for (const address of [-1n, END, END + 5n]) {
        assert.strictEqual((yield* Effect.flip(MemoryMap.getByte(map, address)))._tag, "UnmappedAddress")
        const range = { start: address, end: address + 8n }
        assert.strictEqual((yield* Effect.flip(MemoryMap.getSparse(map, range)))._tag, "UnmappedAddress")
        assert.strictEqual((yield* Effect.flip(all(MemoryMap.stream(map, { range }))))._tag, "UnmappedAddress")
        assert.deepStrictEqual(yield* all(MemoryMap.findAll(map, "text", { range })), [])
        assert.deepStrictEqual(yield* all(MemoryMap.strings(map, { range })), [])
        assert.deepStrictEqual([...MemoryMap.segments(map, { range })], [])
      }
      const whole = { start: -5n, end: END + 5n }
      assert.deepStrictEqual(yield* all(MemoryMap.findAll(map, "text", { range: whole })), [0x15n])
    })
  )
})
