// What the command line knows of each format: one record a format, and nothing about formats anywhere else.
import type * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type { AddressRange } from "../AddressRange.ts"
import type { ElfImage } from "../image/Elf.ts"
import * as IntelHex from "../image/IntelHex.ts"
import type { KdumpImage } from "../image/Kdump.ts"
import * as Lime from "../image/Lime.ts"
import * as Raw from "../image/Raw.ts"
import * as SRecord from "../image/SRecord.ts"
import * as Uf2 from "../image/Uf2.ts"
import type { OpenError, WriteError } from "../ImageFormat.ts"
import { bytesText, hex } from "../internal/base/numbers.ts"
import { type Format, formats, type Images, type MemoryImage } from "../MemoryImage.ts"
import type { Mapped } from "../MemoryMap.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as Snapshot from "../Snapshot.ts"
import { Refused } from "./errors.ts"
import { processors } from "./spaces.ts"

/** What an image says beyond its bytes: rows for people, after the path, and fields of the JSON object. */
export interface Facts {
  readonly rows: ReadonlyArray<readonly [label: string, text: string]>
  readonly json: object
}

/** Facts that a file of another format may have a place for. What an image does not say is left out. */
export interface Carried {
  readonly start?: IntelHex.Start | undefined
  readonly entry?: bigint | undefined
  readonly header?: string | undefined
  readonly families?: ReadonlyArray<number> | undefined
  readonly notes?: true | undefined
  readonly kernel?: true | undefined
}

const carriedNames: { readonly [K in keyof Carried]-?: string } = {
  start: "the start address",
  entry: "the entry point",
  header: "the header",
  families: "the family of the chip",
  notes: "notes",
  kernel: "what the dump says of its kernel"
}

/** Flags of `memmap convert` that are for some formats only. */
export interface WriteFlags {
  readonly fill: number | undefined
  /** UF2: bytes of the units that are written whole. */
  readonly align: number | undefined
  readonly family: number | undefined
  readonly range: AddressRange | undefined
  readonly overwrite: boolean
}

/** How `memmap convert` writes a format. `carried` is what the image says, when the map comes from a single one. */
interface Writer {
  /** The names of files that are meant to be of this format. */
  readonly ending: RegExp
  readonly write: (map: Mapped, carried: Carried, flags: WriteFlags) => Stream.Stream<Uint8Array, WriteError>
  /** Which of the carried facts the file has a place for. */
  readonly keeps: (carried: Carried) => ReadonlyArray<keyof Carried>
  /** The file is for a flash: of a program it holds what is loaded, where it is loaded. */
  readonly isFirmware?: true
  /** What else there is to say of what was written. */
  readonly notes?: (map: Mapped, flags: WriteFlags) => ReadonlyArray<string>
  /** The file has a place for all that the map itself knows: names, permissions, reasons of holes, the machine. */
  readonly isWhole?: true
  /** What no file of this format can say of any map. */
  readonly drops?: ReadonlyArray<string>
  /** Saves to a file in a better way than writing the bytes of `write`. */
  readonly save?: (
    map: Mapped,
    path: string,
    flags: WriteFlags,
    onProgress: (written: bigint, total: bigint) => Effect.Effect<void>
  ) => Effect.Effect<void, OpenError, FileSystem>
  /** About how many bytes of memory are written, where that is not all that is mapped. */
  readonly size?: (map: Mapped, flags: WriteFlags) => bigint
  /** Why what all the images carry cannot be in one file. */
  readonly refuse?: (carried: ReadonlyArray<Carried>, flags: WriteFlags) => Refused | undefined
}

interface FormatRecord<Image> {
  readonly facts: (image: Image) => Facts
  readonly carries: (image: Image) => Carried
  readonly writer?: Writer
}

const plain = (name: string) => ({ facts: (): Facts => ({ rows: [["format", name]], json: {} }), carries: () => ({}) })

