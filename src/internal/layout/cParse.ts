// Types out of C text, as it stands in headers: structs, unions, enumerations and typedefs, with bit-fields, arrays, pointers and
// the attributes that say how they lie in memory. A recursive descent parser; what is no type (functions, variables, macros) is
// passed over or refused.
import * as make from "./make.ts"
import type { AnyLayout, RecordOptions } from "./model.ts"
import { type Token, tokensOf, Wrong } from "./cTokens.ts"
import { isTypeWord, keywordType, namedType } from "./cTypes.ts"

/** Types by name that the text may use. */
export interface Known {
  has(name: string): boolean
  get(name: string): AnyLayout | undefined
}

/** A type that is not defined yet, and perhaps never: enough for a pointer to it. */
class Undefined {
  readonly tag: string
  constructor(tag: string) {
    this.tag = tag
  }
  get name(): string {
    return this.tag.slice(this.tag.indexOf(" ") + 1)
  }
}

/** `undefined`: void, or a function. */
type CType = AnyLayout | Undefined | undefined

/** What a declaration says of one thing. */
export interface Declared {
  readonly name: string | undefined
  readonly type: CType
  readonly aligned: number | undefined
  readonly bits: number | undefined
}

interface Attributes {
  isPacked: boolean
  align: number | undefined
  count: string | undefined
}

const none = (): Attributes => ({ isPacked: false, align: undefined, count: undefined })

const ignoredWords = new Set([
  "const",
  "volatile",
  "restrict",
  "__restrict",
  "static",
  "extern",
  "register",
  "inline",
  "__inline",
  "_Atomic",
  "__extension__"
])

const OPERATORS: ReadonlyArray<Readonly<Record<string, (a: number, b: number) => number>>> = [
  { "|": (a, b) => a | b },
  { "&": (a, b) => a & b },
  { "<<": (a, b) => a * 2 ** b, ">>": (a, b) => Math.floor(a / 2 ** b) },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => Math.trunc(a / b), "%": (a, b) => a % b }
]

export class CParser {
  private tokens: ReadonlyArray<Token> = []
  private at = 0
  private pack: number | undefined
  private readonly packs: Array<number | undefined> = []
  private readonly constants = new Map<string, number>()
  /** By tag, `struct node`, and by name of a typedef. */
  private readonly tags = new Map<string, AnyLayout>()
  private readonly typedefs = new Map<string, CType>()
  private readonly known: Known

  constructor(known: Known) {
    this.known = known
  }

  /** Whole text, as of a header. */
  header(text: string): ReadonlyMap<string, AnyLayout> {
    this.tokens = tokensOf(text)
    this.at = 0
    while (!this.isAtEnd) this.topLevel()
    const types = new Map<string, AnyLayout>()
    for (const [tag, layout] of this.tags) types.set(tag.slice(tag.indexOf(" ") + 1), layout)
    for (const [name, type] of this.typedefs) {
      const layout = this.defined(type)
      if (layout !== undefined) types.set(name, layout)
    }
    return types
  }

  /** One type, perhaps with a name in it: `struct node *`, `char name[16]`, `u32 id`. */
  type(text: string): { readonly name: string | undefined; readonly layout: AnyLayout } {
    this.tokens = tokensOf(text)
    this.at = 0
    const attributes = this.attributes()
    const declared = this.declarator(this.specifiers(attributes), attributes)
    if (!this.isAtEnd) this.fail(`"${this.peek}" is not expected behind a type`)
    return { name: declared.name, layout: this.layoutOf(declared) }
  }

  /** What a type is by now. */
  private defined(type: CType): AnyLayout | undefined {
    return type instanceof Undefined ? (this.tags.get(type.tag) ?? this.known.get(type.name)) : type
  }

  // ---------------------------------------------------------------------------------------------------------------
  // tokens

