// Searches as spans: one for each search that runs, named as the function that was called, with what is looked for.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { SearchOptions } from "../../../MemoryMap.ts"
import type { MemoryMapImpl } from "../../map/map.ts"

type Search<What, A> = (map: MemoryMapImpl, what: What, options?: SearchOptions) => A

/** What is looked for, as people write it, once the search runs. */
const told = <What>(show: (what: What) => string, what: What): Effect.Effect<void> =>
  Effect.suspend(() => Effect.annotateCurrentSpan("pattern", show(what)))

/** A search for the first match. */
export const first =
  <What, A, E>(name: string, show: (what: What) => string, search: Search<What, Effect.Effect<A, E>>) =>
  (map: MemoryMapImpl, what: What, options?: SearchOptions): Effect.Effect<A, E> =>
    Effect.withSpan(Effect.andThen(told(show, what), search(map, what, options)), `MemoryMap.${name}`)

/** A search for all matches: its span ends when the stream does. */
export const all =
  <What, A, E>(name: string, show: (what: What) => string, search: Search<What, Stream.Stream<A, E>>) =>
  (map: MemoryMapImpl, what: What, options?: SearchOptions): Stream.Stream<A, E> =>
    Stream.withSpan(Stream.unwrap(Effect.as(told(show, what), search(map, what, options))), `MemoryMap.${name}`)

/** What is listed without being looked for. */
export const listing =
  <Options, A, E>(name: string, list: (map: MemoryMapImpl, options: Options) => Stream.Stream<A, E>) =>
  (map: MemoryMapImpl, options: Options): Stream.Stream<A, E> =>
    Stream.withSpan(list(map, options), `MemoryMap.${name}`)
