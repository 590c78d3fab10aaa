// memmap translate: where virtual addresses lead, entry by entry.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as AddressSpace from "../../AddressSpace.ts"
import * as ByteSource from "../../ByteSource.ts"
import { hex, sizeText } from "../../internal/base/numbers.ts"
import * as Mapping from "../../Mapping.ts"
import * as MemoryMap from "../../MemoryMap.ts"
import { span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import * as Images from "../images.ts"
import { type Item, Output } from "../output.ts"
import * as Spaces from "../spaces.ts"
import { writtenAddress } from "../written.ts"

const entryLine = ({ address, level, value }: AddressSpace.TranslatedEntry) => [
  span(`  level ${level}  `, "note"),
  span(`${hex(value).padStart(18)}  at ${hex(address)}`)
]

const entryJson = ({ address, level, value }: AddressSpace.TranslatedEntry) => ({
  level,
  address: hex(address),
  value: hex(value)
})

/** Where the byte lies in a file, if the image has it. */
const placeOf = (map: MemoryMap.Any, physical: bigint) => {
  const found = Option.getOrUndefined(MemoryMap.origin(map, physical))
  if (found === undefined) {
    const [hole] = MemoryMap.holes(map, { range: { start: physical, end: physical + 1n } })
    return { text: `not in the image${hole?.reason === undefined ? "" : `: ${hole.reason}`}`, json: undefined }
  }
  const { offset, source } = ByteSource.origin(found.mapping.source, found.offset)
  return { text: `${source.name}, offset ${hex(offset)}`, json: { source: source.name, offset: hex(offset) } }
}

const found = (map: MemoryMap.Any, address: bigint, translation: AddressSpace.Translation): Item => {
  const { accessed, dirty, entries, pageSize, permissions, physical } = translation
  const place = placeOf(map, physical)
  const letters = `${Mapping.formatPermissions(permissions)}${permissions.user ? ", for programs" : ", for the kernel"}`
  const marks = [accessed ? "accessed" : "not accessed", ...(dirty === undefined ? [] : [dirty ? "dirty" : "clean"])]
  return {
    line: [span(hex(address), "address"), span(` is physical ${hex(physical)}`)],
    more: [
      ...entries.map(entryLine),
      [span(`  page of ${sizeText(pageSize)}, ${letters}, ${marks.join(", ")}`)],
      [span(`  ${place.text}`)]
    ],
    json: {
      type: "translation",
      address: hex(address),
      physical: hex(physical),
      pageSize: Number(pageSize),
      permissions: Mapping.formatPermissions(permissions),
      user: permissions.user,
      accessed,
      dirty,
      entries: entries.map(entryJson),
      origin: place.json
    }
  }
}

export const translate = Command.make(
  "translate",
  {
    image: args.image,
    addresses: args
      .parsed("ADDRESS", writtenAddress("ADDRESS"))
      .pipe(
        Argument.withDescription(
          "A virtual address, or a symbol of the kernel as in init_task+0x10; several are answered one by one"
        ),
        Argument.variadic({ min: 1 })
      ),
    ...args.opening
  },
  Effect.fnUntraced(
    function* (input) {
      const name = Option.getOrElse(input.space, () => "cpu0")
      const { at, images, kernel, map } = yield* Images.open([input.image], {
        ...input,
        space: Option.some("physical")
      })
      const addresses = yield* Effect.forEach(input.addresses, at)
      const { tables } = yield* Spaces.resolve(name, kernel, images, input.paging)
      const output = yield* Output
      if (tables === undefined) {
        return yield* new Refused({ message: `${name} has no page tables: its addresses are physical ones` })
      }
      let answered = 0
      for (const address of addresses) {
        const translated = AddressSpace.translate(map, tables.format, tables.root, address)
        const item = yield* translated.pipe(
          Effect.map((translation): Item => {
            answered++
            return found(map, address, translation)
          }),
          Effect.catchTag("UntranslatedAddress", ({ entries, why }) =>
            Effect.succeed<Item>({
              line: [span(hex(address), "address"), span(` leads to no page: ${why}`)],
              more: entries.map(entryLine),
              json: { type: "translation", address: hex(address), entries: entries.map(entryJson), reason: why }
            })
          )
        )
        yield* output.lines([item])
      }
      if (answered === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Follow virtual addresses of a dumped machine through its page tables, entry by entry, to the place in the file. The tables are those that --space names (default: cpu0)."
  ),
  Command.withShortDescription("Follow virtual addresses through page tables"),
  Command.withExamples([
    { command: "memmap translate guest.elf 0xffff_ffff_8100_0000", description: "As the first processor would" },
    { command: "memmap translate guest.elf init_task", description: "A symbol of the kernel in it" },
    {
      command: "memmap translate guest.raw@0 0x40_1000 --space root:0x27d0000 --paging x86-64",
      description: "Through tables that are known"
    }
  ])
)
