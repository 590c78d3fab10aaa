// Guests whose memory is not what a kernel would have written: every answer comes in bounded time, as values or as typed errors.
// MEMMAP_MUTATIONS=100000 npx vitest run test/linux/Hostile.test.ts tries more of them than the few hundred of every run.
import { assert, describe, it, vi } from "@effect/vitest"
import { Cause, Effect, Exit, Option, Stream } from "effect"
import { Btf, LinuxKernel, Symbols } from "../../src/linux/index.ts"
import * as Guest from "../../src/testing/Guest.ts"
import { randomWords } from "../support/random.ts"

const rounds = Number(process.env["MEMMAP_MUTATIONS"] ?? 160)
vi.setConfig({ testTimeout: 60_000 + 60 * rounds })

/** From 0 to 1. */
const random = (seed: number): (() => number) => {
  const words = randomWords(seed)
  return () => words() / 2 ** 32
}

/** Everything that can be asked of a kernel, each question on its own. */
const questions = (kernel: LinuxKernel.Kernel) => {
  const tasks = Stream.runCollect(Stream.take(LinuxKernel.tasks(kernel), 64))
  const each = (ask: (task: LinuxKernel.Task) => Effect.Effect<unknown, unknown>) =>
    Effect.flatMap(tasks, (all) => Effect.forEach(all, (task) => Effect.exit(ask(task))))
  return [
    LinuxKernel.uname(kernel),
    Stream.runDrain(LinuxKernel.log(kernel)),
    Stream.runDrain(LinuxKernel.modules(kernel)),
    Stream.runDrain(LinuxKernel.mounts(kernel)),
    each((task) => Stream.runDrain(LinuxKernel.threads(kernel, task))),
    each((task) => Stream.runDrain(LinuxKernel.areas(kernel, task))),
    each((task) => LinuxKernel.commandLine(kernel, task)),
    each((task) => LinuxKernel.environment(kernel, task)),
    each((task) => LinuxKernel.executable(kernel, task)),
    each((task) => LinuxKernel.addressSpace(kernel, task))
  ]
}

const typed = new Set(["GuestDataError", "KernelNotFound", "UnmappedAddress", "SourceError", "TooLarge"])

/** Fails the test on a defect, and on an error that is none of ours. */
const checkExit = (exit: Exit.Exit<unknown, unknown>, what: string) => {
  if (Exit.isSuccess(exit)) {
    if (Array.isArray(exit.value)) {
      for (const inner of exit.value) if (Exit.isExit(inner) && Exit.isFailure(inner)) checkExit(inner, what)
    }
    return
  }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause)) as { readonly _tag?: string } | undefined
  assert.isTrue(typed.has(error?._tag ?? ""), `${what}: ${Cause.pretty(exit.cause)}`)
}

/** Spoils a place, in a way that pointers, lengths and flags are spoilt; what undoes it. */
const spoil = (guest: Guest.Guest, next: () => number): (() => void) => {
  const view = new DataView(guest.bytes.buffer)
  const word = () => 8 * Math.floor(next() * (guest.bytes.length / 8))
  let at = word()
  // Most of the memory is empty: what is there is of more interest.
  for (let i = 0; i < 40 && (at < 0x1_0000 || view.getBigUint64(at, true) === 0n); i++) at = word()
  const before = view.getBigUint64(at, true)
  const kind = Math.floor(next() * 8)
  const other = view.getBigUint64(word(), true)
  const spoilt = [
    0n,
    (1n << 64n) - 1n,
    other,
    BigInt(at) + guest.base,
    before ^ (1n << BigInt(Math.floor(next() * 64))),
    before + 8n,
    BigInt(Math.floor(next() * 2 ** 32)),
    before & 0xffff_ffff_ffff_f000n
  ][kind]!
  view.setBigUint64(at, BigInt.asUintN(64, spoilt), true)
  return () => view.setBigUint64(at, before, true)
}

