// Errors as people read them: what is wrong, where, what was asked, what lies nearby, what to try. And exit codes.
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Runtime from "effect/Runtime"
import * as AddressRange from "../AddressRange.ts"
import type * as Fleet from "../fleet/Fleet.ts"
import type { ImageUnavailable } from "../fleet/Images.ts"
import { bytesText, hex, sizeText } from "../internal/base/numbers.ts"
import * as MemoryMap from "../MemoryMap.ts"
import type * as MemoryMapError from "../MemoryMapError.ts"
import { escape } from "../render/Line.ts"
import { jsonText } from "./json.ts"

/** Ends the process with this code; all there was to say has been said. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: 1 | 2 }> {
  override readonly [Runtime.errorExitCode]: number = this.code
}

/** What a command cannot do, with what to try instead. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly message: string
  readonly details?: ReadonlyArray<readonly [label: string, text: string]> | undefined
}> {}

export type Failure =
  | Refused
  | MemoryMapError.GuestDataError
  | MemoryMapError.ImageError
  | MemoryMapError.InvalidMapping
  | MemoryMapError.InvalidPattern
  | MemoryMapError.LayoutError
  | MemoryMapError.KernelNotFound
  | MemoryMapError.MapStateError
  | MemoryMapError.MappingOverlap
  | MemoryMapError.SourceError
  | MemoryMapError.TooLarge
  | MemoryMapError.UnmappedAddress
  | PlatformError.PlatformError
  | Fleet.StoreError
  | Fleet.UnknownQuestion
  | ImageUnavailable

type Details = ReadonlyArray<readonly [label: string, text: string]>

/** What is mapped right before and after a hole. */
const nearby = (map: MemoryMap.Any, hole: AddressRange.AddressRange): Details => {
  const mapped = (what: string, address: bigint, edge: bigint): Details =>
    Option.match(MemoryMap.mappingAt(map, address), {
      onNone: () => [],
      onSome: (mapping) => [[what, `${mapping.name} ${what === "below" ? "ends" : "starts"} at ${hex(edge)}`]]
    })
  return [...mapped("below", hole.start - 1n, hole.start), ...mapped("above", hole.end, hole.end)]
}

const unmapped = (error: MemoryMapError.UnmappedAddress, map: MemoryMap.Any | undefined): Refused => {
  const { address, available, hole, reason, requested } = error
  const asked = `${bytesText(Number(AddressRange.size(requested)))} at ${hex(requested.start)}`
  if (!AddressRange.isAddress(address)) {
    return new Refused({
      message: `${asked} reach past the end of the address space, 2^64`,
      details: [["try", "a smaller length"]]
    })
  }
  const details: Array<readonly [string, string]> = []
  if (error.path !== undefined && error.path !== "") details.push(["member", error.path])
  if (AddressRange.size(requested) > 1n || requested.start !== address) {
    details.push(["asked", `${asked}; ${available} are there`])
  }
  const why = reason === undefined ? "" : `: ${reason}`
  details.push(["hole", `${AddressRange.format(hole)}, ${sizeText(hole.end - hole.start)}${why}`])
  if (map !== undefined) details.push(...nearby(map, hole))
  details.push(["try", "memmap info IMAGE lists what is mapped"])
  return new Refused({ message: `nothing is mapped at ${hex(address)}`, details })
}

const platform = ({ reason }: PlatformError.PlatformError): Refused => {
  const path =
    "pathOrDescriptor" in reason && typeof reason.pathOrDescriptor === "string" ? reason.pathOrDescriptor : undefined
  const subject = reason.module === "Stdio" ? "the output cannot be written: " : path === undefined ? "" : `${path}: `
  if (reason._tag === "NotFound") return new Refused({ message: `${subject}there is no such file` })
  if (reason._tag === "PermissionDenied") return new Refused({ message: `${subject}permission denied` })
  const text = reason.description ?? (reason.cause instanceof Error ? reason.cause.message : reason.message)
  // Node's own words have the code in front and the call behind.
  return new Refused({ message: `${subject}${text.replace(/^E[A-Z]+: ([^,]*), .*$/s, "$1")}` })
}

/** The flag that does what an option of the library does. */
const flagOf = (format: string, reason: MemoryMapError.ImageError["reason"], hint: string): string | undefined => {
  if (format === "ihex" || format === "srec") return "--lenient to read what is there"
  if (format === "uf2") return `--family N: ${hint}`
  return reason === "CutShort" ? "--truncated to read the rest" : undefined
}

const image = (error: MemoryMapError.ImageError): Refused => {
  const { format, hint, message, path, reason, why } = error
  if (reason === "Unknown") {
    return new Refused({
      message: `${path}: its content is of no known format`,
      details: [["try", `${path}@ADDRESS for raw bytes at an address, or --format NAME`]]
    })
  }
  if (reason === "Unwritable") {
    const fill = format === "raw" ? "--fill N for a byte in place of holes, or " : ""
    return new Refused({
      message: `cannot be written as ${format}: ${why}`,
      details: [["try", `${fill}--range A..B for a part of it`]]
    })
  }
  // What the library calls an option is a flag here.
  if (hint !== undefined) {
    const flag = flagOf(format, reason, hint)
    if (flag !== undefined) {
      return new Refused({ message: message.slice(0, -`; ${hint}`.length), details: [["try", flag]] })
    }
  }
  // Raw bytes have no headers to be wrong somewhere.
  return new Refused({ message: format === "raw" ? why : message })
}

/** The same error for people. */
export const explain = (error: Failure, map?: MemoryMap.Any): Refused => {
  switch (error._tag) {
    case "Refused":
      return error
    case "UnmappedAddress":
      return unmapped(error, map)
    case "PlatformError":
      return platform(error)
    case "ImageError":
      return image(error)
    case "MapStateError":
      return new Refused({
        message: `the image does not say its ${error.missing === "WordSize" ? "word size" : "byte order"}`,
        details: [
          ["try", error.missing === "WordSize" ? "--word-size 32 or --word-size 64" : "--endian little or --endian big"]
        ]
      })
    case "KernelNotFound":
      return new Refused({
        message: `${error.sought} was not found in memory`,
        details: error.tried.map(({ what, why }) => [what, why] as const)
      })
    case "GuestDataError":
    case "ImageUnavailable":
    case "InvalidMapping":
    case "InvalidPattern":
    case "LayoutError":
    case "MappingOverlap":
    case "SourceError":
    case "StoreError":
    case "TooLarge":
    case "UnknownQuestion":
      return new Refused({ message: error.message })
  }
}

/** 1 when the answer is that nothing is there, 2 when there is no answer or only a part of it. */
export const exitCode = (error: Failure): 1 | 2 =>
  error._tag === "UnmappedAddress" && error.available === 0n && AddressRange.isAddress(error.address) ? 1 : 2

const text = ({ details = [], message }: Refused): string =>
  [`memmap: ${message}`, ...details.map(([label, text]) => `  ${label.padEnd(6)} ${text}`)]
    .map((line) => `${escape(line)}\n`)
    .join("")

/** What stderr gets of it: lines, or one line of JSON. */
export const errorText = (refused: Refused, tag: string, json: boolean): string => {
  const { details = [], message } = refused
  return json ? `${jsonText({ type: "error", tag, message, details: Object.fromEntries(details) })}\n` : text(refused)
}
