// From leaves to something that looks for all of them in a block.
import { fastPaths } from "../../base/fastPaths.ts"
import type { Exact, Leaf } from "../../pattern/compile.ts"
import { ahoCorasick, type ManySearcher } from "./ahoCorasick.ts"
import { exactSearcher, maskedSearcher } from "./needleSearcher.ts"
import { Hits, type Searcher, type NeedleSearcher } from "./hits.ts"
import { foldedNeedle, lowerCase, type Needle, sameCase } from "./needle.ts"
import { regexSearcher } from "./regex.ts"
import { canSample, Sampler } from "./sampler.ts"
import { ALIGNED_LEAST, ALIGNED_MOST, alignedExact, wordRange } from "./words.ts"

const STEP = 1 << 19

/** Several searchers look at a block in turn, so it should stay in the cache. */
const SHARED_STEP = 1 << 18
const LEAST_STEP = 1 << 12
const FIRST_STEP = 1 << 10

/** Matches found in one go, about: where there are more, less memory is looked at in one go. */
const MAX_HITS = 1 << 15

/** Longer needles are looked for one by one: an automaton of them would be large. */
const MAX_SHARED = 4096

/** So many needles that cannot be sampled are looked for one by one; more share an automaton. */
const FEW = 4

/** Matches of one length, found by a search. */
const fromNeedleSearcher = (search: NeedleSearcher, length: number, alignment: number, step = STEP): Searcher => ({
  reach: length,
  step,
  search: (bytes, from, to, phase, out) => {
    const end = Math.min(to, bytes.length - length + 1)
    const offsets: Array<number> = []
    let at = from
    while (at < end) {
      at = search(bytes, at, end, offsets, out.limit - out.offsets.length)
      for (const offset of offsets) if ((phase + offset) % alignment === 0) out.push(offset, 0, length)
      if (out.full) return at
      offsets.length = 0
    }
    return to
  }
})

/** Above some 32 bytes a mask is looked for in several operations a byte, should it come to that. */
const maskedStep = (length: number): number =>
  Math.max(LEAST_STEP, STEP >> Math.max(0, Math.ceil(Math.log2(length / 32))))

/** One leaf. */
const single = ({ form }: Leaf, alignment: number): Searcher => {
  switch (form._tag) {
    case "Exact": {
      const { bytes, fold } = form
      const anywhere = fromNeedleSearcher(exactSearcher(bytes, fold), bytes.length, alignment)
      const takes = alignment % 4 === 0 && bytes.length >= ALIGNED_LEAST && bytes.length <= ALIGNED_MOST
      return takes && !fold && fastPaths.quickSearch ? alignedExact(bytes, alignment, anywhere) : anywhere
    }
    case "Masked":
      return fromNeedleSearcher(maskedSearcher(form), form.bytes.length, alignment, maskedStep(form.bytes.length))
    case "WordRange":
      return wordRange(form, alignment)
    case "Regex":
      return regexSearcher(form, alignment)
  }
}

interface Numbered {
  readonly form: Exact
  readonly which: number
}

/** Puts matches in order: by offset, then by leaf. */
const inOrder = (offsets: ReadonlyArray<number>, which: ReadonlyArray<number>): Array<number> =>
  Array.from(offsets.keys()).sort((a, b) => offsets[a]! - offsets[b]! || which[a]! - which[b]!)

