// Objects as lines of JSON.

/**
 * One line of JSON. Sizes and counts are bigints and become decimal strings; addresses have been written in hex before.
 * The control characters that JSON lets pass are escaped too.
 */
export const jsonText = (object: object): string =>
  JSON.stringify(object, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`
  )
