import { assert, describe, it, vi } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { allFences, type Example, fencesOf, notRun, pathOf, toModule, writeModules } from "./support/examples.ts"
import { outcomes } from "./support/expectation.ts"
import { root } from "./support/repo.ts"

const run = async (directory: string, example: Example, timeout = 5000): Promise<void> => {
  await import(pathOf(directory, example))
  // A fence may leave a fiber running; every line that promises a value must still be reached.
  await vi.waitFor(
    () => {
      const missing = example.expectations.filter((where) => !outcomes.has(where))
      assert.deepStrictEqual(missing, [], "expectations that were never evaluated")
    },
    { timeout }
  )
  for (const where of example.expectations) assert.isUndefined(outcomes.get(where))
}

/** What the compiler says of the examples; what it says of the sources is the business of `tsc -p .`. */
const typeCheck = (directory: string): Array<string> =>
  spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", directory, "--pretty", "false"], {
    cwd: root,
    encoding: "utf8"
  })
    .stdout.split("\n")
    .filter((line) => line.startsWith(directory))

describe("examples", () => {
  const examples = allFences()
    .filter(({ language }) => language === "ts")
    .map(toModule)
  writeModules(".cache/docs", examples)

  it("type-check as they stand in the docs", () => assert.deepStrictEqual(typeCheck(".cache/docs"), []))

  for (const example of examples) {
    const { file, line } = example.fence
    it(`${file}:${line}`, (context) => {
      const reason = notRun(example.fence)
      return reason === undefined ? run(".cache/docs", example) : context.skip(reason)
    })
  }
})

describe("the check of the examples", () => {
  const directory = ".cache/docs-wrong"
  const fence = (...lines: ReadonlyArray<string>) =>
    fencesOf("wrong.md", ["# A title", "", "```ts", ...lines, "```", ""].join("\n"))[0]!
  const wrong = {
    value: toModule(fence("const a: number = 1", "a + 1 // => 3")),
    type: toModule({ ...fence("const a: string = 1"), line: 20 }),
    unreached: toModule({ ...fence("if (Math.abs(0) > 1) {", '  "a".length // => 1', "}"), line: 40 }),
    throws: toModule({ ...fence('throw new Error("as it stands")'), line: 60 })
  }
  writeModules(directory, Object.values(wrong))
  const failure = (example: Example) =>
    run(directory, example, 100).then(
      () => "passed",
      (error: Error) => error.message
    )

  it("finds a wrong value, and says where", async () => {
    const message = await failure(wrong.value)
    assert.include(message, "wrong.md:5")
    assert.include(message, "a + 1\nis\n  3\nbut it is\n  2")
  })

  it("finds an expectation that is never reached", async () => {
    assert.include(await failure(wrong.unreached), "never evaluated")
  })

  it("finds an example that throws", async () => {
    assert.strictEqual(await failure(wrong.throws), "as it stands")
  })

  it("finds an example that does not compile, by its line in the docs", () => {
    const errors = typeCheck(directory)
    assert.strictEqual(errors.length, 1)
    assert.match(errors[0]!, /wrong\.md-20\.ts\(20,7\): error TS2322/)
  })

  it("refuses an expectation without an expression", () => {
    assert.throws(() => toModule(fence("f(", "  1 // => 1", ")")), /wrong\.md:5: "\/\/ => 1" must follow/)
  })

  it("refuses to leave out an example without a reason", () => {
    const [bare, reasoned] = fencesOf("a.md", "```ts no-run\n1\n```\n```ts no-run: needs a kernel\n1\n```\n")
    assert.throws(() => notRun(bare!), /no-run: reason/)
    assert.strictEqual(notRun(reasoned!), "needs a kernel")
  })

  it("reads fences in lists and in doc comments, with their lines", () => {
    const [inList] = fencesOf("a.md", "- item\n\n  ````sh\n  $ memmap\n    ```\n  ````\n")
    assert.deepStrictEqual(inList, { file: "a.md", line: 4, language: "sh", info: "", code: "$ memmap\n  ```" })
    const [inComment] = fencesOf("a.ts", "const a = 1\n/**\n * ```ts\n * a // => 1\n * ```\n */\n")
    assert.deepStrictEqual(inComment, { file: "a.ts", line: 4, language: "ts", info: "", code: "a // => 1" })
  })
})
