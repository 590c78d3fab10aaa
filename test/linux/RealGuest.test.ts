// A guest that really ran, in a trimmed dump that is always there; the judge is what its own /proc said. Whole dumps of
// several kernels and machines are held against that in test/guest/booted.test.ts.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { LinuxKernel } from "../../src/linux/index.ts"
import * as MemoryImage from "../../src/MemoryImage.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeMemoryMap from "../../src/node/NodeMemoryMap.ts"
import { checkMachine, checkProcesses, type Facts } from "../support/guestFacts.ts"

const openImage = (file: string) => MemoryImage.open(file, { addresses: "physical" })
const provide = Effect.provide(NodeMemoryMap.layer)

describe("the trimmed dump of a guest of 6.1", () => {
  const facts: Facts = JSON.parse(readFileSync("test/fixtures/linux/guest.json", "utf8"))
  const fixture = Effect.flatMap(openImage("test/fixtures/linux/guest.kdump"), (image) => LinuxKernel.fromImage(image))

  it.effect("tells its version, log, modules and mounts as it did itself", () =>
    Effect.flatMap(fixture, (kernel) => checkMachine(kernel, facts)).pipe(provide)
  )

  it.effect("tells its processes, with threads, arguments, areas and programs, as it did itself", () =>
    Effect.gen(function* () {
      const compared = yield* checkProcesses(yield* fixture, facts)
      assert.isAbove(compared, 50)
    }).pipe(provide)
  )

  it.effect("what was left out of the dump is named where it is missed", () =>
    Effect.gen(function* () {
      const kernel = yield* fixture
      const worker = yield* LinuxKernel.task(
        kernel,
        Number(Object.entries(facts.processes).find(([, f]) => f["cmdline"]?.startsWith("/bin/worker"))?.[0])
      )
      const map = yield* LinuxKernel.addressSpace(kernel, worker)
      const error = yield* Effect.flip(MemoryMap.getBytes(map, 0x401000n, 16))
      assert.include(error.message, "left out of the dump, dump level 31")
    }).pipe(provide)
  )
})
