/**
 * Sparse 64-bit memory maps for Effect: assemble an address space from files and bytes, read it, search it, save it.
 *
 * @since 0.1.0
 */
export * as AddressRange from "./AddressRange.ts"
export * as AddressSpace from "./AddressSpace.ts"
export * as ByteSource from "./ByteSource.ts"
export * as Decompressor from "./Decompressor.ts"
export * as FileMapper from "./FileMapper.ts"
export * as ImageFormat from "./ImageFormat.ts"
export * as Layout from "./Layout.ts"
export * as LayoutFile from "./LayoutFile.ts"
export * as MachineModel from "./MachineModel.ts"
export * as Mapping from "./Mapping.ts"
export * as MemoryImage from "./MemoryImage.ts"
export * as MemoryMap from "./MemoryMap.ts"
export * as MemoryMapError from "./MemoryMapError.ts"
export * as MemoryReader from "./MemoryReader.ts"
export * as PageTable from "./PageTable.ts"
export * as Pattern from "./Pattern.ts"
export * as SearchKernel from "./SearchKernel.ts"
export * as Snapshot from "./Snapshot.ts"
