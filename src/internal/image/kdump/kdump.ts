// Dumps of kdump to maps: headers and bitmaps are read, page descriptors and pages are not.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../../ByteSource.ts"
import { Decompressor } from "../../../Decompressor.ts"
import type { ProcessorState } from "../../../image/Kdump.ts"
import type { AddAllEntry, Ready } from "../../../MemoryMap.ts"
import { ImageError, type SourceError } from "../../../MemoryMapError.ts"
import type { Absence } from "../../map/absences.ts"
import { build, withMachine } from "../../map/build.ts"
import { bring, broughtBy, decompressorsFor } from "../../source/brought.ts"
import { Header, ImageReader, MOST_PIECES } from "../headers.ts"
import { OWNER as QEMU, processorState } from "../qemu.ts"
import { isFlattened, unflatten } from "./flattened.ts"
import { type FrameRun, Frames } from "./frames.ts"
import { compressionsOf, FORMAT, isKdump, type KdumpHeader, machineWordSize, readHeader } from "./header.ts"
import { DESCRIPTOR, make as makePages, unsupported } from "./pages.ts"

export interface Opened {
  readonly header: KdumpHeader
  readonly map: Ready
  readonly isFlattened: boolean
  readonly dumped: bigint
  readonly excluded: bigint
  readonly vmcoreInfo: ReadonlyMap<string, string> | undefined
  readonly processorStates: ReadonlyArray<ProcessorState>
}

/** True for dumps, flattened ones included; what a flattened file holds is not looked at. */
export const recognise = (source: ByteSource): Effect.Effect<boolean, SourceError> =>
  Effect.map(new ImageReader(source, FORMAT).head(16), (head) => isKdump(head) || isFlattened(head))

const open_ = Effect.fnUntraced(function* (source: ByteSource) {
  const outer = new ImageReader(source, FORMAT)
  const flattened = isFlattened(yield* outer.head(16))
  const reader = flattened ? new ImageReader(bring(yield* unflatten(outer), broughtBy(source)), FORMAT) : outer
  if (!isKdump(yield* reader.head(8))) {
    return yield* reader.refuse(
      0n,
      flattened ? "the flattened file holds no kdump; makedumpfile -R puts it in order" : "this is no kdump"
    )
  }
  const header = yield* readHeader(reader)
  const decompressors = yield* decompressorsFor(source, yield* Decompressor)
  for (const compression of compressionsOf(header.status)) {
    if (decompressors[compression] === undefined)
      return yield* reader.refuse(0n, unsupported(compression), "Unsupported")
  }
  const runs = yield* readFrames(reader, header)
  const pages = yield* makePages(reader, header, decompressors)
  const size = BigInt(header.blockSize)
  const entries: Array<AddAllEntry> = []
  const absences: Array<Absence> = []
  let dumped = 0n
  let excluded = 0n
  for (const { end, start, state } of runs) {
    const range = { start: start * size, end: end * size }
    if (state === "dumped") {
      entries.push({ source: pages.source(dumped, end - start), address: range.start })
      dumped += end - start
    } else absences.push({ range, reason: state === "excluded" ? excludedBy(header) : ELSEWHERE })
    if (state === "excluded") excluded += end - start
  }
  if (entries.length === 0) return yield* reader.refuse(header.bitmaps.offset, "the dump holds no pages")
  const bare = yield* Effect.mapError(build(entries, absences), (e) => reader.refuse(0n, e.message))
  const map = withMachine(bare, { endian: header.endian, wordSize: machineWordSize(header) })
  const vmcoreInfo = yield* readInfo(reader, header)
  const none: ReadonlyArray<ProcessorState> = []
  const processorStates = yield* Effect.catchTag(readStates(reader, header), "ImageError", () => Effect.succeed(none))
  return { header, map, isFlattened: flattened, dumped, excluded, vmcoreInfo, processorStates } satisfies Opened
})

/** A flattened file fails to give bytes that none of its pieces has: then the file is at fault, not its source. */
export const open = (source: ByteSource): Effect.Effect<Opened, ImageError | SourceError> =>
  Effect.mapError(open_(source), (error) =>
    error._tag === "SourceError" && error.cause instanceof ImageError ? error.cause : error
  )

const excludedBy = ({ sub }: KdumpHeader): string =>
  `left out of the dump${sub?.dumpLevel === undefined ? "" : `, dump level ${sub.dumpLevel}`}`

const ELSEWHERE = "in another file of this split dump"

/** Bytes of a bitmap read at a time. */
const BLOCK = 1n << 20n

/** Runs of dumped pages and of left out ones take turns. */
const MOST_RUNS = 2 * MOST_PIECES

