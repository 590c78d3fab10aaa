/**
 * Lines of text with styled parts: what the other modules of `render/` give, for a terminal, a pipe or a page.
 *
 * A style says what a part is, not how it looks. `plain` drops the styles, `ansi` turns them into colours of a terminal;
 * both write control and format characters as `\x1b` or `\u202e`, so that no name or text out of an image can command the terminal.
 *
 * @since 0.1.0
 */

/**
 * What a part of a line is. The five kinds of bytes are those of hexyl: zero, printable, white space, other ASCII, and
 * 0x80 or above.
 *
 * @category models
 * @since 0.1.0
 */
export type Style =
  | "address"
  | "byteZero"
  | "bytePrintable"
  | "byteSpace"
  | "byteControl"
  | "byteHigh"
  | "hole"
  | "absent"
  | "unreadable"
  | "match"
  | "heading"
  | "note"
  | "error"

/**
 * A part of a line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Span {
  readonly text: string
  readonly style: Style | undefined
}

/**
 * A line, without the line break.
 *
 * @category models
 * @since 0.1.0
 */
export type Line = ReadonlyArray<Span>

/**
 * A part of a line.
 *
 * @category constructors
 * @since 0.1.0
 */
export const span = (text: string, style?: Style): Span => ({ text, style })

/**
 * What commands a terminal or misleads its reader: control characters (C0, DEL, C1), format characters (all that Unicode
 * has: marks of direction, joiners, tags, the byte order mark), line and paragraph separators, and half surrogates.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/**
 * Writes what commands a terminal or misleads its reader as `\x1b`, `\u202e` or `\u{e0001}`: control and format
 * characters, line separators, half surrogates.
 *
 * @category serialization
 * @since 0.1.0
 */
export const escape = (text: string): string =>
  text.replace(unsafe, (character) => {
    const code = character.codePointAt(0)!
    const digits = code.toString(16)
    if (code < 0x100) return `\\x${digits.padStart(2, "0")}`
    return code < 0x1_0000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`
  })

/**
 * The text alone.
 *
 * **Example** (A line without its styles)
 *
 * ```ts
 * import * as Line from "effect-memory-map/render/Line"
 *
 * Line.plain([Line.span("0x1000", "address"), Line.span("  bell: \u0007")]) // => "0x1000  bell: \\x07"
 * ```
 *
 * @category serialization
 * @since 0.1.0
 */
export const plain = (line: Line): string => {
  let text = ""
  for (const part of line) text += part.text
  return escape(text)
}

// Colours of the 16 that every terminal has, and that follow its theme.
const codes: Readonly<Record<Style, string>> = {
  address: "2",
  byteZero: "90",
  bytePrintable: "36",
  byteSpace: "32",
  byteControl: "35",
  byteHigh: "33",
  hole: "2",
  absent: "2;33",
  unreadable: "31",
  match: "1;7",
  heading: "1",
  note: "2",
  error: "1;31"
}

/**
 * The text with the colours of a terminal, by SGR escape sequences of the 16 basic colours.
 *
 * @category serialization
 * @since 0.1.0
 */
export const ansi = (line: Line): string => {
  let text = ""
  for (const part of line) {
    text += part.style === undefined ? escape(part.text) : `\u001b[${codes[part.style]}m${escape(part.text)}\u001b[0m`
  }
  return text
}
