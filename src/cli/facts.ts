// What the formats say about an image beyond its bytes.
import type { ElfImage } from "../image/Elf.ts"
import { hex } from "../internal/numbers.ts"
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

export const facts = (image: MemoryImage): Facts => {
  switch (image.format) {
    case "elf":
      return elf(image)
    case "ihex": {
      const { start } = image
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
    case "srec": {
      const rows: Array<readonly [string, string]> = [["format", "S-record"]]
      if (image.header !== undefined && image.header !== "") rows.push(["header", image.header])
      rows.push(["start", hex(image.start)])
      return { rows, json: { header: image.header, programStart: hex(image.start) } }
    }
    case "uf2": {
      const families = image.families.map((family) => hex(BigInt(family)))
      return {
        rows: [["format", "UF2"], ...(families.length > 0 ? [["families", families.join(", ")] as const] : [])],
        json: { families }
      }
    }
    case "kdump": {
      const { compression, dumpLevel, isComplete, isFlattened, pages, system } = image
      const rows: Array<readonly [string, string]> = [
        ["format", `kdump, version ${image.version}${isFlattened ? ", flattened" : ""}`],
        ["machine", [system.name, system.node, system.release, system.machine].filter((text) => text !== "").join(" ")],
        [
          "pages",
          `${pages.dumped} dumped, ${pages.excluded} excluded${dumpLevel === undefined ? "" : ` (dump level ${dumpLevel})`}`
        ]
      ]
      if (compression.length > 0) rows.push(["compressed", compression.join(", ")])
      if (!isComplete) rows.push(["problem", "the dump was cut short when it was written"])
      const counts = { dumped: String(pages.dumped), excluded: String(pages.excluded) }
      return {
        rows,
        json: { version: image.version, isFlattened, isComplete, system, compression, dumpLevel, pages: counts }
      }
    }
    case "lime":
      return { rows: [["format", "LiME"]], json: {} }
    case "raw":
      return { rows: [["format", "raw bytes"]], json: {} }
    case "snapshot":
      return { rows: [["format", "snapshot of effect-memory-map"]], json: {} }
  }
}
