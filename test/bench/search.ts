// Searches over one file, beside the tools that people use for it: each round runs every contender once, and the figures
// are medians over the rounds: of the rate, and of the round's ratio to the first contender. The output is Markdown.
// `npm run bench -- search [MiB] [rounds]`
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { execFileSync, spawnSync } from "node:child_process"
import * as NFS from "node:fs"
import * as OS from "node:os"
import * as Path from "node:path"
import * as ByteSource from "../../src/ByteSource.ts"
import * as FileMapper from "../../src/FileMapper.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import * as NodeFileMapper from "../../src/node/NodeFileMapper.ts"
import * as NodeSearchKernel from "../../src/node/NodeSearchKernel.ts"
import * as Pattern from "../../src/Pattern.ts"
import { BASE, HEADER, writeImage } from "./searchImage.ts"

const MIB = Number(process.argv[2] ?? 1024)
const ROUNDS = Number(process.argv[3] ?? 3)
const SIZE = MIB << 20
const EVERY = 1 << 20

const directory = NFS.mkdtempSync(Path.join(OS.tmpdir(), "memmap-bench-"))
const file = Path.join(directory, "image.core")
const encoder = new TextEncoder()

const text = "needle in memory"
const pointer = 0x7f12_dead_beefn
const many = [
  "GET /index.html",
  "password=",
  "BEGIN RSA PRIVATE",
  "ld-linux-x86-64",
  "Mozilla/5.0",
  "user.login",
  "/etc/shadow",
  "sqlite_master"
]
const zeros = (length: number) => Uint8Array.from({ length }, (_, i) => (i === length >> 1 ? 0x5a : 0))
const code = "4c 8b ?? 1? e8 ?? ?? ff"
const codeBytes = Uint8Array.of(0x4c, 0x8b, 0x07, 0x1f, 0xe8, 0x00, 0x11, 0xff)
const pointerBytes = new Uint8Array(new BigUint64Array([pointer]).buffer)

interface Contender {
  readonly name: string
  /** Seconds, and matches, if it counts them. */
  readonly run: () => Promise<{ readonly seconds: number; readonly matches: number | undefined }>
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const isInstalled = (tool: string): boolean => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0
const missing: Array<string> = []

/** A tool in a process of its own; what it costs to start is part of it. */
const process_ = (name: string, tool: string, args: ReadonlyArray<string>, count = true): ReadonlyArray<Contender> => {
  if (!isInstalled(tool)) {
    if (!missing.includes(tool)) missing.push(tool)
    return []
  }
  const run = async () => {
    const start = performance.now()
    const { stdout } = spawnSync(tool, args, { maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: "C" } })
    const seconds = (performance.now() - start) / 1000
    return { seconds, matches: count ? stdout.toString("latin1").split("\n").length - 1 : undefined }
  }
  return [{ name, run }]
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const compiled = ((): string | undefined => {
  if (!isInstalled("gcc")) {
    missing.push("gcc (no C program over memmem)")
    return undefined
  }
  const output = Path.join(directory, "memmem")
  execFileSync("gcc", ["-O2", "-o", output, Path.join(import.meta.dirname, "peers/memmem.c")])
  return output
})()

/** The C program; it times itself. */
const inC = (name: string, needle: Uint8Array, ...more: ReadonlyArray<string>): ReadonlyArray<Contender> =>
  compiled === undefined
    ? []
    : [
        {
          name,
          run: async () => {
            const [matches, seconds] = execFileSync(compiled, [file, hexOf(needle), ...more])
              .toString()
              .split(" ")
            return { seconds: Number(seconds), matches: Number(matches) }
          }
        }
      ]

/** Node's own search, on the file in memory. */
const inBuffer = (map: Mapped, needle: Uint8Array): Contender => ({
  name: "Buffer.indexOf",
  run: async () => {
    const bytes = Buffer.from(map.resident.buffer as ArrayBuffer, map.resident.byteOffset, map.resident.length)
    const start = performance.now()
    let matches = 0
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) matches++
    return { seconds: (performance.now() - start) / 1000, matches }
  }
})

interface Mapped {
  readonly map: MemoryMap.Ready
  readonly resident: Uint8Array
}

interface Way {
  readonly name: string
  readonly layer: Layer.Layer<FileMapper.FileMapper>
}

