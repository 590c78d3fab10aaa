// The kernel in an image, for the commands about it.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Flag from "effect/cli/Flag"
import * as FileMapper from "../FileMapper.ts"
import { asPc } from "../internal/map/build.ts"
import * as Btf from "../linux/Btf.ts"
import * as args from "./arguments.ts"
import * as Images from "./images.ts"
import { kernelOf } from "./machine.ts"
import { Output } from "./output.ts"
import * as Spaces from "./spaces.ts"

const { paging: _paging, space: _space, ...opening } = args.opening

/** Flags of every command about a kernel, which is looked for in physical memory. */
export const kernelFlags = {
  btf: args
    .fileFlag("btf")
    .pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("The kernel's types, for kernels that carry none: a vmlinux, or a file of /sys/kernel/btf"),
      Flag.optional
    ),
  how: args.flag("how", "Tell on stderr how the kernel was found"),
  ...opening
} as const

export interface KernelFlags extends Omit<args.Opening, "space" | "paging"> {
  readonly btf: Option.Option<string>
  readonly how: boolean
}

/** Finds the kernel in what the images make together, by their physical addresses. */
export const openKernel = (paths: ReadonlyArray<string>, flags: KernelFlags) =>
  Effect.map(openBoth(paths, flags), ({ kernel }) => kernel)

/** The map that a command about a kernel looks at: of the space that was asked for, or the kernel's own. */
export const openKernelIn = Effect.fnUntraced(function* (
  paths: ReadonlyArray<string>,
  flags: KernelFlags & Pick<args.Opening, "space" | "paging">
) {
  const { images, kernel } = yield* openBoth(paths, flags)
  if (Option.isNone(flags.space)) return { kernel, map: kernel.map }
  const space = yield* Spaces.resolve(flags.space.value, Effect.succeed(kernel), images, flags.paging)
  return { kernel, map: asPc(yield* Spaces.enter(kernel.physical, space)) }
})

const openBoth = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, flags: KernelFlags) {
  const { images, map } = yield* Images.open(paths, {
    ...flags,
    physical: true,
    space: Option.none(),
    paging: Option.none()
  })
  const btf = Option.isNone(flags.btf)
    ? undefined
    : yield* Effect.flatMap(FileMapper.map(flags.btf.value), (source) => Btf.fromSource(source))
  const kernel = yield* kernelOf(map, images, btf)
  if (flags.how) for (const line of kernel.how) yield* (yield* Output).error(`${line}\n`)
  return { images, kernel }
})

/** A text that need not be UTF-8: then its bytes come along. */
export const textFields = (name: string, text: string, bytes: Uint8Array): Record<string, string> =>
  text.includes("\ufffd") ? { [name]: text, [`${name}Bytes`]: Buffer.from(bytes).toString("base64") } : { [name]: text }
