// The C library, called through koffi when it is installed. Nothing here is loaded before it is asked for.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** A C function. `async` runs it on a thread of the pool and calls back in the event loop. */
export interface NativeFunction {
  (...args: ReadonlyArray<unknown>): unknown
  readonly async: (...args: ReadonlyArray<unknown>) => void
}

// What is used of koffi. Its own types would make the optional dependency a required one for whoever compiles against us.
interface Koffi {
  readonly load: (path: null) => { readonly func: (definition: string) => NativeFunction }
  readonly view: (address: bigint, length: number) => ArrayBuffer
  readonly sizeof: (type: string) => number
  readonly errno: () => number
}

export interface Libc {
  /**
   * A function of the C library by its prototype, `"void *memmem(const void *h, size_t hl, const void *n, size_t nl)"`.
   * Pointers are passed as addresses (bigint) or typed arrays, and come back as addresses, or `null`. Throws when
   * there is no such function.
   */
  readonly func: (prototype: string) => NativeFunction
  /** The memory at an address as a buffer, without a copy. The caller sees to it that nobody uses it after it is gone. */
  readonly view: (address: bigint, length: number) => ArrayBuffer
  /** The error number of the last call. */
  readonly errno: () => number
}

/** Why there is no C library to call. */
export interface NoLibc {
  readonly why: string
  readonly cause?: unknown
}

const unavailable = (why: string, cause?: unknown): Effect.Effect<never, NoLibc> =>
  Effect.fail(cause === undefined ? { why } : { why, cause })

const failure =
  (why: string) =>
  (cause: unknown): NoLibc => ({ why, cause })

const load = Effect.gen(function* () {
  if (process.platform === "win32") return yield* unavailable("Windows has no C library that could be called for it")
  const module = yield* Effect.tryPromise({
    try: (): Promise<{ readonly default: Koffi }> => import("koffi"),
    catch: failure("koffi, which makes the native calls, cannot be loaded")
  })
  const koffi = module.default
  if (koffi.sizeof("void *") !== 8) return yield* unavailable("this is a 32-bit process")
  const library = yield* Effect.try({
    try: () => koffi.load(null),
    catch: failure("the C library cannot be loaded")
  })
  const functions = new Map<string, NativeFunction>()
  const func = (prototype: string): NativeFunction => {
    let found = functions.get(prototype)
    if (found === undefined) functions.set(prototype, (found = library.func(prototype)))
    return found
  }
  return { func, view: koffi.view, errno: koffi.errno } satisfies Libc
})

/**
 * The C library, or why it cannot be had. A service with a default, so that tests can take it away.
 */
export const Libc: Context.Reference<Effect.Effect<Libc, NoLibc>> = Context.Reference("effect-memory-map/node/Libc", {
  defaultValue: () => load
})