/** Registers of the processors that say how they find their page tables, and the release of the kernel. */
const ofMachine = (image: ElfImage | KdumpImage, info: ReadonlyMap<string, string> | undefined): Facts => {
  const rows: Array<readonly [string, string]> = []
  const kernel = info?.get("OSRELEASE")
  if (kernel !== undefined) rows.push(["kernel", `Linux ${kernel}`])
  const cpus = processors(image).map(({ cr0, cr3, cr4, efer }, cpu) => {
    const known = [["CR0", cr0] as const, ["CR3", cr3] as const, ["CR4", cr4] as const]
    rows.push([`cpu ${cpu}`, known.map(([name, value]) => `${name} ${hex(value)}`).join("  ")])
    return { cpu, cr0: hex(cr0), cr3: hex(cr3), cr4: hex(cr4), efer: efer === undefined ? undefined : hex(efer) }
  })
  return { rows, json: { kernel, cpus: cpus.length === 0 ? undefined : cpus } }
}

const elfFacts = (image: ElfImage): Facts => {
  const { rows, json } = ofFile(image)
  const info = image.notes.find((note) => note._tag === "VmcoreInfo")?.values
  const machine = ofMachine(image, info)
  const problems = image.problems.map((problem) => ["problem", problem] as const)
  return { rows: [...rows, ...machine.rows, ...problems], json: { ...json, ...machine.json } }
}

const ofFile = ({ entry, machine, notes, problems, type }: ElfImage): Facts => {
  const kind = { core: "core dump", exec: "program", dyn: "shared object" }[type]
  const rows: Array<readonly [string, string]> = [
    ["format", `ELF ${kind}`],
    ["machine", machine]
  ]
  const json: { [field: string]: unknown } = { kind: type, machine, problems }
  for (const note of notes) {
    if (note._tag === "ProcessInfo") {
      rows.push(["process", `${note.process}: ${note.arguments === "" ? note.name : note.arguments}`])
      json["process"] = { id: note.process, name: note.name, arguments: note.arguments }
    }
  }
  const threads = notes.flatMap((note) => (note._tag === "ThreadStatus" ? [note] : []))
  if (threads.length > 0) {
    const signals = [...new Set(threads.map(({ signal }) => signal).filter((signal) => signal !== 0))]
    const stopped = signals.length > 0 ? `, stopped by signal ${signals.join(", ")}` : ""
    rows.push(["threads", `${threads.length}${stopped}`])
    json["threads"] = threads.map(({ signal, thread }) => ({ id: thread, signal }))
  }
  if (type !== "core" && entry !== 0n) {
    rows.push(["entry", hex(entry)])
    json["entry"] = hex(entry)
  }
  return { rows, json }
}

const kdumpFacts = (image: KdumpImage): Facts => {
  const { compression, dumpLevel, isComplete, isFlattened, pages, system, version } = image
  const rows: Array<readonly [string, string]> = [
    ["format", `kernel dump, kdump version ${version}${isFlattened ? ", flattened" : ""}`],
    ["machine", [system.name, system.release, system.machine].filter((word) => word !== "").join(" ")],
    ["pages", `${pages.dumped} in the file, ${pages.excluded} left out`]
  ]
  if (compression.length > 0) rows.push(["packed by", compression.join(", ")])
  const machine = ofMachine(image, image.vmcoreInfo)
  rows.push(...machine.rows)
  if (!isComplete) rows.push(["problem", "the writer of the dump ran out of space"])
  const said = { version, system, compression, dumpLevel, complete: isComplete, flattened: isFlattened, pages }
  return { rows, json: { ...said, ...machine.json } }
}

const startText = (start: IntelHex.Start): string =>
  start._tag === "Linear" ? hex(BigInt(start.eip)) : `${start.cs.toString(16)}:${start.ip.toString(16)}`

/** Where the program starts, as a 32-bit address: what a record says, else the entry point of a program. */
const linear = ({ entry, start }: Carried): bigint | undefined =>
  start?._tag === "Linear" ? BigInt(start.eip) : start === undefined && hasRoom(entry) ? entry : undefined

const hasRoom = (entry: bigint | undefined): boolean => entry !== undefined && entry < 1n << 32n

/** The place of the start address is taken where an image has one. */
const entryKept = ({ entry, start }: Carried): ReadonlyArray<"entry"> =>
  start === undefined && hasRoom(entry) ? ["entry"] : []

