import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Bytes from "effect/Bytes"
import * as Elf from "../../src/image/Elf.ts"
import { MemoryMap } from "../../src/index.ts"
import {
  buildElf,
  type ElfSpec,
  type NoteSpec,
  noteSegment,
  patched,
  type SegmentSpec,
  words
} from "../support/elfBuilder.ts"
import { binary } from "../support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)
const ascii = (text: string) => new TextEncoder().encode(text)
const open = (bytes: Uint8Array) => Elf.fromSource(binary(bytes, "test.core"))
const memory: SegmentSpec = { virtual: 0x1000n, bytes: u8(1, 2, 3) }
const file = (notes: ReadonlyArray<NoteSpec>, spec?: Partial<ElfSpec>) =>
  buildElf({
    ...spec,
    segments: [noteSegment(notes, spec?.endian === undefined ? {} : { endian: spec.endian }), memory]
  })
const linux = (type: number, description: Uint8Array): NoteSpec => ({ owner: "CORE", type, description })

const NT_PRSTATUS = 1
const NT_PRPSINFO = 3
const NT_AUXV = 6
const NT_FILE = 0x46494c45

/** What was decoded, without what the file has. */
const decoded = (note: Elf.ElfNote | undefined) => {
  if (note === undefined) return undefined
  const { description, owner, type, ...rest } = note
  return { ...rest, size: Number(description.size), owner, type }
}

describe("thread status", () => {
  const layouts = [
    {
      machine: 62,
      fileClass: 64,
      size: 336,
      pid: 32,
      at: 112,
      width: 8,
      known: { r15: 0, rax: 10, rip: 16, rsp: 19, gs: 26 }
    },
    {
      machine: 3,
      fileClass: 32,
      size: 144,
      pid: 24,
      at: 72,
      width: 4,
      known: { ebx: 0, eax: 6, eip: 12, esp: 15, ss: 16 }
    },
    { machine: 3, fileClass: 64, size: 144, pid: 24, at: 72, width: 4, known: { ebx: 0, orig_eax: 11, eflags: 14 } },
    {
      machine: 183,
      fileClass: 64,
      size: 392,
      pid: 32,
      at: 112,
      width: 8,
      known: { x0: 0, x30: 30, sp: 31, pc: 32, pstate: 33 }
    },
    {
      machine: 40,
      fileClass: 32,
      size: 148,
      pid: 24,
      at: 72,
      width: 4,
      known: { r0: 0, fp: 11, sp: 13, lr: 14, pc: 15, cpsr: 16 }
    },
    {
      machine: 243,
      fileClass: 64,
      size: 376,
      pid: 32,
      at: 112,
      width: 8,
      known: { pc: 0, ra: 1, sp: 2, a0: 10, t6: 31 }
    }
  ] as const
  for (const { at, fileClass, known, machine, pid, size, width } of layouts) {
    for (const endian of ["little", "big"] as const) {
      it.effect(`of machine ${machine}, ELF${fileClass}, ${endian} endian`, () =>
        Effect.gen(function* () {
          const count = Math.floor((size - at) / width)
          const description = new Uint8Array(size)
          description.set(words(2, [11], endian), 12)
          description.set(words(4, [4321], endian), pid)
          description.set(
            words(
              width,
              Array.from({ length: count }, (_, i) => 0x8000_0000 + i),
              endian
            ),
            at
          )
          const image = yield* open(file([linux(NT_PRSTATUS, description)], { machine, fileClass, endian }))
          const [note] = image.notes
          assert.deepInclude(note, { _tag: "ThreadStatus", thread: 4321, signal: 11 })
          if (note?._tag !== "ThreadStatus") return
          for (const [name, index] of Object.entries(known)) {
            assert.strictEqual(note.registers[name], 0x8000_0000n + BigInt(index), name)
          }
        })
      )
    }
  }

  it.effect("of a machine or a size that is not known stays undecoded", () =>
    Effect.gen(function* () {
      for (const [machine, size] of [
        [22, 336],
        [62, 335],
        [62, 0]
      ] as const) {
        const image = yield* open(file([linux(NT_PRSTATUS, new Uint8Array(size))], { machine }))
        assert.deepStrictEqual(decoded(image.notes[0]), { _tag: "Other", size, owner: "CORE", type: NT_PRSTATUS })
        assert.deepStrictEqual(image.problems, [])
      }
    })
  )

  it.effect("of every thread, in order", () =>
    Effect.gen(function* () {
      const status = (pid: number) => linux(NT_PRSTATUS, patched(new Uint8Array(336), 32, 4, pid))
      const image = yield* open(file([status(7), linux(2, u8(9)), status(8)]))
      assert.deepStrictEqual(
        image.notes.map((note) => (note._tag === "ThreadStatus" ? note.thread : note._tag)),
        [7, "Other", 8]
      )
    })
  )
})

