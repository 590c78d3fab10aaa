// Sizes, alignments, offsets and values of random C types, as GCC has them. What it said once of 200 types under seven data
// models is a fixture; where there is a gcc, new types are compiled too: MEMMAP_TYPES=3000 for so many of each.
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { differences, judged, targets, typesFor } from "./gcc.ts"

const fixture: {
  readonly seed: number
  readonly count: number
  readonly lines: Readonly<Record<string, ReadonlyArray<string>>>
} = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/layouts.json"), "utf8"))

const compiles = (flag: string): boolean =>
  spawnSync("gcc", [flag, "-x", "c", "-o", "/dev/null", "-"], {
    input: "#include <stdint.h>\nint main(void) { return 0; }"
  }).status === 0
const has64 = compiles("-m64")
const has32 = has64 && compiles("-m32")

const wanted = Number(process.env["MEMMAP_TYPES"] ?? 40)
/** Types in one program: more take the compiler longer than they are worth. */
const TOGETHER = 300

describe("random structs and unions", () => {
  for (const [name, lines] of Object.entries(fixture.lines)) {
    it(`lie in memory as GCC once laid them: ${name}`, () => {
      assert.strictEqual(lines.length, fixture.count)
      assert.deepStrictEqual(differences(name, typesFor(name, fixture.seed, fixture.count), lines), [])
    })
  }

  const asked = wanted > 40 ? Object.keys(targets) : ["LP64", "i386"]
  for (const name of asked) {
    const { flags } = targets[name]!
    it.skipIf(!(flags.includes("-m32") ? has32 : has64))(
      `lie as this machine's GCC lays them: ${name} (skipped without gcc)`,
      () => {
        for (let done = 0; done < wanted; done += TOGETHER) {
          const types = typesFor(name, 7 + done, Math.min(TOGETHER, wanted - done))
          assert.deepStrictEqual(differences(name, types, judged(types, flags)), [])
        }
      },
      600_000
    )
  }
})
