// Images from the command line, laid over each other into one map.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as AddressRange from "../AddressRange.ts"
import * as ByteSource from "../ByteSource.ts"
import type { Endian, WordSize } from "../MachineModel.ts"
import * as MemoryImage from "../MemoryImage.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { Opening } from "./arguments.ts"
import { Refused } from "./errors.ts"

export interface Opened {
  readonly map: MemoryMap.Mapped
  /** `path` is what was asked for, which may end in an address; `file` is where it leads. */
  readonly images: ReadonlyArray<{
    readonly path: string
    readonly file: string
    readonly image: MemoryImage.MemoryImage
  }>
}

/** `PATH@ADDRESS`, unless a file of that very name exists. */
const placed = Effect.fnUntraced(function* (text: string) {
  const at = text.lastIndexOf("@")
  if (at < 1) return { path: text }
  const fs = yield* FileSystem.FileSystem
  if (yield* Effect.orElseSucceed(fs.exists(text), () => false)) return { path: text }
  const address = AddressRange.parseAddress(text.slice(at + 1))
  if (Result.isFailure(address)) {
    return yield* new Refused({
      message: `${text}: there is no such file, and what follows the @ is no address`,
      details: [["why", address.failure.why]]
    })
  }
  return { path: text.slice(0, at), address: address.success }
})

const wordSizeOf = (map: MemoryMap.Any): Effect.Effect<WordSize | undefined> =>
  Effect.match(MemoryMap.requireWordSize(map), { onFailure: () => undefined, onSuccess: MemoryMap.getWordSize })

const endianOf = (map: MemoryMap.Any): Effect.Effect<Endian | undefined> =>
  Effect.match(MemoryMap.requireEndian(map), { onFailure: () => undefined, onSuccess: MemoryMap.getEndian })

/** What the map says of its machine; `undefined` where it doesn't. */
export const machineOf = (map: MemoryMap.Any) => Effect.all({ wordSize: wordSizeOf(map), endian: endianOf(map) })

/** What is visible in a range, as entries of another map. */
const entries = (map: MemoryMap.Any, range?: AddressRange.AddressRange): ReadonlyArray<MemoryMap.AddAllEntry> =>
  Array.from(MemoryMap.segments(map, { range }), ({ mapping, offset, range: { end, start } }) => ({
    source: Option.getOrElse(ByteSource.slice(mapping.source, offset, end - start), () => mapping.source),
    address: start,
    name: mapping.name,
    permissions: mapping.permissions
  }))

/** All that is visible in `upper`, over `lower`, with the holes of which either knows a reason. */
const lay = Effect.fnUntraced(function* (
  lower: MemoryMap.Any,
  upper: MemoryMap.Any,
  range?: AddressRange.AddressRange
) {
  let map = yield* MemoryMap.addAll(lower, entries(upper, range))
  for (const { range: hole, reason } of MemoryMap.holes(upper, { range })) {
    if (reason !== undefined) map = yield* MemoryMap.addAbsent(map, hole, reason)
  }
  return map
})

/** The map without what lies outside the range. */
export const crop = Effect.fnUntraced(function* (map: MemoryMap.Mapped, range: AddressRange.AddressRange) {
  const { endian, wordSize } = yield* machineOf(map)
  if (MemoryMap.coverage(map, { range }).mapped === 0n) {
    return yield* new Refused({ message: `nothing is mapped in ${AddressRange.format(range)}` })
  }
  return yield* setMachine(yield* lay(MemoryMap.empty, map, range), wordSize, endian)
})

/** Opens images and lays them over each other, in order. */
export const open = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, flags: Opening) {
  const images: Array<Opened["images"][number]> = []
  let map: MemoryMap.Mapped | undefined
  for (const text of [...paths, ...flags.over]) {
    const { path, ...raw } = yield* placed(text)
    const image: MemoryImage.MemoryImage = yield* MemoryImage.open(path, {
      ...("address" in raw ? raw : { format: Option.getOrUndefined(flags.format) }),
      addresses: flags.physical ? "physical" : "virtual",
      truncated: flags.truncated ? "absent" : "refuse"
    })
    images.push({ path: text, file: path, image })
    map = map === undefined ? image.map : yield* lay(map, image.map)
  }
  if (map === undefined) return yield* new Refused({ message: "no image was given" })
  return { map: yield* withMachine(map, images, flags), images } satisfies Opened
})

/** What images and flag say of one property; nobody may contradict another. */
const agree = Effect.fnUntraced(function* <A extends string | number>(
  what: string,
  flag: string,
  said: ReadonlyArray<readonly [path: string, value: A | undefined]>,
  asked: A | undefined
) {
  let first: readonly [path: string, value: A] | undefined
  for (const [path, value] of said) {
    if (value === undefined) continue
    first ??= [path, value]
    if (value !== first[1]) {
      return yield* new Refused({
        message: `${path} has the ${what} ${value}, ${first[0]} has ${first[1]}: they cannot be one map`
      })
    }
  }
  if (first === undefined) return asked
  if (asked !== undefined && asked !== first[1]) {
    return yield* new Refused({
      message: `${first[0]} has the ${what} ${first[1]}; ${flag} ${asked} contradicts it`,
      details: [["try", `without ${flag}, which is for images that do not say`]]
    })
  }
  return first[1]
})

const withMachine = Effect.fnUntraced(function* (map: MemoryMap.Mapped, images: Opened["images"], flags: Opening) {
  const said = yield* Effect.forEach(images, ({ image, path }) =>
    Effect.map(machineOf(image.map), ({ endian, wordSize }) => ({ path, endian, wordSize }))
  )
  const wordSize = yield* agree(
    "word size",
    "--word-size",
    said.map(({ path, wordSize }) => [path, wordSize] as const),
    Option.getOrUndefined(Option.map(flags.wordSize, (bits): WordSize => (bits === "32" ? 32 : 64)))
  )
  const endian = yield* agree(
    "byte order",
    "--endian",
    said.map(({ endian, path }) => [path, endian] as const),
    Option.getOrUndefined(flags.endian)
  )
  return yield* setMachine(map, wordSize, endian)
})

// The types allow each to be set on a map that has none; that this one has none is known here only.
const setMachine = Effect.fnUntraced(function* (
  map: MemoryMap.Mapped,
  wordSize: WordSize | undefined,
  endian: Endian | undefined
) {
  const known = yield* machineOf(map)
  let result = map
  if (known.wordSize === undefined && wordSize !== undefined) {
    result = MemoryMap.setWordSize(
      result as MemoryMap.MemoryMap<"NoWordSize", MemoryMap.EndianState, "HasMapping">,
      wordSize
    )
  }
  if (known.endian === undefined && endian !== undefined) {
    result = MemoryMap.setEndian(
      result as MemoryMap.MemoryMap<MemoryMap.WordSizeState, "NoEndian", "HasMapping">,
      endian
    )
  }
  return result
})
