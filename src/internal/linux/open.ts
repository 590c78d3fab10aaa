// Finding a kernel: VMCOREINFO, the kernel's page tables, its symbols, its types. Each step has a best way and others for
// when that is missing, and `how` tells which were gone.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { implOf } from "../map/build.ts"
import type { Ready } from "../../MemoryMap.ts"
import { type GuestDataError, KernelNotFound, type SourceError } from "../../MemoryMapError.ts"
import { hex } from "../base/numbers.ts"
import { findAll } from "../search/drive/search.ts"
import type { BtfImpl } from "./btf/btf.ts"
import { parseAt, scan as scanTypes } from "./btf/find.ts"
import { find as findInfo } from "./findInfo.ts"
import { find as findSymbols, type Found } from "./kallsyms/find.ts"
import { SymbolTable } from "./kallsyms/table.ts"
import { type Machine, machineOf, START_KERNEL_MAP } from "./machine.ts"
import { Memory, type ReadError } from "./memory.ts"
import { moduleSymbols } from "./modules.ts"
import { symbolOf } from "./kernel.ts"
import type { Opened } from "./process.ts"
import { kernelMap, pageShift, physicalOf, type Root, rootOf, x86_64 } from "./space.ts"
import { ofBtf, ofVmcoreInfo, orElse } from "./types.ts"
import { uname } from "./uname.ts"
import { findVariables } from "./variables.ts"
import type * as info from "./vmcoreInfo.ts"

export interface Options {
  readonly values?: info.Values | undefined
  readonly types?: BtfImpl | undefined
  readonly root?: bigint | undefined
}

export interface Result extends Opened {
  readonly btf: BtfImpl | undefined
  readonly hasInfo: boolean
  readonly how: ReadonlyArray<string>
}

interface Tried {
  readonly what: string
  readonly why: string
}

/** What was found on the way, and what was not. */
class Search {
  readonly how: Array<string> = []
  readonly tried: Array<Tried> = []
  readonly physical: Memory
  constructor(physical: Memory) {
    this.physical = physical
  }
  found(what: string): void {
    this.how.push(what)
  }
  failed(what: string, why: string): undefined {
    this.tried.push({ what, why })
    return undefined
  }
}

const orWhy = <A>(effect: Effect.Effect<A, ReadError | GuestDataError>) =>
  Effect.catchTag(effect, ["GuestDataError", "UnmappedAddress"], (error) => Effect.succeed(error.message))

const infoFor = Effect.fnUntraced(function* (search: Search, given: info.Values | undefined) {
  if (given !== undefined) {
    search.found("VMCOREINFO: given")
    return given
  }
  const { found, why } = yield* findInfo(search.physical)
  if (found === undefined) return search.failed("VMCOREINFO", why)
  search.found(`VMCOREINFO: in memory at ${hex(found.address)}`)
  return found.values
})

/** The kernel's map by a root, if a kernel of that release can be seen through it. */
const through = Effect.fnUntraced(function* (search: Search, what: string, root: Root) {
  const { map, words } = search.physical
  const found = yield* orWhy(kernelMap(map, root, words.bytes))
  return typeof found === "string" ? search.failed(what, found) : { root, map: found }
})

const BANNER = new TextEncoder().encode("Linux version ")
const MOST_BANNERS = 64
/** Kernels for x86-64 begin at a multiple of this, or of a multiple of it (CONFIG_PHYSICAL_ALIGN). */
const ALIGN = 0x20_0000n

