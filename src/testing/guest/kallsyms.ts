// The kernel's table of symbols as scripts/kallsyms.c wrote it in several eras.
import { Writer } from "./arena.ts"

export interface SymbolEntry {
  readonly name: string
  readonly address: bigint
  readonly kind: string
}

export interface KallsymsForm {
  readonly encoding: "absolute" | "relative" | "relative-percpu" | "place"
  /** Addresses stand behind the tokens (6.4 and later), not in front of the names. */
  readonly addressesLast: boolean
  /** Counts and markers take 8 bytes (before 4.20). */
  readonly wide: boolean
  /** Lengths of names above 127 take two bytes (6.1 and later). */
  readonly long: boolean
  /** A permutation by names, 3 bytes a symbol (6.2 and later, and backports). */
  readonly sequences: boolean
}

/** Frequent pairs of characters, each by the byte that stands for it; digits stand for themselves. */
const PAIRS: ReadonlyMap<string, number> = new Map(
  ["fu", "nc", "ti", "on", "in", "it", "__", "st", "re", "er", "sy"].map((pair, i) => [pair, 0x80 + i])
)

const tokens = Array.from({ length: 256 }, (_, byte) => {
  for (const [pair, token] of PAIRS) if (token === byte) return pair
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ""
})

const compress = (text: string): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  for (let i = 0; i < text.length;) {
    const pair = PAIRS.get(text.slice(i, i + 2))
    bytes.push(pair ?? text.charCodeAt(i))
    i += pair === undefined ? 1 : 2
  }
  return bytes
}

export interface Tables {
  readonly bytes: Uint8Array
  /** Where each table begins in the bytes. */
  readonly at: Readonly<
    Record<"names" | "num_syms" | "token_table" | "token_index" | "offsets" | "relative_base", number>
  >
}

/** The tables, for symbols in ascending order, to be placed at `address`. */
export const kallsyms = (symbols: ReadonlyArray<SymbolEntry>, form: KallsymsForm, address: bigint): Tables => {
  const { encoding, long, wide } = form
  const base = symbols.find(({ address }) => address >= 1n << 32n)?.address ?? 0n
  const out = new Writer()
  const at = { names: 0, num_syms: 0, token_table: 0, token_index: 0, offsets: 0, relative_base: 0 }
  const align = encoding === "place" ? 4 : 8
  const writeAddresses = () => {
    out.align(align)
    at.offsets = out.length
    symbols.forEach((symbol, i) => {
      if (encoding === "absolute") out.number(symbol.address, 8)
      else if (encoding === "place") out.number(symbol.address - (address + BigInt(at.offsets + 4 * i)), 4)
      else if (encoding === "relative") out.number(symbol.address - base, 4)
      else out.number(symbol.address < 1n << 32n ? symbol.address : base - 1n - symbol.address, 4)
    })
    if (encoding === "absolute" || encoding === "place") return
    out.align(8)
    at.relative_base = out.length
    out.number(base, 8)
  }
  if (!form.addressesLast) writeAddresses()
  out.align(align)
  at.num_syms = out.length
  out.number(symbols.length, wide ? 8 : 4).align(align)
  at.names = out.length
  const markers: Array<number> = []
  symbols.forEach(({ kind, name }, i) => {
    if (i % 256 === 0) markers.push(out.length - at.names)
    const bytes = compress(kind + name)
    if (long && bytes.length >= 0x80) out.number((bytes.length & 0x7f) | 0x80, 1).number(bytes.length >> 7, 1)
    else out.number(bytes.length, 1)
    out.bytes(bytes)
  })
  out.align(align)
  for (const marker of markers) out.number(marker, wide ? 8 : 4)
  out.align(align)
  const writeSequences = () => {
    if (!form.sequences) return
    for (let i = 0; i < symbols.length; i++) out.number(i, 3)
    out.align(align)
  }
  if (!form.addressesLast) writeSequences()
  at.token_table = out.length
  const starts = tokens.map((token) => {
    const start = out.length - at.token_table
    out.text(token)
    return start
  })
  out.align(align)
  at.token_index = out.length
  for (const start of starts) out.number(start, 2)
  if (form.addressesLast) {
    writeAddresses()
    writeSequences()
  }
  return { bytes: out.finish(), at }
}
