// What a layout is made of: a tree of nodes, each a C type or something done to one. The tree is data; how large its types
// are, how they are decoded and how they are written as C is the business of the other files here.
import { identity } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import type { Any, Layout } from "../../Layout.ts"
import type { DataModel, Endian } from "../../MachineModel.ts"
import type { BytesAccess, Readable } from "../read/reader.ts"
import type { Decoder } from "./decode.ts"
import { get } from "./get.ts"
import { typeName } from "./names.ts"
import type { Needs } from "./needs.ts"
import type { ScalarName } from "./scalars.ts"
import type { Shape } from "./shape.ts"

export const TypeId = "~effect-memory-map/Layout"

export interface RecordOptions {
  readonly packed?: boolean | number | undefined
  readonly align?: number | undefined
  readonly size?: number | undefined
}

export interface RecordNode {
  readonly kind: "struct" | "union"
  readonly name: string
  readonly members: ReadonlyArray<readonly [name: string, layout: AnyLayout]>
  readonly options: RecordOptions
}

/** Names of values, in order; of equal values the first name is the one that is shown. */
export interface NamesNode {
  readonly kind: "enumeration" | "flags"
  /** Of the enumeration in C, if it is known. */
  readonly name?: string | undefined
  readonly values: ReadonlyArray<readonly [name: string, value: bigint]>
  readonly base: AnyLayout
}

/** What a schema made of a value, or why it made nothing. */
export type Outcome =
  | { readonly _tag: "Success"; readonly success: unknown }
  | { readonly _tag: "Failure"; readonly failure: Error }

export type Node =
  | { readonly kind: "scalar"; readonly name: ScalarName }
  | { readonly kind: "pointer"; readonly target: () => AnyLayout }
  | { readonly kind: "bytes" | "cString"; readonly length: number }
  | { readonly kind: "array"; readonly element: AnyLayout; readonly length: number }
  | { readonly kind: "flexible"; readonly element: AnyLayout; readonly count: string }
  | RecordNode
  | NamesNode
  | { readonly kind: "bits"; readonly base: AnyLayout; readonly width: number }
  | {
      readonly kind: "transform"
      readonly inner: AnyLayout
      readonly decode: (value: unknown) => Outcome
      readonly encode: (value: unknown) => Outcome
    }
  | { readonly kind: "ordered"; readonly inner: AnyLayout; readonly endian: Endian }
  | { readonly kind: "aligned"; readonly inner: AnyLayout; readonly alignment: number }
  | { readonly kind: "anonymous"; readonly inner: AnyLayout }
  | { readonly kind: "at"; readonly inner: AnyLayout; readonly offset: number; readonly bit: number }

/** A layout of any type. What follows from it under a data model is computed when first asked for, and kept. */
export interface AnyLayout {
  readonly node: Node
  readonly needs: Needs
  readonly shapes: WeakMap<DataModel, Shape>
  readonly decoders: WeakMap<DataModel, Decoder>
}

/** What is behind the types of a layout. */
export const layoutOf = (layout: Any): AnyLayout => layout as unknown as AnyLayout

/** The class behind every public `Layout`. */
export class LayoutImpl extends Pipeable.Class implements AnyLayout, Layout<never, never>, Readable {
  get [TypeId](): Layout<never, never>[typeof TypeId] {
    return variance
  }
  readonly node: Node
  readonly needs: Needs
  readonly shapes = new WeakMap<DataModel, Shape>()
  readonly decoders = new WeakMap<DataModel, Decoder>()
  constructor(node: Node, needs: Needs) {
    super()
    this.node = node
    this.needs = needs
  }
  "~get"(access: BytesAccess, address: bigint): unknown {
    return get(this, access, address)
  }
  toJSON(): unknown {
    return { _id: "Layout", type: typeName(this) }
  }
  override toString(): string {
    return `Layout(${typeName(this)})`
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

const variance: Layout<never, never>[typeof TypeId] = { _A: identity, _R: identity }
