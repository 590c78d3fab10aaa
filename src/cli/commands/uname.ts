// memmap uname: which kernel a guest runs.
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import { span } from "../../render/Line.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { kernelFlags, openKernel } from "../kernel.ts"
import { Output } from "../output.ts"

export const uname = Command.make(
  "uname",
  { images: args.images, ...kernelFlags },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel(input.images, input)
      const found = yield* LinuxKernel.uname(kernel)
      const output = yield* Output
      const { machine, nodename, release, sysname, version } = found
      const line = [span([sysname, nodename, release, version, machine].join(" "))]
      yield* output.lines([{ line, json: { type: "uname", ...found } }])
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription("Tell which Linux kernel is in a machine's memory, as uname -a does on that machine."),
  Command.withShortDescription("Tell which kernel is in a machine's memory"),
  Command.withExamples([{ command: "memmap uname guest.elf", description: "A dump of a virtual machine" }])
)