describe("other notes", () => {
  it.effect("the process", () =>
    Effect.gen(function* () {
      for (const [size, pid, name, args] of [
        [136, 24, 40, 56],
        [124, 12, 28, 44]
      ] as const) {
        const description = patched(new Uint8Array(size), pid, 4, 99)
        description.set(ascii("sixteen-letters-"), name)
        description.set(ascii("sixteen-letters-and-more --now "), args)
        const image = yield* open(file([linux(NT_PRPSINFO, description)]))
        assert.deepStrictEqual(decoded(image.notes[0]), {
          _tag: "ProcessInfo",
          process: 99,
          name: "sixteen-letters-",
          arguments: "sixteen-letters-and-more --now",
          size,
          owner: "CORE",
          type: NT_PRPSINFO
        })
      }
    })
  )

  it.effect("the auxiliary vector, up to AT_NULL", () =>
    Effect.gen(function* () {
      for (const fileClass of [32, 64] as const) {
        for (const endian of ["little", "big"] as const) {
          const size = fileClass === 32 ? 4 : 8
          const description = words(size, [9, 0x1234, 999, 5, 0, 0, 6, 4096], endian)
          const image = yield* open(file([linux(NT_AUXV, description)], { fileClass, endian }))
          const [note] = image.notes
          assert.deepStrictEqual(note?._tag === "AuxiliaryVector" && note.entries, [
            { type: 9n, name: "AT_ENTRY", value: 0x1234n },
            { type: 999n, name: undefined, value: 5n }
          ])
        }
      }
      const torn = yield* open(file([linux(NT_AUXV, u8(9, 0, 0))]))
      assert.deepInclude(torn.notes[0], { _tag: "AuxiliaryVector", entries: [] })
    })
  )

  it.effect("mapped files, with offsets counted in pages", () =>
    Effect.gen(function* () {
      for (const fileClass of [32, 64] as const) {
        for (const endian of ["little", "big"] as const) {
          const size = fileClass === 32 ? 4 : 8
          const numbers = words(size, [2, 4096, 0x1000, 0x3000, 5, 0x8000, 0x9000, 0], endian)
          const description = Bytes.concat([numbers, ascii("/lib/ä.so\0\0")])
          const image = yield* open(file([linux(NT_FILE, description)], { fileClass, endian }))
          const [note] = image.notes
          assert.deepStrictEqual(note?._tag === "FileMappings" && [note.pageSize, note.files], [
            4096n,
            [
              { range: { start: 0x1000n, end: 0x3000n }, offset: 20480n, path: "/lib/ä.so" },
              { range: { start: 0x8000n, end: 0x9000n }, offset: 0n, path: "" }
            ]
          ])
        }
      }
    })
  )

  it.effect("give facts about the kernel of a dump", () =>
    Effect.gen(function* () {
      const text =
        "OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_top_pgt)=ffffffff9f010000\nCONFIG=a=b\nnonsense\n=x\n\0\0"
      const image = yield* open(file([{ owner: "VMCOREINFO", type: 0, description: ascii(text) }]))
      const [note] = image.notes
      assert.deepStrictEqual(note?._tag === "VmcoreInfo" && [...note.values], [
        ["OSRELEASE", "6.1.0"],
        ["PAGESIZE", "4096"],
        ["SYMBOL(init_top_pgt)", "ffffffff9f010000"],
        ["CONFIG", "a=b"]
      ])
    })
  )

  it.effect("unknown ones, whose bytes can be read", () =>
    Effect.gen(function* () {
      const image = yield* open(file([{ owner: "GDB", type: 0xff000000, description: u8(5, 6, 7) }]))
      assert.deepStrictEqual(decoded(image.notes[0]), { _tag: "Other", size: 3, owner: "GDB", type: 0xff000000 })
      assert.deepStrictEqual(yield* image.notes[0]!.description.read(0n, 3), u8(5, 6, 7))
    })
  )

  it.effect("of a program are those of its own owners", () =>
    Effect.gen(function* () {
      const notes = [linux(NT_AUXV, new Uint8Array(16)), { owner: "GNU", type: 1, description: new Uint8Array(16) }]
      const image = yield* open(file(notes, { type: 3 }))
      assert.deepStrictEqual(
        image.notes.map((note) => note._tag),
        ["Other", "Other"]
      )
    })
  )
})

