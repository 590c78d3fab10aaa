// Regular expressions over bytes: the grammar, and the automaton of Glushkov (V. M. Glushkov, "The abstract theory of
// automata", 1961), which has one state for each byte or class that is written in the expression.
import * as Result from "effect/Result"

/** Which of the 256 bytes are in: 1 or 0. */
export type ByteSet = Uint8Array

type Node =
  | { readonly _tag: "Set"; readonly set: ByteSet }
  | { readonly _tag: "Seq"; readonly parts: ReadonlyArray<Node> }
  | { readonly _tag: "Alt"; readonly parts: ReadonlyArray<Node> }
  | { readonly _tag: "Repeat"; readonly node: Node; readonly least: number; readonly most: number }

/** An expression that has been checked. Matches have `least` to `most` bytes; `most` may be Infinity. */
export interface Program {
  readonly least: number
  readonly most: number
  readonly forward: Glushkov
  readonly backward: Glushkov
}

/** States 0 to sets.length - 1; being in one means that its byte has just been read. */
export interface Glushkov {
  readonly sets: ReadonlyArray<ByteSet>
  readonly first: ReadonlyArray<number>
  readonly last: ReadonlyArray<number>
  readonly follow: ReadonlyArray<ReadonlySet<number>>
}

export interface Refusal {
  readonly position: number
  readonly why: string
}

const MAX_STATES = 512
const MAX_COUNT = 1000
const MAX_DEPTH = 64
const MAX_SOURCE = 16_384

const setOf = (test: (byte: number) => boolean): ByteSet =>
  Uint8Array.from({ length: 256 }, (_, b) => (test(b) ? 1 : 0))
const between = (low: number, high: number) => (byte: number) => byte >= low && byte <= high
const not = (set: ByteSet): ByteSet => set.map((bit) => 1 - bit)

