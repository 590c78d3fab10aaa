// What memmap map shows of a process of Linux: its areas, as /proc/PID/maps lists them, and how much of each is in memory.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { hex, sizeText } from "../internal/base/numbers.ts"
import * as LinuxKernel from "../linux/LinuxKernel.ts"
import * as Mapping from "../Mapping.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as Hexdump from "../render/Hexdump.ts"
import { escape, span } from "../render/Line.ts"
import type { Item } from "./output.ts"

const SIZE = 10

const itemOf = (space: MemoryMap.Any, { offset, path, permissions, range, shared }: LinuxKernel.Area): Item => {
  const { end, start } = range
  const letters = `${Mapping.formatPermissions(permissions)}${shared ? "s" : "p"}`
  const present = MemoryMap.mappedSize(MemoryMap.crop(space, range))
  const sizes = `${sizeText(end - start).padStart(SIZE)}  ${sizeText(present).padStart(SIZE)}`
  const file = path === undefined || path.startsWith("[") ? (path ?? "") : `${path}+${hex(offset)}`
  return {
    line: [
      span(`${Hexdump.addressText(start, 12)}  ${Hexdump.addressText(end, 12)}`, "address"),
      span(`  ${sizes}  ${letters}  ${escape(file)}`)
    ],
    json: {
      type: "area",
      start: hex(start),
      end: hex(end),
      permissions: letters,
      offset: hex(offset),
      path,
      present
    }
  }
}

const heading: Item = {
  line: [
    span(
      `${"start".padEnd(14)}  ${"end".padEnd(14)}  ${"size".padStart(SIZE)}  ${"present".padStart(SIZE)}  perm  origin`,
      "heading"
    )
  ]
}

/** The areas of the process; threads of the kernel have none. */
export const areasOf = Effect.fnUntraced(function* (kernel: LinuxKernel.Kernel, pid: number) {
  const task = yield* LinuxKernel.task(kernel, pid)
  if (task.memory === undefined) return undefined
  const space = yield* LinuxKernel.addressSpace(kernel, task)
  const areas = Stream.map(LinuxKernel.areas(kernel, task), (area) => itemOf(space, area))
  return Stream.concat(Stream.make(heading), areas)
})
