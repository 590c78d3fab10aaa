// Images from the command line, laid over each other into one map.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as AddressRange from "../AddressRange.ts"
import type { Kernel } from "../linux/LinuxKernel.ts"
import type { WordSize } from "../MachineModel.ts"
import * as MemoryImage from "../MemoryImage.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { KernelNotFound, SourceError } from "../MemoryMapError.ts"
import type { Opening } from "./arguments.ts"
import { Refused } from "./errors.ts"
import { kernelOf, machineOf, setMachine } from "./machine.ts"
import { Output } from "./output.ts"
import * as Spaces from "./spaces.ts"
import type { Written } from "./written.ts"

export interface Opened {
  readonly map: MemoryMap.Mapped
  /** `path` is what was asked for, which may end in an address; `file` is where it leads. */
  readonly images: ReadonlyArray<{
    readonly path: string
    readonly file: string
    readonly image: MemoryImage.MemoryImage
  }>
  /** The Linux in them; it is looked for once, when it is first asked for. */
  readonly kernel: Effect.Effect<Kernel, KernelNotFound | SourceError>
  /** What an address stands for, which may be written with symbols of that kernel. */
  readonly at: <A>(written: Written<A>) => Effect.Effect<A, KernelNotFound | SourceError | Refused>
}

interface Options {
  /** Programs at the addresses that they are loaded to, without the zeros that they make when they run. */
  readonly asLoaded?: boolean
  /** Where symbols are written, the kernel's own space is meant, unless another one is named. */
  readonly written?: ReadonlyArray<Written<unknown>>
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

/** The map without what lies outside the range. */
export const crop = (map: MemoryMap.Mapped, range: AddressRange.AddressRange) =>
  Effect.mapError(
    MemoryMap.requireMapping(MemoryMap.crop(map, range)),
    () => new Refused({ message: `nothing is mapped in ${AddressRange.format(range)}` })
  )

/** So many lines that were passed over are told; `info` tells all. */
const TOLD = 10

/** Says what `--lenient` passed over. */
const tellPassed = Effect.fnUntraced(function* (path: string, image: MemoryImage.MemoryImage) {
  if (image.format !== "ihex" && image.format !== "srec") return
  const { note } = yield* Output
  for (const { line, why } of image.passed.slice(0, TOLD)) yield* note(`${path}: line ${line} passed over: ${why}`)
  const more = image.passed.length - TOLD
  if (more > 0) yield* note(`${path}: ${more} more lines passed over; memmap info lists them`)
})

/** A program as it is loaded: what the file holds at load addresses, where it says them. */
const loaded = (path: string, truncated: "absent" | "refuse") =>
  MemoryImage.open(path, { format: "elf", addresses: "physical", tail: "none", truncated }).pipe(
    Effect.catchTag("ImageError", () => MemoryImage.open(path, { format: "elf", tail: "none", truncated }))
  )

const openAs = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, flags: Opening, asLoaded: boolean) {
  const images: Array<Opened["images"][number]> = []
  let map: MemoryMap.Mapped | undefined
  for (const text of [...paths, ...flags.over]) {
    const { path, ...raw } = yield* placed(text)
    const truncated = flags.truncated ? "absent" : "refuse"
    const asked: MemoryImage.MemoryImage = yield* MemoryImage.open(path, {
      ...("address" in raw ? raw : { format: Option.getOrUndefined(flags.format) }),
      addresses: flags.physical || Option.isSome(flags.space) ? "physical" : "virtual",
      truncated,
      family: Option.getOrUndefined(flags.family),
      lenient: flags.lenient
    })
    const isProgram = asked.format === "elf" && asked.type !== "core"
    const image = asLoaded && isProgram ? yield* loaded(path, truncated) : asked
    yield* tellPassed(text, image)
    images.push({ path: text, file: path, image })
    map = map === undefined ? image.map : yield* MemoryMap.addMap(map, image.map)
  }
  if (map === undefined) return yield* new Refused({ message: "no image was given" })
  const physical = yield* withMachine(map, images, flags)
  const kernel = yield* Effect.cached(kernelOf(physical, images))
  const at: Opened["at"] = (written) =>
    written.known === undefined
      ? Effect.flatMap(kernel, (kernel) => bySymbols(kernel, written))
      : Effect.succeed(written.known)
  if (Option.isNone(flags.space)) return { map: physical, images, kernel, at } satisfies Opened
  const space = yield* Spaces.resolve(flags.space.value, kernel, images, flags.paging)
  return { map: yield* Spaces.enter(physical, space), images, kernel, at } satisfies Opened
})

/** What an address stands for that may be written with symbols of the kernel. */
export const bySymbols = <A>({ symbols }: Kernel, written: Written<A>): Effect.Effect<A, Refused> => {
  if (written.known !== undefined) return Effect.succeed(written.known)
  if (symbols !== undefined) {
    return Effect.mapError(Effect.fromResult(written.withSymbols(symbols)), (message) => new Refused({ message }))
  }
  return Effect.fail(
    new Refused({ message: written.why, details: [["or", "a symbol; but no table of symbols was found in memory"]] })
  )
}

/** Opens images and lays them over each other, in order. */
export const open = Effect.fnUntraced(function* (
  paths: ReadonlyArray<string>,
  flags: Opening,
  { asLoaded = false, written = [] }: Options = {}
) {
  const symbolic = written.find(({ known }) => known === undefined)
  if (symbolic === undefined || Option.isSome(flags.space)) return yield* openAs(paths, flags, asLoaded)
  const refused = new Refused({
    message: symbolic.why,
    details: [["or", "a symbol of a Linux kernel; but none was found: memmap uname IMAGE tells why"]]
  })
  return yield* openAs(paths, { ...flags, space: Option.some("kernel") }, asLoaded).pipe(
    // What is no memory of a machine may still be what cannot be opened at all.
    Effect.catchTag("ImageError", () => Effect.andThen(openAs(paths, flags, asLoaded), refused)),
    Effect.catchTag("KernelNotFound", () => refused)
  )
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
