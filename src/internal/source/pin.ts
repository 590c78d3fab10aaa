// Holding memory in place while something outside JavaScript reads or writes it: a native call on another thread, a
// read that the operating system has already taken. Whoever gives the memory back waits for those.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Open until closed, once and for all. Closing lets nobody in any more and waits for those inside. */
export class Gate {
  closed = false
  private inside = 0
  private readonly empty = Deferred.makeUnsafe<void>()

  /** False when closed; after true, {@link leave} must follow, exactly once. */
  enter(): boolean {
    if (this.closed) return false
    this.inside++
    return true
  }

  leave(): void {
    this.inside--
    if (this.closed && this.inside === 0) Deferred.doneUnsafe(this.empty, Exit.void)
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    return this.inside === 0 ? Effect.void : Deferred.await(this.empty)
  })
}

/** Memory held in place. `address` is where it lies, when that is known to be fixed. */
export interface Pin {
  readonly address: bigint | undefined
  /** To be called exactly once, when the native call has returned, not when its fiber was interrupted. */
  readonly release: () => void
}

interface Region {
  readonly gate: Gate
  readonly address: bigint
}

// On the buffer itself, and not in a table of this module: with two copies of the package, one searches what the other has
// mapped, and must hold it in place.
const RegionId = "~effect-memory-map/Region"

const unmanaged: Pin = { address: undefined, release: () => {} }

/** Makes every array over `buffer` pinnable; `address` is where the buffer begins. */
export const manage = (buffer: ArrayBufferLike, gate: Gate, address: bigint): void => {
  Object.defineProperty(buffer, RegionId, { value: { gate, address } satisfies Region })
}

/**
 * Keeps the memory behind `bytes` where it is until released. Ordinary memory is never given back while an array over
 * it is referenced, and needs no more than that: its pin does nothing. `undefined`: the memory is gone or about to go.
 *
 * Take `bytes` from `ByteSource.resident` in the same turn, and hand the native call either the array itself or
 * `address`.
 */
export const pin = (bytes: Uint8Array): Pin | undefined => {
  const region = (bytes.buffer as { readonly [RegionId]?: Region })[RegionId]
  if (region === undefined) return unmanaged
  return region.gate.enter()
    ? { address: region.address + BigInt(bytes.byteOffset), release: () => region.gate.leave() }
    : undefined
}

/**
 * Runs `use` with the memory behind `bytes` held in place; `undefined` when that is gone. The bytes are asked for, held,
 * used and let go in one piece that nothing interrupts: a pin that is lost between two steps keeps its file open for ever.
 */
export const pinned = <A, E, R>(
  bytes: () => Uint8Array | undefined,
  use: (bytes: Uint8Array, pin: Pin) => Effect.Effect<A, E, R>
): Effect.Effect<A | undefined, E, R> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      const memory = bytes()
      const held = memory === undefined ? undefined : pin(memory)
      if (memory === undefined || held === undefined) return Effect.undefined
      return Effect.ensuring(use(memory, held), Effect.sync(held.release))
    })
  )
