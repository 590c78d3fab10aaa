// The bitmaps of a dump: which page frames were memory, and which of them are in the file. Read block by block, into runs.

/** A run of page frames of one state. */
export interface FrameRun {
  readonly state: "dumped" | "excluded"
  readonly start: bigint
  readonly end: bigint
}

const HOLE = 0
const EXCLUDED = 1
const DUMPED = 2

/** Takes the bytes of both bitmaps in order, and keeps the runs. */
export class Frames {
  readonly runs: Array<FrameRun> = []
  dumped = 0n
  private frame = 0n
  private state = HOLE
  private start = 0n
  private readonly limit: bigint

  /** Bits from `limit` on mean nothing. */
  constructor(limit: bigint) {
    this.limit = limit
  }

  /** Bit n of byte k is frame 8k + n. `memory` tells frames that exist, `dumped` those in the file. */
  push(memory: Uint8Array, dumped: Uint8Array): void {
    for (let i = 0; i < dumped.length; i++) {
      const has = dumped[i]!
      const is = memory[i]! | has
      const whole = has === 0xff ? DUMPED : has === 0 && is === 0xff ? EXCLUDED : is === 0 ? HOLE : -1
      if (whole === this.state) continue
      const base = this.frame + BigInt(8 * i)
      if (whole >= 0) this.change(base, whole)
      else {
        for (let bit = 0; bit < 8; bit++) {
          const state = ((has >> bit) & 1) !== 0 ? DUMPED : ((is >> bit) & 1) !== 0 ? EXCLUDED : HOLE
          if (state !== this.state) this.change(base + BigInt(bit), state)
        }
      }
    }
    this.frame += BigInt(8 * dumped.length)
  }

  end(): void {
    this.change(this.limit, HOLE)
  }

  private change(at: bigint, state: number): void {
    const end = at < this.limit ? at : this.limit
    if (this.state !== HOLE && end > this.start) {
      if (this.state === DUMPED) this.dumped += end - this.start
      this.runs.push({ state: this.state === DUMPED ? "dumped" : "excluded", start: this.start, end })
    }
    this.state = state
    this.start = at
  }
}
