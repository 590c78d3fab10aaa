// The searches of MemoryMap.
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { full } from "../../../AddressRange.ts"
import type { Match, SearchError, SearchOptions } from "../../../MemoryMap.ts"
import type { InvalidPattern } from "../../../MemoryMapError.ts"
import type { Input } from "../../../Pattern.ts"
import { type SearchKernel, typescript } from "../../../SearchKernel.ts"
import type { MemoryMapImpl } from "../../map/map.ts"
import { make as makePattern } from "../../pattern/pattern.ts"
import { checkCount, checkRange } from "../../base/arguments.ts"
import { provided } from "../../source/brought.ts"
import { wordSizeOf } from "../../map/machine.ts"
import { compile, type Leaf } from "../../pattern/compile.ts"
import { mappingOf, piecesIn } from "../../map/pieces.ts"
import { Hits, type Searcher } from "../find/hits.ts"
import { searcherOf } from "../find/searcher.ts"
import type { Loaded } from "./load.ts"
import { piecesOf, sizeOf } from "./pieces.ts"
import { type BlockSearcher, type Plan, type PreparedKernel, scan } from "./scan.ts"
import { BlockSizes } from "./sizes.ts"
import { ALIGNED_LEAST, ALIGNED_MOST } from "../find/words.ts"

const MAX_ALIGNMENT = 2 ** 48

const checkAlignment = (alignment: number): void =>
  checkCount("MemoryMap.find", "the alignment in bytes", alignment, 1, MAX_ALIGNMENT)

/** Whether a match can be made of zeros alone; if so, one of zeros is as long as a match may be. */
const matchesZeros = (searcher: Searcher): boolean => {
  const hits = new Hits(1, false)
  searcher.search(new Uint8Array(searcher.reach), 0, 1, 0, hits)
  return hits.offsets.length > 0
}

/** Blocks are larger by this factor where a kernel looks at them: handing one over costs some 20 microseconds. */
const KERNEL_BLOCKS = 2

/** Hits in one chunk of the stream, at most; more for long needles, which are begun anew with each chunk. */
const MAX_CHUNK = 4096

/** A searcher of blocks that has `collect` make hits of what is found in a block at an address. */
const blockSearcherOf = <A>(
  searcher: Searcher,
  alignment: number,
  wantLengths: boolean,
  collect: (hits: Hits, address: bigint) => ReadonlyArray<A>
): BlockSearcher<A> => {
  const phaseOf = ({ address }: Loaded) => (alignment === 1 ? 0 : Number(address % BigInt(alignment)))
  return {
    get step() {
      return searcher.step
    },
    search: (block, from, to) => {
      const hits = new Hits(Math.max(MAX_CHUNK, searcher.reach >> 4), wantLengths)
      const next = searcher.search(block.bytes, from, to, phaseOf(block), hits)
      return { hits: hits.offsets.length === 0 ? [] : collect(hits, block.address), next }
    },
    hitsAt: (block, offsets) => {
      const hits = new Hits(Infinity, wantLengths)
      const phase = phaseOf(block)
      for (const offset of offsets) if ((phase + offset) % alignment === 0) hits.push(offset, 0, searcher.reach)
      return collect(hits, block.address)
    },
    end: () => []
  }
}

interface Request<A> {
  readonly map: MemoryMapImpl
  readonly pattern: Input
  readonly options: SearchOptions | undefined
  readonly wantLengths: boolean
  readonly collect: (hits: Hits, address: bigint, leaves: ReadonlyArray<Leaf>) => ReadonlyArray<A>
}

const plan = Effect.fnUntraced(function* <A>(request: Request<A>): Effect.fn.Return<Plan<A>, InvalidPattern> {
  const { collect, map, options = {}, pattern, wantLengths } = request
  const { alignment = 1, onProgress } = options
  checkAlignment(alignment)
  const leaves = yield* Effect.fromResult(compile(pattern, map))
  const searcher = searcherOf(leaves, alignment)
  const service = (yield* provided).kernel ?? map.kernel ?? typescript
  const kernel = service === typescript ? undefined : prepared(service, leaves, alignment)
  const { block, gather } = yield* BlockSizes
  const range = options.range ?? full
  checkRange("find", range)
  const pieces = piecesOf(map, range.start, range.end)
  const total = onProgress === undefined ? 0n : yield* sizeOf(pieces)
  return {
    pieces,
    sizes: {
      reach: searcher.reach,
      block: kernel === undefined ? block : KERNEL_BLOCKS * block,
      read: block,
      gather,
      skipsZeros: !matchesZeros(searcher)
    },
    searcher: blockSearcherOf(searcher, alignment, wantLengths, (hits, address) => collect(hits, address, leaves)),
    kernel,
    progress: onProgress === undefined ? undefined : (searched) => onProgress({ searched, total })
  }
})

