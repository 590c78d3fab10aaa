// What every command does alike: output, layers, errors, exit code.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Flag from "effect/cli/Flag"
import * as FileMapper from "../FileMapper.ts"
import type * as MemoryMap from "../MemoryMap.ts"
import * as NodeDecompressor from "../node/NodeDecompressor.ts"
import * as NodeMemoryMap from "../node/NodeMemoryMap.ts"
import * as NodeSearchKernel from "../node/NodeSearchKernel.ts"
import { errorText, Exit, exitCode, explain, type Failure, Refused } from "./errors.ts"
import { type ClosedPipe, make, Output } from "./output.ts"

export const NoMmap = GlobalFlag.Setting("no-mmap")({
  flag: Flag.Boolean("no-mmap").pipe(
    Flag.withDescription(
      "Read files by position instead of mapping them: slower, and safe from files that are cut short"
    ),
    Flag.withDefault(false)
  )
})

const byPosition = FileMapper.layerFileSystem.pipe(
  Layer.provideMerge(Layer.merge(NodeSearchKernel.layer, NodeDecompressor.layer))
)

const layers = Layer.unwrap(
  Effect.map(NoMmap, (noMmap): Layer.Layer<FileMapper.FileMapper, never, FileSystem.FileSystem> =>
    noMmap ? byPosition : NodeMemoryMap.layer
  )
).pipe(Layer.provideMerge(NodeFileSystem.layer))

/** An error that knows the map it happened in, to say what lies nearby. */
class InMap {
  readonly _tag = "InMap"
  readonly error: Failure
  readonly map: MemoryMap.Any
  constructor(error: Failure, map: MemoryMap.Any) {
    this.error = error
    this.map = map
  }
}

/** Lets errors of `effect` be explained by what `map` holds. */
export const reading =
  (map: MemoryMap.Any) =>
  <A, E extends Failure | ClosedPipe | Exit, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (error) =>
      error._tag === "ClosedPipe" || error._tag === "Exit" ? error : new InMap(error, map)
    )

/** Says what went wrong, on stderr. */
const report = Effect.fnUntraced(function* (failure: Failure | InMap) {
  const output = yield* Output
  const error = failure._tag === "InMap" ? failure.error : failure
  const explained = explain(error, failure._tag === "InMap" ? failure.map : undefined)
  const tag = error instanceof Refused ? "UsageError" : error._tag
  yield* output.error(errorText(explained, tag, output.json))
  return yield* new Exit({ code: exitCode(error) })
})

/** Runs the work of a command: files stay open until it ends, and every failure ends in an exit code. */
export const action = <A, R>(
  work: Effect.Effect<
    A,
    Failure | InMap | ClosedPipe | Exit,
    R | FileMapper.FileMapper | FileSystem.FileSystem | Output | Scope.Scope
  >
) =>
  Effect.flatMap(make, (output) =>
    work.pipe(
      Effect.scoped,
      Effect.asVoid,
      Effect.catchTag("ClosedPipe", () => Effect.void),
      Effect.catch((error) => (error._tag === "Exit" ? error : report(error))),
      Effect.provide(layers),
      Effect.provideService(Output, output)
    )
  )

/** The answer was empty: exit code 1. */
export const empty: Exit = new Exit({ code: 1 })

/** The answer was only a part of what was asked: exit code 2. */
export const partial: Exit = new Exit({ code: 2 })
