// Makes dist/bin.js one file that needs no other: `memmap` then starts in less than half the time. A step of
// `npm run build`, after tsc has written dist.
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
    rolldownOptions: { external: ["koffi"], output: { entryFileNames: "bin.js", codeSplitting: false } }
  }
})
rmSync(join(dist, "bin.js.map")) // it belonged to the file that has been replaced
