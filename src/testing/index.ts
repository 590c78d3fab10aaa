/**
 * What tests of memory maps need: the oracle.
 *
 * @since 0.1.0
 */
export * as NaiveMap from "./NaiveMap.ts"