  private get isAtEnd(): boolean {
    return this.at >= this.tokens.length
  }
  private get peek(): string {
    return this.tokens[this.at]?.text ?? ""
  }
  private fail(why: string): never {
    throw new Wrong((this.tokens[this.at] ?? this.tokens.at(-1))?.line ?? 1, why)
  }
  private next(): string {
    if (this.isAtEnd) this.fail("the text ends in the middle of a declaration")
    return this.tokens[this.at++]!.text
  }
  private skip(text: string): boolean {
    if (this.peek !== text) return false
    this.at++
    return true
  }
  private expect(text: string): void {
    if (!this.skip(text))
      this.fail(this.isAtEnd ? `"${text}" is missing at the end` : `"${text}" is expected, not "${this.peek}"`)
  }
  private name(): string | undefined {
    return /^[A-Za-z_]/.test(this.peek) ? this.next() : undefined
  }
  private skipInitializer(): void {
    while (![";", ","].includes(this.peek)) {
      if ("([{".includes(this.peek) && !this.isAtEnd) this.skipGroup()
      else this.next()
    }
  }
  /** Passes over what is in parentheses or braces. */
  private skipGroup(): void {
    let depth = 0
    do {
      const text = this.next()
      if ("([{".includes(text)) depth++
      if (")]}".includes(text)) depth--
    } while (depth > 0)
  }

  // ---------------------------------------------------------------------------------------------------------------
  // declarations

  private directive(): void {
    const text = this.next()
    const [, name, value] = /^#define\s+(\w+)\s+\(?\s*(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\s*\)?\s*$/.exec(text) ?? []
    if (name !== undefined) this.constants.set(name, Number(value))
    const [, inside] = /^#pragma\s+pack\s*\(([^)]*)\)/.exec(text) ?? []
    if (inside === undefined) return
    const parts = inside.split(",").map((part) => part.trim())
    if (parts.includes("push")) this.packs.push(this.pack)
    const number = parts.find((part) => /^\d+$/.test(part))
    if (parts.includes("pop")) this.pack = this.packs.pop()
    else if (number !== undefined) this.pack = Number(number)
    else if (inside.trim() === "") this.pack = undefined
  }

  private topLevel(): void {
    if (this.peek.startsWith("#")) return this.directive()
    if (this.skip(";")) return
    const isTypedef = this.skip("typedef")
    const attributes = this.attributes()
    const base = this.specifiers(attributes)
    while (!this.skip(";")) {
      const { name, type } = this.declarator(base, { ...attributes })
      if (isTypedef && name !== undefined) this.typedefs.set(name, withName(type, name))
      // The body of a function.
      if (this.peek === "{") return this.skipGroup()
      if (this.skip("=")) this.skipInitializer()
      if (!this.skip(",") && this.peek !== ";") this.fail(`";" is expected, not "${this.peek}"`)
    }
  }

  private attributes(into: Attributes = none()): Attributes {
    for (;;) {
      if (this.skip("__packed")) into.isPacked = true
      else if (["__attribute__", "__attribute"].includes(this.peek)) this.attribute(into)
      else if (["__aligned", "_Alignas", "alignas"].includes(this.peek)) {
        this.at++
        into.align = Math.max(this.inParentheses(), into.align ?? 1)
      } else if (["__counted_by", "__counted_by_le"].includes(this.peek)) {
        this.at++
        this.expect("(")
        into.count = this.name()
        this.expect(")")
      } else if (this.peek.startsWith("#")) this.directive()
      else return into
    }
  }

  private inParentheses(): number {
    this.expect("(")
    const value = this.expression()
    this.expect(")")
    return value
  }

  private attribute(into: Attributes): void {
    this.at++
    this.expect("(")
    this.expect("(")
    while (!this.skip(")")) {
      const word = this.next().replaceAll("__", "")
      if (word === "packed") into.isPacked = true
      else if (word === "aligned") into.align = this.peek === "(" ? this.inParentheses() : 16
      else if (word === "counted_by") {
        this.expect("(")
        into.count = this.name()
        this.expect(")")
      } else if (this.peek === "(") this.skipGroup()
    }
    this.expect(")")
  }

  /** What stands before the names: `const struct node`, `unsigned long`. */
  private specifiers(attributes: Attributes): CType {
    const words: Array<string> = []
    for (;;) {
      this.attributes(attributes)
      const text = this.peek
      if (ignoredWords.has(text)) this.at++
      else if (isTypeWord(text)) words.push(this.next())
      else break
    }
    if (words.length > 0) return keywordType(words) ?? this.fail(`there is no layout of ${words.join(" ")}`)
    const type = this.baseType(attributes)
    for (;;) {
      this.attributes(attributes)
      if (!ignoredWords.has(this.peek)) return type
      this.at++
    }
  }

