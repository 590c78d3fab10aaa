// What a layout needs of a map, as numbers: of several needs the largest covers all.
export const NOTHING = 0
/** The byte order. */
export const ENDIAN = 1
/** The word size, and with it the byte order. */
export const WORDS = 2
export type Needs = typeof NOTHING | typeof ENDIAN | typeof WORDS