/** Those of the names that are carried at all. */
const those = (carried: Carried, ...names: ReadonlyArray<keyof Carried>): ReadonlyArray<keyof Carried> =>
  names.filter((name) => carried[name] !== undefined)

/** Blocks of several families are for several chips: which of them is meant cannot be guessed. */
const oneFamily = (carried: ReadonlyArray<Carried>, { family }: WriteFlags): Refused | undefined => {
  const names = [...new Set(carried.flatMap(({ families = [] }) => families))].map((id) => hex(BigInt(id)))
  if (names.length < 2 || family !== undefined) return undefined
  return new Refused({
    message: `there are blocks of ${names.length} families, ${names.join(", ")}: which one is to be written?`,
    details: [["try", `--family ${names[0]}`]]
  })
}

type Passed = ReadonlyArray<IntelHex.PassedLine>

const passedRows = (passed: Passed) => passed.map(({ line, why }) => ["passed by", `line ${line}: ${why}`] as const)

const passedJson = (passed: Passed): object => (passed.length === 0 ? {} : { passed })

const records: { readonly [F in Format]: FormatRecord<Images[F]> } = {
  snapshot: {
    ...plain("snapshot of effect-memory-map"),
    writer: {
      ending: /\.(snap|snapshot)$/i,
      write: (map) => Snapshot.toStream(map),
      keeps: () => [],
      isWhole: true,
      save: (map, path, { overwrite }, onProgress) =>
        Snapshot.save(map, path, { overwrite, onProgress: ({ total, written }) => onProgress(written, total) })
    }
  },
  elf: {
    facts: elfFacts,
    carries: ({ entry, notes }) => ({
      entry: entry === 0n ? undefined : entry,
      notes: notes.length > 0 ? true : undefined
    })
  },
  kdump: { facts: kdumpFacts, carries: () => ({ kernel: true }) },
  lime: {
    ...plain("LiME"),
    writer: { ending: /\.lime$/i, write: Lime.write, keeps: () => [] }
  },
  uf2: {
    facts: (image) => {
      const families = image.families.map((family) => hex(BigInt(family)))
      const rows: Array<readonly [string, string]> = [["format", "UF2"]]
      if (families.length > 0) rows.push(["families", families.join(", ")])
      return { rows, json: { families } }
    },
    carries: ({ families }) => ({ families: families.length > 0 ? families : undefined }),
    writer: {
      ending: /\.uf2$/i,
      isFirmware: true,
      write: (map, { families }, { align, family, fill }) =>
        Uf2.write(map, { align, fill, family: family ?? families?.[0] }),
      keeps: (carried) => those(carried, "families"),
      notes: (map, { align = 256, fill = 0xff }) => {
        const filled = Uf2.filledSize(map, { align })
        return filled === 0n
          ? []
          : [`${bytesText(filled)} filled with ${hex(BigInt(fill))}, to whole units of ${align} bytes`]
      },
      refuse: oneFamily
    }
  },
  ihex: {
    facts: ({ passed, start }) => {
      const at = start === undefined ? undefined : startText(start)
      const rows: Array<readonly [string, string]> = [["format", "Intel HEX"]]
      if (at !== undefined) rows.push(["start", at])
      return { rows: [...rows, ...passedRows(passed)], json: { programStart: at, ...passedJson(passed) } }
    },
    carries: ({ start }) => ({ start }),
    writer: {
      ending: /\.(hex|ihex|ihx)$/i,
      isFirmware: true,
      write: (map, carried) => {
        const eip = linear(carried)
        const start = carried.start ?? (eip === undefined ? undefined : { _tag: "Linear" as const, eip: Number(eip) })
        return IntelHex.write(map, { start })
      },
      keeps: (carried) => those(carried, "start", ...entryKept(carried))
    }
  },
  srec: {
    facts: ({ header, passed, start }) => {
      const rows: Array<readonly [string, string]> = [["format", "S-record"]]
      if (header !== undefined && header !== "") rows.push(["header", header])
      rows.push(["start", hex(start)])
      rows.push(...passedRows(passed))
      return { rows, json: { header, programStart: hex(start), ...passedJson(passed) } }
    },
    carries: ({ header, start }) => ({
      start: start === 0n ? undefined : { _tag: "Linear", eip: Number(start) },
      header: header === "" ? undefined : header
    }),
    writer: {
      ending: /\.(srec|s19|s28|s37|mot)$/i,
      isFirmware: true,
      write: (map, carried) => SRecord.write(map, { start: linear(carried) ?? 0n, header: carried.header }),
      keeps: (carried) =>
        carried.start?._tag === "Segmented"
          ? those(carried, "header")
          : those(carried, "start", "header", ...entryKept(carried))
    }
  },
  raw: {
    ...plain("raw bytes"),
    writer: {
      ending: /\.(bin|raw)$/i,
      write: (map, _, { fill, range }) => Raw.write(map, { fill, range }),
      keeps: () => [],
      drops: ["addresses"],
      size: (map, { fill, range }) => {
        const whole = range ?? Option.getOrUndefined(MemoryMap.bounds(map))
        return fill === undefined || whole === undefined ? MemoryMap.mappedSize(map) : whole.end - whole.start
      }
    }
  }
}

