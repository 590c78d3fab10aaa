// Everything that must hold before a change lands: `npm test`. Every step runs, whatever became of those before it, and
// prints its time. At the end stand the tests that were skipped, and why, and a line that counts steps and tests:
// `N passed, N failed, N skipped`.
import { spawnSync } from "node:child_process"
import { delimiter, join } from "node:path"
import { startVitest } from "vitest/node"

const root = join(import.meta.dirname, "..")
process.chdir(root)
process.env["PATH"] = `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}`

const count = { passed: 0, failed: 0 }

const say = (name: string, ok: boolean, since: number) =>
  console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(8)} ${((performance.now() - since) / 1000).toFixed(1)} s`)

const step = (name: string, command: string) => {
  const since = performance.now()
  const { error, status, stderr, stdout } = spawnSync(command, { shell: true, encoding: "utf8" })
  const ok = status === 0
  if (!ok) console.log([error?.message, stdout, stderr].filter(Boolean).join("\n"))
  count[ok ? "passed" : "failed"]++
  say(name, ok, since)
}

step("types", "tsc -p .")
step("lint", "oxlint --deny-warnings")
step("format", "oxfmt -c .oxfmtrc.json --check .")
step("effect", "effect-tsgo diagnostics --project tsconfig.json --strict --severity error,warning --format text")

const since = performance.now()
const vitest = await startVitest([], { watch: false })
const tests = { passed: 0, failed: 0, skipped: 0 }
const skipped: Array<string> = []
const modules = vitest.state.getTestModules()
for (const module of modules) {
  for (const test of module.children.allTests()) {
    const result = test.result()
    if (result.state === "passed" || result.state === "failed") tests[result.state]++
    else {
      const why = result.state === "skipped" && result.note !== undefined ? `: ${result.note}` : ""
      tests.skipped++
      skipped.push(`  ${module.relativeModuleId}: ${test.fullName}${why}`)
    }
  }
}
// What breaks outside a test, in an import, a hook or after the last test, is one more failure.
const broken =
  modules.flatMap((module) => [module, ...module.children.allSuites()]).filter((suite) => suite.errors().length > 0)
    .length +
  vitest.state.getUnhandledErrors().length +
  (modules.length === 0 ? 1 : 0)
await vitest.close()

const passed = count.passed + tests.passed
const failed = count.failed + tests.failed + broken
say("tests", tests.failed + broken === 0, since)
if (skipped.length > 0) console.log(`skipped\n${skipped.join("\n")}`)
console.log(`${passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`)
process.exit(failed > 0 ? 1 : 0)
