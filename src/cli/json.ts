// Objects as lines of JSON.

const unitText = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`

/**
 * One line of JSON. Sizes and counts are bigints and become decimal strings; addresses have been written in hex before.
 * The characters that JSON lets pass and that command a terminal or mislead its reader (see `render/Line`) are escaped
 * too; half surrogates are by JSON.stringify.
 */
export const jsonText = (object: object): string =>
  JSON.stringify(object, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => Array.from({ length: character.length }, (_, i) => unitText(character.charCodeAt(i))).join("")
  )
