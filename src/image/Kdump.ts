/**
 * Kernel dumps in the kdump-compressed format: what `makedumpfile -c`, `-l`, `-p`, `-z` and QEMU's `dump-guest-memory`
 * with `-z`, `-l` or `-s` write, flattened (`makedumpfile -F`, QEMU) or not.
 *
 * After makedumpfile's IMPLEMENTATION and diskdump_mod.h, versions 0 to 6, machines of 32 and 64 bits and both byte
 * orders. Opening reads headers and bitmaps; a page is read and unpacked when it is asked for, and the pages used last
 * are kept. The map has physical addresses. Pages that were left out of the dump are holes that say so.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ByteSource } from "../ByteSource.ts"
import type { Compression } from "../Decompressor.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError } from "../ImageFormat.ts"
import * as internal from "../internal/image/kdump/kdump.ts"
import { compressionsOf, INCOMPLETE, machineWordSize } from "../internal/image/kdump/header.ts"
import type { Endian, WordSize } from "../MachineModel.ts"
import type { Ready } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"

/**
 * Registers of an x86 processor by name, and those that say how it finds its page tables; see `PageTable.fromRegisters`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorState {
  readonly cr0: bigint
  readonly cr2: bigint
  readonly cr3: bigint
  readonly cr4: bigint
  readonly registers: Readonly<Record<string, bigint>>
}

/**
 * An opened dump.
 *
 * `system` is what uname(2) said on the machine; some writers fill in `machine` alone. `compression` lists what the
 * header says its pages are packed with. `dumpLevel` is that of `makedumpfile -d`, `physicalBase` the physical address
 * that the kernel was loaded at, for kernels that can move. `isComplete` is false when the writer ran out of space.
 * `processorStates` are registers of x86 processors, in their order, in dumps that QEMU wrote. `pages` counts pages of `pageSize` bytes: in the file, and left out of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface KdumpImage {
  readonly format: "kdump"
  readonly map: Ready
  readonly version: number
  readonly isFlattened: boolean
  readonly isComplete: boolean
  readonly wordSize: WordSize
  readonly endian: Endian
  readonly pageSize: number
  readonly processors: number
  readonly system: {
    readonly name: string
    readonly node: string
    readonly release: string
    readonly version: string
    readonly machine: string
  }
  readonly compression: ReadonlyArray<Compression>
  readonly dumpLevel: number | undefined
  readonly physicalBase: bigint | undefined
  readonly vmcoreInfo: ReadonlyMap<string, string> | undefined
  readonly processorStates: ReadonlyArray<ProcessorState>
  readonly pages: { readonly dumped: bigint; readonly excluded: bigint }
}

/**
 * Opens a dump: one mapping for each run of adjacent pages in the file.
 *
 * Fails with `ImageError` when headers or bitmaps make no sense or are cut short, and when pages are compressed in a way
 * that no `Decompressor` is provided for: zlib always is, zstd by `NodeDecompressor.layer`. A damaged page fails the
 * reads that need it, with a `SourceError` whose cause is an `ImageError` that names the place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string): Effect.Effect<KdumpImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), fromSource).pipe(Effect.withSpan("Kdump.open", { attributes: { path } }))

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource): Effect.Effect<KdumpImage, DecodeError> =>
  Effect.map(
    internal.open(source),
    ({ dumped, excluded, header, isFlattened, map, processorStates, vmcoreInfo }): KdumpImage => {
      const [name = "", node = "", release = "", version = "", machine = ""] = header.system
      return {
        format: "kdump",
        map,
        version: header.version,
        isFlattened,
        isComplete: (header.status & INCOMPLETE) === 0,
        wordSize: machineWordSize(header),
        endian: header.endian,
        pageSize: header.blockSize,
        processors: header.cpus,
        system: { name, node, release, version, machine },
        compression: compressionsOf(header.status),
        dumpLevel: header.sub?.dumpLevel,
        physicalBase: header.sub?.physicalBase,
        vmcoreInfo,
        processorStates,
        pages: { dumped, excluded }
      }
    }
  )

/**
 * True when the source begins as a kdump does, or as a file flattened by makedumpfile.
 *
 * @category predicates
 * @since 0.1.0
 */
export const recognise: (source: ByteSource) => Effect.Effect<boolean, SourceError> = internal.recognise

/**
 * The format as a value.
 *
 * @category models
 * @since 0.1.0
 */
export const format: ImageFormat<KdumpImage> = { name: "kdump", recognise, fromSource }
