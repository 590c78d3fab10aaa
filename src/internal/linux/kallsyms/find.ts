// The kernel's own table of symbols, through what VMCOREINFO says of it or by scanning.
import * as Effect from "effect/Effect"
import { hex } from "../../base/numbers.ts"
import { imageShift } from "../machine.ts"
import type { Memory, ReadError } from "../memory.ts"
import * as info from "../vmcoreInfo.ts"
import { areAscending, decodeAddresses, type Encoding } from "./addresses.ts"
import { expand, type Names, skipName, TOKENS, tokensOf } from "./names.ts"
import { MOST_SYMBOLS, scan, type Tables } from "./scan.ts"
import { type Entry, SymbolTable } from "./table.ts"

export interface Found {
  readonly table: SymbolTable
  /** Physical addresses in place of virtual ones: they stand relative to their place, and nobody said where that is mapped. */
  readonly physical: boolean
  readonly encoding: Encoding
  readonly how: string
}

/** Where addresses may be, and how written. */
interface Way {
  readonly encoding: Encoding
  readonly at: bigint
  /** Where the base is to be read, or the base itself. */
  readonly baseAt?: bigint
  readonly base?: bigint
}

const MOST_ROOM = 32 << 20

const orNone = <A>(effect: Effect.Effect<A, ReadError>) =>
  Effect.catchTag(effect, "UnmappedAddress", (error) => Effect.succeed(error.message))

const alignUp = (address: bigint, to: bigint): bigint => (address + to - 1n) & -to

/** By the places of the tables that VMCOREINFO names since 6.0. */
const named = Effect.fnUntraced(function* (memory: Memory, values: info.Values, shift: bigint) {
  const at = (name: string) => {
    const address = info.symbol(values, `kallsyms_${name}`)
    return address === undefined ? undefined : BigInt.asUintN(64, address + shift)
  }
  const [names, countAt, table, index] = [at("names"), at("num_syms"), at("token_table"), at("token_index")]
  const [offsets, baseAt] = [at("offsets"), at("relative_base")]
  if (names === undefined || countAt === undefined || table === undefined || index === undefined || !offsets) {
    return "VMCOREINFO does not name its tables, as it does since Linux 6.0"
  }
  const { words } = memory
  const count = yield* memory.u32(countAt)
  const room = Number(table > names ? table - names : 0n)
  if (count > MOST_SYMBOLS || room > MOST_ROOM || room === 0) {
    return `VMCOREINFO leads to a table of ${count} symbols in ${room} bytes of names`
  }
  if (index <= table || index - table > 1n << 16n) return "VMCOREINFO has the tokens and their index far apart"
  const tokens = tokensOf(
    yield* memory.bytes(table, Number(index - table)),
    yield* memory.bytes(index, 2 * TOKENS),
    words
  )
  if (tokens === undefined) return "the index of tokens leads out of their table"
  const tables: Tables = { names, count, room, tokens, tokenTable: table, tokenIndex: index, long: undefined, words }
  const place = BigInt.asUintN(64, offsets - shift)
  const ways: ReadonlyArray<Way> =
    baseAt === undefined
      ? [{ encoding: "place", at: offsets, base: place }]
      : [
          { encoding: "relative-percpu", at: offsets, baseAt },
          { encoding: "relative", at: offsets, baseAt }
        ]
  return { tables, ways }
})

/** Where each era put the addresses. */
const scannedWays = ({ count, names, tokenIndex, words }: Tables): ReadonlyArray<Way> => {
  const word = BigInt(words.bytes)
  const size = alignUp(4n * BigInt(count), word)
  const after = tokenIndex + BigInt(2 * TOKENS)
  const later = alignUp(after, word)
  const earlier = names - 2n * word - size
  const relative = (at: bigint, baseAt: bigint): ReadonlyArray<Way> => [
    { encoding: "relative-percpu", at, baseAt },
    { encoding: "relative", at, baseAt }
  ]
  return [
    ...relative(later, later + size),
    ...relative(earlier, names - 2n * word),
    { encoding: "absolute", at: names - word - word * BigInt(count), base: 0n },
    { encoding: "place", at: alignUp(after, 4n), base: alignUp(after, 4n) }
  ]
}

/** `true` since 6.1, where bytes above 127 in front of a name take another with them. */
const hasLongNames = (release: string | undefined): boolean | undefined => {
  const version = /^(\d+)\.(\d+)/.exec(release ?? "")
  if (version === null) return undefined
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > 6 || (major === 6 && minor >= 1)
}

/** Bytes of names read at a time. */
const BLOCK = 1 << 16