  private baseType(attributes: Attributes): CType {
    const text = this.peek
    if (this.skip("void")) return undefined
    if (text === "struct" || text === "union") {
      this.at++
      return this.record(text)
    }
    if (this.skip("enum")) return this.enumeration()
    this.attributes(attributes)
    const found = this.typedefs.has(text)
      ? this.typedefs.get(text)
      : this.known.has(text)
        ? new Undefined(text)
        : namedType(text)
    if (found === undefined && !this.typedefs.has(text)) {
      return this.fail(text === "" ? "a type is missing" : `the type "${text}" is not known here`)
    }
    this.at++
    return found
  }

  private record(kind: "struct" | "union"): CType {
    const attributes = this.attributes()
    const tag = this.name()
    if (!this.skip("{")) {
      if (tag === undefined) return this.fail(`"${kind}" without name and members`)
      return this.tags.get(`${kind} ${tag}`) ?? new Undefined(`${kind} ${tag}`)
    }
    const { pack } = this
    const members = new Map<string, AnyLayout>()
    let unnamed = 0
    while (!this.skip("}")) {
      if (this.peek.startsWith("#")) this.directive()
      else unnamed = this.members(members, unnamed)
    }
    this.attributes(attributes)
    const options: RecordOptions = {
      ...(attributes.isPacked ? { packed: true } : pack === undefined ? {} : { packed: pack }),
      ...(attributes.align === undefined ? {} : { align: attributes.align })
    }
    const layout = make.record(kind, tag ?? "", Object.fromEntries(members), options)
    if (tag !== undefined) this.tags.set(`${kind} ${tag}`, layout)
    return layout
  }

  /** The members of one declaration. */
  private members(into: Map<string, AnyLayout>, unnamedBefore: number): number {
    let unnamed = unnamedBefore
    const attributes = this.attributes()
    if (this.skip(";")) return unnamed
    const base = this.specifiers(attributes)
    do {
      const declared = this.declarator(base, { ...attributes })
      let name = declared.name
      while (name === undefined || (declared.name === undefined && into.has(name))) name = `_${unnamed++}`
      if (into.has(name)) this.fail(`two members have the name ${name}`)
      into.set(name, declared.name === undefined ? this.withoutName(declared) : this.layoutOf(declared))
    } while (this.skip(","))
    this.expect(";")
    return unnamed
  }

  private layoutOf({ aligned, bits, name, type }: Declared): AnyLayout {
    const defined = this.defined(type)
    if (defined === undefined) {
      const what = type instanceof Undefined ? `${type.tag}, which is not defined before it` : "void, or a function"
      return this.fail(`${name ?? "this"} is of ${what}`)
    }
    const layout = bits === undefined ? defined : make.bits(defined, bits)
    return aligned === undefined ? layout : make.aligned(layout, aligned)
  }

  /** Bits that only take room, or a record whose members are those of the one around it. */
  private withoutName(declared: Declared): AnyLayout {
    const layout = this.layoutOf(declared)
    return declared.bits === undefined ? make.anonymous(layout) : layout
  }

