// Lists in memory: records that each hold a pointer to the next.
//
// Memory is hostile or torn: a list may lead anywhere, in circles too, so every address that was gone to is remembered.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { LayoutError } from "../../MemoryMapError.ts"
import { AddressSet } from "../base/addressSet.ts"
import { checkCount } from "../base/arguments.ts"
import { breathe } from "../base/turns.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import { peek } from "../read/bytes.ts"
import { Problem } from "./decode.ts"
import type { AnyLayout } from "./model.ts"
import { typeName } from "./names.ts"
import { resolve, valueAt } from "./paths.ts"
import { PointerImpl } from "./pointer.ts"
import { pathIn, type Prepared, prepare, refused } from "./prepare.ts"
import { type LayoutReadError, readOne } from "./read.ts"

/** What a function may say of the next record: its address, a pointer, or that there is none. */
export type Next = bigint | { readonly address: bigint } | null | undefined

export interface ListOptions {
  readonly limit?: number | undefined
  readonly mask?: bigint | undefined
  readonly member?: string | undefined
  readonly end?: bigint | undefined
}

/** What becomes of a record and its address. */
export type Show<B> = (value: unknown, address: bigint) => B

/** Records that a list without a limit may have, and that one with may. */
const [DEFAULT_LIMIT, MOST] = [2 ** 20, 2 ** 26]

/** Records of one pull at most. */
const RECORDS_AT_ONCE = 4096

export const addressOf = (next: Next): bigint =>
  typeof next === "bigint" ? next : next === null || next === undefined ? 0n : next.address

/** How the pointer to the next record is had from the value of one. */
const nextOf = ({ layout, model }: Prepared, next: string | ((value: never) => Next)): ((value: unknown) => Next) => {
  if (typeof next === "function") return next as (value: unknown) => Next
  const place = resolve(layout, next, model)
  if (typeof place === "string") throw new TypeError(`Layout.list: ${place}`)
  const get = valueAt(next)
  return (value) => {
    const found = get(value)
    if (typeof found === "bigint" || found instanceof PointerImpl) return found
    if (typeof found === "number") return BigInt(found)
    throw new TypeError(`Layout.list: ${typeName(layout)}.${next} is no pointer`)
  }
}

const offsetOfMember = ({ layout, model }: Prepared, member: string | undefined): bigint => {
  if (member === undefined) return 0n
  const place = resolve(layout, member, model)
  if (typeof place === "string") throw new TypeError(`Layout.list: ${place}`)
  return BigInt(place.bit / 8)
}

type Step<B> = Pull.Pull<Arr.NonEmptyReadonlyArray<B>, LayoutReadError>

/** A walk along one list. */
class Walk<B> {
  private readonly map: MemoryMapImpl
  private readonly prepared: Prepared
  private readonly next: (value: unknown) => Next
  private readonly offset: bigint
  private readonly mask: bigint | undefined
  private readonly bits: number
  private readonly head: bigint
  private readonly end: bigint | undefined
  private readonly limit: number
  private readonly isLimited: boolean
  private readonly seen = new AddressSet()
  private readonly show: Show<B>
  private at: bigint
  private failed: LayoutReadError | undefined
  private isOver = false

  constructor(
    map: MemoryMapImpl,
    layout: AnyLayout,
    head: Next,
    next: string | ((value: never) => Next),
    options: ListOptions,
    show: Show<B>
  ) {
    const { end, limit, mask, member } = options
    if (limit !== undefined) checkCount("Layout.list", "the limit", limit, 0, MOST)
    this.map = map
    this.show = show
    this.prepared = prepare(layout, map, "list")
    this.next = nextOf(this.prepared, next)
    this.offset = offsetOfMember(this.prepared, member)
    this.bits = this.prepared.model.wordSize
    this.mask = mask === undefined ? undefined : BigInt.asUintN(this.bits, mask)
    this.limit = limit ?? DEFAULT_LIMIT
    this.isLimited = limit !== undefined
    this.at = this.masked(head)
    this.head = this.at
    this.end = end
    this.isOver = this.at === 0n || this.at === end
  }

  private masked(next: Next): bigint {
    const address = addressOf(next)
    return this.mask === undefined ? address : address & this.mask
  }

  private get record(): bigint {
    return this.offset === 0n ? this.at : BigInt.asUintN(this.bits, this.at - this.offset)
  }

  /** Whether the record at which the walk stands is to be read; if not, why the walk ends. */
  private isOpen(): boolean {
    if (this.isOver || this.failed !== undefined) return false
    const { at, prepared, seen } = this
    if (seen.size >= this.limit) {
      this.isOver = true
      if (!this.isLimited) {
        const why = `the list has not ended after ${this.limit} records; pass a limit to have more or fewer`
        this.failed = this.error("TooLong", why)
      }
      return false
    }
    if (!seen.add(at)) {
      this.failed = this.error(
        "Cycle",
        `the list of ${typeName(prepared.layout)} closes here, after ${seen.size} records`
      )
      return false
    }
    return true
  }

  private error(reason: "Cycle" | "TooLong", why: string): LayoutError {
    return new LayoutError({ reason, address: this.at, path: pathIn(this.prepared.layout, ""), why })
  }

  private take(found: Array<B>, value: unknown, address: bigint): void {
    found.push(this.show(value, address))
    this.at = this.masked(this.next(value))
    this.isOver = this.at === 0n || this.at === this.head || this.at === this.end
  }

  /** Records that lie in memory, as many as one pull gives. The one at which it stops was marked as gone to. */
  private takeResident(found: Array<B>): boolean {
    const { decoder, extent, little, size } = this.prepared
    while (found.length < RECORDS_AT_ONCE && this.isOpen()) {
      const address = this.record
      const value = extent === undefined ? peek(this.map, address, size, little, decoder.decode) : undefined
      if (value === undefined) return true
      if (value instanceof Problem) this.failed = refused(this.prepared, address, value)
      else this.take(found, value, address)
    }
    return false
  }

  private result(found: ReadonlyArray<B>): Step<B> {
    return Arr.isReadonlyArrayNonEmpty(found) ? Effect.succeed(found) : (this.failed ?? Cause.done())
  }

  readonly pull: Step<B> = Effect.suspend((): Step<B> => {
    const found: Array<B> = []
    if (!this.takeResident(found)) return this.result(found)
    return Effect.suspend(() =>
      Effect.match(readOne(this.map, this.prepared, "list", this.record), {
        onFailure: (error) => {
          this.failed = error
        },
        onSuccess: (value) => this.take(found, value, this.record)
      })
    ).pipe(Effect.flatMap(() => this.result(found)))
  })
}

export const list = <B>(
  map: MemoryMapImpl,
  layout: AnyLayout,
  head: Next,
  next: string | ((value: never) => Next),
  options: ListOptions | undefined,
  show: Show<B>
): Stream.Stream<B, LayoutReadError> =>
  Stream.fromPull(
    Effect.sync(() => {
      const walk = new Walk(map, layout, head, next, options ?? {}, show)
      return Effect.andThen(breathe, walk.pull)
    })
  )
