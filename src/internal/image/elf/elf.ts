// From program headers to a map.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import type { ElfNote, ElfSegment, OpenOptions } from "../../../image/Elf.ts"
import type { Absence } from "../../map/absences.ts"
import { build, withMachine } from "../../map/build.ts"
import type { AddAllEntry } from "../../../MemoryMap.ts"
import type { Permissions } from "../../../Mapping.ts"
import { ImageError, type SourceError } from "../../../MemoryMapError.ts"
import { dataModelOf } from "./machine.ts"
import { ImageReader } from "../headers.ts"
import { bytesText, hex } from "../../base/numbers.ts"
import { breathe, isRest } from "../../base/turns.ts"
import { slice, Zeros } from "../../source/source.ts"
import { type ElfHeader, FORMAT, MAGIC, readHeader } from "./header.ts"
import { naming } from "./names.ts"
import { readNotes } from "./notes.ts"
import { hasPhysicalAddress, headerOffset, readSegments } from "./segments.ts"

export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  Effect.map(new ImageReader(source, FORMAT).head(4), (head) => MAGIC.every((byte, i) => head[i] === byte))

/** Everything a file says, before it becomes a map. */
export const parse = Effect.fnUntraced(function* (source: ByteSource, options: OpenOptions | undefined) {
  const reader = new ImageReader(source, FORMAT)
  const header = yield* readHeader(reader)
  const { notes: places, segments } = yield* readSegments(reader, header, options?.addresses ?? "virtual")
  const { notes, problems } = yield* readNotes(reader, header, places)
  const map = yield* toMap(reader, header, segments, notes, options)
  return { header, segments, notes, problems: [...segments.flatMap(oversized), ...problems], map }
})

/** More bytes in the file than in memory: they are mapped, as they are there. */
const oversized = ({ fileSize, index, memorySize }: ElfSegment): ReadonlyArray<string> =>
  fileSize > memorySize
    ? [`program header ${index}: p_filesz ${hex(fileSize)} is more than p_memsz ${hex(memorySize)}`]
    : []

const toMap = Effect.fnUntraced(function* (
  reader: ImageReader,
  header: ElfHeader,
  all: ReadonlyArray<ElfSegment>,
  notes: ReadonlyArray<ElfNote>,
  options: OpenOptions | undefined
) {
  const physical = options?.addresses === "physical"
  const segments = physical ? all.filter((segment) => hasPhysicalAddress(segment, header.fileClass)) : all
  // Files that record no physical addresses leave p_paddr 0 in every header. A single segment may really lie at 0.
  const placed = segments.length === 1 || segments.some((segment) => segment.physicalAddress !== 0n)
  if (physical && all.length > 0 && !placed) {
    return yield* reader.refuse(
      headerOffset(header, all[0]!.index),
      "every p_paddr is 0 or all ones: this file does not record physical addresses"
    )
  }
  const entries: Array<AddAllEntry> = []
  const absences: Array<Absence> = []
  const nameOf = naming(header, notes)
  const isDump = header.type === "core"
  // A program makes its zeros when it runs: where it is loaded from there are none.
  const tailIs = options?.tail ?? (isDump ? "absent" : physical ? "none" : "zero")
  const permissionsOf = segments.some(({ permissions: p }) => p.read || p.write || p.execute)
    ? (segment: ElfSegment): Permissions | undefined => segment.permissions
    : () => undefined
  let steps = 0
  for (const segment of segments) {
    if (isRest(steps++)) yield* breathe
    const start = physical ? segment.physicalAddress : segment.virtualAddress
    const inFile = presentBytes(reader, segment)
    if (inFile < segment.fileSize && options?.truncated !== "absent")
      return yield* cutShort(reader, header, segment, inFile)
    // Notes speak of virtual addresses.
    const common = { name: physical ? undefined : nameOf(segment), permissions: permissionsOf(segment) }
    if (inFile > 0n) entries.push({ ...common, source: slice(reader.source, segment.offset, inFile), address: start })
    const tail = start + segment.fileSize
    if (inFile < segment.fileSize) {
      absences.push({
        range: { start: start + inFile, end: tail },
        reason: "cut off: the file ends before these bytes"
      })
    }
    const tailSize = segment.memorySize - segment.fileSize
    if (tailSize <= 0n || tailIs === "none") continue
    if (tailIs === "zero") entries.push({ ...common, source: new Zeros("zeros", tailSize), address: tail })
    else absences.push({ range: { start: tail, end: tail + tailSize }, reason: "left out of the dump" })
  }
  if (entries.length === 0) return yield* nothingMapped(reader, header, segments)
  // Every address and size was checked, so nothing is left that could be refused.
  const map = yield* Effect.orDie(build(entries, absences))
  return withMachine(map, header, dataModelOf(header.machine, header.wordSize))
})

/** How many of the bytes that a segment has in the file the file really has. */
const presentBytes = (reader: ImageReader, { fileSize, offset }: ElfSegment): bigint => {
  const left = reader.source.size - offset
  return left < 0n ? 0n : left < fileSize ? left : fileSize
}

const cutShort = (reader: ImageReader, header: ElfHeader, segment: ElfSegment, present: bigint) =>
  new ImageError({
    path: reader.source.name,
    format: reader.format,
    reason: "CutShort",
    offset: headerOffset(header, segment.index),
    why:
      `program header ${segment.index}: the file is cut short, ${bytesText(segment.fileSize - present)} of ` +
      `p_filesz ${hex(segment.fileSize)} at p_offset ${hex(segment.offset)} are missing`,
    hint: 'open it with truncated: "absent" to read the rest'
  })

const nothingMapped = (reader: ImageReader, header: ElfHeader, segments: ReadonlyArray<ElfSegment>) =>
  reader.refuse(
    header.programHeaders.offset,
    segments.length === 0
      ? "no program header loads anything: nothing would be mapped"
      : `none of the ${segments.length} segments has bytes in the file: nothing would be mapped`
  )
