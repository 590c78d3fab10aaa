// How large a file will be, said before it is written, and refused when most of it would be made up.
import * as Effect from "effect/Effect"
import { sizeText } from "../internal/base/numbers.ts"
import { isZeros } from "../internal/source/source.ts"
import * as MemoryMap from "../MemoryMap.ts"
import { Refused } from "./errors.ts"
import { Output } from "./output.ts"

/** Bytes that no image holds (zeros that a program header promises, holes that are filled) and that are written unasked. */
const MOST_MADE_UP = 64n << 30n

/** Made-up bytes that are worth a word. */
const LEAST_TOLD = 1n << 20n

/** Mapped bytes that are known to be zero because they come from nowhere. */
const zerosOf = (map: MemoryMap.Any): bigint => {
  let zeros = 0n
  for (const { mapping, range } of MemoryMap.segments(map)) {
    if (isZeros(mapping.source)) zeros += range.end - range.start
  }
  return zeros
}

/** Says how many bytes `out` will have, and how many of them are made up; too many of those want `--huge`. */
export const announce = Effect.fnUntraced(function* (
  map: MemoryMap.Mapped,
  out: string,
  length: bigint,
  huge: boolean
) {
  const memory = MemoryMap.mappedSize(map)
  const zeros = zerosOf(map)
  const filled = length > memory ? length - memory : 0n
  const parts = [
    ...(zeros > 0n ? [`${sizeText(zeros)} of zeros that no file holds`] : []),
    ...(filled > 0n ? [`${sizeText(filled)} of filled holes`] : [])
  ]
  if (zeros + filled > MOST_MADE_UP && !huge) {
    return yield* new Refused({
      message: `${out} would be ${sizeText(length)} long, with ${parts.join(" and ")}`,
      details: [
        ["try", "--range A..B for a part of it, --to snapshot, which fills no holes, or --huge to write it all"]
      ]
    })
  }
  const output = yield* Output
  if (zeros + filled >= LEAST_TOLD) yield* output.note(`writing ${sizeText(length)}, ${parts.join(" and ")}`)
})
