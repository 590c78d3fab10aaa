// C text in tokens: comments and the preprocessor are taken out, `#define NAME NUMBER` and `#pragma pack` are kept.

/** A token, and the line it is on, from 1. */
export interface Token {
  readonly text: string
  readonly line: number
}

/** What is wrong with a text, and where. It is thrown inside the parser and becomes an error of its own at its edge. */
export class Wrong {
  readonly line: number
  readonly why: string
  constructor(line: number, why: string) {
    this.line = line
    this.why = why
  }
}

const token =
  /\s*(?:([A-Za-z_]\w*)|(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*\b|(<<|>>|[-+*/%&|~(){}[\];:,=.?])|("(?:[^"\\]|\\.)*"))/y

/** Comments become spaces; line breaks in them stay, so that lines keep their numbers. */
const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replaceAll(/[^\n]+/g, " "))

/** A directive as a token of its own: the parser acts on packing and constants, and the rest is passed over. */
const directiveOf = (line: string): string | undefined =>
  /^\s*#\s*(pragma\s+pack\b.*|define\s+\w+\s+\S.*)$/.exec(line)?.[1]

export const tokensOf = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  // A directive goes on behind a backslash at the end of its line.
  const lines = withoutComments(text).split(/\r?\n/)
  let isContinued = false
  for (const [i, line] of lines.entries()) {
    const isDirective: boolean = isContinued || /^\s*#/.test(line)
    isContinued = isDirective && line.endsWith("\\")
    if (isDirective) {
      const directive = directiveOf(line)
      if (directive !== undefined) tokens.push({ text: `#${directive.trim()}`, line: i + 1 })
      continue
    }
    token.lastIndex = 0
    while (/\S/.test(line.slice(token.lastIndex))) {
      const at = token.lastIndex
      const found = token.exec(line)
      if (found === null)
        throw new Wrong(i + 1, `"${line.slice(at).trim().slice(0, 20)}" is nothing that a declaration has`)
      tokens.push({ text: found[1] ?? found[2] ?? found[3] ?? found[4]!, line: i + 1 })
    }
  }
  return tokens
}
