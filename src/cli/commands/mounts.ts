// memmap mounts: what a guest has mounted where.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as LinuxKernel from "../../linux/LinuxKernel.ts"
import { span } from "../../render/Line.ts"
import { action } from "../action.ts"
import * as args from "../arguments.ts"
import { kernelFlags, openKernel } from "../kernel.ts"
import { type Item, Output } from "../output.ts"

/** As /proc/mounts writes what would end a word. */
const word = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`)

const itemOf = ({ device, options, path, type }: LinuxKernel.Mount): Item => ({
  line: [span([word(device), word(path), word(type), options.join(",")].join(" "))],
  json: { type: "mount", device, path, fstype: type, options: options.join(",") }
})

export const mounts = Command.make(
  "mounts",
  {
    images: args.images,
    pid: args
      .count("pid")
      .pipe(Flag.withDescription("As the process of this number sees them (default 1)"), Flag.optional),
    ...kernelFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel(input.images, input)
      const task = yield* LinuxKernel.task(
        kernel,
        Option.getOrElse(input.pid, () => 1)
      )
      const output = yield* Output
      yield* output.print(Stream.map(LinuxKernel.mounts(kernel, task), itemOf))
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "List what the Linux in a machine's memory has mounted, in the words of /proc/mounts: device, path, type, and the mount's own options."
  ),
  Command.withShortDescription("List what is mounted")
)
