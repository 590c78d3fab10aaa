// What the examples of the docs call for each of their `expression // => expected` lines.
import * as Equal from "effect/Equal"
import { inspect } from "node:util"

/** By `file:line`: what went wrong, or undefined where the docs are right. */
export const outcomes = new Map<string, string | undefined>()

export const $example = (where: string, expression: string, actual: unknown, expected: unknown): void => {
  const wrong = Equal.equals(actual, expected)
    ? undefined
    : `${where}: the docs say that\n  ${expression}\nis\n  ${inspect(expected)}\nbut it is\n  ${inspect(actual)}`
  if (outcomes.get(where) === undefined) outcomes.set(where, wrong)
  if (wrong !== undefined) throw new Error(wrong)
}
