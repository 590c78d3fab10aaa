// Offsets and sizes in a kernel's structures, wherever they are known from. They differ from build to build: task_struct's
// members move by a kilobyte. None stands in this program.
import type { BtfImpl } from "./btf/btf.ts"
import { recordNamed, resolve } from "./btf/path.ts"
import * as info from "./vmcoreInfo.ts"

export interface Member {
  /** In bytes. */
  readonly offset: number
  readonly size: number
}

export interface Types {
  readonly sizeOf: (type: string) => number | undefined
  /** A member by its path, which goes through no pointer. */
  readonly member: (type: string, path: string) => Member | undefined
}

export const ofBtf = (btf: BtfImpl): Types => {
  const records = new Map<string, number | undefined>()
  const record = (type: string): number | undefined => {
    if (!records.has(type)) records.set(type, recordNamed(btf, type))
    return records.get(type)
  }
  return {
    sizeOf: (type) => {
      const id = record(type)
      return id === undefined ? undefined : btf.sizeOf(id)
    },
    member: (type, path) => {
      const id = record(type)
      if (id === undefined) return undefined
      const place = resolve(btf, id, path)
      return typeof place === "string" || place.through.length > 0
        ? undefined
        : { offset: place.offset, size: place.size }
    }
  }
}

/** VMCOREINFO knows offsets of some members, and no member's size: those of the log are words but for these. */
const SMALL: Readonly<Record<string, number>> = {
  "printk_info.text_len": 2,
  "printk_info.caller_id": 4,
  "prb_desc_ring.count_bits": 4,
  "prb_data_ring.size_bits": 4,
  "printk_log.len": 2,
  "printk_log.text_len": 2,
  "printk_log.dict_len": 2
}

export const ofVmcoreInfo = (values: info.Values, word: 4 | 8): Types => ({
  sizeOf: (type) => info.size(values, type),
  member: (type, path) => {
    const key = `${type}.${path}`
    const offset = info.offset(values, key)
    const wide = path === "seq" || path === "ts_nsec"
    return offset === undefined ? undefined : { offset, size: SMALL[key] ?? (wide ? 8 : word) }
  }
})

/** What the first knows, else the second. */
export const orElse = (first: Types, second: Types): Types => ({
  sizeOf: (type) => first.sizeOf(type) ?? second.sizeOf(type),
  member: (type, path) => first.member(type, path) ?? second.member(type, path)
})
