// Serves reads of a memory image over HTTP. What can go wrong is in the types, and becomes a status code.
//
//     node serve.ts IMAGE [PORT]
//     curl 'localhost:8080/bytes/0x555555558080?length=16'
//     curl 'localhost:8080/string/0x555555558080'
//     curl 'localhost:8080/find?hex=67+72+??+bc'
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema, Stream } from "effect"
import { AddressRange, MemoryImage, MemoryMap, MemoryMapError, Pattern } from "effect-memory-map"
import { NodeMemoryMap } from "effect-memory-map/node"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"

const LIMIT = 1 << 20

class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", { why: Schema.String }) {}

const address = HttpRouter.schemaPathParams(Schema.Struct({ address: Schema.String })).pipe(
  Effect.flatMap(({ address }) => Effect.fromResult(AddressRange.parseAddress(address))),
  Effect.mapError((error) => new BadRequest({ why: String(error) }))
)
const query = <A>(name: string, schema: Schema.ConstraintCodec<A, string>) =>
  HttpRouter.schemaParams(Schema.Struct({ [name]: schema })).pipe(
    Effect.mapBoth({
      onSuccess: (params) => params[name] as A,
      onFailure: (error) => new BadRequest({ why: error.message })
    })
  )

const length = query(
  "length",
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: LIMIT }))
)

type Failure = BadRequest | MemoryMap.ReadError | MemoryMap.SearchError | MemoryMapError.TooLarge

/** Every error as JSON, with the fields that it has: a client can decode it into the same class. */
const Failures = Schema.toCodecJson(
  Schema.Union([
    BadRequest,
    MemoryMapError.UnmappedAddress,
    MemoryMapError.SourceError,
    MemoryMapError.InvalidPattern,
    MemoryMapError.TooLarge
  ])
)
const statusOf = {
  BadRequest: 400,
  InvalidPattern: 400,
  UnmappedAddress: 404,
  SourceError: 502,
  TooLarge: 413
} as const
const respond = HttpServerResponse.schemaJson(Failures)

const routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const [path = "test/fixtures/list.core"] = process.argv.slice(2)
    const { map } = yield* MemoryImage.open(path) // open until the server stops

    const get = <R>(path: `/${string}`, handler: Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, R>) =>
      router.add(
        "GET",
        path,
        Effect.catch(handler, (error) => respond(error, { status: statusOf[error._tag] }))
      )

    yield* get(
      "/bytes/:address",
      Effect.gen(function* () {
        return HttpServerResponse.uint8Array(yield* MemoryMap.getBytes(map, yield* address, yield* length))
      })
    )
    yield* get(
      "/string/:address",
      Effect.gen(function* () {
        return HttpServerResponse.text(yield* MemoryMap.getString(map, yield* address, { maxLength: LIMIT }))
      })
    )
    yield* get(
      "/find",
      Effect.gen(function* () {
        const pattern = Pattern.hex(yield* query("hex", Schema.String))
        const found = yield* MemoryMap.findAll(map, pattern).pipe(Stream.take(1000), Stream.runCollect)
        return HttpServerResponse.jsonUnsafe(found.map(AddressRange.formatAddress))
      })
    )
  })
)

const server = NodeHttpServer.layer(createServer, { port: Number(process.argv[3] ?? 8080), host: "127.0.0.1" })
const app = HttpRouter.serve(routes).pipe(Layer.provide(server), Layer.provide(NodeMemoryMap.layer))

NodeRuntime.runMain(Layer.launch(app))
