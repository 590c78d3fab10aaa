// Values of `pointerTo`: an address, and the layout of what is there.
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import type { Layout, Pointer } from "../../Layout.ts"
import { hex } from "../base/numbers.ts"
import type { AnyLayout } from "./model.ts"

export class PointerImpl extends Inspectable.Class implements Pointer<never> {
  readonly address: bigint
  readonly target: () => Layout<never>
  constructor(address: bigint, target: () => AnyLayout) {
    super()
    this.address = address
    // There is one class behind all layouts.
    this.target = target as () => never
  }
  toJSON(): unknown {
    return { _id: "Pointer", address: hex(this.address) }
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof PointerImpl && that.address === this.address && that.target === this.target
  }
  [Hash.symbol](): number {
    return Hash.hash(this.address)
  }
}
