/**
 * ELF: core dumps of processes and kernels, programs and shared libraries, of any machine.
 *
 * After the System V ABI (gABI), chapters 4 and 5, 32 and 64 bits, both byte orders, any number of program headers. What
 * becomes a map are the PT_LOAD segments; sections are not looked at. Opening reads headers and notes, never the bytes
 * of a segment, so it takes as long for a large dump as for a small one of as many segments.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressRange } from "../AddressRange.ts"
import type { ByteSource } from "../ByteSource.ts"
import * as FileMapper from "../FileMapper.ts"
import type { DecodeError, ImageFormat, OpenError } from "../ImageFormat.ts"
import * as internal from "../internal/image/elf/elf.ts"
import { machineName } from "../internal/image/elf/machine.ts"
import type { WordSize } from "../MachineModel.ts"
import type { Permissions } from "../Mapping.ts"
import type { Ready } from "../MemoryMap.ts"
import type { SourceError } from "../MemoryMapError.ts"

/**
 * What an ELF file is: the memory of a process or machine, a program at fixed addresses, or a shared object (also a
 * position-independent program) at addresses from 0.
 *
 * @category models
 * @since 0.1.0
 */
export type ElfType = "core" | "exec" | "dyn"

/**
 * A PT_LOAD entry of the program headers, as the file has it. `index` counts all program headers from 0, `offset` and
 * `fileSize` say where its bytes are in the file, and all sizes are in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ElfSegment {
  readonly index: number
  readonly offset: bigint
  readonly fileSize: bigint
  readonly memorySize: bigint
  readonly virtualAddress: bigint
  readonly physicalAddress: bigint
  readonly permissions: Permissions
}

/**
 * One value that the kernel gave the process at its start: `name` is the one of `type` in C, `"AT_ENTRY"`, if known.
 *
 * @category models
 * @since 0.1.0
 */
export interface AuxiliaryEntry {
  readonly type: bigint
  readonly name: string | undefined
  readonly value: bigint
}

/**
 * A file that was mapped at `range`, from `offset` (bytes) on.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileMapping {
  readonly range: AddressRange
  readonly offset: bigint
  readonly path: string
}

/**
 * Registers of an x86 processor by name, and those that say how it finds its page tables.
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
 * A note. `owner` and `type` are as the file has them, `description` is its contents, undecoded.
 *
 * | tag | note | what it tells |
 * |---|---|---|
 * | `ThreadStatus` | NT_PRSTATUS | number of a thread, the signal that stopped it (0: none), its registers by name |
 * | `ProcessInfo` | NT_PRPSINFO | number and name of the process, the start of its command line |
 * | `AuxiliaryVector` | NT_AUXV | what the kernel told the process at its start, without the AT_NULL that ends it |
 * | `FileMappings` | NT_FILE | the files that were mapped, and where |
 * | `VmcoreInfo` | VMCOREINFO | facts about a Linux kernel |
 * | `ProcessorState` | QEMU's, of x86 | registers of a processor, in order of the processors; see `PageTable.fromRegisters` |
 * | `Other` | all others | nothing decoded |
 *
 * Registers are known for x86-64, i386, aarch64, arm and riscv (64 bits); the status of other machines is `Other`.
 *
 * @category models
 * @since 0.1.0
 */
export type ElfNote = {
  readonly owner: string
  readonly type: number
  readonly description: ByteSource
} & (
  | {
      readonly _tag: "ThreadStatus"
      readonly thread: number
      readonly signal: number
      readonly registers: Readonly<Record<string, bigint>>
    }
  | { readonly _tag: "ProcessInfo"; readonly process: number; readonly name: string; readonly arguments: string }
  | { readonly _tag: "AuxiliaryVector"; readonly entries: ReadonlyArray<AuxiliaryEntry> }
  | { readonly _tag: "FileMappings"; readonly pageSize: bigint; readonly files: ReadonlyArray<FileMapping> }
  | ({ readonly _tag: "ProcessorState" } & ProcessorState)
  | { readonly _tag: "VmcoreInfo"; readonly values: ReadonlyMap<string, string> }
  | { readonly _tag: "Other" }
)

