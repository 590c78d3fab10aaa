/**
 * Questions to thousands of images, answered by many workers of which any may die.
 *
 * @since 0.1.0
 */
export * as Fleet from "./Fleet.ts"
export * as Images from "./Images.ts"
