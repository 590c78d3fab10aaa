import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer, Stream, Tracer } from "effect"
import { FileMapper, MemoryImage, MemoryMap, Snapshot } from "../src/index.ts"
import * as Elf from "../src/image/Elf.ts"

/** The spans of an effect, each below its parent, with the attributes that it has. */
const spansOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    yield* Effect.provideService(Effect.withSpan(effect, "test"), Tracer.Tracer, tracer)
    assert.isTrue(spans.every(({ status }) => status._tag === "Ended"))
    const depthOf = (span: Tracer.AnySpan): number =>
      span._tag === "Span" && span.parent._tag === "Some" ? 1 + depthOf(span.parent.value) : 0
    return spans.slice(1).map((span) => {
      const attributes = Array.from(span.attributes, ([name, value]) => ` ${name}=${String(value)}`)
      return `${"  ".repeat(depthOf(span) - 1)}${span.name}${attributes.join("")}`
    })
  })

const core = "test/fixtures/list.core"
const files = Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)

describe("spans", () => {
  it.effect("tell what was opened, searched, saved and checked, and nothing of each block or read", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/core.snap`
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const { map } = yield* MemoryImage.open(core, { format: "elf" })
          yield* MemoryMap.find(map, "seen from outside")
          yield* Stream.runDrain(MemoryMap.findAllPointers(map, 0x5555_5555_92a0n))
          yield* Stream.runDrain(MemoryMap.strings(map))
          yield* MemoryMap.getPointer(
            map,
            yield* MemoryMap.findPointer(map, 0x5555_5555_92a0n).pipe(Effect.flatMap(Effect.fromOption))
          )
          yield* Snapshot.save(map, path)
          yield* Snapshot.verify(path)
          yield* Snapshot.open(path)
          yield* Elf.open(core)
        })
      )
      assert.deepStrictEqual(spans, [
        `MemoryImage.open path=${core} bytes=242248 format=elf`,
        'MemoryMap.find pattern="seen from outside" bytes=221184 hits=1',
        "MemoryMap.findAllPointers pattern=0x5555555592a0 bytes=221184 hits=2",
        "MemoryMap.strings hits=284",
        "MemoryMap.findPointer pattern=0x5555555592a0 bytes=221184 hits=1",
        `Snapshot.save path=${path} bytes=221184`,
        `Snapshot.verify path=${path}`,
        `Snapshot.open path=${path}`,
        `Elf.open path=${core}`
      ])
    }).pipe(Effect.scoped, Effect.provide(files))
  )

  it.effect("end where a search is not asked to go on", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromString("aaaa", 0n)
      const spans = yield* spansOf(Stream.runHead(MemoryMap.findAll(map, "a")))
      assert.deepStrictEqual(spans, ['MemoryMap.findAll pattern="a" bytes=4 hits=4'])
    })
  )
})
