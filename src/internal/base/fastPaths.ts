// Short cuts for speed, which never change an answer. The tests run everything with each switched off too, and demand
// equal results. In a program they are always on.
export const fastPaths = {
  /** Before a look-up, ask the piece that the last one found. */
  lastHit: true,
  /** Build the flat index (internal/map/flat.ts) for a map that is read often. */
  flat: true,
  /** Decode a value where it lies when one piece in memory holds all of it, without copying its bytes. */
  onePiece: true,
  /** Decode structs with a function compiled for their members, where the engine lets text be compiled. */
  compiled: true,
  /** Search in the ways that are fast on most bytes and give up where they are slow: then the one that is always linear. */
  quickSearch: true
}
