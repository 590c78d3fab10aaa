/**
 * Lines of text with styled parts: what the other modules of `render/` give, for a terminal, a pipe or a page.
 *
 * A style says what a part is, not how it looks. `plain` drops the styles, `ansi` turns them into colours of a terminal;
 * both write control characters as `\x1b`, so that no name or text out of an image can command the terminal.
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

// C0, DEL, C1, and the marks that turn the direction of writing round.
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g

/**
 * Writes control characters, and marks that turn the direction of writing round, as `\x1b` and `\u202e`.
 *
 * @category serialization
 * @since 0.1.0
 */
export const escape = (text: string): string =>
  text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
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
