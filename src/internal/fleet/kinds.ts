// What a question is inside, and those that come with the library.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AddressRange } from "../../AddressRange.ts"
import * as Range from "../../AddressRange.ts"
import * as ByteSource from "../../ByteSource.ts"
import type { Image } from "../../fleet/Fleet.ts"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import * as VmcoreInfo from "../../linux/VmcoreInfo.ts"
import type { OpenOptions } from "../../MemoryImage.ts"
import * as MachineModel from "../../MachineModel.ts"
import type { Mapping } from "../../Mapping.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import * as Pattern from "../../Pattern.ts"
import { asPc, implOf } from "../map/build.ts"
import { compile, type Form } from "../pattern/compile.ts"
import type { Hit } from "./store/rows.ts"

export const TypeId: unique symbol = Symbol.for("effect-memory-map/fleet/Question")

/** What running a question gives: the answer, and where in memory it was found, for those that look for places. */
export interface Outcome<out A> {
  readonly result: A
  readonly hits: ReadonlyArray<Hit>
}

// Payloads and answers of all kinds live in one registry; their Schemas tell them apart.
// oxlint-disable-next-line typescript/no-explicit-any
type Untyped = any

export interface Implementation {
  readonly kind: string
  readonly open: OpenOptions | undefined
  readonly payload: Schema.Codec<Untyped, Schema.Json>
  readonly result: Schema.Codec<Untyped, Schema.Json>
  /** The longest match, in bytes, for what may be asked chunk by chunk. */
  readonly reach: ((payload: Untyped, map: MemoryMap.Any) => Effect.Effect<number, unknown>) | undefined
  readonly run: (
    image: Image,
    payload: Untyped,
    range: AddressRange
  ) => Effect.Effect<Outcome<Untyped>, unknown, Untyped>
}

export interface Options {
  readonly kind: string
  readonly open?: OpenOptions | undefined
  readonly payload: Schema.Codec<Untyped, unknown>
  readonly result: Schema.Codec<Untyped, unknown>
  readonly reach?: Implementation["reach"]
  readonly run: Implementation["run"]
}

export const implementation = (options: Options): Implementation => ({
  kind: options.kind,
  open: options.open,
  payload: Schema.toCodecJson(options.payload),
  result: Schema.toCodecJson(options.result),
  reach: options.reach,
  run: options.run
})

const lengthOf = (form: Form): number => {
  switch (form._tag) {
    case "Exact":
    case "Masked":
      return form.bytes.length
    case "WordRange":
      return form.size
    case "Regex":
      return form.reach
  }
}

const wordBytesOf = (map: MemoryMap.Any) =>
  Effect.map(MemoryMap.requireWordSize(map), (ready) => MachineModel.wordBytes(MemoryMap.getWordSize(ready)))

interface Find {
  readonly pattern: Pattern.Pattern
  readonly alignment: number | "word"
  readonly limit: number
}

/** Where bytes are: in the file that they come from, where that is known. */
const placeOf = (mapping: Mapping | undefined, offset: bigint): Pick<Hit, "source" | "place"> => {
  if (mapping === undefined) return { source: "", place: 0n }
  const from = ByteSource.origin(mapping.source, offset)
  return { source: from.source.name, place: from.offset }
}

const hitOf = ({ address, length, origins: [first] }: MemoryMap.Match): Hit => ({
  address,
  length,
  ...placeOf(first?.mapping, first?.offset ?? 0n)
})

/** Counts what comes and keeps the first of it: an image that is full of matches must not fill the store. */
const kept = <A, E, R>(found: Stream.Stream<A, E, R>, limit: number, toHit: (a: A) => Hit) =>
  Effect.suspend(() => {
    const hits: Array<Hit> = []
    let matches = 0
    return Stream.runForEachArray(found, (some) =>
      Effect.sync(() => {
        matches += some.length
        for (const one of some.slice(0, limit - hits.length)) hits.push(toHit(one))
      })
    ).pipe(Effect.map(() => ({ result: { matches, kept: hits.length }, hits })))
  })

export const Found = Schema.Struct({ matches: Schema.Int, kept: Schema.Int })

