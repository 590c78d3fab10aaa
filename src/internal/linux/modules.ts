// Loaded modules, and the symbols that each brought along.
import * as Effect from "effect/Effect"
import { GuestDataError, type SourceError } from "../../MemoryMapError.ts"
import { type Kernel, listFrom, requireMember, requireSymbol, structOf } from "./kernel.ts"
import { type BtfImpl, parse } from "./btf/btf.ts"
import type { Entry } from "./kallsyms/table.ts"
import { textOf } from "./memory.ts"
import type { Listed } from "./tasks.ts"

export interface Module {
  readonly name: string
  /** Of its `struct module`. */
  readonly structure: bigint
  /** Where its code lies. */
  readonly address: bigint
  /** Bytes of code and data, without what is for loading only, as /proc/modules has it. */
  readonly size: bigint
  readonly state: "live" | "coming" | "going" | "unformed"
}

const WHAT = "the list of modules"
const STATES = ["live", "coming", "going", "unformed"] as const

/** Kinds of memory of a module (since 6.4): text, data, read-only data, and after-init data, then three for loading. */
const KEPT = 4
const NAME = 64

const layoutOf = (kernel: Kernel) => {
  const memories = kernel.types.member("module", "mem")
  const element = kernel.types.sizeOf("module_memory")
  return structOf(
    kernel,
    WHAT,
    "module",
    {
      name: "name",
      state: "state",
      base: [...(memories === undefined ? [] : ["mem[0].base"]), "core_layout.base", "module_core"]
    },
    {
      size: ["core_layout.size", "core_size"],
      memories: element === undefined ? [] : ["mem"],
      kallsyms: "kallsyms"
    }
  )
}

export const modules = Effect.fnUntraced(function* (kernel: Kernel) {
  const { memory } = kernel
  const head = yield* requireSymbol(kernel, WHAT, "modules")
  const { offset } = yield* requireMember(kernel, WHAT, "module", "list")
  const layout = yield* layoutOf(kernel)
  const element = kernel.types.sizeOf("module_memory") ?? 0
  const sizeAt = kernel.types.member("module_memory", "size")
  const list = yield* listFrom(kernel, WHAT, head, offset)
  const problems = list.stopped === undefined ? [] : [list.stopped]
  const elements: Array<Module> = []
  for (const structure of list.elements) {
    const values = yield* layout.read(memory, structure)
    const name = values.bytes.get("name")
    const base = values.get("base")
    if (name === undefined || base === undefined) {
      const why = values.missing[0]?.reason ?? "its layout is not known"
      problems.push(new GuestDataError({ structure: WHAT, address: structure, why }))
      continue
    }
    const parts = values.bytes.get("memories")
    let size = values.get("size") ?? 0n
    if (parts !== undefined && sizeAt !== undefined && element > 0) {
      size = 0n
      for (let i = 0; i < KEPT && (i + 1) * element <= parts.length; i++) {
        size += BigInt(memory.words.u32(parts, i * element + sizeAt.offset))
      }
    }
    const state = STATES[values.number("state") ?? 0] ?? "unformed"
    elements.push({ name: textOf(name.subarray(0, NAME)), structure, address: base, size, state })
  }
  return { elements, problems } satisfies Listed<Module>
})

/** Elf64_Sym and Elf32_Sym. */
const SYMBOL = {
  8: { size: 24, value: 8, info: 4, section: 6 },
  4: { size: 16, value: 4, info: 12, section: 14 }
} as const

/** A module with more is none; those of the largest drivers are 20 thousand, and a name is at most 512 bytes. */
const MOST_SYMBOLS = 1 << 18
const MOST_NAME = 512

