// Address spaces by name, as --space has them: which map of an image is meant.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as AddressRange from "../AddressRange.ts"
import * as AddressSpace from "../AddressSpace.ts"
import { hex } from "../internal/base/numbers.ts"
import type { MemoryImage } from "../MemoryImage.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as PageTable from "../PageTable.ts"
import { Refused } from "./errors.ts"
import { Output } from "./output.ts"

/** A space; without tables, physical memory itself. */
export interface Space {
  readonly name: string
  readonly tables: PageTable.Root | undefined
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

/** What the image's VMCOREINFO says of the format of page tables. */
const fromInfo = (image: MemoryImage): PageTable.PageTable | undefined => {
  const infos =
    image.format === "kdump"
      ? [image.vmcoreInfo]
      : image.format === "elf"
        ? image.notes.map((note) => (note._tag === "VmcoreInfo" ? note.values : undefined))
        : []
  const values = infos.find((info) => info !== undefined)
  const machine = image.format === "elf" ? image.machine : image.format === "kdump" ? image.system.machine : ""
  if (values === undefined) return undefined
  if (/^x86[-_]64$/.test(machine)) {
    return PageTable.x86_64({ levels: values.get("NUMBER(pgtable_l5_enabled)") === "1" ? 5 : 4 })
  }
  if (/^i[3-6]86$/.test(machine)) return PageTable.i386({ pae: values.get("CONFIG_X86_PAE") === "y" })
  const bits = Number(values.get("NUMBER(VA_BITS)"))
  if (machine.startsWith("riscv")) return Option.getOrUndefined(PageTable.fromName(`riscv-sv${bits}`))
  const granule = Number(values.get("PAGESIZE")) / 1024
  if (/^a(arch|rm)64$/.test(machine)) {
    const name = `aarch64-${granule}k-${bits}${bits === 52 && granule !== 64 ? "-lpa2" : ""}`
    return Option.getOrUndefined(PageTable.fromName(name))
  }
  return undefined
}

const formatOf = (images: Images): PageTable.PageTable | undefined => {
  for (const { image } of images) {
    for (const registers of processors(image)) {
      const tables = PageTable.fromRegisters(registers)
      if (Option.isSome(tables)) return tables.value.format
    }
  }
  for (const { image } of images) {
    const format = fromInfo(image)
    if (format !== undefined) return format
  }
  return undefined
}

const NAMES = "physical, cpuN (of a processor, from 0) or root:ADDRESS"

/** The space of that name. */
export const resolve = Effect.fnUntraced(function* (
  name: string,
  images: Images,
  paging: Option.Option<PageTable.PageTable>
): Effect.fn.Return<Space, Refused> {
  if (name === "physical") return { name, tables: undefined }
  const number = /^cpu([0-9]+)$/.exec(name)?.[1]
  if (number !== undefined) {
    const all = images.flatMap(({ image }) => processors(image))
    const registers = all[Number(number)]
    if (registers === undefined) {
      const has = all.length === 0 ? "tells no registers of processors" : `has cpu0 to cpu${all.length - 1}`
      return yield* new Refused({
        message: `there is no ${name}: the image ${has}`,
        details: [["try", "memmap spaces IMAGE, which looks for page tables"]]
      })
    }
    return { name, tables: Option.getOrUndefined(PageTable.fromRegisters(registers)) }
  }
  const at = /^root:(.*)$/.exec(name)?.[1]
  if (at === undefined) {
    return yield* new Refused({ message: `--space ${name}: there is no such space`, details: [["try", NAMES]] })
  }
  const root = AddressRange.parseAddress(at)
  if (Result.isFailure(root)) return yield* new Refused({ message: `--space ${name}: ${root.failure.why}` })
  const format = Option.getOrElse(paging, () => formatOf(images))
  if (format === undefined) {
    return yield* new Refused({
      message: "the image does not say what format its page tables have",
      details: [["try", `--paging FORMAT: ${PageTable.names.join(", ")}`]]
    })
  }
  return { name: `root:${hex(root.success)}`, tables: { format, root: root.success } }
})

/** The map of the space. */
export const enter = Effect.fnUntraced(function* (physical: MemoryMap.Mapped, { name, tables }: Space) {
  if (tables === undefined) return physical
  const { format, root } = tables
  const { map, truncated } = yield* AddressSpace.walk(physical, format, root)
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
        details: [["try", "memmap spaces IMAGE, which looks for page tables"]]
      })
  )
})
