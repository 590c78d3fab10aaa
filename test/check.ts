// Everything that must hold before a change lands: `npm test`. Every step runs, whatever became of those before it, and
// prints its time; what fails is printed in full. At the end stand the tests that failed, how many were skipped and why,
// and a line that counts steps and tests: `N passed, N failed, N skipped`.
//
// On a terminal vitest shows the files as they pass. Elsewhere, in a log, it prints failures alone and no colours.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import type { TestCase } from "vitest/node"

const root = join(import.meta.dirname, "..")
process.chdir(root)
process.env["PATH"] = `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}`
if (!process.stdout.isTTY) process.env["NO_COLOR"] = "1"

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

const { scripts } = JSON.parse(readFileSync("package.json", "utf8"))
step("types", scripts.typecheck)
step("lint", scripts.lint)
step("effect", scripts["lint:effect"])
step("format", `${scripts.format} --check`)

/** Counts the reasons, the most frequent first: what a test said when it skipped itself, or what its name says. */
const reasons = (skipped: ReadonlyArray<TestCase>): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const test of skipped) {
    const result = test.result()
    const reason =
      (result.state === "skipped" ? result.note : undefined) ??
      /\((?:skipped )?((?:without|where|unlike|needs)\b[^)]*)\)/.exec(test.fullName)?.[1] ??
      `${test.module.relativeModuleId}: ${test.fullName}`
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([reason, n]) => `${String(n).padStart(5)}  ${reason}`)
}

const list = (title: string, lines: ReadonlyArray<string>, most = 10) => {
  if (lines.length === 0) return
  console.log([title, ...lines.slice(0, most)].join("\n"))
  if (lines.length > most) console.log(`  and ${lines.length - most} more`)
}

const since = performance.now()
const { startVitest } = await import("vitest/node") // after NO_COLOR is set, which it reads when it is loaded
const vitest = await startVitest([], { watch: false, reporters: [process.stdout.isTTY ? "default" : "minimal"] })
const modules = vitest.state.getTestModules()
const tests = modules.flatMap((module) => [...module.children.allTests()])
const passed = tests.filter((test) => test.result().state === "passed")
const failed = tests.filter((test) => test.result().state === "failed")
const skipped = tests.filter((test) => !passed.includes(test) && !failed.includes(test))
// What breaks outside a test, in an import, a hook or after the last test, is one more failure.
const broken =
  modules.flatMap((module) => [module, ...module.children.allSuites()]).filter((suite) => suite.errors().length > 0)
    .length +
  vitest.state.getUnhandledErrors().length +
  (modules.length === 0 ? 1 : 0)
await vitest.close()

say("tests", failed.length + broken === 0, since)
const named = failed.map((test) => `  ${test.module.relativeModuleId}: ${test.fullName}`)
list("failed", named)
list("skipped", reasons(skipped))
const failures = count.failed + failed.length + broken
console.log(
  `${count.passed + passed.length} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`
)
process.exit(failures > 0 ? 1 : 0)
