// The page docs/examples/browser.html, bundled by Vite as a user would, in headless Chromium.
import { afterAll, assert, describe, it, onTestFinished } from "@effect/vitest"
import { spawn } from "node:child_process"
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { build, type Rolldown } from "vite"
import { files, read, root } from "./support/repo.ts"

const truth = JSON.parse(read("test/fixtures/list.json"))

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const chromium = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, name)))
  .find(isProgram)

/** The files that `input` becomes, by path. A module of Node, or one that cannot be found, fails it. */
const bundle = async (input: string): Promise<ReadonlyMap<string, string | Uint8Array>> => {
  const { output } = (await build({
    root: dirname(input),
    configFile: false,
    logLevel: "silent",
    resolve: {
      alias: [
        { find: /^effect-memory-map$/, replacement: join(root, "src", "index.ts") },
        { find: /^node:.*|^@effect\/platform-node.*/, replacement: join(root, "no", "such", "module") }
      ]
    },
    build: { write: false, rolldownOptions: { input } }
  })) as Rolldown.RolldownOutput
  return new Map(output.map((file) => [`/${file.fileName}`, file.type === "chunk" ? file.code : file.source]))
}

// What somebody does in the page: they choose a file, and read the answer when it has come. It is sent to `/answer`.
const visitor = `<script type="module">
  const send = (body) => fetch("/answer", { method: "POST", body })
  addEventListener("error", (event) => send(event.message))
  addEventListener("unhandledrejection", (event) => send(String(event.reason)))
  const answer = document.getElementById("answer")
  new MutationObserver(() => send(answer.textContent)).observe(answer, { childList: true })
  const image = document.getElementById("image")
  const chosen = new DataTransfer()
  chosen.items.add(new File([await (await fetch("/image")).blob()], "list.core"))
  image.files = chosen.files
  image.dispatchEvent(new Event("change"))
</script>`

/** Serves the page with its visitor and `image`, and gives the text that is sent back. */
const visit = async (page: ReadonlyMap<string, string | Uint8Array>, image: Uint8Array): Promise<string> => {
  const { promise: answer, reject, resolve } = Promise.withResolvers<string>()
  const server = createServer((request, response) => {
    const path = request.url ?? "/"
    const body = path === "/image" ? image : page.get(path)
    if (path === "/answer") {
      let text = ""
      request.setEncoding("utf8").on("data", (part: string) => (text += part))
      request.on("end", () => resolve(text))
      response.end()
    } else if (body === undefined) {
      response.writeHead(404).end()
    } else if (path.endsWith(".html")) {
      response.writeHead(200, { "content-type": "text/html" }).end(`${String(body)}${visitor}`)
    } else {
      const type = path.endsWith(".js") ? "text/javascript" : "application/octet-stream"
      response.writeHead(200, { "content-type": type }).end(body)
    }
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  onTestFinished(() => void server.close())

  const profile = mkdtempSync(join(tmpdir(), "effect-memory-map-browser-"))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/browser.html`
  const options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
  const browser = spawn(chromium!, [...options, `--user-data-dir=${profile}`, url], { detached: true, stdio: "ignore" })
  const gone = new Promise<void>((exited) => browser.on("exit", () => exited()))
  browser.on("exit", (code) => reject(new Error(`the browser has ended with ${code}`)))
  onTestFinished(async () => {
    if (browser.exitCode === null) process.kill(-browser.pid!, "SIGKILL") // and the processes that it started
    await gone
    server.closeAllConnections()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  return answer
}

describe("in a browser", { timeout: 60_000 }, () => {
  it.skipIf(chromium === undefined)(
    "a page opens a core dump that somebody chose, and finds a text in it (needs Chromium)",
    async () => {
      const page = await bundle(join(root, "docs", "examples", "browser.html"))
      const answer = await visit(page, readFileSync(join(root, "test", "fixtures", "list.core")))
      const [first = "", ...found] = answer.split("\n")
      assert.match(first, /^elf: \d+ found$/)
      assert.include(found, `${truth.symbols.banner} ${truth.banner}`)
    }
  )

  const directory = mkdtempSync(join(tmpdir(), "effect-memory-map-entries-"))
  afterAll(() => rmSync(directory, { recursive: true }))
  const bundled = (...entries: ReadonlyArray<string>) => {
    const page = join(directory, "index.html")
    const imports = entries.map((entry, i) => `import * as e${i} from "${join(root, entry)}"; console.log(e${i})`)
    writeFileSync(page, `<script type="module">${imports.join("\n")}</script>`)
    return bundle(page)
  }

  it("every entry point but the one for Node is bundled without a module of Node", async () => {
    const page = await bundled(...files("src/{,linux/,testing/}index.ts", "src/{image,render}/*.ts"))
    assert.isNotEmpty([...page.keys()].filter((path) => path.endsWith(".js")))
  })

  it("an entry point that needs a module of Node is refused", async () => {
    const outcome = await bundled("src/node/index.ts").then(
      () => "bundled",
      (error: Error) => error.message
    )
    assert.include(outcome, "no/such/module")
  })
})