/** The bytes of the names, as far as their lengths reach: what is behind them is larger than they are in some kernels. */
const bytesOf = Effect.fnUntraced(function* (memory: Memory, tables: Tables, long: boolean) {
  let bytes = new Uint8Array(0)
  let at = 0
  for (let i = 0; i < tables.count;) {
    const next = skipName(bytes, at, long)
    if (next >= 0 && next <= bytes.length) {
      at = next
      i++
      continue
    }
    const more = Math.min(Math.max(BLOCK, bytes.length >> 2), tables.room - bytes.length)
    if (more === 0) return bytes
    const block = yield* memory.upTo(tables.names + BigInt(bytes.length), more)
    const longer = new Uint8Array(bytes.length + block.length)
    longer.set(bytes)
    longer.set(block, bytes.length)
    bytes = longer
  }
  return bytes
})

const namesOf = Effect.fnUntraced(function* (memory: Memory, tables: Tables, release: string | undefined) {
  const known = tables.long ?? hasLongNames(release)
  let first: Names | string | undefined
  for (const long of known === undefined ? [true, false] : [known]) {
    const names = expand(yield* bytesOf(memory, tables, long), tables.count, tables.tokens, long)
    if (typeof names !== "string") return names
    first ??= names
  }
  return first ?? "it has no names"
})

/** Kernels lie in the upper half, and their text begins at a page. */
const isKernelAddress = (address: bigint, words: 4 | 8): boolean =>
  address % 4096n === 0n && (words === 8 ? address >> 62n === 3n : address >= 0x4000_0000n)

const decode = Effect.fnUntraced(function* (
  memory: Memory,
  tables: Tables,
  ways: ReadonlyArray<Way>,
  values: info.Values | undefined
) {
  const names = yield* namesOf(memory, tables, values?.get("OSRELEASE"))
  if (typeof names === "string") return names
  const text = Math.max(names.names.indexOf("_stext"), names.names.indexOf("stext"), names.names.indexOf("_text"))
  const stext = names.names.indexOf("_stext")
  const said = values === undefined ? undefined : info.symbol(values, "_stext")
  const shift = values === undefined ? undefined : imageShift(values)
  for (const { at, base, baseAt, encoding } of ways) {
    const size = tables.count * (encoding === "absolute" ? tables.words.bytes : 4)
    const written = at < 0n ? "" : yield* orNone(memory.bytes(at, size))
    if (typeof written === "string") continue
    const word = baseAt === undefined ? base : yield* orNone(memory.bytes(baseAt, tables.words.bytes))
    if (word === undefined || typeof word === "string") continue
    const from = typeof word === "bigint" ? word : tables.words.word(word, 0)
    const addresses = decodeAddresses(encoding, written, tables.count, from, tables.words)
    const isPhysical = encoding === "place" && at === base
    if (isPhysical && shift !== undefined) {
      for (let i = 0; i < addresses.length; i++) addresses[i] = BigInt.asUintN(64, addresses[i]! - shift)
    }
    const physical = isPhysical && shift === undefined
    if (!areAscending(addresses)) continue
    if (said !== undefined && stext >= 0 && !physical && addresses[stext] !== said) continue
    if (!physical && (text < 0 || !isKernelAddress(addresses[text]!, tables.words.bytes))) continue
    return { names, addresses, encoding, physical }
  }
  return "its addresses are written in no way that is known"
})

const entriesOf = ({ kinds, names }: Names, addresses: BigUint64Array): ReadonlyArray<Entry> =>
  names.map((name, i) => ({ name, address: addresses[i]!, kind: kinds[i]!, module: undefined }))

/** The table, or why there is none. */
export const find = Effect.fnUntraced(function* (memory: Memory, values: info.Values | undefined) {
  const why: Array<string> = []
  const finish = Effect.fnUntraced(function* (tables: Tables, ways: ReadonlyArray<Way>, how: string) {
    const decoded = yield* orNone(decode(memory, tables, ways, values))
    if (typeof decoded === "string") {
      why.push(`${how}: ${decoded}`)
      return undefined
    }
    const table = new SymbolTable(entriesOf(decoded.names, decoded.addresses))
    return { table, physical: decoded.physical, encoding: decoded.encoding, how } satisfies Found
  })
  const shift = values === undefined ? undefined : imageShift(values)
  if (values !== undefined && shift !== undefined) {
    const by = yield* orNone(named(memory, values, shift))
    if (typeof by === "string") why.push(by)
    else {
      const found = yield* finish(by.tables, by.ways, "through VMCOREINFO")
      if (found !== undefined) return found
    }
  }
  const scanned = yield* scan(memory)
  if (scanned.tables === undefined) why.push(scanned.why)
  else {
    const at = hex(scanned.tables.tokenTable)
    const found = yield* finish(scanned.tables, scannedWays(scanned.tables), `by its token table at ${at}`)
    if (found !== undefined) return found
  }
  return why.join("; ")
})
