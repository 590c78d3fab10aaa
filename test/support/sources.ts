// `node --import test/support/sources.ts program.ts`: the package by its own name, from the sources, as tests have it.
import { registerHooks } from "node:module"

const fileOf = (path: string) => (path === "" ? "index" : /^(linux|node|testing)$/.test(path) ? `${path}/index` : path)

registerHooks({
  resolve: (specifier, context, next) => {
    const path = /^effect-memory-map(?:$|\/)(.*)$/.exec(specifier)?.[1]
    return next(path === undefined ? specifier : import.meta.resolve(`../../src/${fileOf(path)}.ts`), context)
  }
})