const recordOf = <F extends Format>(format: F): FormatRecord<Images[F]> => records[format]

/** What an image says beyond its bytes. */
export const facts = (image: MemoryImage): Facts => recordOf(image.format).facts(image)

/** What an image says that a file of another format may say too. */
export const carriedBy = (image: MemoryImage): Carried => recordOf(image.format).carries(image)

/** A format that maps are written in. */
export interface Target extends Writer {
  readonly format: Format
}

export const targets: ReadonlyArray<Target> = formats.flatMap((format) => {
  const { writer } = records[format]
  return writer === undefined ? [] : [{ format, ...writer }]
})

/** What images laid over each other say together: of each fact, what the first that has it says. */
export const carriedByAll = (images: ReadonlyArray<MemoryImage>): Carried =>
  // The first one is assigned last.
  Object.assign({}, ...images.toReversed().map((image) => defined(carriedBy(image))))

const defined = (carried: Carried): Carried =>
  Object.fromEntries(Object.entries(carried).filter(([, value]) => value !== undefined))

/** A fact that is not in the file. `why`: the reason, where it is not that the format has no place for it. */
export interface Loss {
  readonly what: string
  readonly why?: string
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))

/**
 * What the file does not say of what the map and its images do. `machine` is what the map says of its machine.
 */
export const losses = (
  map: Mapped,
  machine: { readonly wordSize: unknown; readonly endian: unknown },
  target: Target,
  images: ReadonlyArray<{ readonly path: string; readonly image: MemoryImage }>
): ReadonlyArray<Loss> => {
  const lost = new Set<string>([...(target.isWhole === true ? [] : ofMap(map, machine)), ...(target.drops ?? [])])
  const all = carriedByAll(images.map(({ image }) => image))
  const kept = target.keeps(all)
  const others: Array<Loss> = []
  for (const { image, path } of images) {
    const carried = carriedBy(image)
    for (const name of those(carried, ...Struct.keys(carriedNames))) {
      const what = carriedNames[name]
      const isOther = shown(carried[name]) !== shown(all[name])
      if (name === "entry" && !kept.includes(name) && kept.includes("start")) {
        others.push({ what, why: "the start address of an image has its place" })
      } else if (name === "entry" && target.isFirmware === true && !hasRoom(carried.entry)) {
        others.push({ what, why: `${target.format} has no place for more than 32 bits` })
      } else if (!kept.includes(name)) lost.add(what)
      else if (isOther) others.push({ what: `${what} of ${path}`, why: "that of an image below is kept" })
    }
  }
  return [...Array.from(lost, (what) => ({ what })), ...others]
}

function* ofMap(map: Mapped, machine: { readonly wordSize: unknown; readonly endian: unknown }) {
  yield "names"
  for (const { permissions } of MemoryMap.mappings(map)) {
    if (permissions === undefined) continue
    yield "permissions"
    break
  }
  for (const { reason } of MemoryMap.holes(map)) {
    if (reason === undefined) continue
    yield "the reasons of holes"
    break
  }
  if (machine.wordSize !== undefined) yield "the word size"
  if (machine.endian !== undefined) yield "the byte order"
}
