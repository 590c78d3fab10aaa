import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as MemoryMap from "../../src/MemoryMap.ts"
import { Btf, LinuxKernel, Symbols, VmcoreInfo } from "../../src/linux/index.ts"
import * as Guest from "../../src/testing/Guest.ts"

const collect = <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.runCollect(stream)

const areaLine = ({ offset, path, permissions, range, shared }: LinuxKernel.Area): string => {
  const flag = (is: boolean, letter: string) => (is ? letter : "-")
  const { execute, read, write } = permissions
  const text = `${flag(read, "r")}${flag(write, "w")}${flag(execute, "x")}${shared ? "s" : "p"}`
  return `${range.start.toString(16)}-${range.end.toString(16)} ${text} ${offset} ${path ?? ""}`
}

for (const era of Guest.allEras) {
  describe(`a guest of ${era}`, () => {
    const opened = Effect.gen(function* () {
      const guest = yield* Guest.make({ era })
      return { guest, kernel: yield* LinuxKernel.open(guest.physical) }
    })

    it.effect("is found, and tells its version", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        assert.deepStrictEqual(Object.values(yield* LinuxKernel.uname(kernel)), Array.from(guest.uname))
        assert.strictEqual(kernel.release, guest.release)
        assert.strictEqual(kernel.machine, "x86_64")
        assert.deepStrictEqual(
          kernel.how.map((line) => line.split(":")[0]),
          ["VMCOREINFO", "page tables", "symbols", "types", "symbols of modules"]
        )
      })
    )

    it.effect("is found without VMCOREINFO, and has the same symbols", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        const at = Number(guest.vmcoreInfoAt - guest.base)
        guest.bytes.fill(0, at - 24, at + 4096)
        const other = yield* LinuxKernel.open(guest.physical)
        assert.isUndefined(other.vmcoreInfo)
        assert.deepStrictEqual(Array.from(other.symbols ?? []), Array.from(kernel.symbols ?? []))
        assert.deepStrictEqual(yield* LinuxKernel.uname(other), yield* LinuxKernel.uname(kernel))
        assert.deepStrictEqual(yield* collect(LinuxKernel.log(other)), yield* collect(LinuxKernel.log(kernel)))
        assert.deepStrictEqual(yield* collect(LinuxKernel.tasks(other)), yield* collect(LinuxKernel.tasks(kernel)))
      })
    )

    it.effect("has the log that is still there, what was overwritten counted", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        const records = yield* collect(LinuxKernel.log(kernel))
        assert.deepStrictEqual(
          records.map(({ facility, level, nanoseconds, sequence, text }) => ({
            level,
            facility,
            nanoseconds,
            text,
            sequence
          })),
          Array.from(guest.log)
        )
        assert.strictEqual(records[0]?.lost, guest.log[0]?.sequence)
        assert.isTrue(records.slice(1).every(({ lost }) => lost === 0n))
        const first = Number(records[0]!.sequence)
        assert.deepStrictEqual(records[0]?.caller, { _tag: "Cpu", number: first % 2 })
      })
    )

    it.effect("has its processes, and marks what only one way knows", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        const found = yield* collect(LinuxKernel.tasks(kernel))
        const byNumbers = era !== "4.4"
        const expected = guest.processes.filter(({ hidden }) => hidden !== true || byNumbers)
        assert.deepStrictEqual(
          found.map(({ comm, foundBy, kernelThread, missing, parent, pid, start, state, tgid, uid }) => ({
            pid,
            tgid,
            comm,
            parent,
            uid,
            state,
            kernelThread,
            start,
            foundBy,
            missing
          })),
          expected.map(({ comm, command, hidden, parent, pid, state, uid }) => ({
            pid,
            tgid: pid,
            comm,
            parent: parent ?? 0,
            uid: uid ?? 0,
            state: state ?? "S",
            kernelThread: command === undefined,
            start: BigInt(pid) * 10_000_000n,
            foundBy: [...(hidden === true ? [] : ["list" as const]), ...(byNumbers ? ["numbers" as const] : [])],
            missing: []
          }))
        )
      })
    )

    it.effect("has threads, arguments, environments, programs and areas of each process", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        for (const task of yield* collect(LinuxKernel.tasks(kernel))) {
          const spec = guest.processes.find(({ pid }) => pid === task.pid)!
          const names = (yield* collect(LinuxKernel.threads(kernel, task))).map(({ comm, pid, tgid }) => [
            pid,
            tgid,
            comm
          ])
          const threads = (spec.threads ?? []).map(({ comm, pid }) => [pid, spec.pid, comm])
          assert.deepStrictEqual(names, [[spec.pid, spec.pid, spec.comm], ...threads])
          const areas = (yield* collect(LinuxKernel.areas(kernel, task))).map(areaLine)
          assert.deepStrictEqual(
            areas,
            (spec.areas ?? []).map(
              ({ end, offset = 0n, path = "", permissions, start }) =>
                `${start.toString(16)}-${end.toString(16)} ${permissions} ${offset} ${path}`
            )
          )
          assert.deepStrictEqual(yield* LinuxKernel.executable(kernel, task), Option.fromUndefinedOr(spec.executable))
          if (spec.state === "Z") {
            const gone = yield* Effect.flip(LinuxKernel.commandLine(kernel, task))
            assert.strictEqual(gone.message, "the command line of process 200 (zombie): it has given up its memory")
            continue
          }
          assert.deepStrictEqual(yield* LinuxKernel.commandLine(kernel, task), spec.command ?? [])
          assert.deepStrictEqual(yield* LinuxKernel.environment(kernel, task), spec.environment ?? [])
        }
      })
    )

    it.effect("has the memory of each process as a map", () =>
      Effect.gen(function* () {
        const { kernel } = yield* opened
        const map = yield* LinuxKernel.addressSpace(kernel, yield* LinuxKernel.task(kernel, 100))
        assert.strictEqual(yield* MemoryMap.getString(map, 0x400000n), "the area at 400000 of server")
        assert.deepStrictEqual(yield* Stream.runCollect(MemoryMap.findAll(map, "hunter2")), [
          0x7fff_efff_f000n + 256n + BigInt("/mnt/with space/server\0--listen\0two words\0\0SECRET=".length)
        ])
        const none = yield* Effect.flip(LinuxKernel.task(kernel, 4711))
        assert.strictEqual(none.message, "the list of processes: no process has the number 4711")
        const thread = yield* LinuxKernel.task(kernel, 2)
        assert.strictEqual(yield* LinuxKernel.addressSpace(kernel, thread), kernel.map)
      })
    )

    it.effect("has its modules with their symbols, and its mounts", () =>
      Effect.gen(function* () {
        const { guest, kernel } = yield* opened
        assert.deepStrictEqual(
          (yield* collect(LinuxKernel.modules(kernel))).map(({ address, name, size, state }) => ({
            address,
            name,
            size,
            state
          })),
          guest.modules.map(({ address, name, size }) => ({ address, name, size: BigInt(size), state: "live" }))
        )
        assert.strictEqual(Symbols.format(kernel.symbols!, guest.modules[0]!.address + 20n), "loop_exit+0x4 [loop]")
        assert.deepStrictEqual(yield* collect(LinuxKernel.mounts(kernel)), Array.from(guest.mounts))
      })
    )
  })
}

