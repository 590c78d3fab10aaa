// Questions as they are asked.
import * as Effect from "effect/Effect"
import type { FindOptions, Kind, Question, QuestionOptions } from "../../fleet/Fleet.ts"
import type { StringsOptions } from "../../MemoryMap.ts"
import * as Pattern from "../../Pattern.ts"
import * as kinds from "./kinds.ts"

const questionOf = (implementation: kinds.Implementation, payload: unknown) => ({
  kind: implementation.kind,
  payload,
  [kinds.TypeId]: implementation
})

export const question = <P, A, E, R>(kind: string, options: QuestionOptions<P, A, E, R>): Kind<P, A> => {
  const implementation = kinds.implementation({
    ...options,
    kind,
    run: (image, payload: P) => Effect.map(options.run(image, payload), (result) => ({ result, hits: [] }))
  })
  return Object.assign((payload: P) => questionOf(implementation, payload), {
    kind,
    [kinds.TypeId]: implementation
  })
}

export const plain = <A>(implementation: kinds.Implementation): Question<A> => questionOf(implementation, {})

/** Places that are kept of each step, when nothing else is said. */
const LIMIT = 10_000

export const find = (pattern: Pattern.Input, { alignment = 1, limit = LIMIT }: FindOptions = {}) =>
  questionOf(kinds.find, { pattern: Pattern.fromInput(pattern), alignment, limit })

export const strings = ({
  encoding = "ascii",
  limit = LIMIT,
  minLength = 4
}: Omit<StringsOptions, "range"> & { readonly limit?: number | undefined } = {}) =>
  questionOf(kinds.strings, { encoding, limit, minLength })
