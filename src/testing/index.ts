/**
 * What tests of memory maps need: the oracle, random histories, sources that fail, and the law that holds between a map
 * and the oracle. Files are `FileMapper.layerTest`.
 *
 * @since 0.1.0
 */
export * as FailingSource from "./FailingSource.ts"
export * as Guest from "./Guest.ts"
export * as History from "./History.ts"
export * as Laws from "./Laws.ts"
export * as NaiveMap from "./NaiveMap.ts"
export * as PageTables from "./PageTables.ts"