describe("LinuxKernel", () => {
  it.effect("from VMCOREINFO alone, version and log can be had, and the rest says what it lacks", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.1" })
      const [magic, tokens] = [
        [0x9f, 0xeb, 1, 0],
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0x30 + i / 2 : 0))
      ]
      for (const bytes of [magic, tokens]) {
        const at = guest.bytes.findIndex((_, i) => bytes.every((byte, j) => guest.bytes[i + j] === byte))
        guest.bytes.fill(0xff, at, at + 64)
      }
      const kernel = yield* LinuxKernel.open(guest.physical)
      assert.isUndefined(kernel.symbols)
      assert.isUndefined(kernel.types)
      assert.strictEqual((yield* LinuxKernel.uname(kernel)).nodename, "guest")
      assert.strictEqual((yield* collect(LinuxKernel.log(kernel))).length, guest.log.length)
      const error = yield* Effect.flip(collect(LinuxKernel.tasks(kernel)))
      assert.include(
        error.message,
        "it needs the layout of struct task_struct, which nothing found in memory describes"
      )
      const given = yield* LinuxKernel.open(guest.physical, { btf: yield* Btf.parse(guest.btf) })
      assert.strictEqual((yield* collect(LinuxKernel.tasks(given))).length, guest.processes.length)
      assert.include(
        (yield* Effect.flip(LinuxKernel.moduleTypes(given, (yield* collect(LinuxKernel.modules(given)))[0]!))).message,
        "it needs the symbol btf_modules, and no table"
      )
    })
  )

  it.effect("processes and modules are found in a kernel that lists functions only, by what they look like", () =>
    Effect.gen(function* () {
      for (const era of Guest.allEras) {
        const whole = yield* LinuxKernel.open((yield* Guest.make({ era })).physical)
        const bare = yield* LinuxKernel.open((yield* Guest.make({ era, symbols: "functions" })).physical)
        assert.deepStrictEqual(Symbols.lookup(bare.symbols!, "init_task"), [])
        const facts = (kernel: LinuxKernel.Kernel) =>
          Effect.all([
            Stream.runCollect(LinuxKernel.tasks(kernel)),
            Stream.runCollect(LinuxKernel.modules(kernel)),
            Stream.runCollect(LinuxKernel.mounts(kernel))
          ]).pipe(
            Effect.map(([tasks, modules, mounts]) => ({
              tasks: tasks.map((task) => ({ ...task, address: 0n, memory: 0n })),
              modules: modules.map((module) => ({ ...module, structure: 0n })),
              mounts
            }))
          )
        assert.deepStrictEqual(yield* facts(bare), yield* facts(whole), era)
        assert.include(bare.how.join("\n"), "init_task")
      }
    })
  )

  it.effect("memory without a kernel is refused, with every way that was tried", () =>
    Effect.gen(function* () {
      const map = yield* MemoryMap.fromBytes(new Uint8Array(1 << 16), 0n)
      const ready = MemoryMap.setEndian(MemoryMap.setWordSize(map, 64), "little")
      const error = yield* Effect.flip(LinuxKernel.open(ready))
      assert.strictEqual(error._tag, "KernelNotFound")
      if (error._tag === "KernelNotFound")
        assert.deepStrictEqual(
          error.tried.map(({ what }) => what),
          ["VMCOREINFO", "symbols"]
        )
    })
  )

  it.effect("VMCOREINFO of another kernel is found out", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.1" })
      const vmcoreInfo = VmcoreInfo.parse(guest.vmcoreInfo.replace("6.1.0-guest", "6.1.7-other"))
      const error = yield* Effect.flip(LinuxKernel.open(guest.physical, { vmcoreInfo }))
      assert.include(error.message, 'VMCOREINFO is of 6.1.7-other, and memory has "6.1.0-guest"')
    })
  )

  it.effect("a command line whose page is not in the image is a hole, and no empty list", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ era: "6.12" })
      const kernel = yield* LinuxKernel.open(guest.physical)
      const task = yield* LinuxKernel.task(kernel, 100)
      const at = Option.getOrThrow(yield* MemoryMap.find(guest.physical, "--listen"))
      const page = at & ~0xfffn
      const low = guest.bytes.subarray(0, Number(page - guest.base))
      const high = guest.bytes.subarray(Number(page - guest.base) + 4096)
      let map = yield* MemoryMap.fromBytes(low, guest.base)
      map = yield* MemoryMap.addBytes(map, high, page + 4096n)
      const rest = yield* MemoryMap.addAbsent(map, { start: page, end: page + 4096n }, "left out of the dump")
      const other = yield* LinuxKernel.open(MemoryMap.setEndian(MemoryMap.setWordSize(rest, 64), "little"))
      const error = yield* Effect.flip(LinuxKernel.commandLine(other, task))
      assert.strictEqual(error._tag, "UnmappedAddress")
      assert.deepStrictEqual(yield* LinuxKernel.executable(other, task), Option.some("/mnt/with space/server"))
    })
  )

  it.effect("is a service, of a memory in tests", () =>
    Effect.gen(function* () {
      const guest = yield* Guest.make({ hostname: "service" })
      const program = Effect.flatMap(LinuxKernel.LinuxKernel, LinuxKernel.uname)
      const { nodename } = yield* Effect.provide(program, LinuxKernel.layerMap(guest.physical))
      assert.strictEqual(nodename, "service")
    })
  )
})