  private enumeration(): AnyLayout {
    const attributes = this.attributes()
    const tag = this.name()
    let base: AnyLayout | undefined
    // The type behind the values, unless it is the width of a bit-field.
    if (this.peek === ":" && !/^[0-9(]/.test(this.tokens[this.at + 1]?.text ?? "")) {
      this.at++
      base = this.defined(this.specifiers(none()))
    }
    if (!this.skip("{")) {
      return this.tags.get(`enum ${tag}`) ?? this.fail(`enum ${tag ?? ""} is not defined before`)
    }
    const values = new Map<string, number>()
    let next = 0
    while (!this.skip("}")) {
      const name = this.name() ?? this.fail(`a name is expected, not "${this.peek}"`)
      this.attributes()
      if (this.skip("=")) next = this.expression()
      values.set(name, next)
      this.constants.set(name, next++)
      if (!this.skip(",") && this.peek !== "}") this.fail(`"," is expected, not "${this.peek}"`)
    }
    if (this.attributes(attributes).isPacked) base ??= namedType(smallest([...values.values()]))
    const layout = make.names("enumeration", Object.fromEntries(values), base, tag)
    if (tag !== undefined) this.tags.set(`enum ${tag}`, layout)
    return layout
  }

  // ---------------------------------------------------------------------------------------------------------------
  // declarators: a name with stars before it and brackets behind it

  private declarator(base: CType, attributes: Attributes): Declared {
    let type = base
    this.attributes(attributes)
    while (this.skip("*")) {
      type = this.pointerTo(type)
      while (ignoredWords.has(this.peek)) this.at++
    }
    this.attributes(attributes)
    // A pointer to a function or to an array: `(*f)(void)`.
    if (this.peek === "(") {
      this.at++
      const inner = this.declarator(undefined, attributes)
      this.expect(")")
      while (this.peek === "(" || this.peek === "[") this.skipGroup()
      return { ...inner, aligned: attributes.align }
    }
    // `char[16] name`, too: it is what people write.
    const before = this.dimensions()
    const name = this.name()
    const dimensions = [...before, ...this.dimensions()]
    if (this.peek === "(") {
      this.skipGroup()
      return { name, type: undefined, aligned: undefined, bits: undefined }
    }
    this.attributes(attributes)
    const bits = this.skip(":") ? this.expression() : undefined
    this.attributes(attributes)
    return { name, type: this.arrayOf(type, dimensions, attributes.count), aligned: attributes.align, bits }
  }

  private dimensions(): ReadonlyArray<number | undefined> {
    const found: Array<number | undefined> = []
    while (this.skip("[")) {
      found.push(this.peek === "]" ? undefined : this.expression())
      this.expect("]")
    }
    return found
  }

  private pointerTo(type: CType): AnyLayout {
    if (type === undefined) return make.scalarOf("pointer")
    // What is never defined has a name and no members.
    return make.pointerTo(() => this.defined(type) ?? make.record("struct", (type as Undefined).name, {}))
  }

  private arrayOf(type: CType, dimensions: ReadonlyArray<number | undefined>, count: string | undefined): CType {
    if (dimensions.length === 0) return type
    const base = this.defined(type)
    if (base === undefined) return this.fail("there is no array of what is not defined")
    return dimensions.reduceRight<AnyLayout>((element, length, i) => {
      if (length === undefined && count !== undefined) return make.flexibleArray(element, count)
      const isText = i === dimensions.length - 1 && element.node.kind === "scalar" && element.node.name === "char"
      return isText ? make.cString(length ?? 0) : make.array(element, length ?? 0)
    }, base)
  }

  // ---------------------------------------------------------------------------------------------------------------
  // constant expressions

  private expression(level = 0): number {
    const operators = OPERATORS[level]
    if (operators === undefined) return this.factor()
    let value = this.expression(level + 1)
    for (let operator = operators[this.peek]; operator !== undefined; operator = operators[this.peek]) {
      this.at++
      value = operator(value, this.expression(level + 1))
    }
    return value
  }

  private factor(): number {
    if (this.peek === "(") return this.inParentheses()
    if (this.skip("-")) return -this.factor()
    if (this.skip("~")) return ~this.factor()
    const text = this.peek
    const value = /^\d/.test(text) ? Number(/^0[0-7]+$/.test(text) ? `0o${text}` : text) : this.constants.get(text)
    if (value === undefined) return this.fail(`"${text}" is no number that is known here`)
    this.at++
    return value
  }
}

/** A record or enumeration without a tag is called by its typedef. */
const withName = (type: CType, name: string): CType => {
  if (type === undefined || type instanceof Undefined) return type
  const { node } = type
  if ((node.kind === "struct" || node.kind === "union") && node.name === "")
    return make.renamed({ ...node, name }, type)
  return node.kind === "enumeration" && node.name === undefined ? make.renamed({ ...node, name }, type) : type
}

const smallest = (values: ReadonlyArray<number>): string => {
  const isSigned = values.some((value) => value < 0)
  const bits = [8, 16, 32].find((bits) =>
    values.every((value) => (isSigned ? value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1) : value < 2 ** bits))
  )
  return `${isSigned ? "i" : "u"}${bits ?? 64}`
}