const byPosition = FileMapper.layerFileSystem.pipe(Layer.provide(NodeFileSystem.layer))
const ways: ReadonlyArray<Way> = [
  { name: "memmap: mmap, libc", layer: Layer.merge(NodeFileMapper.layer, NodeSearchKernel.layer) },
  { name: "memmap: mmap, typescript", layer: NodeFileMapper.layer },
  { name: "memmap: positional reads, libc", layer: Layer.merge(byPosition, NodeSearchKernel.layer) },
  { name: "memmap: positional reads, typescript", layer: byPosition }
]

type Search = (map: MemoryMap.Ready) => Stream.Stream<unknown, MemoryMap.SearchError>

/** A search in this process. The file stays mapped from one round to the next, as in the C program. */
const ours = ({ layer, name }: Way, search: Search): Contender => ({
  name,
  run: () =>
    Effect.gen(function* () {
      const source = yield* FileMapper.map(file)
      const bare = yield* MemoryMap.add(MemoryMap.empty, source, BASE - BigInt(HEADER))
      const map = bare.pipe(MemoryMap.setWordSize(64), MemoryMap.setEndian("little"))
      const once = Effect.gen(function* () {
        const start = performance.now()
        const matches = yield* Stream.runCount(search(map))
        return { seconds: (performance.now() - start) / 1000, matches }
      })
      const passes = [yield* once, yield* once]
      return passes.toSorted((a, b) => a.seconds - b.seconds)[0]!
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)
})

interface Case {
  readonly name: string
  readonly search: Search
  /** What the others are measured against. */
  readonly yardstick: ReadonlyArray<Contender>
  readonly peers: ReadonlyArray<Contender>
}

const gdb = (what: string): ReadonlyArray<Contender> =>
  process_("gdb find, on the core", "gdb", ["-nx", "-batch", "-core", file, "-ex", `find ${what}`], false)

const range = `${BASE}, ${BASE + BigInt(SIZE) - 1n}`

const yara = (): ReadonlyArray<Contender> => {
  const rules = Path.join(directory, "rules.yar")
  const strings = many.map((one, i) => `$s${i} = "${one}"`).join("\n")
  NFS.writeFileSync(rules, `rule many { strings:\n${strings}\ncondition: any of them }\n`)
  return process_("yara -s", "yara", ["-s", rules, file], false)
}

const cases = (mapped: Mapped): ReadonlyArray<Case> => {
  const bytes = encoder.encode(text)
  return [
    {
      name: "16 bytes of text",
      search: MemoryMap.findAll(text),
      yardstick: inC("C, a loop over memmem", bytes),
      peers: [
        inBuffer(mapped, bytes),
        ...process_("rg -uuu -obaF", "rg", ["-uuu", "-obaF", text, file]),
        ...process_("grep -obUaF", "grep", ["-obUaF", text, file]),
        ...gdb(`/b ${range}, ${[...bytes].join(", ")}`)
      ]
    },
    {
      name: "a pointer, on word boundaries",
      search: MemoryMap.findAllPointers(pointer),
      yardstick: inC("C, a loop over words", pointerBytes, "8"),
      peers: gdb(`/g ${range}, ${pointer}`)
    },
    {
      name: "any of 8 texts",
      search: MemoryMap.findAll(Pattern.anyOf(many)),
      yardstick: yara(),
      peers: process_("rg -uuu -obaF -e ...", "rg", ["-uuu", "-obaF", ...many.flatMap((one) => ["-e", one]), file])
    },
    ...[16, 256, 4096].map((length): Case => ({
      name: `zeros with one odd byte, ${length} bytes`,
      search: MemoryMap.findAll(zeros(length)),
      yardstick: inC("C, a loop over memmem", zeros(length)),
      peers: length === 16 ? [inBuffer(mapped, zeros(length))] : []
    })),
    {
      name: "text in any case",
      search: MemoryMap.findAll(Pattern.text("Needle In MEMORY", { ignoreCase: true })),
      yardstick: process_("rg -uuu -obai", "rg", ["-uuu", "-obaiF", "needle in memory", file]),
      peers: process_("grep -obUai", "grep", ["-obUaiF", "needle in memory", file])
    },
    {
      name: `hex with wildcards, ${code}`,
      search: MemoryMap.findAll(Pattern.hex(code)),
      yardstick: process_(
        "rg -uuu -obas, as a regex",
        "rg",
        ["-uuu", "-oba", "--no-unicode", "-s", String.raw`(?s-u)\x4c\x8b.[\x10-\x1f]\xe8..\xff`, file],
        false
      ),
      peers: []
    },
    {
      name: "a regular expression, [0-9]{3}-[0-9]{4}",
      search: MemoryMap.findAll(Pattern.regex("[0-9]{3}-[0-9]{4}")),
      yardstick: process_("rg -uuu -oba", "rg", ["-uuu", "-oba", "(?-u)[0-9]{3}-[0-9]{4}", file], false),
      peers: []
    }
  ]
}

const rate = (seconds: number): string => `${(SIZE / seconds / 1e9).toFixed(2)} GB/s`

const row = (...cells: ReadonlyArray<string>): void => console.log(`| ${cells.join(" | ")} |`)

const table = (title: string, ...columns: ReadonlyArray<string>): void => {
  console.log(`\n### ${title}\n`)
  row(...columns)
  row(...columns.map((_, i) => (i === 0 ? "---" : "---:")))
}

const measure = async (one: Case): Promise<void> => {
  const contenders = [...one.yardstick, ...ways.map((way) => ours(way, one.search)), ...one.peers]
  const times = contenders.map((): Array<number> => [])
  const counts = contenders.map((): number | undefined => undefined)
  for (let round = 0; round < ROUNDS; round++) {
    for (const i of contenders.keys()) {
      const at = (i + round) % contenders.length
      const { matches, seconds } = await contenders[at]!.run()
      times[at]!.push(seconds)
      counts[at] = matches
    }
  }
  const found = new Set(counts.filter((count) => count !== undefined))
  if (found.size > 1) throw new Error(`${one.name}: the contenders find ${[...found].join(" and ")} matches`)
  table(`${one.name}: ${[...found].join("")} matches`, "", "median", `against ${contenders[0]?.name ?? ""}`)
  contenders.forEach(({ name }, i) => {
    const ratio = median(times[i]!.map((seconds, round) => times[0]![round]! / seconds))
    row(name, rate(median(times[i]!)), `${ratio.toFixed(2)}x`)
  })
}

/** 100 000 segments of 64 bytes: what a search costs besides its bytes. */
const sparse = async (): Promise<void> => {
  const source = ByteSource.fromBytes(encoder.encode(`....${text}`.padEnd(64, ".")))
  const pieces = 100_000
  const map = await Effect.runPromise(
    MemoryMap.addAll(
      MemoryMap.empty,
      Array.from({ length: pieces }, (_, i) => ({ source, address: BigInt(i) * 4096n }))
    )
  )
  table("100 000 segments of 64 bytes, a match in each", "", "median", "a segment")
  for (const [name, layer] of [
    ["typescript", Layer.empty],
    ["libc", NodeSearchKernel.layer]
  ] as const) {
    const times: Array<number> = []
    for (let round = 0; round <= ROUNDS; round++) {
      const start = performance.now()
      const matches = await Effect.runPromise(Effect.provide(Stream.runCount(MemoryMap.findAll(map, text)), layer))
      if (matches !== pieces) throw new Error(`${matches} matches in ${pieces} segments`)
      if (round > 0) times.push(performance.now() - start)
    }
    const took = median(times)
    row(`memmap: ${name}`, `${took.toFixed(0)} ms`, `${((took / pieces) * 1e6).toFixed(0)} ns`)
  }
}

const main = async (): Promise<void> => {
  const needles = [
    encoder.encode(text),
    pointerBytes,
    ...many.map((one) => encoder.encode(one)),
    encoder.encode("NEEDLE IN memory"),
    codeBytes,
    encoder.encode("555-0199"),
    ...[16, 256, 4096].map(zeros)
  ]
  writeImage(file, SIZE, needles, EVERY)
  const { length: threads } = OS.cpus()
  console.log(
    `${MIB} MiB in one warm file, ${ROUNDS} rounds, Node ${process.version}, ${OS.cpus()[0]?.model.trim()}, ${threads} threads.`
  )
  await Effect.gen(function* () {
    const source = yield* FileMapper.map(file)
    const map = (yield* MemoryMap.add(MemoryMap.empty, source, BASE)).pipe(
      MemoryMap.setWordSize(64),
      MemoryMap.setEndian("little")
    )
    const mapped: Mapped = { map, resident: source.resident ?? new Uint8Array(NFS.readFileSync(file)) }
    for (const one of cases(mapped)) yield* Effect.promise(() => measure(one))
  }).pipe(Effect.scoped, Effect.provide(NodeFileMapper.layer), Effect.runPromise)
  await sparse()
  for (const tool of missing) console.log(`\nNot measured, for it is not installed: ${tool}.`)
}

try {
  await main()
} finally {
  NFS.rmSync(directory, { recursive: true, force: true })
}
