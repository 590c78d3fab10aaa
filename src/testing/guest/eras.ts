// What differed from kernel to kernel, as far as it matters to those who read one.
import type { KallsymsForm } from "./kallsyms.ts"

export interface EraForm {
  readonly release: string
  readonly kallsyms: KallsymsForm
  /** Whether VMCOREINFO names the tables of symbols. */
  readonly namesKallsyms: boolean
  readonly log: "buffer" | "ring"
  readonly state: "state" | "__state"
  readonly threads: "group" | "node"
  readonly numbers: "none" | "radix" | "xarray"
  readonly areas: "list" | "tree"
  readonly modules: "core" | "layout" | "memory"
  readonly mounts: "list" | "tree"
  readonly levels: 4 | 5
}

const before64 = { addressesLast: false, wide: false, long: false, sequences: false } as const

export const eras = {
  "4.4": {
    release: "4.4.0-guest",
    kallsyms: { ...before64, encoding: "absolute", wide: true },
    namesKallsyms: false,
    log: "buffer",
    state: "state",
    threads: "group",
    numbers: "none",
    areas: "list",
    modules: "core",
    mounts: "list",
    levels: 4
  },
  "4.19": {
    release: "4.19.0-guest",
    kallsyms: { ...before64, encoding: "relative-percpu", wide: true },
    namesKallsyms: false,
    log: "buffer",
    state: "state",
    threads: "node",
    numbers: "radix",
    areas: "list",
    modules: "layout",
    mounts: "list",
    levels: 4
  },
  "5.4": {
    release: "5.4.0-guest",
    kallsyms: { ...before64, encoding: "relative" },
    namesKallsyms: false,
    log: "buffer",
    state: "state",
    threads: "node",
    numbers: "xarray",
    areas: "list",
    modules: "layout",
    mounts: "list",
    levels: 4
  },
  "5.15": {
    release: "5.15.0-guest",
    kallsyms: { ...before64, encoding: "relative-percpu" },
    namesKallsyms: false,
    log: "ring",
    state: "__state",
    threads: "node",
    numbers: "xarray",
    areas: "list",
    modules: "layout",
    mounts: "list",
    levels: 4
  },
  "6.1": {
    release: "6.1.0-guest",
    kallsyms: { ...before64, encoding: "relative-percpu", long: true, sequences: true },
    namesKallsyms: true,
    log: "ring",
    state: "__state",
    threads: "node",
    numbers: "xarray",
    areas: "tree",
    modules: "layout",
    mounts: "list",
    levels: 4
  },
  "6.12": {
    release: "6.12.0-guest",
    kallsyms: { encoding: "relative-percpu", addressesLast: true, wide: false, long: true, sequences: true },
    namesKallsyms: true,
    log: "ring",
    state: "__state",
    threads: "node",
    numbers: "xarray",
    areas: "tree",
    modules: "memory",
    mounts: "tree",
    levels: 5
  },
  "7.0": {
    release: "7.0.0-guest",
    kallsyms: { encoding: "place", addressesLast: true, wide: false, long: true, sequences: true },
    namesKallsyms: true,
    log: "ring",
    state: "__state",
    threads: "node",
    numbers: "xarray",
    areas: "tree",
    modules: "memory",
    mounts: "tree",
    levels: 4
  }
} as const satisfies Readonly<Record<string, EraForm>>
