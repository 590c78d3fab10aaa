// memmap spaces: the address spaces of a machine that was dumped.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as AddressSpace from "../../AddressSpace.ts"
import { hex } from "../../internal/base/numbers.ts"
import * as PageTable from "../../PageTable.ts"
import { span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import * as Images from "../images.ts"
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

export const spaces = Command.make(
  "spaces",
  { image: args.image, ...args.opening },
  Effect.fnUntraced(
    function* (input) {
      const { images, map } = yield* Images.open([input.image], { ...input, space: Option.some("physical") })
      const output = yield* Output
      const rows: Array<Row> = []
      for (const [number, registers] of images.flatMap(({ image }) => processors(image)).entries()) {
        const tables = Option.getOrUndefined(PageTable.fromRegisters(registers))
        if (tables === undefined) continue
        const { format, root } = tables
        rows.push({
          name: `cpu${number}`,
          root,
          format: format.name,
          why: `root:${hex(root)}, CR3 of processor ${number}`
        })
      }
      for (const { format, root, why } of yield* AddressSpace.findRoots(map)) {
        rows.push({ name: `root:${hex(root)}`, root, format: format.name, why })
      }
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
    "List the address spaces of a machine: those that its processors were in, where the dump tells their registers, and what looks like the root of page tables of a Linux on x86-64. All of memory is read once."
  ),
  Command.withShortDescription("List the address spaces of a dumped machine"),
  Command.withExamples([
    { command: "memmap spaces guest.elf", description: "Roots of page tables, and why each may be one" },
    { command: "memmap info guest.elf --space root:0x27d0000", description: "What one of them maps" }
  ])
)
