// The six fields of uname(2), from the kernel's own copy.
import * as Effect from "effect/Effect"
import { type Kernel, requireSymbol } from "./kernel.ts"
import { textOf } from "./memory.ts"
import { UTS_FIELD } from "./vmcoreInfo.ts"

export interface Uname {
  readonly sysname: string
  readonly nodename: string
  readonly release: string
  readonly version: string
  readonly machine: string
  readonly domainname: string
}

export const uname = Effect.fnUntraced(function* (kernel: Kernel) {
  const address = yield* requireSymbol(kernel, "uname", "init_uts_ns")
  const offset = kernel.types.member("uts_namespace", "name")?.offset ?? 0
  const bytes = yield* kernel.memory.bytes(address + BigInt(offset), 6 * UTS_FIELD)
  const field = (i: number): string => textOf(bytes.subarray(i * UTS_FIELD, (i + 1) * UTS_FIELD))
  return {
    sysname: field(0),
    nodename: field(1),
    release: field(2),
    version: field(3),
    machine: field(4),
    domainname: field(5)
  } satisfies Uname
})
