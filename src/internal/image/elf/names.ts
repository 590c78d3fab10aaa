// Names for the segments of a core dump, which has none itself: from what its notes tell of the process.
import * as AddressRange from "../../../AddressRange.ts"
import type { ElfNote, ElfSegment, FileMapping } from "../../../image/Elf.ts"
import type { ElfHeader } from "./header.ts"
import { EM } from "./machine.ts"

/** Where Linux on x86-64 shows the vsyscall page: arch/x86/include/uapi/asm/vsyscall.h. */
const VSYSCALL = 0xffffffffff600000n

/**
 * The path of the file that was mapped where the segment is, or what /proc/PID/maps calls it; `undefined` when the notes
 * don't say.
 */
export const naming = (
  { machine }: ElfHeader,
  notes: ReadonlyArray<ElfNote>
): ((segment: ElfSegment) => string | undefined) => {
  const files = notes.flatMap((note) => (note._tag === "FileMappings" ? note.files : []))
  files.sort((a, b) => AddressRange.Order(a.range, b.range))
  const auxiliary = new Map(
    notes.flatMap((note) =>
      note._tag === "AuxiliaryVector" ? note.entries.map(({ name, value }) => [name, value] as const) : []
    )
  )
  const onStack = auxiliary.get("AT_RANDOM")
  return ({ memorySize, virtualAddress: start }) => {
    const range = { start, end: start + memorySize }
    const file = lastStarting(files, start)
    if (file !== undefined && file.range.end >= range.end) return file.path
    if (start === auxiliary.get("AT_SYSINFO_EHDR")) return "[vdso]"
    if (onStack !== undefined && AddressRange.contains(range, onStack)) return "[stack]"
    return start === VSYSCALL && machine === EM.X86_64 ? "[vsyscall]" : undefined
  }
}

/** The last of the sorted files that starts at or before `address`. */
const lastStarting = (files: ReadonlyArray<FileMapping>, address: bigint): FileMapping | undefined => {
  let low = 0
  let high = files.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (files[middle]!.range.start <= address) low = middle + 1
    else high = middle
  }
  return files[low - 1]
}
