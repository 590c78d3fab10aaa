// The names of kallsyms (scripts/kallsyms.c): each is a length and that many bytes, and each byte stands for a token, a
// piece of text. The first character of a name is its kind, as nm prints it.
import type { Words } from "../memory.ts"

/** Tokens, one for each value of a byte. */
export const TOKENS = 256

/** The longest name of any kernel (KSYM_NAME_LEN of 6.1), with its kind. */
const LONGEST = 513

/** What each byte stands for; `undefined` where the index is not that of the tokens, which stand one after the other. */
export const tokensOf = (table: Uint8Array, index: Uint8Array, words: Words): ReadonlyArray<string> | undefined => {
  const tokens: Array<string> = []
  let next = 0
  for (let i = 0; i < TOKENS; i++) {
    const start = words.u16(index, 2 * i)
    const end = table.indexOf(0, start)
    if (start !== next || end < 0 || end - start > LONGEST) return undefined
    next = end + 1
    let token = ""
    for (let at = start; at < end; at++) token += String.fromCharCode(table[at]!)
    tokens.push(token)
  }
  return tokens
}

/**
 * Lengths take one byte; since 6.1 one of 0x80 and more has seven bits, and the next byte those above. `-1` where the
 * bytes end.
 */
export const skipName = (names: Uint8Array, at: number, long: boolean): number => {
  const first = names[at]
  if (first === undefined) return -1
  if (!long || first < 0x80) return at + 1 + first
  const second = names[at + 1]
  return second === undefined ? -1 : at + 2 + ((first & 0x7f) | (second << 7))
}

export interface Names {
  readonly names: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<string>
  /** Where the last name ends. */
  readonly end: number
}

/** `count` names; a sentence fragment where they cannot be that. */
export const expand = (
  bytes: Uint8Array,
  count: number,
  tokens: ReadonlyArray<string>,
  long: boolean
): Names | string => {
  const names: Array<string> = []
  const kinds: Array<string> = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const end = skipName(bytes, at, long)
    if (end < 0 || end > bytes.length) return `name ${i} of ${count} reaches past the end of the names`
    let name = ""
    for (let j = at + (long && bytes[at]! >= 0x80 ? 2 : 1); j < end; j++) {
      name += tokens[bytes[j]!]!
      if (name.length > LONGEST) return `name ${i} of ${count} is longer than any can be`
    }
    if (name === "") return `name ${i} of ${count} is empty`
    kinds.push(name[0]!)
    names.push(name.slice(1))
    at = end
  }
  return { names, kinds, end: at }
}
