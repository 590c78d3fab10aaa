// The examples of the docs: fences cut out of Markdown and doc comments, and made into modules whose
// `expression // => expected` lines are checked.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type ESTree, Visitor } from "vite"
import { files, lineAt, parse, read, root } from "./repo.ts"

export interface Fence {
  readonly file: string
  /** Line of `file` that holds the first line of the code, from 1. */
  readonly line: number
  readonly language: string
  /** What follows the language: nothing, or `no-run: why`. */
  readonly info: string
  readonly code: string
}

/** Doc comments as Markdown, each line where it stands in the source; blank lines for everything else. */
const docComments = (file: string, text: string): string => {
  const lines = text.split("\n").map(() => "")
  for (const comment of parse(file, text).comments) {
    if (comment.type !== "Block" || !comment.value.startsWith("*")) continue
    const first = lineAt(text, comment.start)
    for (const [i, line] of comment.value.split("\n").entries()) lines[first - 1 + i] = line.replace(/^\s*\* ?/, "")
  }
  return lines.join("\n")
}

export const fencesOf = (file: string, text: string = read(file)): Array<Fence> => {
  const markdown = file.endsWith(".ts") ? docComments(file, text) : text
  const found: Array<Fence> = []
  let open: { readonly close: RegExp; readonly indent: RegExp; readonly fence: Fence; lines: Array<string> } | undefined
  for (const [i, line] of markdown.split("\n").entries()) {
    if (open === undefined) {
      const [, indent = "", ticks, language = "", info = ""] = /^(\s*)(`{3,})\s*([\w-]*)\s*(.*?)\s*$/.exec(line) ?? []
      if (ticks === undefined) continue
      open = {
        close: new RegExp(`^\\s*${ticks}\\s*$`),
        indent: new RegExp(`^\\s{0,${indent.length}}`),
        fence: { file, line: i + 2, language, info, code: "" },
        lines: []
      }
    } else if (open.close.test(line)) {
      found.push({ ...open.fence, code: open.lines.join("\n") })
      open = undefined
    } else {
      open.lines.push(line.replace(open.indent, ""))
    }
  }
  if (open !== undefined) throw new SyntaxError(`${file}:${open.fence.line}: the fence is never closed`)
  return found
}

/** Every fence of the README, the docs and the doc comments. `sh` ones are here for whoever checks command lines. */
export const allFences = (): Array<Fence> =>
  files("README.md", "docs/**/*.md", "src/**/*.ts")
    .filter((file) => !file.startsWith("docs/api/"))
    .flatMap((file) => fencesOf(file))

/** Why a `ts` fence is compiled but not run; undefined when it is run. */
export const notRun = (fence: Fence): string | undefined => {
  if (fence.info === "") return undefined
  const reason = /^no-run: (.+)$/.exec(fence.info)?.[1]
  if (reason !== undefined) return reason
  throw new SyntaxError(
    `${fence.file}:${fence.line}: a fence says \`ts\`, or \`ts no-run: reason\`, not "${fence.info}"`
  )
}

export interface Example {
  readonly fence: Fence
  readonly module: string
  /** Where each expectation stands, `file:line`. */
  readonly expectations: ReadonlyArray<string>
}

/**
 * The module of a fence. `a // => b` becomes `$example("file:line", "a", a, b)`, `const x = a // => b` the same for `x`;
 * every line keeps the number it has in the docs.
 */
export const toModule = (fence: Fence): Example => {
  const { comments, program } = parse(`${fence.file}:${fence.line}.ts`, fence.code)
  const statements: Array<ESTree.ExpressionStatement | ESTree.VariableDeclaration> = []
  new Visitor({
    ExpressionStatement: (node) => void statements.push(node),
    VariableDeclaration: (node) => void statements.push(node)
  }).visit(program)

  const expectations: Array<string> = []
  let module = fence.code
  for (const comment of comments.toReversed()) {
    const expected = /^\s*=>\s*(.*?)\s*$/.exec(comment.value)?.[1]
    if (expected === undefined) continue
    const where = `${fence.file}:${fence.line + lineAt(fence.code, comment.start) - 1}`
    const statement = statements.find(
      ({ end }) => end <= comment.start && /^[ \t]*$/.test(fence.code.slice(end, comment.start))
    )
    const [start, end] = statement === undefined ? [0, 0] : subject(statement)
    if (statement === undefined || end === 0) {
      throw new SyntaxError(`${where}: "// => ${expected}" must follow an expression or a declaration`)
    }
    const actual = fence.code.slice(start, end)
    const check = `$example(${JSON.stringify(where)}, ${JSON.stringify(actual)}, ${actual}, ${expected});`
    module =
      statement.type === "ExpressionStatement"
        ? module.slice(0, statement.start) + check + module.slice(statement.end)
        : `${module.slice(0, statement.end)}; ${check}${module.slice(statement.end)}`
    expectations.unshift(where)
  }
  return {
    fence,
    module: `${"\n".repeat(fence.line - 1)}${module}\nimport { $example } from "../../test/support/expectation.ts"\n`,
    expectations
  }
}

/** The part of a statement whose value is expected: the expression, or the name that is declared. */
const subject = (statement: ESTree.ExpressionStatement | ESTree.VariableDeclaration): readonly [number, number] => {
  if (statement.type === "ExpressionStatement") return [statement.expression.start, statement.expression.end]
  const [declared, ...more] = statement.declarations
  return declared?.id.type === "Identifier" && more.length === 0 ? [declared.id.start, declared.id.end] : [0, 0]
}

/** Path of the module of `example` below `directory`. */
export const pathOf = (directory: string, { fence }: Example): string =>
  join(root, directory, `${fence.file.replaceAll("/", "-")}-${fence.line}.ts`)

/** Makes `directory` hold the modules of these examples, and a project that type-checks them as strictly as the sources. */
export const writeModules = (directory: string, examples: ReadonlyArray<Example>): void => {
  const wanted = new Map(examples.map((example) => [pathOf(directory, example), example.module]))
  wanted.set(
    join(root, directory, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ["*.ts"]
    })
  )
  mkdirSync(join(root, directory), { recursive: true })
  for (const name of readdirSync(join(root, directory))) {
    const path = join(root, directory, name)
    // Left alone when it is right, so that watching the tests comes to rest.
    if (readFileSync(path, "utf8") === wanted.get(path)) wanted.delete(path)
    else rmSync(path)
  }
  for (const [path, text] of wanted) writeFileSync(path, text)
}
