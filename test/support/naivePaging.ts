// The judge of page tables: a translator for each family of processors, in bigints and as the manuals put it, that lists
// every page by going through every entry.

export interface NaivePage {
  readonly virtual: bigint
  readonly size: bigint
  readonly kind: "leaf" | "none" | "swap" | "special" | "invalid" | "noTable"
  readonly physical: bigint
  readonly permissions: string
  readonly area?: bigint
}

/** What an entry is, and what it allows: w, u, x; for Arm also p, that the kernel may run it. */
type Meaning =
  | { readonly table: bigint; readonly allows: string }
  | { readonly kind: NaivePage["kind"]; readonly physical: bigint; readonly allows: string; readonly area?: bigint }
  | undefined

export interface Naive {
  readonly shifts: ReadonlyArray<number>
  readonly bits: ReadonlyArray<number>
  readonly entryBytes: 4 | 8
  readonly addressOf: (place: bigint) => bigint
  readonly isUser: (place: bigint) => boolean
  readonly meaning: (entry: bigint, depth: number, index: bigint, user: boolean) => Meaning
  /** Turns what all levels allow into `rwxu`. */
  readonly shown: (allows: string) => string
}

const bit = (value: bigint, n: number): boolean => ((value >> BigInt(n)) & 1n) === 1n
const field = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)
const letters = (list: ReadonlyArray<readonly [string, boolean]>): string =>
  list.map(([letter, on]) => (on ? letter : "")).join("")
const down = (address: bigint, shift: number): bigint => (address >> BigInt(shift)) << BigInt(shift)
const invalid = { kind: "invalid", physical: 0n, allows: "" } as const
const rwxu = (allows: string): string => ["r", "w", "x", "u"].filter((one) => allows.includes(one)).join("")

const split = (bits: number) => (place: bigint) => BigInt.asUintN(64, BigInt.asIntN(bits, place))
const flat = { addressOf: (place: bigint) => place, isUser: (place: bigint) => place < 0xc000_0000n }

const swap = (area: bigint, offset: bigint): Meaning =>
  area < 23n ? { kind: "swap", physical: offset, allows: "", area } : { kind: "special", physical: 0n, allows: "" }

const x86 = (shifts: ReadonlyArray<number>, large: ReadonlyArray<number>, pae: boolean): Naive["meaning"] => {
  const last = shifts.length - 1
  return (entry, depth, _index, user) => {
    const address = (value: bigint) => field(value, 51, 12) << 12n
    const shift = shifts[depth]!
    if (pae && depth === 0) return bit(entry, 0) ? { table: address(entry), allows: "rwxu" } : undefined
    if (!bit(entry, 0)) {
      if (entry === 0n || !user) return undefined
      const isPage = depth === last || (large.includes(shift) && bit(entry, 7))
      const inverted = BigInt.asUintN(64, ~entry)
      if (isPage && bit(entry, 8)) return { kind: "none", physical: down(address(inverted), shift), allows: "" }
      return depth === last ? swap(entry >> 59n, field(inverted, 58, 9)) : undefined
    }
    const executable = !bit(entry, 63) || (!pae && depth === 0 && user)
    const allows = letters([
      ["r", true],
      ["w", bit(entry, 1)],
      ["x", executable],
      ["u", bit(entry, 2)]
    ])
    if (depth === last) return { kind: "leaf", physical: address(entry), allows }
    if (!bit(entry, 7)) return { table: address(entry), allows }
    return large.includes(shift) ? { kind: "leaf", physical: down(address(entry), shift), allows } : invalid
  }
}

const i386 = (entry: bigint, depth: number, _index: bigint, user: boolean): Meaning => {
  if (!bit(entry, 0)) {
    if (entry === 0n || !user || depth === 0) return undefined
    if (bit(entry, 8)) return { kind: "none", physical: down(entry, 12), allows: "" }
    return swap(field(entry, 5, 1), entry >> 9n)
  }
  const allows = letters([
    ["rx", true],
    ["w", bit(entry, 1)],
    ["u", bit(entry, 2)]
  ])
  if (depth === 1) return { kind: "leaf", physical: down(entry, 12), allows }
  if (!bit(entry, 7)) return { table: down(entry, 12), allows }
  return { kind: "leaf", physical: down(entry, 22) | (field(entry, 20, 13) << 32n), allows }
}

