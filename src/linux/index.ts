/**
 * A guest's Linux, read out of its memory without debug information.
 *
 * @since 0.1.0
 */
export * as Btf from "./Btf.ts"
export * as LinuxKernel from "./LinuxKernel.ts"
export * as Symbols from "./Symbols.ts"
export * as VmcoreInfo from "./VmcoreInfo.ts"
