// The repository as text and syntax, for the tests that read code rather than run it.
import { globSync, readFileSync } from "node:fs"
import { join, sep } from "node:path"
import { type ParseResult, parseSync } from "vite"

export const root = join(import.meta.dirname, "..", "..")

/** Paths relative to the root, with `/`, sorted. */
export const files = (...patterns: ReadonlyArray<string>): Array<string> =>
  globSync(patterns, { cwd: root })
    .map((path) => path.split(sep).join("/"))
    .sort()

export const read = (path: string): string => readFileSync(join(root, path), "utf8")

export const parse = (path: string, code: string = read(path)): ParseResult => {
  const result = parseSync(path, code, { sourceType: "module" })
  const error = result.errors[0]
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`)
  return result
}

/** The line, from 1, of an offset into `code`. */
export const lineAt = (code: string, offset: number): number => code.slice(0, offset).split("\n").length