const any = setOf(() => true)
const digit = setOf(between(0x30, 0x39))
const space = setOf((b) => between(0x09, 0x0d)(b) || b === 0x20)
const wordByte = setOf((b) => digit[b] === 1 || between(0x41, 0x5a)(b) || between(0x61, 0x7a)(b) || b === 0x5f)
const sets: Readonly<Record<string, ByteSet>> = {
  d: digit,
  D: not(digit),
  s: space,
  S: not(space),
  w: wordByte,
  W: not(wordByte)
}
const controls: Readonly<Record<string, number>> = { "0": 0, a: 7, e: 27, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** Thrown inside the parser only, and caught there. */
class Stop {
  readonly refusal: Refusal
  constructor(position: number, why: string) {
    this.refusal = { position, why }
  }
}

class Parser {
  private at = 0
  private depth = 0
  private readonly source: string
  private readonly ignoreCase: boolean
  constructor(source: string, ignoreCase: boolean) {
    this.source = source
    this.ignoreCase = ignoreCase
  }

  whole(): Result.Result<Node, Refusal> {
    return Result.try({
      try: () => {
        if (this.source.length > MAX_SOURCE) throw new Stop(MAX_SOURCE, `more than ${MAX_SOURCE} characters`)
        const node = this.alternatives()
        if (this.at < this.source.length) throw new Stop(this.at, 'there is no "(" for this ")"')
        return node
      },
      catch: (error) => {
        if (error instanceof Stop) return error.refusal
        throw error
      }
    })
  }

  private peek(): string {
    return this.source[this.at] ?? ""
  }

  private alternatives(): Node {
    const parts = [this.sequence()]
    while (this.peek() === "|") {
      this.at++
      parts.push(this.sequence())
    }
    return parts.length === 1 ? parts[0]! : { _tag: "Alt", parts }
  }

  private sequence(): Node {
    const parts: Array<Node> = []
    while (this.at < this.source.length && this.peek() !== "|" && this.peek() !== ")") parts.push(this.counted())
    return parts.length === 1 ? parts[0]! : { _tag: "Seq", parts }
  }

  private counted(): Node {
    const node = this.atom()
    const start = this.at
    const count = this.count()
    if (count === undefined) return node
    if (/[?*+{]/.test(this.peek())) {
      throw new Stop(this.at, "a count follows a count: matches are the longest there are, so there is no lazy form")
    }
    const [least, most] = count
    if (sizeOf(node).states === 0) return node
    if (most < least) throw new Stop(start, `a count from ${least} to ${most}`)
    return { _tag: "Repeat", node, least, most }
  }

  private count(): readonly [number, number] | undefined {
    const char = this.peek()
    if (char !== "*" && char !== "+" && char !== "?" && char !== "{") return undefined
    if (char !== "{") {
      this.at++
      return char === "*" ? [0, Infinity] : char === "+" ? [1, Infinity] : [0, 1]
    }
    const match = /^\{(\d+)(,(\d*))?\}/.exec(this.source.slice(this.at, this.at + 64))
    if (match === null) throw new Stop(this.at, 'a count is {n}, {n,} or {n,m}; write "\\{" for the character')
    const least = Number(match[1])
    const most = match[2] === undefined ? least : match[3] === "" ? Infinity : Number(match[3])
    if (least > MAX_COUNT || (most !== Infinity && most > MAX_COUNT)) {
      throw new Stop(this.at, `a count is at most ${MAX_COUNT}`)
    }
    this.at += match[0].length
    return [least, most]
  }

  private atom(): Node {
    const start = this.at
    const char = this.peek()
    switch (char) {
      case "(":
        return this.group()
      case "[":
        this.at++
        return this.klass(start)
      case ".":
        this.at++
        return { _tag: "Set", set: any }
      case "\\":
        return this.one(this.escape())
      case "*":
      case "+":
      case "?":
      case "{":
        throw new Stop(start, `nothing precedes "${char}"`)
      case "^":
      case "$":
        throw new Stop(start, `memory has no lines: there is no "${char}"; write "\\${char}" for the character`)
      default:
        return this.literal()
    }
  }

  private group(): Node {
    const start = this.at
    if (this.source.startsWith("(?:", start)) this.at += 3
    else if (this.source[start + 1] === "?") throw new Stop(start, "the only groups are (...) and (?:...)")
    else this.at++
    if (++this.depth > MAX_DEPTH) throw new Stop(start, `groups are nested more than ${MAX_DEPTH} deep`)
    const node = this.alternatives()
    if (this.peek() !== ")") throw new Stop(start, 'there is no ")" for this "("')
    this.at++
    this.depth--
    return node
  }

  /** A character as it stands; outside ASCII, the bytes of its UTF-8 form. */
  private literal(): Node {
    const code = this.source.codePointAt(this.at)!
    if (code < 128) {
      this.at++
      return this.one(code)
    }
    if (code >= 0xd800 && code <= 0xdfff) throw new Stop(this.at, "a lone surrogate is no character")
    const char = String.fromCodePoint(code)
    this.at += char.length
    const parts = Array.from(new TextEncoder().encode(char), (byte) => this.one(byte))
    return { _tag: "Seq", parts }
  }

  private one(what: number | ByteSet): Node {
    const set = typeof what === "number" ? setOf((byte) => byte === what) : what
    return { _tag: "Set", set: this.folded(set) }
  }

  private folded(set: ByteSet): ByteSet {
    if (!this.ignoreCase) return set
    const both = set.slice()
    for (let upper = 0x41; upper <= 0x5a; upper++) both[upper] = both[upper | 0x20] = set[upper]! | set[upper | 0x20]!
    return both
  }

  /** After a backslash, which is at `this.at`. */
  private escape(): number | ByteSet {
    const start = this.at
    const char = this.source[start + 1] ?? ""
    this.at += 2
    if (char === "x") {
      const digits = /^[0-9a-fA-F]{2}/.exec(this.source.slice(this.at, this.at + 2))
      if (digits === null) throw new Stop(start, "\\x takes two hexadecimal digits")
      this.at += 2
      return parseInt(digits[0], 16)
    }
    if (char === "0" && /\d/.test(this.peek())) throw new Stop(start, "there are no octal escapes: write \\xHH")
    const known = controls[char] ?? sets[char]
    if (known !== undefined) return known
    if (char === "") throw new Stop(start, "a backslash with nothing behind it")
    if (/[^\x21-\x7e]|[A-Za-z0-9]/.test(char)) throw new Stop(start, `there is no escape "\\${char}"`)
    return char.charCodeAt(0)
  }

  private klass(start: number): Node {
    const negated = this.peek() === "^"
    if (negated) this.at++
    const set = new Uint8Array(256)
    for (let first = true; first || this.peek() !== "]"; first = false) {
      if (this.at >= this.source.length) throw new Stop(start, 'there is no "]" for this "["')
      const from = this.member()
      const isRange = this.peek() === "-" && this.source[this.at + 1] !== "]" && this.at + 1 < this.source.length
      if (!isRange) {
        if (typeof from === "number") set[from] = 1
        else from.forEach((bit, byte) => (set[byte]! |= bit))
        continue
      }
      const dash = this.at++
      const to = this.member()
      if (typeof from !== "number" || typeof to !== "number" || to < from) {
        throw new Stop(dash, "a range goes from one byte to a higher one")
      }
      set.fill(1, from, to + 1)
    }
    this.at++
    const members = this.folded(set)
    const chosen = negated ? not(members) : members
    if (!chosen.includes(1)) throw new Stop(start, "no byte is in this class")
    return { _tag: "Set", set: chosen }
  }

  private member(): number | ByteSet {
    if (this.peek() === "\\") return this.escape()
    const code = this.source.charCodeAt(this.at)
    if (code > 127) throw new Stop(this.at, "a class holds bytes: write those above 0x7f as \\xHH")
    this.at++
    return code
  }
}

interface Size {
  readonly least: number
  readonly most: number
  readonly states: number
}

const sizeOf = (node: Node): Size => {
  switch (node._tag) {
    case "Set":
      return { least: 1, most: 1, states: 1 }
    case "Seq":
    case "Alt": {
      const parts = node.parts.map(sizeOf)
      const states = parts.reduce((total, part) => total + part.states, 0)
      const add = (key: "least" | "most") => parts.reduce((total, part) => total + part[key], 0)
      return node._tag === "Seq"
        ? { least: add("least"), most: add("most"), states }
        : {
            least: Math.min(...parts.map((part) => part.least)),
            most: Math.max(...parts.map((part) => part.most)),
            states
          }
    }
    case "Repeat": {
      const { least, most, states } = sizeOf(node.node)
      const copies = node.most === Infinity ? Math.max(node.least, 1) : node.most
      return {
        least: least * node.least,
        most: most === 0 || node.most === 0 ? 0 : most * node.most,
        states: states * copies
      }
    }
  }
}

/** A part under construction. */
interface Positions {
  readonly nullable: boolean
  readonly first: ReadonlyArray<number>
  readonly last: ReadonlyArray<number>
}

const nothing: Positions = { nullable: true, first: [], last: [] }

class Builder {
  readonly sets: Array<ByteSet> = []
  readonly follow: Array<Set<number>> = []
  private readonly backward: boolean
  constructor(backward: boolean) {
    this.backward = backward
  }

  build(node: Node): Positions {
    switch (node._tag) {
      case "Set": {
        const state = this.sets.push(node.set) - 1
        this.follow.push(new Set())
        return { nullable: false, first: [state], last: [state] }
      }
      case "Seq": {
        const parts = this.backward ? [...node.parts].reverse() : node.parts
        return parts.reduce((left, part) => this.join(left, this.build(part)), nothing)
      }
      case "Alt": {
        const parts = node.parts.map((part) => this.build(part))
        return {
          nullable: parts.some((part) => part.nullable),
          first: parts.flatMap((part) => part.first),
          last: parts.flatMap((part) => part.last)
        }
      }
      case "Repeat":
        return this.repeat(node.node, node.least, node.most)
    }
  }

  private join(left: Positions, right: Positions): Positions {
    this.link(left.last, right.first)
    return {
      nullable: left.nullable && right.nullable,
      first: left.nullable ? [...left.first, ...right.first] : left.first,
      last: right.nullable ? [...left.last, ...right.last] : right.last
    }
  }

  private link(from: ReadonlyArray<number>, to: ReadonlyArray<number>): void {
    for (const state of from) for (const next of to) this.follow[state]!.add(next)
  }

  /** Written out as copies. Those above `least` may be left out, but only together with all that come after them. */
  private repeat(node: Node, least: number, most: number): Positions {
    let part = nothing
    const copies = most === Infinity ? Math.max(least, 1) : most
    const all: Array<Positions> = []
    for (let i = 0; i < copies; i++) all.push(this.build(node))
    if (most === Infinity) {
      const looped = all[copies - 1]!
      this.link(looped.last, looped.first)
    }
    for (let i = copies - 1; i >= 0; i--) {
      const copy = all[i]!
      const joined = this.join(copy, part)
      part = { ...joined, nullable: joined.nullable || i >= least }
    }
    return part
  }
}

const glushkov = (node: Node, backward: boolean): Glushkov => {
  const builder = new Builder(backward)
  const { first, last } = builder.build(node)
  return { sets: builder.sets, first, last, follow: builder.follow }
}

export const parse = (source: string, ignoreCase: boolean): Result.Result<Program, Refusal> =>
  Result.flatMap(new Parser(source, ignoreCase).whole(), (node) => {
    const { least, most, states } = sizeOf(node)
    if (states > MAX_STATES) {
      return Result.fail({
        position: 0,
        why: `${states} bytes and classes with its counts written out, more than ${MAX_STATES}`
      })
    }
    if (least === 0)
      return Result.fail({ position: 0, why: "it can match no bytes at all, and would match everywhere" })
    return Result.succeed({ least, most, forward: glushkov(node, false), backward: glushkov(node, true) })
  })
