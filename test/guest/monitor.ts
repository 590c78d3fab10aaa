// What QEMU's own monitor says of a guest's virtual memory: the judge of address spaces.
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** What it was asked, of the first processor, and what it answered. Addresses as hexadecimal texts, bytes too. */
export interface Asked {
  /** `gva2gpa`: the physical address, or null where it says that there is none. */
  readonly translations: ReadonlyArray<readonly [address: string, physical: string | null]>
  /** `x`: bytes across the end of a page whose next one lies elsewhere in physical memory. */
  readonly reads: ReadonlyArray<readonly [address: string, bytes: string]>
}

const PAGE = 0x1000n
/** Of a guest, in bytes. */
const MEMORY = 256n << 20n
const COUNT = 500

/** About so many of the list, from its start to its end. */
const some = <A>(list: ReadonlyArray<A>, count: number): ReadonlyArray<A> => {
  const step = Math.max(1, Math.floor(list.length / count))
  return list.filter((_, i) => i % step === 0)
}

/** Lines of `info tlb`: virtual and physical address of a page, and the flags of its entry. */
export const tlbLines = (tlb: string) =>
  Array.from(tlb.matchAll(/^([0-9a-f]{8,16}): ([0-9a-f]{8,16}) ([A-Z-]+)/gm), ([, virtual, physical, flags]) => ({
    virtual: BigInt(`0x${virtual}`),
    // With PAE, the monitor leaves the bit that forbids to run the page in the address.
    physical: BigInt.asUintN(52, BigInt(`0x${physical}`)),
    flags: flags!
  }))

/** Where no list of pages can be had: around all that registers hold. */
const near = (registers: string): ReadonlyArray<bigint> => {
  const first = registers.slice(0, registers.indexOf("CPU#1"))
  const values = Array.from(first.matchAll(/\b[0-9a-f]{16}\b/g), ([text]) => BigInt(`0x${text}`))
  const kernel = values.filter((value) => value >= 0xffff_0000_0000_0000n && value < 0xffff_ffff_f000_0000n)
  return kernel.flatMap((value) =>
    Array.from({ length: 24 }, (_, i) => BigInt.asUintN(64, value + BigInt((i - 12) ** 3) * 16n * PAGE))
  )
}

/** Asks `command`, which gives the monitor's answer to a line, and writes all answers into `folder`. */
export const ask = async (command: (line: string) => Promise<string>, folder: string): Promise<void> => {
  for (const what of ["registers -a", "tlb", "mem"]) {
    writeFileSync(join(folder, what.split(" ")[0]!), await command(`info ${what}`))
  }
  const pages = tlbLines(await command("info tlb"))
  const registers = await command("info registers")
  const inside = BigInt(0x123)
  const mapped = pages.length > 0 ? some(pages, COUNT).map(({ virtual }) => virtual + inside) : near(registers)
  // Beside them, where mostly nothing is.
  const beside = some(pages, COUNT / 5).map(({ virtual }) => BigInt.asUintN(64, virtual + 0x4000_0000n))
  const translations: Array<Asked["translations"][number]> = []
  for (const address of [...mapped, ...beside]) {
    const answer = await command(`gva2gpa 0x${address.toString(16)}`)
    const physical = /^gpa: (0x[0-9a-f]+)/.exec(answer)?.[1]
    translations.push([`0x${address.toString(16)}`, physical ?? null])
  }
  const parted = pages.filter(({ physical, virtual }, i) => {
    const next = pages[i + 1]
    if (next?.virtual !== virtual + PAGE || next.physical === physical + PAGE) return false
    // Registers of devices are no memory.
    return physical < MEMORY && next.physical < MEMORY
  })
  const reads: Array<Asked["reads"][number]> = []
  for (const { virtual } of some(parted, COUNT / 5)) {
    const address = `0x${(virtual + PAGE - 24n).toString(16)}`
    const answer = await command(`x /48xb ${address}`)
    const bytes = answer
      .split("\n")
      .flatMap((line) => Array.from(line.replace(/^[^:]*:/, "").matchAll(/0x([0-9a-f]{2})\b/g), ([, byte]) => byte!))
    if (bytes.length === 48) reads.push([address, bytes.join("")])
  }
  writeFileSync(join(folder, "asked.json"), JSON.stringify({ translations, reads } satisfies Asked))
}