const arm = (
  granule: number,
  shifts: ReadonlyArray<number>,
  blocks: ReadonlyArray<number>,
  wide: "no" | "lpa2" | "64k"
): Naive["meaning"] => {
  const last = shifts.length - 1
  return (entry, depth, _index, user) => {
    const shift = shifts[depth]!
    const high = wide === "lpa2" ? field(entry, 9, 8) << 50n : wide === "64k" ? field(entry, 15, 12) << 48n : 0n
    const base = (field(entry, wide === "lpa2" ? 49 : 47, granule) << BigInt(granule)) | high
    const isPage = depth === last || blocks.includes(shift)
    const type = entry & 3n
    if (!bit(entry, 0)) {
      if (entry === 0n || !user || !isPage) return undefined
      const kept = bit(entry, 58) || bit(entry, 11)
      if (kept && (depth === last ? type === 2n : type === 0n && bit(entry, 10))) {
        return { kind: "none", physical: down(base, shift), allows: "" }
      }
      return depth === last && type === 0n ? { kind: "swap", physical: 0n, allows: "" } : undefined
    }
    if (depth < last && type === 3n) {
      const allows = letters([
        ["r", true],
        ["w", !bit(entry, 62)],
        ["u", !bit(entry, 61)],
        ["x", !bit(entry, 60)],
        ["p", !bit(entry, 59)]
      ])
      return { table: base, allows }
    }
    if (depth === last ? type !== 3n : !isPage) return invalid
    const allows = letters([
      ["r", true],
      ["w", !bit(entry, 7) || bit(entry, 51)],
      ["u", bit(entry, 6)],
      ["x", !bit(entry, 54)],
      ["p", !bit(entry, 53)]
    ])
    return { kind: "leaf", physical: down(base, shift), allows }
  }
}

const riscv =
  (shifts: ReadonlyArray<number>, wide: boolean): Naive["meaning"] =>
  (entry, depth, index, user) => {
    const shift = shifts[depth]!
    const last = depth === shifts.length - 1
    const physical = field(entry, wide ? 53 : 31, 10) << 12n
    const misaligned = physical !== down(physical, shift)
    if (!bit(entry, 0)) {
      if (entry === 0n || !user) return undefined
      if (bit(entry, 5) || bit(entry, 1)) return misaligned ? invalid : { kind: "none", physical, allows: "" }
      return last ? { kind: "swap", physical: 0n, allows: "" } : undefined
    }
    if (field(entry, 3, 1) === 0n) return last ? invalid : { table: physical, allows: "rwxu" }
    if (bit(entry, 2) && !bit(entry, 1)) return invalid
    const allows = letters([
      ["r", bit(entry, 1)],
      ["w", bit(entry, 2)],
      ["x", bit(entry, 3)],
      ["u", bit(entry, 4)]
    ])
    if (bit(entry, 63)) {
      if (!last || field(entry, 13, 10) !== 8n) return invalid
      return { kind: "leaf", physical: physical - 0x8000n + (index % 16n) * 0x1000n, allows }
    }
    return misaligned ? invalid : { kind: "leaf", physical, allows }
  }

const shiftsFrom = (first: number, step: number, last: number): ReadonlyArray<number> => {
  const shifts: Array<number> = []
  for (let shift = last; shift <= first; shift += step) shifts.unshift(shift)
  return shifts
}
const same = (count: number, bits: number): ReadonlyArray<number> => Array.from({ length: count }, () => bits)

const long = (levels: 4 | 5): Naive => {
  const shifts = shiftsFrom(levels === 4 ? 39 : 48, 9, 12)
  const width = levels === 4 ? 48 : 57
  return {
    shifts,
    bits: same(levels, 9),
    entryBytes: 8,
    addressOf: split(width),
    isUser: (place) => !bit(place, width - 1),
    meaning: x86(shifts, [21, 30], false),
    shown: rwxu
  }
}

const aarch64 = (granule: 12 | 14 | 16, width: number, half: "upper" | "lower", lpa2: boolean): Naive => {
  const step = granule - 3
  const shifts = shiftsFrom(width - 1, step, granule)
  const bits = shifts.map((shift, i) => (i === 0 ? width - shift : step))
  const blocks = {
    12: lpa2 ? [21, 30, 39] : [21, 30],
    14: lpa2 ? [25, 36] : [25],
    16: width === 52 ? [29, 42] : [29]
  }[granule]
  const wide = lpa2 ? "lpa2" : granule === 16 && width === 52 ? "64k" : "no"
  return {
    shifts,
    bits,
    entryBytes: 8,
    addressOf: (place) => (half === "upper" ? (1n << 64n) - (1n << BigInt(width)) + place : place),
    isUser: () => half === "lower",
    meaning: arm(granule, shifts, blocks, wide),
    shown: (allows) => {
      const runs = half === "upper" ? /p/.test(allows) : /[xp]/.test(allows)
      return rwxu(allows.replace("x", "") + (runs ? "x" : ""))
    }
  }
}

