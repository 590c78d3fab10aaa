// memmap spaces: the address spaces of a machine that was dumped.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as AddressSpace from "../../AddressSpace.ts"
import { hex } from "../../internal/base/numbers.ts"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import type * as MemoryMap from "../../MemoryMap.ts"
import * as PageTable from "../../PageTable.ts"
import { escape, span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import * as Images from "../images.ts"
import { kernelOf } from "../machine.ts"
import { type Item, Output } from "../output.ts"
import { processors } from "../spaces.ts"

interface Row {
  readonly name: string
  readonly root: bigint
  readonly format: string
  readonly why: string
}

const item = ({ format, name, root, why }: Row, width: number): Item => ({
  line: [span(name.padEnd(width), "address"), span(`  ${format}  ${why}`)],
  json: { type: "space", name, root: hex(root), format, why }
})

const ofProcessors = (images: Images.Opened["images"]): ReadonlyArray<Row> =>
  images
    .flatMap(({ image }) => processors(image))
    .flatMap((registers, number) =>
      Option.match(PageTable.fromRegisters(registers), {
        onNone: () => [],
        onSome: ({ format, root }) => [
          { name: `cpu${number}`, root, format: format.name, why: `root:${hex(root)}, CR3 of processor ${number}` }
        ]
      })
    )

/** The kernel and its processes, if there is one that can be told of. */
const ofKernel = Effect.fnUntraced(function* (images: Images.Opened["images"], map: MemoryMap.Mapped) {
  const rows: Array<Row> = []
  const kernel = yield* kernelOf(map, images).pipe(
    Effect.map(Option.some),
    Effect.catchTag("KernelNotFound", () => Effect.succeedNone)
  )
  if (Option.isNone(kernel)) return rows
  const row = (name: string, { format, root }: PageTable.Root, why: string): Row => ({
    name,
    root,
    format: format.name,
    why: `root:${hex(root)}, ${why}`
  })
  rows.push(row("kernel", yield* LinuxKernel.pageTables(kernel.value), `Linux ${kernel.value.release}`))
  const each = (task: LinuxKernel.Task) =>
    task.memory === undefined
      ? Effect.void
      : Effect.match(LinuxKernel.pageTables(kernel.value, task), {
          onFailure: () => undefined,
          onSuccess: (tables) => void rows.push(row(`${task.pid}`, tables, `process ${escape(task.comm)}`))
        })
  yield* Effect.catch(Stream.runForEach(LinuxKernel.tasks(kernel.value), each), (error) =>
    Effect.flatMap(Output, (output) => output.note(`not all processes can be told: ${error.message}`))
  )
  return rows
})

const { paging: _paging, space: _space, ...opening } = args.opening

export const spaces = Command.make(
  "spaces",
  { image: args.image, ...opening },
  Effect.fnUntraced(
    function* (input) {
      const { images, map } = yield* Images.open([input.image], {
        ...input,
        space: Option.some("physical"),
        paging: Option.none()
      })
      const output = yield* Output
      const named = yield* ofKernel(images, map)
      const known = new Set(named.map(({ root }) => root))
      const found = (yield* AddressSpace.findRoots(map)).flatMap(({ format, root, why }): ReadonlyArray<Row> =>
        known.has(root) ? [] : [{ name: `root:${hex(root)}`, root, format: format.name, why }]
      )
      const rows = [...ofProcessors(images), ...named, ...found]
      const width = Math.max(...rows.map(({ name }) => name.length))
      yield* output.lines(rows.map((row) => item(row, width)))
      if (rows.length === 0) {
        yield* output.note("no page tables were found: neither registers of processors nor roots of a Linux on x86-64")
        return yield* empty
      }
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "List the address spaces of a machine: those that its processors were in, where the dump tells their registers; those of its Linux and the processes, if one is found; and what else looks like the root of page tables of a Linux on x86-64. All of memory is read."
  ),
  Command.withShortDescription("List the address spaces of a dumped machine"),
  Command.withExamples([
    { command: "memmap spaces guest.elf", description: "Roots of page tables, and why each may be one" },
    { command: "memmap info guest.elf --space kernel", description: "What the kernel maps" },
    { command: "memmap strings guest.elf --space 1", description: "The texts of the first process" }
  ])
)
