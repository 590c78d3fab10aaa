/**
 * Every error of the package. Each is a tagged error backed by a Schema, so it can cross a worker, RPC or process
 * boundary; its fields come first and its message is derived from them.
 *
 * | tag | when | what to do |
 * |---|---|---|
 * | `UnmappedAddress` | a read met a hole | read less, `getBytesUpTo`, `getBytesPadded`, or map more |
 * | `UntranslatedAddress` | page tables lead nowhere from an address | see `reason` and `entries` |
 * | `SourceError` | the bytes are mapped but their source would not give them | see `reason` |
 * | `TooLarge` | what is mapped would take more memory than a limit | ask for less, or raise the limit |
 * | `InvalidMapping` | a mapping has no place in the address space, or its slice is not in the file | fix address, offset or length |
 * | `MappingOverlap` | `overlap: "reject"` or `"equal"` was not met | choose another policy or range |
 * | `InvalidPattern` | a search pattern cannot be searched for | see `position` |
 * | `MapStateError` | a map lacks word size, endianness or any mapping | set or open what is missing |
 * | `LayoutError` | bytes are not what a layout says of them | see `reason`, `path` and `address` |
 * | `ImageError` | a file is not the image it should be, or a format cannot hold a map | see `reason` |
 * | `KernelNotFound` | memory holds no Linux kernel that could be found | see `tried`; open the image's physical addresses |
 * | `GuestDataError` | a structure of a guest's kernel is not what it should be | see `address` and `why`; other things may still be read |
 * | `NativeUnavailable` | a layer that needs the C library cannot have it here | install koffi or use another layer |
 * | `InvalidAddress` | a text is no address or no range | see its message |
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AddressRange from "./AddressRange.ts"
import { bytesText, END, hex, sizeText } from "./internal/base/numbers.ts"

/**
 * A read or a walk met an address where nothing is mapped.
 *
 * `address` is the first unmapped one, `requested` what was asked for, which may leave the space, `available` the number of bytes that could
 * have been read before `address`, `hole` the whole hole around it (for an address past the end of the space: the
 * empty range there), and `reason` why it is a hole, when the map was told (`MemoryMap.addAbsent`). Where a layout was read,
 * `path` is the member that has the byte at `address`: `task.comm`.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnmappedAddress extends Schema.TaggedError<UnmappedAddress>("effect-memory-map/UnmappedAddress")(
  "UnmappedAddress",
  {
    operation: Schema.String,
    address: Schema.BigInt,
    requested: Schema.Struct({ start: Schema.BigInt, end: Schema.BigInt }),
    available: Schema.BigInt,
    hole: Schema.Struct({ start: Schema.BigInt, end: Schema.BigInt }),
    reason: Schema.optionalKey(Schema.String),
    path: Schema.optionalKey(Schema.String)
  }
) {
  override get message(): string {
    const { address, available, hole, requested } = this
    const asked = `${bytesText(Number(AddressRange.size(requested)))} at ${hex(requested.start)}, ${available} readable`
    if (!AddressRange.isAddress(address)) {
      return `${this.operation}: ${hex(address)} lies outside the 64-bit address space (${asked})`
    }
    const why = this.reason === undefined ? "" : `: ${this.reason}`
    const what = this.path === undefined || this.path === "" ? hex(address) : `${this.path} at ${hex(address)}`
    return `${this.operation}: ${what} is not mapped (${asked}; hole ${AddressRange.format(hole)}${why})`
  }
}

/**
 * A virtual address leads to no page.
 *
 * `entries` are those that were read, from the root down. Reasons: `"NotMapped"`, the tables map nothing there;
 * `"SwappedOut"`, the page is in swap space, or on its way; `"TableNotInImage"`, a table lies where the physical map has a
 * hole; `"InvalidEntry"`, the processor would not take the last entry. `why` says it in words.
 *
 * @category errors
 * @since 0.1.0
 */
export class UntranslatedAddress extends Schema.TaggedError<UntranslatedAddress>(
  "effect-memory-map/UntranslatedAddress"
)("UntranslatedAddress", {
  address: Schema.BigInt,
  entries: Schema.Array(Schema.Struct({ level: Schema.Number, address: Schema.BigInt, value: Schema.BigInt })),
  reason: Schema.Literals(["NotMapped", "SwappedOut", "TableNotInImage", "InvalidEntry"]),
  why: Schema.String
}) {
  override get message(): string {
    const last = this.entries.at(-1)
    const where = last === undefined ? "" : ` (level ${last.level}, entry ${hex(last.value)} at ${hex(last.address)})`
    return `${hex(this.address)} leads to no page: ${this.why}${where}`
  }
}

