// VMCOREINFO: lines of `KEY=value` that Linux keeps for whoever reads its dump (Documentation/admin-guide/kdump/vmcoreinfo.rst).

/** The kernel gives it one page; more is none of its. */
export const MOST = 1 << 16

/** Lines without `=` are nothing that the kernel writes, and left out; of a key that comes twice the last counts. */
export const parse = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .slice(0, MOST)
      .split("\n")
      .flatMap((line): ReadonlyArray<[string, string]> => {
        const equals = line.indexOf("=")
        return equals > 0 ? [[line.slice(0, equals), line.slice(equals + 1).replace(/[\r\0].*$/s, "")]] : []
      })
  )

export type Values = ReadonlyMap<string, string>

const hexadecimal = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text.replace(/^0x/i, "")}`) : undefined

const decimal = (text: string | undefined): bigint | undefined => {
  if (text === undefined) return undefined
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text)
  return /^-?[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined
}

const small = (text: string | undefined): number | undefined => {
  const value = decimal(text)
  return value === undefined || value < 0n || value > 0xffff_ffffn ? undefined : Number(value)
}

export const symbol = (values: Values, name: string): bigint | undefined => hexadecimal(values.get(`SYMBOL(${name})`))
export const offset = (values: Values, name: string): number | undefined => small(values.get(`OFFSET(${name})`))
export const size = (values: Values, name: string): number | undefined => small(values.get(`SIZE(${name})`))
export const length = (values: Values, name: string): number | undefined => small(values.get(`LENGTH(${name})`))
export const number = (values: Values, name: string): bigint | undefined => decimal(values.get(`NUMBER(${name})`))

/** Bytes of each of the six fields behind `uts_namespace.name`: 64 characters and a NUL (`struct new_utsname`). */
export const UTS_FIELD = 65
