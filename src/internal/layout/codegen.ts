// Functions compiled from text, where the engine allows it: a constructor of objects with given keys that is as fast as one
// written by hand. All closures of one function share what the engine learns about it, so one written once for any keys is
// five times slower. A page may forbid compiling (Content-Security-Policy without "unsafe-eval"), as some runtimes do.
import * as Result from "effect/Result"
import type { Decode } from "../base/decode.ts"

type Compile = (decodes: ReadonlyArray<Decode<unknown>>) => Decode<unknown>

let isAllowed: boolean | undefined

const compile = (...source: ReadonlyArray<string>): Result.Result<unknown, unknown> =>
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is made below, of numbers and quoted names
  Result.try(() => new Function(...source))

const canCompile = (): boolean => (isAllowed ??= Result.isSuccess(compile("return 1")))

/** The decoder of a record that answers with `{ name: decodes[i](bytes, at + offsets[i], little), ... }`. */
export const recordOf = (
  names: ReadonlyArray<string>,
  offsets: ReadonlyArray<number>,
  decodes: ReadonlyArray<Decode<unknown>>
): Decode<unknown> | undefined => {
  if (!canCompile()) return undefined
  const parameters = decodes.map((_, i) => `d${i}`)
  const members = names.map((name, i) => `${JSON.stringify(name)}: d${i}(bytes, at + ${offsets[i]}, little)`)
  const compiled = compile(
    "decodes",
    `"use strict"
const [${parameters.join(", ")}] = decodes
return (bytes, at, little) => ({ ${members.join(", ")} })`
  )
  return Result.isSuccess(compiled) ? (compiled.success as Compile)(decodes) : undefined
}