/**
 * Bytes that are mapped could not be had from their source.
 *
 * `offset` (bytes into the source) and `length` (bytes) are what was asked of it. Reasons: `"ReadFailed"`, the
 * underlying read failed, see `cause`; `"Truncated"`, the source does not hold all these bytes, or not any more;
 * `"Closed"`, the Scope that held the source is closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceError extends Schema.TaggedError<SourceError>("effect-memory-map/SourceError")("SourceError", {
  source: Schema.String,
  offset: Schema.BigInt,
  length: Schema.Number,
  reason: Schema.Literals(["ReadFailed", "Truncated", "Closed"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const what = `${this.source}: cannot read ${bytesText(this.length)} at offset ${hex(this.offset)}`
    const cause = this.cause instanceof Error ? this.cause.message : this.cause
    const why = typeof cause === "string" && cause !== "" ? cause : undefined
    switch (this.reason) {
      case "Closed":
        return `${what}: its scope is closed; read before the scope ends, or keep it open longer`
      case "Truncated":
        return `${what}: ${why ?? "the file is shorter than when it was mapped"}`
      case "ReadFailed":
        return `${what}: ${why ?? "the read failed"}`
    }
  }
}

/**
 * What is mapped decides how much memory an operation takes, and it would be more than `limit` bytes: `size` bytes from
 * `address` on, or more. Nothing was made of them.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("effect-memory-map/TooLarge")("TooLarge", {
  operation: Schema.String,
  address: Schema.BigInt,
  size: Schema.BigInt,
  limit: Schema.BigInt
}) {
  override get message(): string {
    const { address, limit, operation, size } = this
    return `${operation}: ${sizeText(size)} from ${hex(address)} on are more than the limit of ${sizeText(limit)}; ask for less, read in parts with MemoryMap.stream, or raise the limit`
  }
}

/**
 * A mapping has no place: `"Empty"`, it has no bytes; `"OutsideSpace"`, `[address, address + size)` does not fit below
 * 2^64; `"OutsideFile"`, the slice `[offset, offset + size)` is not inside the file or source of `available` bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidMapping extends Schema.TaggedError<InvalidMapping>("effect-memory-map/InvalidMapping")(
  "InvalidMapping",
  {
    name: Schema.String,
    reason: Schema.Literals(["Empty", "OutsideSpace", "OutsideFile"]),
    address: Schema.BigInt,
    size: Schema.BigInt,
    offset: Schema.optionalKey(Schema.BigInt),
    available: Schema.optionalKey(Schema.BigInt)
  }
) {
  override get message(): string {
    const at = `cannot map ${this.name} at ${hex(this.address)}`
    switch (this.reason) {
      case "Empty":
        return `${at}: it has no bytes, and an empty mapping covers nothing`
      case "OutsideSpace":
        return this.address < 0n || this.address >= END
          ? `${at}: that is not an address, 0 <= address < 2^64`
          : `${at}: its ${bytesText(this.size)} reach past the end of the address space by ${bytesText(
              this.address + this.size - END
            )}`
      case "OutsideFile":
        return `${at}: ${bytesText(this.size)} at offset ${hex(this.offset ?? 0n)} are not inside its ${bytesText(
          this.available ?? 0n
        )}`
    }
  }
}

/**
 * A mapping added with `overlap: "reject"` met another one, or one added with `overlap: "equal"` met bytes that
 * differ, or that could not be compared (`cause` then says why).
 *
 * `range` is what was to be added, `met` the mapping in the way, `address` the first address in conflict.
 *
 * @category errors
 * @since 0.1.0
 */
export class MappingOverlap extends Schema.TaggedError<MappingOverlap>("effect-memory-map/MappingOverlap")(
  "MappingOverlap",
  {
    name: Schema.String,
    policy: Schema.Literals(["reject", "equal"]),
    range: AddressRange.AddressRange,
    met: Schema.Struct({ name: Schema.String, range: AddressRange.AddressRange }),
    address: Schema.BigInt,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    const how =
      this.policy === "reject" ? "overlaps" : this.cause === undefined ? "differs from" : "cannot be compared with"
    return `${this.name} (${AddressRange.format(this.range)}) ${how} ${this.met.name} (${AddressRange.format(
      this.met.range
    )}) at ${hex(this.address)}`
  }
}

/**
 * A pattern cannot be searched for. `position` is where in the pattern (an index into its text or bytes) the trouble
 * lies, `why` says it in words.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPattern extends Schema.TaggedError<InvalidPattern>("effect-memory-map/InvalidPattern")(
  "InvalidPattern",
  { pattern: Schema.String, position: Schema.Number, why: Schema.String }
) {
  override get message(): string {
    return `${this.pattern}: ${this.why} (at position ${this.position})`
  }
}

/**
 * A map lacks a fact that an operation needs.
 *
 * @category errors
 * @since 0.1.0
 */
export class MapStateError extends Schema.TaggedError<MapStateError>("effect-memory-map/MapStateError")(
  "MapStateError",
  { missing: Schema.Literals(["WordSize", "Endian", "Mapping"]) }
) {
  override get message(): string {
    switch (this.missing) {
      case "WordSize":
        return "the word size of this map is not known: call MemoryMap.setWordSize with 32 or 64"
      case "Endian":
        return 'the byte order of this map is not known: call MemoryMap.setEndian with "little" or "big"'
      case "Mapping":
        return "this map holds no mapping: add bytes or a file first"
    }
  }
}

