// A progress bar on stderr, for work that takes longer than half a second.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { sizeText } from "../internal/base/numbers.ts"
import { Output } from "./output.ts"

const PATIENCE = 500
const INTERVAL = 100
const WIDTH = 24

const timeText = (milliseconds: number): string => {
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** How far, how fast, how long still. */
export const barText = (label: string, done: bigint, total: bigint, elapsed: number): string => {
  const share = total === 0n ? 1 : Math.min(1, Number((done * 10_000n) / total) / 10_000)
  const bar = "#".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, ".")
  const rate = sizeText(BigInt(Math.round(Number(done) / Math.max(elapsed / 1000, 0.001))))
  const left = share > 0.01 ? `, ${timeText((elapsed * (1 - share)) / share)} left` : ""
  return `${label} [${bar}] ${Math.floor(share * 100)}%  ${sizeText(done)} of ${sizeText(total)}, ${rate}/s${left}`
}

/** Takes how far the work has come, as often as it likes to be told. However the work ends, the bar goes away. */
export const make = Effect.fnUntraced(function* (label: string) {
  const output = yield* Output
  const start = yield* Clock.currentTimeMillis
  let next = start + PATIENCE
  yield* Effect.addFinalizer(() => output.status(""))
  return {
    update: (done: bigint, total: bigint): Effect.Effect<void> =>
      output.animated
        ? Effect.flatMap(Clock.currentTimeMillis, (now) => {
            if (now < next) return Effect.void
            next = now + INTERVAL
            return output.status(barText(label, done, total, now - start))
          })
        : Effect.void,
    elapsed: Effect.map(Clock.currentTimeMillis, (now) => now - start)
  }
})