const sv = (width: 32 | 39 | 48 | 57): Naive => {
  const step = width === 32 ? 10 : 9
  const shifts = shiftsFrom(width - step, step, 12)
  const rest = { shifts, bits: same(shifts.length, step), meaning: riscv(shifts, width !== 32), shown: rwxu }
  return width === 32
    ? { ...rest, ...flat, entryBytes: 4 }
    : { ...rest, entryBytes: 8, addressOf: split(width), isUser: (place) => !bit(place, width - 1) }
}

export const naives: Readonly<Record<string, Naive>> = {
  "x86-64": long(4),
  "x86-64-la57": long(5),
  i386: { ...flat, shifts: [22, 12], bits: [10, 10], entryBytes: 4, meaning: i386, shown: rwxu },
  "i386-pae": {
    ...flat,
    shifts: [30, 21, 12],
    bits: [2, 9, 9],
    entryBytes: 8,
    meaning: x86([30, 21, 12], [21], true),
    shown: rwxu
  },
  ...Object.fromEntries(
    (["upper", "lower"] as const).flatMap((half) => {
      const end = half === "lower" ? "-lower" : ""
      return [
        ...[39, 48].map((width) => [`aarch64-4k-${width}${end}`, aarch64(12, width, half, false)] as const),
        [`aarch64-4k-52-lpa2${end}`, aarch64(12, 52, half, true)] as const,
        ...[36, 47, 48].map((width) => [`aarch64-16k-${width}${end}`, aarch64(14, width, half, false)] as const),
        [`aarch64-16k-52-lpa2${end}`, aarch64(14, 52, half, true)] as const,
        ...[42, 48, 52].map((width) => [`aarch64-64k-${width}${end}`, aarch64(16, width, half, false)] as const)
      ]
    })
  ),
  "riscv-sv32": sv(32),
  "riscv-sv39": sv(39),
  "riscv-sv48": sv(48),
  "riscv-sv57": sv(57)
}

/** Every page that the tables map or say something of. `read` gives an entry, `undefined` where there is no memory. */
export const naivePages = (
  naive: Naive,
  root: bigint,
  read: (address: bigint, bytes: 4 | 8) => bigint | undefined
): ReadonlyArray<NaivePage> => {
  const { addressOf, bits, entryBytes, isUser, meaning, shifts, shown } = naive
  const visit = (table: bigint, depth: number, start: bigint, allows: string): ReadonlyArray<NaivePage> => {
    const found: Array<NaivePage> = []
    for (let index = 0n; index < 1n << BigInt(bits[depth]!); index++) {
      const entry = read(table + index * BigInt(entryBytes), entryBytes)!
      if (entry === 0n) continue
      const place = start + (index << BigInt(shifts[depth]!))
      const means = meaning(entry, depth, index, isUser(place))
      if (means === undefined) continue
      const both = [...allows].filter((one) => means.allows.includes(one)).join("")
      const common = { virtual: addressOf(place), size: 1n << BigInt(shifts[depth]!) }
      if (!("table" in means)) {
        const { kind, physical } = means
        const permissions = kind === "leaf" ? shown(both) : ""
        found.push({
          ...common,
          kind,
          physical,
          permissions,
          ...(means.area === undefined ? {} : { area: means.area })
        })
      } else {
        const end = means.table + BigInt(entryBytes << bits[depth + 1]!) - BigInt(entryBytes)
        const isThere = read(means.table, entryBytes) !== undefined && read(end, entryBytes) !== undefined
        if (isThere) found.push(...visit(means.table, depth + 1, place, both))
        else found.push({ ...common, kind: "noTable", physical: means.table, permissions: "" })
      }
    }
    return found
  }
  return visit(root, 0, 0n, "rwxup")
}

/** What is said of one address, by following it down; `undefined` where nothing is. */
export const naiveAt = (
  { bits, entryBytes, isUser, meaning, shifts, shown }: Naive,
  root: bigint,
  place: bigint,
  read: (address: bigint, bytes: 4 | 8) => bigint | undefined
): Omit<NaivePage, "virtual" | "size"> | undefined => {
  let [table, allows] = [root, "rwxup"]
  for (const [depth, shift] of shifts.entries()) {
    const index = field(place, shift + bits[depth]! - 1, shift)
    const end = table + BigInt(entryBytes << bits[depth]!) - BigInt(entryBytes)
    const entry = read(end, entryBytes) === undefined ? undefined : read(table + index * BigInt(entryBytes), entryBytes)
    if (entry === undefined) return { kind: "noTable", physical: table, permissions: "" }
    const means = entry === 0n ? undefined : meaning(entry, depth, index, isUser(place))
    if (means === undefined) return undefined
    allows = [...allows].filter((one) => means.allows.includes(one)).join("")
    if ("table" in means) table = means.table
    else {
      const within = place - down(place, shift)
      const { kind, physical } = means
      return { kind, physical: physical + within, permissions: kind === "leaf" ? shown(allows) : "" }
    }
  }
  return undefined
}
