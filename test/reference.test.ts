// `npm run docs` makes the API reference. typedoc needs a TypeScript with a compiler API, which version 7 has not; npm
// gives it one of its own, outside of node_modules.
import { assert, it, vi } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { files, root } from "./support/repo.ts"
import { temporaryFiles } from "./support/temporary.ts"

vi.setConfig({ testTimeout: 300_000 }) // the tool may have to be fetched

const path = temporaryFiles()

it("makes a page for every public module, without a warning", (context) => {
  const args = ["run", "docs", "--fetch-retries=1", "--prefer-offline", "--", "--out", path("api")]
  const { status, stderr, stdout } = spawnSync("npm", args, { cwd: root, encoding: "utf8" })
  const output = `${stdout}${stderr}`
  const network = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b/.exec(output)?.[0]
  if (status !== 0 && network !== undefined) context.skip(`the npm registry cannot be reached (${network})`)
  assert.strictEqual(status, 0, output)

  const pages = files("src/*.ts", "src/{node,testing,image,render}/*.ts").flatMap((file) => {
    const [, folder = "index", name] = /^src\/(?:(\w+)\/)?([A-Z]\w*)\.ts$/.exec(file) ?? []
    if (name === undefined) return []
    return [`modules/${folder}${folder === "image" || folder === "render" ? "_" : "."}${name}.html`]
  })
  assert.isAbove(pages.length, 20)
  assert.deepStrictEqual(
    pages.filter((page) => !existsSync(join(path("api"), page))),
    []
  )
})
