// memmap modules: the kernel modules of a guest.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import { hex } from "../../internal/base/numbers.ts"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import { span } from "../../render/Line.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { kernelFlags, openKernel } from "../kernel.ts"
import { type Item, Output } from "../output.ts"

const itemOf = ({ address, name, size, state }: LinuxKernel.KernelModule): Item => ({
  line: [span(`${name.padEnd(24)} ${String(size).padStart(9)} ${state.padEnd(8)} `), span(hex(address), "address")],
  json: { type: "module", name, address: hex(address), size, state }
})

export const modules = Command.make(
  "modules",
  { images: args.images, ...kernelFlags },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel(input.images, input)
      const output = yield* Output
      yield* output.lines([
        { line: [span(`${"MODULE".padEnd(24)} ${"SIZE".padStart(9)} ${"STATE".padEnd(8)} ADDRESS`, "heading")] }
      ])
      yield* output.print(Stream.map(LinuxKernel.modules(kernel), itemOf))
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "List the modules that the Linux in a machine's memory has loaded, the last one first, with their sizes in bytes."
  ),
  Command.withShortDescription("List the kernel's modules")
)
