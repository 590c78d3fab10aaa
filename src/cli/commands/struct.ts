// memmap struct: the types of a guest's kernel, and values of them.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Btf from "../../linux/Btf.ts"
import { span } from "../../render/Line.ts"
import { action, reading } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { kernelFlags, openKernelIn } from "../kernel.ts"
import { type Item, Output } from "../output.ts"
import { writtenAddress } from "../written.ts"

const memberItem = ({ bits, offset, path, size, type }: Btf.Field, values: Btf.Values | undefined): Item => ({
  json: {
    type: "member",
    path,
    offset,
    size,
    cType: type,
    ...(bits === undefined ? {} : { bitOffset: bits.offset, bitSize: bits.size }),
    ...(values?.has(path) === true ? { value: values.get(path) } : {})
  }
})

export const struct = Command.make(
  "struct",
  {
    image: args.image,
    type: Argument.String("TYPE").pipe(Argument.withDescription("A structure, union or typedef of one: task_struct")),
    address: args
      .parsed("ADDRESS", writtenAddress("ADDRESS"))
      .pipe(
        Argument.withDescription(
          "Show the values of the one at this address, or symbol: 0xffffffff82a0aa40, init_task, name+0x10"
        ),
        Argument.optional
      ),
    space: args.opening.space,
    paging: args.opening.paging,
    ...kernelFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const { kernel, map } = yield* openKernelIn([input.image], input)
      const output = yield* Output
      const { types } = kernel
      if (types === undefined) {
        return yield* new Refused({
          message: "no types were found in memory",
          details: [["try", "--btf FILE with the vmlinux of this kernel, or a file of /sys/kernel/btf"]]
        })
      }
      const { type } = input
      const size = Btf.sizeOf(types, type)
      if (Option.isNone(size)) return yield* new Refused({ message: `the kernel has no structure or union "${type}"` })
      const values = Option.isNone(input.address)
        ? undefined
        : yield* Effect.flatMap(Images.bySymbols(kernel, input.address.value), (address) =>
            reading(map)(Btf.values(types, type, map, address))
          )
      if (output.json) {
        const items = Btf.fields(types, type).map((field) => memberItem(field, values))
        return yield* output.lines([{ json: { type: "struct", name: type, size: size.value } }, ...items])
      }
      const text = Option.getOrElse(Btf.format(types, type, values), () => "")
      yield* output.lines(text.split("\n").map((line) => ({ line: [span(line.replaceAll("\t", "        "))] })))
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Print a structure of the Linux kernel in a machine's memory as C, with offsets and sizes in bytes as pahole(1) does; with an address, the values in it too."
  ),
  Command.withShortDescription("Print a structure of the kernel, with values"),
  Command.withExamples([
    { command: "memmap struct guest.elf list_head", description: "The layout" },
    { command: "memmap struct guest.elf task_struct init_task", description: "The first task" },
    {
      command: "memmap struct guest.elf list_head 0x1000 --space physical",
      description: "Elsewhere than in the kernel"
    }
  ])
)
