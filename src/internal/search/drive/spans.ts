// Searches as spans: one for each search that runs, named as the function that was called, with what is looked for, how many
// bytes the map has, and how many hits there were.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { SearchOptions } from "../../../MemoryMap.ts"
import type { MemoryMapImpl } from "../../map/map.ts"

type Search<What, A> = (map: MemoryMapImpl, what: What, options?: SearchOptions) => A

/** What is looked for is told as people write it, once the search runs. */
const told = <What>(map: MemoryMapImpl, show: (what: What) => string, what: What): Effect.Effect<void> =>
  Effect.suspend(() => Effect.annotateCurrentSpan({ pattern: show(what), bytes: map.mappedSize, hits: 0 }))

/** A search for the first match. */
export const first =
  <What, A, E>(name: string, show: (what: What) => string, search: Search<What, Effect.Effect<Option.Option<A>, E>>) =>
  (map: MemoryMapImpl, what: What, options?: SearchOptions): Effect.Effect<Option.Option<A>, E> =>
    told(map, show, what).pipe(
      Effect.andThen(search(map, what, options)),
      Effect.tap((found) => (Option.isSome(found) ? Effect.annotateCurrentSpan("hits", 1) : Effect.void)),
      Effect.withSpan(`MemoryMap.${name}`)
    )

/** Counts what comes, chunk by chunk: a stream that is not asked to go on has told how far it got. */
const counted = <A, E>(found: Stream.Stream<A, E>): Stream.Stream<A, E> =>
  Stream.suspend(() => {
    let hits = 0
    return Stream.mapArrayEffect(found, (some) => {
      hits += some.length
      return Effect.as(Effect.annotateCurrentSpan("hits", hits), some)
    })
  })

/** A search for all matches: its span ends when the stream does. */
export const all =
  <What, A, E>(name: string, show: (what: What) => string, search: Search<What, Stream.Stream<A, E>>) =>
  (map: MemoryMapImpl, what: What, options?: SearchOptions): Stream.Stream<A, E> =>
    Stream.withSpan(
      Stream.unwrap(Effect.as(told(map, show, what), counted(search(map, what, options)))),
      `MemoryMap.${name}`
    )

/** What is listed without being looked for. */
export const listing =
  <Options, A, E>(name: string, list: (map: MemoryMapImpl, options: Options) => Stream.Stream<A, E>) =>
  (map: MemoryMapImpl, options: Options): Stream.Stream<A, E> =>
    Stream.withSpan(counted(list(map, options)), `MemoryMap.${name}`)
