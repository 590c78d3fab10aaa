// memmap map: the address space as a picture.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { hex } from "../../internal/base/numbers.ts"
import * as Mapping from "../../Mapping.ts"
import * as Cluster from "../../render/Cluster.ts"
import * as MapPicture from "../../render/MapPicture.ts"
import * as Svg from "../../render/Svg.ts"
import { action } from "../action.ts"
import { areasOf } from "../areas.ts"
import * as args from "../arguments.ts"
import { writeFile } from "../../internal/source/outfile.ts"
import { requireDirectory, requireFree, requireOther } from "../files.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"

const clusterItem = ({ before, mappings, range }: Cluster.Cluster): Item => ({
  json: {
    type: "cluster",
    start: hex(range.start),
    end: hex(range.end),
    size: range.end - range.start,
    holeBefore: before,
    mappings: mappings.map(({ name, permissions, range }) => ({
      name,
      start: hex(range.start),
      end: hex(range.end),
      permissions: permissions === undefined ? undefined : Mapping.formatPermissions(permissions)
    }))
  }
})

export const map = Command.make(
  "map",
  {
    images: args.images,
    svg: args
      .fileFlag("svg")
      .pipe(
        Flag.withMetavar("FILE"),
        Flag.withDescription("Write the picture to FILE instead (- is stdout), as SVG for light and dark pages"),
        Flag.optional
      ),
    force: args.flag("force", "Replace FILE if it exists", "f"),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const output = yield* Output
      const pid = Option.getOrUndefined(Option.filter(input.space, (name) => /^[0-9]+$/.test(name)))
      if (pid !== undefined && Option.isNone(input.svg)) {
        const { kernel } = yield* Images.open(input.images, { ...input, space: Option.some("physical") })
        const areas = yield* areasOf(yield* kernel, Number(pid))
        if (areas !== undefined) return yield* output.print(areas)
      }
      const { images, map } = yield* Images.open(input.images, input)
      if (Option.isSome(input.svg)) {
        const title = images.map(({ path }) => path.slice(path.lastIndexOf("/") + 1)).join(" + ")
        const picture = Svg.render(map, { title })
        const bytes = new TextEncoder().encode(picture)
        if (input.svg.value === "-") return yield* output.bytes(Stream.make(bytes))
        yield* requireDirectory(input.svg.value)
        yield* requireOther(input.svg.value, images)
        yield* requireFree(input.svg.value, input.force)
        yield* writeFile(input.svg.value, (append) => append(bytes), { overwrite: input.force })
        yield* output.lines([{ json: { type: "written", path: input.svg.value, format: "svg" } }])
        return yield* output.note(`wrote ${input.svg.value}`)
      }
      yield* output.print(
        output.json
          ? Stream.map(Stream.fromIterable(Cluster.clusters(map)), clusterItem)
          : Stream.map(Stream.fromIterable(MapPicture.lines(map, { width: output.width })), (line) => ({ line }))
      )
      yield* output.note("# shown   + in part   - covered by a later mapping   x absent   . not mapped")
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Draw the address space: each mapping in a row, to scale, with wide holes folded. --svg draws it for a browser. Of a process (--space PID), list its areas, and how much of each is in memory."
  ),
  Command.withShortDescription("Draw the address space as a picture"),
  Command.withExamples([
    { command: "memmap map core.4242", description: "In the terminal" },
    { command: "memmap map app.hex --over patch.bin@0x0800_0400 --svg map.svg", description: "In the browser" },
    { command: "memmap map guest.elf --space 1", description: "The areas of a process, as in /proc/1/maps" }
  ])
)