/**
 * Bytes are there, and are not what a layout says of them: `"Refused"`, the schema of a `Layout.transform` does not take the
 * value (`cause` is its error); `"BadCount"`, the count of a flexible array, or of values asked for, is negative or beyond
 * what one array should have; `"Cycle"`, a list leads back to `address`, where it has been before, and not to its head;
 * `"TooLong"`, a list has not ended after as many records as a list without a `limit` may have.
 *
 * `address` is where the bytes lie, `path` the member that they are (`task.comm`).
 *
 * @category errors
 * @since 0.1.0
 */
export class LayoutError extends Schema.TaggedError<LayoutError>("effect-memory-map/LayoutError")("LayoutError", {
  reason: Schema.Literals(["Refused", "BadCount", "Cycle", "TooLong"]),
  address: Schema.BigInt,
  path: Schema.String,
  why: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const { address, path, why } = this
    return path === "" ? `at ${hex(address)}: ${why}` : `${path} at ${hex(address)}: ${why}`
  }
}

/**
 * A file was refused as an image, or a map as something to write in a format.
 *
 * `reason` says it for programs: `"Malformed"`, the file is not what its format demands (the default); `"CutShort"`, bytes
 * that should be in it are beyond its end; `"Unsupported"`, it is of a version or a compression that cannot be read here;
 * `"TooLarge"`, it, or what was asked for, passes a bound; `"Unknown"`, its format cannot be told; `"Unwritable"`, the
 * format has no place for the map. `why` says it in words, `offset` (bytes) or, in text formats, `line` (from 1) says where
 * in the file, `hint` what to try, if there is something. `format` is the format that was tried, or `"unknown"`.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageError extends Schema.TaggedError<ImageError>("effect-memory-map/ImageError")("ImageError", {
  path: Schema.String,
  format: Schema.String,
  reason: Schema.Literals(["Malformed", "CutShort", "Unsupported", "TooLarge", "Unknown", "Unwritable"]).pipe(
    Schema.withConstructorDefault(Effect.succeed("Malformed" as const))
  ),
  offset: Schema.optionalKey(Schema.BigInt),
  line: Schema.optionalKey(Schema.Number),
  why: Schema.String,
  hint: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const { format, hint, line, offset, path, reason } = this
    const why = hint === undefined ? this.why : `${this.why}; ${hint}`
    if (reason === "Unwritable") return `${path} cannot be written as ${format}: ${why}`
    if (reason === "Unknown" || (offset === undefined && line === undefined)) return `${path}: ${format}: ${why}`
    return `${path}: ${format}, ${line === undefined ? `offset ${hex(offset ?? 0n)}` : `line ${line}`}: ${why}`
  }
}

/**
 * No Linux kernel was found in a physical memory, or not enough of it. `tried` lists every way that was gone, in order, and
 * why it did not lead there.
 *
 * @category errors
 * @since 0.1.0
 */
export class KernelNotFound extends Schema.TaggedError<KernelNotFound>("effect-memory-map/KernelNotFound")(
  "KernelNotFound",
  { sought: Schema.String, tried: Schema.Array(Schema.Struct({ what: Schema.String, why: Schema.String })) }
) {
  override get message(): string {
    const ways = this.tried.map(({ what, why }) => `${what}: ${why}`).join("; ")
    return `${this.sought} was not found in memory (${ways})`
  }
}

/**
 * What a guest's memory holds is not what its kernel would have written there: a list that loops, a table whose lengths lie,
 * a type or symbol that is missing. `structure` names what was read, and `address` says where, if that is known.
 *
 * @category errors
 * @since 0.1.0
 */
export class GuestDataError extends Schema.TaggedError<GuestDataError>("effect-memory-map/GuestDataError")(
  "GuestDataError",
  { structure: Schema.String, address: Schema.optionalKey(Schema.BigInt), why: Schema.String }
) {
  override get message(): string {
    const where = this.address === undefined ? "" : ` at ${hex(this.address)}`
    return `${this.structure}${where}: ${this.why}`
  }
}

/**
 * A function of the C library, mmap(2) or memmem(3), cannot be used on this machine, and the layer was told to use
 * nothing else.
 *
 * @category errors
 * @since 0.1.0
 */
export class NativeUnavailable extends Schema.TaggedError<NativeUnavailable>("effect-memory-map/NativeUnavailable")(
  "NativeUnavailable",
  { feature: Schema.Literals(["mmap", "memmem"]), why: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }
) {
  override get message(): string {
    const [name, layer, other] =
      this.feature === "mmap"
        ? ["mmap(2)", "NodeFileMapper.layer", "positional reads"]
        : ["memmem(3)", "NodeSearchKernel.layer", "searching in JavaScript"]
    return `${name} is not available: ${this.why}. Install koffi, or use ${layer}, which falls back to ${other}`
  }
}

/**
 * A text is no address or no range. It is declared beside what reads them, `AddressRange.parse`.
 *
 * @category errors
 * @since 0.1.0
 */
export { InvalidAddress } from "./AddressRange.ts"
