import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { read } from "../support/repo.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap } from "./run.ts"

const core = "test/fixtures/list.core"
const path = temporaryFiles({
  "app.hex": new TextEncoder().encode(":0100000041BE\n:0400000500000800EF\n:00000001FF\n"),
  "app.srec": new TextEncoder().encode("S1040010AA41\nS9030000FC\n")
})

/** What docs/cli.md promises: the fields of each type of object. */
const promised = new Map(
  [...read("docs/cli.md").matchAll(/^\| [^|]+ \| `(\w+)` +\| ([^|]+) \|$/gm)].map(
    ([, type = "", fields = ""]) => [type, [...fields.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? "")] as const
  )
)

const commands: ReadonlyArray<readonly [args: ReadonlyArray<string>, types: ReadonlyArray<string>]> = [
  [
    ["info", core],
    ["image", "map", "segment", "hole"]
  ],
  [
    ["info", path("app.hex")],
    ["image", "map", "segment"]
  ],
  [
    ["info", path("app.srec")],
    ["image", "map", "segment"]
  ],
  [
    ["hexdump", core, "0x7ffff7fbdff0", "8KiB"],
    ["bytes", "hole"]
  ],
  [["read", core, "0x555555558120", "ptr", "2"], ["value"]],
  [["read", core, "0x5555555592a0", "i32 id,ptr,ptr", "--list", "16"], ["record"]],
  [
    ["find", core, "elm"],
    ["match", "summary"]
  ],
  [
    ["find", core, "elm", "--count"],
    ["count", "summary"]
  ],
  [
    ["strings", core, "--limit", "2"],
    ["text", "summary"]
  ],
  [["map", core], ["cluster"]],
  [["map", core, "--svg", path("map.svg")], ["written"]],
  [["convert", core, path("core.lime")], ["written"]],
  [["verify", core], ["verified"]],
  [["read", core, "0", "u8"], ["error"]]
]

describe("--json", () => {
  for (const [args, types] of commands) {
    it.effect(`memmap ${args.join(" ").replaceAll(path("x").slice(0, -1), "")}`, () =>
      Effect.gen(function* () {
        const { err, out } = yield* memmap([...args, "--json"])
        const seen = new Set<string>()
        for (const line of `${out}${err}`.trimEnd().split("\n")) {
          const { type, ...fields } = JSON.parse(line)
          seen.add(type)
          assert.includeMembers([...(promised.get(type) ?? [])], Object.keys(fields), `fields of ${type}`)
          for (const [name, value] of Object.entries(fields)) {
            // 64-bit values are strings: addresses in hexadecimal, sizes and counts in decimal.
            if (/^(start|end|address|offset)$/.test(name)) assert.match(String(value), /^0x[0-9a-f]+$/)
            if (/^(size|length|mapped|searched|found|holes)$/.test(name)) assert.match(String(value), /^\d+$/)
            if (/^(size|mapped|found)$/.test(name)) assert.isString(value)
          }
        }
        assert.sameMembers([...seen], [...types])
      })
    )
  }
})