/** Needles of one kind, exact or folded, in one pass: by sampling as long as that pays, then by automaton. */
const sharedPass = (leaves: ReadonlyArray<Numbered>, fold: boolean, isSampled: boolean): ManySearcher => {
  const ids = leaves.map(({ which }) => which)
  const bytes = leaves.map(({ form }) => form.bytes)
  let automaton: ManySearcher | undefined
  const slow: ManySearcher = (...args) => (automaton ??= ahoCorasick(bytes, ids, fold ? lowerCase : sameCase))(...args)
  if (!isSampled) return slow
  const needles: ReadonlyArray<Needle> = bytes.map((b) => (fold ? foldedNeedle(b) : { bytes: b, mask: undefined }))
  const sampler = new Sampler(needles, fold)
  const lengths = bytes.map(({ length }) => length)
  return (block, from, to, offsets, which, limit) => {
    const starts: Array<number> = []
    const indexes: Array<number> = []
    const at = sampler.scan(block, from, to, starts, limit, indexes)
    if (at < 0) return false
    starts.forEach((start, i) => {
      const index = indexes[i]!
      if (start >= at || start + lengths[index]! > block.length) return
      offsets.push(start)
      which.push(ids[index]!)
    })
    return at >= to || slow(block, at, to, offsets, which, limit)
  }
}

const several = (leaves: ReadonlyArray<Leaf>, alignment: number): Searcher => {
  const exact: Array<Numbered> = []
  const alone: Array<{ readonly searcher: Searcher; readonly which: number }> = []
  leaves.forEach((leaf, which) => {
    const { form } = leaf
    if (form._tag === "Exact" && form.bytes.length <= MAX_SHARED) exact.push({ form, which })
    else alone.push({ searcher: single(leaf, alignment), which })
  })
  const passes: Array<ManySearcher> = []
  for (const fold of [false, true]) {
    const good: Array<Numbered> = []
    const rest: Array<Numbered> = []
    for (const leaf of exact) {
      const { bytes } = leaf.form
      if (leaf.form.fold !== fold) continue
      const needle: Needle = fold ? foldedNeedle(bytes) : { bytes, mask: undefined }
      ;(fastPaths.quickSearch && canSample(needle, fold) ? good : rest).push(leaf)
    }
    if (good.length > 0) passes.push(sharedPass(good, fold, true))
    if (rest.length > FEW) passes.push(sharedPass(rest, fold, false))
    else for (const { which } of rest) alone.push({ searcher: single(leaves[which]!, alignment), which })
  }
  /** What is looked at in one go: less where there is much to find. */
  let most = FIRST_STEP
  const lengths = leaves.map(({ form }) => (form._tag === "Exact" ? form.bytes.length : 0))
  return {
    reach: Math.max(...exact.map(({ form }) => form.bytes.length), ...alone.map(({ searcher }) => searcher.reach)),
    get step() {
      const fair = Math.max(LEAST_STEP, Math.floor(SHARED_STEP / Math.max(1, alone.length / 4)))
      return Math.min(fair, most, ...alone.map(({ searcher }) => searcher.step))
    },
    search: (bytes: Uint8Array, from: number, to: number, phase: number, out: Hits): number => {
      let end = to
      let offsets: Array<number> = []
      let which: Array<number> = []
      while (!passes.every((pass) => pass(bytes, from, end, offsets, which, MAX_HITS))) {
        end = from + Math.max(1, (end - from) >> 4)
        offsets = []
        which = []
        if (end === from + 1) {
          for (const pass of passes) pass(bytes, from, end, offsets, which, Infinity)
          break
        }
      }
      const all = new Hits(Infinity, out.wantLengths)
      offsets.forEach((offset, i) => {
        if ((phase + offset) % alignment === 0) all.push(offset, which[i]!, lengths[which[i]!]!)
      })
      for (const { searcher, which } of alone) {
        const own = new Hits(Infinity, out.wantLengths)
        searcher.search(bytes, from, end, phase, own)
        own.offsets.forEach((offset, i) => all.push(offset, which, own.lengths[i]!))
      }
      const isMuch = all.offsets.length > MAX_HITS
      most = isMuch ? Math.max(1, (end - from) >> 4) : Math.min(SHARED_STEP, 2 * (end - from))
      for (const i of inOrder(all.offsets, all.which)) out.push(all.offsets[i]!, all.which[i]!, all.lengths[i]!)
      return end
    }
  }
}

export const searcherOf = (leaves: ReadonlyArray<Leaf>, alignment: number): Searcher =>
  leaves.length === 1 ? single(leaves[0]!, alignment) : several(leaves, alignment)
