// Chance that can be had again: all of a campaign follows from its seed.
import { randomWords } from "../support/random.ts"

export interface Dice {
  /** A whole number from 0 on, below `limit`. */
  readonly below: (limit: number) => number
  readonly pick: <A>(list: ReadonlyArray<A>) => A
  readonly bytes: (length: number, limit?: number) => Uint8Array
}

export const dice = (seed: number): Dice => {
  const words = randomWords(seed)
  // The low bits of this generator repeat early.
  const below = (limit: number) => Math.floor((words() / 2 ** 32) * limit)
  return {
    below,
    pick: (list) => list[below(list.length)]!,
    bytes: (length, limit = 256) => Uint8Array.from({ length }, () => below(limit))
  }
}

/** What a part of the campaign has done, by what it counts. */
export type Counts = Readonly<Record<string, number>>

export class Broken extends Error {
  constructor(part: string, seed: number, round: number, what: string) {
    super(`${part}: seed ${seed}, round ${round}: ${what}`)
  }
}