const limit = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const find = implementation({
  kind: "find",
  payload: Schema.Struct({
    pattern: Pattern.Pattern,
    alignment: Schema.Union([Schema.Int.check(Schema.isGreaterThan(0)), Schema.Literal("word")]),
    limit
  }),
  result: Found,
  reach: ({ pattern }: Find, map) =>
    Effect.fromResult(
      Result.map(compile(pattern, implOf(map)), (leaves) =>
        leaves.reduce((longest, { form }) => Math.max(longest, lengthOf(form)), 1)
      )
    ),
  // A match belongs to the chunk that it begins in; the search goes on past its end by the longest match less a byte.
  run: (image, { alignment, limit, pattern }: Find, range) =>
    Effect.gen(function* () {
      const { map } = image.memory
      const reach = yield* find.reach!({ pattern, alignment, limit }, map)
      const end = range.end + BigInt(reach - 1)
      const wider = Range.make(range.start, end > Range.full.end ? Range.full.end : end)
      const unit = alignment === "word" ? yield* wordBytesOf(map) : alignment
      const matches = MemoryMap.findMatches(map, pattern, { range: wider, alignment: unit })
      return yield* kept(
        Stream.takeWhile(matches, ({ address }) => address < range.end),
        limit,
        hitOf
      )
    })
})

interface Strings {
  readonly minLength: number
  readonly encoding: "ascii" | "latin1" | "utf16le" | "utf16be"
  readonly limit: number
}

const textHit =
  (map: MemoryMap.Mapped, width: number) =>
  ({ address, text }: MemoryMap.AddressedText): Hit => {
    const origin = Option.getOrUndefined(MemoryMap.origin(map, address))
    return { address, length: text.length * width, ...placeOf(origin?.mapping, origin?.offset ?? 0n) }
  }

export const strings = implementation({
  kind: "strings",
  payload: Schema.Struct({
    minLength: Schema.Int,
    encoding: Schema.Literals(["ascii", "latin1", "utf16le", "utf16be"]),
    limit
  }),
  result: Found,
  run: ({ memory: { map } }, { encoding, limit, minLength }: Strings, range) => {
    const wide = encoding === "utf16le" || encoding === "utf16be"
    return kept(MemoryMap.strings(map, { encoding, minLength, range }), limit, textHit(map, wide ? 2 : 1))
  }
})

export const Info = Schema.Struct({
  format: Schema.String,
  size: Schema.BigIntFromString,
  mapped: Schema.BigIntFromString,
  segments: Schema.Int,
  wordSize: Schema.NullOr(Schema.Int),
  endian: Schema.NullOr(MachineModel.Endian)
})

const none = Schema.Struct({})

export const info = implementation({
  kind: "info",
  payload: none,
  result: Info,
  run: ({ memory: { format, map }, source }) =>
    Effect.sync(() => {
      const { endian, wordSize } = implOf(map)
      let segments = 0
      for (const _ of MemoryMap.segments(map)) segments++
      const mapped = MemoryMap.mappedSize(map)
      const result = { format, size: source.size, mapped, segments, wordSize: wordSize ?? null, endian: endian ?? null }
      return { result, hits: [] }
    })
})

const kernelOf = ({ memory }: Image) =>
  LinuxKernel.open(asPc(memory.map), { vmcoreInfo: Option.getOrUndefined(VmcoreInfo.fromImage(memory)) })

const guest = <A>(
  kind: string,
  result: Schema.Codec<A, unknown>,
  ask: (kernel: LinuxKernel.Kernel) => Effect.Effect<A, unknown>
) =>
  implementation({
    kind,
    open: { addresses: "physical" },
    payload: none,
    result,
    run: (image) => Effect.map(Effect.flatMap(kernelOf(image), ask), (answer) => ({ result: answer, hits: [] }))
  })

export const Uname = Schema.Struct({
  sysname: Schema.String,
  nodename: Schema.String,
  release: Schema.String,
  version: Schema.String,
  machine: Schema.String,
  domainname: Schema.String
})

export const uname = guest("uname", Uname, LinuxKernel.uname)

export const Process = Schema.Struct({
  pid: Schema.Int,
  parent: Schema.NullOr(Schema.Int),
  uid: Schema.NullOr(Schema.Int),
  comm: Schema.String,
  state: Schema.String,
  kernelThread: Schema.Boolean
})

export const ps = guest("ps", Schema.Array(Process), (kernel) =>
  LinuxKernel.tasks(kernel).pipe(
    Stream.map(({ comm, kernelThread, parent, pid, state, uid }) => ({
      pid,
      parent: parent ?? null,
      uid: uid ?? null,
      comm,
      state,
      kernelThread
    })),
    Stream.runCollect
  )
)

export const Module = Schema.Struct({
  name: Schema.String,
  address: Schema.BigIntFromString,
  size: Schema.BigIntFromString,
  state: Schema.String
})

export const modules = guest("modules", Schema.Array(Module), (kernel) =>
  LinuxKernel.modules(kernel).pipe(
    Stream.map(({ address, name, size, state }) => ({ name, address, size, state })),
    Stream.runCollect
  )
)

export const builtIn: ReadonlyArray<Implementation> = [find, strings, info, uname, ps, modules]