/** A module's own symbols (struct mod_kallsyms); none where they cannot be read. */
const symbolsOf = Effect.fnUntraced(function* (kernel: Kernel, module: Module) {
  const { memory } = kernel
  const { words } = memory
  const at = yield* requireMember(kernel, "a module's symbols", "module", "kallsyms")
  const layout = yield* structOf(
    kernel,
    "a module's symbols",
    "mod_kallsyms",
    { symbols: "symtab", count: "num_symtab", strings: "strtab" },
    { kinds: "typetab" }
  )
  const table = yield* memory.word(module.structure + BigInt(at.offset))
  const values = yield* layout.read(memory, table)
  const [symbols, strings, count] = [values.get("symbols"), values.get("strings"), values.number("count")]
  if (symbols === undefined || strings === undefined || count === undefined || count > MOST_SYMBOLS) return []
  const form = SYMBOL[words.bytes]
  const bytes = yield* memory.bytes(symbols, form.size * count)
  const kindsAt = values.get("kinds")
  const kinds = kindsAt === undefined || kindsAt === 0n ? undefined : yield* memory.bytes(kindsAt, count)
  let longest = 0
  for (let i = 1; i < count; i++) longest = Math.max(longest, words.u32(bytes, i * form.size))
  if (longest > MOST_SYMBOLS * MOST_NAME) return []
  const text = yield* memory.upTo(strings, longest + MOST_NAME)
  const entries: Array<Entry> = []
  for (let i = 1; i < count; i++) {
    const symbol = i * form.size
    const nameAt = words.u32(bytes, symbol)
    // Undefined symbols belong to others.
    if (words.u16(bytes, symbol + form.section) === 0 || nameAt === 0 || nameAt >= text.length) continue
    const name = textOf(text.subarray(nameAt, nameAt + MOST_NAME))
    const kind = kinds === undefined ? String.fromCharCode(bytes[symbol + form.info]!) : String.fromCharCode(kinds[i]!)
    if (name !== "") entries.push({ name, address: words.word(bytes, symbol + form.value), kind, module: module.name })
  }
  return entries
})

/** The symbols of all modules that can be read. */
export const moduleSymbols = Effect.fnUntraced(function* (
  kernel: Kernel
): Effect.fn.Return<ReadonlyArray<Entry>, SourceError> {
  const list = yield* Effect.catchTag(modules(kernel), "GuestDataError", () => Effect.succeed({ elements: [] }))
  const entries: Array<Entry> = []
  for (const module of list.elements) {
    const own = yield* Effect.catchTag(symbolsOf(kernel, module), ["GuestDataError", "UnmappedAddress"], () =>
      Effect.succeed([])
    )
    for (const entry of own) entries.push(entry)
  }
  return entries
})

/** Types of a module have at most a few megabytes. */
const MOST_TYPES = 64 << 20

/**
 * A module's own types, which build on the kernel's. The module's pointer to them is gone once it is loaded; the list that
 * /sys/kernel/btf shows (kernel/bpf/btf.c) has them.
 */
export const moduleTypes = Effect.fnUntraced(function* (kernel: Kernel, module: Module, base: BtfImpl) {
  const { memory } = kernel
  const what = `the types of the module ${module.name}`
  const head = yield* requireSymbol(kernel, what, "btf_modules")
  const { offset } = yield* requireMember(kernel, what, "btf_module", "list")
  const entry = yield* structOf(kernel, what, "btf_module", { module: "module", types: "btf" })
  const layout = yield* structOf(kernel, what, "btf", { data: "data", size: "data_size" })
  const refuse = (address: bigint, why: string) => new GuestDataError({ structure: what, address, why })
  const list = yield* listFrom(kernel, what, head, offset)
  for (const address of list.elements) {
    const values = yield* entry.read(memory, address)
    const types = values.get("types")
    if (types === undefined || values.get("module") !== module.structure) continue
    const place = yield* layout.read(memory, types)
    const [at, size] = [place.get("data"), place.number("size")]
    if (at === undefined || size === undefined) return yield* refuse(types, place.missing[0]?.reason ?? "no place")
    if (size > MOST_TYPES) return yield* refuse(types, `they claim ${size} bytes`)
    const parsed = parse(yield* memory.bytes(at, size), memory.words.bytes, base)
    return typeof parsed === "string" ? yield* refuse(at, parsed) : parsed
  }
  return yield* list.stopped ?? refuse(module.structure, "it brought none along")
})