type Run = Omit<FrameRun, "state"> & { readonly state: FrameRun["state"] | "elsewhere" }

/** The runs of frames, and none that the file has no room to describe. */
const readFrames = Effect.fnUntraced(function* (reader: ImageReader, header: KdumpHeader) {
  const { bitmaps, descriptors, frames: limit, sub } = header
  const room = (reader.source.size - descriptors) / BigInt(DESCRIPTOR)
  const used = (limit + 7n) / 8n
  const frames = new Frames(limit)
  for (let at = 0n; at < used; at += BLOCK) {
    const length = Number(used - at < BLOCK ? used - at : BLOCK)
    const memory = yield* reader.bytes("the bitmap of memory", bitmaps.offset + at, length)
    const dumped = yield* reader.bytes("the bitmap of dumped pages", bitmaps.offset + bitmaps.length + at, length)
    frames.push(memory, dumped)
    if (sub?.split === undefined && frames.dumped > room) break
    if (frames.runs.length > MOST_RUNS) {
      return yield* reader.refuse(
        bitmaps.offset + at,
        `the dumped and left out pages lie in more than the ${MOST_RUNS} runs that are read`,
        "TooLarge"
      )
    }
    yield* Effect.yieldNow
  }
  frames.end()
  const runs = sub?.split === undefined ? frames.runs : splitRuns(frames.runs, sub.split)
  const dumped = runs.reduce((sum, { end, start, state }) => (state === "dumped" ? sum + end - start : sum), 0n)
  if (dumped <= room) return runs
  return yield* reader.refuse(
    descriptors,
    `descriptors of ${frames.dumped} pages should follow, the file has room for ${room < 0n ? 0n : room}: it is cut short`
  )
})

/** Of a split dump, pages outside `[start, end)` are in other files. */
const splitRuns = (
  runs: ReadonlyArray<FrameRun>,
  split: { readonly start: bigint; readonly end: bigint }
): ReadonlyArray<Run> =>
  runs.flatMap((run): ReadonlyArray<Run> => {
    if (run.state === "excluded") return [run]
    const clamp = (frame: bigint) => (frame < run.start ? run.start : frame > run.end ? run.end : frame)
    const [start, end] = [clamp(split.start), clamp(split.end)]
    const parts: ReadonlyArray<Run> = [
      { state: "elsewhere", start: run.start, end: start },
      { state: "dumped", start, end },
      { state: "elsewhere", start: end < start ? start : end, end: run.end }
    ]
    return parts.filter((part) => part.start < part.end)
  })

/** VMCOREINFO, which Linux writes as lines of `KEY=value`. */
const readInfo = Effect.fnUntraced(function* (reader: ImageReader, { sub }: KdumpHeader) {
  if (sub?.vmcoreInfo === undefined) return undefined
  const { offset, size } = sub.vmcoreInfo
  const lines = new TextDecoder().decode(yield* reader.bytes("VMCOREINFO", offset, size)).split("\n")
  return new Map(
    lines.flatMap((line): ReadonlyArray<[string, string]> => {
      const equals = line.indexOf("=")
      return equals > 0 ? [[line.slice(0, equals), line.slice(equals + 1)]] : []
    })
  )
})

/** Machines whose processors QEMU notes the state of. */
const X86 = /^(x86_64|i[3-6]86)$/

/**
 * The states of processors among the notes, which are those of ELF, each part at a multiple of 4. What is no note ends the
 * list: it is told elsewhere, and memory can be read without it.
 */
const readStates = Effect.fnUntraced(function* (reader: ImageReader, { endian, sub, system }: KdumpHeader) {
  const states: Array<ProcessorState> = []
  if (sub?.notes === undefined || !X86.test(system[4] ?? "")) return states
  const { offset, size } = sub.notes
  const notes = yield* reader.header("the notes", offset, size, endian)
  const aligned = (length: number): number => Math.ceil(length / 4) * 4
  for (let at = 0; at + 12 <= size;) {
    const [ownerSize, length] = [notes.u32(at), notes.u32(at + 4)]
    const start = at + 12 + aligned(ownerSize)
    if (ownerSize === 0 || start + length > size) break
    const owner = new TextDecoder().decode(notes.bytes.subarray(at + 12, at + 11 + ownerSize))
    if (owner === QEMU && notes.u32(at + 8) === 0) {
      const state = processorState(
        new Header(reader, offset + BigInt(start), notes.bytes.subarray(start, start + length), endian)
      )
      if (typeof state === "object") states.push(state)
    }
    at = start + aligned(length)
  }
  return states
})
