// What a kernel has beside its data: modules, its version, its symbols, its types and VMCOREINFO.
import { Writer } from "./arena.ts"
import { type Builder, KERNEL_OFFSET, PHYS_BASE, SIZE, TEXT } from "./builder.ts"
import { toBtf } from "./btf.ts"
import { kallsyms, type SymbolEntry } from "./kallsyms.ts"

export interface ModuleSpec {
  readonly name: string
  readonly size: number
  readonly symbols: ReadonlyArray<string>
}

const MODULES = 0xffff_ffff_c000_0000n

export interface MadeModule extends ModuleSpec {
  readonly address: bigint
}

export const writeModules = (b: Builder, specs: ReadonlyArray<ModuleSpec>): ReadonlyArray<MadeModule> => {
  const head = b.make("list_head")
  b.symbol("modules", head)
  const made = specs.map((spec, i) => {
    const address = MODULES + BigInt(i) * 0x1_0000n
    // Its code, and at the end of the page its struct module.
    const page = b.arena.allocate(4096, 4096)
    b.map(b.root, address, page, { execute: true })
    const module = page + 2048n
    const strings = new Writer().text("")
    const symbols = new Writer().bytes(new Uint8Array(24))
    for (const [j, name] of spec.symbols.entries()) {
      symbols
        .number(strings.length, 4)
        .number(0, 2)
        .number(1, 2)
        .number(address + BigInt(16 * j), 8)
        .number(16, 8)
      strings.text(name)
    }
    const table = b.make("mod_kallsyms")
    b.set(table, "mod_kallsyms", {
      symtab: b.direct(b.arena.place(symbols.finish())),
      num_symtab: spec.symbols.length + 1,
      strtab: b.direct(b.arena.place(strings.finish())),
      typetab: b.string(`.${"t".repeat(spec.symbols.length)}`)
    })
    const places =
      b.era.modules === "core"
        ? { module_core: address, core_size: spec.size }
        : b.era.modules === "layout"
          ? { "core_layout.base": address, "core_layout.size": spec.size }
          : { "mem[0].base": address, "mem[0].size": spec.size - 4096, "mem[2].size": 4096, "mem[5].size": 8192 }
    b.set(module, "module", { ...places, kallsyms: b.direct(table) })
    b.setText(module, "module", "name", spec.name)
    return { ...spec, address, page, module }
  })
  const at = ({ module }: (typeof made)[number]) => b.member(module, "module", "list")
  const mapped = new Map(made.map((each) => [at(each), at(each) - each.page + each.address]))
  b.link(head, b.image(head), Array.from(mapped.keys()), (element) => mapped.get(element)!)
  return made
}

export const writeVersion = (b: Builder, fields: ReadonlyArray<string>): void => {
  const uts = b.make("uts_namespace")
  fields.forEach((field, i) => b.arena.text(uts + BigInt(65 * i), field))
  b.symbol("init_uts_ns", uts)
  const banner = `${fields[0]} version ${fields[2]} (builder@guest) ${fields[3]}\n`
  b.symbol("linux_banner", b.arena.place(new TextEncoder().encode(`${banner}\0`)), "R")
}

/** Enough for the tables to have several markers. */
const FILLERS = 2400

/** `"functions"`: as a kernel built without KALLSYMS_ALL lists them. */
export type Listed = "all" | "functions"

/** Symbols in ascending order: per-processor ones, functions, and everything that was made. */
const allSymbols = (b: Builder, listed: Listed): ReadonlyArray<SymbolEntry> => {
  const perCpu = [
    { name: "fixed_percpu_data", address: 0n, kind: "A" },
    { name: "cpu_number", address: 0x1_a000n, kind: "A" }
  ]
  const functions = Array.from({ length: FILLERS }, (_, i) => ({
    name: i === 77 || i === 1077 ? "init_once" : `function_of_the_guest_${i}`,
    address: TEXT + 0x1000n + BigInt(16 * i),
    kind: i % 3 === 0 ? "t" : "T"
  }))
  const long = b.era.kallsyms.long ? [{ name: `a_${"long_".repeat(40)}name`, address: TEXT + 0x800n, kind: "t" }] : []
  const text = [
    { name: "_text", address: TEXT, kind: "T" },
    { name: "_stext", address: TEXT, kind: "T" }
  ]
  const end = { name: "_end", address: TEXT + BigInt(SIZE), kind: "B" }
  const made = [...b.symbols].sort((a, c) => (a.address < c.address ? -1 : a.address > c.address ? 1 : 0))
  const absolute = b.era.kallsyms.encoding === "relative-percpu" ? perCpu : []
  const code = [...text, ...long, ...functions]
  return listed === "functions" ? code : [...absolute, ...code, ...made, end]
}