/** How far the image lies from its addresses, by the banner: a text that is in memory several times, and its symbol. */
const shiftByBanner = Effect.fnUntraced(function* (search: Search, symbols: SymbolTable) {
  const banner = symbols.address("linux_banner")
  const text = symbols.address("_text") ?? symbols.address("_stext")
  if (banner === undefined || text === undefined) return search.failed("the banner", "it is no symbol of this kernel")
  const places = yield* findAll(implOf(search.physical.map), BANNER, undefined).pipe(
    Stream.take(MOST_BANNERS),
    Stream.runCollect,
    Effect.catchTag("InvalidPattern", Effect.die)
  )
  for (const place of places) {
    const shift = place - banner
    if ((text + shift) % ALIGN === 0n && text + shift >= 0n) return shift
  }
  return search.failed("the banner", `none of its ${places.length} places in memory fits the symbols`)
})

/** By symbols alone, on x86-64. */
const rootBySymbols = Effect.fnUntraced(function* (search: Search, found: Found) {
  const what = "page tables by symbols"
  const top =
    found.table.address("init_top_pgt") ??
    found.table.address("init_level4_pgt") ??
    found.table.address("swapper_pg_dir")
  if (top === undefined) return search.failed(what, "the kernel has no symbol init_top_pgt; KALLSYMS_ALL is needed")
  const shift = found.physical ? 0n : yield* shiftByBanner(search, found.table)
  if (shift === undefined) return undefined
  const address = BigInt.asUintN(64, top + shift)
  for (const levels of [4, 5] as const) {
    const space = yield* through(search, `${what}, ${levels} levels`, { format: x86_64(levels), address })
    if (space === undefined) continue
    const table = found.physical ? yield* virtually(search, found.table, space) : found.table
    const text = table?.address("_text") ?? table?.address("_stext")
    const back = text === undefined ? undefined : yield* orWhy(physicalOf(search.physical.map, space.root, text))
    // 4 levels read as 5, or 5 as 4, map something, but not this.
    if (table !== undefined && text !== undefined && (found.physical || back === BigInt.asUintN(64, text + shift))) {
      search.found(`page tables: init_top_pgt at ${hex(address)}, ${levels} levels`)
      return { ...space, table }
    }
    search.failed(`${what}, ${levels} levels`, "they do not lead to the kernel's text")
  }
  return undefined
})

/** Physical addresses of symbols, moved to where the page tables map the image. */
const virtually = Effect.fnUntraced(function* (
  search: Search,
  table: SymbolTable,
  space: { readonly root: Root; readonly map: Ready }
) {
  const text = table.address("_text") ?? table.address("_stext")
  if (text === undefined) return undefined
  for (const segment of space.map) {
    if (segment.range.start < START_KERNEL_MAP) continue
    // The image is mapped in large pages from its own start on.
    const at = yield* orWhy(physicalOf(search.physical.map, space.root, segment.range.start))
    if (typeof at === "string") continue
    const address = segment.range.start + (text - at)
    if (address < segment.range.start || address >= segment.range.end) continue
    const shift = address - text
    return new SymbolTable(
      Array.from(table, (entry) => ({ ...entry, address: BigInt.asUintN(64, entry.address + shift) }))
    )
  }
  return undefined
})

const typesFor = Effect.fnUntraced(function* (
  search: Search,
  given: BtfImpl | undefined,
  kernel: Memory,
  symbols: SymbolTable | undefined
) {
  if (given !== undefined) {
    search.found("types: given")
    return given
  }
  const start = symbols?.address("__start_BTF")
  if (start !== undefined) {
    const btf = yield* parseAt(kernel, start)
    if (typeof btf !== "string") {
      search.found(`types: BTF at __start_BTF, ${btf.size} of them`)
      return btf
    }
    search.failed("types at __start_BTF", btf)
  }
  const scanned = yield* scanTypes(search.physical)
  if (scanned.btf === undefined) return search.failed("types in memory", scanned.why)
  search.found(`types: BTF in memory at ${hex(scanned.address)}, ${scanned.btf.size} of them`)
  return scanned.btf
})

