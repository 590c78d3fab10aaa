/**
 * What needs Node: files through mmap(2), searches through the C library.
 *
 * @since 0.1.0
 */
export * as NodeDecompressor from "./NodeDecompressor.ts"
export * as NodeFileMapper from "./NodeFileMapper.ts"
export * as NodeMemoryMap from "./NodeMemoryMap.ts"
export * as NodeSearchKernel from "./NodeSearchKernel.ts"
export * as NodeSqlite from "./NodeSqlite.ts"
