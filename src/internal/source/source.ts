// The kinds of ByteSource. Classes, so that every source of a kind has one hidden class and hot reads stay fast.
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { ByteSource } from "../../ByteSource.ts"
import { SourceError } from "../../MemoryMapError.ts"
import { bytesText } from "../base/numbers.ts"

export const TypeId = "~effect-memory-map/ByteSource"

/**
 * Tells the kinds apart that are treated in a way of their own. By this mark and not by class: a program may hold two
 * copies of this package, and sources of one come to the other.
 */
const KindId = "~effect-memory-map/ByteSource/Kind"

const isKind = (source: ByteSource, kind: "Zeros" | "Slice"): boolean =>
  (source as { readonly [KindId]?: unknown })[KindId] === kind

type Read = ByteSource["read"]

const truncated = (source: ByteSource, offset: bigint, length: number, why: string): SourceError =>
  new SourceError({ source: source.name, offset, length, reason: "Truncated", cause: new Error(why) })

/** Does `read` when what is asked for lies inside `source`. Maps ask for nothing else; others may. */
const inside = (source: ByteSource, offset: bigint, length: number, read: Read): ReturnType<Read> =>
  Effect.suspend(() =>
    offset >= 0n && length >= 0 && offset + BigInt(length) <= source.size
      ? read(offset, length)
      : truncated(source, offset, length, `it has only ${bytesText(source.size)}`)
  )

export class Bytes implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly resident: Uint8Array
  readonly size: bigint
  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.resident = bytes
    this.size = BigInt(bytes.length)
  }
  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return inside(this, offset, length, () => {
      const start = Number(offset)
      return Effect.succeed(this.resident.subarray(start, start + length))
    })
  }
}

/** Recognised by readers, the search and the writers: its bytes are known without reading them. */
export class Zeros implements ByteSource {
  readonly [TypeId] = TypeId
  readonly [KindId] = "Zeros"
  readonly name: string
  readonly size: bigint
  readonly resident = undefined
  constructor(name: string, size: bigint) {
    this.name = name
    this.size = size
  }
  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return inside(this, offset, length, () => Effect.succeed(new Uint8Array(length)))
  }
}

export class Custom implements ByteSource {
  readonly [TypeId] = TypeId
  readonly name: string
  readonly size: bigint
  readonly resident = undefined
  readonly volatile: boolean
  readonly readUnchecked: Read
  constructor(name: string, size: bigint, read: Read, volatile = false) {
    this.name = name
    this.size = size
    this.readUnchecked = read
    this.volatile = volatile
  }
  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return Effect.flatMap(inside(this, offset, length, this.readUnchecked), (bytes) =>
      bytes.length === length
        ? Effect.succeed(bytes)
        : truncated(this, offset, length, `its read function gave ${bytesText(bytes.length)}`)
    )
  }
}

/** A part of another source, never of another slice: slices of slices are flattened when made. */
class Slice implements ByteSource {
  readonly [TypeId] = TypeId
  readonly [KindId] = "Slice"
  readonly name: string
  readonly parent: ByteSource
  readonly offset: bigint
  readonly size: bigint
  private whole: Uint8Array | undefined = undefined
  private part: Uint8Array | undefined = undefined
  constructor(name: string, parent: ByteSource, offset: bigint, size: bigint) {
    this.name = name
    this.parent = parent
    this.offset = offset
    this.size = size
  }
  get volatile(): boolean {
    return this.parent.volatile === true
  }
  /** The parent decides, each time, whether its bytes may be touched; only the subarray is remembered. */
  get resident(): Uint8Array | undefined {
    const whole = this.parent.resident
    if (whole === undefined) return undefined
    if (whole !== this.whole) {
      const start = Number(this.offset)
      this.whole = whole
      this.part = whole.subarray(start, start + Number(this.size))
    }
    return this.part
  }
  read(offset: bigint, length: number): Effect.Effect<Uint8Array, SourceError> {
    return inside(this, offset, length, () => this.parent.read(this.offset + offset, length))
  }
}

const isSlice = (source: ByteSource): source is Slice => isKind(source, "Slice")

/** Unchecked: the caller has made sure that the slice lies inside `source`. */
export const slice = (source: ByteSource, offset: bigint, length: bigint, name: string = source.name): ByteSource =>
  isSlice(source)
    ? new Slice(name, source.parent, source.offset + offset, length)
    : new Slice(name, source, offset, length)

/** The bytes of `source` are all zero, and known to be without reading. */
export const isZeros = (source: ByteSource): boolean => isKind(isSlice(source) ? source.parent : source, "Zeros")

/** From these offsets on both hold the same bytes, known without reading: zeros, or one place of one source. */
export const isSame = (a: ByteSource, aOffset: bigint, b: ByteSource, bOffset: bigint): boolean => {
  const [x, y] = [origin(a, aOffset), origin(b, bOffset)]
  return (x.source === y.source && x.offset === y.offset) || (isZeros(a) && isZeros(b))
}

/** Looks through a slice. */
export const origin = (source: ByteSource, offset: bigint): { readonly source: ByteSource; readonly offset: bigint } =>
  isSlice(source) ? { source: source.parent, offset: source.offset + offset } : { source, offset }

/** The Scope of the file behind `source` has ended. Sources that are not files of this package never say so. */
export const isClosed = (source: ByteSource): boolean => {
  const file = origin(source, 0n).source
  return Predicate.hasProperty(file, "isClosed") && file.isClosed === true
}
