// Bundles dist/bin.js, with the few files of dist/bin that it loads when they are wanted: `memmap` then starts in less than half
// the time. A step of `npm run build`, after tsc has written dist.
import { rmSync } from "node:fs"
import { join } from "node:path"
import { build } from "vite"

const dist = join(import.meta.dirname, "..", "dist")

await build({
  configFile: false,
  logLevel: "warn",
  ssr: { noExternal: true, target: "node" },
  build: {
    ssr: join(dist, "bin.js"),
    outDir: dist,
    emptyOutDir: false,
    target: "node22",
    minify: true,
    license: { fileName: "bin.licenses.md" }, // of what is bundled
    rolldownOptions: { external: ["koffi"], output: { entryFileNames: "bin.js", chunkFileNames: "bin/[name].js" } }
  }
})
rmSync(join(dist, "bin.js.map")) // it belonged to the file that has been replaced