/**
 * An opened ELF file.
 *
 * Each segment is one mapping (two, when its tail is mapped as zeros), in the order of the program headers: where they
 * overlap, the later one is read. Mappings of a core dump are named after the file that was mapped there, when the dump
 * says so (NT_FILE), or `[stack]`, `[vdso]`, `[vsyscall]`; all others after the file that was opened.
 *
 * `fileClass` is 32 or 64, of the file; the word size of the map is the machine's, which is 32 for an ELF64 dump of a
 * 32-bit machine. `machine` is its name and `machineCode` e_machine. `problems` lists, in words, what is wrong with the
 * notes: that doesn't keep memory from being read.
 *
 * @category models
 * @since 0.1.0
 */
export interface ElfImage {
  readonly format: "elf"
  readonly map: Ready
  readonly type: ElfType
  readonly fileClass: WordSize
  readonly machine: string
  readonly machineCode: number
  readonly entry: bigint
  readonly segments: ReadonlyArray<ElfSegment>
  readonly notes: ReadonlyArray<ElfNote>
  readonly problems: ReadonlyArray<string>
}

/**
 * How to open a file.
 *
 * `addresses`: where segments lie. `"virtual"` is p_vaddr, the default; `"physical"` is p_paddr, and leaves out segments
 * that have none (p_paddr all ones).
 *
 * `tail`: what becomes of the bytes between p_filesz and p_memsz. `"absent"`, the default for cores, is a hole with the
 * reason "left out of the dump"; `"zero"`, the default for programs at virtual addresses, maps zeros; `"none"`, the default
 * for programs at physical addresses, maps nothing: a program makes its zeros when it runs, none are loaded there.
 *
 * `truncated`: what becomes of bytes that should be in the file and are beyond its end. `"refuse"`, the default, is an
 * `ImageError`; `"absent"` makes them a hole that says so.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly addresses?: "virtual" | "physical" | undefined
  readonly tail?: "absent" | "zero" | "none" | undefined
  readonly truncated?: "refuse" | "absent" | undefined
}

/**
 * Opens a file.
 *
 * Fails with `ImageError`, naming the field and its offset, when the file is no core, program or shared object, a
 * header lies, bytes of a segment are beyond the end of the file (see {@link OpenOptions}), or nothing would be mapped.
 *
 * **Example** (A program of one segment)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FileMapper, MemoryMap } from "effect-memory-map"
 * import * as Elf from "effect-memory-map/image/Elf"
 *
 * const header = "7f454c46010101000000000000000000" + "0200" + "0300" + "01000000" + // an i386 program
 *   "00800408" + "34000000" + "00000000" + "00000000" + "3400" + "2000" + "0100" + "000000000000"
 * const segment = "01000000" + "54000000" + "00800408" + "00800408" + "02000000" + "04000000" + "05000000" + "01000000"
 * const files = FileMapper.layerTest({ "/program": Buffer.from(header + segment + "cafe", "hex") })
 *
 * const program = Effect.gen(function* () {
 *   const image = yield* Elf.open("/program")
 *   return [image.machine, yield* MemoryMap.getBytes(image.map, image.entry, 4)]
 * })
 * Effect.runSync(program.pipe(Effect.scoped, Effect.provide(files))) // => ["i386", new Uint8Array([0xca, 0xfe, 0, 0])]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  path: string,
  options?: OpenOptions
): Effect.Effect<ElfImage, OpenError, FileMapper.FileMapper | Scope.Scope> =>
  Effect.flatMap(FileMapper.map(path), (source) => fromSource(source, options)).pipe(
    Effect.withSpan("Elf.open", { attributes: { path } })
  )

/**
 * Reads an image from a source; fails like {@link open}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (source: ByteSource, options?: OpenOptions): Effect.Effect<ElfImage, DecodeError> =>
  Effect.map(internal.parse(source, options), ({ header, ...rest }): ElfImage => {
    const { entry, fileClass, machine, type } = header
    return { format: "elf", type, fileClass, machine: machineName(machine), machineCode: machine, entry, ...rest }
  })

/**
 * True when the source starts with the magic number of ELF, 0x7f `ELF`.
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
export const format: ImageFormat<ElfImage, OpenOptions> = { name: "elf", recognise, fromSource }
