/**
 * Numbers of 32 bits without pattern, the same on every run: a linear congruential generator (Numerical Recipes,
 * section 7.1).
 */
export const randomWords = (seed: number): (() => number) => {
  let state = seed
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
}
