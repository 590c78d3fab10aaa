// What a map, and the images it comes from, say, and what the format they are converted to has no place for.
import type { MemoryImage } from "../MemoryImage.ts"
import * as MemoryMap from "../MemoryMap.ts"

/** The formats that an image can be converted to. */
export const targets = ["snapshot", "raw", "lime", "ihex", "srec", "uf2"] as const
export type Target = (typeof targets)[number]

/** `machine` is what the map says of its machine. */
export const losses = (
  map: MemoryMap.Mapped,
  machine: { readonly wordSize: unknown; readonly endian: unknown },
  target: Target,
  images: ReadonlyArray<MemoryImage>
): ReadonlyArray<string> => {
  const lost = new Set<string>(target === "snapshot" ? [] : ofMap(map, machine))
  if (target === "raw") lost.add("addresses")
  for (const image of images) for (const fact of ofImage(image, target, images.length === 1)) lost.add(fact)
  return [...lost]
}

function* ofMap(map: MemoryMap.Mapped, machine: { readonly wordSize: unknown; readonly endian: unknown }) {
  yield "names"
  for (const { permissions } of MemoryMap.mappings(map)) {
    if (permissions === undefined) continue
    yield "permissions"
    break
  }
  for (const { reason } of MemoryMap.holes(map)) {
    if (reason === undefined) continue
    yield "the reasons of holes"
    break
  }
  if (machine.wordSize !== undefined) yield "the word size"
  if (machine.endian !== undefined) yield "the byte order"
}

/** Facts of an only image are kept by the formats that have a place for them. */
const ofImage = (image: MemoryImage, target: Target, isOnly: boolean): ReadonlyArray<string> => {
  const kept = (...targets: ReadonlyArray<Target>) => isOnly && targets.includes(target)
  switch (image.format) {
    case "elf":
      return [...(image.notes.length > 0 ? ["notes"] : []), ...(image.entry === 0n ? [] : ["the entry point"])]
    case "kdump":
      return ["what the dump says of its kernel"]
    case "ihex": {
      const isKept = kept("ihex") || (image.start?._tag === "Linear" && kept("srec"))
      return image.start === undefined || isKept ? [] : ["the start address"]
    }
    case "srec":
      return [
        ...(image.start === 0n || kept("ihex", "srec") ? [] : ["the start address"]),
        ...((image.header ?? "") === "" || kept("srec") ? [] : ["the header"])
      ]
    case "uf2":
      return image.families.length === 0 || kept("uf2") ? [] : ["the family of the chip"]
    case "lime":
    case "raw":
    case "snapshot":
      return []
  }
}
