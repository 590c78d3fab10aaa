// Short cuts that must not change an answer. Tests switch them off and demand equal results.
export const fastPaths = {
  /** Ask the piece of the last read first. */
  lastHit: true,
  /** Build flat arrays for a map that is read often. */
  flat: true,
  /** Decode a value in place when one resident piece holds all of it. */
  onePiece: true,
  /** Look for needles in the quick ways that give up on bytes that do not suit them. */
  quickSearch: true
}