describe("where notes lie", () => {
  const note = (n: number): NoteSpec => ({ owner: "N".repeat(n), type: n, description: new Uint8Array(n).fill(n) })
  const read = (image: Elf.ElfImage) =>
    image.notes.map(({ description, owner, type }) => [owner, type, description.size])
  const expected = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ["N".repeat(n), n, BigInt(n)])
  const notes = [1, 2, 3, 4, 5, 6, 7, 8].map(note)

  it.effect("on borders of 4 bytes, or of 8 when p_align says so", () =>
    Effect.gen(function* () {
      for (const align of [4, 8] as const) {
        const image = yield* open(buildElf({ segments: [noteSegment(notes, { align }), memory] }))
        assert.deepStrictEqual(read(image), expected)
      }
      for (const align of [0n, 1n, 2n, 4096n]) {
        const image = yield* open(buildElf({ segments: [{ ...noteSegment(notes), align }, memory] }))
        assert.deepStrictEqual(read(image), expected, `p_align ${align}`)
      }
    })
  )

  it.effect("in several places, and ended by zeros", () =>
    Effect.gen(function* () {
      const first = noteSegment(notes.slice(0, 3))
      const padded = { ...first, bytes: Bytes.concat([first.bytes!, new Uint8Array(100)]) }
      const image = yield* open(buildElf({ segments: [padded, memory, noteSegment(notes.slice(3)), noteSegment([])] }))
      assert.deepStrictEqual(read(image), expected)
      assert.deepStrictEqual(image.problems, [])
    })
  )
})

describe("a note that lies is a problem, not a reason to refuse the memory", () => {
  const place = 64n + 2n * 56n
  const broken = Effect.fnUntraced(function* (bytes: Uint8Array) {
    const image = yield* open(bytes)
    assert.deepStrictEqual(yield* MemoryMap.getBytes(image.map, 0x1000n, 3), u8(1, 2, 3))
    return image
  })
  const fine = linux(7, u8(1, 2, 3, 4))
  const files = (...values: ReadonlyArray<number>) => linux(NT_FILE, Bytes.concat([words(8, values), ascii("/a\0")]))
  const cases: ReadonlyArray<readonly [name: string, file: Uint8Array, tags: ReadonlyArray<string>, problem: string]> =
    [
      [
        "a description that reaches past the notes",
        patched(file([fine, fine]), Number(place) + 4, 4, 100),
        [],
        `notes, offset 0xb4: n_descsz 0x64 reaches past the end of the notes or of the file`
      ],
      [
        "an owner that reaches past the notes",
        patched(file([fine]), Number(place), 4, 100),
        [],
        `notes, offset 0xb4: n_descsz 0x4 reaches past the end of the notes or of the file`
      ],
      [
        "an owner too long to be one",
        patched(file([fine]), Number(place), 4, 0xffffffff),
        [],
        "notes, offset 0xb0: n_namesz 4294967295 is more than 256"
      ],
      [
        "notes outside the file",
        buildElf({ segments: [{ type: 4, offset: 1n << 62n, fileSize: 100n }, memory] }),
        [],
        "notes, offset 0x4000000000000000: a note takes 12 bytes from here, the file ends at 0xb3"
      ],
      [
        "more files than there is room for",
        file([files(0xffff_ffff_ffff, 1, 0x1000, 0x2000, 0), fine]),
        ["Other", "Other"],
        "notes, offset 0xc4: NT_FILE lists 281474976710655 files, more than its 43 bytes hold"
      ],
      [
        "fewer paths than files",
        file([files(2, 1, 0x1000, 0x2000, 0, 0x3000, 0x4000, 0), fine]),
        ["Other", "Other"],
        "notes, offset 0xc4: NT_FILE lists 2 files and names 1"
      ],
      [
        "a file that ends before it starts",
        file([files(1, 1, 0x2000, 0x1000, 0), fine]),
        ["Other", "Other"],
        "notes, offset 0xc4: NT_FILE: file 0 ends at 0x1000, before it starts"
      ],
      [
        "a list of files too short for its count",
        file([linux(NT_FILE, u8(1)), fine]),
        ["Other", "Other"],
        "notes, offset 0xc4: NT_FILE takes 16 bytes or more, this one has 1"
      ]
    ]
  for (const [name, bytes, tags, problem] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const image = yield* broken(bytes)
        assert.deepStrictEqual(image.problems, [problem])
        assert.deepStrictEqual(
          image.notes.map((note) => note._tag),
          tags
        )
      })
    )
  }

  it.effect("notes without end: a bound on how many, and on how many bytes of them, are kept", () =>
    Effect.gen(function* () {
      const one = noteSegment([{ owner: "", type: 1, description: u8() }]).bytes!
      const countless = new Uint8Array(one.length * 300_000)
      for (let i = 0; i < 300_000; i++) countless.set(one, i * one.length)
      const counted = yield* broken(buildElf({ segments: [{ type: 4, bytes: countless }, memory] }))
      assert.strictEqual(counted.notes.length, 1 << 18)
      assert.match(counted.problems.join(), /^notes, offset 0x[0-9a-f]+: too many notes, or too much wrong/)

      const large = noteSegment([{ owner: "VMCOREINFO", type: 0, description: new Uint8Array(8 << 20) }])
      const again: SegmentSpec = { type: 4, offset: 64n + 12n * 56n, fileSize: BigInt(large.bytes!.length) }
      const repeated = yield* broken(
        buildElf({ segments: [large, ...Array.from({ length: 10 }, () => again), memory] })
      )
      assert.deepStrictEqual(
        repeated.notes.map((note) => note._tag),
        ["VmcoreInfo", ...Array<string>(10).fill("Other")],
        "a file decodes to no more than itself"
      )
      assert.strictEqual(repeated.problems.length, 10)

      const liars = Array.from({ length: 1000 }, (): SegmentSpec => ({ type: 4, offset: 1n << 62n, fileSize: 100n }))
      assert.isBelow((yield* broken(buildElf({ segments: [...liars, memory] }))).problems.length, 100)
    })
  )
})

