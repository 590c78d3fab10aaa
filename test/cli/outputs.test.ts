// What commands write to: never by mistake over something, whole or not at all, and never for other eyes.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import * as NFS from "node:fs"
import { buildElf } from "../support/elfBuilder.ts"
import { temporaryFiles } from "../support/temporary.ts"
import { memmap } from "./run.ts"

const core = "test/fixtures/list.core"
const path = temporaryFiles({ "app.core": NFS.readFileSync(core), "big.bin": new Uint8Array(48 << 20).fill(0x61) })
const run = (...args: ReadonlyArray<string>) => memmap(args)
const content = NFS.readFileSync(core)
const outputs = {
  convert: (image: string, out: string) => ["convert", image, out, "--to", "lime"],
  "map --svg": (image: string, out: string) => ["map", image, "--svg", out]
}

describe("the output of", () => {
  for (const [name, args] of Object.entries(outputs)) {
    it.effect(`${name} is private when new, replaces only with --force, and then keeps its mode`, () =>
      Effect.gen(function* () {
        const out = path(`${name} out`)
        assert.strictEqual((yield* run(...args(core, out))).code, 0)
        assert.strictEqual(NFS.statSync(out).mode & 0o777, 0o600)
        NFS.chmodSync(out, 0o640)
        NFS.writeFileSync(out, "mine")
        assert.deepStrictEqual(yield* run(...args(core, out)), {
          code: 2,
          out: "",
          err: `memmap: ${out} exists already\n  try    --force to replace it\n`
        })
        assert.strictEqual(NFS.readFileSync(out, "utf8"), "mine")
        assert.strictEqual((yield* run(...args(core, out), "--force")).code, 0)
        assert.strictEqual(NFS.statSync(out).mode & 0o777, 0o640)
        assert.isAbove(NFS.readFileSync(out).length, 1000)
      })
    )

    it.effect(`${name} may be a device or a pipe, which is written to`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* run(...args(core, "/dev/null"))).code, 0)
        assert.isTrue(NFS.statSync("/dev/null").isCharacterDevice())
        const pipe = path(`${name} pipe`)
        ChildProcess.execFileSync("mkfifo", [pipe])
        const [got, ran] = yield* Effect.all(
          [Effect.promise(() => NFS.promises.readFile(pipe)), run(...args(core, pipe))],
          { concurrency: 2 }
        )
        assert.strictEqual(ran.code, 0)
        yield* run(...args(core, path(`${name} file`)))
        assert.deepStrictEqual(got, NFS.readFileSync(path(`${name} file`)))
        assert.isTrue(NFS.statSync(pipe).isFIFO())
      })
    )
  }

  it.effect("map --svg is never the image, by no name and not with --force", () =>
    Effect.gen(function* () {
      NFS.linkSync(path("app.core"), path("hard"))
      NFS.symlinkSync("app.core", path("soft"))
      for (const out of ["app.core", "hard", "soft"]) {
        for (const force of [[], ["--force"]]) {
          const ran = yield* run("map", path("app.core"), "--svg", path(out), ...force)
          assert.deepInclude(ran, { code: 2, out: "" })
          assert.include(ran.err, "is the image itself")
          assert.isTrue(NFS.readFileSync(path("app.core")).equals(content))
        }
      }
    })
  )

  it.effect("convert may be the image with --force: what is read stays what it was until it is replaced", () =>
    Effect.gen(function* () {
      for (const [name, isLink] of [
        ["itself.core", false],
        ["linked", true]
      ] as const) {
        NFS.writeFileSync(path("itself.core"), content)
        if (isLink) NFS.symlinkSync("itself.core", path(name))
        assert.include(
          (yield* run("convert", path("itself.core"), path(name), "--to", "snapshot")).err,
          "exists already"
        )
        assert.strictEqual(
          (yield* run("convert", path("itself.core"), path(name), "--to", "snapshot", "--force")).code,
          0
        )
        assert.deepInclude(yield* run("verify", path("itself.core")), { code: 0 })
        const dump = (image: string) => run("hexdump", image, "0x555555558080", "64")
        assert.deepStrictEqual(yield* dump(path("itself.core")), yield* dump(core))
      }
    })
  )

  it.effect("a full device is told by its name", () =>
    Effect.gen(function* () {
      if (!NFS.existsSync("/dev/full")) return
      const ran = yield* run("convert", core, "/dev/full", "--to", "lime")
      assert.deepStrictEqual(ran, { code: 2, out: "", err: "memmap: /dev/full: no space left on device\n" })
    })
  )

  it.effect("zeros that a header promises are announced, refused when they are many, and stay holes in the file", () =>
    Effect.gen(function* () {
      const elf = (memorySize: bigint) =>
        buildElf({ type: 2, segments: [{ virtual: 0x1000n, bytes: new Uint8Array([1, 2, 3]), memorySize }] })
      NFS.writeFileSync(path("lying.elf"), elf(1n << 62n))
      for (const out of ["lying.lime", "lying.bin", "lying.snap"]) {
        const ran = yield* run("convert", path("lying.elf"), path(out))
        assert.deepInclude(ran, { code: 2, out: "" })
        assert.match(
          ran.err,
          /would be 4 EiB long, with .* EiB of zeros that no file holds\n {2}try {4}--range .*--huge/
        )
        assert.isFalse(NFS.existsSync(path(out)))
      }
      NFS.writeFileSync(path("sparse.elf"), elf(1n << 28n))
      for (const out of ["sparse.lime", "sparse.bin", "sparse.snap"]) {
        const ran = yield* run("convert", path("sparse.elf"), path(out))
        assert.strictEqual(ran.code, 0)
        assert.match(ran.err, /^writing 256 MiB, 255.9 MiB of zeros that no file holds\nwrote /)
        const { blocks, size } = NFS.statSync(path(out))
        assert.isAtLeast(size, 1 << 28)
        assert.isBelow(blocks * 512, 1 << 20)
      }
    })
  )

  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
    it.effect(`a conversion that ends by ${signal} leaves nothing`, () =>
      Effect.gen(function* () {
        const directory = path(`by ${signal}`)
        NFS.mkdirSync(directory)
        const args = ["src/bin.ts", "convert", `${path("big.bin")}@0`, `${directory}/out.hex`]
        const code = yield* Effect.callback<number | null>((resume) => {
          const child = ChildProcess.spawn(process.execPath, args, { stdio: "ignore" })
          const timer = setInterval(() => {
            if (NFS.readdirSync(directory).some((name) => name.endsWith(".partial"))) child.kill(signal)
          }, 5)
          child.on("exit", (code) => {
            clearInterval(timer)
            resume(Effect.succeed(code))
          })
        })
        assert.strictEqual(code, 130)
        assert.deepStrictEqual(NFS.readdirSync(directory), [])
      })
    )
  }
})
