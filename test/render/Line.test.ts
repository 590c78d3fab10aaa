import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { jsonText } from "../../src/cli/json.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as Line from "../../src/render/Line.ts"
import * as Svg from "../../src/render/Svg.ts"

const all = Array.from({ length: 0x11_0000 }, (_, code) => String.fromCodePoint(code))
/** By what Unicode says of each, and by the list of marks of direction, which is another of its tables. */
const misleading = all.filter((character) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\p{Bidi_Control}/u.test(character))

describe("characters that command a terminal or mislead its reader", () => {
  it("are all there: marks of direction, joiners, tags, separators, half surrogates", () => {
    assert.isAbove(misleading.length, 2048 + 65 + 160)
    for (const one of ["\u001b", "\u061c", "\u200d", "\u202e", "\u2028", "\u2066", "\ufeff", "\ud800", "\u{e0001}"]) {
      assert.include(misleading, one)
    }
  })

  it("are escaped in text", () => {
    for (const character of misleading) {
      const plain = Line.plain([Line.span(`a${character}b`)])
      assert.match(plain, /^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\})b$/)
    }
    assert.strictEqual(Line.escape("\u061c\ud800\u{e0001}"), "\\u061c\\ud800\\u{e0001}")
    assert.strictEqual(Line.escape("h\u00e9llo \u4e16\u754c \u{1f600}"), "h\u00e9llo \u4e16\u754c \u{1f600}")
  })

  it("are escaped in JSON, which says the same when it is read", () => {
    const line = jsonText({ name: misleading.join("-") })
    assert.match(line, /^[ -~]+$/)
    assert.strictEqual(JSON.parse(line).name, misleading.join("-"))
  })

  it.effect("are escaped in pictures, in names and titles", () =>
    Effect.gen(function* () {
      const name = misleading.join("-").slice(0, 3000)
      const map = yield* MemoryMap.fromBytes(new Uint8Array(4), 0n, { name: "evil\u061c\u202e\ud800<\ufffe" })
      const svg = Svg.render(map, { title: name })
      assert.notMatch(svg.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffe]/u)
      assert.include(svg, "evil\\u061c\\u202e\\ud800&lt;\ufffd")
    })
  )
})
