// The edge of the parser: what is wrong inside it comes out as a value.
import * as Result from "effect/Result"
import { LP64 } from "../../MachineModel.ts"
import { CParser, type Known } from "./cParse.ts"
import { Wrong } from "./cTokens.ts"
import type { AnyLayout } from "./model.ts"
import { shapeOf } from "./shape.ts"

/** What is wrong with a text, in words, and the line if it has several. */
export interface Refusal {
  readonly line: number | undefined
  readonly why: string
}

/** Also what layouts refuse by throwing: here, it is the text that is wrong. */
const refusing = <A>(make: () => A): Result.Result<A, Refusal> =>
  Result.try({
    try: make,
    catch: (cause): Refusal => {
      if (cause instanceof Wrong) return { line: cause.line, why: cause.why }
      return { line: undefined, why: cause instanceof Error ? cause.message : String(cause) }
    }
  })

type Types = ReadonlyMap<string, AnyLayout>

/** Types whose members have been given their places, so that what has none is refused here. */
export const refusingTypes = (make: () => Types): Result.Result<Types, Refusal> =>
  refusing(() => {
    const types = make()
    for (const layout of types.values()) shapeOf(layout, LP64)
    return types
  })

export const parseHeader = (text: string, known: Known): Result.Result<Types, Refusal> =>
  refusingTypes(() => new CParser(known).header(text))

export const parseType = (text: string, known: Known) => refusing(() => new CParser(known).type(text))
