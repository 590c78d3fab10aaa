// What the formats say about an image beyond its bytes.
import type { ElfImage } from "../image/Elf.ts"
import type { IntelHexImage } from "../image/IntelHex.ts"
import type { KdumpImage } from "../image/Kdump.ts"
import type { SRecordImage } from "../image/SRecord.ts"
import type { Uf2Image } from "../image/Uf2.ts"
import { hex } from "../internal/base/numbers.ts"
import type { MemoryImage } from "../MemoryImage.ts"

export interface Facts {
  readonly rows: ReadonlyArray<readonly [label: string, text: string]>
  readonly json: object
}

const elf = ({ entry, machine, notes, problems, type }: ElfImage): Facts => {
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
  const kernel = notes.flatMap((note) => (note._tag === "VmcoreInfo" ? [note.values.get("OSRELEASE")] : []))[0]
  if (kernel !== undefined) {
    rows.push(["kernel", `Linux ${kernel}`])
    json["kernel"] = kernel
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
  const kernel = image.vmcoreInfo?.get("OSRELEASE")
  if (kernel !== undefined) rows.push(["kernel", `Linux ${kernel}`])
  if (!isComplete) rows.push(["problem", "the writer of the dump ran out of space"])
  return {
    rows,
    json: {
      version,
      system,
      ...(kernel === undefined ? {} : { kernel }),
      compression,
      dumpLevel,
      complete: isComplete,
      flattened: isFlattened,
      pages
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