describe("a hostile guest", () => {
  for (const era of ["4.4", "5.15", "6.12"] as const) {
    it.effect(`of ${era}, with words spoilt under an opened kernel, gets answers or typed errors`, () =>
      Effect.gen(function* () {
        const guest = yield* Guest.make({ era })
        const kernel = yield* LinuxKernel.open(guest.physical)
        const next = random(0x5eed + era.length)
        for (let round = 0; round < rounds / 4; round++) {
          const undo = Array.from({ length: 1 + Math.floor(next() * 12) }, () => spoil(guest, next))
          for (const [i, question] of questions(kernel).entries()) {
            checkExit(yield* Effect.exit(question), `round ${round}, question ${i}`)
          }
          for (const back of undo.toReversed()) back()
        }
        assert.deepStrictEqual(Object.values(yield* LinuxKernel.uname(kernel)), Array.from(guest.uname))
      })
    )
  }

  it.effect("that is spoilt before it is opened is opened, or refused with what was tried", () =>
    Effect.gen(function* () {
      let opened = 0
      const next = random(0xbad)
      for (const era of Guest.allEras) {
        const guest = yield* Guest.make({ era })
        for (let round = 0; round < rounds / 20; round++) {
          const undo = Array.from({ length: 1 + Math.floor(next() * 200) }, () => spoil(guest, next))
          const exit = yield* Effect.exit(LinuxKernel.open(guest.physical))
          checkExit(exit, `${era}, round ${round}`)
          if (Exit.isSuccess(exit)) {
            opened++
            for (const question of questions(exit.value))
              checkExit(yield* Effect.exit(question), `${era}, round ${round}`)
          }
          for (const back of undo.toReversed()) back()
        }
      }
      assert.isAbove(opened, 0)
    })
  )

  it.effect("whose lists lead back into themselves tells what it got, and where they close", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.1" })
      const kernel = yield* LinuxKernel.open(guest.physical)
      const tasks = yield* Stream.runCollect(LinuxKernel.tasks(kernel))
      const { offset } = Option.getOrThrow(Btf.member(kernel.types!, "task_struct", "tasks.next"))
      // The map of all physical memory is at a multiple of 4 GiB.
      const place = (address: bigint) => Number((address & 0xffff_ffffn) - guest.base)
      // The third process's next one is the first.
      new DataView(guest.bytes.buffer).setBigUint64(
        place(tasks[2]!.address) + offset,
        tasks[0]!.address + BigInt(offset),
        true
      )
      const found: Array<number> = []
      const seen = LinuxKernel.tasks(kernel).pipe(
        Stream.runForEach(({ pid }) => Effect.sync(() => void found.push(pid)))
      )
      const error = yield* Effect.flip(seen)
      assert.include(error.message, "the list leads back to this element and not to its head, after 3 elements")
      // The table of numbers still knows the others.
      assert.sameMembers(
        found,
        tasks.map(({ pid }) => pid)
      )
    })
  )

  it.effect("whose symbols and types are random bytes is refused them", () =>
    Effect.gen(function* () {
      const next = random(7)
      for (let round = 0; round < rounds / 10; round++) {
        const bytes = Uint8Array.from({ length: 4096 }, () => Math.floor(next() * 256))
        bytes.set([0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0])
        checkExit(yield* Effect.exit(Btf.parse(bytes)), `round ${round}`)
      }
      const guest = yield* Guest.make({ era: "6.12" })
      for (let round = 0; round < rounds / 4; round++) {
        const btf = guest.btf.slice()
        for (let i = 0; i < 1 + 4 * next(); i++) btf[Math.floor(next() * btf.length)] = Math.floor(next() * 256)
        const parsed = yield* Effect.exit(Btf.parse(btf))
        checkExit(parsed, `round ${round}`)
        if (!Exit.isSuccess(parsed)) continue
        for (const type of ["task_struct", "mm_struct", "mount", "vm_area_struct"]) {
          assert.isAtMost(Btf.fields(parsed.value, type).length, 1 << 20)
          assert.isAtMost(Option.getOrElse(Btf.format(parsed.value, type), () => "").length, 1 << 24)
        }
      }
      const symbols = Symbols.make([])
      assert.deepStrictEqual(Symbols.nearest(symbols, 0n), Option.none())
    })
  )
})
