// The table of rooms: docs/design/architecture.md has it for people, test/tidy.test.ts holds the code to it.

export interface Room {
  readonly name: string
  readonly holds: RegExp
  /** The rooms below that it imports from. */
  readonly uses: ReadonlyArray<string>
}

// What every room needs and none owns: addresses, errors, what is known of a machine, the tags of services.
const vocabulary = /^src\/(AddressRange|MachineModel|MemoryMapError|Pattern|Decompressor|FileMapper|SearchKernel)\.ts$/

const below = ["base", "source", "map", "read"]
const formatRooms = ["elf", "kdump", "records"]
const images = [...below, "image", ...formatRooms]
const fronts = ["base", "source", "map", "read", "front"]

// The house, from the bottom up: which room imports from which. `import type` counts too, except of the public types
// that a room under internal/ implements.
export const rooms: ReadonlyArray<Room> = [
  { name: "vocabulary", holds: vocabulary, uses: ["base", "source", "pattern", "find", "front"] },
  { name: "base", holds: /^src\/internal\/base\//, uses: [] },
  { name: "source", holds: /^src\/internal\/source\//, uses: ["base", "front"] },
  { name: "map", holds: /^src\/internal\/map\//, uses: ["base", "source"] },
  { name: "read", holds: /^src\/internal\/read\//, uses: ["base", "source", "map", "front"] },
  { name: "pattern", holds: /^src\/internal\/pattern\//, uses: ["base"] },
  { name: "find", holds: /^src\/internal\/search\/(find|wasm)\//, uses: ["base", "pattern"] },
  { name: "drive", holds: /^src\/internal\/search\/drive\//, uses: ["base", "source", "map", "pattern", "find"] },
  { name: "layout", holds: /^src\/internal\/layout\//, uses: below },
  { name: "paging", holds: /^src\/internal\/paging\//, uses: below },
  {
    name: "guest",
    holds: /^src\/internal\/linux\//,
    uses: [...below, "pattern", "find", "drive", "layout", "paging", "image", "front"]
  },
  { name: "image", holds: /^src\/internal\/image\/\w+\.ts$/, uses: below },
  ...formatRooms.map((name) => ({
    name,
    holds: new RegExp(`^src/internal/image/${name}/`),
    uses: [...below, "image"]
  })),
  { name: "snapshot", holds: /^src\/internal\/snapshot\//, uses: [...below, "image"] },
  {
    name: "front",
    holds: /^src\/(ByteSource|Mapping|MemoryMap|MemoryReader|Layout|LayoutFile|PageTable|AddressSpace)\.ts$/,
    uses: [...below, "drive", "layout", "paging"]
  },
  { name: "formats", holds: /^src\/(image\/|ImageFormat\.ts$)/, uses: [...images, "front"] },
  { name: "files", holds: /^src\/(Snapshot|MemoryImage)\.ts$/, uses: [...below, "snapshot", "front", "formats"] },
  { name: "linux", holds: /^src\/linux\//, uses: [...fronts, "guest", "files", "formats"] },
  {
    name: "crew",
    holds: /^src\/internal\/fleet\//,
    uses: [...fronts, "pattern", "formats", "files", "linux", "fleet"]
  },
  { name: "fleet", holds: /^src\/fleet\//, uses: [...fronts, "files", "formats", "linux", "crew"] },
  { name: "render", holds: /^src\/render\//, uses: [...fronts, "layout", "files", "formats"] },
  { name: "node", holds: /^src\/node\//, uses: [...fronts, "find", "files"] },
  { name: "testing", holds: /^src\/testing\//, uses: [...fronts, "paging", "guest", "files", "formats"] },
  {
    name: "cli",
    holds: /^src\/(cli\/.*|bin\.ts)$/,
    uses: [...fronts, "pattern", "layout", "files", "formats", "linux", "fleet", "render", "node"]
  },
  { name: "index", holds: /^src\/index\.ts$/, uses: ["front", "formats", "files"] }
]
export const roomOf = (path: string): Room | undefined => rooms.find(({ holds }) => holds.test(path))
