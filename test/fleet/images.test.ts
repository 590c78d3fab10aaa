import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer } from "effect"
import { FileMapper } from "effect-memory-map"
import { Images } from "effect-memory-map/fleet"
import { HttpClient, HttpClientResponse } from "effect/http"

interface Server {
  readonly bytes: Uint8Array
  readonly ranges?: boolean
  readonly etag?: string
  readonly length?: boolean
}

/** A web server without a network, and what it was asked for. */
const web = (pages: Record<string, Server>) => {
  const asked: Array<string> = []
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      const { range } = request.headers
      const page = pages[url.pathname]
      asked.push(`${request.method} ${url.pathname}${range === undefined ? "" : ` ${range}`}`)
      const answer = (body: Uint8Array | null, init: ResponseInit) =>
        HttpClientResponse.fromWeb(request, new Response(body === null ? null : body.slice(), init))
      if (page === undefined) return answer(null, { status: 404 })
      const headers: Record<string, string> = { "last-modified": "Thu, 26 Nov 2026 10:00:00 GMT" }
      if (page.ranges !== false) headers["accept-ranges"] = "bytes"
      if (page.length !== false) headers["content-length"] = String(page.bytes.length)
      if (page.etag !== undefined) headers["etag"] = page.etag
      if (request.method === "HEAD") return answer(null, { status: 200, headers })
      const condition = request.headers["if-match"]
      if (condition !== undefined && condition !== page.etag) return answer(null, { status: 412 })
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? []
      return from === undefined
        ? answer(page.bytes, { status: 200, headers })
        : answer(page.bytes.subarray(Number(from), Number(to) + 1), { status: 206 })
    })
  )
  return { asked, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const files = Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)
const layer = Layer.provideMerge(Images.layer, files)

describe("images in a directory", () => {
  it.effect(
    "are all files below it, each once where links lead in circles, and what cannot be read is named itself",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        yield* fs.makeDirectory(`${home}/sub`)
        yield* fs.writeFile(`${home}/a`, Uint8Array.of(1))
        yield* fs.writeFile(`${home}/sub/b`, Uint8Array.of(2))
        yield* fs.symlink(home, `${home}/sub/up`)
        yield* fs.symlink(`${home}/nowhere`, `${home}/dangling`)
        const images = yield* Images.Images
        assert.deepStrictEqual(yield* images.list(home), [`${home}/a`, `${home}/dangling`, `${home}/sub/b`])
        const error = yield* Effect.flip(images.identify(`${home}/dangling`))
        assert.strictEqual(error.message, `${home}/dangling: there is no such file`)
      }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("images on the web", () => {
  const large = new Uint8Array(5 << 20)
  large.set(new TextEncoder().encode("near the end"), (4 << 20) + 17)

  it.effect("are read by ranges, in blocks, each once", () => {
    const { asked, layer: client } = web({ "/large": { bytes: large, etag: '"1"' } })
    return Effect.gen(function* () {
      const images = yield* Images.Images
      const at = "https://dumps.example/large"
      assert.deepStrictEqual(yield* images.list(at), [at])
      const source = yield* images.open(at)
      assert.strictEqual(source.size, BigInt(large.length))
      for (let i = 0; i < 3; i++) {
        const bytes = yield* source.read((4n << 20n) + 17n, 12)
        assert.strictEqual(new TextDecoder().decode(bytes), "near the end")
      }
      assert.deepStrictEqual(asked, ["HEAD /large", "GET /large bytes=4194304-5242879"])
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(layer, client)))
  })

  it.effect("are the same image until they change, and two places are two images", () => {
    const pages: Record<string, Server> = { "/a": { bytes: large }, "/b": { bytes: large } }
    return Effect.gen(function* () {
      const images = yield* Images.Images
      const a = yield* images.identify("http://dumps.example/a")
      assert.strictEqual((yield* images.identify("http://dumps.example/a")).id, a.id)
      assert.notStrictEqual((yield* images.identify("http://dumps.example/b")).id, a.id)
      pages["/a"] = { bytes: large.with(0, 1) }
      assert.notStrictEqual((yield* images.identify("http://dumps.example/a")).id, a.id)
    }).pipe(Effect.provide(Layer.provide(layer, web(pages).layer)))
  })

  it.effect("are refused where they would be downloaded whole, and told when they change under way", () => {
    const pages: Record<string, Server> = {
      "/whole": { bytes: large, ranges: false },
      "/endless": { bytes: large, length: false },
      "/moving": { bytes: large, etag: '"1"' }
    }
    return Effect.gen(function* () {
      const images = yield* Images.Images
      const why = (page: string) =>
        Effect.map(Effect.flip(images.identify(`http://dumps.example/${page}`)), ({ message }) => message)
      assert.include(yield* why("whole"), "Accept-Ranges")
      assert.include(yield* why("endless"), "Content-Length")
      assert.include(yield* why("nowhere"), "404")
      const source = yield* images.open("http://dumps.example/moving")
      pages["/moving"] = { bytes: large.with(0, 1), etag: '"2"' }
      const error = yield* Effect.flip(source.read(0n, 1))
      assert.strictEqual(error._tag, "SourceError")
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(layer, web(pages).layer)))
  })

  it.effect("need a client, and are refused without one", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* Images.Images).identify("http://dumps.example/a"))
      assert.include(error.message, "HttpClient")
    }).pipe(Effect.provide(layer))
  )
})

describe("images in files", () => {
  it.effect("are all regular files below a directory, by path or file: address", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const images = yield* Images.Images
      const dir = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${dir}/sub`)
      yield* fs.writeFileString(`${dir}/b 1`, "b")
      yield* fs.writeFileString(`${dir}/sub/a`, "a")
      assert.deepStrictEqual(yield* images.list(`${dir}/`), [`${dir}/b 1`, `${dir}/sub/a`])
      const one = yield* images.identify(`${dir}/b 1`)
      assert.strictEqual(one.size, 1n)
      assert.deepStrictEqual((yield* images.identify(`file://${dir}/b%201`)).size, one.size)
      yield* fs.rename(`${dir}/b 1`, `${dir}/c`)
      assert.strictEqual((yield* Effect.flip(images.identify(`${dir}/b 1`)))._tag, "ImageUnavailable")
      assert.strictEqual((yield* Effect.flip(images.list(`${dir}/nowhere`)))._tag, "ImageUnavailable")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
