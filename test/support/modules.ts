// Source files as the tidy test sees them: their imports, exports, comments and the constructs that need permission.
import { dirname, join } from "node:path/posix"
import { type ESTree, Visitor } from "vite"
import { lineAt, parse, read } from "./repo.ts"

export interface Import {
  /** A path from the root for a relative import, else the specifier. */
  readonly to: string
  readonly typeOnly: boolean
  readonly line: number
}

export interface Export {
  readonly name: string
  readonly isType: boolean
  readonly line: number
  readonly doc: string | undefined
}

export interface Construct {
  readonly kind: "async" | "catch" | "catch in a generator" | "console" | "Date" | "Math.random" | "Effect.run" | "Node"
  readonly line: number
}

export interface Module {
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
  readonly exports: ReadonlyArray<Export>
  readonly constructs: ReadonlyArray<Construct>
  /** The doc comment that opens the file and belongs to the file, not to its first declaration. */
  readonly header: string | undefined
  readonly codeLines: number
  readonly commentLines: number
}

const nodeGlobals = new Set(["Buffer", "process", "global", "require", "setImmediate", "clearImmediate"])

export const moduleOf = (path: string, text: string = read(path)): Module => {
  const { comments, program } = parse(path, text)
  const line = (node: { readonly start: number }) => lineAt(text, node.start)

  const docs = comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"))
  const docOf = (node: { readonly start: number }): string | undefined =>
    docs.find(({ end }) => end <= node.start && text.slice(end, node.start).trim() === "")?.value
  const first = docs.find(({ start }) => text.slice(0, start).replace(/^#!.*/, "").trim() === "")?.value
  const opening = program.body[0]

  const imports: Array<Import> = []
  const add = (source: ESTree.StringLiteral, typeOnly: boolean) =>
    imports.push({
      to: source.value.startsWith(".") ? join(dirname(path), source.value) : source.value,
      typeOnly,
      line: line(source)
    })

  const exports: Array<Export> = []
  for (const node of program.body) {
    if (node.type === "ImportDeclaration") {
      const inline =
        node.specifiers.length > 0 && node.specifiers.every((s) => "importKind" in s && s.importKind === "type")
      add(node.source, node.importKind === "type" || inline)
    } else if (node.type === "ExportAllDeclaration") {
      add(node.source, node.exportKind === "type")
    } else if (node.type === "ExportNamedDeclaration") {
      if (node.source !== null) add(node.source, node.exportKind === "type")
      for (const name of namesOf(node)) {
        // The forms of an overloaded function stand below one comment.
        if (/Function/.test(node.declaration?.type ?? "") && exports.some((one) => one.name === name)) continue
        exports.push({
          name,
          isType: /^TS(?:Interface|TypeAlias)/.test(node.declaration?.type ?? ""),
          line: line(node),
          doc: docOf(node)
        })
      }
    }
  }

  const constructs: Array<Construct> = []
  const found = (kind: Construct["kind"], node: { readonly start: number }) =>
    void constructs.push({ kind, line: line(node) })
  const generators: Array<boolean> = []
  const enter = (node: ESTree.Function | ESTree.ArrowFunctionExpression) => {
    generators.push(node.generator)
    if (node.async) found("async", node)
  }
  const leave = () => void generators.pop()
  new Visitor({
    FunctionDeclaration: enter,
    "FunctionDeclaration:exit": leave,
    FunctionExpression: enter,
    "FunctionExpression:exit": leave,
    ArrowFunctionExpression: enter,
    "ArrowFunctionExpression:exit": leave,
    CatchClause: (node) => found(generators.at(-1) === true ? "catch in a generator" : "catch", node),
    AwaitExpression: (node) => found("async", node),
    ImportExpression: (node) => {
      if (node.source.type === "Literal" && typeof node.source.value === "string") add(node.source, false)
    },
    Identifier: (node) => {
      if (node.name === "console" || node.name === "Date") found(node.name, node)
      if (nodeGlobals.has(node.name) && !isName(text, node)) found("Node", node)
    },
    MemberExpression: (node) => {
      if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return
      if (node.object.name === "Math" && node.property.name === "random") found("Math.random", node)
      if (node.object.name === "Effect" && /^run[A-Z]/.test(node.property.name)) found("Effect.run", node)
    }
  }).visit(program)

  let code = text
  for (const { start, end } of comments)
    code = code.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + code.slice(end)
  const filled = (lines: string) => lines.split("\n").filter((l) => l.trim() !== "").length
  return {
    path,
    text,
    imports,
    exports,
    constructs,
    header: opening?.type.startsWith("Import") || isReExport(opening) || docOf(opening!) !== first ? first : undefined,
    codeLines: filled(code),
    commentLines: filled(text) - filled(code)
  }
}

/** A namespace that goes with a type of the same name is part of that type. */
const namesOf = ({ declaration, specifiers }: ESTree.ExportNamedDeclaration): Array<string> => {
  if (declaration === null) {
    return specifiers.map(({ exported }) => (exported.type === "Identifier" ? exported.name : exported.value))
  }
  if (declaration.type === "TSModuleDeclaration") return []
  const declared = declaration.type === "VariableDeclaration" ? declaration.declarations : [declaration]
  return declared.flatMap(({ id }) => (id?.type === "Identifier" ? [id.name] : []))
}

const isReExport = (node: ESTree.Program["body"][number] | undefined): boolean =>
  node?.type === "ExportAllDeclaration" || (node?.type === "ExportNamedDeclaration" && node.source !== null)

/** The identifier is a property or key, `a.process` or `{ process: 1 }`, not a reference. */
const isName = (text: string, { end, start }: { readonly start: number; readonly end: number }): boolean =>
  /\.\s*$/.test(text.slice(0, start)) || /^\??\s*:/.test(text.slice(end))
