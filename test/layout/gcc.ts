// GCC as the judge of layouts: what a compiled program says of its types, and what is different in ours.
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Layout from "../../src/Layout.ts"
import type { DataModel } from "../../src/MachineModel.ts"
import * as MemoryMap from "../../src/MemoryMap.ts"
import {
  enumerations,
  fill,
  forBigEndian,
  layoutsOf,
  leavesOf,
  programOf,
  randomTypes,
  type RecordType
} from "./randomTypes.ts"

export interface Target {
  readonly flags: ReadonlyArray<string>
  readonly model: DataModel
}

/** What GCC for x86 can compile for. */
export const targets: Readonly<Record<string, Target>> = {
  LP64: { flags: ["-m64"], model: Layout.LP64 },
  i386: { flags: ["-m32"], model: Layout.i386 },
  ILP32: { flags: ["-m32", "-malign-double"], model: Layout.ILP32 },
  "LP64, unsigned char": { flags: ["-m64", "-funsigned-char"], model: { ...Layout.LP64, char: "unsigned" } },
  "LP64, Microsoft": { flags: ["-m64", "-mms-bitfields"], model: { ...Layout.LP64, bitfields: "Microsoft" } },
  "ILP32, Microsoft": {
    flags: ["-m32", "-malign-double", "-mms-bitfields"],
    model: { ...Layout.ILP32, bitfields: "Microsoft" }
  },
  "LP64, big endian": { flags: ["-m64", "-fsso-struct=big-endian"], model: { ...Layout.LP64, endian: "big" } }
}

/** What the types' own program prints, a line a type; what the compiler said where it compiles nothing. */
export const judged = (records: ReadonlyArray<RecordType>, flags: ReadonlyArray<string>): ReadonlyArray<string> => {
  const directory = mkdtempSync(join(tmpdir(), "memmap-gcc-"))
  const [source, program] = [join(directory, "types.c"), join(directory, "types")]
  writeFileSync(source, programOf(records))
  const gcc = spawnSync("gcc", ["-w", "-O0", ...flags, "-o", program, source, "-lm"], { encoding: "utf8" })
  const run = gcc.status === 0 ? spawnSync(program, { encoding: "utf8", maxBuffer: 1 << 28 }) : gcc
  rmSync(directory, { recursive: true })
  if (run.status !== 0) throw new Error(`gcc ${flags.join(" ")}: ${run.stderr.slice(0, 2000)}`)
  return run.stdout.trimEnd().split("\n")
}

/** Values of names, as numbers; a float as the bits of a double, because C and JavaScript write floats in different ways. */
const numbers: ReadonlyMap<unknown, number> = new Map(enumerations.flatMap((values) => Object.entries(values)))
const double = new DataView(new ArrayBuffer(8))

const textOf = (value: unknown, isFloat: boolean): string => {
  if (typeof value === "boolean") return String(Number(value))
  if (!isFloat) return String(numbers.get(value) ?? value)
  if (Number.isNaN(value)) return "nan"
  double.setFloat64(0, value as number)
  return String(double.getBigUint64(0))
}

const valueAt = (value: unknown, path: string): unknown =>
  Array.from(path.matchAll(/[^.[\]]+/g), ([step]) => step).reduce(
    (value: unknown, step) => (value as Record<string, unknown>)[step],
    value
  )

/** The same line for the same type, out of its layout. */
const ours = (records: ReadonlyArray<RecordType>, { model }: Target): ReadonlyArray<string> =>
  layoutsOf(records).map((layout, i) => {
    const record = records[i]!
    const bytes = fill(i)
    const bare = Effect.runSync(MemoryMap.fromBytes(bytes, 0n))
    const map = bare.pipe(MemoryMap.setDataModel(model), MemoryMap.setEndian(model.endian ?? "little"))
    const value = Effect.runSync(Layout.read(map, layout, 0n))
    const parts = leavesOf(records, record).flatMap(({ format, isBits, path }) => {
      const found = valueAt(value, path)
      const text = textOf(found, format === "float")
      return isBits ? [text] : [String(Layout.offsetOf(layout, path, model)), text]
    })
    return [Layout.sizeOf(layout, model), Layout.alignOf(layout, model), ...parts].join(" ")
  })

/** Random types that the target can be asked about. */
export const typesFor = (target: string, seed: number, count: number): ReadonlyArray<RecordType> => {
  const types = randomTypes(seed, count)
  return target === "LP64, big endian" ? forBigEndian(types) : types
}

/** The types about which GCC and we are not of one opinion, with both; none, if all is well. */
export const differences = (
  target: string,
  records: ReadonlyArray<RecordType>,
  theirs: ReadonlyArray<string>
): ReadonlyArray<string> =>
  ours(records, targets[target]!).flatMap((line, i) =>
    line === theirs[i] ? [] : [`type ${i}: gcc: ${theirs[i]} ours: ${line} ${JSON.stringify(records[i])}`]
  )
