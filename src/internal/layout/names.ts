// Types as C text. A declaration in C is written around its name: `struct task *next`, `char comm[16]`.
import type { AnyLayout } from "./model.ts"
import { cNameOf } from "./scalars.ts"

/** The two columns of a declaration: `struct task *` and `next`. */
export interface Declaration {
  readonly type: string
  readonly name: string
}

/** Pointers to pointers, and types that contain each other, end here. */
const DEEPEST = 16

export const declare = (layout: AnyLayout, name: string, depth = 0): Declaration => {
  const { node } = layout
  switch (node.kind) {
    case "scalar":
      return { type: cNameOf(node.name), name }
    case "pointer": {
      if (depth > DEEPEST) return { type: "void *", name }
      const target = declare(node.target(), "", depth + 1)
      if (target.name.startsWith("[")) return { type: target.type, name: `(*${name})${target.name}` }
      if (target.name !== "") return { type: target.type, name: target.name.replace("(*", `(**${name}`) }
      return { type: target.type.endsWith("*") ? `${target.type}*` : `${target.type} *`, name }
    }
    case "bytes":
      return { type: "unsigned char", name: `${name}[${node.length}]` }
    case "cString":
      return { type: "char", name: `${name}[${node.length}]` }
    case "array":
      return declare(node.element, `${name}[${node.length}]`, depth)
    case "flexible":
      return declare(node.element, `${name}[]`, depth)
    case "struct":
    case "union":
      return { type: `${node.kind} ${node.name === "" ? "{...}" : node.name}`, name }
    case "bits":
      return declare(node.base, `${name}:${node.width}`, depth)
    case "enumeration":
      return { type: node.name === undefined ? declare(node.base, "", depth).type : `enum ${node.name}`, name }
    case "flags":
      return declare(node.base, name, depth)
    case "aligned":
    case "anonymous":
    case "at":
    case "ordered":
    case "transform":
      return declare(node.inner, name, depth)
  }
}

/** `struct task *`, `char [16]`: without a name. */
export const typeName = (layout: AnyLayout): string => {
  const { name, type } = declare(layout, "")
  return name === "" ? type : `${type} ${name}`
}

/** The name of a struct or union, for paths of its members; of other types none. */
export const recordName = ({ node }: AnyLayout): string =>
  node.kind === "struct" || node.kind === "union" ? node.name : "inner" in node ? recordName(node.inner) : ""
