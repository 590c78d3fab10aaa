// What the tests of image formats share: random maps, maps as plain data, and the tools that judge our files.
import * as Bytes from "effect/Bytes"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ByteSource, MemoryMap } from "../../src/index.ts"

export const ascii = (text: string): ByteSource.ByteSource =>
  ByteSource.fromBytes(new TextEncoder().encode(text), { name: "test.txt" })

export const binary = (bytes: Uint8Array, name = "test.bin"): ByteSource.ByteSource =>
  ByteSource.fromBytes(bytes, { name })

/** All bytes of a writer's stream. */
export const collect = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<Uint8Array, E> =>
  Effect.map(Stream.runCollect(stream), Bytes.concat)

/** A map as plain data: each run with its bytes. */
export const contents = Effect.fnUntraced(function* (map: MemoryMap.Mapped) {
  const runs: Array<{ readonly start: bigint; readonly bytes: Uint8Array }> = []
  for (const { end, start } of MemoryMap.runs(map)) {
    runs.push({ start, bytes: yield* MemoryMap.getBytes(map, start, Number(end - start)) })
  }
  return runs
})

/** One mapping of a random map. */
export interface Placed {
  readonly address: bigint
  readonly bytes: Uint8Array
}

export const mapOf = (placed: ReadonlyArray<Placed>): Effect.Effect<MemoryMap.Mapped> =>
  Effect.map(
    MemoryMap.addAll(
      MemoryMap.empty,
      placed.map(({ address, bytes }, i) => ({ source: ByteSource.fromBytes(bytes), address, name: `m${i % 3}` }))
    ),
    (map): MemoryMap.Mapped => map
  ).pipe(Effect.orDie)

/** Up to 8 mappings near the given addresses, overlapping, touching or apart, none past `top`. */
export const placements = (near: ReadonlyArray<bigint>, top: bigint): Arbitrary.Arbitrary<ReadonlyArray<Placed>> =>
  Arbitrary.map(
    Arbitrary.array(
      Arbitrary.all({
        base: Arbitrary.schema(Schema.Literals(near)),
        distance: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -600, maximum: 600 }))),
        length: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 }))),
        first: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
      }),
      { minLength: 1, maxLength: 8 }
    ),
    (items) =>
      items.map(({ base, distance, first, length }) => {
        const highest = top - BigInt(length)
        const wanted = base + BigInt(distance)
        const address = wanted < 0n ? 0n : wanted > highest ? highest : wanted
        return { address, bytes: Uint8Array.from({ length }, (_, i) => (first + i * 7) & 0xff) }
      })
  )

/** True when the tool is installed; tests that need it say so in their name and are skipped otherwise. */
export const has = (tool: string): boolean => spawnSync(tool, ["--version"], { stdio: "ignore" }).error === undefined

/** Runs a tool in a directory of its own, with input files in it; gives its output, and any file it wrote. */
export const judge = (
  tool: string,
  args: ReadonlyArray<string>,
  files: Readonly<Record<string, Uint8Array>>
): Effect.Effect<{ readonly stdout: string; readonly read: (name: string) => Uint8Array }> =>
  Effect.sync(() => {
    const directory = mkdtempSync(join(tmpdir(), "memmap-judge-"))
    try {
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
      const stdout = execFileSync(tool, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
      const written = new Map(
        args
          .filter((arg) => arg.startsWith("out."))
          .map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))] as const)
      )
      return { stdout, read: (name) => written.get(name)! }
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
