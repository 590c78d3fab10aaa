import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    // The package by its own name, as users import it: the examples in the docs run against the sources.
    alias: [
      { find: /^effect-memory-map$/, replacement: src("index.ts") },
      { find: /^effect-memory-map\/(fleet|linux|node|testing)$/, replacement: src("$1/index.ts") },
      { find: /^effect-memory-map\/((?:(?:image|linux|render)\/)?[A-Z]\w*)$/, replacement: src("$1.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    maxWorkers: 2,
    silent: "passed-only",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    typecheck: {
      enabled: true,
      include: ["test/types/**/*.test-d.ts"],
      ignoreSourceErrors: true // `tsc -p .` reports them
    }
  }
})
