// What the formats say about an image beyond its bytes.
import type { ElfImage } from "../image/Elf.ts"
import type { IntelHexImage } from "../image/IntelHex.ts"
import type { KdumpImage } from "../image/Kdump.ts"
import type { SRecordImage } from "../image/SRecord.ts"
import type { Uf2Image } from "../image/Uf2.ts"
import { hex } from "../internal/base/numbers.ts"
import type { MemoryImage } from "../MemoryImage.ts"
import { processors } from "./spaces.ts"

export interface Facts {
  readonly rows: ReadonlyArray<readonly [label: string, text: string]>
  readonly json: object
}

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

const elf = (image: ElfImage): Facts => {
  const facts = elfOf(image)
  const info = image.notes.find((note) => note._tag === "VmcoreInfo")?.values
  const machine = ofMachine(image, info)
  const problems = facts.rows.filter(([label]) => label === "problem")
  const others = facts.rows.filter(([label]) => label !== "problem")
  return { rows: [...others, ...machine.rows, ...problems], json: { ...facts.json, ...machine.json } }
}

const elfOf = ({ entry, machine, notes, problems, type }: ElfImage): Facts => {
  const kind = { core: "core dump", exec: "program", dyn: "shared object" }[type]
  const rows: Array<readonly [string, string]> = [
    ["format", `ELF ${kind}`],
    ["machine", machine]
  ]
  const json: Record<string, unknown> = { kind: type, machine, problems }
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
  rows.push(...problems.map((problem) => ["problem", problem] as const))
  return { rows, json }
}

const kdump = (image: KdumpImage): Facts => {
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
  return {
    rows,
    json: {
      version,
      system,
      compression,
      dumpLevel,
      complete: isComplete,
      flattened: isFlattened,
      pages,
      ...machine.json
    }
  }
}

const intelHex = ({ start }: IntelHexImage): Facts => {
  if (start === undefined) return { rows: [["format", "Intel HEX"]], json: {} }
  const at = start._tag === "Linear" ? hex(BigInt(start.eip)) : `${start.cs.toString(16)}:${start.ip.toString(16)}`
  return {
    rows: [
      ["format", "Intel HEX"],
      ["start", at]
    ],
    json: { programStart: at }
  }
}

const sRecord = ({ header, start }: SRecordImage): Facts => {
  const rows: Array<readonly [string, string]> = [["format", "S-record"]]
  if (header !== undefined && header !== "") rows.push(["header", header])
  rows.push(["start", hex(start)])
  return { rows, json: { header, programStart: hex(start) } }
}

const uf2 = (image: Uf2Image): Facts => {
  const families = image.families.map((family) => hex(BigInt(family)))
  const rows: Array<readonly [string, string]> = [["format", "UF2"]]
  if (families.length > 0) rows.push(["families", families.join(", ")])
  return { rows, json: { families } }
}

/** What a format has to say, by its name. */
export const facts = (image: MemoryImage): Facts => {
  switch (image.format) {
    case "elf":
      return elf(image)
    case "kdump":
      return kdump(image)
    case "ihex":
      return intelHex(image)
    case "srec":
      return sRecord(image)
    case "uf2":
      return uf2(image)
    case "lime":
      return { rows: [["format", "LiME"]], json: {} }
    case "raw":
      return { rows: [["format", "raw bytes"]], json: {} }
    case "snapshot":
      return { rows: [["format", "snapshot of effect-memory-map"]], json: {} }
  }
}