/** The kernel for one needle of plain bytes, unless that is looked for by aligned words: typed arrays are as fast. */
const prepared = (kernel: SearchKernel, leaves: ReadonlyArray<Leaf>, alignment: number): PreparedKernel | undefined => {
  const form = leaves[0]?.form
  if (leaves.length !== 1 || form?._tag !== "Exact" || form.fold) return undefined
  const { bytes } = form
  if (alignment % 4 === 0 && bytes.length >= ALIGNED_LEAST && bytes.length <= ALIGNED_MOST) return undefined
  return { find: kernel.prepare(bytes), concurrency: kernel.concurrency, length: bytes.length }
}

const run = <A>(request: Request<A>): Stream.Stream<A, SearchError> =>
  Stream.unwrap(Effect.map(plan(request), (plan) => scan(plan)))

/** Several leaves may match at one address, which is given once. */
const addresses = ({ offsets }: Hits, address: bigint): ReadonlyArray<bigint> => {
  const found: Array<bigint> = []
  let last = -1
  for (const offset of offsets) {
    if (offset !== last) found.push(address + BigInt(offset))
    last = offset
  }
  return found
}

export const findAll = (
  map: MemoryMapImpl,
  pattern: Input,
  options: SearchOptions | undefined
): Stream.Stream<bigint, SearchError> => run({ map, pattern, options, wantLengths: false, collect: addresses })

export const find = (
  map: MemoryMapImpl,
  pattern: Input,
  options: SearchOptions | undefined
): Effect.Effect<Option.Option<bigint>, SearchError> => Stream.runHead(findAll(map, pattern, options))

/** The bytes of a match, mapping by mapping. */
const originsOf = (map: MemoryMapImpl, address: bigint, length: number): Match["origins"] => {
  const end = address + BigInt(length)
  const whole = map.at(address)
  if (whole !== undefined && end <= whole.end) {
    const mapping = mappingOf(whole)
    return [{ mapping, offset: address - mapping.start, length }]
  }
  return Array.from(piecesIn(map, address, end), (piece) => {
    const mapping = mappingOf(piece)
    const from = piece.start > address ? piece.start : address
    const to = piece.end < end ? piece.end : end
    return { mapping, offset: from - mapping.start, length: Number(to - from) }
  })
}

export const findMatches = (
  map: MemoryMapImpl,
  pattern: Input,
  options: SearchOptions | undefined
): Stream.Stream<Match, SearchError> =>
  run({
    map,
    pattern,
    options,
    wantLengths: true,
    collect: ({ lengths, offsets, which }, base, leaves) =>
      offsets.map((offset, i) => {
        const address = base + BigInt(offset)
        const length = lengths[i]!
        return { address, length, pattern: leaves[which[i]!]!.pattern, origins: originsOf(map, address, length) }
      })
  })

/** On word boundaries; an alignment that was asked for holds as well. */
const onWords = (map: MemoryMapImpl, options: SearchOptions | undefined): SearchOptions => {
  const word = wordSizeOf(map, "findAligned") / 8
  const asked = options?.alignment ?? 1
  checkAlignment(asked)
  return { ...options, alignment: asked % word === 0 ? asked : leastCommon(asked, word) }
}

const leastCommon = (a: number, b: number): number => {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return (a / x) * b
}

export const findAligned: typeof find = (map, pattern, options) =>
  Effect.suspend(() => find(map, pattern, onWords(map, options)))

export const findAllAligned: typeof findAll = (map, pattern, options) =>
  Stream.suspend(() => findAll(map, pattern, onWords(map, options)))

const pointer = (address: bigint) => makePattern({ _tag: "Word", value: address })

export const findPointer = (map: MemoryMapImpl, address: bigint, options: SearchOptions | undefined) =>
  findAligned(map, pointer(address), options)

export const findAllPointers = (map: MemoryMapImpl, address: bigint, options: SearchOptions | undefined) =>
  findAllAligned(map, pointer(address), options)
