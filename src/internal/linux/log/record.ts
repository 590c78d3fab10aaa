// A record of the kernel's log, as both kinds of buffers give it.
import type { GuestDataError, SourceError } from "../../../MemoryMapError.ts"
import { textOf } from "../memory.ts"

export interface LogRecord {
  readonly sequence: bigint
  /** Since the machine started. */
  readonly nanoseconds: bigint
  readonly level: number
  readonly facility: number
  /** Who wrote it: a task by its number, or a processor, in kernels that note it down. */
  readonly caller: { readonly _tag: "Task" | "Cpu"; readonly number: number } | undefined
  readonly text: string
  /** The text as it stands in memory, which need not be UTF-8. */
  readonly bytes: Uint8Array
  /** So many records before this one are no longer, or not wholly, in the buffer. */
  readonly lost: bigint
}

export type LogError = GuestDataError | SourceError

/** What comes of a log: records, and what kept others from being read. */
export interface Log {
  readonly records: ReadonlyArray<LogRecord>
  readonly problems: ReadonlyArray<string>
}

/** The kernel's own bound on the size of its buffer (LOG_BUF_LEN_MAX is 2^31) is more than anyone has; this is 64 MiB. */
export const MOST_BYTES = 1 << 26

/** Half of `printk_log` and `printk_info`: flags and level share a byte, which compilers for either byte order fill from their end. */
export const levelOf = (byte: number, little: boolean): number => (little ? byte >> 5 : byte & 7)

/** Bit 31 says that the rest is a processor's number (printk_caller_id). */
export const callerOf = (id: number | undefined): LogRecord["caller"] =>
  id === undefined ? undefined : { _tag: id >>> 31 === 1 ? "Cpu" : "Task", number: id & 0x7fff_ffff }

/** The kernel cuts the line feed off a record's end; old ones may have NULs inside, which end no text here. */
export const textOfRecord = (bytes: Uint8Array): string =>
  bytes.includes(0) ? textOf(bytes.map((byte) => (byte === 0 ? 0x20 : byte))) : textOf(bytes)
