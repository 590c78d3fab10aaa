// Links from page to page, and from pages to files and headings, lead somewhere.
import { assert, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { files, read, root } from "./support/repo.ts"

/** The name that a heading gets in a link, as GitHub makes it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

const headings = (page: string): ReadonlyArray<string> =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchor(heading))

const broken = (page: string, text: string): ReadonlyArray<string> =>
  [...text.replace(/^```[^]*?^```/gm, "").matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    if (/^https?:/.test(link)) return []
    const [path = "", heading] = link.split("#")
    const target = path === "" ? page : normalize(join(dirname(page), path))
    if (!existsSync(join(root, target))) return [`${page}: ${link}: no such file`]
    return heading === undefined || headings(target).includes(heading) ? [] : [`${page}: ${link}: no such heading`]
  })

const pages = files("*.md", "docs/**/*.md", "test/fixtures/*.md").filter((page) => !page.startsWith("docs/api/"))

it("every link in the docs leads somewhere", () => {
  assert.isAbove(pages.length, 10)
  assert.deepStrictEqual(
    pages.flatMap((page) => broken(page, read(page))),
    []
  )
})

it("a link that leads nowhere is found", () => {
  const text = "[a](LICENSE) [b](missing.md) [c](README.md#install) [d](README.md#missing) [e](https://example.org)"
  assert.deepStrictEqual(broken("README.md", text), [
    "README.md: missing.md: no such file",
    "README.md: README.md#missing: no such heading"
  ])
})

it("every page of the docs is linked to", () => {
  const linked = new Set(
    pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, link = ""]) => normalize(join(dirname(page), link)))
    )
  )
  assert.deepStrictEqual(
    pages.filter((page) => page.startsWith("docs/") && !linked.has(page)),
    []
  )
})