const OFFSETS = [
  "uts_namespace.name",
  "list_head.next",
  "list_head.prev",
  "printk_ringbuffer.desc_ring",
  "printk_ringbuffer.text_data_ring",
  "prb_desc_ring.count_bits",
  "prb_desc_ring.descs",
  "prb_desc_ring.infos",
  "prb_desc_ring.head_id",
  "prb_desc_ring.tail_id",
  "prb_desc.state_var",
  "prb_desc.text_blk_lpos",
  "prb_data_blk_lpos.begin",
  "prb_data_blk_lpos.next",
  "prb_data_ring.size_bits",
  "prb_data_ring.data",
  "printk_info.seq",
  "printk_info.ts_nsec",
  "printk_info.text_len",
  "printk_info.caller_id"
]
const OLD_OFFSETS = [
  "uts_namespace.name",
  "printk_log.ts_nsec",
  "printk_log.len",
  "printk_log.text_len",
  "printk_log.dict_len"
]

const vmcoreInfo = (b: Builder, tables: Readonly<Record<string, bigint>>): string => {
  const { era, types } = b
  const address = (name: string): string => b.symbols.find((symbol) => symbol.name === name)!.address.toString(16)
  const split = (path: string) => [path.slice(0, path.indexOf(".")), path.slice(path.indexOf(".") + 1)] as const
  const sizes = era.log === "ring" ? ["printk_ringbuffer", "prb_desc", "printk_info"] : ["printk_log"]
  const named = era.log === "ring" ? ["prb"] : ["log_buf", "log_buf_len", "log_first_idx", "log_next_idx"]
  const lines = [
    `OSRELEASE=${era.release}`,
    "BUILD-ID=0123456789abcdef0123456789abcdef01234567",
    "PAGESIZE=4096",
    `SYMBOL(_stext)=${TEXT.toString(16)}`,
    ...["init_uts_ns", "init_top_pgt", ...named].map((name) => `SYMBOL(${name})=${address(name)}`),
    ...(era.log === "ring" ? OFFSETS : OLD_OFFSETS).map(
      (path) => `OFFSET(${path})=${types.find(...split(path)).offset}`
    ),
    ...sizes.map((name) => `SIZE(${name})=${types.sizeOf(name)}`),
    ...(era.namesKallsyms ? Object.entries(tables) : []).map(
      ([name, at]) => `SYMBOL(kallsyms_${name})=${at.toString(16)}`
    ),
    `NUMBER(phys_base)=${PHYS_BASE}`,
    `NUMBER(pgtable_l5_enabled)=${era.levels === 5 ? 1 : 0}`,
    `KERNELOFFSET=${KERNEL_OFFSET.toString(16)}`,
    "NUMBER(sme_mask)=0"
  ]
  return `${lines.join("\n")}\n`
}

export interface Finished {
  readonly symbols: ReadonlyArray<SymbolEntry>
  readonly btf: Uint8Array
  readonly vmcoreInfo: string
  /** Physical, of the text. */
  readonly vmcoreInfoAt: bigint
}

export const finish = (b: Builder, listed: Listed): Finished => {
  b.symbols.push({ name: "init_top_pgt", address: b.image(b.root), kind: "D" })
  const btf = toBtf(b.types)
  const types = b.arena.place(btf, 4096)
  b.symbol("__start_BTF", types, "R")
  b.symbol("__stop_BTF", types + BigInt(btf.length), "R")
  const symbols = allSymbols(b, listed)
  // Twice: where the tables stand is part of what they say since 7.0, and their size is not.
  const size = kallsyms(symbols, b.era.kallsyms, 0n).bytes.length
  const place = b.arena.allocate(size, 4096)
  const tables = kallsyms(symbols, b.era.kallsyms, b.image(place))
  b.arena.put(place, tables.bytes)
  const { relative_base, ...others } = tables.at
  const places = b.era.kallsyms.encoding === "place" ? others : { ...others, relative_base }
  const text = vmcoreInfo(
    b,
    Object.fromEntries(Object.entries(places).map(([name, at]) => [name, b.image(place) + BigInt(at)]))
  )
  const bytes = new TextEncoder().encode(text)
  const note = new Writer().number(11, 4).number(bytes.length, 4).number(0, 4).text("VMCOREINFO").align(4).bytes(bytes)
  const at = b.arena.place(note.finish(), 4096)
  return { symbols, btf, vmcoreInfo: text, vmcoreInfoAt: at + 24n }
}