const spaceFor = Effect.fnUntraced(function* (search: Search, values: info.Values | undefined, options: Options) {
  if (options.root !== undefined) {
    const known = values === undefined ? undefined : rootOf(values)
    const formats = known === undefined || typeof known === "string" ? [x86_64(4), x86_64(5)] : [known.format]
    for (const format of formats) {
      const what = `the page table at ${hex(options.root)}`
      const space = yield* through(search, what, { format, address: options.root })
      if (space !== undefined) {
        search.found(`page tables: ${what}, as given`)
        return space
      }
    }
  }
  if (values === undefined) return undefined
  const root = rootOf(values)
  if (typeof root === "string") return search.failed("page tables by VMCOREINFO", root)
  const space = yield* through(search, "page tables by VMCOREINFO", root)
  if (space !== undefined) search.found(`page tables: by VMCOREINFO, at ${hex(root.address)}`)
  return space
})

/** Finds the kernel in physical memory. */
export const open = Effect.fnUntraced(function* (
  map: Ready,
  options: Options
): Effect.fn.Return<Result, KernelNotFound | SourceError> {
  const search = new Search(Memory.of(map))
  const fail = () => new KernelNotFound({ sought: "a Linux kernel", tried: search.tried })
  const values = yield* infoFor(search, options.values)
  let space = yield* spaceFor(search, values, options)
  const found = yield* orWhy(findSymbols(search.physical, values))
  let symbols: SymbolTable | undefined
  if (typeof found === "string") search.failed("symbols", found)
  else {
    if (space === undefined) {
      const other = yield* rootBySymbols(search, found)
      space = other
      symbols = other?.table
    } else symbols = found.physical ? yield* virtually(search, found.table, space) : found.table
    if (symbols !== undefined) search.found(`symbols: ${found.how}, ${symbols.size} of them, ${found.encoding}`)
  }
  if (space === undefined) return yield* fail()
  const memory = new Memory(space.map, search.physical.words)
  const btf = yield* typesFor(search, options.types, memory, symbols)
  const { bytes } = memory.words
  const byInfo = ofVmcoreInfo(values ?? new Map(), bytes)
  const bare: Opened = {
    machine: (values === undefined ? undefined : machineOf(values)) ?? defaultMachine(bytes),
    release: values?.get("OSRELEASE") ?? "",
    memory,
    values: values ?? new Map(),
    symbols,
    types: btf === undefined ? byInfo : orElse(ofBtf(btf), byInfo),
    variables: new Map(),
    pageShift: pageShift(space.root),
    physical: map,
    root: space.root
  }
  const name = yield* Effect.result(uname(bare))
  if (name._tag === "Failure") {
    if (name.failure._tag === "SourceError") return yield* name.failure
    search.failed("the kernel's version", name.failure.message)
    return yield* fail()
  }
  const { release } = name.success
  if (bare.release !== "" && bare.release !== release) {
    search.failed("the kernel's version", `VMCOREINFO is of ${bare.release}, and memory has "${release}"`)
    return yield* fail()
  }
  const variables = yield* variablesFor(search, bare)
  const kernel = { ...bare, release, variables }
  const ofModules = symbols === undefined ? [] : yield* moduleSymbols(kernel)
  if (ofModules.length > 0) search.found(`symbols of modules: ${ofModules.length}`)
  return { ...kernel, symbols: symbols?.with(ofModules), btf, hasInfo: values !== undefined, how: search.how }
})

/** What leads to processes and modules is a symbol of most kernels, and is looked for in others. */
const variablesFor = Effect.fnUntraced(function* (search: Search, kernel: Opened) {
  if (symbolOf(kernel, "init_task") !== undefined) return kernel.variables
  const variables = yield* findVariables(kernel, search.physical, kernel.root)
  if (variables.size === 0) search.failed("init_task", "no task in memory looks like the first one")
  else search.found(`no symbols, and found by what they look like: ${Array.from(variables.keys()).join(", ")}`)
  return variables
})

const defaultMachine = (word: 4 | 8): Machine => (word === 8 ? "x86_64" : "i386")
