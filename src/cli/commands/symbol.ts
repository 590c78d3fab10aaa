// memmap symbol: names and addresses of a guest's kernel.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { hex } from "../../internal/base/numbers.ts"
import * as AddressRange from "../../AddressRange.ts"
import * as Symbols from "../../linux/Symbols.ts"
import { span } from "../../render/Line.ts"
import { action, empty } from "../action.ts"
import * as args from "../arguments.ts"
import { Refused } from "../errors.ts"
import { kernelFlags, openKernel } from "../kernel.ts"
import { type Item, Output } from "../output.ts"

const itemOf = ({ address, kind, module, name }: Symbols.KernelSymbol, offset?: bigint): Item => {
  const behind = offset === undefined || offset === 0n ? "" : `+${hex(offset)}`
  const of = module === undefined ? "" : ` [${module}]`
  return {
    line: [
      span(
        hex(address + (offset ?? 0n))
          .slice(2)
          .padStart(16, "0"),
        "address"
      ),
      span(` ${kind} ${name}${behind}${of}`)
    ],
    json: {
      type: "symbol",
      name,
      address: hex(address),
      kind,
      ...(module === undefined ? {} : { module }),
      ...(offset === undefined ? {} : { offset })
    }
  }
}

/** Everything that an operand names: an address its nearest symbol, a name all that bear it. */
const answers = (symbols: Symbols.Symbols, operand: string): ReadonlyArray<Item> => {
  const address = AddressRange.parseAddress(operand)
  if (Result.isFailure(address)) return Symbols.lookup(symbols, operand).map((symbol) => itemOf(symbol))
  return Option.match(Symbols.nearest(symbols, address.success), {
    onNone: () => [],
    onSome: ({ offset, symbol }) => [itemOf(symbol, offset)]
  })
}

export const symbol = Command.make(
  "symbol",
  {
    image: args.image,
    operands: Argument.String("NAME|ADDRESS").pipe(
      Argument.withDescription(
        "A symbol's name, or an address: decimal, or hexadecimal with 0x; without any, all symbols are listed"
      ),
      Argument.variadic({ min: 0 })
    ),
    ...kernelFlags
  },
  Effect.fnUntraced(
    function* (input) {
      const kernel = yield* openKernel([input.image], input)
      const output = yield* Output
      const { symbols } = kernel
      if (symbols === undefined) return yield* new Refused({ message: "no table of symbols was found in memory" })
      if (input.operands.length === 0) {
        return yield* output.print(Stream.map(Stream.fromIterable(symbols), (found) => itemOf(found)))
      }
      let found = 0
      for (const operand of input.operands) {
        const items = answers(symbols, operand)
        found += items.length
        if (items.length === 0) yield* output.note(`the kernel has no symbol ${operand}`)
        yield* output.lines(items)
      }
      if (found === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Look up symbols of the Linux kernel in a machine's memory, and of its modules: the address of a name, or the symbol that an address lies in. Without an operand, list them all, as /proc/kallsyms does."
  ),
  Command.withShortDescription("Look up the kernel's symbols"),
  Command.withExamples([
    { command: "memmap symbol guest.elf init_task schedule", description: "Where they are" },
    { command: "memmap symbol guest.elf 0xffffffff81000010", description: "What is there" }
  ])
)
