// Long synchronous work in turns: the one way in which anything here lets the event loop and interruption in. Work is cut
// by the clock and not by amounts, so that neither a slow machine nor an unlucky input holds the loop for long; and the
// clock is one for all fibers, because the scheduler runs all that are ready in one turn of the loop.
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** What all fibers together may take of one turn of the event loop, in milliseconds. */
const SHARE = 8

/** When this turn began to work, in milliseconds; `undefined`: it did not, or another turn has begun since. */
let began: number | undefined

const endTurn = (): void => {
  began = undefined
}

/** What is scheduled runs in the next turn, in order, before the fiber that is about to yield goes on. */
const isSpent = (fiber: Fiber.Fiber<unknown, unknown>): boolean => {
  const now = performance.now()
  if (began !== undefined) return now - began > SHARE
  began = now
  fiber.currentDispatcher.scheduleTask(endTurn, -1)
  return false
}

/** Lets the event loop in when this turn has had its share. To be called before a step of work, not after it. */
export const breathe: Effect.Effect<void> = Effect.withFiber((fiber) =>
  isSpent(fiber) ? Effect.yieldNow : Effect.void
)

/** Work that can rest wherever it yields; it yields about once in a fraction of a millisecond. */
export type Work<A> = Generator<void, A, void>

/** Does the work, and lets the event loop in wherever it can rest and this turn has had its share. */
export const inTurns = <A>(make: () => Work<A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const work = make()
    const go: Effect.Effect<A> = Effect.withFiber((fiber) => {
      for (;;) {
        const step = work.next()
        if (step.done === true) return Effect.succeed(step.value)
        if (isSpent(fiber)) return Effect.andThen(Effect.yieldNow, go)
      }
    })
    return go
  })

/** Does the work without rest: for little of it, and where there is no fiber. */
export const atOnce = <A>(work: Work<A>): A => {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** Small steps, each well below a microsecond, between two places where work rests. A power of two. */
const STEPS = 512

/** True for each STEPS-th number: where a loop over small steps rests. */
export const isRest = (i: number): boolean => (i & (STEPS - 1)) === STEPS - 1
