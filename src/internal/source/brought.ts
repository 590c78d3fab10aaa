// What a layer provides beside files (a search kernel, decompressors) rides on references of the context. They are gone
// when the methods of a service run that was built with that layer: its types say nothing of them. So the mapper of the
// layer gives them to its sources, and searches and images take them from there, unless their own context has some.
import * as Effect from "effect/Effect"
import type { ByteSource } from "../../ByteSource.ts"
import type { Compression, Decompress } from "../../Decompressor.ts"
import type { SearchKernel } from "../../SearchKernel.ts"
import { origin } from "./source.ts"

export const KernelKey = "effect-memory-map/SearchKernel"
export const DecompressorKey = "effect-memory-map/Decompressor"

type Decompressors = Readonly<Partial<Record<Compression, Decompress>>>

export interface Brought {
  readonly kernel: SearchKernel | undefined
  readonly decompressors: Decompressors | undefined
}

/** What has been provided in the context; defaults are not. */
export const provided: Effect.Effect<Brought> = Effect.map(Effect.context(), ({ mapUnsafe }) => ({
  kernel: mapUnsafe.get(KernelKey) as SearchKernel | undefined,
  decompressors: mapUnsafe.get(DecompressorKey) as Decompressors | undefined
}))

const BroughtId = "~effect-memory-map/ByteSource/Brought"

/** Gives `source` something to carry. */
export const bring = (source: ByteSource, brought: Brought | undefined): ByteSource =>
  brought === undefined || broughtBy(source) === brought
    ? source
    : Object.defineProperty(source, BroughtId, { value: brought, configurable: true })

export const broughtBy = (source: ByteSource): Brought | undefined =>
  (origin(source, 0n).source as { readonly [BroughtId]?: Brought })[BroughtId]

/** All decompressors that there are for a source: those of the context first. */
export const decompressorsFor = (source: ByteSource, defaults: Decompressors): Effect.Effect<Decompressors> =>
  Effect.map(provided, ({ decompressors }) => ({ ...defaults, ...broughtBy(source)?.decompressors, ...decompressors }))
