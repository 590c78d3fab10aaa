// Address spaces by name, as --space has them: which map of an image is meant.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as AddressRange from "../AddressRange.ts"
import * as AddressSpace from "../AddressSpace.ts"
import { hex } from "../internal/base/numbers.ts"
import type { MemoryImage } from "../MemoryImage.ts"
import * as LinuxKernel from "../linux/LinuxKernel.ts"
import * as VmcoreInfo from "../linux/VmcoreInfo.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type { KernelNotFound, SourceError } from "../MemoryMapError.ts"
import * as PageTable from "../PageTable.ts"
import { Refused } from "./errors.ts"
import { Output } from "./output.ts"

/** A space; without tables, physical memory itself. `range` is the part of it that is meant. */
export interface Space {
  readonly name: string
  readonly tables: PageTable.Root | undefined
  readonly range?: AddressRange.AddressRange | undefined
}

type Images = ReadonlyArray<{ readonly image: MemoryImage }>

/** Of each processor, the registers that say how it finds its tables, as far as the image tells. */
export const processors = (image: MemoryImage): ReadonlyArray<PageTable.Registers> => {
  if (image.format === "kdump") {
    return image.wordSize === 32
      ? image.processorStates.map((state) => ({ ...state, efer: 0n }))
      : image.processorStates
  }
  if (image.format !== "elf") return []
  return image.notes.flatMap((note) => {
    if (note._tag !== "ProcessorState") return []
    return [image.machine === "i386" ? { ...note, efer: 0n } : note]
  })
}

/** The kernel's page tables by the image's VMCOREINFO. */
const kernelTables = (image: MemoryImage): PageTable.Root | undefined =>
  Option.getOrUndefined(Option.flatMap(VmcoreInfo.fromImage(image), VmcoreInfo.pageTables))

const formatOf = (images: Images): PageTable.PageTable | undefined => {
  for (const { image } of images) {
    for (const registers of processors(image)) {
      const tables = PageTable.fromRegisters(registers)
      if (Option.isSome(tables)) return tables.value.format
    }
  }
  for (const { image } of images) {
    const tables = kernelTables(image)
    if (tables !== undefined) return tables.format
  }
  return undefined
}

const NAMES = "physical, kernel, cpuN (of a processor, from 0), root:ADDRESS, or the number of a process"

const LOOK: readonly [string, string] = ["try", "memmap spaces IMAGE, which looks for page tables"]

/** What a processor saw. Where nothing tells its registers, that is the kernel's space at least. */
const ofProcessor = Effect.fnUntraced(function* (name: string, number: number, images: Images) {
  const all = images.flatMap(({ image }) => processors(image))
  const registers = all[number]
  if (registers !== undefined) return Option.getOrUndefined(PageTable.fromRegisters(registers))
  const kernel = images.map(({ image }) => kernelTables(image)).find((tables) => tables !== undefined)
  if (all.length > 0 || kernel === undefined) {
    const has = all.length === 0 ? "tells no registers of processors" : `has cpu0 to cpu${all.length - 1}`
    return yield* new Refused({ message: `there is no ${name}: the image ${has}`, details: [LOOK] })
  }
  yield* (yield* Output).note(`the image tells no registers of processors: ${name} is the kernel's space`)
  return kernel
})

const atRoot = Effect.fnUntraced(function* (
  name: string,
  address: string,
  images: Images,
  paging: Option.Option<PageTable.PageTable>
) {
  const root = AddressRange.parseAddress(address)
  if (Result.isFailure(root)) return yield* new Refused({ message: `--space ${name}: ${root.failure.why}` })
  const format = Option.getOrElse(paging, () => formatOf(images))
  if (format === undefined) {
    return yield* new Refused({
      message: "the image does not say what format its page tables have",
      details: [["try", `--paging FORMAT: ${PageTable.names.join(", ")}`]]
    })
  }
  return { name: `root:${hex(root.success)}`, tables: { format, root: root.success } } satisfies Space
})

const LOWER = AddressRange.make(0n, 1n << 63n)
const UPPER = AddressRange.make(1n << 63n, 1n << 64n)

/** What the kernel sees of its own; with 32 bits its half begins where it was told to, so that is all. */
const ofKernel = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, name: string) {
  const range = MemoryMap.getWordSize(kernel.physical) === 64 ? UPPER : undefined
  return { name, tables: yield* LinuxKernel.pageTables(kernel), range } satisfies Space
})

/** What a process sees below the kernel; threads of the kernel have its space. */
const ofProcess = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, name: string) {
  const task = yield* LinuxKernel.task(kernel, Number(name))
  if (task.memory === undefined && task.kernelThread) return yield* ofKernel(kernel, name)
  return { name, tables: yield* LinuxKernel.pageTables(kernel, task), range: LOWER } satisfies Space
})

/** The space of that name. */
export const resolve = Effect.fnUntraced(function* (
  name: string,
  kernel: Effect.Effect<LinuxKernel.Kernel, KernelNotFound | SourceError>,
  images: Images,
  paging: Option.Option<PageTable.PageTable>
) {
  if (name === "physical") return { name, tables: undefined } satisfies Space
  const number = /^cpu([0-9]+)$/.exec(name)?.[1]
  if (number !== undefined) {
    return { name, tables: yield* ofProcessor(name, Number(number), images) } satisfies Space
  }
  const at = /^root:(.*)$/.exec(name)?.[1]
  if (at !== undefined) return yield* atRoot(name, at, images, paging)
  if (name === "kernel") return yield* ofKernel(yield* kernel, name)
  if (/^[0-9]+$/.test(name)) return yield* ofProcess(yield* kernel, name)
  return yield* new Refused({ message: `--space ${name}: there is no such space`, details: [["try", NAMES]] })
})

/** The map of the space. */
export const enter = Effect.fnUntraced(function* (physical: MemoryMap.Mapped, { name, range, tables }: Space) {
  if (tables === undefined) return physical
  const { format, root } = tables
  const { map, truncated } = yield* AddressSpace.walk(physical, format, root, { range })
  const output = yield* Output
  if (Option.isSome(truncated)) {
    const { address, reason } = truncated.value
    const what = reason === "tables" ? "page tables" : "ranges"
    yield* output.note(`${name} is too large to be shown as a whole: from ${hex(address)} on ${what} are left out`)
  }
  return yield* Effect.mapError(
    MemoryMap.requireMapping(map),
    () =>
      new Refused({
        message: `the page tables at ${hex(root)} (${format.name}) map nothing that is in the image`,
        details: [LOOK]
      })
  )
})
