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
import type { Block, Piece } from "./blocks.ts"
import { Hits, type Matcher } from "../find/hits.ts"
import { matcherOf } from "../find/matcher.ts"
import { type Looker, type Native, type Plan, scan } from "./scan.ts"
import { BlockSizes } from "./sizes.ts"
import { ALIGNED_LEAST, ALIGNED_MOST } from "../find/words.ts"

const MAX_ALIGNMENT = 2 ** 48

const checkAlignment = (alignment: number): void =>
  checkCount("MemoryMap.find", "the alignment in bytes", alignment, 1, MAX_ALIGNMENT)

/** The visible parts of mappings in `[start, end)`. */
export const piecesOf = (map: MemoryMapImpl, start: bigint, end: bigint): Iterable<Piece> => ({
  *[Symbol.iterator]() {
    for (const piece of piecesIn(map, start, end)) {
      const { source, start: origin } = mappingOf(piece)
      yield {
        start: piece.start > start ? piece.start : start,
        end: piece.end < end ? piece.end : end,
        source,
        origin
      }
    }
  }
})

/** Adds up bytes without holding the event loop. */
const sizeOf = (pieces: Iterable<Piece>): Effect.Effect<bigint> =>
  Effect.suspend(() => {
    const iterator = pieces[Symbol.iterator]()
    let total = 0n
    const go: Effect.Effect<bigint> = Effect.suspend(() => {
      for (let i = 0; i < 4096; i++) {
        const next = iterator.next()
        if (next.done === true) return Effect.succeed(total)
        total += next.value.end - next.value.start
      }
      return Effect.andThen(Effect.yieldNow, go)
    })
    return go
  })

/** Whether a match can be made of zeros alone; then it can be no longer than it may be at all. */
const matchesZeros = (matcher: Matcher): boolean => {
  const hits = new Hits(1, false)
  matcher.scan(new Uint8Array(matcher.reach), 0, 1, 0, hits)
  return hits.offsets.length > 0
}

/** A kernel is given blocks that are larger by this factor: handing them over takes its time, too. */
const NATIVE = 2

/** Hits for one chunk, at most; more for long needles, which are begun anew with each chunk. */
const CHUNK = 4096

/** Has `matcher` look, and makes `collect` of its hits in a block at an address. */
const lookerOf = <A>(
  matcher: Matcher,
  alignment: number,
  wantLengths: boolean,
  collect: (hits: Hits, address: bigint) => ReadonlyArray<A>
): Looker<A> => {
  const phaseOf = ({ address }: Block) => (alignment === 1 ? 0 : Number(address % BigInt(alignment)))
  return {
    get step() {
      return matcher.step
    },
    look: (block, from, to) => {
      const hits = new Hits(Math.max(CHUNK, matcher.reach >> 4), wantLengths)
      const next = matcher.scan(block.bytes, from, to, phaseOf(block), hits)
      return { found: hits.offsets.length === 0 ? [] : collect(hits, block.address), next }
    },
    known: (block, offsets) => {
      const hits = new Hits(Infinity, wantLengths)
      const phase = phaseOf(block)
      for (const offset of offsets) if ((phase + offset) % alignment === 0) hits.push(offset, 0, matcher.reach)
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
  const matcher = matcherOf(leaves, alignment)
  const kernel = (yield* provided).kernel ?? map.kernel ?? typescript
  const native = kernel === typescript ? undefined : nativeOf(kernel, leaves, alignment)
  const { block, gather } = yield* BlockSizes
  const range = options.range ?? full
  checkRange("find", range)
  const pieces = piecesOf(map, range.start, range.end)
  const total = onProgress === undefined ? 0n : yield* sizeOf(pieces)
  return {
    pieces,
    sizes: {
      reach: matcher.reach,
      block: native === undefined ? block : NATIVE * block,
      read: block,
      gather,
      skipsZeros: !matchesZeros(matcher)
    },
    looker: lookerOf(matcher, alignment, wantLengths, (hits, address) => collect(hits, address, leaves)),
    native,
    progress: onProgress === undefined ? undefined : (searched) => onProgress({ searched, total })
  }
})

/** A kernel is for one needle, unless that is looked for by words, where typed arrays are as fast. */
const nativeOf = (kernel: SearchKernel, leaves: ReadonlyArray<Leaf>, alignment: number): Native | undefined => {
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
