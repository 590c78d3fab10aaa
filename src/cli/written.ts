// Addresses as people write them: numbers, or symbols of the Linux whose memory is looked at.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as AddressRange from "../AddressRange.ts"
import { parseNumber } from "../internal/base/numbers.ts"
import * as Symbols from "../linux/Symbols.ts"
import { Refused } from "./errors.ts"

type Parse<A> = (text: string, symbols: Symbols.Symbols | undefined) => Result.Result<A, string>

/**
 * What stands for an address or a range. `known` is its value, if no symbols are needed for it; `why` is why it has none
 * without them.
 */
export interface Written<out A> {
  readonly known: A | undefined
  readonly why: string
  readonly withSymbols: (symbols: Symbols.Symbols) => Result.Result<A, string>
}

/** A start, and an end if a range was given. */
export interface Place {
  readonly start: bigint
  readonly end?: bigint
}

const isName = (text: string): boolean => /^\s*[A-Za-z_$]/.test(text)

/** Whether symbols could help where a text is no number. */
const namesSymbol = (text: string): boolean => text.split("..").some(isName)

/** `0x1000`, `init_task`, `init_task+0x10`. */
const address: Parse<bigint> = (text, symbols) =>
  symbols !== undefined && isName(text)
    ? Symbols.parse(symbols, text)
    : Result.mapError(AddressRange.parseAddress(text), ({ why }) => why)

/** `A..B`, and `A+N` with the last `+` before the size, so that `A` may be a symbol and a distance. */
const range: Parse<AddressRange.AddressRange> = (text, symbols) => {
  if (symbols === undefined || !namesSymbol(text)) return Result.mapError(AddressRange.parse(text), ({ why }) => why)
  const [, from = "", to] = /^(.+?)\.\.(.+)$/.exec(text) ?? []
  const [, start = from, size] = to === undefined ? (/^(.+)\+([^+]+)$/.exec(text) ?? []) : []
  if (start === "") return Result.fail(`"${text}" is not a range: write A..B (B excluded) or A+N (N bytes)`)
  return Result.flatMap(address(start, symbols), (start) => {
    const end = to === undefined ? Result.map(parseNumber(size ?? ""), (size) => start + size) : address(to, symbols)
    return Result.flatMap(end, (end) => {
      if (end < start) return Result.fail(`"${text}" ends before it starts`)
      const found = { start, end }
      return AddressRange.isValid(found)
        ? Result.succeed(found)
        : Result.fail(`"${text}" reaches past the end of the address space, 2^64`)
    })
  })
}

/** An address or a range. `A+N` is a range for symbols too. */
const place: Parse<Place> = (text, symbols) => {
  const isRange = namesSymbol(text) ? /.(\.\.|\+)/ : /.(\.\.|[+-])/
  return isRange.test(text) ? range(text, symbols) : Result.map(address(text, symbols), (start): Place => ({ start }))
}

const written =
  <A>(name: string, parse: Parse<A>) =>
  (text: string): Result.Result<Written<A>, string> =>
    Result.match(parse(text, undefined), {
      onSuccess: (known): Result.Result<Written<A>, string> =>
        Result.succeed({ known, why: "", withSymbols: () => Result.succeed(known) }),
      onFailure: (why) =>
        namesSymbol(text)
          ? Result.succeed({
              known: undefined,
              why: `${name}: ${why}`,
              withSymbols: (symbols) => Result.mapError(parse(text, symbols), (why) => `${name}: ${why}`)
            })
          : Result.fail(why)
    })

export const writtenAddress = (name: string) => written(name, address)
export const writtenRange = (name: string) => written(name, range)
export const writtenPlace = (name: string) => written(name, place)

/** The value of what needs no symbols; the rest is refused. */
export const withoutSymbols = <A>({ known, why }: Written<A>): Effect.Effect<A, Refused> =>
  known === undefined ? Effect.fail(new Refused({ message: why })) : Effect.succeed(known)
