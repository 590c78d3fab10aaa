// What a search says at its end: how much it found, in how much, and what it did not look at.
import * as Effect from "effect/Effect"
import * as AddressRange from "../AddressRange.ts"
import { hex, sizeText } from "../internal/base/numbers.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { Output } from "./output.ts"
import * as Progress from "./progress.ts"

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`

const timeText = (milliseconds: number): string =>
  milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`

/** Holes of a range: how many, how large, and how much of them for a known reason. */
const holesIn = (map: MemoryMap.Any, range: AddressRange.AddressRange) => {
  let count = 0
  let size = 0n
  const reasons = new Map<string, bigint>()
  for (const hole of MemoryMap.holes(map, { range })) {
    const bytes = hole.range.end - hole.range.start
    count++
    size += bytes
    if (hole.reason !== undefined) reasons.set(hole.reason, (reasons.get(hole.reason) ?? 0n) + bytes)
  }
  return { count, size, reasons }
}

const where = (done: bigint, total: bigint, isComplete: boolean): string => {
  if (isComplete) return `in ${sizeText(total)}`
  return done === 0n ? `so far, of ${sizeText(total)}` : `in the first ${sizeText(done)} of ${sizeText(total)}`
}

/**
 * Keeps the account of a search. `search` runs it and ends with its receipt, also when it is interrupted: what was found
 * so far has been printed by then.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly map: MemoryMap.Mapped
  readonly range: AddressRange.AddressRange
  readonly limit: number | undefined
  readonly stats: boolean
  readonly noun: readonly [one: string, more: string]
}) {
  const { limit, map, noun, range } = options
  const output = yield* Output
  const progress = yield* Progress.make("searching")
  const total = MemoryMap.coverage(map, { range }).mapped
  let found = 0
  let next = range.start
  let searched = 0n

  const tell = Effect.fnUntraced(function* (ending: "complete" | "limit" | "interrupted" | "failed") {
    const elapsed = yield* progress.elapsed
    // Blocks are announced when they are done; what was found in the current one was searched too.
    const reached = MemoryMap.coverage(map, { range: { start: range.start, end: next } }).mapped
    const done = ending === "complete" ? total : reached > searched ? reached : searched
    const holes = holesIn(map, range)
    if (output.json) {
      yield* output.lines([
        {
          json: {
            type: "summary",
            found: BigInt(found),
            searched: done,
            mapped: total,
            holes: holes.size,
            complete: ending === "complete",
            milliseconds: elapsed
          }
        }
      ])
      return
    }
    const what = many(found, ...noun)
    const inWhat =
      total === 0n
        ? `: nothing is mapped in ${AddressRange.format(range)}`
        : ` ${where(done, total, ending === "complete")}`
    const passed = holes.count === 0 || total === 0n ? "" : `, ${many(holes.count, "hole", "holes")} passed over`
    const why = {
      complete: "",
      limit: `; stopped at --limit ${limit}`,
      interrupted: "; interrupted",
      failed: "; not finished"
    }
    yield* output.note(`${what}${inWhat}${passed}, ${timeText(elapsed)}${why[ending]}`)
    if (ending === "limit" || ending === "interrupted") {
      if (found > 0) yield* output.note(`  go on with --range ${hex(next)}..${hex(range.end)}`)
    }
    if (!options.stats) return
    const rate = elapsed === 0 ? "" : `, ${sizeText((done * 1000n) / BigInt(elapsed))}/s`
    yield* output.note(`  searched  ${done} bytes${rate}`)
    yield* output.note(`  holes     ${holes.size} bytes in ${holes.count}`)
    for (const [reason, size] of holes.reasons) yield* output.note(`  absent    ${size} bytes: ${reason}`)
  })

  return {
    onProgress: ({ searched: done, total: all }: MemoryMap.SearchProgress): Effect.Effect<void> => {
      searched = done
      return progress.update(done, all)
    },
    /** Counts what was found, and notes where a search for more would begin. */
    count: (more: number, from: bigint): void => {
      found += more
      next = from
    },
    found: () => found,
    search: <A, E extends { readonly _tag: string }, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      work.pipe(
        Effect.onInterrupt(() => Effect.ignore(tell("interrupted"))),
        // A pattern that cannot be searched for was refused before the search; who closed the pipe wants no more words.
        Effect.tapError(({ _tag }) =>
          _tag === "InvalidPattern" || _tag === "ClosedPipe" ? Effect.void : Effect.ignore(tell("failed"))
        ),
        Effect.tap(() => Effect.ignore(tell(limit !== undefined && found >= limit ? "limit" : "complete")))
      )
  }
})
