// All benchmarks, one after the other, each in a process of its own, so that none has another's heap or compiled code.
// `npm run bench` runs all, `npm run bench -- map` one.
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const all = ["map", "search", "snapshot", "walk", "layout", "holds", "fleet"]
const [wanted, ...rest] = process.argv.slice(2)
const chosen = wanted === undefined ? all : all.filter((name) => name === wanted)
if (chosen.length === 0) {
  console.error(`there is no benchmark "${wanted}"; there are ${all.join(", ")}`)
  process.exit(2)
}
for (const name of chosen) {
  console.log(`\n# ${name}\n`)
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const { status } = spawnSync(process.execPath, ["--expose-gc", script, ...rest], { stdio: "inherit" })
  if (status !== 0) process.exitCode = 1
}