describe("notes name the mappings of a core", () => {
  const filesNote = (files: ReadonlyArray<readonly [bigint, bigint, string]>) =>
    linux(
      NT_FILE,
      Bytes.concat([
        words(8, [BigInt(files.length), 4096n, ...files.flatMap(([start, end]) => [start, end, 0n])]),
        ...files.map(([, , path]) => ascii(`${path}\0`))
      ])
    )
  const named = (image: Elf.ElfImage, address: bigint) =>
    Option.getOrUndefined(MemoryMap.mappingAt(image.map, address))?.name
  const page = (virtual: bigint, size = 0x1000n): SegmentSpec => ({ virtual, bytes: u8(1), memorySize: size })
  const notes = [
    filesNote([
      [0x8000n, 0xa000n, "/b"],
      [0x1000n, 0x3000n, "/a"],
      [0x3000n, 0x4000n, "/c"]
    ]),
    linux(NT_AUXV, words(8, [33, 0x20000, 25, 0x30800, 0, 0]))
  ]
  const segments = [
    noteSegment(notes),
    page(0x1000n),
    page(0x2000n),
    page(0x3000n, 0x2000n),
    page(0x9000n),
    page(0xb000n),
    page(0x20000n),
    page(0x30000n)
  ]

  it.effect("after files that hold them whole, and after what the auxiliary vector points to", () =>
    Effect.gen(function* () {
      const image = yield* open(buildElf({ segments }))
      assert.deepStrictEqual(
        [0x1000n, 0x2000n, 0x3000n, 0x9000n, 0xb000n, 0x20000n, 0x30000n].map((address) => named(image, address)),
        ["/a", "/a", "test.core", "/b", "test.core", "[vdso]", "[stack]"]
      )
    })
  )

  it.effect("and say nothing about physical addresses", () =>
    Effect.gen(function* () {
      const moved = segments.map((segment, i) => ({ ...segment, physical: BigInt(i) << 12n }))
      const image = yield* Elf.fromSource(binary(buildElf({ segments: moved }), "test.core"), { addresses: "physical" })
      assert.deepStrictEqual([named(image, 0x1000n), named(image, 0x2000n)], ["test.core", "test.core"])
    })
  )
})
