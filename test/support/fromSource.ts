// Lets programs that import the package by its name run against the sources: `node --import ./test/support/fromSource.ts`.
import { registerHooks } from "node:module"

const src = (path: string) => new URL(`../../src/${path}.ts`, import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) => {
    const match = /^effect-memory-map(?:\/(.+))?$/.exec(specifier)
    if (match === null) return next(specifier, context)
    const path = match[1]
    const url = src(path === undefined ? "index" : /^(node|testing)$/.test(path) ? `${path}/index` : path)
    return { url, shortCircuit: true }
  }
})
