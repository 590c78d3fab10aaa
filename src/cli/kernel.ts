// The kernel in an image, for the commands about it.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Flag from "effect/cli/Flag"
import * as FileMapper from "../FileMapper.ts"
import * as Btf from "../linux/Btf.ts"
import * as LinuxKernel from "../linux/LinuxKernel.ts"
import * as VmcoreInfo from "../linux/VmcoreInfo.ts"
import * as MemoryMap from "../MemoryMap.ts"
import * as args from "./arguments.ts"
import * as Images from "./images.ts"
import { Output } from "./output.ts"

/** Flags of every command about a kernel. */
export const kernelFlags = {
  btf: args
    .fileFlag("btf")
    .pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("The kernel's types, for kernels that carry none: a vmlinux, or a file of /sys/kernel/btf"),
      Flag.optional
    ),
  how: args.flag("how", "Tell on stderr how the kernel was found"),
  ...args.opening
} as const

export interface KernelFlags extends args.Opening {
  readonly btf: Option.Option<string>
  readonly how: boolean
}

/** What formats that say nothing of their machine hold is the memory of PCs, nearly always. */
const withMachine = Effect.fnUntraced(function* (map: MemoryMap.Mapped) {
  const { endian, wordSize } = yield* Images.machineOf(map)
  return yield* Images.setMachine(map, wordSize ?? 64, endian ?? "little")
})

/** Finds the kernel in what the images make together, by their physical addresses. */
export const openKernel = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, flags: KernelFlags) {
  const { images, map } = yield* Images.open(paths, { ...flags, physical: true })
  const notes = images.map(({ image }) => Option.getOrUndefined(VmcoreInfo.fromImage(image)))
  const btf = Option.isNone(flags.btf)
    ? undefined
    : yield* Effect.flatMap(FileMapper.map(flags.btf.value), (source) => Btf.fromSource(source))
  const sized = yield* withMachine(map)
  const ready = yield* Effect.flatMap(MemoryMap.requireWordSize(sized), MemoryMap.requireEndian)
  const kernel = yield* LinuxKernel.open(ready, { vmcoreInfo: notes.find((info) => info !== undefined), btf })
  if (flags.how) for (const line of kernel.how) yield* (yield* Output).error(`${line}\n`)
  return kernel
})

/** A text that need not be UTF-8: then its bytes come along. */
export const textFields = (name: string, text: string, bytes: Uint8Array): Record<string, string> =>
  text.includes("\ufffd") ? { [name]: text, [`${name}Bytes`]: Buffer.from(bytes).toString("base64") } : { [name]: text }
