// Damaged files of each format: each opens as something, or is refused with an error that says why; none ends in a defect,
// takes long, or gives bytes of a snapshot that are not those that were saved.
import { Cause, Effect, Exit, Stream } from "effect"
import * as Bytes from "effect/Bytes"
import * as ByteSource from "../../src/ByteSource.ts"
import * as IntelHex from "../../src/image/IntelHex.ts"
import * as Lime from "../../src/image/Lime.ts"
import * as SRecord from "../../src/image/SRecord.ts"
import * as Uf2 from "../../src/image/Uf2.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Snapshot from "../../src/Snapshot.ts"
import { buildElf } from "../support/elfBuilder.ts"
import { dump, flatten } from "../support/kdumpBuilder.ts"
import { Broken, type Counts, type Dice, dice } from "./dice.ts"

/** Milliseconds that opening and reading one damaged file may take: none of them has more than 64 KiB. */
const PATIENCE = 5000

const page = (value: number) => ({ bytes: new Uint8Array(4096).fill(value) })

const whole = Effect.gen(function* () {
  const map = yield* MemoryMap.addAll(MemoryMap.empty, [
    { source: ByteSource.fromBytes(Uint8Array.from({ length: 700 }, (_, i) => i & 0xff)), address: 0x1000n },
    { source: ByteSource.fromBytes(new Uint8Array(300).fill(9)), address: 0x2_0000n }
  ])
  const file = <E>(stream: Stream.Stream<Uint8Array, E>) => Effect.map(Stream.runCollect(stream), Bytes.concat)
  const kdump = dump({ wordSize: 64, endian: "little", frames: 20, pages: { 2: page(7), 9: page(8), 10: "excluded" } })
  return {
    snapshot: yield* file(Snapshot.toStream(map)),
    elf: buildElf({
      segments: [
        { virtual: 0x1000n, bytes: new Uint8Array(256).fill(1), memorySize: 512n },
        { virtual: 0x1100n, bytes: new Uint8Array(256).fill(2) }
      ]
    }),
    kdump,
    flattened: flatten(kdump, 1000, (offsets) => offsets.toReversed()),
    lime: yield* file(Lime.write(map)),
    uf2: yield* file(Uf2.write(map, { fill: 0 })),
    ihex: yield* file(IntelHex.write(map)),
    srec: yield* file(SRecord.write(map))
  }
})

const extremes = [0, 1, 0x7f, 0xff]

/** A copy with one kind of damage. */
const damaged = (file: Uint8Array, { below, bytes, pick }: Dice): Uint8Array => {
  const copy = new Uint8Array(file)
  const at = below(below(3) === 0 ? Math.min(512, file.length) : file.length)
  switch (below(6)) {
    case 0:
      copy[at]! ^= 1 << below(8)
      return copy
    case 1:
      return copy.subarray(0, at)
    case 2: // a field of a header at its limits
      copy.fill(pick(extremes), at, at + pick([1, 2, 4, 8]))
      return copy
    case 3:
      copy.set(bytes(Math.min(16, copy.length - at)), at)
      return copy
    case 4: // a part twice, or moved
      copy.copyWithin(below(copy.length), at, at + below(200))
      return copy
    default:
      return Bytes.concat([copy.subarray(0, at), bytes(1 + below(20)), copy.subarray(at)])
  }
}

/** Opens it, and looks at some of it. */
const use = (file: Uint8Array) =>
  Effect.gen(function* () {
    const { map } = yield* MemoryImage.fromSource(ByteSource.fromBytes(file, { name: "damaged" }))
    let left = 16
    for (const { start, end } of MemoryMap.runs(map)) {
      if (left-- === 0) break
      yield* Effect.ignore(MemoryMap.getBytes(map, start, Number(end - start < 4096n ? end - start : 4096n)))
    }
    yield* MemoryMap.getSparse(map, { start: 0n, end: 1n << 64n }, { limit: 1 << 20 })
    return yield* MemoryMap.find(map, new Uint8Array([9, 9, 9]))
  })

const typed = new Set(["ImageError", "SourceError", "TooLarge", "UnmappedAddress"])

export const damage = Effect.fnUntraced(function* (seed: number, rounds: number) {
  const chance = dice(seed)
  const files = yield* whole
  const names = Object.keys(files) as Array<keyof typeof files>
  let [opened, refused] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const name = names[round % names.length]!
    let file = files[name]
    for (let i = 0; i <= chance.below(3); i++) file = damaged(file, chance)
    const start = performance.now()
    const exit = yield* Effect.exit(use(file))
    const took = performance.now() - start
    if (took > PATIENCE) throw new Broken("damage", seed, round, `${name} took ${took.toFixed(0)} ms`)
    if (Exit.isSuccess(exit)) opened++
    else {
      const error = Cause.findErrorOption(exit.cause)
      if (error._tag === "None" || !typed.has(error.value._tag)) {
        throw new Broken("damage", seed, round, `${name}: ${Cause.pretty(exit.cause)}`)
      }
      refused++
    }
  }
  return { "damaged files": rounds, opened, refused } satisfies Counts
})

/** Every bit of a snapshot, or as many as there are rounds: none is flipped unnoticed. */
export const flips = Effect.fnUntraced(function* (seed: number, rounds: number) {
  const chance = dice(seed)
  const file = (yield* whole).snapshot
  const all = file.length * 8
  let done = 0
  for (; done < Math.min(rounds, all); done++) {
    const bit = rounds >= all ? done : chance.below(all)
    const copy = new Uint8Array(file)
    copy[bit >> 3]! ^= 1 << (bit & 7)
    const exit = yield* Effect.exit(Snapshot.fromStream(Stream.succeed(copy), { limit: copy.length }))
    if (Exit.isSuccess(exit)) throw new Broken("flips", seed, done, `bit ${bit} was flipped unnoticed`)
  }
  return { "flipped bits": done } satisfies Counts
})
